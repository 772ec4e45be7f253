//! That a customer does not want to be asked, told by itself and not on an offer.

use crate::domain::{
    Author, AuthorDraft, AuthorKind, ConversationRef, Path, Side, SourceName, UnixMillis, Violations,
    person::check_side,
};

/// An opt-out as an edge decoded it: absent is `None`, nothing is checked yet.
#[derive(Clone, Debug, Default)]
pub struct OptOutDraft {
    pub source: Option<String>,
    pub customer: AuthorDraft,
    pub conversation: Option<ConversationRef>,
    pub time: Option<UnixMillis>,
}

/// An opt-out that obeys every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOptOut {
    pub source: SourceName,
    pub customer: Author,
    /// In which one without an external id is known.
    pub conversation: Option<ConversationRef>,
    /// Absent: now.
    pub time: Option<UnixMillis>,
}

impl OptOutDraft {
    /// Checks every rule. `violations` are those that the edge found while decoding.
    pub fn check(self, mut violations: Violations) -> Result<NewOptOut, Violations> {
        let source = self.source.map_or(Ok(SourceName::custom()), SourceName::new);
        let source = violations.check("source", source);
        let at = Path::of("customer");
        check_side(self.customer.kind, Side::Customer, at, &mut violations);
        // One that breaks its rule is there all the same.
        let has_id = self.customer.external_id.as_deref().is_some_and(|id| !id.is_empty());
        let customer = self.customer.check(at, &mut violations);
        if !has_id && self.conversation.is_none() {
            violations.add("conversation", "is required where the customer has no external id");
        }
        let customer =
            Author { kind: AuthorKind::Contact, external_id: customer.external_id, name: customer.name };
        match source {
            Some(source) => violations.or(NewOptOut {
                source,
                customer,
                conversation: self.conversation,
                time: self.time,
            }),
            None => Err(violations),
        }
    }
}
