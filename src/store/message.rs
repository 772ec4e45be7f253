//! Single messages in the keyspace: finding, changing and deleting them, and recognising repeats.

use std::collections::BTreeMap;

use crate::domain::{AttachedFile, AttachmentId, Conversation, ConversationId, Message, MessageId};

use super::{
    Decision, Direction, Key, Reader, Scanner, StoreError, conversation, get_many, get_one,
    records::{self, AttachmentBytes, Head, HeadWithoutMessages, Segment, TrackedMessage},
};

/// Where a message is stored.
pub enum Place {
    /// With its conversation's head.
    Head,
    /// In the segment under this key.
    Segment(Key, Segment),
}

/// One message of a conversation whose head was read, and where it is stored.
pub async fn find(
    reader: &dyn Scanner,
    head: &Head,
    id: MessageId,
) -> Result<Option<(Message, Place)>, StoreError> {
    if let Some(message) = head.messages.iter().find(|message| message.id == id) {
        return Ok(Some((message.clone(), Place::Head)));
    }
    let mut range = reader.keys().segments(head.conversation.id);
    range.end = std::ops::Bound::Included(reader.keys().segment(head.conversation.id, id));
    let holder = reader.scan(range, 1, Direction::Descending).await?;
    let Some((key, raw)) = holder.into_iter().next() else { return Ok(None) };
    let value: Segment = records::decode(&key, &raw)?;
    let message = value.messages.iter().find(|message| message.id == id).cloned();
    Ok(message.map(|message| (message, Place::Segment(key, value))))
}

/// Puts a conversation after one of its messages was changed, or deleted (`None`). `head` is the head that the change
/// is based on; segments never change without it.
pub fn put_changed(
    decision: &mut Decision<'_>,
    mut head: Head,
    conversation: Conversation,
    place: Place,
    id: MessageId,
    changed: Option<Message>,
) {
    match place {
        Place::Head => change(&mut head.messages, id, changed),
        Place::Segment(key, mut segment) => {
            change(&mut segment.messages, id, changed);
            if segment.messages.is_empty() {
                decision.delete(key);
            } else {
                // The segment keeps its key: lookups need only a key that is not after its first message.
                decision.put(key, &segment);
            }
        }
    }
    conversation::put_head(decision, Head { conversation, ..head });
}

/// Puts a changed conversation with messages that were edited, and appends others. `head` is the head that the change is based on.
/// `edited` is in any order. Returns whether it did: not if about `most_bytes` would not be enough for what is rewritten outside the
/// head. No more than that is read.
pub async fn put_edited(
    decision: &mut Decision<'_>,
    head: Head,
    conversation: Conversation,
    edited: &[Message],
    appended: Vec<Message>,
    most_bytes: usize,
) -> Result<bool, StoreError> {
    let reader = decision.guarded_by(&decision.keys().head(conversation.id));
    let id = conversation.id;
    let mut head = Head { conversation, ..head };
    let mut segments: BTreeMap<Key, Segment> = BTreeMap::new();
    let mut read_bytes = 0;
    for message in edited {
        let before = ..=reader.keys().segment(id, message.id);
        let holder = segments.range_mut(before).next_back().map(|(_, segment)| &mut segment.messages);
        let messages = match holder.filter(|messages| messages.iter().any(|it| it.id == message.id)) {
            Some(messages) => messages,
            None => match find(&reader, &head, message.id).await? {
                Some((_, Place::Segment(key, segment))) => {
                    read_bytes += segment.text_bytes();
                    if read_bytes > most_bytes {
                        return Ok(false);
                    }
                    &mut segments.entry(key).or_insert(segment).messages
                }
                Some((_, Place::Head)) => &mut head.messages,
                None => continue,
            },
        };
        change(messages, message.id, Some(message.clone()));
    }
    if segments.values().map(Segment::text_bytes).sum::<usize>() > most_bytes {
        return Ok(false);
    }
    for (key, segment) in &segments {
        decision.put(key.clone(), segment);
    }
    conversation::put_whole(decision, head, appended);
    Ok(true)
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

/// The messages stored with a tracking id and these contents, in the same order.
pub async fn find_tracked(
    reader: &dyn Reader,
    wanted: Vec<Key>,
) -> Result<Vec<Option<MessageId>>, StoreError> {
    let found = get_many::<TrackedMessage>(reader, wanted).await?;
    Ok(found.into_iter().map(|tracked| tracked.map(|tracked| tracked.message)).collect())
}

/// Indexes a message by tracking id and content, a combination that must be new.
pub fn put_tracked(decision: &mut Decision<'_>, key: Key, message: MessageId) {
    decision.put_new(key, &TrackedMessage { message });
}

/// Removes a message from the index by tracking id, so that the same message can be stored again. The index never
/// changes without the head.
pub async fn delete_tracked(
    decision: &mut Decision<'_>,
    conversation: ConversationId,
    tracking_id: &str,
    message: MessageId,
) -> Result<(), StoreError> {
    /// The most contents searched under one tracking id.
    const CONTENTS: usize = 256;
    let keys = decision.keys();
    let range = keys.tracked_of_id(conversation, tracking_id);
    let reader = decision.guarded_by(&keys.head(conversation));
    for (key, raw) in reader.scan(range, CONTENTS, Direction::Ascending).await? {
        if records::decode::<TrackedMessage>(&key, &raw)?.message == message {
            decision.delete(key);
        }
    }
    Ok(())
}

/// An attachment's bytes and name; `None` if the conversation is deleted.
pub async fn find_attachment(
    reader: &dyn Reader,
    conversation: ConversationId,
    id: AttachmentId,
) -> Result<Option<AttachedFile>, StoreError> {
    let (head_key, file_key) = (reader.keys().head(conversation), reader.keys().attachment(conversation, id));
    let mut values = reader.get(vec![head_key.clone(), file_key.clone()]).await?.into_iter();
    let mut next = || values.next().flatten();
    let (Some(head), Some(file)) = (next(), next()) else { return Ok(None) };
    if records::decode::<HeadWithoutMessages>(&head_key, &head)?.conversation.delete_time.is_some() {
        return Ok(None);
    }
    let AttachmentBytes { file_name, content_type, bytes } = records::decode(&file_key, &file)?;
    Ok(Some(AttachedFile { file_name, content_type, bytes: Vec::from(bytes).into() }))
}

/// Puts the bytes of a new attachment, apart from its message, so that reading text does not read files.
pub fn put_attachment(
    decision: &mut Decision<'_>,
    conversation: ConversationId,
    id: AttachmentId,
    file: AttachmentBytes,
) {
    decision.put(decision.keys().attachment(conversation, id), &file);
}

pub fn delete_attachments(decision: &mut Decision<'_>, conversation: ConversationId, message: &Message) {
    for id in message.stored_attachments() {
        delete_attachment(decision, conversation, id);
    }
}

pub fn delete_attachment(decision: &mut Decision<'_>, conversation: ConversationId, id: AttachmentId) {
    decision.delete(decision.keys().attachment(conversation, id));
}

/// Renames an attachment, if its bytes are stored. They never change without the head.
pub async fn put_renamed_attachment(
    decision: &mut Decision<'_>,
    conversation: ConversationId,
    id: AttachmentId,
    file_name: String,
) -> Result<(), StoreError> {
    let keys = decision.keys();
    let key = keys.attachment(conversation, id);
    let reader = decision.guarded_by(&keys.head(conversation));
    if let Some(value) = get_one::<AttachmentBytes>(&reader, key.clone()).await? {
        decision.put(key, &AttachmentBytes { file_name, ..value });
    }
    Ok(())
}
