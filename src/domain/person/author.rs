//! Who writes: customers, teammates and AI agents, as a source names them.

use minicbor::{Decode, Encode};

use crate::domain::{
    ExternalId, Path, Violations, Words, limits,
    rules::{self, required},
};

/// Somebody who takes part in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Author {
    #[n(0)]
    pub kind: AuthorKind,
    #[cbor(n(1), decode_with = "ExternalId::decode_optional")]
    pub external_id: Option<ExternalId>,
    #[n(2)]
    pub name: Option<String>,
}

impl Author {
    /// Whether two authors are one person (or one AI agent): the same kind and the same external id, or, if neither has
    /// one, the same name.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let name = |author: &'_ Self| author.name.clone().unwrap_or_default();
        self.kind == other.kind
            && match (&self.external_id, &other.external_id) {
                (Some(mine), Some(theirs)) => mine == theirs,
                (None, None) => name(self) == name(other),
                _ => false,
            }
    }

    /// What lists know someone by: the external id, or else the name.
    pub fn listed_as(&self) -> Option<&str> {
        self.external_id.as_deref().or(self.name.as_deref()).filter(|text| !text.is_empty())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum AuthorKind {
    /// The customer.
    #[n(0)]
    Contact,
    /// An AI agent of the company.
    #[n(1)]
    Ai,
    /// A person who works for the company.
    #[n(2)]
    Teammate,
}

impl Words for AuthorKind {
    const PREFIX: &'static str = "AUTHOR_KIND_";
    const WORDS: &'static [(Self, i32, &'static str)] =
        &[(Self::Contact, 1, "contact"), (Self::Ai, 2, "ai"), (Self::Teammate, 3, "teammate")];
}

impl AuthorKind {
    pub fn is_agent(self) -> bool {
        !matches!(self, Self::Contact)
    }
}

/// The side that somebody has to be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Customer,
    Agent,
}

/// An author as decoded by an edge: nothing is validated yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorDraft {
    pub kind: Option<AuthorKind>,
    /// Empty is absent.
    pub external_id: Option<String>,
    pub name: Option<String>,
}

/// An author that a caller may have described only in part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct PartialAuthor {
    #[n(0)]
    pub kind: Option<AuthorKind>,
    #[n(1)]
    pub external_id: Option<ExternalId>,
    #[n(2)]
    pub name: Option<String>,
}

impl AuthorDraft {
    /// The valid parts; broken rules are recorded below `at`.
    pub fn check(self, at: Path<'_>, violations: &mut Violations) -> PartialAuthor {
        let external_id = violations.check(at.field("external_id"), ExternalId::optional(self.external_id));
        violations.check(at.field("name"), rules::max_bytes(self.name.as_deref(), limits::NAME_BYTES));
        PartialAuthor { kind: self.kind, external_id: external_id.flatten(), name: self.name }
    }

    /// An author with a kind. If the kind is missing, the rest is checked all the same.
    pub fn check_whole(self, at: Path<'_>, violations: &mut Violations) -> Option<Author> {
        let kind = violations.check(at.field("kind"), required(self.kind));
        let PartialAuthor { external_id, name, .. } = self.check(at, violations);
        Some(Author { kind: kind?, external_id, name })
    }

    /// Somebody on this side, if their kind is given, who can be identified.
    pub fn check_named(self, side: Side, at: Path<'_>, violations: &mut Violations) -> PartialAuthor {
        check_side(self.kind, side, at, violations);
        let is_empty = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
        if is_empty(&self.external_id) && is_empty(&self.name) {
            violations.add(at.field("external_id"), "is required where there is no name");
        }
        self.check(at, violations)
    }
}

pub fn check_side(kind: Option<AuthorKind>, side: Side, at: Path<'_>, violations: &mut Violations) {
    let Some(kind) = kind else { return };
    if kind.is_agent() != (side == Side::Agent) {
        let allowed = if side == Side::Agent { "a teammate or an AI agent" } else { "a contact" };
        violations.add(at.field("kind"), format!("must be {allowed}, is {}", kind.word()));
    }
}
