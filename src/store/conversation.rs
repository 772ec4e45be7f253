//! Conversations and their messages in the keyspace.
//!
//! A message's id is enough to find it: its segment is the last one whose first message has that id or a lower one.

use crate::domain::{Conversation, ConversationId, ConversationRef, Held, Message, MessageId, Transcript};

use super::{
    Decision, Direction, Key, Reader, Scanner, StoreError, Stored, Value, get_many, get_one, keys,
    records::{
        self, Head, HeadOutline, HeadWithoutMessages, Identity, Job, ScoringFailure, Segment, SegmentOutline,
    },
};

/// The largest head that includes the imported messages, in bytes; beyond this they go into segments.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The approximate size of a segment, unless a single message is larger. Small segments keep a page from reading much
/// more than it returns, and engines split larger values into pieces of about this size anyway.
const SEGMENT_BYTES: usize = 32 * 1024;
/// Segments read at once.
const SEGMENT_PAGE: usize = 32;
/// The same in bytes, since a segment with a single large message can be bigger.
const SEGMENT_PAGE_BYTES: usize = SEGMENT_PAGE * SEGMENT_BYTES;

/// What is stored for one conversation, except for messages outside the head.
#[derive(Clone, Debug)]
pub struct Found {
    pub head: Head,
    pub job: Option<Job>,
    pub failure: Option<ScoringFailure>,
}

/// Resolves a reference to a conversation's number. Does not check that the number exists.
pub async fn resolve(
    reader: &dyn Reader,
    reference: &ConversationRef,
) -> Result<Option<ConversationId>, StoreError> {
    match reference {
        ConversationRef::Id(id) => Ok(Some(*id)),
        ConversationRef::External { source, external_id } => {
            let identity = get_one::<Identity>(reader, reader.keys().identity(source, external_id)).await?;
            Ok(identity.map(|identity| identity.conversation))
        }
    }
}

/// Whether a conversation is stored and not deleted.
pub async fn exists(reader: &dyn Reader, id: ConversationId) -> Result<bool, StoreError> {
    let head = get_one::<HeadWithoutMessages>(reader, reader.keys().head(id)).await?;
    Ok(head.is_some_and(|head| head.conversation.delete_time.is_none()))
}

/// The head of a conversation that is not deleted, with outlines of its messages.
pub async fn find_outline(reader: &dyn Reader, id: ConversationId) -> Result<Option<Head>, StoreError> {
    let head = get_one::<HeadOutline>(reader, reader.keys().head(id)).await?.map(Head::from);
    Ok(head.filter(|head| head.conversation.delete_time.is_none()))
}

/// A conversation's head, job and scoring failure, in one read. Does not find deleted conversations.
pub async fn find(reader: &dyn Reader, id: ConversationId) -> Result<Option<Found>, StoreError> {
    let found = find_with_deleted(reader, id).await?;
    Ok(found.filter(|found| found.head.conversation.delete_time.is_none()))
}

/// Like [`find`], but includes deleted conversations; used to undelete and to purge.
pub async fn find_with_deleted(reader: &dyn Reader, id: ConversationId) -> Result<Option<Found>, StoreError> {
    let keys = reader.keys();
    let [head_key, job_key, failure_key] = [keys.head(id), keys.job(id), keys.scoring_failure(id)];
    let wanted = vec![head_key.clone(), job_key.clone(), failure_key.clone()];
    let mut values = reader.get(wanted).await?.into_iter();
    let mut next = || values.next().flatten();
    let (head, job, failure) = (next(), next(), next());
    let Some(mut head) = records::decode_present::<Head>(&head_key, head)? else { return Ok(None) };
    head.learn_held();
    let job = records::decode_present(&job_key, job)?;
    Ok(Some(Found { head, job, failure: records::decode_present(&failure_key, failure)? }))
}

/// The heads of several conversations, in the order asked.
pub async fn find_heads(
    reader: &dyn Reader,
    ids: impl Iterator<Item = ConversationId>,
) -> Result<Vec<Option<HeadWithoutMessages>>, StoreError> {
    let keys = reader.keys();
    get_many(reader, ids.map(|id| keys.head(id)).collect()).await
}

/// At most `limit` heads of conversations from `first` up to but excluding `before` (`None`: up to the newest), newest
/// first, including deleted ones. Their messages are outlines: authors and times, no text.
pub async fn heads_before(
    reader: &dyn Scanner,
    first: ConversationId,
    before: Option<ConversationId>,
    limit: usize,
) -> Result<Vec<Head>, StoreError> {
    let range = reader.keys().heads_between(first, before);
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let page = reader.scan(range, limit, Direction::Descending).await?;
    let head = |(key, raw): &(Key, Value)| Ok(records::decode::<HeadOutline>(key, raw)?.into());
    page.iter().map(head).collect()
}

