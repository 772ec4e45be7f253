//! A conversation: what a helpdesk sends about it, what is kept, and what may be changed.

mod draft;
mod handling;
mod preview;
mod update;

pub mod experience;

use minicbor::{Decode, Encode};

use super::{ConversationId, ExternalId, Language, Message, SourceName, UnixMillis, Violations, limits};

pub use draft::{
    ConversationDraft, ImportLimits, ImportedMessageDraft, NewConversation, NewDetails, NewHandling,
    NewImportedMessage, NewStatusChange, StatusChangeDraft,
};
pub use handling::{Channel, Handling, HandlingDraft, HandlingUpdate, Priority, Status, StatusChange};
pub use update::{ConversationUpdateDraft, FieldUpdate};

/// The whole thread with one customer about one matter.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Conversation {
    #[n(0)]
    pub id: ConversationId,
    /// The namespace of `external_id`: `zendesk`, `custom`, …
    #[n(1)]
    pub source: SourceName,
    #[n(2)]
    pub external_id: ExternalId,
    #[n(3)]
    pub subject: Option<String>,
    /// Incremented with every change; a scoring that began with an older version is discarded.
    #[n(4)]
    pub version: u64,
    /// How many messages are stored.
    #[n(5)]
    pub message_count: u32,
    /// When Plaudit first stored it.
    #[n(6)]
    pub create_time: UnixMillis,
    /// When Plaudit last changed it.
    #[n(7)]
    pub update_time: UnixMillis,
    /// What the helpdesk says about how it is handled.
    #[cbor(n(8), skip_if = "Handling::is_empty")]
    pub handling: Handling,
    /// When it was deleted. Until it is purged it can be undeleted; every other call and every list treats it as gone.
    #[n(9)]
    pub delete_time: Option<UnixMillis>,
    /// The version that was stored with scoring switched off while no older version was waiting to be scored. Any
    /// change to the conversation makes another version, to which this does not apply.
    #[n(12)]
    pub unscored_version: Option<u64>,
    /// The language in which it is written, where its caller said so: a BCP 47 tag that [`Language`] knows.
    #[n(13)]
    pub language: Option<String>,
    /// As of when a caller last said how it is handled, where that was later than its messages and status changes. An append
    /// that is older replaces nothing.
    #[n(14)]
    pub told_time: Option<UnixMillis>,
    /// When it was held; absent without a message, and in a record of an earlier version.
    #[n(15)]
    pub held: Option<Held>,
}

/// From the first to the last of some messages, by when they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Held {
    #[n(0)]
    pub first: UnixMillis,
    #[n(1)]
    pub last: UnixMillis,
}

impl Held {
    /// When nothing was written before or after.
    pub const fn at(time: UnixMillis) -> Self {
        let time = time.plus_millis(0);
        Self { first: time, last: time }
    }

    /// `None` without a message.
    pub fn of<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Option<Self> {
        let each = messages.into_iter().map(|message| Self::at(message.create_time));
        each.reduce(Self::and)
    }

    /// From the earlier beginning to the later end.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

impl Conversation {
    /// A conversation stored now, with no details yet.
    pub fn new(id: ConversationId, source: SourceName, external_id: ExternalId, now: UnixMillis) -> Self {
        Self {
            id,
            source,
            external_id,
            subject: None,
            version: 1,
            message_count: 0,
            create_time: now,
            update_time: now,
            handling: Handling::default(),
            delete_time: None,
            unscored_version: None,
            language: None,
            told_time: None,
            held: None,
        }
    }

    /// Notes that messages were added. `self` knows when it was held before.
    pub fn hold(&mut self, added: &[Message]) {
        self.held = self.held.into_iter().chain(Held::of(added)).reduce(Held::and);
    }

    /// Refuses a change that exceeds the limit of status changes; `before` is the conversation before it, `field` the
    /// name of the status field.
    pub fn check_status_changes(&self, before: &Self, field: &str) -> Result<(), Violations> {
        let (count, most) = (self.handling.status_changes.len(), limits::STATUS_CHANGES);
        if count <= most || count == before.handling.status_changes.len() {
            return Ok(());
        }
        Err(Violations::one(
            field,
            format!("must stay as it is: it has changed {most} times, which is the most"),
        ))
    }

    /// The language that its caller gave.
    pub fn given_language(&self) -> Option<Language> {
        Language::from_code(self.language.as_deref()?)
    }

    /// Whether scoring was switched off for its current version.
    pub fn is_unscored(&self) -> bool {
        self.unscored_version == Some(self.version)
    }
}

/// A conversation with all its messages, in order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    pub conversation: Conversation,
    pub messages: Vec<Message>,
}

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ImportOutcome {
    /// A new conversation was stored.
    #[n(0)]
    Created,
    /// The conversation existed already and is unchanged.
    #[n(1)]
    Existing,
    /// Messages or ratings were added to an existing conversation.
    #[n(2)]
    Appended,
    /// Nothing was added to an existing conversation, but something newer was taken.
    #[n(3)]
    Updated,
}
