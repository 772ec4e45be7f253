//! Single messages in the keyspace: those that are stored one by one, found again, changed and deleted.

use crate::domain::{AttachedFile, AttachmentId, Conversation, ConversationId, Message, MessageId};

use super::{
    Batch, Direction, Expect, Key, Keyspace, StoreError, Stored, Value, conversation, get_one, keys,
    records::{self, AttachmentBytes, Head, Segment, TrackedMessage},
};

/// Where a message is stored.
pub enum Place {
    /// With its conversation's head.
    Head,
    /// In a segment of this key.
    Segment(Key, Stored<Segment>),
}

/// One message of a conversation whose head was read, and where it is.
pub async fn find(
    store: &dyn Keyspace,
    head: &Head,
    id: MessageId,
) -> Result<Option<(Message, Place)>, StoreError> {
    if let Some(message) = head.messages.iter().find(|message| message.id == id) {
        return Ok(Some((message.clone(), Place::Head)));
    }
    let mut range = keys::segments(head.conversation.id);
    range.end = std::ops::Bound::Included(keys::segment(head.conversation.id, id));
    let holder = store.scan(range, 1, Direction::Descending).await?;
    let Some((key, raw)) = holder.into_iter().next() else { return Ok(None) };
    let value: Segment = records::decode(&key, &raw)?;
    let message = value.messages.iter().find(|message| message.id == id).cloned();
    Ok(message.map(|message| (message, Place::Segment(key, Stored { value, raw }))))
}

/// Puts a conversation of which one message became another, or was deleted (`None`). `read` is the head that the change
/// was decided on.
pub fn put_changed(
    batch: &mut Batch,
    read: Stored<Head>,
    conversation: Conversation,
    place: Place,
    id: MessageId,
    changed: Option<Message>,
) {
    let Stored { value: mut head, raw: head_raw } = read;
    match place {
        Place::Head => change(&mut head.messages, id, changed),
        Place::Segment(key, Stored { mut value, raw }) => {
            change(&mut value.messages, id, changed);
            batch.expect.push((key.clone(), Expect::Is(raw)));
            if value.messages.is_empty() {
                batch.delete.push(key);
            } else {
                // It keeps its key: that is not after its first message, which is all that finding one needs.
                batch.put.push((key, records::encode(&value)));
            }
        }
    }
    conversation::expect_head(batch, conversation.id, head_raw);
    conversation::put_head(batch, Head { conversation, ..head });
}

fn change(messages: &mut Vec<Message>, id: MessageId, changed: Option<Message>) {
    match changed {
        None => messages.retain(|message| message.id != id),
        Some(changed) => {
            for message in messages.iter_mut().filter(|message| message.id == id) {
                *message = changed.clone();
            }
        }
    }
}

/// Which messages are known by a tracking id with these contents, in their places.
pub async fn find_tracked(
    store: &dyn Keyspace,
    wanted: Vec<Key>,
) -> Result<Vec<Option<MessageId>>, StoreError> {
    let values = store.get(wanted.clone()).await?;
    let decode = |(key, raw): (&Key, Option<Value>)| match raw {
        Some(raw) => records::decode::<TrackedMessage>(key, &raw).map(|tracked| Some(tracked.message)),
        None => Ok(None),
    };
    wanted.iter().zip(values).map(decode).collect()
}

/// Puts which message has a tracking id and content that no other has.
pub fn put_tracked(batch: &mut Batch, key: Key, message: MessageId) {
    batch.expect.push((key.clone(), Expect::Absent));
    batch.put.push((key, records::encode(&TrackedMessage { message })));
}

/// Deletes what leads from tracking ids to a message, so that the same may be stored again.
pub async fn delete_tracked(
    store: &dyn Keyspace,
    batch: &mut Batch,
    conversation: ConversationId,
    tracking_id: &str,
    message: MessageId,
) -> Result<(), StoreError> {
    /// Of as many contents under one id the message's is looked for.
    const CONTENTS: usize = 256;
    let range = keys::tracked_of_id(conversation, tracking_id);
    for (key, raw) in store.scan(range, CONTENTS, Direction::Ascending).await? {
        if records::decode::<TrackedMessage>(&key, &raw)?.message == message {
            batch.expect.push((key.clone(), Expect::Is(raw)));
            batch.delete.push(key);
        }
    }
    Ok(())
}

/// The bytes of an attachment with their name; none of a conversation that is deleted.
pub async fn find_attachment(
    store: &dyn Keyspace,
    conversation: ConversationId,
    id: AttachmentId,
) -> Result<Option<AttachedFile>, StoreError> {
    let wanted = vec![keys::head(conversation), keys::attachment(conversation, id)];
    let mut values = store.get(wanted.clone()).await?.into_iter();
    let mut next = || values.next().flatten();
    let (Some(head), Some(file)) = (next(), next()) else { return Ok(None) };
    if records::decode::<Head>(&wanted[0], &head)?.conversation.delete_time.is_some() {
        return Ok(None);
    }
    let AttachmentBytes { file_name, content_type, bytes } = records::decode(&wanted[1], &file)?;
    Ok(Some(AttachedFile { file_name, content_type, bytes: Vec::from(bytes).into() }))
}

/// Puts the bytes of a new attachment, apart from its message: who reads words does not read files.
pub fn put_attachment(
    batch: &mut Batch,
    conversation: ConversationId,
    id: AttachmentId,
    file: AttachmentBytes,
) {
    batch.put.push((keys::attachment(conversation, id), records::encode(&file)));
}

pub fn delete_attachments(batch: &mut Batch, conversation: ConversationId, message: &Message) {
    batch.delete.extend(message.stored_attachments().map(|id| keys::attachment(conversation, id)));
}

pub fn delete_attachment(batch: &mut Batch, conversation: ConversationId, id: AttachmentId) {
    batch.delete.push(keys::attachment(conversation, id));
}

/// Puts the bytes of an attachment under another name, where they are there.
pub async fn put_renamed_attachment(
    store: &dyn Keyspace,
    batch: &mut Batch,
    conversation: ConversationId,
    id: AttachmentId,
    file_name: String,
) -> Result<(), StoreError> {
    let key = keys::attachment(conversation, id);
    if let Some(Stored { value, raw }) = get_one::<AttachmentBytes>(store, key.clone()).await? {
        batch.expect.push((key.clone(), Expect::Is(raw)));
        batch.put.push((key, records::encode(&AttachmentBytes { file_name, ..value })));
    }
    Ok(())
}
