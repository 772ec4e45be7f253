//! That a customer does not want to be asked, told by itself and not on an offer.

use super::{
    super::{
        Author, AuthorDraft, AuthorKind, ConversationRef, ImportLimits, UnixMillis, Violations,
        conversation::check_identifier,
    },
    draft::{check_length, check_time},
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
    pub source: String,
    pub customer: Author,
    /// In which one without an external id is known.
    pub conversation: Option<ConversationRef>,
    /// Absent: now.
    pub time: Option<UnixMillis>,
}

impl OptOutDraft {
    /// Checks every rule. `violations` are those that the edge found while decoding.
    pub fn check(self, mut violations: Violations) -> Result<NewOptOut, Violations> {
        let source = self.source.unwrap_or_else(|| ImportLimits::DEFAULT_SOURCE.to_owned());
        check_identifier(&mut violations, "source", &source, ImportLimits::SOURCE_BYTES);
        let AuthorDraft { kind, external_id, name } = self.customer;
        if kind.is_some_and(AuthorKind::is_agent) {
            violations.add("customer.kind", "must be a contact");
        }
        let external_id = external_id.filter(|id| !id.is_empty());
        let rules = [
            ("external_id", &external_id, ImportLimits::EXTERNAL_ID_BYTES),
            ("name", &name, ImportLimits::NAME_BYTES),
        ];
        for (field, text, most) in rules {
            check_length(format!("customer.{field}"), text.as_deref(), most, &mut violations);
        }
        if external_id.is_none() && self.conversation.is_none() {
            violations.add("conversation", "is required where the customer has no external id");
        }
        check_time("opt_out_time", self.time, &mut violations);
        let customer = Author { kind: AuthorKind::Contact, external_id, name };
        violations.or(NewOptOut { source, customer, conversation: self.conversation, time: self.time })
    }
}
