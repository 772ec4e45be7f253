//! A message: one item of a conversation.

mod address;
mod attachment;
mod base64;
mod details;
mod draft;
mod html;
mod update;

use minicbor::{Decode, Encode};

use super::{AttachmentId, Author, AuthorKind, ExternalId, MessageId, UnixMillis, Words};

pub use address::{address_and_name, identity_of};
pub use attachment::{AttachedFile, Attachment, Measured, WithoutBytes, measure};
pub use base64::from_base64;
pub use details::{Direction, IntentId, MessageDetails, words_of_body};
pub use draft::{AttachmentDraft, AttachmentPlace, MessageDraft, NewAttachment, NewMessage, Sent};
pub use html::plain_text;
pub use update::{KeptAttachment, MessageUpdate};

/// One item of a conversation: a customer's words, a reply, an internal note.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Message {
    #[n(0)]
    pub id: MessageId,
    /// The id in the source's system, unique within the conversation.
    #[n(1)]
    pub external_id: ExternalId,
    #[n(2)]
    pub kind: MessageKind,
    #[n(3)]
    pub content: String,
    #[n(4)]
    pub author: Author,
    /// When it was written, according to the source. Messages keep their order of arrival even where this goes back.
    #[n(5)]
    pub create_time: UnixMillis,
    /// The AI tool that helped write it, as named by the source.
    #[n(6)]
    pub ai_tool: Option<String>,
    /// Present on a message that was stored singly.
    #[n(7)]
    pub details: Option<Box<MessageDetails>>,
    /// When it was last changed after being stored.
    #[n(8)]
    pub update_time: Option<UnixMillis>,
    /// The caller says that no person wrote it. Of others their words may tell: where that matters, an `is_automatic` is
    /// asked, and not this field.
    #[cbor(n(9), skip_if = "crate::domain::is_false")]
    pub is_automatic: bool,
}

impl Message {
    /// Who wrote it when, and where it belongs, without what it says.
    #[must_use]
    pub fn without_words(self) -> Self {
        Self { content: String::new(), details: None, ..self }
    }

    /// For a message that was stored singly, the number of its event: the one after its own.
    pub fn event_number(&self) -> u64 {
        self.id.0 + 1
    }

    /// The attachments whose bytes are stored.
    pub fn stored_attachments(&self) -> impl Iterator<Item = AttachmentId> {
        let attachments = self.details.iter().flat_map(|details| &details.attachments);
        attachments.filter(|attachment| attachment.is_here()).map(|attachment| attachment.id)
    }

    /// Whether the customer themselves wrote it, and no program of theirs.
    pub fn is_by_customer(&self, is_automatic: impl FnOnce(&Self) -> bool) -> bool {
        self.author.kind == AuthorKind::Contact && !is_automatic(self)
    }

    /// The approximate size of its texts in bytes.
    pub fn text_bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.external_id.len()
            + self.content.len()
            + self.author.external_id.as_ref().map_or(0, |id| id.len())
            + length(&self.author.name)
            + length(&self.ai_tool)
            + self.details.as_ref().map_or(0, |details| details.text_bytes())
    }
}

/// Who may see a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum MessageKind {
    /// Part of the conversation with the customer.
    #[n(0)]
    Message,
    /// An internal note, never seen by the customer.
    #[n(1)]
    Comment,
}

impl Words for MessageKind {
    const PREFIX: &'static str = "MESSAGE_KIND_";
    const WORDS: &'static [(Self, i32, &'static str)] =
        &[(Self::Message, 1, "message"), (Self::Comment, 2, "comment")];
}
