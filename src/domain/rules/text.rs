//! Text types that cannot hold an invalid value.

use std::{fmt, ops::Deref, str::FromStr};

use minicbor::{Decode, Decoder, Encode, decode};

use super::{Broken, bytes, limits, one_line};

/// A text whose length is within `$bytes` and that has no control characters.
///
/// It is stored as plain text. Values that an earlier build stored against the rule are mended when they are read, so
/// that every reader of a record, and every export, gets valid text.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $bytes:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Result<Self, Broken> {
                let text = text.into();
                Self::check(&text)?;
                Ok(Self(text))
            }

            fn check(text: &str) -> Result<(), Broken> {
                bytes(text, $bytes)?;
                one_line(text)
            }

            /// A text that callers may omit: empty is absent.
            pub fn optional(text: Option<String>) -> Result<Option<Self>, Broken> {
                let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
                bytes(&text, 0..=$bytes.into_inner().1)?;
                Self::new(text).map(Some)
            }

            /// The nearest valid text.
            pub fn mended(text: impl Into<String>) -> Self {
                let text = text.into();
                Self(if Self::check(&text).is_ok() { text } else { mended(&text, $bytes.into_inner()) })
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        // As messages quote it: without the type name.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Broken;

            fn from_str(text: &str) -> Result<Self, Broken> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<String> for $name {
            fn eq(&self, other: &String) -> bool {
                self.0 == *other
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                Ok(Self::mended(d.str()?))
            }
        }
    };
}

checked_text!(
    /// A source's id for a conversation, message, person or team.
    ExternalId,
    1..=limits::EXTERNAL_ID_BYTES
);
checked_text!(
    /// The namespace of external ids: `zendesk`, `custom`, …
    SourceName,
    1..=limits::SOURCE_BYTES
);
checked_text!(
    /// A label of a conversation.
    Tag,
    1..=limits::TAG_BYTES
);
checked_text!(
    /// The name of a person or team in the directory; empty if nobody named them.
    DisplayName,
    0..=limits::NAME_BYTES
);

impl ExternalId {
    pub fn of_number(number: impl fmt::Display) -> Self {
        Self(number.to_string())
    }

    /// An id derived from another field: characters that an id must not have are removed, since mail programs may have
    /// folded the text into lines. `None` if nothing is left.
    pub fn unfolded(text: &str) -> Option<Self> {
        let text = text.replace(char::is_control, "");
        (!text.is_empty()).then(|| Self::mended(text))
    }

    /// What [`Self::mended`] may have made this from: control pictures are turned back into control characters. `None`
    /// without pictures.
    pub fn before_mending(&self) -> Option<String> {
        // No picture is ASCII.
        if self.0.is_ascii() {
            return None;
        }
        let control = |character: char| match character {
            '\u{2400}'..='\u{241f}' => char::from_u32(u32::from(character) - 0x2400).unwrap_or(character),
            '\u{2421}' => '\u{7f}',
            other => other,
        };
        let text: String = self.0.chars().map(control).collect();
        (text != self.0).then_some(text)
    }

    /// Like [`Self::optional`], for stored values.
    pub fn decode_optional<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Option<Self>, decode::Error> {
        let text: Option<&str> = Decode::decode(d, ctx)?;
        Ok(text.filter(|text| !text.is_empty()).map(Self::mended))
    }
}

impl From<ExternalId> for DisplayName {
    fn from(id: ExternalId) -> Self {
        Self(id.0)
    }
}

impl SourceName {
    /// For input that does not name its source.
    pub fn custom() -> Self {
        Self("custom".to_owned())
    }
}

/// Replaces each control character by its picture, so that texts that differ by one still differ, and truncates.
fn mended(text: &str, (least, most): (usize, usize)) -> String {
    let mut kept = String::with_capacity(text.len());
    for character in text.chars() {
        let character = match u32::from(character) {
            code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or(char::REPLACEMENT_CHARACTER),
            0x7F => '\u{2421}',
            0x80..0xA0 => char::REPLACEMENT_CHARACTER,
            _ => character,
        };
        if kept.len() + character.len_utf8() > most {
            break;
        }
        kept.push(character);
    }
    if kept.len() < least { "-".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_long_or_multi_line_id_is_refused() {
        assert_eq!(ExternalId::new("").unwrap_err(), "must be 1 to 512 bytes long, is 0");
        assert_eq!(ExternalId::new("x".repeat(513)).unwrap_err(), "must be 1 to 512 bytes long, is 513");
        let two_lines = ExternalId::new("2\n3").unwrap_err();
        assert_eq!(two_lines, "must not contain control characters, contains '\\n'");
        assert_eq!(ExternalId::optional(Some(String::new())), Ok(None));
    }

    fn stored<T: for<'b> Decode<'b, ()>>(text: &str) -> T {
        minicbor::decode(&minicbor::to_vec(text).unwrap()).unwrap()
    }

    #[test]
    fn invalid_stored_text_is_mended_and_stays_distinct() {
        assert_eq!(stored::<ExternalId>("2\n3").as_str(), "2␊3");
        assert_ne!(stored::<ExternalId>("2\n3"), stored::<ExternalId>("2\r3"));
        assert_eq!(stored::<ExternalId>("").as_str(), "-");
        assert_eq!(stored::<DisplayName>("").as_str(), "");
        assert_eq!(stored::<Tag>(&"é".repeat(100)).len(), 128);
    }

    #[test]
    fn the_id_before_mending_follows_from_its_control_pictures() {
        let before = "a\0b\n\u{1f}\u{7f}";
        assert_eq!(ExternalId::mended(before).before_mending().as_deref(), Some(before));
        assert_eq!(ExternalId::mended("c1").before_mending(), None);
    }

    proptest! {
        #[test]
        fn any_stored_text_is_valid_once_it_is_read(text in "[\\PC\0-\u{a0}]{0,600}") {
            let read: ExternalId = stored(&text);
            prop_assert_eq!(ExternalId::new(read.as_str()), Ok(read.clone()));
            if let Ok(id) = ExternalId::new(text.as_str()) {
                prop_assert_eq!(read, id);
            }
        }
    }
}
