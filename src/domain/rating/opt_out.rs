//! A customer's wish not to be asked, reported on its own and not on an offer.

use crate::domain::{
    Author, AuthorDraft, AuthorKind, ConversationRef, Path, Side, SourceName, UnixMillis, Violations,
    person::check_side, rules::required,
};

/// An opt-out as decoded by an edge: absent is `None`, nothing is validated yet.
#[derive(Clone, Debug, Default)]
pub struct OptOutDraft {
    pub source: Option<String>,
    pub customer: Option<AuthorDraft>,
    pub conversation: Option<ConversationRef>,
    pub time: Option<UnixMillis>,
}

/// A valid opt-out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOptOut {
    /// Absent: the conversation's.
    pub source: Option<SourceName>,
    pub customer: Author,
    /// Identifies a customer without an external id.
    pub conversation: Option<ConversationRef>,
    /// Absent: now.
    pub time: Option<UnixMillis>,
}

impl OptOutDraft {
    /// Checks every rule. `violations` are those that the edge found while decoding.
    pub fn check(self, mut violations: Violations) -> Result<NewOptOut, Violations> {
        let source = match self.source {
            Some(source) => violations.check("source", SourceName::new(source)),
            None if self.conversation.is_some() => None,
            None => Some(SourceName::custom()),
        };
        let at = Path::of("customer");
        let Some(customer) = violations.check(at, required(self.customer)) else { return Err(violations) };
        check_side(customer.kind, Side::Customer, at, &mut violations);
        // An invalid id is still an id.
        let has_id = customer.external_id.as_deref().is_some_and(|id| !id.is_empty());
        let customer = customer.check(at, &mut violations);
        if !has_id && self.conversation.is_none() {
            violations.add("conversation", "is required where the customer has no external id");
        }
        let customer =
            Author { kind: AuthorKind::Contact, external_id: customer.external_id, name: customer.name };
        violations.or(NewOptOut { source, customer, conversation: self.conversation, time: self.time })
    }
}
