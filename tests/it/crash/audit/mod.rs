//! The store on disk after everything: each kind of key holds exactly what the others imply.

mod assessments;
mod conversations;
mod directory;
mod events;
mod lists;
mod ratings;
mod requests;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::Path,
};

use plaudit::store::{
    self, Direction, Key, KeyRange, Value, keys,
    records::{self, Backfill, ClockMark, Lease, NextId, ScorecardFamily, Secret},
};

use super::thread::Thread;
use crate::harness::KEYS;

/// `threads` is what callers know about each conversation, by number.
pub async fn audit(data: &Path, threads: &HashMap<u64, Thread>) {
    let disk = Disk::read(data).await;
    let conversations = conversations::audit(&disk);
    assert_eq!(conversations.len(), threads.len(), "conversations");
    for whole in conversations.values() {
        conversations::assert_known(whole, &threads[&whole.conversation.id.0]);
    }
    let assessments = assessments::audit(&disk, &conversations);
    let ratings = ratings::audit(&disk, &conversations, threads);
    let people = directory::audit(&disk, &conversations);
    lists::audit(&disk, &conversations, &assessments, &ratings);
    events::audit(&disk, &conversations, &ratings);
    requests::audit(&disk, &conversations);

    let mut numbers = conversations::numbers(&conversations);
    numbers.extend(assessments.iter().map(|assessment| assessment.id.0));
    numbers.extend(ratings.iter().map(|rating| rating.id.0));
    numbers.extend(people);
    let distinct: HashSet<u64> = numbers.iter().copied().collect();
    assert_eq!(distinct.len(), numbers.len(), "a number was issued twice");
    let next = disk.records::<NextId>(0x02)[0].1.id;
    assert!(numbers.iter().all(|number| *number < next), "a number that has not been issued yet");

    assert_eq!(disk.records::<Secret>(0x01).len(), 1);
    let leases = disk.records::<Lease>(0x03);
    assert!(leases.len() <= 3 && leases.iter().all(|(_, lease)| lease.epoch > 0), "{leases:?}");
    let clocks = disk.records::<ClockMark>(0x06);
    assert!(matches!(&clocks[..], [(_, mark)] if !mark.is_behind), "{clocks:?}");
    let posted_below = disk.records::<Backfill>(0x84)[0].1.next.expect("a mark");
    assert!(posted_below.0 <= next, "the mark is beyond the issued numbers");
    let revisions = disk.keys(0x31);
    for (key, family) in disk.records::<ScorecardFamily>(0x30) {
        let base = keys::base_of_family(&key).expect("the key of a family");
        assert!(revisions.contains(&KEYS.scorecard_revision(&base, family.newest_ordinal)), "{base}");
    }
    disk.assert_all_seen();
}

/// All pairs of a store by the first byte of their keys, and its log.
pub struct Disk {
    kinds: BTreeMap<u8, BTreeMap<Key, Value>>,
    pub log: Vec<Value>,
    seen: RefCell<BTreeSet<u8>>,
}

impl Disk {
    async fn read(data: &Path) -> Self {
        let store = store::open(store::AUTO, data, store::Options::default()).expect("the store opens");
        let mut kinds: BTreeMap<u8, BTreeMap<Key, Value>> = BTreeMap::new();
        let mut range = KeyRange::all();
        loop {
            let page = store.scan(range.clone(), 1000, Direction::Ascending).await.expect("a page");
            let Some((last, _)) = page.last() else { break };
            range = range.after(last.clone());
            for (key, value) in page {
                kinds.entry(key[0]).or_default().insert(key, value);
            }
        }
        let mut log = Vec::new();
        let mut after = 0;
        loop {
            let page = store.log(after, 1000).await.expect("a page of the log");
            let Some((last, _)) = page.last() else { break };
            after = *last;
            log.extend(page.into_iter().map(|(_, record)| record));
        }
        store.close().await.expect("the store closes");
        Self { kinds, log, seen: RefCell::default() }
    }

    pub fn pairs(&self, kind: u8) -> BTreeMap<Key, Value> {
        self.seen.borrow_mut().insert(kind);
        self.kinds.get(&kind).cloned().unwrap_or_default()
    }

    pub fn keys(&self, kind: u8) -> BTreeSet<Key> {
        self.pairs(kind).into_keys().collect()
    }

    /// Every record of a kind, all of which must decode.
    pub fn records<T: for<'a> minicbor::Decode<'a, ()>>(&self, kind: u8) -> Vec<(Key, T)> {
        let decoded = |(key, value): (Key, Value)| {
            let record = records::decode(&key, &value).expect("a whole record");
            (key, record)
        };
        self.pairs(kind).into_iter().map(decoded).collect()
    }

    /// Every kind of key must be looked at, or its contents would be untested.
    fn assert_all_seen(&self) {
        let unseen: Vec<_> = self.kinds.keys().filter(|kind| !self.seen.borrow().contains(kind)).collect();
        assert!(unseen.is_empty(), "nothing looks at the kinds {unseen:02x?}");
    }
}

/// Asserts that the keys are exactly those expected.
pub fn assert_same_keys(what: &str, found: &BTreeSet<Key>, expected: &BTreeSet<Key>) {
    let missing: Vec<_> = expected.difference(found).collect();
    let surplus: Vec<_> = found.difference(expected).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "{what}: missing {missing:02x?}, surplus {surplus:02x?}"
    );
}

/// For a key that begins with its kind and the workspace.
pub fn conversation_of(key: &[u8]) -> u64 {
    u64::from_be_bytes(key[5..13].try_into().expect("eight bytes"))
}
