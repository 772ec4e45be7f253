//! What can go wrong in a use case. Each edge maps it to its own error format; internal causes are logged once and never sent.

use std::{fmt::Display, time::Duration};

use crate::{
    domain::{ConversationId, FIRST_ID, RatingState, Receipt, Violations, Words as _},
    store::StoreError,
};

pub use crate::store::Outcome;

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the request is not valid: {0}")]
    Invalid(Violations),
    /// `name` is a resource name: `conversations/…`.
    #[error("there is no {name}{}", hint(*.kind, .name))]
    NotFound { kind: ResourceKind, name: String },
    #[error("{source_name}:{external_id} has already been imported as conversations/{conversation}")]
    AlreadyImported {
        source_name: String,
        external_id: String,
        conversation: ConversationId,
        receipt: Receipt,
    },
    #[error(
        "request id {request_id:?} was used for a different request in the last 24 hours; resend that request or use a new id"
    )]
    RequestIdReused { request_id: String },
    /// `name` is a resource name.
    #[error(
        "{sent:?} is not the current etag of {name}; read it again and retry with the one that it has now"
    )]
    EtagMismatch { kind: ResourceKind, name: String, sent: String },
    /// `message` is a resource name; the message has been stored.
    #[error("{message} is stored, but its scoring did not finish in time; it continues in the background")]
    ScoringUnfinished { message: String },
    /// `name` is the rating's resource name.
    #[error("{name} is {}: {because}", state.word().replace('_', " "))]
    RatingClosed { name: String, state: RatingState, because: String },
    /// `name` is the existing team's resource name.
    #[error("{source_name}:{external_id} is already in the directory as {name}")]
    TeamExists { source_name: String, external_id: String, name: String },
    #[error("{name} has {members} {}; remove them first", if *.members == 1 { "member" } else { "members" })]
    TeamNotEmpty { name: String, members: u32 },
    #[error(
        "the position in the event log is no longer kept or does not exist yet, so events may have been missed; reread what \
         you follow, then watch without a token"
    )]
    EventsLost,
    #[error("too many concurrent changes to {what}; retry")]
    ConcurrentChange { what: String },
    #[error("the call's deadline has passed; nothing was written")]
    DeadlineExceeded,
    #[error("{what} is not deleted")]
    NotDeleted { what: String },
    #[error(
        "{what} cannot be restored: conversations/{by} now has its source and external id; delete that one first"
    )]
    IdentityTaken { what: String, by: ConversationId },
    #[error("too many writes are waiting; retry in {} ms", retry_after.as_millis())]
    Overloaded { retry_after: Duration },
    /// The store cannot be used: for now, or for good. `cause` is for the log.
    #[error("the store is not available: {cause}")]
    Unavailable { cause: String, outcome: Outcome, retry_after: Option<Duration> },
    /// What is stored cannot be read: it is damaged.
    #[error("{0}")]
    Damaged(String),
    /// A bug on the server's side.
    #[error("{0}")]
    Internal(String),
}

/// What to try instead: above all for numbers that are none of ours, as people take from another system.
fn hint(kind: ResourceKind, name: &str) -> String {
    let (collection, way) = match kind {
        ResourceKind::Person => ("people/", "{source}:{kind}"),
        ResourceKind::Team => ("teams/", "{source}"),
        ResourceKind::Queue => return "; there is one, queues/scoring: leave the name empty".to_owned(),
        ResourceKind::Scorecard => return "; ListScorecards names those that there are".to_owned(),
        _ => ("conversations/", "{source}"),
    };
    let number = name.strip_prefix(collection).and_then(|rest| rest.split('/').next());
    match number.and_then(|number| number.parse::<u64>().ok()) {
        Some(number) if number < FIRST_ID => {
            format!(
                "; numbers given here start at {FIRST_ID}: by its id in another system it is {collection}{way}:{number}"
            )
        }
        _ => String::new(),
    }
}

/// The kinds of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    Conversation,
    Message,
    Attachment,
    Import,
    Scorecard,
    Assessment,
    Rating,
    Person,
    Team,
    Queue,
}

impl ResourceKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conversation => "conversation",
            Self::Message => "message",
            Self::Attachment => "attachment",
            Self::Import => "import",
            Self::Scorecard => "scorecard",
            Self::Assessment => "assessment",
            Self::Rating => "rating",
            Self::Person => "person",
            Self::Team => "team",
            Self::Queue => "queue",
        }
    }
}

impl std::fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What callers are told of [`Error::Damaged`].
pub const DAMAGED: &str = "what is stored of this is damaged and cannot be read; a retry does not help: tell whoever runs the server, \
                           whose log has the cause";

impl Error {
    /// How long a caller should wait before it retries when the store is overloaded.
    const RETRY_AFTER: Duration = Duration::from_millis(250);

    /// For good, or for as long as the disk cannot be read; what became of a write is unknown.
    pub fn unavailable(cause: impl ToString) -> Self {
        Self::Unavailable { cause: cause.to_string(), outcome: Outcome::Unknown, retry_after: None }
    }

    pub fn not_found(kind: ResourceKind, name: impl ToString) -> Self {
        Self::NotFound { kind, name: name.to_string() }
    }

    /// `name` is what the caller calls the conversation: its number, or its source and external id.
    pub fn no_conversation(name: impl Display) -> Self {
        Self::not_found(ResourceKind::Conversation, format!("conversations/{name}"))
    }
}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded => Self::Overloaded { retry_after: Self::RETRY_AFTER },
            StoreError::Unavailable { outcome, retry_after, .. } => {
                Self::Unavailable { cause: error.to_string(), outcome, retry_after: Some(retry_after) }
            }
            StoreError::Failed(_) | StoreError::Unreadable(_) => Self::unavailable(error),
            // A use case that can run into a conflict handles it itself; one that gets here is a bug.
            StoreError::Corrupt(_) => Self::Damaged(error.to_string()),
            StoreError::Conflict { .. } | StoreError::Limit(_) => Self::Internal(error.to_string()),
        }
    }
}
