//! One unit scored with one revision of a scorecard.

mod scorecard;

pub mod axis;
pub mod totals;

use minicbor::{Decode, Encode};

use super::{AssessmentId, Author, ConversationId, MessageId, UnixMillis};

pub use axis::{AiInvolvement, Axis, Band, Dimension, Resolution};
pub use scorecard::{
    Category, Criterion, Denominator, Evaluator, Knockout, RevisionRef, ScorecardRevision, ScorecardState,
    ScoringType, UnitKind,
};
pub use totals::{MilliPoints, Totals};

/// One unit scored with one revision: at most one exists per unit and scorecard family.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Assessment {
    #[n(0)]
    pub id: AssessmentId,
    #[n(1)]
    pub conversation: ConversationId,
    #[n(2)]
    pub unit: Unit,
    /// Whose work it is; absent for a whole conversation.
    #[n(3)]
    pub assessee: Option<Author>,
    #[n(4)]
    pub scorecard: RevisionRef,
    #[n(5)]
    pub state: AssessmentState,
    /// The version of the conversation it was computed from. A later version that scores the same leaves the assessment
    /// unchanged.
    #[n(6)]
    pub scored_version: u64,
    /// Incremented with every change.
    #[n(7)]
    pub version: u64,
    #[n(8)]
    pub criteria: Vec<CriterionResult>,
    #[n(9)]
    pub totals: Totals,
    /// Present when the scorecard is AXIS and all three dimensions were scored.
    #[n(10)]
    pub axis: Option<Axis>,
    /// Two or three sentences.
    #[n(11)]
    pub summary: String,
    /// The facts that the scorecard's expressions and reasons use, in alphabetical order.
    #[n(12)]
    pub facts: Vec<ScoredFact>,
    #[n(13)]
    pub create_time: UnixMillis,
    #[n(14)]
    pub update_time: UnixMillis,
    /// When a new scoring of the conversation first differed from this assessment and was not applied because a person
    /// had touched it. Absent while they agree.
    #[n(15)]
    pub stale_time: Option<UnixMillis>,
}

/// What an assessment covers. A worklog's id is its first message's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Unit {
    #[n(0)]
    Conversation,
    #[n(1)]
    Worklog {
        #[n(0)]
        first_message: MessageId,
    },
}

/// The review state of an assessment. Whether it is being scored is derived from the queue, not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum AssessmentState {
    #[n(0)]
    Unprocessed,
    #[n(1)]
    AiReady,
    #[n(2)]
    ReviewOngoing,
    #[n(3)]
    ReviewedBySupervisor,
    #[n(4)]
    DiscussedWithAssessee,
    #[n(5)]
    Error,
    #[n(6)]
    Deleted,
}

/// The system's and the human's answer to one criterion, side by side.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct CriterionResult {
    #[n(0)]
    pub category_id: String,
    #[n(1)]
    pub criterion_id: String,
    #[n(2)]
    pub max_points: MilliPoints,
    /// False: excluded from both sides of the fraction.
    #[n(3)]
    pub applicable: bool,
    #[n(4)]
    pub system: Option<Answer>,
    #[n(5)]
    pub human: Option<Answer>,
    /// Why the system has no answer although it tried: the rule's own error.
    #[n(6)]
    pub failure: Option<String>,
}

impl CriterionResult {
    /// The effective answer: the person's, else the system's.
    pub fn answer(&self) -> Option<&Answer> {
        self.human.as_ref().or(self.system.as_ref())
    }

    /// Absent while there is no answer; absence never means 0.
    pub fn score(&self) -> Option<MilliPoints> {
        self.answer().map(|answer| answer.score)
    }
}

/// One answer to one criterion.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Answer {
    /// 0 to the criterion's maximum.
    #[n(0)]
    pub score: MilliPoints,
    #[n(1)]
    pub reason: String,
    #[n(2)]
    pub evidence: Vec<Evidence>,
    #[n(3)]
    pub source: AnswerSource,
    #[n(4)]
    pub time: UnixMillis,
}

/// Who or what gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum AnswerSource {
    #[n(0)]
    Rule,
}

/// The message text that supports an answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Evidence {
    #[n(0)]
    pub message: MessageId,
    /// The fact derived from the message.
    #[n(1)]
    pub fact: String,
}

/// A fact as it was when the unit was scored. A fact with an unknown value is left out.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ScoredFact {
    #[n(0)]
    pub name: String,
    #[n(1)]
    pub value: FactValue,
    /// The messages that support it.
    #[n(2)]
    pub evidence: Vec<MessageId>,
}

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum FactValue {
    #[n(0)]
    Bool(#[n(0)] bool),
    #[n(1)]
    Int(#[n(0)] i64),
    #[n(2)]
    Number(#[n(0)] f64),
    #[n(3)]
    Text(#[n(0)] String),
}
