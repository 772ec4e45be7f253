//! A whole conversation as an import brings it.

use crate::{
    domain::{
        ConversationDraft, ImportLimits, ImportedMessageDraft, NewConversation, Path, Violations,
        append::Differences,
    },
    proto::v1,
};

use super::{
    author::author_from_wire,
    enums::choice,
    fields::present,
    handling,
    message::{details_from_wire, is_detailed},
    rating, times,
};

/// Why a conversation comes without its messages.
pub const MESSAGES_ARE_OUTPUT: &str = "is output only; put the messages into `messages`";

/// The conversation that an import brings, or everything that is wrong with it under the request's own names. What is wrong
/// with the rest of the request is among the `violations` already.
pub fn conversation_from_wire(
    request: v1::ImportConversationRequest,
    append_after: Option<String>,
    limits: ImportLimits,
    mut violations: Violations,
) -> Result<NewConversation, Violations> {
    let ratings = request.ratings.into_iter().enumerate();
    let ratings = ratings.map(|(index, rating)| rating::imported_from_wire(index, rating, &mut violations));
    let ratings = ratings.collect();
    let conversation = request.conversation.unwrap_or_default();
    let draft = draft_from_wire(conversation, request.messages, &mut violations);
    let (without_messages, additions_only) = (request.without_messages, request.additions_only);
    let draft = ConversationDraft { ratings, append_after, without_messages, additions_only, ..draft };
    draft.check(limits, violations).map_err(|violations| violations.renamed(wire_field).by_path())
}

/// In this request the conversation's fields are nested under `conversation`.
fn wire_field(field: &str) -> String {
    const OF_CONVERSATION: [&str; 15] = [
        "source",
        "external_id",
        "subject",
        "status",
        "status_changes",
        "priority",
        "first_response_due_time",
        "due_time",
        "assignee",
        "tags",
        "team",
        "channel",
        "subchannel_id",
        "language",
        "update_time",
    ];
    let first = field.split(['.', '[']).next().unwrap_or_default();
    if OF_CONVERSATION.contains(&first) { format!("conversation.{field}") } else { field.to_owned() }
}

/// What an append did not take, and how much more than that.
pub fn differences_to_wire(differences: &Differences) -> (Vec<v1::ImportDifference>, i32) {
    let named = differences.iter().map(|it| {
        let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
        let description = format!("stays {}, not {}: {}", shown(&it.kept), shown(&it.given), it.because);
        let (kept, given) = (it.kept.clone(), it.given.clone());
        v1::ImportDifference { field: wire_field(&it.field), kept, given, description }
    });
    (named.collect(), i32::try_from(differences.left_out()).unwrap_or(i32::MAX))
}

fn draft_from_wire(
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
    let (subject, language) = (conversation.subject.take(), conversation.language.take());
    let update_time = conversation.update_time.take();
    let update_time = update_time.and_then(|time| times::checked("update_time", &time, violations));
    let (handling, status_changes) = handling::imported_from_wire(conversation, violations);
    ConversationDraft {
        source,
        external_id,
        subject,
        language,
        messages,
        handling,
        status_changes,
        update_time,
        ..ConversationDraft::default()
    }
}

fn message_from_wire(
    index: usize,
    mut message: v1::Message,
    is_numbered: bool,
    violations: &mut Violations,
) -> ImportedMessageDraft {
    let at = Path::ROOT.item("messages", index);
    let number = is_numbered.then(|| message.name.rsplit('/').next()?.parse().ok()).flatten();
    let author = message.author.take().unwrap_or_default();
    let create_time = message.create_time.take();
    let create_time = create_time.and_then(|time| times::checked(at.field("create_time"), &time, violations));
    let update_time = message.update_time.take();
    let update_time = update_time.and_then(|time| times::checked(at.field("update_time"), &time, violations));
    let kind = choice(at.field("kind"), message.kind, violations);
    let author = author_from_wire(at.field("author"), author, violations);
    let external_id = present(std::mem::take(&mut message.external_id));
    let (content, ai_tool) = (message.content.take(), message.ai_tool.take());
    let is_automatic = message.automatic;
    let details = is_detailed(&message).then(|| Box::new(details_from_wire(at, message, violations)));
    ImportedMessageDraft {
        external_id,
        kind,
        content,
        author,
        create_time,
        ai_tool,
        is_automatic,
        update_time,
        number,
        details,
    }
}
