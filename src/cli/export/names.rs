//! What the conversations are called elsewhere in which customers are known by their names: those customers are written after all
//! conversations, and a call for each conversation would be as many calls as all the rest.

use std::collections::HashMap;

use crate::{
    domain::{ConversationRef, ExternalId, SourceName},
    proto::v1::{Author, AuthorKind, Conversation},
    wire::export::Whole,
};

/// The most that are kept; beyond it the server is asked.
const MOST: usize = 200_000;

/// The names of conversations by source and external id, by their names by number.
#[derive(Default)]
pub(super) struct Names(HashMap<String, String>);

impl Names {
    /// Keeps the name of a conversation, if a customer can be known by a name in it.
    pub(super) fn note(&mut self, whole: &Whole) {
        let mut authors = whole.messages.iter().filter_map(|message| message.author.as_ref());
        let mut users = whole.ratings.iter().filter_map(|rating| rating.user.as_ref());
        if self.0.len() < MOST && (authors.any(is_known_by_name) || users.any(is_known_by_name)) {
            self.0.insert(whole.conversation.name.clone(), external_name(&whole.conversation));
        }
    }

    pub(super) fn of(&self, conversation: &str) -> Option<String> {
        self.0.get(conversation).cloned()
    }
}

fn is_known_by_name(author: &Author) -> bool {
    author.kind() == AuthorKind::Contact && author.external_id.as_deref().unwrap_or_default().is_empty()
}

/// A conversation's name by its source and external id, which is the same on every server.
pub(super) fn external_name(conversation: &Conversation) -> String {
    let source = SourceName::mended(conversation.source.clone());
    let external_id = ExternalId::mended(conversation.external_id.clone());
    format!("conversations/{}", ConversationRef::External { source, external_id })
}
