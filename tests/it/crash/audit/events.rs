//! The log: it has everything that was done, once.

use std::collections::{BTreeMap, BTreeSet};

use plaudit::{
    domain::{ConversationId, Event, EventKind, MessageId, Rating, RatingId},
    store::records,
};

use super::{Disk, conversations::Conversations};

/// The log's events about one conversation.
#[derive(Default)]
struct Told {
    imported: usize,
    stored: Vec<MessageId>,
    deleted: Vec<MessageId>,
    updated: Vec<MessageId>,
    offered: Vec<RatingId>,
    cancelled: Vec<RatingId>,
    /// Whether the latest deletion or undeletion was a deletion.
    is_deleted: bool,
}

pub fn audit(disk: &Disk, conversations: &Conversations, ratings: &[Rating]) {
    let mut told: BTreeMap<ConversationId, Told> = BTreeMap::new();
    for record in &disk.log {
        let event: Event = records::decode(&Vec::new(), record).expect("a whole event");
        told.entry(event.conversation).or_default().take(event.kind);
    }
    assert!(told.keys().eq(conversations.keys()), "the log tells of other conversations");
    for (id, told) in &told {
        let whole = &conversations[id];
        assert_eq!(told.is_deleted, whole.is_deleted(), "{id}");
        let [stored, deleted] = [&told.stored, &told.deleted].map(|ids| once(ids, "message"));
        let singles = whole.messages.iter().filter(|message| message.details.is_some());
        let singles: BTreeSet<_> = singles.map(|message| message.id).collect();
        let there: BTreeSet<_> = whole.messages.iter().map(|message| message.id).collect();
        assert!(
            told.imported == 1 || told.imported == 0 && !stored.is_empty(),
            "{id} has no event of its creation"
        );
        assert!(deleted.is_disjoint(&there), "{id}: a deleted message is there");
        assert!(
            stored.difference(&deleted).eq(&singles),
            "{id}: {stored:?} were stored, {singles:?} are there"
        );
        assert!(told.updated.iter().all(|updated| there.contains(updated) || deleted.contains(updated)));
        let own = || ratings.iter().filter(|rating| rating.conversation == *id);
        assert!(once(&told.offered, "offer").into_iter().eq(own().map(|rating| rating.id)), "{id}: offers");
        let cancelled = own().filter(|rating| rating.course.cancel_time.is_some());
        assert!(once(&told.cancelled, "cancellation").into_iter().eq(cancelled.map(|rating| rating.id)));
    }
}

fn once<T: Copy + Ord + std::fmt::Debug>(ids: &[T], what: &str) -> BTreeSet<T> {
    let distinct: BTreeSet<T> = ids.iter().copied().collect();
    assert_eq!(distinct.len(), ids.len(), "one {what} has two events: {ids:?}");
    distinct
}

impl Told {
    fn take(&mut self, kind: EventKind) {
        match kind {
            EventKind::ConversationImported => self.imported += 1,
            EventKind::MessageStored { message } => self.stored.push(message),
            EventKind::MessageUpdated { message } => self.updated.push(message),
            EventKind::MessageDeleted { message } => self.deleted.push(message),
            EventKind::RatingOffered { rating } => self.offered.push(rating),
            EventKind::RatingCancelled { rating } => self.cancelled.push(rating),
            EventKind::ConversationDeleted | EventKind::ConversationUndeleted => {
                let is_deleted = kind == EventKind::ConversationDeleted;
                assert_ne!(self.is_deleted, is_deleted, "{kind:?} twice in a row");
                self.is_deleted = is_deleted;
            }
            EventKind::MessagesAppended { .. }
            | EventKind::AssessmentsScored { .. }
            | EventKind::RatingSubmitted { .. }
            | EventKind::ConversationUpdated => {}
            EventKind::ScoringFailed | EventKind::ConversationPurged => panic!("{kind:?}"),
        }
    }
}
