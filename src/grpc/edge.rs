//! The base of the generated services, and conversions that need more than the stored value.

use std::sync::Arc;

use crate::{
    domain::{Conversation, ConversationId, Message, Rating},
    proto::v1,
    server,
    service::{
        Call, OwnedCall, Services,
        conversation::{ConversationStatus, ScoringStatus},
    },
    wire::{handling, message, names, rating, times},
};

/// What the generated services are implemented on.
#[derive(Clone)]
pub struct Edge(pub Arc<Services>);

impl Edge {
    /// The call context of the use cases.
    pub fn call(&self) -> Call<'_> {
        Call { deadline: server::deadline(), ..Call::new(&self.0) }
    }

    /// The same, owned, for streams.
    pub fn owned_call(&self) -> OwnedCall {
        OwnedCall { deadline: server::deadline(), ..OwnedCall::new(Arc::clone(&self.0)) }
    }

    /// Like [`conversation_to_wire`], plus when it was deleted and when it will be purged.
    pub fn status_to_wire(&self, status: ConversationStatus) -> v1::Conversation {
        let delete_time = status.conversation.delete_time;
        v1::Conversation {
            delete_time: delete_time.map(times::to_wire),
            purge_time: delete_time.map(|time| times::to_wire(self.0.settings().purge_time(time))),
            ..conversation_to_wire(status.conversation, status.scoring)
        }
    }

    pub fn message_to_wire(&self, conversation: ConversationId, message: Message) -> v1::Message {
        let etag = self.0.message_etag(&message);
        message::message_to_wire(conversation, message, etag, |attachment| {
            self.0.attachment_link(conversation, attachment)
        })
    }

    pub fn rating_to_wire(&self, rating: Rating) -> v1::Rating {
        let uuid = self.0.rating_uuid_of(&rating);
        rating::rating_to_wire(rating, uuid, self.0.now())
    }
}

pub fn conversation_to_wire(conversation: Conversation, scoring: ScoringStatus) -> v1::Conversation {
    v1::Conversation {
        name: names::conversation(conversation.id),
        source: conversation.source.into(),
        external_id: conversation.external_id.into(),
        subject: conversation.subject,
        language: conversation.language,
        message_count: conversation.message_count as i32,
        create_time: Some(times::to_wire(conversation.create_time)),
        update_time: Some(times::to_wire(conversation.update_time)),
        etag: conversation.version.to_string(),
        scoring: Some(scoring_to_wire(scoring)),
        first_message_time: conversation.held.map(|held| times::to_wire(held.first)),
        last_message_time: conversation.held.map(|held| times::to_wire(held.last)),
        ..handling::to_wire(conversation.handling)
    }
}

pub fn scoring_to_wire(status: ScoringStatus) -> v1::Scoring {
    let (state, failed_attempts, failure) = match status {
        ScoringStatus::Pending { failed_attempts } => {
            (v1::ScoringState::Pending, failed_attempts, String::new())
        }
        ScoringStatus::Done => (v1::ScoringState::Done, 0, String::new()),
        ScoringStatus::Failed { failed_attempts, cause } => {
            (v1::ScoringState::Failed, failed_attempts, cause)
        }
        ScoringStatus::Off => (v1::ScoringState::Off, 0, String::new()),
    };
    v1::Scoring { state: state.into(), failed_attempts: failed_attempts as i32, failure }
}
