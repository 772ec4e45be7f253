//! Who takes part in conversations: teammates, AI agents, customers.

mod author;
mod team;

use std::fmt;

use minicbor::{Decode, Encode};
use percent_encoding::utf8_percent_encode;

use super::{ConversationId, PersonId, TeamId, UnixMillis, Violations, ids::RESERVED};

pub use author::{Author, AuthorKind};
pub use team::{NewTeam, Team, TeamIdentity, TeamPatch, TeamRef};

/// One entry of the directory. It is made when somebody is first seen, and people may say more of them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Person {
    #[n(0)]
    pub id: PersonId,
    #[n(1)]
    pub identity: PersonIdentity,
    /// What they are called: as they were first seen, until somebody says otherwise.
    #[n(2)]
    pub display_name: String,
    #[n(3)]
    pub description: String,
    #[n(4)]
    pub email: String,
    /// The teams that they are in, each once.
    #[n(5)]
    pub teams: Vec<TeamId>,
    /// Grows by one with every change.
    #[n(6)]
    pub version: u64,
    #[n(7)]
    pub create_time: UnixMillis,
    #[n(8)]
    pub update_time: UnixMillis,
}

/// What tells one person from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct PersonIdentity {
    #[n(0)]
    pub source: String,
    #[n(1)]
    pub kind: AuthorKind,
    #[n(2)]
    pub known_by: KnownBy,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum KnownBy {
    #[n(0)]
    ExternalId(#[n(0)] String),
    /// An agent without an external id. Empty: one whom nobody named.
    #[n(1)]
    Name(#[n(0)] String),
    /// A customer without an external id: two of the same name are the same only within one conversation.
    #[n(2)]
    NameIn {
        #[n(0)]
        conversation: ConversationId,
        #[n(1)]
        name: String,
    },
}

impl PersonIdentity {
    /// Whom an author of a conversation of this source means. Authors that are the same
    /// ([`Author::is_same_as`]) are one person.
    pub fn of(source: &str, conversation: ConversationId, author: &Author) -> Self {
        let name = || author.name.clone().unwrap_or_default();
        let known_by = match (&author.external_id, author.kind) {
            (Some(external_id), _) => KnownBy::ExternalId(external_id.clone()),
            (None, AuthorKind::Contact) => KnownBy::NameIn { conversation, name: name() },
            (None, AuthorKind::Ai | AuthorKind::Teammate) => KnownBy::Name(name()),
        };
        Self { source: source.to_owned(), kind: author.kind, known_by }
    }

    /// The number that somebody of a source with numeric ids brings along: an external id that is a canonical decimal
    /// below every number of ours.
    pub fn own_number(&self) -> Option<u64> {
        let KnownBy::ExternalId(external_id) = &self.known_by else { return None };
        let number: u64 = external_id.parse().ok()?;
        (number < Self::FIRST_TAKEN && number.to_string() == *external_id).then_some(number)
    }

    /// From here on a number is one of ours, whoever says it.
    pub const FIRST_TAKEN: u64 = 5_000_000_000_000_000;

    /// How they are called until somebody says otherwise.
    fn first_name(&self, author_name: Option<&str>) -> String {
        match &self.known_by {
            KnownBy::ExternalId(_) => author_name.unwrap_or_default().to_owned(),
            KnownBy::Name(name) | KnownBy::NameIn { name, .. } => name.clone(),
        }
    }
}

/// How a caller names a person: by our number, or by what the source calls them.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub enum PersonRef {
    #[n(0)]
    Id(#[n(0)] PersonId),
    #[n(1)]
    Identity(#[n(0)] PersonIdentity),
    /// A customer without an external id, by the conversation in which they are known.
    #[n(2)]
    InConversation(#[n(0)] CustomerByName),
}

/// Which customer of which conversation is meant, by what the source calls both.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct CustomerByName {
    #[n(0)]
    pub source: String,
    /// The conversation's.
    #[n(1)]
    pub external_id: String,
    /// Empty: one whom nobody named.
    #[n(2)]
    pub name: String,
}

impl CustomerByName {
    /// Who that is, once the conversation is found.
    pub fn identity(&self, conversation: ConversationId) -> PersonIdentity {
        let known_by = KnownBy::NameIn { conversation, name: self.name.clone() };
        PersonIdentity { source: self.source.clone(), kind: AuthorKind::Contact, known_by }
    }
}

/// As it stands in a resource name. The identity of a customer without an external id does not say by which the source knows the
/// conversation; there the name alone stands for it.
impl fmt::Display for PersonRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = |part| utf8_percent_encode(part, RESERVED);
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Identity(PersonIdentity { source, kind, known_by }) => {
                let (mark, id) = match known_by {
                    KnownBy::ExternalId(id) => ("", id),
                    KnownBy::Name(name) | KnownBy::NameIn { name, .. } => ("name=", name),
                };
                write!(f, "{}:{}:{mark}{}", encoded(source), kind.as_str(), encoded(id))
            }
            Self::InConversation(CustomerByName { source, external_id, name }) => {
                let kind = AuthorKind::Contact.as_str();
                write!(f, "{}:{kind}:name={}:in={}", encoded(source), encoded(name), encoded(external_id))
            }
        }
    }
}

