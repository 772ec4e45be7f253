//! What the log says: that something changed, by ids only.

use minicbor::{Decode, Encode};

use super::{AssessmentId, ConversationId, MessageId, RatingId, UnixMillis};

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
    /// One message was stored.
    #[n(4)]
    MessageStored {
        #[n(0)]
        message: MessageId,
    },
    /// A message says something else now.
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
    /// A customer was asked to rate.
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
    /// What the helpdesk says of a conversation changed, or its subject.
    #[n(10)]
    ConversationUpdated,
    #[n(11)]
    ConversationDeleted,
    #[n(12)]
    ConversationUndeleted,
    /// Nothing of it is stored any more.
    #[n(13)]
    ConversationPurged,
}
