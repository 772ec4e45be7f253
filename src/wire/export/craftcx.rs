//! A conversation as a request.

use crate::{
    domain::{NewConversation, NewImportedMessage},
    proto::v1::{self, ConflictPolicy, ImportConversationRequest},
    wire::{author::author_to_wire, enums::number, times},
};

pub fn to_request(new: NewConversation, on_conflict: ConflictPolicy) -> ImportConversationRequest {
    let conversation = v1::Conversation {
        source: new.source.into(),
        external_id: new.external_id.into(),
        subject: new.subject,
        language: new.language,
        ..v1::Conversation::default()
    };
    ImportConversationRequest {
        conversation: Some(conversation),
        messages: new.messages.into_iter().map(message).collect(),
        on_conflict: on_conflict.into(),
        ..ImportConversationRequest::default()
    }
}

fn message(message: NewImportedMessage) -> v1::Message {
    v1::Message {
        external_id: message.external_id.into(),
        kind: number(Some(message.kind)),
        content: Some(message.content),
        author: Some(author_to_wire(message.author)),
        create_time: Some(times::to_wire(message.create_time)),
        ai_tool: message.ai_tool,
        automatic: message.is_automatic,
        ..v1::Message::default()
    }
}
