//! A whole conversation as an import brings it.

use crate::{
    domain::{ConversationDraft, ImportedMessageDraft, Violations},
    proto::v1,
};

use super::{
    author::author_from_wire,
    enums::choice,
    fields::present,
    handling,
    message::{details_from_wire, is_detailed},
    times,
};

/// Why a conversation comes without its messages.
pub const MESSAGES_ARE_OUTPUT: &str = "is output only; the messages belong into `messages`";

pub fn draft_from_wire(
    mut conversation: v1::Conversation,
    messages: Vec<v1::Message>,
    violations: &mut Violations,
) -> ConversationDraft {
    if !conversation.messages.is_empty() {
        violations.add("conversation.messages", MESSAGES_ARE_OUTPUT);
    }
    // What status changes say of their places is meant by the numbers in the messages' names.
    let is_numbered = conversation.status_changes.iter().any(|change| change.after_message.is_some());
    let drafts = messages.into_iter().enumerate();
    let messages =
        drafts.map(|(index, message)| message_from_wire(index, message, is_numbered, violations)).collect();
    let source = present(std::mem::take(&mut conversation.source));
    let external_id = present(std::mem::take(&mut conversation.external_id));
    let subject = conversation.subject.take();
    let (handling, status_changes) = handling::imported_from_wire(conversation, violations);
    let draft = ConversationDraft::default();
    ConversationDraft { source, external_id, subject, messages, handling, status_changes, ..draft }
}

fn message_from_wire(
    index: usize,
    mut message: v1::Message,
    is_numbered: bool,
    violations: &mut Violations,
) -> ImportedMessageDraft {
    let number = is_numbered.then(|| message.name.rsplit('/').next()?.parse().ok()).flatten();
    let author = message.author.take().unwrap_or_default();
    let create_time = message.create_time.take();
    let create_time = create_time
        .and_then(|time| times::checked(&format!("messages[{index}].create_time"), &time, violations));
    let kind = choice(format!("messages[{index}].kind"), message.kind, violations);
    let author = author_from_wire(&format!("messages[{index}].author"), author, violations);
    let external_id = present(std::mem::take(&mut message.external_id));
    let (content, ai_tool) = (message.content.take(), message.ai_tool.take());
    let details = is_detailed(&message)
        .then(|| Box::new(details_from_wire(&format!("messages[{index}]"), message, violations)));
    ImportedMessageDraft { external_id, kind, content, author, create_time, ai_tool, number, details }
}
