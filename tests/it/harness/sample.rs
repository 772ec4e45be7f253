//! Import requests: small valid ones for a test to change.

use plaudit::proto::v1::{
    Author, AuthorKind, ConflictPolicy, Conversation, ImportConversationRequest, Message, MessageKind,
};
use prost_types::Timestamp;

/// The start of the sample conversations: 2025-12-01T09:00:00Z.
pub const BEGIN_SECONDS: i64 = 1_764_579_600;

/// A short exchange between a customer and a teammate, with this external id in the source `test`.
pub fn import(external_id: &str) -> ImportConversationRequest {
    let words = [
        (AuthorKind::Contact, "Hello, where is my order 4711? It should have arrived on Monday."),
        (AuthorKind::Teammate, "Good morning! I have checked order 4711: it left our warehouse yesterday."),
        (AuthorKind::Contact, "And when will it arrive?"),
        (
            AuthorKind::Teammate,
            "It will arrive tomorrow before noon. Is there anything else I can do for you?",
        ),
    ];
    let messages = words.into_iter().enumerate();
    import_of(external_id, messages.map(|(index, (kind, text))| message(index, kind, text)).collect())
}

/// These messages with this external id in the source `test`.
pub fn import_of(external_id: &str, messages: Vec<Message>) -> ImportConversationRequest {
    let conversation = Conversation {
        source: "test".to_owned(),
        external_id: external_id.to_owned(),
        subject: Some("Order 4711".to_owned()),
        ..Conversation::default()
    };
    let conversation = Some(conversation);
    ImportConversationRequest { conversation, messages, ..ImportConversationRequest::default() }
}

/// The message at an index: its external id is `m` and the index; messages are a minute apart.
pub fn message(place: usize, kind: AuthorKind, content: &str) -> Message {
    let (id, name) = match kind {
        AuthorKind::Contact => ("c1", "Ada"),
        AuthorKind::Ai => ("bot", "Helper"),
        _ => ("t1", "Tom"),
    };
    let author = Author { kind: kind.into(), external_id: Some(id.to_owned()), name: Some(name.to_owned()) };
    Message {
        external_id: format!("m{place}"),
        kind: MessageKind::Message.into(),
        content: Some(content.to_owned()),
        author: Some(author),
        create_time: Some(Timestamp { seconds: BEGIN_SECONDS + 60 * place as i64, nanos: 0 }),
        ..Message::default()
    }
}

/// Many short messages of the two sides in turn, starting with index `from`.
pub fn messages(from: usize, count: usize) -> Vec<Message> {
    let kinds = [AuthorKind::Contact, AuthorKind::Teammate];
    (from..from + count)
        .map(|place| message(place, kinds[place % 2], &format!("The words of message {place}.")))
        .collect()
}

/// The same request with another policy.
pub fn with_policy(request: ImportConversationRequest, policy: ConflictPolicy) -> ImportConversationRequest {
    ImportConversationRequest { on_conflict: policy.into(), ..request }
}

/// The same request with an id.
pub fn with_id(request: ImportConversationRequest, request_id: &str) -> ImportConversationRequest {
    ImportConversationRequest { request_id: request_id.to_owned(), ..request }
}

/// What the server should return for messages that were sent: everything but the name and etag, which it assigns.
pub fn without_names(messages: Vec<Message>) -> Vec<Message> {
    messages
        .into_iter()
        .map(|message| Message { name: String::new(), etag: String::new(), ..message })
        .collect()
}
