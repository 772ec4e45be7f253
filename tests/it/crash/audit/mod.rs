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
    fmt::Debug,
    path::Path,
    sync::Arc,
};

use plaudit::{
    domain::{Assessment, Rating},
    store::{
        self, Direction, Key, KeyRange, Value, keys,
        records::{self, Backfill, ClockMark, Lease, NextId, ScorecardFamily, Secret},
    },
};

use self::conversations::{Conversations, Whole};
use super::{
    kept::{Known, State},
    staff::Staff,
    thread::Thread,
    writer::Writer,
};
use crate::harness::KEYS;

/// When everything is scored and nothing is on its way. `threads` is what callers know about each conversation, by number.
/// Returns how many requests had an id.
pub async fn audit(data: &Path, threads: &HashMap<u64, Thread>) -> usize {
    let disk = Disk::read(store::AUTO, data).await;
    let found = parts(&disk, true);
    assert_eq!(found.conversations.len(), threads.len(), "conversations");
    let told = found.told();
    for (number, thread) in threads {
        assert_eq!(told.get(number), Some(&conversations::comparable(thread)), "{}", thread.name);
    }
    lists::audit(&disk, &found.conversations, &found.assessments, &found.ratings);

    assert_eq!(disk.records::<Secret>(0x01).len(), 1);
    let leases = disk.records::<Lease>(0x03);
    assert!(leases.len() <= 3 && leases.iter().all(|(_, lease)| lease.epoch > 0), "{leases:?}");
    let clocks = disk.records::<ClockMark>(0x06);
    assert!(matches!(&clocks[..], [(_, mark)] if !mark.is_behind), "{clocks:?}");
    let next = disk.records::<NextId>(0x02)[0].1.id;
    let posted_below = disk.records::<Backfill>(0x84)[0].1.next.expect("a mark");
    assert!(posted_below.0 <= next, "the mark is beyond the issued numbers");
    let revisions = disk.keys(0x31);
    for (key, family) in disk.records::<ScorecardFamily>(0x30) {
        let base = keys::base_of_family(&key).expect("the key of a family");
        assert!(revisions.contains(&KEYS.scorecard_revision(&base, family.newest_ordinal)), "{base}");
    }
    disk.assert_all_seen();
    found.requests
}

/// At any time, scored or not: what was acknowledged is there once, what was sent may be there as a whole, and nothing else is.
pub async fn audit_at_any_time(engine: &str, data: &Path, writers: &[Arc<Writer>]) {
    let disk = Disk::read(engine, data).await;
    let found = parts(&disk, false);
    let mut there: BTreeMap<String, Thread> = BTreeMap::new();
    for thread in found.told().into_values() {
        let other = there.insert(thread.external_id.clone(), thread);
        assert!(other.is_none(), "two conversations have one id: {other:?}");
    }
    for writer in writers {
        for thread in writer.threads() {
            let state = thread.state();
            let found = there.remove(&state.certain.external_id);
            let known = |thread: &Thread| thread.is_stored.then(|| conversations::comparable(thread));
            assert_one_of(&found, &state, known);
        }
        let state = writer.staff().state();
        assert_one_of(&directory::told(&disk, state.certain.source()), &state, Staff::clone);
    }
    assert!(there.is_empty(), "nobody has sent {there:?}");
}

/// Asserts that something is as it was before the change whose outcome is unknown, or as after it.
fn assert_one_of<K: Known, T: PartialEq + Debug>(found: &T, state: &State<K>, known: impl Fn(&K) -> T) {
    let (before, after) = (known(&state.certain), known(&state.with_pending()));
    assert!(
        *found == after || *found == before && !state.is_seen,
        "found {found:?}\nknown {before:?}\nsent {:?}, seen: {}",
        state.pending,
        state.is_seen
    );
}

/// What there is, each part of which agrees with the others.
struct Parts {
    conversations: Conversations,
    assessments: Vec<Assessment>,
    ratings: Vec<Rating>,
    requests: usize,
}

impl Parts {
    /// The conversations in the words of their callers, by number.
    fn told(&self) -> HashMap<u64, Thread> {
        let mut ratings = ratings::told(&self.ratings);
        let mut told = |whole: &Whole| {
            let number = whole.conversation.id.0;
            let ratings = ratings.remove(&number).unwrap_or_default();
            (number, Thread { ratings, ..conversations::told(whole) })
        };
        self.conversations.values().map(&mut told).collect()
    }
}

fn parts(disk: &Disk, is_settled: bool) -> Parts {
    let conversations = conversations::audit(disk);
    conversations::audit_queue(disk, is_settled);
    let assessments = assessments::audit(disk, &conversations, is_settled);
    let ratings = ratings::audit(disk, &conversations);
    let people = directory::audit(disk, &conversations, is_settled);
    lists::audit_postings(disk);
    events::audit(disk, &conversations, &ratings);
    let requests = requests::audit(disk, &conversations);

    let mut numbers = conversations::numbers(&conversations);
    numbers.extend(assessments.iter().map(|assessment| assessment.id.0));
    numbers.extend(ratings.iter().map(|rating| rating.id.0));
    numbers.extend(people);
    let distinct: HashSet<u64> = numbers.iter().copied().collect();
    assert_eq!(distinct.len(), numbers.len(), "a number was issued twice");
    let next = disk.records::<NextId>(0x02).first().map_or(0, |(_, next)| next.id);
    assert!(numbers.iter().all(|number| *number < next), "a number that has not been issued yet");
    Parts { conversations, assessments, ratings, requests }
}

/// All pairs of a store by the first byte of their keys, and its log.
pub struct Disk {
    kinds: BTreeMap<u8, BTreeMap<Key, Value>>,
    pub log: Vec<Value>,
    seen: RefCell<BTreeSet<u8>>,
}

impl Disk {
    async fn read(engine: &str, data: &Path) -> Self {
        let store = store::open(engine, data, store::Options::default());
        let store = store.unwrap_or_else(|refused| panic!("the store does not open: {refused}"));
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
