//! What Plaudit is about: types and rules, pure. No async, no wire, no store, no clock.

pub mod append;

mod assessment;
mod conversation;
mod event;
mod ids;
mod language;
mod listing;
mod message;
mod person;
mod rating;
mod request_id;
mod time;

pub mod rules;
pub mod worklog;

pub use assessment::{
    AiInvolvement, Answer, AnswerSource, Assessment, AssessmentState, Axis, Band, Category, Criterion,
    CriterionResult, Denominator, Dimension, Evaluator, Evidence, FactValue, Knockout, MilliPoints,
    Resolution, RevisionRef, ScorecardRevision, ScorecardState, ScoredFact, ScoringType, Totals, Unit,
    UnitKind, axis, totals,
};
pub use conversation::{
    Channel, Conversation, ConversationDraft, ConversationUpdateDraft, FieldUpdate, Handling, HandlingDraft,
    HandlingUpdate, Held, ImportLimits, ImportOutcome, ImportedMessageDraft, NewConversation, NewDetails,
    NewHandling, NewImportedMessage, NewStatusChange, Priority, Status, StatusChange, StatusChangeDraft,
    Transcript, experience,
};
pub use event::{Event, EventKind};
pub use ids::{
    AssessmentId, AttachmentId, ConversationId, ConversationRef, FIRST_ID, LAST_ID, MessageId, PersonId,
    RatingId, RatingRef, Receipt, TeamId, ours_rule, reads_as_ours,
};
pub use language::{LISTED_LANGUAGES, Language};
pub use listing::{
    AssessmentFilter, AssessmentTerm, AssessmentTime, ConversationFilter, ConversationTime, Listing, Place,
    Posting, Term, TimeRange,
};
pub use message::{
    AttachedFile, Attachment, AttachmentDraft, AttachmentPlace, Direction, IntentId, KeptAttachment,
    Measured, Message, MessageDetails, MessageDraft, MessageKind, MessageUpdate, NewAttachment, NewMessage,
    Sent, WithoutBytes, address_and_name, from_base64, identity_of, measure, plain_text, words_of_body,
};
pub use person::{
    Author, AuthorDraft, AuthorKind, CustomerByName, KnownBy, NewTeam, PartialAuthor, Person, PersonIdentity,
    PersonRef, PersonUpdate, PersonUpdateDraft, Side, Team, TeamDraft, TeamIdentity, TeamRef, TeamUpdate,
    TeamUpdateDraft, check_side,
};
pub use rating::{
    AgentFilter, Course, ImportedRatingDraft, LastAnswers, NewAnswer, NewImportedRating, NewOptOut,
    NewQuestion, NewRating, OptOutDraft, QuestionDraft, QuestionRef, Rating, RatingAnswer, RatingCounts,
    RatingDefaults, RatingDraft, RatingEntry, RatingFilter, RatingQuestion, RatingState, RatingSummary,
    RatingType, RatingValue, Refused, Submission, statistics,
};
pub use request_id::RequestId;
pub use rules::{
    DisplayName, ExternalId, Path, SourceName, Tag, UpdateMask, Violation, Violations, Words, limits,
};
pub use time::UnixMillis;
pub use worklog::{Worklog, work};

/// What a flag is that a record leaves out.
pub(crate) fn is_false(flag: &bool) -> bool {
    !flag
}
