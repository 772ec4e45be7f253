//! Conversations and their messages in the keyspace.
//!
//! A message is found by its id alone: the segment that holds it is the last one whose first message is not after it.

use crate::domain::{Conversation, ConversationId, ConversationRef, Message, MessageId, Transcript};

use super::{
    Batch, Direction, Expect, Key, Keyspace, StoreError, Stored, Value, expect_unchanged, get_one, keys,
    records::{self, Head, HeadWithoutMessages, Identity, Job, ScoringFailure, Segment},
};

/// The largest head that holds the messages of its import; above it they get segments of their own.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;
/// A segment holds about so much, or one message that is larger, so that a page reads little more than it answers. Engines
/// cut larger values into pieces of about this size anyway.
const SEGMENT_BYTES: usize = 32 * 1024;
/// How many segments are read at once.
const SEGMENT_PAGE: usize = 32;

/// What is stored of one conversation besides its messages outside the head.
#[derive(Clone, Debug)]
pub struct Found {
    pub head: Stored<Head>,
    pub job: Option<Stored<Job>>,
    pub failure: Option<Stored<ScoringFailure>>,
}

/// Which conversation `reference` means; a number is taken as it is.
pub async fn resolve(
    store: &dyn Keyspace,
    reference: &ConversationRef,
) -> Result<Option<ConversationId>, StoreError> {
    match reference {
        ConversationRef::Id(id) => Ok(Some(*id)),
        ConversationRef::External { source, external_id } => {
            let identity = get_one::<Identity>(store, keys::identity(source, external_id)).await?;
            Ok(identity.map(|identity| identity.value.conversation))
        }
    }
}

/// Whether a conversation is stored and not deleted.
pub async fn exists(store: &dyn Keyspace, id: ConversationId) -> Result<bool, StoreError> {
    let head = get_one::<HeadWithoutMessages>(store, keys::head(id)).await?;
    Ok(head.is_some_and(|head| head.value.conversation.delete_time.is_none()))
}

/// A conversation's head, its job and its failure, read at once. A deleted conversation is not found.
pub async fn find(store: &dyn Keyspace, id: ConversationId) -> Result<Option<Found>, StoreError> {
    let found = find_with_deleted(store, id).await?;
    Ok(found.filter(|found| found.head.value.conversation.delete_time.is_none()))
}

/// As [`find`], also of a conversation that is deleted: for what undoes or ends a deletion.
pub async fn find_with_deleted(
    store: &dyn Keyspace,
    id: ConversationId,
) -> Result<Option<Found>, StoreError> {
    let wanted = vec![keys::head(id), keys::job(id), keys::scoring_failure(id)];
    let mut values = store.get(wanted.clone()).await?.into_iter();
    let mut next = || values.next().flatten();
    let (head, job, failure) = (next(), next(), next());
    let Some(head) = records::decode_stored(&wanted[0], head)? else { return Ok(None) };
    Ok(Some(Found {
        head,
        job: records::decode_stored(&wanted[1], job)?,
        failure: records::decode_stored(&wanted[2], failure)?,
    }))
}

/// The heads of several conversations, in the order asked.
pub async fn find_heads(
    store: &dyn Keyspace,
    ids: impl Iterator<Item = ConversationId>,
) -> Result<Vec<Option<Head>>, StoreError> {
    let wanted: Vec<Key> = ids.map(keys::head).collect();
    let values = store.get(wanted.clone()).await?;
    let head = |(key, raw): (&Key, Option<Value>)| raw.map(|raw| records::decode(key, &raw)).transpose();
    wanted.iter().zip(values).map(head).collect()
}

/// At most `limit` heads of conversations from `first` on and before `before` (`None`: to the newest), newest first, deleted
/// ones among them.
pub async fn heads_before(
    store: &dyn Keyspace,
    first: ConversationId,
    before: Option<ConversationId>,
    limit: usize,
) -> Result<Vec<Head>, StoreError> {
    let range = keys::heads_between(first, before);
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let page = store.scan(range, limit, Direction::Descending).await?;
    page.iter().map(|(key, raw)| records::decode(key, raw)).collect()
}

/// A head with its conversation's number, as it was read; what is wrong with it when it is damaged.
pub type NumberedHead = (ConversationId, Result<Stored<Head>, StoreError>);

/// At most `limit` heads of conversations from `first` on and before `before`, ascending, deleted ones among them.
pub async fn heads_from(
    store: &dyn Keyspace,
    first: ConversationId,
    before: ConversationId,
    limit: usize,
) -> Result<Vec<NumberedHead>, StoreError> {
    let range = keys::heads_between(first, Some(before));
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let page = store.scan(range, limit, Direction::Ascending).await?;
    let numbered = |(key, raw): (Key, Value)| {
        let head = records::decode(&key, &raw).map(|value| Stored { value, raw });
        Some((keys::conversation_of_head(&key)?, head))
    };
    Ok(page.into_iter().filter_map(numbered).collect())
}

/// All messages of a conversation whose head was read.
pub async fn transcript(store: &dyn Keyspace, head: Head) -> Result<Transcript, StoreError> {
    let Head { conversation, mut messages, .. } = head;
    let mut range = keys::segments(conversation.id);
    while messages.len() < conversation.message_count as usize {
        let page = store.scan(range.clone(), SEGMENT_PAGE, Direction::Ascending).await?;
        let Some((last, _)) = page.last() else { break };
        range = range.after(last.clone());
        for (key, raw) in &page {
            messages.extend(records::decode::<Segment>(key, raw)?.messages);
        }
    }
    // Segments and the head's count change in one batch; a segment that was added after the head was read is newer. Whoever
    // decides by what is read here expects the head.
    messages.truncate(conversation.message_count as usize);
    Ok(Transcript { conversation, messages })
}

