//! Who takes part in conversations: teammates, AI agents, customers.

mod author;
mod team;

use std::fmt;

use minicbor::{Decode, Encode};
use percent_encoding::utf8_percent_encode;

use super::{
    ConversationId, DisplayName, ExternalId, PersonId, SourceName, TeamId, UnixMillis, Violations, Words,
    ids::RESERVED, limits, rules,
};

pub use author::{Author, AuthorDraft, AuthorKind, PartialAuthor, Side, check_side};
pub use team::{NewTeam, Team, TeamDraft, TeamIdentity, TeamRef, TeamUpdate, TeamUpdateDraft};

/// One entry of the directory. It is created when somebody is first seen; callers may add to it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Person {
    #[n(0)]
    pub id: PersonId,
    #[n(1)]
    pub identity: PersonIdentity,
    /// Their name: the one they were first seen with, until somebody changes it.
    #[n(2)]
    pub display_name: DisplayName,
    #[n(3)]
    pub description: String,
    #[n(4)]
    pub email: String,
    /// The teams they belong to, without duplicates.
    #[n(5)]
    pub teams: Vec<TeamId>,
    /// Incremented with every change.
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
    pub source: SourceName,
    #[n(1)]
    pub kind: AuthorKind,
    #[n(2)]
    pub known_by: KnownBy,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum KnownBy {
    #[n(0)]
    ExternalId(#[n(0)] ExternalId),
    /// An agent without an external id. Empty: an unnamed one.
    #[n(1)]
    Name(#[n(0)] String),
    /// A customer without an external id: two with the same name are the same person only within one conversation.
    #[n(2)]
    NameIn {
        #[n(0)]
        conversation: ConversationId,
        #[n(1)]
        name: String,
    },
}

impl PersonIdentity {
    /// The person meant by an author of a conversation of this source. Authors that are the same
    /// ([`Author::is_same_as`]) are one person.
    pub fn of(source: &SourceName, conversation: ConversationId, author: &Author) -> Self {
        let name = || author.name.clone().unwrap_or_default();
        let known_by = match (&author.external_id, author.kind) {
            (Some(external_id), _) => KnownBy::ExternalId(external_id.clone()),
            (None, AuthorKind::Contact) => KnownBy::NameIn { conversation, name: name() },
            (None, AuthorKind::Ai | AuthorKind::Teammate) => KnownBy::Name(name()),
        };
        Self { source: source.clone(), kind: author.kind, known_by }
    }

    /// The number that somebody from a source with numeric ids keeps: an external id that is a canonical decimal below
    /// every number of ours.
    pub fn own_number(&self) -> Option<u64> {
        let KnownBy::ExternalId(external_id) = &self.known_by else { return None };
        let number: u64 = external_id.parse().ok()?;
        (number < Self::FIRST_TAKEN && number.to_string() == external_id.as_str()).then_some(number)
    }

    /// From here on a number is one of ours, whoever sends it.
    pub const FIRST_TAKEN: u64 = 5_000_000_000_000_000;

    /// Their name until somebody changes it.
    fn first_name(&self, author_name: Option<&str>) -> DisplayName {
        // An author's name may span several lines.
        DisplayName::mended(match &self.known_by {
            KnownBy::ExternalId(_) => author_name.unwrap_or_default(),
            KnownBy::Name(name) | KnownBy::NameIn { name, .. } => name,
        })
    }
}

/// How a caller names a person: by our number, or by what the source calls them.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub enum PersonRef {
    #[n(0)]
    Id(#[n(0)] PersonId),
    #[n(1)]
    Identity(#[n(0)] PersonIdentity),
    /// A customer without an external id, by the conversation in which they appear.
    #[n(2)]
    InConversation(#[n(0)] CustomerByName),
}

/// A customer within a conversation, by the source's names for both.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct CustomerByName {
    #[n(0)]
    pub source: SourceName,
    /// The conversation's.
    #[n(1)]
    pub external_id: ExternalId,
    /// Empty: an unnamed one.
    #[n(2)]
    pub name: String,
}

impl CustomerByName {
    /// Their identity, once the conversation is found.
    pub fn identity(&self, conversation: ConversationId) -> PersonIdentity {
        let known_by = KnownBy::NameIn { conversation, name: self.name.clone() };
        PersonIdentity { source: self.source.clone(), kind: AuthorKind::Contact, known_by }
    }
}

/// As in a resource name. The identity of a customer without an external id does not hold the conversation's external
/// id, so only the name appears.
impl fmt::Display for PersonRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = |part| utf8_percent_encode(part, RESERVED);
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Identity(PersonIdentity { source, kind, known_by }) => {
                let (mark, id) = match known_by {
                    KnownBy::ExternalId(id) => ("", id.as_str()),
                    KnownBy::Name(name) | KnownBy::NameIn { name, .. } => ("name=", name.as_str()),
                };
                write!(f, "{}:{}:{mark}{}", encoded(source), kind.word(), encoded(id))
            }
            Self::InConversation(CustomerByName { source, external_id, name }) => {
                let kind = AuthorKind::Contact.word();
                write!(f, "{}:{kind}:name={}:in={}", encoded(source), encoded(name), encoded(external_id))
            }
        }
    }
}

