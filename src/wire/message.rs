//! Messages between the domain and the API.

mod update;

use crate::{
    domain::{
        Attachment, AttachmentDraft, AttachmentId, ConversationId, IntentId, Message, MessageDetails,
        MessageDraft, MessageId, Path, Violations, WithoutBytes, rules::shown,
    },
    proto::v1,
};

use super::{
    author::{author_from_wire, author_to_wire},
    enums::{choice, number},
    fields::present,
    names, times,
};

pub use update::{UPDATED_FIELDS, update_from_wire};

/// A message as it is to be stored. What is wrong with it is named below `place`.
pub fn draft_from_wire(place: Path<'_>, message: v1::Message, violations: &mut Violations) -> MessageDraft {
    for (name, text) in [
        ("raw_data", &message.raw_data),
        ("sender", &message.sender),
        ("sent_content", &message.sent_content),
    ] {
        if let Some(text) = text.as_ref().filter(|text| !is_json_object(text)) {
            violations.add(place.field(name), format!("must be a JSON object, is {}", shown(text)));
        }
    }
    let create_time = message.create_time.as_ref();
    MessageDraft {
        direction: choice(place.field("direction"), message.direction, violations),
        is_private: message.private,
        body_type: present(message.r#type),
        from_address: message.from_address,
        from_name: message.from_name,
        to: message.to,
        cc: message.cc,
        bcc: message.bcc,
        subject: message.subject,
        content: message.content,
        fallback_text: None,
        html_body: message.html_body,
        plain_body: message.plain_body,
        clean_body: message.clean_body,
        raw_data: message.raw_data,
        sender: message.sender,
        sent_content: message.sent_content,
        intent_ids: message.intent_ids.into_iter().map(IntentId::Text).collect(),
        crm_notification_id: message.crm_notification_id,
        contract_id: message.contract_id,
        customer_id: message.customer_id,
        agent_id: message.agent_id,
        subchannel_id: message.subchannel_id,
        tracking_id: message.tracking_id.and_then(present),
        author: message.author.map(|author| author_from_wire(place.field("author"), author, violations)),
        ai_tool: message.ai_tool,
        is_automatic: message.automatic,
        create_time: create_time
            .and_then(|time| times::checked(place.field("create_time"), time, violations)),
        attachments: message.attachments.into_iter().map(attachment_from_wire).collect(),
        handling: Default::default(),
    }
}

fn is_json_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

fn attachment_from_wire(attachment: v1::Attachment) -> AttachmentDraft {
    AttachmentDraft {
        file_name: present(attachment.file_name),
        source_url: attachment.source_url.and_then(present),
        bytes: attachment.content,
        without_bytes: None,
    }
}

/// Whether a message brings more than its words, its author and its time.
pub fn is_detailed(message: &v1::Message) -> bool {
    let texts = [
        &message.from_address,
        &message.from_name,
        &message.subject,
        &message.html_body,
        &message.plain_body,
        &message.clean_body,
        &message.raw_data,
        &message.sender,
        &message.sent_content,
        &message.crm_notification_id,
        &message.contract_id,
        &message.customer_id,
        &message.tracking_id,
    ];
    message.direction != 0
        || message.private
        || !message.r#type.is_empty()
        || item_count(message) > 0
        || message.agent_id.is_some()
        || message.subchannel_id.is_some()
        || texts.iter().any(|text| text.is_some())
}

/// How many items its lists have together.
pub fn item_count(message: &v1::Message) -> usize {
    let receivers = message.to.len() + message.cc.len() + message.bcc.len();
    receivers + message.intent_ids.len() + message.attachments.len()
}

/// What an import brings besides; only there may an attachment be without its bytes.
pub fn details_from_wire(place: Path<'_>, message: v1::Message, violations: &mut Violations) -> MessageDraft {
    let without_bytes = |attachment: &v1::Attachment| {
        attachment.content_missing.then(|| WithoutBytes {
            size_bytes: attachment.size_bytes.and_then(|size| size.try_into().ok()),
            content_type: attachment.content_type.clone(),
            width: attachment.width.and_then(|width| width.try_into().ok()),
            height: attachment.height.and_then(|height| height.try_into().ok()),
        })
    };
    let missing: Vec<_> = message.attachments.iter().map(without_bytes).collect();
    let mut draft = draft_from_wire(place, message, violations);
    for (attachment, without_bytes) in draft.attachments.iter_mut().zip(missing) {
        attachment.without_bytes = without_bytes;
    }
    draft
}

/// `link` makes the secret part of an attachment's download path.
pub fn message_to_wire(
    conversation: ConversationId,
    message: Message,
    etag: String,
    link: impl Fn(AttachmentId) -> String,
) -> v1::Message {
    let event_id = message.details.as_ref().map_or(0, |_| message.event_number() as i64);
    let details = message.details.map(|details| details_to_wire(conversation, message.id, *details, &link));
    v1::Message {
        name: names::message(conversation, message.id),
        external_id: message.external_id.into(),
        kind: number(Some(message.kind)),
        content: Some(message.content),
        author: Some(author_to_wire(message.author)),
        create_time: Some(times::to_wire(message.create_time)),
        ai_tool: message.ai_tool,
        automatic: message.is_automatic,
        update_time: message.update_time.map(times::to_wire),
        etag,
        event_id,
        ..details.unwrap_or_default()
    }
}

/// A message with nothing but its details.
fn details_to_wire(
    conversation: ConversationId,
    message: MessageId,
    details: MessageDetails,
    link: &impl Fn(AttachmentId) -> String,
) -> v1::Message {
    let intents = details.intent_ids.into_iter().map(|intent| match intent {
        IntentId::Number(number) => number.to_string(),
        IntentId::Text(text) => text,
    });
    let attachments = details.attachments.into_iter();
    let attachments =
        attachments.map(|attachment| attachment_to_wire(conversation, message, attachment, link));
    v1::Message {
        direction: number(Some(details.direction)),
        private: details.is_private,
        r#type: details.body_type,
        from_address: details.from_address,
        from_name: details.from_name,
        to: details.to,
        cc: details.cc,
        bcc: details.bcc,
        subject: details.subject,
        html_body: details.html_body,
        plain_body: details.plain_body,
        clean_body: details.clean_body,
        raw_data: details.raw_data,
        sender: details.sender,
        sent_content: details.sent_content,
        intent_ids: intents.collect(),
        crm_notification_id: details.crm_notification_id,
        contract_id: details.contract_id,
        customer_id: details.customer_id,
        agent_id: details.agent_id,
        subchannel_id: details.subchannel_id,
        tracking_id: details.tracking_id,
        attachments: attachments.collect(),
        ..v1::Message::default()
    }
}

fn attachment_to_wire(
    conversation: ConversationId,
    message: MessageId,
    attachment: Attachment,
    link: impl Fn(AttachmentId) -> String,
) -> v1::Attachment {
    let path = || format!("/attachments/{}", link(attachment.id));
    v1::Attachment {
        name: names::attachment(conversation, message, attachment.id),
        download_path: attachment.is_here().then(path),
        content_missing: attachment.is_missing,
        file_name: attachment.file_name,
        source_url: attachment.source_url,
        content: None,
        size_bytes: attachment.size_bytes.and_then(|size| size.try_into().ok()),
        content_type: attachment.content_type,
        width: attachment.width.and_then(|width| width.try_into().ok()),
        height: attachment.height.and_then(|height| height.try_into().ok()),
    }
}
