//! A conversation as a request.

use prost_types::Timestamp;

use crate::{
    domain::{Author, AuthorKind, MessageKind, NewConversation, NewMessage, UnixMillis},
    proto::v1::{self, ConflictPolicy, ImportConversationRequest},
};

pub fn to_request(new: NewConversation, on_conflict: ConflictPolicy) -> ImportConversationRequest {
    let conversation = v1::Conversation {
        source: new.source,
        external_id: new.external_id,
        subject: new.subject,
        ..v1::Conversation::default()
    };
    ImportConversationRequest {
        conversation: Some(conversation),
        messages: new.messages.into_iter().map(message).collect(),
        on_conflict: on_conflict.into(),
        ..ImportConversationRequest::default()
    }
}

fn message(message: NewMessage) -> v1::Message {
    let kind = match message.kind {
        MessageKind::Message => v1::MessageKind::Message,
        MessageKind::Comment => v1::MessageKind::Comment,
    };
    v1::Message {
        external_id: message.external_id,
        kind: kind.into(),
        content: Some(message.content),
        author: Some(author(message.author)),
        create_time: Some(timestamp(message.create_time)),
        ai_tool: message.ai_tool,
        ..v1::Message::default()
    }
}

fn author(author: Author) -> v1::Author {
    let kind = match author.kind {
        AuthorKind::Contact => v1::AuthorKind::Contact,
        AuthorKind::Ai => v1::AuthorKind::Ai,
        AuthorKind::Teammate => v1::AuthorKind::Teammate,
    };
    v1::Author { kind: kind.into(), external_id: author.external_id, name: author.name }
}

fn timestamp(time: UnixMillis) -> Timestamp {
    Timestamp { seconds: time.0.div_euclid(1000), nanos: (time.0.rem_euclid(1000) * 1_000_000) as i32 }
}