/// The number of the newest conversation, whether its head can be read or not.
pub async fn newest(reader: &dyn Scanner) -> Result<Option<ConversationId>, StoreError> {
    let all = reader.keys().heads_between(ConversationId(0), None);
    let page = reader.scan(all, 1, Direction::Descending).await?;
    Ok(page.first().and_then(|(key, _)| keys::conversation_of_head(key)))
}

/// A conversation's number with its head, or with the error if the head is damaged.
pub type NumberedHead = (ConversationId, Result<Stored<Head>, StoreError>);

/// At most `limit` heads of conversations from `first` up to but excluding `before`, ascending, including deleted ones.
pub async fn heads_from(
    reader: &dyn Scanner,
    first: ConversationId,
    before: ConversationId,
    limit: usize,
) -> Result<Vec<NumberedHead>, StoreError> {
    let range = reader.keys().heads_between(first, Some(before));
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let page = reader.scan(range, limit, Direction::Ascending).await?;
    let numbered = |(key, raw): (Key, Value)| {
        let head = records::decode(&key, &raw).map(|value| Stored { value, raw });
        Some((keys::conversation_of_head(&key)?, head))
    };
    Ok(page.into_iter().filter_map(numbered).collect())
}

/// All messages of a conversation whose head was read.
pub async fn transcript(reader: &dyn Scanner, head: Head) -> Result<Transcript, StoreError> {
    messages_of(reader, head, |key, raw| records::decode(key, raw)).await
}

/// Like [`transcript`], but with outlines of the messages: authors and times, without content and without details
/// except for the tracking id. Messages in the head are returned as they were read.
pub async fn outline(reader: &dyn Scanner, head: Head) -> Result<Transcript, StoreError> {
    outline_and_look(reader, head, |_| false, |_| {}).await
}

/// The same; `look` is shown each message as it is stored whose outline `is_wanted`. Only segments with such a message are decoded
/// whole, one at a time.
pub async fn outline_and_look(
    reader: &dyn Scanner,
    head: Head,
    is_wanted: impl Fn(&Message) -> bool,
    mut look: impl FnMut(&Message),
) -> Result<Transcript, StoreError> {
    head.messages.iter().filter(|message| is_wanted(message)).for_each(&mut look);
    let decode = |key: &Key, raw: &Value| {
        let outline: Segment = records::decode::<SegmentOutline>(key, raw)?.into();
        if outline.messages.iter().any(&is_wanted) {
            let whole: Segment = records::decode(key, raw)?;
            whole.messages.iter().filter(|message| is_wanted(message)).for_each(&mut look);
        }
        Ok(outline)
    };
    messages_of(reader, head, decode).await
}

/// When a conversation was held, by its messages where its head, of an earlier version, does not tell; `None` without messages.
pub async fn held(reader: &dyn Scanner, head: &Head) -> Result<Option<Held>, StoreError> {
    if head.conversation.held.is_some() || head.is_whole() {
        return Ok(head.conversation.held.or_else(|| Held::of(&head.messages)));
    }
    Ok(Held::of(&outline(reader, head.clone()).await?.messages))
}

/// When the first (ascending) or last messages of a conversation were written; `None` if there is none. The first ones may be in the
/// head, with those that came later in segments. At most one value is read.
pub async fn held_at(reader: &dyn Scanner, head: &Head, end: Direction) -> Result<Option<Held>, StoreError> {
    let in_head = Held::of(&head.messages);
    if in_head.is_some() && (end == Direction::Ascending || head.is_whole()) {
        return Ok(in_head);
    }
    let page = reader.scan(reader.keys().segments(head.conversation.id), 1, end).await?;
    let Some((key, raw)) = page.first() else { return Ok(in_head) };
    let segment: Segment = records::decode::<SegmentOutline>(key, raw)?.into();
    Ok(in_head.into_iter().chain(Held::of(&segment.messages)).reduce(Held::and))
}

async fn messages_of(
    reader: &dyn Scanner,
    head: Head,
    mut decode: impl FnMut(&Key, &Value) -> Result<Segment, StoreError>,
) -> Result<Transcript, StoreError> {
    let Head { conversation, mut messages, .. } = head;
    let mut range = reader.keys().segments(conversation.id);
    while messages.len() < conversation.message_count as usize {
        let page =
            reader.scan_within(range.clone(), SEGMENT_PAGE, SEGMENT_PAGE_BYTES, Direction::Ascending).await?;
        let Some((last, _)) = page.last() else { break };
        range = range.after(last.clone());
        for (key, raw) in &page {
            messages.extend(decode(key, raw)?.messages);
        }
    }
    // Segments and the head's count change in one batch; so extra messages come from segments added after the head was
    // read. A decision based on this must expect the head.
    messages.truncate(conversation.message_count as usize);
    Ok(Transcript { conversation, messages })
}

