//! The demo's data: the files in `demo/`, and the requests made from them.

use prost_types::Timestamp;
use serde::Deserialize;

use crate::proto::v1::{
    Author, AuthorKind, ConflictPolicy, Conversation, ConversationStatus, ImportConversationRequest, Message,
    MessageDirection, MessageKind, RatingType, StoreMessageRequest,
};

const CONVERSATIONS: &str = include_str!("../../../demo/conversations.json");
const TICKET: &str = include_str!("../../../demo/ticket.json");
const RATINGS: &str = include_str!("../../../demo/ratings.json");

pub struct Samples {
    pub conversations: Vec<SampleConversation>,
    pub ticket: SampleTicket,
    pub ratings: Vec<SampleRating>,
}

impl Samples {
    pub fn read() -> Result<Self, serde_json::Error> {
        Ok(Self {
            conversations: serde_json::from_str(CONVERSATIONS)?,
            ticket: serde_json::from_str(TICKET)?,
            ratings: serde_json::from_str(RATINGS)?,
        })
    }
}

/// A conversation that is imported as a whole; the file has the format of a CraftCX import.
#[derive(Deserialize)]
pub struct SampleConversation {
    pub about: String,
    source: String,
    ticket_id: String,
    subject: String,
    messages: Vec<ImportedMessage>,
}

#[derive(Deserialize)]
struct ImportedMessage {
    external_id: String,
    kind: String,
    content: String,
    author: SampleAuthor,
    timestamp: i64,
    ai_tool: Option<String>,
}

#[derive(Deserialize)]
struct SampleAuthor {
    r#type: String,
    external_id: String,
    name: String,
}

/// A conversation that is stored message by message.
#[derive(Deserialize)]
pub struct SampleTicket {
    source: String,
    pub ticket_id: String,
    subject: String,
    due_time: i64,
    messages: Vec<StoredMessage>,
}

#[derive(Deserialize)]
struct StoredMessage {
    tracking_id: String,
    direction: String,
    content: String,
    author: SampleAuthor,
    timestamp: i64,
    status: Option<String>,
}

/// A rating question for a customer, and the customer's answer.
#[derive(Deserialize)]
pub struct SampleRating {
    pub conversation: String,
    r#type: String,
    pub value: Option<i32>,
    pub comment: Option<String>,
}

// Unknown words become UNSPECIFIED, which the server refuses with the field's name.

impl SampleConversation {
    /// Its name, whether it is stored or not.
    pub fn name(&self) -> String {
        format!("conversations/{}:{}", self.source, self.ticket_id)
    }

    pub fn into_request(self) -> ImportConversationRequest {
        let conversation = Conversation {
            source: self.source,
            external_id: self.ticket_id,
            subject: Some(self.subject),
            ..Conversation::default()
        };
        ImportConversationRequest {
            conversation: Some(conversation),
            messages: self.messages.into_iter().map(ImportedMessage::into_wire).collect(),
            on_conflict: ConflictPolicy::ReturnExisting.into(),
            ..ImportConversationRequest::default()
        }
    }
}

impl ImportedMessage {
    fn into_wire(self) -> Message {
        let kind = MessageKind::from_str_name(&format!("MESSAGE_KIND_{}", self.kind.to_uppercase()));
        Message {
            external_id: self.external_id,
            kind: kind.unwrap_or_default().into(),
            content: Some(self.content),
            author: Some(self.author.into_wire()),
            create_time: Some(timestamp(self.timestamp)),
            ai_tool: self.ai_tool,
            ..Message::default()
        }
    }
}

impl SampleAuthor {
    fn into_wire(self) -> Author {
        let kind = AuthorKind::from_str_name(&format!("AUTHOR_KIND_{}", self.r#type.to_uppercase()));
        Author {
            kind: kind.unwrap_or_default().into(),
            external_id: Some(self.external_id),
            name: Some(self.name),
        }
    }
}

impl SampleTicket {
    /// The ticket's resource name.
    pub fn conversation(&self) -> String {
        format!("conversations/{}:{}", self.source, self.ticket_id)
    }

    /// Each message has a tracking id, so that storing it again returns the stored one.
    pub fn into_requests(self) -> Vec<StoreMessageRequest> {
        let parent = self.conversation();
        let (subject, due_time) = (self.subject, timestamp(self.due_time));
        let request = |message: StoredMessage| StoreMessageRequest {
            parent: parent.clone(),
            status: message.status.as_deref().map_or(0, status),
            due_time: Some(due_time),
            message: Some(message.into_wire(&subject)),
            ..StoreMessageRequest::default()
        };
        self.messages.into_iter().map(request).collect()
    }
}

impl StoredMessage {
    fn into_wire(self, subject: &str) -> Message {
        let direction =
            MessageDirection::from_str_name(&format!("MESSAGE_DIRECTION_{}", self.direction.to_uppercase()));
        Message {
            direction: direction.unwrap_or_default().into(),
            content: Some(self.content),
            author: Some(self.author.into_wire()),
            create_time: Some(timestamp(self.timestamp)),
            subject: Some(subject.to_owned()),
            tracking_id: Some(self.tracking_id),
            ..Message::default()
        }
    }
}

impl SampleRating {
    pub fn rating_type(&self) -> RatingType {
        let name = format!("RATING_TYPE_{}", self.r#type.to_uppercase());
        RatingType::from_str_name(&name).unwrap_or_default()
    }
}

fn status(word: &str) -> i32 {
    let name = format!("CONVERSATION_STATUS_{}", word.to_uppercase());
    ConversationStatus::from_str_name(&name).unwrap_or_default().into()
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp { seconds: millis.div_euclid(1000), nanos: (millis.rem_euclid(1000) * 1_000_000) as i32 }
}
