//! Numbers and names that identify things.

use std::{fmt, str::FromStr};

use minicbor::{Decode, Encode};
use percent_encoding::{AsciiSet, utf8_percent_encode};
use uuid::Uuid;

use super::{ExternalId, SourceName};

/// The first number that Plaudit issues: above any microsecond timestamp that others use as an id.
pub const FIRST_ID: u64 = 5_000_000_000_000_001;
/// The last number that Plaudit issues: JSON callers read numbers as doubles, which are exact up to here.
pub const LAST_ID: u64 = (1 << 53) - 1;

/// Whether an external id reads as a number of ours, or beyond them. Where callers know conversations by number, such
/// an external id could never be reached: the number means the conversation that has it.
pub fn reads_as_ours(external_id: &str) -> bool {
    let is_canonical = external_id.bytes().all(|byte| byte.is_ascii_digit()) && !external_id.starts_with('0');
    let parsed = external_id.parse::<u64>();
    // A number that does not fit in 64 bits is beyond all of them.
    is_canonical && !external_id.is_empty() && parsed.map_or(true, |number| number >= FIRST_ID)
}

/// The rule broken by an external id that [`reads_as_ours`].
pub fn ours_rule(external_id: &str) -> String {
    format!(
        "must be below {FIRST_ID} in a source whose conversations are known by numbers (enneo.source, dixa.source), since \
         Plaudit gives those from there on itself, is {external_id}"
    )
}

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

numeric_id!(
    /// A conversation's number.
    ConversationId
);
numeric_id!(
    /// A message's number; later messages of a conversation have higher ones.
    MessageId
);
numeric_id!(
    /// An attachment's number.
    AttachmentId
);
numeric_id!(
    /// An assessment's number.
    AssessmentId
);
numeric_id!(
    /// A rating's number; later offers have higher ones. Callers know ratings by UUID.
    RatingId
);
numeric_id!(
    /// The number of a person or AI agent in the directory.
    PersonId
);
numeric_id!(
    /// The number of a team in the directory.
    TeamId
);

/// The characters that are encoded in a name: all but letters, digits, `-`, `.`, `_` and `~` (RFC 3986, unreserved).
pub(super) const RESERVED: &AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a caller names a conversation: by our number or by `(source, external id)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConversationRef {
    Id(ConversationId),
    External { source: SourceName, external_id: ExternalId },
}

impl ConversationRef {
    /// Why nothing can be stored under this name, if so. `numeric_sources` are those whose conversations callers know
    /// by number.
    pub fn refusal(&self, numeric_sources: &[&str]) -> Option<String> {
        let Self::External { source, external_id } = self else { return None };
        let is_refused = numeric_sources.contains(&source.as_str()) && reads_as_ours(external_id);
        is_refused.then(|| ours_rule(external_id))
    }
}

/// As in a resource name: both parts percent-encoded, so that no two conversations share a name.
impl fmt::Display for ConversationRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::External { source, external_id } => {
                let encoded = |part| utf8_percent_encode(part, RESERVED);
                write!(f, "{}:{}", encoded(source), encoded(external_id))
            }
        }
    }
}

/// How a caller names a rating: by its conversation and the UUID returned by the offer.
///
/// The UUID is derived from the rating's number with the store's secret, so it is not stored and cannot be guessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatingRef {
    pub conversation: ConversationRef,
    pub uuid: Uuid,
}

impl RatingRef {
    /// Parses 36 characters with hyphens, in upper or lower case.
    pub fn parse_uuid(text: &str) -> Option<Uuid> {
        // The parser itself also accepts braces, URNs and missing hyphens, but a rating has only one name.
        Uuid::try_parse(text).ok().filter(|uuid| uuid.to_string().eq_ignore_ascii_case(text))
    }
}

/// As in a resource name.
impl fmt::Display for RatingRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "conversations/{}/ratings/{}", self.conversation, self.uuid)
    }
}

/// The 24 characters that an import returns: lower-case letters and digits, starting with a letter.
///
/// It is derived from the conversation's number with the store's secret (`store::receipt`), so it is not stored and
/// cannot be guessed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt(String);

impl Receipt {
    pub const LENGTH: usize = 24;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Receipt {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shaped = text.len() == Self::LENGTH
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if shaped {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be 24 lower-case letters and digits, a letter first")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canonical_decimal_from_our_first_number_on_reads_as_ours() {
        for ours in
            ["5000000000000001", "9007199254740993", "18446744073709551615", "99999999999999999999999999"]
        {
            assert!(reads_as_ours(ours), "{ours}");
        }
        let others = ["", "0", "8821", "5000000000000000", "05000000000000001", "5000000000000001a"];
        for other in others.into_iter().chain(["+5000000000000001", " 5000000000000001", "5e15", "٥٠٠٠"])
        {
            assert!(!reads_as_ours(other), "{other}");
        }
    }
}