/// At most `limit` messages after `after` (0: from the first), and not much more than `max_bytes` of texts.
pub async fn messages_after(
    store: &dyn Keyspace,
    head: &Head,
    after: MessageId,
    limit: usize,
    max_bytes: usize,
) -> Result<Vec<Message>, StoreError> {
    let mut page = MessagePage { after, limit, bytes_left: max_bytes, messages: Vec::new() };
    page.take(head.messages.iter().cloned());
    if page.is_full() || head.messages.len() == head.conversation.message_count as usize {
        return Ok(page.messages);
    }
    let all = keys::segments(head.conversation.id);
    let mut range = all.clone();
    range.end = std::ops::Bound::Included(keys::segment(head.conversation.id, after));
    let holder = store.scan(range, 1, Direction::Descending).await?;
    let mut range = all;
    if let Some((key, _)) = holder.into_iter().next() {
        range.start = std::ops::Bound::Included(key);
    }
    while !page.is_full() {
        let found = store.scan(range.clone(), 1, Direction::Ascending).await?;
        let Some((key, raw)) = found.into_iter().next() else { break };
        page.take(records::decode::<Segment>(&key, &raw)?.messages.into_iter());
        range = range.after(key);
    }
    Ok(page.messages)
}

struct MessagePage {
    after: MessageId,
    limit: usize,
    bytes_left: usize,
    messages: Vec<Message>,
}

impl MessagePage {
    fn is_full(&self) -> bool {
        self.messages.len() >= self.limit || self.bytes_left == 0
    }

    fn take(&mut self, messages: impl Iterator<Item = Message>) {
        for message in messages.filter(|message| message.id > self.after) {
            if self.is_full() {
                return;
            }
            self.bytes_left = self.bytes_left.saturating_sub(message.text_bytes());
            self.messages.push(message);
        }
    }
}

/// Puts a new conversation: its head (and segments where the head would be too large) and its identity.
pub fn put_new(batch: &mut Batch, conversation: Conversation, messages: Vec<Message>) {
    put_identity(batch, &conversation);
    put_head(batch, Head { conversation, messages, writers: Vec::new() });
}

/// Puts a changed conversation and appends messages to it. `read` is the head that the change was decided on.
pub fn put_appended(
    batch: &mut Batch,
    read: Stored<Head>,
    conversation: Conversation,
    appended: Vec<Message>,
) {
    batch.expect.push((keys::head(conversation.id), Expect::Is(read.raw)));
    let mut head = Head { conversation, ..read.value };
    head.add_writers(&appended);
    put_segments(batch, head.conversation.id, appended);
    batch.put.push((keys::head(head.conversation.id), records::encode(&head)));
}

/// Puts a conversation that changed while its messages did not.
pub fn put_changed(batch: &mut Batch, read: Stored<Head>, conversation: Conversation) {
    put_appended(batch, read, conversation, Vec::new());
}

/// Frees the identity of a conversation, which must have it.
pub fn delete_identity(batch: &mut Batch, conversation: &Conversation) {
    let identity = keys::identity(&conversation.source, &conversation.external_id);
    let held = records::encode(&Identity { conversation: conversation.id });
    batch.expect.push((identity.clone(), Expect::Is(held)));
    batch.delete.push(identity);
}

/// Gives a conversation its identity, which must be free.
pub fn put_identity(batch: &mut Batch, conversation: &Conversation) {
    let identity = keys::identity(&conversation.source, &conversation.external_id);
    batch.expect.push((identity.clone(), Expect::Absent));
    batch.put.push((identity, records::encode(&Identity { conversation: conversation.id })));
}

/// Expects that the head is still what it was when it was read.
pub fn expect_head(batch: &mut Batch, id: ConversationId, raw: Value) {
    batch.expect.push((keys::head(id), expect_unchanged(Some(raw))));
}

pub(super) fn put_head(batch: &mut Batch, mut head: Head) {
    let id = head.conversation.id;
    let content_bytes: usize = head.messages.iter().map(Message::text_bytes).sum();
    let mut value = None;
    if content_bytes <= MAX_HEAD_BYTES {
        value = Some(records::encode(&head)).filter(|value| value.len() <= MAX_HEAD_BYTES);
    }
    let value = value.unwrap_or_else(|| {
        let messages = std::mem::take(&mut head.messages);
        head.add_writers(&messages);
        put_segments(batch, id, messages);
        records::encode(&head)
    });
    batch.put.push((keys::head(id), value));
}

fn put_segments(batch: &mut Batch, id: ConversationId, messages: Vec<Message>) {
    let mut segment: Vec<Message> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let more = stored_bytes(&message);
        if bytes + more > SEGMENT_BYTES {
            put_segment(batch, id, std::mem::take(&mut segment));
            bytes = 0;
        }
        bytes += more;
        segment.push(message);
    }
    put_segment(batch, id, segment);
}

/// About how many bytes a message takes.
fn stored_bytes(message: &Message) -> usize {
    const NUMBERS_AND_HEADERS: usize = 32;
    NUMBERS_AND_HEADERS + message.text_bytes()
}

fn put_segment(batch: &mut Batch, id: ConversationId, messages: Vec<Message>) {
    if let Some(first) = messages.first() {
        let key = keys::segment(id, first.id);
        batch.put.push((key, records::encode(&Segment { messages })));
    }
}
