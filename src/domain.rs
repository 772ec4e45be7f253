//! What Plaudit is about: types and rules, pure. No async, no wire, no store, no clock.

mod assessment;
mod conversation;
mod event;
mod ids;
mod listing;
mod message;
mod person;
mod rating;
mod request_id;
mod time;
mod violations;

pub mod worklog;

pub use assessment::{
    AiInvolvement, Answer, AnswerSource, Assessment, AssessmentState, Axis, Band, Category, Criterion,
    CriterionResult, Denominator, Dimension, Evaluator, Evidence, FactValue, Knockout, MilliPoints,
    Resolution, RevisionRef, ScorecardRevision, ScorecardState, ScoredFact, ScoringType, Totals, Unit,
    UnitKind, axis, totals,
};
pub use conversation::{
    AuthorDraft, Change, ChangeDraft, Channel, Conversation, ConversationDraft, Handling, ImportLimits,
    ImportOutcome, MessageDraft, NewConversation, NewDetails, NewHandling, NewMessage, NewStatusChange,
    Priority, Status, StatusChange, StatusChangeDraft, Transcript, experience,
};
pub use event::{Event, EventKind};
pub use ids::{
    AssessmentId, AttachmentId, ConversationId, ConversationRef, FIRST_ID, LAST_ID, MessageId, PersonId,
    RatingId, RatingRef, Receipt, TeamId, ours_rule, reads_as_ours,
};
pub use listing::{AssessmentFilter, AssessmentTerm, ConversationFilter, Listing, Place, Term, TimeRange};
pub use message::{
    AttachedFile, Attachment, AttachmentDraft, AttachmentPlace, Direction, HandlingChange, IntentId,
    KeptAttachment, Measured, Message, MessageChange, MessageDetails, MessageKind, NewAttachment,
    NewStoredMessage, Sent, StoreDraft, StoreLimits, WithoutBytes, address_and_name, identity_of, measure,
    plain_text, words_of_body,
};
pub use person::{
    Author, AuthorKind, CustomerByName, KnownBy, NewTeam, Person, PersonIdentity, PersonLimits, PersonPatch,
    PersonRef, Team, TeamIdentity, TeamPatch, TeamRef,
};
pub use rating::{
    AgentFilter, Course, ImportedRatingDraft, LastAnswers, NewAnswer, NewImportedRating, NewOptOut,
    NewQuestion, NewRating, OptOutDraft, PersonDraft, QuestionDraft, QuestionRef, Rating, RatingAnswer,
    RatingCounts, RatingDefaults, RatingDraft, RatingEntry, RatingFilter, RatingLimits, RatingQuestion,
    RatingState, RatingSummary, RatingType, RatingValue, Refused, Submission, statistics,
};
pub use request_id::RequestId;
pub use time::UnixMillis;
pub use violations::{Violation, Violations};
pub use worklog::{Worklog, work};
