//! What is kept of a message that was stored singly, with everything a helpdesk says about it.

use minicbor::{Decode, Encode};

use super::{Attachment, MessageKind, draft::is_inline_image, plain_text};
use crate::domain::Words;

/// What a message has beyond an imported one, as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct MessageDetails {
    #[n(0)]
    pub direction: Direction,
    /// An internal note, whatever its direction.
    #[n(1)]
    pub is_private: bool,
    /// The format of the body as named by the source: `html`, `text`, `note`, …
    #[n(2)]
    pub body_type: String,
    #[n(3)]
    pub from_address: Option<String>,
    #[n(4)]
    pub from_name: Option<String>,
    /// Receivers, each an address or `Name <address>`.
    #[n(5)]
    pub to: Vec<String>,
    #[n(6)]
    pub cc: Vec<String>,
    #[n(7)]
    pub bcc: Vec<String>,
    #[n(8)]
    pub subject: Option<String>,
    #[n(9)]
    pub html_body: Option<String>,
    #[n(10)]
    pub plain_body: Option<String>,
    /// Without quoted history and signature, as cleaned by the source.
    #[n(11)]
    pub clean_body: Option<String>,
    /// JSON objects, kept as text.
    #[n(12)]
    pub raw_data: Option<String>,
    #[n(13)]
    pub sender: Option<String>,
    #[n(14)]
    pub sent_content: Option<String>,
    #[n(15)]
    pub intent_ids: Vec<IntentId>,
    #[n(16)]
    pub crm_notification_id: Option<String>,
    #[n(17)]
    pub contract_id: Option<String>,
    #[n(18)]
    pub customer_id: Option<String>,
    /// The agent's number in the source: of the author, or, for a customer's message, of the agent in charge.
    #[n(19)]
    pub agent_id: Option<i64>,
    #[n(20)]
    pub subchannel_id: Option<i64>,
    /// The id under which the source sent it. Unlike a message's external id it may recur with other content.
    #[n(21)]
    pub tracking_id: Option<String>,
    #[n(22)]
    pub attachments: Vec<Attachment>,
}

impl MessageDetails {
    /// The type of a body that is not HTML.
    pub const TEXT: &str = "text";
    /// The type of a body that does not say it.
    pub const HTML: &str = "html";

    pub fn kind(&self) -> MessageKind {
        if self.is_private || self.direction == Direction::Internal {
            MessageKind::Comment
        } else {
            MessageKind::Message
        }
    }

    /// Whether an agent wrote it: everything but what the customer sends in.
    pub fn is_by_agent(&self) -> bool {
        self.is_private || self.direction != Direction::In
    }

    /// Whether a file is an image that stood in its HTML, and no document that somebody attached.
    pub fn is_inline(&self, file: &Attachment) -> bool {
        let html = self.html_body.as_deref().unwrap_or_default();
        is_inline_image(&file.file_name) && html.contains(&format!("cid:{}", file.file_name))
    }

    /// How many files came with it, without images in its text.
    pub fn file_count(&self) -> usize {
        self.attachments.iter().filter(|file| !self.is_inline(file)).count()
    }

    /// The approximate size of its texts in bytes.
    pub fn text_bytes(&self) -> usize {
        let texts = [
            &self.from_address,
            &self.from_name,
            &self.subject,
            &self.html_body,
            &self.plain_body,
            &self.clean_body,
            &self.raw_data,
            &self.sender,
            &self.sent_content,
            &self.crm_notification_id,
            &self.contract_id,
            &self.customer_id,
            &self.tracking_id,
        ];
        let lists = [&self.to, &self.cc, &self.bcc];
        let in_lists = lists.iter().flat_map(|list| list.iter()).map(String::len).sum::<usize>();
        let in_attachments = self.attachments.iter().map(Attachment::text_bytes).sum::<usize>();
        texts.iter().filter_map(|text| text.as_ref()).map(String::len).sum::<usize>()
            + in_lists
            + in_attachments
    }
}

/// The words of a body: read as HTML unless its type says that it is text, in which `<` has no special meaning.
pub fn words_of_body(body: &str, body_type: &str) -> String {
    if body_type.eq_ignore_ascii_case(MessageDetails::TEXT) { body.to_owned() } else { plain_text(body) }
}

/// The direction of a message, from the company's point of view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Direction {
    /// From the customer.
    #[n(0)]
    #[default]
    In,
    /// To the customer.
    #[n(1)]
    Out,
    /// Between agents.
    #[n(2)]
    Internal,
}

impl Words for Direction {
    const PREFIX: &'static str = "MESSAGE_DIRECTION_";
    const WORDS: &'static [(Self, i32, &'static str)] =
        &[(Self::In, 1, "in"), (Self::Out, 2, "out"), (Self::Internal, 3, "internal")];
}

/// An intent that the source detected in a message, by the number or the name that it sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum IntentId {
    #[n(0)]
    Number(#[n(0)] i64),
    #[n(1)]
    Text(#[n(0)] String),
}
