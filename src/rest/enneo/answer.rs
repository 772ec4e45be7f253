//! A stored message as the document shows it.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    domain::{Attachment, ConversationId, Direction, IntentId, Message, MessageDetails, plain_text},
    service::{Services, message::StoredMessage},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    success: bool,
    conversation_id: u64,
    ticket_id: u64,
    conversation: Interaction,
    event_id: u64,
}

/// What Enneo calls a conversation: one message. Every field is always there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Interaction {
    id: u64,
    ticket_id: u64,
    r#type: String,
    direction: &'static str,
    private: bool,
    is_draft: bool,
    from_email: Option<String>,
    from_email_name: Option<String>,
    agent_id: Option<i64>,
    sender: Sender,
    to_email: Vec<String>,
    cc_emails: Vec<String>,
    body: String,
    body_plain: String,
    body_clean: String,
    content: Content,
    intent_ids: Vec<Value>,
    /// Nothing here has one.
    cortex_request_id: Option<u64>,
    attachments: Vec<File>,
    crm_notification_id: Option<Value>,
    /// Seconds since 1970, as are the two below.
    created_at: i64,
    modified_at: i64,
    /// A deleted message is not answered.
    deleted_at: Option<i64>,
}

#[derive(Serialize)]
struct Sender {
    id: Option<Value>,
    name: Option<String>,
    email: Option<String>,
}

#[derive(Serialize)]
struct Content {
    message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File {
    id: String,
    url: String,
    name: String,
    size: Option<u64>,
    width: Option<u32>,
    height: Option<u32>,
    inline: bool,
    file_ending: Option<String>,
    content_type: Option<String>,
    original_url: Option<String>,
    /// Nothing is extracted from files.
    extracted_data: Option<Value>,
    extraction_status: Option<String>,
    extraction_data: Option<Value>,
}

/// `base_url` is where this server was called, without a slash at its end.
pub fn stored_to_json(services: &Services, base_url: &str, ticket_id: u64, stored: StoredMessage) -> Stored {
    let event_id = stored.message.event_number();
    let conversation = stored.conversation.id;
    Stored {
        success: true,
        conversation_id: stored.message.id.0,
        ticket_id,
        conversation: interaction(services, base_url, ticket_id, conversation, stored.message),
        event_id,
    }
}

fn interaction(
    services: &Services,
    base_url: &str,
    ticket_id: u64,
    conversation: ConversationId,
    message: Message,
) -> Interaction {
    let details = message.details.map(|details| *details).unwrap_or_default();
    let created_at = message.create_time.0.div_euclid(1000);
    let [body_plain, body_clean] = bodies(&details, &message.content);
    let files = details.attachments.iter();
    Interaction {
        id: message.id.0,
        ticket_id,
        direction: match details.direction {
            Direction::In => "in",
            Direction::Out => "out",
            Direction::Internal => "internal",
        },
        private: details.is_private,
        is_draft: false,
        sender: sender(&details),
        attachments: files.map(|file| file_to_json(services, base_url, conversation, file)).collect(),
        r#type: details.body_type,
        from_email: details.from_address,
        from_email_name: details.from_name,
        agent_id: details.agent_id,
        to_email: details.to,
        cc_emails: details.cc,
        body: details.html_body.unwrap_or_default(),
        body_plain,
        body_clean,
        content: Content { message: message.content },
        intent_ids: details.intent_ids.into_iter().map(intent_to_json).collect(),
        cortex_request_id: None,
        crm_notification_id: details.crm_notification_id.map(number_or_text),
        created_at,
        modified_at: message.update_time.map_or(created_at, |time| time.0.div_euclid(1000)),
        deleted_at: None,
    }
}

/// Plain and clean, each as it was sent, else the body without tags, else what words there are.
fn bodies(details: &MessageDetails, content: &str) -> [String; 2] {
    let sent = [details.plain_body.clone(), details.clean_body.clone()];
    if let [Some(plain), Some(clean)] = sent {
        return [plain, clean];
    }
    let words = details.html_body.as_deref().map(plain_text).unwrap_or_else(|| content.to_owned());
    let [plain, clean] = sent;
    let plain = plain.unwrap_or_else(|| words.clone());
    let clean = clean.unwrap_or_else(|| if details.html_body.is_some() { words } else { plain.clone() });
    [plain, clean]
}

/// Its number is the one that was sent, else the agent's where an agent wrote it.
fn sender(details: &MessageDetails) -> Sender {
    let sent: Option<Map<String, Value>> =
        details.sender.as_deref().and_then(|sender| serde_json::from_str(sender).ok());
    let sent_id = sent.and_then(|mut sent| sent.remove("id")).filter(|id| id.is_number() || id.is_string());
    Sender {
        id: sent_id.or(details.agent_id.filter(|_| details.is_by_agent()).map(Value::from)),
        name: details.from_name.clone(),
        email: details.from_address.clone(),
    }
}

fn file_to_json(
    services: &Services,
    base_url: &str,
    conversation: ConversationId,
    file: &Attachment,
) -> File {
    let own_url = || format!("{base_url}/attachments/{}", services.attachment_link(conversation, file.id));
    File {
        id: file.id.to_string(),
        url: file.source_url.clone().unwrap_or_else(own_url),
        name: file.file_name.clone(),
        size: file.size_bytes,
        width: file.width,
        height: file.height,
        inline: false,
        file_ending: file.file_ending(),
        content_type: file.content_type.clone(),
        original_url: file.source_url.clone(),
        extracted_data: None,
        extraction_status: None,
        extraction_data: None,
    }
}

fn intent_to_json(intent: IntentId) -> Value {
    match intent {
        IntentId::Number(number) => number.into(),
        IntentId::Text(text) => text.into(),
    }
}

/// The document sends a string and shows a number: a string that is a number is shown as one.
fn number_or_text(text: String) -> Value {
    const MAX: i64 = 1 << 53;
    match text.parse::<i64>() {
        Ok(number) if (-MAX..=MAX).contains(&number) && number.to_string() == text => number.into(),
        _ => text.into(),
    }
}