/// At most `limit` messages after `after` (0: from the first), and not much more than `max_bytes` of text.
pub async fn messages_after(
    reader: &dyn Scanner,
    head: &Head,
    after: MessageId,
    limit: usize,
    max_bytes: usize,
) -> Result<Vec<Message>, StoreError> {
    let mut page = MessagePage { after, limit, bytes_left: max_bytes, messages: Vec::new() };
    page.take(head.messages.iter().cloned());
    if page.is_full() || head.is_whole() {
        return Ok(page.messages);
    }
    let all = reader.keys().segments(head.conversation.id);
    let mut range = all.clone();
    range.end = std::ops::Bound::Included(reader.keys().segment(head.conversation.id, after));
    let holder = reader.scan(range, 1, Direction::Descending).await?;
    let mut range = all;
    if let Some((key, _)) = holder.into_iter().next() {
        range.start = std::ops::Bound::Included(key);
    }
    while !page.is_full() {
        let found = reader.scan(range.clone(), 1, Direction::Ascending).await?;
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

/// Puts a new conversation: its head (plus segments if the head would be too large) and its identity.
pub fn put_new(decision: &mut Decision<'_>, conversation: Conversation, messages: Vec<Message>) {
    put_identity(decision, &conversation);
    put_head(decision, Head { conversation, messages, writers: Vec::new() });
}

/// Puts a changed conversation and appends messages to it. `head` is the head that the change is based on.
pub fn put_appended(
    decision: &mut Decision<'_>,
    head: Head,
    conversation: Conversation,
    appended: Vec<Message>,
) {
    let mut head = Head { conversation, ..head };
    head.add_writers(&appended);
    put_segments(decision, head.conversation.id, appended);
    decision.replace(decision.keys().head(head.conversation.id), &head);
}

/// Puts a head whose own messages may have changed, and appends others.
pub(super) fn put_whole(decision: &mut Decision<'_>, mut head: Head, appended: Vec<Message>) {
    head.add_writers(&appended);
    put_segments(decision, head.conversation.id, appended);
    put_head(decision, head);
}

/// Puts a changed conversation whose messages did not change.
pub fn put_changed(decision: &mut Decision<'_>, head: Head, conversation: Conversation) {
    put_appended(decision, head, conversation, Vec::new());
}

/// Deletes a conversation's identity, which must be stored.
pub fn delete_identity(decision: &mut Decision<'_>, conversation: &Conversation) {
    let identity = decision.keys().identity(&conversation.source, &conversation.external_id);
    decision.expect_record(identity.clone(), &Identity { conversation: conversation.id });
    decision.delete(identity);
}

/// Gives a conversation its identity, which must be free.
pub fn put_identity(decision: &mut Decision<'_>, conversation: &Conversation) {
    let identity = decision.keys().identity(&conversation.source, &conversation.external_id);
    decision.put_new(identity, &Identity { conversation: conversation.id });
}

/// Expects a conversation to have its identity, that is, to exist and not be deleted. Does not expect the head, since
/// it changes with every message.
pub fn expect_standing(decision: &mut Decision<'_>, conversation: &Conversation) {
    let identity = decision.keys().identity(&conversation.source, &conversation.external_id);
    decision.expect_record(identity, &Identity { conversation: conversation.id });
}

pub(super) fn put_head(decision: &mut Decision<'_>, mut head: Head) {
    let id = head.conversation.id;
    let content_bytes: usize = head.messages.iter().map(Message::text_bytes).sum();
    let mut value = None;
    if content_bytes <= MAX_HEAD_BYTES {
        value = Some(records::encode(&head)).filter(|value| value.len() <= MAX_HEAD_BYTES);
    }
    let value = value.unwrap_or_else(|| {
        let messages = std::mem::take(&mut head.messages);
        head.add_writers(&messages);
        put_segments(decision, id, messages);
        records::encode(&head)
    });
    decision.put_raw(decision.keys().head(id), value);
}

fn put_segments(decision: &mut Decision<'_>, id: ConversationId, messages: Vec<Message>) {
    let mut segment: Vec<Message> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let more = stored_bytes(&message);
        if bytes + more > SEGMENT_BYTES {
            put_segment(decision, id, std::mem::take(&mut segment));
            bytes = 0;
        }
        bytes += more;
        segment.push(message);
    }
    put_segment(decision, id, segment);
}

/// The approximate stored size of a message, in bytes.
fn stored_bytes(message: &Message) -> usize {
    const NUMBERS_AND_HEADERS: usize = 32;
    NUMBERS_AND_HEADERS + message.text_bytes()
}

fn put_segment(decision: &mut Decision<'_>, id: ConversationId, messages: Vec<Message>) {
    if let Some(first) = messages.first() {
        let key = decision.keys().segment(id, first.id);
        decision.put(key, &Segment { messages });
    }
}