/// Changes to a person; absent fields stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct PersonUpdate {
    #[n(0)]
    pub display_name: Option<DisplayName>,
    #[n(1)]
    pub description: Option<String>,
    #[n(2)]
    pub email: Option<String>,
    #[n(3)]
    pub teams: Option<Vec<TeamRef>>,
}

/// The same as decoded by an edge.
#[derive(Clone, Debug, Default)]
pub struct PersonUpdateDraft {
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub email: Option<String>,
    pub teams: Option<Vec<TeamRef>>,
}

impl PersonUpdateDraft {
    /// The fields that can be changed, by their API names.
    pub const FIELDS: [&str; 4] = ["display_name", "description", "email", "teams"];

    /// The valid parts; broken rules are recorded.
    pub fn check(self, violations: &mut Violations) -> PersonUpdate {
        let display_name = self.display_name.map(DisplayName::new).transpose();
        let display_name = violations.check("display_name", display_name).flatten();
        check_description(self.description.as_deref(), violations);
        if let Some(email) = self.email.as_deref().filter(|email| !email.is_empty()) {
            violations.check("email", rules::email(email));
        }
        let teams = self.teams.as_ref().map_or(0, Vec::len);
        violations.check("teams", rules::items(teams, 0..=limits::TEAMS));
        PersonUpdate { display_name, description: self.description, email: self.email, teams: self.teams }
    }
}

fn check_description(text: Option<&str>, violations: &mut Violations) {
    violations.check("description", rules::max_bytes(text, limits::DESCRIPTION_BYTES));
}

impl Person {
    /// Somebody seen for the first time, under the name they were seen with.
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
        Author { kind, external_id: external_id.map(|id| id.parse().unwrap()), name: name.map(str::to_owned) }
    }

    fn source(name: &str) -> SourceName {
        name.parse().unwrap()
    }

    #[test]
    fn an_external_id_counts_before_the_name() {
        let of = |name| {
            PersonIdentity::of(
                &source("enneo"),
                CONVERSATION,
                &author(AuthorKind::Teammate, Some("23"), Some(name)),
            )
        };
        assert_eq!(of("Tom"), of("Tim"));
    }

    #[test]
    fn a_customer_without_an_id_is_known_within_the_conversation_and_an_agent_everywhere() {
        let of = |kind, conversation| {
            PersonIdentity::of(&source("x"), conversation, &author(kind, None, Some("Jo")))
        };
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
            ("tea_1", None),
            ("99999999999999999999999", None),
        ] {
            let of = author(AuthorKind::Teammate, Some(external_id), None);
            assert_eq!(
                PersonIdentity::of(&source("enneo"), CONVERSATION, &of).own_number(),
                number,
                "{external_id}"
            );
        }
        let by_name = author(AuthorKind::Teammate, None, Some("23"));
        assert_eq!(PersonIdentity::of(&source("enneo"), CONVERSATION, &by_name).own_number(), None);
    }

    fn any_author() -> impl Strategy<Value = Author> {
        let kind = prop::sample::select(vec![AuthorKind::Contact, AuthorKind::Ai, AuthorKind::Teammate]);
        let text = || prop::option::of("[ab]{1,2}");
        (kind, text(), text())
            .prop_map(|(kind, external_id, name)| author(kind, external_id.as_deref(), name.as_deref()))
    }

    proptest! {
        #[test]
        fn authors_of_a_conversation_are_one_person_exactly_when_they_are_the_same(a in any_author(), b in any_author()) {
            let identity = |author| PersonIdentity::of(&source("x"), CONVERSATION, author);
            prop_assert_eq!(identity(&a) == identity(&b), a.is_same_as(&b));
        }
    }
}
