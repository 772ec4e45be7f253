//! What is to be changed of a message, on the wire.

use crate::{
    domain::{
        Author, AuthorKind, Direction, KeptAttachment, MessageChange, MessageId, MessageKind, Violations,
    },
    proto::v1,
};

use super::{
    super::{author::author_from_wire, fields::present, handling::choice, names, times},
    DIRECTIONS,
};

const KINDS: [(v1::MessageKind, MessageKind); 2] =
    [(v1::MessageKind::Message, MessageKind::Message), (v1::MessageKind::Comment, MessageKind::Comment)];

/// The fields that the mask names. `id` is that of the message, if its name could be read.
pub fn change_from_wire(
    message: v1::Message,
    id: Option<MessageId>,
    paths: &[String],
    violations: &mut Violations,
) -> MessageChange {
    let mut change = MessageChange::default();
    if paths.is_empty() {
        violations.add("update_mask", "is required: it names the fields that change");
    }
    for path in paths {
        match path.as_str() {
            "content" => change.content = Some(message.content.clone().unwrap_or_default()),
            "html_body" => change.html_body = Some(message.html_body.clone()),
            "plain_body" => change.plain_body = Some(message.plain_body.clone()),
            "clean_body" => change.clean_body = Some(message.clean_body.clone()),
            "subject" => change.subject = Some(message.subject.clone()),
            "direction" => change.direction = required_direction(message.direction, violations),
            "private" => change.is_private = Some(message.private),
            "kind" => change.kind = required_kind(message.kind, violations),
            "ai_tool" => change.ai_tool = Some(message.ai_tool.clone()),
            "author" => change.author = required_author(message.author.clone(), violations),
            "create_time" => match &message.create_time {
                Some(time) => change.create_time = times::checked("message.create_time", time, violations),
                None => violations.add("message.create_time", "is required"),
            },
            "attachments" => change.attachments = Some(kept_from_wire(&message.attachments, id, violations)),
            other => {
                let shown: String = other.chars().take(60).collect();
                let rule = "may name content, html_body, plain_body, clean_body, subject, direction, private, kind, \
                            author, create_time, ai_tool and attachments";
                violations.add("update_mask", format!("{rule}, names {shown:?}"));
            }
        }
    }
    change
}

fn required_direction(direction: i32, violations: &mut Violations) -> Option<Direction> {
    if direction == 0 {
        violations.add("message.direction", "is required");
    }
    choice("message.direction", &DIRECTIONS, direction, violations)
}

fn required_kind(kind: i32, violations: &mut Violations) -> Option<MessageKind> {
    if kind == 0 {
        violations.add("message.kind", "is required");
    }
    choice("message.kind", &KINDS, kind, violations)
}

fn required_author(author: Option<v1::Author>, violations: &mut Violations) -> Option<Author> {
    let draft = author_from_wire("message.author", author.unwrap_or_default(), violations);
    if draft.kind.is_none() {
        violations.add("message.author.kind", "is required");
    }
    // Of one whose kind is wrong the rest is looked at too.
    let kind = draft.kind.unwrap_or(AuthorKind::Teammate);
    Some(Author { kind, external_id: draft.external_id, name: draft.name })
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
