//! What Plaudit is about: types and rules, pure. No async, no wire, no store, no clock.

mod address;
mod assessment;
mod change;
mod conversation;
mod draft;
mod event;
mod handling;
mod html;
mod ids;
mod listing;
mod message;
mod message_change;
mod person;
mod rating;
mod request_id;
mod scorecard;
mod store_draft;
mod team;
mod time;
mod violations;

pub mod axis;
pub mod experience;
pub mod statistics;
pub mod totals;
pub mod work;
pub mod worklog;

pub use address::{address_and_name, identity_of};
pub use assessment::{
    Answer, AnswerSource, Assessment, AssessmentState, CriterionResult, Evidence, FactValue, ScoredFact, Unit,
};
pub use axis::{AiInvolvement, Axis, Band, Dimension, Resolution};
pub use change::{Change, ChangeDraft};
pub use conversation::{Author, AuthorKind, Conversation, ImportOutcome, Message, MessageKind, Transcript};
pub use draft::{
    AuthorDraft, ConversationDraft, ImportLimits, MessageDraft, NewConversation, NewDetails, NewHandling,
    NewMessage, NewStatusChange, StatusChangeDraft,
};
pub use event::{Event, EventKind};
pub use handling::{Channel, Handling, Priority, Status, StatusChange};
pub use html::plain_text;
pub use ids::{
    AssessmentId, AttachmentId, ConversationId, ConversationRef, FIRST_ID, LAST_ID, MessageId, PersonId,
    RatingId, RatingRef, Receipt, TeamId, ours_rule, reads_as_ours,
};
pub use listing::{AssessmentFilter, AssessmentTerm, ConversationFilter, Listing, Place, Term, TimeRange};
pub use message::{
    AttachedFile, Attachment, Direction, IntentId, Measured, MessageDetails, WithoutBytes, measure,
    words_of_body,
};
pub use message_change::{KeptAttachment, MessageChange};
pub use person::{CustomerByName, KnownBy, Person, PersonIdentity, PersonLimits, PersonPatch, PersonRef};
pub use rating::{
    AgentFilter, Course, ImportedRatingDraft, LastAnswers, NewAnswer, NewImportedRating, NewOptOut,
    NewQuestion, NewRating, OptOutDraft, PersonDraft, QuestionDraft, QuestionRef, Rating, RatingAnswer,
    RatingCounts, RatingDefaults, RatingDraft, RatingEntry, RatingFilter, RatingLimits, RatingQuestion,
    RatingState, RatingSummary, RatingType, RatingValue, Refused, Submission,
};
pub use request_id::RequestId;
pub use scorecard::{
    Category, Criterion, Denominator, Evaluator, Knockout, RevisionRef, ScorecardRevision, ScorecardState,
    ScoringType, UnitKind,
};
pub use store_draft::{
    AttachmentDraft, AttachmentPlace, HandlingChange, NewAttachment, NewStoredMessage, Sent, StoreDraft,
    StoreLimits,
};
pub use team::{NewTeam, Team, TeamIdentity, TeamPatch, TeamRef};
pub use time::UnixMillis;
pub use totals::{MilliPoints, Totals};
pub use violations::{Violation, Violations};
pub use worklog::Worklog;
