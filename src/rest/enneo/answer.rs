//! A stored message as Enneo documents it.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    domain::{
        Attachment, Author, AuthorKind, ConversationId, Direction, ExternalId, IntentId, Message,
        MessageDetails, words_of_body,
    },
    interchange::json,
    rest::request,
    service::{Services, directory, message::StoredMessage},
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

/// What Enneo calls a conversation: one message. Every field is always present.
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
    /// Always null.
    cortex_request_id: Option<u64>,
    attachments: Vec<File>,
    crm_notification_id: Option<Value>,
    /// Seconds since 1970, like the two below.
    created_at: i64,
    modified_at: i64,
    /// Always null: deleted messages are not returned.
    deleted_at: Option<i64>,
    /// Not Enneo's: that the caller said so. Absent otherwise, as in its documentation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    automatic: bool,
}

#[derive(Serialize)]
struct Sender {
    id: Option<i64>,
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
    /// Always null: nothing is extracted from files.
    extracted_data: Option<Value>,
    extraction_status: Option<String>,
    extraction_data: Option<Value>,
}

/// The numbers that identify a message's people to callers, the same as in a ticket's assessments.
#[derive(Clone, Copy, Debug, Default)]
pub struct People {
    sender: Option<i64>,
    agent: Option<i64>,
}

impl People {
    /// The sender's number is the one that was sent, else the author's. An external id in the dialect's source that is a number
    /// needs no directory lookup; anybody else is added to the directory when first seen. If that fails the number is unknown:
    /// the message is already stored, and an error would make the caller send it again.
    pub async fn of(services: &Services, stored: &StoredMessage) -> Self {
        let message = &stored.message;
        let details = message.details.as_deref();
        let agent_id = details.and_then(|details| details.agent_id);
        let in_charge = agent_id.map(|id| Author {
            kind: AuthorKind::Teammate,
            external_id: Some(ExternalId::of_number(id)),
            name: None,
        });
        let sent = details.and_then(sent_number);
        let is_by_agent = details.is_some_and(MessageDetails::is_by_agent);
        let author = Some(&message.author).filter(|_| sent.is_none());
        let agent = in_charge.as_ref().map(|in_charge| if is_by_agent { &message.author } else { in_charge });
        let wanted: Vec<&Author> = author.into_iter().chain(agent).collect();
        let source = services.settings().enneo_source;
        let numbers =
            directory::numbers_of(request::call(services), source, &stored.conversation, &wanted).await;
        let numbers = numbers.unwrap_or_else(|error| {
            tracing::warn!(%error, "could not look up the numbers of a stored message's people");
            Vec::new()
        });
        let mut numbers = numbers.into_iter().map(|number| i64::try_from(number).ok());
        let mut next = |is_wanted: bool| if is_wanted { numbers.next().flatten() } else { None };
        let author = next(author.is_some());
        Self { sender: sent.or(author), agent: next(agent.is_some()) }
    }
}

/// The id in the `sender` object that was sent.
fn sent_number(details: &MessageDetails) -> Option<i64> {
    let sent: Map<String, Value> = serde_json::from_str(details.sender.as_deref()?).ok()?;
    match sent.get("id")? {
        Value::String(text) => json::whole_number(&number_or_text(text.clone())),
        id => json::whole_number(id),
    }
}

/// `base_url` is the server's own URL as the caller used it, without a trailing slash.
pub fn stored_to_json(
    services: &Services,
    base_url: &str,
    ticket_id: u64,
    stored: StoredMessage,
    people: People,
) -> Stored {
    let event_id = stored.message.event_number();
    let conversation = stored.conversation.id;
    Stored {
        success: true,
        conversation_id: stored.message.id.0,
        ticket_id,
        conversation: interaction(services, base_url, ticket_id, conversation, people, stored.message),
        event_id,
    }
}

fn interaction(
    services: &Services,
    base_url: &str,
    ticket_id: u64,
    conversation: ConversationId,
    people: People,
    message: Message,
) -> Interaction {
    let details = message.details.map(|details| *details).unwrap_or_default();
    let created_at = message.create_time.millis().div_euclid(1000);
    let [body_plain, body_clean] = bodies(&details, &message.content);
    let file_to_json = |file| file_to_json(services, base_url, conversation, file, details.is_inline(file));
    let attachments = details.attachments.iter().map(file_to_json).collect();
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
        sender: Sender {
            id: people.sender,
            name: details.from_name.clone(),
            email: details.from_address.clone(),
        },
        attachments,
        r#type: details.body_type,
        from_email: details.from_address,
        from_email_name: details.from_name,
        agent_id: people.agent,
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
        modified_at: message.update_time.map_or(created_at, |time| time.millis().div_euclid(1000)),
        deleted_at: None,
        automatic: message.is_automatic,
    }
}

/// The plain and clean bodies: each as it was sent, else the HTML body without tags, else the message's text.
fn bodies(details: &MessageDetails, content: &str) -> [String; 2] {
    let sent = [details.plain_body.clone(), details.clean_body.clone()];
    if let [Some(plain), Some(clean)] = sent {
        return [plain, clean];
    }
    let of_body = details.html_body.as_deref().map(|body| words_of_body(body, &details.body_type));
    let words = of_body.unwrap_or_else(|| content.to_owned());
    let [plain, clean] = sent;
    let plain = plain.unwrap_or_else(|| words.clone());
    let clean = clean.unwrap_or_else(|| if details.html_body.is_some() { words } else { plain.clone() });
    [plain, clean]
}

fn file_to_json(
    services: &Services,
    base_url: &str,
    conversation: ConversationId,
    file: &Attachment,
    inline: bool,
) -> File {
    let own_url = || format!("{base_url}/attachments/{}", services.attachment_link(conversation, file.id));
    File {
        id: file.id.to_string(),
        url: file.source_url.clone().unwrap_or_else(own_url),
        name: file.file_name.clone(),
        size: file.size_bytes,
        width: file.width,
        height: file.height,
        inline,
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

/// Enneo documents a string in requests and a number in responses: a string that is a number is shown as one.
fn number_or_text(text: String) -> Value {
    const MAX: i64 = 1 << 53;
    match text.parse::<i64>() {
        Ok(number) if (-MAX..=MAX).contains(&number) && number.to_string() == text => number.into(),
        _ => text.into(),
    }
}
