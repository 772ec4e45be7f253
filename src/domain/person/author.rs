//! Who writes: customers, teammates, AI agents, as a source calls them.

use minicbor::{Decode, Encode};

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Author {
    #[n(0)]
    pub kind: AuthorKind,
    #[n(1)]
    pub external_id: Option<String>,
    #[n(2)]
    pub name: Option<String>,
}

impl Author {
    /// Whether two authors are one person (or one AI agent): the same kind and the same external id, or, where neither
    /// has one, the same name.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.kind == other.kind
            && match (&self.external_id, &other.external_id) {
                (Some(mine), Some(theirs)) => mine == theirs,
                (None, None) => self.name == other.name,
                _ => false,
            }
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

impl AuthorKind {
    pub fn is_agent(self) -> bool {
        !matches!(self, Self::Contact)
    }

    /// As it stands in names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Ai => "ai",
            Self::Teammate => "teammate",
        }
    }
}
