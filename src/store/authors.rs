//! Finds participants of a conversation. Most conversations have all messages in the head; for longer ones, reading
//! stops once the participant is found.

use std::ops::Bound;

use crate::domain::{Author, AuthorKind, Message, MessageKind};

use super::{
    Direction, Scanner, StoreError,
    records::{self, Head, Segment},
};

/// Segments read at once.
const SEGMENT_PAGE: usize = 4;
const SEGMENT_PAGE_BYTES: usize = 256 * 1024;

/// The customer who first wrote themselves.
pub async fn requester(
    reader: &dyn Scanner,
    head: &Head,
    is_automatic: impl Fn(&Message) -> bool,
) -> Result<Option<Author>, StoreError> {
    let is_customer =
        |message: &Message| message.author.kind == AuthorKind::Contact && !is_automatic(message);
    if let Some(message) = head.messages.iter().find(|message| is_customer(message)) {
        return Ok(Some(message.author.clone()));
    }
    search(reader, head, Direction::Ascending, is_customer).await
}

/// The agent who last wrote to the customer themselves.
pub async fn last_to_customer(
    reader: &dyn Scanner,
    head: &Head,
    is_automatic: impl Fn(&Message) -> bool,
) -> Result<Option<Author>, StoreError> {
    let is_outbound = |message: &Message| {
        message.author.kind.is_agent() && message.kind == MessageKind::Message && !is_automatic(message)
    };
    last(reader, head, is_outbound).await
}

/// The agent with this external id in a conversation: the assignee, or the author of a message or note.
pub async fn agent_named(
    reader: &dyn Scanner,
    head: &Head,
    external_id: &str,
) -> Result<Option<Author>, StoreError> {
    let is_meant =
        |author: &Author| author.kind.is_agent() && author.external_id.as_deref() == Some(external_id);
    match head.conversation.handling.assignee.clone().filter(&is_meant) {
        Some(assignee) => Ok(Some(assignee)),
        None => last(reader, head, |message| is_meant(&message.author)).await,
    }
}

async fn last(
    reader: &dyn Scanner,
    head: &Head,
    is_meant: impl Fn(&Message) -> bool,
) -> Result<Option<Author>, StoreError> {
    if let Some(author) = search(reader, head, Direction::Descending, &is_meant).await? {
        return Ok(Some(author));
    }
    let message = head.messages.iter().rev().find(|message| is_meant(message));
    Ok(message.map(|message| message.author.clone()))
}

/// The author of the first matching message outside the head, in the given direction.
async fn search(
    reader: &dyn Scanner,
    head: &Head,
    direction: Direction,
    is_meant: impl Fn(&Message) -> bool,
) -> Result<Option<Author>, StoreError> {
    if head.messages.len() == head.conversation.message_count as usize {
        return Ok(None);
    }
    let mut range = reader.keys().segments(head.conversation.id);
    loop {
        let page = reader.scan_within(range.clone(), SEGMENT_PAGE, SEGMENT_PAGE_BYTES, direction).await?;
        for (key, raw) in &page {
            let messages = records::decode::<Segment>(key, raw)?.messages;
            let found = match direction {
                Direction::Ascending => messages.iter().find(|message| is_meant(message)),
                Direction::Descending => messages.iter().rev().find(|message| is_meant(message)),
            };
            if let Some(message) = found {
                return Ok(Some(message.author.clone()));
            }
        }
        match page.last() {
            Some((key, _)) => match direction {
                Direction::Ascending => range.start = Bound::Excluded(key.clone()),
                Direction::Descending => range.end = Bound::Excluded(key.clone()),
            },
            None => return Ok(None),
        }
    }
}
