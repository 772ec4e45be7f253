//! Finds participants of a conversation, and places among its messages. Most conversations have all messages in the head; for longer ones, reading
//! stops once the participant is found.

use std::ops::Bound;

use crate::domain::{Author, Message, MessageId, MessageKind, UnixMillis};

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
    let is_customer = |message: &Message| message.is_by_customer(&is_automatic);
    if let Some(message) = head.messages.iter().find(|message| is_customer(message)) {
        return Ok(Some(message.author.clone()));
    }
    let mut author = |message: &Message| is_customer(message).then(|| message.author.clone());
    search(reader, head, Direction::Ascending, &mut author).await
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
    from_the_end(reader, head, |message| is_meant(message).then(|| message.author.clone())).await
}

/// The place of something that happened at `time`: after the last message that was not written later, but not before `floor`.
/// `later` is told of every message after the place, from the last one on.
pub async fn place_of(
    reader: &dyn Scanner,
    head: &Head,
    time: UnixMillis,
    floor: MessageId,
    mut later: impl FnMut(&Message),
) -> Result<MessageId, StoreError> {
    let place = |message: &Message| {
        let is_before = message.id <= floor || message.create_time <= time;
        if !is_before {
            later(message);
        }
        is_before.then_some(message.id)
    };
    let place = from_the_end(reader, head, place).await?;
    Ok(place.map_or(floor, |place| place.max(floor)))
}

/// What `find` returns for the last message for which it returns something. Nothing before that message is read.
pub async fn from_the_end<T>(
    reader: &dyn Scanner,
    head: &Head,
    mut find: impl FnMut(&Message) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    if let Some(found) = search(reader, head, Direction::Descending, &mut find).await? {
        return Ok(Some(found));
    }
    Ok(head.messages.iter().rev().find_map(find))
}

/// What `find` returns for the first message outside the head, in the given direction, for which it returns something.
async fn search<T>(
    reader: &dyn Scanner,
    head: &Head,
    direction: Direction,
    find: &mut impl FnMut(&Message) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    if head.is_whole() {
        return Ok(None);
    }
    let mut range = reader.keys().segments(head.conversation.id);
    loop {
        let page = reader.scan_within(range.clone(), SEGMENT_PAGE, SEGMENT_PAGE_BYTES, direction).await?;
        for (key, raw) in &page {
            let messages = records::decode::<Segment>(key, raw)?.messages;
            let found = match direction {
                Direction::Ascending => messages.iter().find_map(&mut *find),
                Direction::Descending => messages.iter().rev().find_map(&mut *find),
            };
            if found.is_some() {
                return Ok(found);
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
