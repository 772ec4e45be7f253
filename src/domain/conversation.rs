//! A conversation and its messages.

use minicbor::{Decode, Encode};

use super::{AttachmentId, ConversationId, Handling, MessageDetails, MessageId, UnixMillis, Violations};

/// The whole thread with one customer about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Conversation {
    #[n(0)]
    pub id: ConversationId,
    /// The namespace of `external_id`: `zendesk`, `custom`, …
    #[n(1)]
    pub source: String,
    #[n(2)]
    pub external_id: String,
    #[n(3)]
    pub subject: Option<String>,
    /// Grows by one with every change; a scoring that began with an older one is not kept.
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
    /// What the helpdesk says of it.
    #[cbor(n(8), skip_if = "Handling::is_empty")]
    pub handling: Handling,
    /// When it was deleted. Until it is purged it may be undeleted; no list and no call but those shows it.
    #[n(9)]
    pub delete_time: Option<UnixMillis>,
    /// The version that was stored with its scoring switched off, while no older one waited. Whatever changes the
    /// conversation makes another version, of which this says nothing.
    #[n(12)]
    pub unscored_version: Option<u64>,
}

impl Conversation {
    /// One that is stored now, with nothing said of it.
    pub fn new(id: ConversationId, source: String, external_id: String, now: UnixMillis) -> Self {
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
        }
    }

    /// Refuses a change after which the status has changed too often; `before` is what it was. `field` is the status.
    pub fn check_status_changes(&self, before: &Self, field: &str) -> Result<(), Violations> {
        let (count, most) = (self.handling.status_changes.len(), Handling::STATUS_CHANGES);
        if count <= most || count == before.handling.status_changes.len() {
            return Ok(());
        }
        Err(Violations::one(
            field,
            format!("must stay as it is: it has changed {most} times, which is the most"),
        ))
    }

    /// Whether its scoring was switched off as it stands.
    pub fn is_unscored(&self) -> bool {
        self.unscored_version == Some(self.version)
    }
}

/// One item of a conversation: a customer's words, a reply, an internal note.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Message {
    #[n(0)]
    pub id: MessageId,
    /// The id in the source's system, unique within the conversation.
    #[n(1)]
    pub external_id: String,
    #[n(2)]
    pub kind: MessageKind,
    #[n(3)]
    pub content: String,
    #[n(4)]
    pub author: Author,
    /// When it was written, as the source says. Messages keep the order of their arrival even where this goes back.
    #[n(5)]
    pub create_time: UnixMillis,
    /// The AI tool that helped to write it, as the source calls it.
    #[n(6)]
    pub ai_tool: Option<String>,
    /// Present on a message that was stored singly.
    #[n(7)]
    pub details: Option<Box<MessageDetails>>,
    /// When it was last changed after it was stored.
    #[n(8)]
    pub update_time: Option<UnixMillis>,
}

impl Message {
    /// The number of the event that told of it, when it was stored singly: the one after its own.
    pub fn event_number(&self) -> u64 {
        self.id.0 + 1
    }

    /// The attachments whose bytes are stored.
    pub fn stored_attachments(&self) -> impl Iterator<Item = AttachmentId> {
        let attachments = self.details.iter().flat_map(|details| &details.attachments);
        attachments.filter(|attachment| attachment.is_here()).map(|attachment| attachment.id)
    }

    /// About how many bytes its texts take.
    pub fn text_bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.external_id.len()
            + self.content.len()
            + length(&self.author.external_id)
            + length(&self.author.name)
            + length(&self.ai_tool)
            + self.details.as_ref().map_or(0, |details| details.text_bytes())
    }
}

/// Who may see a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum MessageKind {
    /// Part of the exchange with the customer.
    #[n(0)]
    Message,
    /// An internal note, never seen by the customer.
    #[n(1)]
    Comment,
}

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Author {
    #[n(0)]
    pub kind: AuthorKind,
    #[n(1)]
    pub external_id: Option<String>,
    #[n(2)]
    pub name: Option<String>,
}

impl Author {
    /// Whether two authors are one person (or one AI agent): the same kind and the same external id, or, where neither
    /// has one, the same name.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.kind == other.kind
            && match (&self.external_id, &other.external_id) {
                (Some(mine), Some(theirs)) => mine == theirs,
                (None, None) => self.name == other.name,
                _ => false,
            }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum AuthorKind {
    /// The customer.
    #[n(0)]
    Contact,
    /// An AI agent of the company.
    #[n(1)]
    Ai,
    /// A person who works for the company.
    #[n(2)]
    Teammate,
}

impl AuthorKind {
    pub fn is_agent(self) -> bool {
        !matches!(self, Self::Contact)
    }

    /// As it stands in names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Ai => "ai",
            Self::Teammate => "teammate",
        }
    }
}

/// A conversation with all its messages, in the order of their arrival.
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
    /// The conversation was there already and is unchanged.
    #[n(1)]
    Existing,
    /// Messages were appended to the conversation that was there.
    #[n(2)]
    Appended,
}
