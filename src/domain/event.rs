//! What the log says: that something changed, by ids only.

use minicbor::{Decode, Encode};

use super::{AssessmentId, ConversationId, MessageId, UnixMillis};

/// One record of the log. It holds no words of a customer, so an erasure need not reach it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    #[n(0)]
    pub conversation: ConversationId,
    #[n(1)]
    pub time: UnixMillis,
    #[n(2)]
    pub kind: EventKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum EventKind {
    #[n(0)]
    ConversationImported,
    /// Messages were added; `first` is the first of them.
    #[n(1)]
    MessagesAppended {
        #[n(0)]
        first: MessageId,
        #[n(1)]
        count: u32,
    },
    /// A scoring was stored: these assessments are new, changed, or gone with their unit.
    #[n(2)]
    AssessmentsScored {
        #[n(0)]
        assessments: Vec<AssessmentId>,
    },
    /// Scoring was given up after its last attempt.
    #[n(3)]
    ScoringFailed,
}
