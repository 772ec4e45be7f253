//! What is to be changed of a message, on the wire.

use crate::{
    domain::{KeptAttachment, MessageId, MessageUpdate, Path, UpdateMask, Violations, rules::required},
    proto::v1,
};

use super::super::{author::author_from_wire, enums::choice, fields::present, names, times};

/// What can be changed, in the order in which it is told.
pub const UPDATED_FIELDS: [&str; 13] = [
    "content",
    "html_body",
    "plain_body",
    "clean_body",
    "subject",
    "direction",
    "private",
    "kind",
    "author",
    "create_time",
    "ai_tool",
    "attachments",
    "automatic",
];

/// The fields that the mask names. `id` is that of the message, if its name could be read.
pub fn update_from_wire(
    message: v1::Message,
    id: Option<MessageId>,
    paths: &[String],
    violations: &mut Violations,
) -> MessageUpdate {
    let mask = UpdateMask::explicit(paths, &UPDATED_FIELDS, violations);
    let takes = |field: &str| mask.names(field, false);
    let at = Path::of("message");
    let mut update = MessageUpdate {
        content: takes("content").then(|| message.content.unwrap_or_default()),
        html_body: takes("html_body").then_some(message.html_body),
        plain_body: takes("plain_body").then_some(message.plain_body),
        clean_body: takes("clean_body").then_some(message.clean_body),
        subject: takes("subject").then_some(message.subject),
        ai_tool: takes("ai_tool").then_some(message.ai_tool),
        is_private: takes("private").then_some(message.private),
        is_automatic: takes("automatic").then_some(message.automatic),
        ..MessageUpdate::default()
    };
    if takes("direction") {
        let direction = choice(at.field("direction"), message.direction, violations);
        update.direction = violations.check(at.field("direction"), required(direction));
    }
    if takes("kind") {
        let kind = choice(at.field("kind"), message.kind, violations);
        update.kind = violations.check(at.field("kind"), required(kind));
    }
    if takes("author") {
        let author = author_from_wire("message.author", message.author.unwrap_or_default(), violations);
        update.author = author.check_whole(at.field("author"), violations);
    }
    if takes("create_time") {
        let time = message.create_time.as_ref();
        let time = time.and_then(|time| times::checked("message.create_time", time, violations));
        update.create_time = violations.check(at.field("create_time"), required(time));
    }
    if takes("attachments") {
        update.attachments = Some(kept_from_wire(&message.attachments, id, violations));
    }
    update
}

/// The attachments that stay.
fn kept_from_wire(
    attachments: &[v1::Attachment],
    id: Option<MessageId>,
    violations: &mut Violations,
) -> Vec<KeptAttachment> {
    let kept = attachments.iter().enumerate().map(|(index, attachment)| {
        let field = |name: &str| format!("message.attachments[{index}].{name}");
        if attachment.content.is_some() {
            violations.add(field("content"), "must be absent: a file is neither added nor replaced");
        }
        let named = violations.take(names::parse_attachment(&field("name"), &attachment.name));
        if named.is_some_and(|(message, _)| id.is_some_and(|id| id != message)) {
            let shown: String = attachment.name.chars().take(200).collect();
            violations.add(field("name"), format!("must name an attachment of the message, is {shown:?}"));
        }
        KeptAttachment {
            id: named.map(|(_, number)| number),
            file_name: present(attachment.file_name.clone()),
            source_url: attachment.source_url.clone().and_then(present),
        }
    });
    kept.collect()
}
