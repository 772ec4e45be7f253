//! The event log's records: what changed, by ids only.

use minicbor::{Decode, Encode};

use super::{AssessmentId, ConversationId, MessageId, RatingId, UnixMillis};

/// One record of the log. It holds nothing a customer wrote, so an erasure need not touch it.
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
    /// Messages were added, starting with `first`.
    #[n(1)]
    MessagesAppended {
        #[n(0)]
        first: MessageId,
        #[n(1)]
        count: u32,
    },
    /// A scoring was stored: these assessments are new, changed, or removed together with their unit.
    #[n(2)]
    AssessmentsScored {
        #[n(0)]
        assessments: Vec<AssessmentId>,
    },
    /// Scoring gave up after its last attempt.
    #[n(3)]
    ScoringFailed,
    /// One message was stored.
    #[n(4)]
    MessageStored {
        #[n(0)]
        message: MessageId,
    },
    /// The content of a message changed.
    #[n(5)]
    MessageUpdated {
        #[n(0)]
        message: MessageId,
    },
    #[n(6)]
    MessageDeleted {
        #[n(0)]
        message: MessageId,
    },
    /// A customer was asked for a rating.
    #[n(7)]
    RatingOffered {
        #[n(0)]
        rating: RatingId,
    },
    /// All or some of a rating's questions were answered.
    #[n(8)]
    RatingSubmitted {
        #[n(0)]
        rating: RatingId,
    },
    #[n(9)]
    RatingCancelled {
        #[n(0)]
        rating: RatingId,
    },
    /// The handling of a conversation, or its subject, changed.
    #[n(10)]
    ConversationUpdated,
    #[n(11)]
    ConversationDeleted,
    #[n(12)]
    ConversationUndeleted,
    /// Nothing of it is stored any longer.
    #[n(13)]
    ConversationPurged,
}