/// How long what is said of people and teams may be, in bytes of UTF-8.
pub struct PersonLimits;

impl PersonLimits {
    pub const NAME_BYTES: usize = 512;
    pub const DESCRIPTION_BYTES: usize = 4 * 1024;
    /// RFC 5321: a path has at most 256 octets, two of which are its angle brackets.
    pub const EMAIL_BYTES: usize = 254;
    pub const TEAMS: usize = 100;
}

/// What is to be said of a person from now on; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct PersonPatch {
    #[n(0)]
    pub display_name: Option<String>,
    #[n(1)]
    pub description: Option<String>,
    #[n(2)]
    pub email: Option<String>,
    #[n(3)]
    pub teams: Option<Vec<TeamRef>>,
}

impl PersonPatch {
    /// Notes every rule that it breaks.
    pub fn check(&self, violations: &mut Violations) {
        check_name(violations, self.display_name.as_deref());
        check_description(violations, self.description.as_deref());
        if let Some(email) = self.email.as_deref().filter(|email| !email.is_empty()) {
            check_email(violations, email);
        }
        let teams = self.teams.as_ref().map_or(0, Vec::len);
        if teams > PersonLimits::TEAMS {
            let most = PersonLimits::TEAMS;
            violations.add("teams", format!("must be at most {most}, are {teams}"));
        }
    }
}

fn check_name(violations: &mut Violations, name: Option<&str>) {
    let Some(name) = name else { return };
    if name.len() > PersonLimits::NAME_BYTES {
        let most = PersonLimits::NAME_BYTES;
        violations.add("display_name", format!("must be at most {most} bytes long, is {}", name.len()));
    } else if let Some(control) = name.chars().find(|character| character.is_control()) {
        let rule = format!("must not contain control characters, contains {control:?}");
        violations.add("display_name", rule);
    }
}

fn check_description(violations: &mut Violations, description: Option<&str>) {
    let bytes = description.map_or(0, str::len);
    if bytes > PersonLimits::DESCRIPTION_BYTES {
        let most = PersonLimits::DESCRIPTION_BYTES;
        violations.add("description", format!("must be at most {most} bytes long, is {bytes}"));
    }
}

/// Only what cannot be an address is refused: whether mail arrives is not for a directory to say.
fn check_email(violations: &mut Violations, email: &str) {
    let is_address =
        email.rsplit_once('@').is_some_and(|(mailbox, host)| !mailbox.is_empty() && !host.is_empty());
    if email.len() > PersonLimits::EMAIL_BYTES {
        let most = PersonLimits::EMAIL_BYTES;
        violations.add("email", format!("must be at most {most} bytes long, is {}", email.len()));
    } else if !is_address || email.chars().any(|character| character.is_control() || character == ' ') {
        violations.add("email", format!("must be an address like ada@example.org, is {email:?}"));
    }
}

