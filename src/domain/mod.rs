//! What Plaudit is about: types and rules, pure. No async, no wire, no store, no clock.

mod assessment;
mod conversation;
mod draft;
mod event;
mod handling;
mod ids;
mod rating;
mod request_id;
mod scorecard;
mod time;
mod violations;

pub mod axis;
pub mod statistics;
pub mod totals;
pub mod worklog;

pub use assessment::{
    Answer, AnswerSource, Assessment, AssessmentState, CriterionResult, Evidence, FactValue, ScoredFact, Unit,
};
pub use axis::{AiInvolvement, Axis, Band, Dimension, Resolution};
pub use conversation::{Author, AuthorKind, Conversation, ImportOutcome, Message, MessageKind, Transcript};
pub use draft::{AuthorDraft, ConversationDraft, ImportLimits, MessageDraft, NewConversation, NewMessage};
pub use event::{Event, EventKind};
pub use handling::{Channel, Handling, Priority, Status, StatusChange};
pub use ids::{
    AssessmentId, ConversationId, ConversationRef, FIRST_ID, LAST_ID, MessageId, RatingId, RatingRef, Receipt,
};
pub use rating::{
    AgentFilter, Course, NewAnswer, NewQuestion, NewRating, PersonDraft, QuestionDraft, QuestionRef, Rating,
    RatingAnswer, RatingCounts, RatingDraft, RatingEntry, RatingFilter, RatingLimits, RatingQuestion,
    RatingState, RatingSummary, RatingType, RatingValue, Refused, Submission,
};
pub use request_id::RequestId;
pub use scorecard::{
    Category, Criterion, Denominator, Evaluator, Knockout, RevisionRef, ScorecardRevision, ScorecardState,
    ScoringType, UnitKind,
};
pub use time::UnixMillis;
pub use totals::{MilliPoints, Totals};
pub use violations::{Violation, Violations};
pub use worklog::Worklog;
