//! Each key of a store lost or damaged by itself: a check notices it, and a salvage leaves nothing that refers to it.

use std::{collections::BTreeMap, fs::File, io::BufReader, sync::Arc};

use bytes::Bytes;
use plaudit::store::{
    Batch, Direction, Key, KeyRange, Keyspace, MemoryStore, Value,
    check::{Report, check},
    dump,
    keys::Kind,
    salvage::salvage,
};
use tempfile::TempDir;

use crate::{
    harness::{Client, Plaudit, ServerProcess},
    roundtrip::fill,
    store::succeed,
};

const DAMAGED: Bytes = Bytes::from_static(b"\xffdamaged");

/// Everything in a store with something of every kind.
async fn rich() -> Arc<dyn Keyspace> {
    let mut server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    fill(&client, server.channel().await).await;
    assert_eq!(server.terminate().await.code(), Some(0));
    let folder = TempDir::new().unwrap();
    let (data, file) = (server.data(), folder.path().join("whole.dump"));
    succeed(folder.path(), &["store", "dump", "--data", data.to_str().unwrap(), file.to_str().unwrap()]);
    let store = MemoryStore::new();
    dump::load(&store, &mut BufReader::new(File::open(file).unwrap()), &mut |_| ()).await.unwrap();
    Arc::new(store)
}

async fn pairs(store: &dyn Keyspace) -> BTreeMap<Key, Value> {
    let mut pairs = BTreeMap::new();
    let mut range = KeyRange::all();
    loop {
        let page = store.scan(range.clone(), 1000, Direction::Ascending).await.unwrap();
        let Some((last, _)) = page.last() else { return pairs };
        range = range.after(last.clone());
        pairs.extend(page);
    }
}

async fn checked(store: &Arc<dyn Keyspace>) -> Report {
    check(store, &mut |_| ()).await.unwrap()
}

async fn put(store: &Arc<dyn Keyspace>, key: &Key, value: Option<Value>) {
    let (put, delete) = match value {
        Some(value) => (vec![(key.clone(), value)], vec![]),
        None => (vec![], vec![key.clone()]),
    };
    store.commit(Batch { put, delete, ..Batch::default() }).await.unwrap();
}

/// What nothing else tells of: whether it ought to be there.
const UNTOLD: [Kind; 9] = [
    Kind::Lease,
    Kind::ClockMark,
    Kind::Job,
    Kind::ScoringFailure,
    Kind::Request,
    Kind::OptOut,
    Kind::Tracked,
    Kind::Backfill,
    Kind::Cursor,
];

#[tokio::test]
async fn each_key_that_is_lost_or_damaged_is_noticed_and_salvaged_around() {
    let store = rich().await;
    let report = checked(&store).await;
    assert!(report.is_whole(), "{report:?}");
    let whole = pairs(&*store).await;
    let kinds: std::collections::BTreeSet<Kind> = whole.keys().filter_map(|key| Kind::of(key)).collect();
    assert!(kinds.len() >= 25, "only {kinds:?}");
    let mut failures = Vec::new();
    let mut tried: BTreeMap<Kind, usize> = BTreeMap::new();
    for (key, value) in &whole {
        let kind = Kind::of(key).unwrap();
        // A few of each kind.
        let count = tried.entry(kind).or_default();
        *count += 1;
        if *count > 6 {
            continue;
        }
        for lost in [None, Some(DAMAGED)] {
            // These have no value that could be damaged.
            if value.is_empty() && lost.is_some() {
                continue;
            }
            let case = format!("{kind:?} {key:02x?} {lost:?}");
            put(&store, key, lost.clone()).await;
            let report = checked(&store).await;
            let is_told = lost.is_some() || !UNTOLD.contains(&kind);
            if report.is_whole() && is_told {
                failures.push(format!("{case}: not noticed"));
            }

            let salvaged: Arc<dyn Keyspace> = Arc::new(MemoryStore::new());
            let done =
                salvage(&*store, &*salvaged, &report, false, Plaudit::START, &mut |_| ()).await.unwrap();
            let after = checked(&salvaged).await;
            if !after.is_whole() {
                failures.push(format!("{case}: {:?} {:?}", after.conversations, after.others));
            }
            let heads = |pairs: &BTreeMap<Key, Value>| {
                pairs.iter().filter(|(key, _)| Kind::of(key) == Some(Kind::Head)).count()
            };
            let found = pairs(&*salvaged).await;
            let is_part = [Kind::Head, Kind::Segment].contains(&kind);
            let left = (heads(&whole) - heads(&found), done.left_out.len());
            if left != (usize::from(is_part), usize::from(is_part)) {
                failures.push(format!("{case}: {left:?} conversations were left out"));
            }
            put(&store, key, Some(value.clone())).await;
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // Nothing is changed by a salvage of what is whole, but for leases, which the next process takes anew.
    let copy: Arc<dyn Keyspace> = Arc::new(MemoryStore::new());
    let report = checked(&store).await;
    salvage(&*store, &*copy, &report, false, Plaudit::START, &mut |_| ()).await.unwrap();
    let mut expected = whole;
    expected.retain(|key, _| Kind::of(key) != Some(Kind::Lease));
    let copied = pairs(&*copy).await;
    for (key, value) in &expected {
        assert_eq!(copied.get(key), Some(value), "{:?} {key:02x?}", Kind::of(key));
    }
    assert_eq!(copied.len(), expected.len());
    assert_eq!(copy.log(0, 1000).await.unwrap(), store.log(0, 1000).await.unwrap());
}