impl Person {
    /// Somebody who is seen for the first time, under the name that they were seen with.
    pub fn first_seen(
        id: PersonId,
        identity: PersonIdentity,
        author_name: Option<&str>,
        now: UnixMillis,
    ) -> Self {
        Self {
            id,
            display_name: identity.first_name(author_name),
            identity,
            description: String::new(),
            email: String::new(),
            teams: Vec::new(),
            version: 1,
            create_time: now,
            update_time: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONVERSATION: ConversationId = ConversationId(5_000_000_000_000_001);

    fn author(kind: AuthorKind, external_id: Option<&str>, name: Option<&str>) -> Author {
        Author { kind, external_id: external_id.map(str::to_owned), name: name.map(str::to_owned) }
    }

    #[test]
    fn an_external_id_counts_before_the_name() {
        let of = |name| {
            PersonIdentity::of("enneo", CONVERSATION, &author(AuthorKind::Teammate, Some("23"), Some(name)))
        };
        assert_eq!(of("Tom"), of("Tim"));
    }

    #[test]
    fn a_customer_without_an_id_is_known_within_the_conversation_and_an_agent_everywhere() {
        let of = |kind, conversation| PersonIdentity::of("x", conversation, &author(kind, None, Some("Jo")));
        let other = ConversationId(CONVERSATION.0 + 1);
        assert_ne!(of(AuthorKind::Contact, CONVERSATION), of(AuthorKind::Contact, other));
        assert_eq!(of(AuthorKind::Teammate, CONVERSATION), of(AuthorKind::Teammate, other));
        assert_ne!(of(AuthorKind::Teammate, CONVERSATION), of(AuthorKind::Ai, CONVERSATION));
    }

    #[test]
    fn only_a_canonical_decimal_below_our_numbers_is_a_number_of_their_own() {
        for (external_id, number) in [
            ("23", Some(23)),
            ("0", Some(0)),
            ("4999999999999999", Some(4_999_999_999_999_999)),
            ("5000000000000000", None),
            ("023", None),
            ("+23", None),
            ("-1", None),
            ("23 ", None),
            ("", None),
            ("tea_1", None),
            ("99999999999999999999999", None),
        ] {
            let of = author(AuthorKind::Teammate, Some(external_id), None);
            assert_eq!(PersonIdentity::of("enneo", CONVERSATION, &of).own_number(), number, "{external_id}");
        }
        let by_name = author(AuthorKind::Teammate, None, Some("23"));
        assert_eq!(PersonIdentity::of("enneo", CONVERSATION, &by_name).own_number(), None);
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        let refused = |email: &str| {
            let mut violations = Violations::default();
            PersonPatch { email: Some(email.to_owned()), ..PersonPatch::default() }.check(&mut violations);
            !violations.is_empty()
        };
        for email in ["", "ada@example.org", "\"a@b\"@example.org", "ü@ö.example"] {
            assert!(!refused(email), "{email}");
        }
        for email in ["ada", "@", "ada@", "@example.org", "a b@example.org", "a@b\n"] {
            assert!(refused(email), "{email}");
        }
        assert!(refused(&format!("{}@example.org", "a".repeat(300))));
    }

    fn any_author() -> impl Strategy<Value = Author> {
        let kind = prop::sample::select(vec![AuthorKind::Contact, AuthorKind::Ai, AuthorKind::Teammate]);
        let text = || prop::option::of("[ab]{1,2}");
        (kind, text(), text()).prop_map(|(kind, external_id, name)| Author { kind, external_id, name })
    }

    proptest! {
        #[test]
        fn authors_of_a_conversation_are_one_person_exactly_when_they_are_the_same(a in any_author(), b in any_author()) {
            let identity = |author| PersonIdentity::of("x", CONVERSATION, author);
            prop_assert_eq!(identity(&a) == identity(&b), a.is_same_as(&b));
        }
    }
}
