//! Heads, identities, segments, tracking ids, attachments, the queue.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeBounds as _,
};

use plaudit::{
    domain::{Conversation, ConversationId, Message},
    store::{
        Key,
        records::{AttachmentBytes, Head, Identity, Segment, TrackedMessage},
    },
};

use super::{Disk, assert_same_keys, conversation_of};
use crate::crash::{
    thread::{Said, Thread},
    thread_calls::FILE,
};
use crate::harness::KEYS;

pub type Conversations = BTreeMap<ConversationId, Whole>;

/// A conversation with all its messages in order.
pub struct Whole {
    pub conversation: Conversation,
    pub messages: Vec<Message>,
}

impl Whole {
    pub fn is_deleted(&self) -> bool {
        self.conversation.delete_time.is_some()
    }

    fn tracking_id(message: &Message) -> Option<&str> {
        message.details.as_ref()?.tracking_id.as_deref()
    }
}

pub fn audit(disk: &Disk) -> Conversations {
    let conversations = wholes(disk);
    let live =
        || conversations.values().map(|whole| &whole.conversation).filter(|it| it.delete_time.is_none());
    let identity = |it: &Conversation| (KEYS.identity(&it.source, &it.external_id), it.id);
    let expected: BTreeMap<Key, ConversationId> = live().map(identity).collect();
    assert_eq!(expected.len(), live().count(), "two conversations have one identity");
    let found = disk.records::<Identity>(0x11).into_iter();
    assert_eq!(found.map(|(key, found)| (key, found.conversation)).collect::<BTreeMap<_, _>>(), expected);

    let deleted = conversations
        .values()
        .filter_map(|whole| Some(KEYS.deletion(whole.conversation.delete_time?, whole.conversation.id)));
    assert_same_keys("notes of deletions", &disk.keys(0x83), &deleted.collect());
    audit_tracked(disk, &conversations);
    audit_attachments(disk, &conversations);
    conversations
}

/// Whatever waits for being scored is there; once all is scored, nothing waits.
pub fn audit_queue(disk: &Disk, is_settled: bool) {
    let (jobs, failures) = (disk.keys(0x40), disk.keys(0x41));
    assert!(!is_settled || jobs.is_empty(), "jobs");
    assert!(failures.is_empty(), "failures");
}

fn wholes(disk: &Disk) -> Conversations {
    let mut conversations = Conversations::new();
    for (key, head) in disk.records::<Head>(0x10) {
        let Head { conversation, messages, writers: _ } = head;
        assert_eq!(key, KEYS.head(conversation.id));
        conversations.insert(conversation.id, Whole { conversation, messages });
    }
    for (key, segment) in disk.records::<Segment>(0x12) {
        let id = ConversationId(conversation_of(&key));
        let whole =
            conversations.get_mut(&id).unwrap_or_else(|| panic!("a segment without the head of {id}"));
        let first = segment.messages.first().expect("a segment is not empty");
        // If its first message was deleted, a segment keeps its key.
        assert!(key <= KEYS.segment(id, first.id), "a segment begins before its key");
        whole.messages.extend(segment.messages);
    }
    for (id, whole) in &conversations {
        let ids: Vec<_> = whole.messages.iter().map(|message| message.id).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "the messages of {id} are out of order: {ids:?}");
        assert_eq!(ids.len(), whole.conversation.message_count as usize, "messages of {id}");
        let external_ids: BTreeSet<_> = whole.messages.iter().map(|message| &message.external_id).collect();
        assert_eq!(external_ids.len(), ids.len(), "an external id comes twice in {id}");
    }
    conversations
}

/// Each message with a tracking id is found by it, and nothing else is.
fn audit_tracked(disk: &Disk, conversations: &Conversations) {
    let mut tracked = Vec::new();
    for (key, TrackedMessage { message: id }) in disk.records(0x13) {
        let whole = &conversations[&ConversationId(conversation_of(&key))];
        let message = whole.messages.iter().find(|message| message.id == id).expect("a tracked message");
        let tracking_id = Whole::tracking_id(message).expect("it has a tracking id");
        let range = KEYS.tracked_of_id(whole.conversation.id, tracking_id);
        assert!((range.start, range.end).contains(&key), "{id} is tracked as {key:02x?}");
        tracked.push(id);
    }
    let all = conversations.values().flat_map(|whole| &whole.messages);
    let with_id = all.filter(|message| Whole::tracking_id(message).is_some());
    let mut expected: Vec<_> = with_id.map(|message| message.id).collect();
    tracked.sort_unstable();
    expected.sort_unstable();
    assert_eq!(tracked, expected, "messages with tracking ids");
}

fn audit_attachments(disk: &Disk, conversations: &Conversations) {
    let mut expected = BTreeSet::new();
    for (id, whole) in conversations {
        for message in &whole.messages {
            expected.extend(message.stored_attachments().map(|attachment| KEYS.attachment(*id, attachment)));
        }
    }
    assert_same_keys("attachments", &disk.keys(0x14), &expected);
    let files = disk.records::<AttachmentBytes>(0x14);
    assert!(files.iter().all(|(_, file)| file.bytes.as_slice() == FILE));
}

/// A conversation in the words of its callers, as far as [`comparable`] goes.
pub fn told(whole: &Whole) -> Thread {
    let conversation = &whole.conversation;
    let said = |message: &Message| Said {
        words: message.content.clone(),
        files: message.stored_attachments().count(),
        ..Said::default()
    };
    Thread {
        external_id: conversation.external_id.as_str().to_owned(),
        is_stored: true,
        is_deleted: whole.is_deleted(),
        subject: conversation.subject.clone(),
        team: conversation.handling.team.as_deref().map(str::to_owned),
        tags: conversation.handling.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        messages: whole.messages.iter().map(said).collect(),
        ..Thread::default()
    }
}

/// A thread without what is not compared with the disk: the names that the server gave, the ids, the status.
pub fn comparable(thread: &Thread) -> Thread {
    let mut thread = Thread { status: 0, ..thread.bare() };
    thread.messages.iter_mut().for_each(|said| said.id.clear());
    thread
}

/// All numbers of conversations, their messages, events and attachments.
pub fn numbers(conversations: &Conversations) -> Vec<u64> {
    let mut numbers: Vec<u64> = conversations.keys().map(|id| id.0).collect();
    for message in conversations.values().flat_map(|whole| &whole.messages) {
        numbers.push(message.id.0);
        if let Some(details) = &message.details {
            numbers.push(message.event_number());
            numbers.extend(details.attachments.iter().map(|attachment| attachment.id.0));
        }
    }
    numbers
}
