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

/// One unit scored with one revision: there is at most one per unit and scorecard family.
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
    /// The version of the conversation that it was computed from. A later version that gives the same changes nothing.
    #[n(6)]
    pub scored_version: u64,
    /// Grows by one with every change.
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
    /// The facts that the scorecard's expressions and reasons name, in alphabetical order.
    #[n(12)]
    pub facts: Vec<ScoredFact>,
    #[n(13)]
    pub create_time: UnixMillis,
    #[n(14)]
    pub update_time: UnixMillis,
    /// Since when a scoring of the conversation would say something else: it is not scored over, as a person has touched
    /// it. Absent while they agree.
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

/// Where an assessment stands. That it is being worked on is derived from the queue, not stored.
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

/// One criterion's answers: the system's and the human's side by side.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct CriterionResult {
    #[n(0)]
    pub category_id: String,
    #[n(1)]
    pub criterion_id: String,
    #[n(2)]
    pub max_points: MilliPoints,
    /// False: it leaves both sides of the fraction.
    #[n(3)]
    pub applicable: bool,
    #[n(4)]
    pub system: Option<Answer>,
    #[n(5)]
    pub human: Option<Answer>,
    /// Why the system has no answer, when it tried and failed: the rule's own error.
    #[n(6)]
    pub failure: Option<String>,
}

impl CriterionResult {
    /// The answer that counts: the person's, else the system's.
    pub fn answer(&self) -> Option<&Answer> {
        self.human.as_ref().or(self.system.as_ref())
    }

    /// Absent while nobody answered; absent is never 0.
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

/// The words that an answer rests on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Evidence {
    #[n(0)]
    pub message: MessageId,
    /// The fact that rests on the message.
    #[n(1)]
    pub fact: String,
}

/// A fact as it was when the unit was scored. A fact that could not be known is left out.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ScoredFact {
    #[n(0)]
    pub name: String,
    #[n(1)]
    pub value: FactValue,
    /// The messages it rests on.
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
