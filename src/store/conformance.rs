//! The one suite that every engine passes.
//!
//! An engine joins with a [`Subject`] and one call of [`conformance_suite!`]; it opts out of a case only there, by name
//! and reason. Nothing is skipped in silence: the reason is printed.

use std::{collections::BTreeMap, ops::Bound, path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use proptest::prelude::*;

use super::keyspace::*;

/// How the suite makes an engine's stores.
pub(super) trait Subject: Send + Sync {
    /// An empty store.
    fn open(&self) -> BoxFuture<'_, Arc<dyn Keyspace>>;

    /// The store that was opened before and closed since, for engines that keep anything.
    fn reopen(&self) -> BoxFuture<'_, Arc<dyn Keyspace>>;
}

pub(super) struct Memory;

impl Subject for Memory {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Keyspace>> {
        Box::pin(async { Arc::new(super::MemoryStore::new()) as Arc<dyn Keyspace> })
    }

    fn reopen(&self) -> BoxFuture<'_, Arc<dyn Keyspace>> {
        unreachable!("the memory engine opts out of reopening")
    }
}

pub(super) struct Sled {
    dir: tempfile::TempDir,
}

impl Sled {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

impl Subject for Sled {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Keyspace>> {
        self.reopen()
    }

    fn reopen(&self) -> BoxFuture<'_, Arc<dyn Keyspace>> {
        Box::pin(async {
            let store = super::SledStore::open(&self.data(), super::SledOptions::default());
            Arc::new(store.expect("a whole data directory opens")) as Arc<dyn Keyspace>
        })
    }
}

/// The cases, as tests of one engine. An engine opts out of a case with its name and a reason.
macro_rules! conformance_suite {
    ($engine:ident, $subject:expr, opts_out: { $($out:ident: $reason:literal),* }) => {
        mod $engine {
            use super::*;

            const OPTED_OUT: &[(&str, &str)] = &[$((stringify!($out), $reason)),*];

            conformance_suite!(@cases $subject;
                two_batches_that_each_expect_two_absent_keys_never_both_win,
                a_claim_is_won_once,
                no_increment_of_a_counter_is_lost,
                a_conflict_names_its_key_and_writes_nothing,
                a_batch_sees_the_earlier_ones_of_its_group,
                a_batch_without_writes_only_checks,
                an_expectation_may_name_an_empty_value,
                a_value_may_be_empty,
                several_keys_are_read_in_the_order_asked,
                a_read_sees_a_batch_wholly_or_not_at_all,
                a_scan_respects_every_kind_of_bound,
                a_scan_ends_at_its_limit,
                a_prefix_of_ff_bytes_has_no_end,
                a_page_is_never_larger_than_the_largest,
                the_log_keeps_the_order_of_commits,
                a_refused_batch_logs_nothing,
                a_follower_of_the_log_misses_nothing,
                restored_positions_are_kept_and_gone_on_from,
                large_values_come_back_whole,
                large_values_can_shrink_grow_and_go,
                large_values_can_be_expected,
                large_records_can_be_logged,
                the_largest_batch_is_taken,
                what_breaks_a_limit_is_refused,
                a_random_history_equals_its_model,
                stats_follow_the_commits,
                everything_is_there_after_reopening,
                a_closed_store_refuses_everything,
            );
        }
    };
    (@cases $subject:expr; $($case:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                if let Some((name, reason)) = OPTED_OUT.iter().find(|(name, _)| *name == stringify!($case)) {
                    println!("{name} does not run on this engine: {reason}");
                    return;
                }
                super::$case(&$subject).await;
            }
        )*

        #[test]
        fn every_case_opted_out_of_exists() {
            let cases = [$(stringify!($case)),*];
            assert!(OPTED_OUT.iter().all(|(name, reason)| cases.contains(name) && !reason.is_empty()));
        }
    };
}

conformance_suite!(memory, Memory, opts_out: {
    everything_is_there_after_reopening: "it keeps nothing when its process ends, by design"
});
conformance_suite!(sled, Sled::new(), opts_out: {});

// Isolation

async fn two_batches_that_each_expect_two_absent_keys_never_both_win(subject: &dyn Subject) {
    let store = subject.open().await;
    for round in 0..50u8 {
        let (left, right) = (key(&[1, round, 0]), key(&[1, round, 1]));
        let expect = vec![(left.clone(), Expect::Absent), (right.clone(), Expect::Absent)];
        let claim = |mine: &Key| Batch {
            expect: expect.clone(),
            put: vec![(mine.clone(), value("mine"))],
            ..Batch::default()
        };
        let (first, second) =
            tokio::join!(spawn_commit(&store, claim(&left)), spawn_commit(&store, claim(&right)),);
        assert_eq!(first.is_ok() as u8 + second.is_ok() as u8, 1, "{first:?} {second:?}");
    }
}

async fn a_claim_is_won_once(subject: &dyn Subject) {
    let store = subject.open().await;
    for round in 0..5u8 {
        let claim = |claimant: u8| Batch {
            expect: vec![(key(&[2, round]), Expect::Absent)],
            put: vec![(key(&[2, round]), Bytes::from(vec![claimant]))],
            log: vec![Bytes::from(vec![round, claimant])],
            ..Batch::default()
        };
        let outcomes = join_all((0..50).map(|claimant| spawn_commit(&store, claim(claimant)))).await;
        let winners: Vec<usize> = (0..50).filter(|&at| outcomes[at].is_ok()).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(get(&store, &[2, round]).await, Some(Bytes::from(vec![winners[0] as u8])));
    }
    assert_eq!(store.log(0, 100).await.unwrap().len(), 5);
}

async fn no_increment_of_a_counter_is_lost(subject: &dyn Subject) {
    let store = subject.open().await;
    let increments = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..25 {
                increment(&store, &[3]).await;
            }
        })
    });
    for done in join_all(increments).await {
        done.unwrap();
    }
    assert_eq!(get(&store, &[3]).await, Some(Bytes::from(200u64.to_be_bytes().to_vec())));
}

async fn increment(store: &Arc<dyn Keyspace>, counter: &[u8]) {
    loop {
        let old = get(store, counter).await;
        let count = old.as_ref().map_or(0, |old| u64::from_be_bytes(old.as_ref().try_into().unwrap()));
        let batch = Batch {
            expect: vec![(key(counter), old.map_or(Expect::Absent, Expect::Is))],
            put: vec![(key(counter), Bytes::from((count + 1).to_be_bytes().to_vec()))],
            ..Batch::default()
        };
        match store.commit(batch).await {
            Ok(_) => return,
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn a_conflict_names_its_key_and_writes_nothing(subject: &dyn Subject) {
    let store = subject.open().await;
    put(&store, &[1], "there").await;
    let batch = Batch {
        expect: vec![(key(&[2]), Expect::Absent), (key(&[1]), Expect::Is(value("other")))],
        put: vec![(key(&[2]), value("new"))],
        delete: vec![key(&[1])],
        log: vec![value("event")],
    };
    match store.commit(batch).await {
        Err(StoreError::Conflict { key }) => assert_eq!(key, [1]),
        other => panic!("{other:?}"),
    }
    assert_eq!(get(&store, &[1]).await, Some(value("there")));
    assert_eq!(get(&store, &[2]).await, None);
    assert!(store.log(0, 10).await.unwrap().is_empty());
}

/// Many at once, so that engines which group have groups: each expects what the one before wrote.
async fn a_batch_sees_the_earlier_ones_of_its_group(subject: &dyn Subject) {
    let store = subject.open().await;
    let step = |step: u8| Batch {
        expect: vec![match step {
            0 => (key(&[1]), Expect::Absent),
            _ => (key(&[1]), Expect::Is(Bytes::from(vec![step - 1]))),
        }],
        put: vec![(key(&[1]), Bytes::from(vec![step]))],
        log: vec![Bytes::from(vec![step])],
        ..Batch::default()
    };
    // Polled in order by one task, so an engine takes them in this order.
    let outcomes = join_all((0..100).map(|at| store.commit(step(at)))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(get(&store, &[1]).await, Some(Bytes::from(vec![99])));

    let claims = join_all((0..20).map(|_| {
        let batch = Batch { expect: vec![(key(&[2]), Expect::Absent)], ..put_batch(&[2], "mine") };
        store.commit(batch)
    }));
    assert_eq!(claims.await.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

async fn a_batch_without_writes_only_checks(subject: &dyn Subject) {
    let store = subject.open().await;
    put(&store, &[1], "there").await;
    let check = |expect| Batch { expect: vec![(key(&[1]), expect)], ..Batch::default() };
    assert_eq!(
        store.commit(check(Expect::Is(value("there")))).await.unwrap(),
        Committed { first_position: None }
    );
    assert!(matches!(store.commit(check(Expect::Absent)).await, Err(StoreError::Conflict { .. })));
    assert!(store.commit(Batch::default()).await.is_ok());
}

async fn an_expectation_may_name_an_empty_value(subject: &dyn Subject) {
    let store = subject.open().await;
    let expecting = |expect| Batch { expect: vec![(key(&[1]), expect)], ..put_batch(&[2], "done") };
    let empty = || Expect::Is(Bytes::new());
    assert!(matches!(store.commit(expecting(empty())).await, Err(StoreError::Conflict { .. })));
    put(&store, &[1], "").await;
    assert!(matches!(store.commit(expecting(Expect::Absent)).await, Err(StoreError::Conflict { .. })));
    assert!(store.commit(expecting(empty())).await.is_ok());
}

// Reading

async fn a_value_may_be_empty(subject: &dyn Subject) {
    let store = subject.open().await;
    put(&store, &[1], "").await;
    assert_eq!(get(&store, &[1]).await, Some(Bytes::new()));
    assert_eq!(all(&store).await, vec![(key(&[1]), Bytes::new())]);
}

async fn several_keys_are_read_in_the_order_asked(subject: &dyn Subject) {
    let store = subject.open().await;
    put(&store, &[1], "one").await;
    put(&store, &[2], "two").await;
    let found = store.get(vec![key(&[2]), key(&[3]), key(&[1]), key(&[2]), Vec::new()]).await.unwrap();
    assert_eq!(found, [Some(value("two")), None, Some(value("one")), Some(value("two")), None]);
    assert!(store.get(Vec::new()).await.unwrap().is_empty());
}

/// Two keys always hold the same; no get and no scan ever shows them differ.
async fn a_read_sees_a_batch_wholly_or_not_at_all(subject: &dyn Subject) {
    let store = subject.open().await;
    let both = |round: u16| Batch {
        put: [[1], [9]].map(|at| (key(&at), Bytes::from(vec![round as u8; 60_000]))).into(),
        ..Batch::default()
    };
    store.commit(both(0)).await.unwrap();
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for round in 1..=100 {
                store.commit(both(round)).await.unwrap();
            }
        }
    });
    while !writer.is_finished() {
        let found = store.get(vec![key(&[1]), key(&[9])]).await.unwrap();
        assert!(found[0] == found[1], "a get saw half of a batch");
        let found = all(&store).await;
        assert!(found[0].1 == found[1].1, "a scan saw half of a batch");
    }
    writer.await.unwrap();
}

async fn a_scan_respects_every_kind_of_bound(subject: &dyn Subject) {
    let store = subject.open().await;
    let keys: Vec<Key> = [&[0][..], &[0, 0], &[1], &[1, 0], &[1, 255], &[2], &[254], &[255], &[255, 255]]
        .map(<[u8]>::to_vec)
        .into();
    let put = keys.iter().map(|key| (key.clone(), Bytes::from(key.clone()))).collect();
    store.commit(Batch { put, ..Batch::default() }).await.unwrap();
    let edges = keys.iter().cloned().chain([vec![], vec![1, 128], vec![255, 255, 255]]);
    let bounds: Vec<Bound<Key>> = edges
        .flat_map(|edge| [Bound::Included(edge.clone()), Bound::Excluded(edge)])
        .chain([Bound::Unbounded])
        .collect();
    for start in &bounds {
        for end in &bounds {
            let range = KeyRange { start: start.clone(), end: end.clone() };
            let within = |key: &&Key| {
                let after_start = match start {
                    Bound::Included(start) => *key >= start,
                    Bound::Excluded(start) => *key > start,
                    Bound::Unbounded => true,
                };
                after_start
                    && match end {
                        Bound::Included(end) => *key <= end,
                        Bound::Excluded(end) => *key < end,
                        Bound::Unbounded => true,
                    }
            };
            let mut expected: Vec<Key> = keys.iter().filter(within).cloned().collect();
            assert_eq!(scan_keys(&store, &range, 100, Direction::Ascending).await, expected, "{range:?}");
            expected.reverse();
            assert_eq!(scan_keys(&store, &range, 100, Direction::Descending).await, expected, "{range:?}");
        }
    }
}

async fn a_scan_ends_at_its_limit(subject: &dyn Subject) {
    let store = subject.open().await;
    let put = (0..50).map(|at| (key(&[7, at]), value("x"))).collect();
    store.commit(Batch { put, ..Batch::default() }).await.unwrap();
    let range = KeyRange::prefix(key(&[7]));
    for limit in [0, 1, 2, 49, 50, 51] {
        let ascending = scan_keys(&store, &range, limit, Direction::Ascending).await;
        let expected: Vec<Key> = (0..50).take(limit).map(|at| key(&[7, at])).collect();
        assert_eq!(ascending, expected);
        let descending = scan_keys(&store, &range, limit, Direction::Descending).await;
        let expected: Vec<Key> = (0..50).rev().take(limit).map(|at| key(&[7, at])).collect();
        assert_eq!(descending, expected);
    }
    let mut pages = Vec::new();
    let mut rest = range;
    loop {
        let page = scan_keys(&store, &rest, 7, Direction::Ascending).await;
        let Some(last) = page.last().cloned() else { break };
        pages.extend(page);
        rest = rest.after(last);
    }
    assert_eq!(pages.len(), 50);
}

async fn a_prefix_of_ff_bytes_has_no_end(subject: &dyn Subject) {
    let store = subject.open().await;
    for at in [&[254, 255][..], &[255], &[255, 0], &[255, 255], &[255, 255, 255, 3]] {
        put(&store, at, "x").await;
    }
    let with = |prefix: &[u8]| KeyRange::prefix(key(prefix));
    assert_eq!(scan_keys(&store, &with(&[255]), 9, Direction::Ascending).await.len(), 4);
    assert_eq!(scan_keys(&store, &with(&[255, 255]), 9, Direction::Descending).await.len(), 2);
    assert_eq!(scan_keys(&store, &with(&[254, 255]), 9, Direction::Ascending).await.len(), 1);
    assert_eq!(scan_keys(&store, &with(&[]), 9, Direction::Ascending).await.len(), 5);
}

async fn a_page_is_never_larger_than_the_largest(subject: &dyn Subject) {
    let store = subject.open().await;
    let put = (0..MAX_PAGE as u32 + 5).map(|at| (at.to_be_bytes().to_vec(), Bytes::new())).collect();
    let log = (0..MAX_PAGE + 5).map(|_| value("x")).collect();
    store.commit(Batch { put, log, ..Batch::default() }).await.unwrap();
    for direction in [Direction::Ascending, Direction::Descending] {
        assert_eq!(store.scan(KeyRange::all(), usize::MAX, direction).await.unwrap().len(), MAX_PAGE);
    }
    assert_eq!(store.log(0, usize::MAX).await.unwrap().len(), MAX_PAGE);
}

// The log

async fn the_log_keeps_the_order_of_commits(subject: &dyn Subject) {
    let store = subject.open().await;
    let mut first_positions = Vec::new();
    for at in 0..5u8 {
        let log = vec![Bytes::from(vec![at, 0]), Bytes::from(vec![at, 1])];
        let committed = store.commit(Batch { log, ..Batch::default() }).await.unwrap();
        first_positions.push(committed.first_position.unwrap());
    }
    let records = store.log(0, 100).await.unwrap();
    assert!(records.windows(2).all(|pair| pair[0].0 < pair[1].0) && records[0].0 > 0);
    let bodies: Vec<Bytes> = records.iter().map(|(_, body)| body.clone()).collect();
    let expected: Vec<Bytes> = (0..5).flat_map(|at| [vec![at, 0], vec![at, 1]]).map(Bytes::from).collect();
    assert_eq!(bodies, expected);
    assert_eq!(records.iter().step_by(2).map(|(at, _)| *at).collect::<Vec<_>>(), first_positions);
    assert_eq!(store.log(records[3].0, 2).await.unwrap(), records[4..6]);
    assert!(store.log(records[9].0, 2).await.unwrap().is_empty());
    assert!(store.log(u64::MAX, 2).await.unwrap().is_empty());
    assert!(store.log(0, 0).await.unwrap().is_empty());
    // The log is no part of the pairs.
    assert!(all(&store).await.is_empty());
}

async fn a_refused_batch_logs_nothing(subject: &dyn Subject) {
    let store = subject.open().await;
    let batch = Batch {
        expect: vec![(key(&[1]), Expect::Is(value("x")))],
        log: vec![value("never")],
        ..Batch::default()
    };
    assert!(store.commit(batch).await.is_err());
    assert!(store.log(0, 1).await.unwrap().is_empty());
    assert_eq!(store.stats().await.unwrap().last_position, 0);
}

async fn a_follower_of_the_log_misses_nothing(subject: &dyn Subject) {
    let store = subject.open().await;
    let (writers, each) = (8u8, 50u8);
    let follower = tokio::spawn({
        let store = store.clone();
        async move {
            let mut seen: Vec<(Position, Value)> = Vec::new();
            while seen.len() < usize::from(writers) * usize::from(each) {
                let after = seen.last().map_or(0, |(at, _)| *at);
                seen.extend(store.log(after, 7).await.unwrap());
                tokio::task::yield_now().await;
            }
            seen
        }
    });
    let writing = (0..writers).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for at in 0..each {
                let log = vec![Bytes::from(vec![writer, at])];
                store.commit(Batch { log, ..Batch::default() }).await.unwrap();
            }
        })
    });
    for done in join_all(writing).await {
        done.unwrap();
    }
    let seen = follower.await.unwrap();
    assert_eq!(seen, store.log(0, 1000).await.unwrap(), "what was followed is what stands there");
    for writer in 0..writers {
        let of_writer: Vec<u8> =
            seen.iter().filter(|(_, body)| body[0] == writer).map(|(_, body)| body[1]).collect();
        assert_eq!(of_writer, (0..each).collect::<Vec<u8>>());
    }
}

async fn restored_positions_are_kept_and_gone_on_from(subject: &dyn Subject) {
    let store = subject.open().await;
    store.restore_log(vec![(5, value("five")), (9, value("nine"))]).await.unwrap();
    assert_eq!(store.log(0, 9).await.unwrap(), [(5, value("five")), (9, value("nine"))]);
    for wrong in [vec![9], vec![3], vec![12, 11], vec![12, 12], vec![0], vec![MAX_POSITION + 1]] {
        let records = wrong.iter().map(|at| (*at, value("wrong"))).collect();
        let refused = store.restore_log(records).await;
        assert!(matches!(refused, Err(StoreError::Limit(_))), "{wrong:?} gave {refused:?}");
    }
    let batch = Batch { log: vec![value("next")], ..Batch::default() };
    assert!(store.commit(batch).await.unwrap().first_position > Some(9));
    assert_eq!(store.log(0, 9).await.unwrap().len(), 3);
}

// Large values

/// The sizes around which an engine may change its form: in place, one chunk, many.
const LARGE: [usize; 7] = [32 * 1024, 48 * 1024 - 1, 48 * 1024, 48 * 1024 + 1, 64 * 1024, 200_000, 3 << 20];

async fn large_values_come_back_whole(subject: &dyn Subject) {
    let store = subject.open().await;
    for (at, size) in (0..).zip(LARGE) {
        store.commit(put_bytes(&[at], large(size, at))).await.unwrap();
    }
    let mut expected: Vec<(Key, Value)> =
        (0..).zip(LARGE).map(|(at, size)| (key(&[at]), large(size, at))).collect();
    for (key, value) in &expected {
        assert!(get(&store, key).await.as_ref() == Some(value));
    }
    assert!(all(&store).await == expected);
    expected.reverse();
    assert!(store.scan(KeyRange::all(), 100, Direction::Descending).await.unwrap() == expected);
}

async fn large_values_can_shrink_grow_and_go(subject: &dyn Subject) {
    let store = subject.open().await;
    put(&store, &[1, 1], "a neighbour").await;
    for (round, size) in (0..).zip([100_000, 300_000, 60_000, 10, 0, 49_153, 100_000]) {
        store.commit(put_bytes(&[1], large(size, round))).await.unwrap();
        assert!(get(&store, &[1]).await == Some(large(size, round)));
        assert_eq!(all(&store).await.len(), 2);
    }
    store.commit(Batch { delete: vec![key(&[1])], ..Batch::default() }).await.unwrap();
    assert_eq!(get(&store, &[1]).await, None);
    assert_eq!(all(&store).await, [(key(&[1, 1]), value("a neighbour"))]);
}

async fn large_values_can_be_expected(subject: &dyn Subject) {
    let store = subject.open().await;
    store.commit(put_bytes(&[1], large(100_000, 1))).await.unwrap();
    let expecting =
        |held| Batch { expect: vec![(key(&[1]), Expect::Is(held))], ..put_bytes(&[1], large(100_000, 2)) };
    for wrong in [large(100_000, 2), large(99_999, 1), Bytes::new()] {
        assert!(matches!(store.commit(expecting(wrong)).await, Err(StoreError::Conflict { .. })));
    }
    assert!(store.commit(expecting(large(100_000, 1))).await.is_ok());
}

async fn large_records_can_be_logged(subject: &dyn Subject) {
    let store = subject.open().await;
    let log = vec![large(10, 1), large(500_000, 2), large(48 * 1024 + 1, 3)];
    store.commit(Batch { log: log.clone(), ..Batch::default() }).await.unwrap();
    let records = store.log(0, 10).await.unwrap();
    assert!(records.into_iter().map(|(_, body)| body).eq(log));
}

async fn the_largest_batch_is_taken(subject: &dyn Subject) {
    let store = subject.open().await;
    let small = |at: u8| put_batch(&[2, at], "small");
    let largest = put_bytes(&[1], large(MAX_BATCH_BYTES - 1, 1));
    let (before, taken, after) =
        tokio::join!(store.commit(small(0)), store.commit(largest), store.commit(small(1)));
    assert!(before.is_ok() && taken.is_ok() && after.is_ok());
    assert!(get(&store, &[1]).await == Some(large(MAX_BATCH_BYTES - 1, 1)));
}

// Limits

async fn what_breaks_a_limit_is_refused(subject: &dyn Subject) {
    let store = subject.open().await;
    let longest = vec![7; MAX_KEY_BYTES];
    store.commit(put_bytes(&longest, value("x"))).await.unwrap();
    assert_eq!(get(&store, &longest).await, Some(value("x")));
    let too_long = vec![7; MAX_KEY_BYTES + 1];
    assert_eq!(get(&store, &too_long).await, None);

    let of_key = |key: Key| {
        [
            put_bytes(&key, value("x")),
            Batch { delete: vec![key.clone()], ..Batch::default() },
            Batch { expect: vec![(key, Expect::Absent)], ..Batch::default() },
        ]
    };
    let twice = (key(&[1]), value("x"));
    let half = large(MAX_BATCH_BYTES / 2, 1);
    let refused = of_key(too_long).into_iter().chain(of_key(Vec::new())).chain([
        Batch { put: vec![twice.clone(), twice.clone()], ..Batch::default() },
        Batch { put: vec![twice.clone()], delete: vec![twice.0.clone()], ..Batch::default() },
        Batch { delete: vec![twice.0.clone(), twice.0.clone()], ..Batch::default() },
        put_bytes(&[1], large(MAX_BATCH_BYTES, 1)),
        Batch { log: vec![half.clone(), half.clone(), value("x")], ..Batch::default() },
    ]);
    for batch in refused {
        let outcome = store.commit(batch).await;
        assert!(matches!(outcome, Err(StoreError::Limit(_))), "{outcome:?}");
    }
    assert_eq!(all(&store).await.len(), 1);
}

// Histories

/// One step of a random history: a batch over a few keys, right or wrong about what they hold.
#[derive(Clone, Debug)]
struct Step {
    /// Keys whose present value is expected; `false` expects something else.
    expect: Vec<(u8, bool)>,
    put: BTreeMap<u8, (u8, usize)>,
    delete: Vec<u8>,
    log: usize,
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![8 => 0..200usize, 1 => 49_000..50_000usize, 1 => 100_000..150_000usize];
    let step = (
        proptest::collection::vec((0..24u8, prop::bool::weighted(0.9)), 0..3),
        proptest::collection::btree_map(0..24u8, (any::<u8>(), size), 0..5),
        proptest::collection::vec(0..24u8, 0..3),
        0..3usize,
    );
    let step = step.prop_map(|(expect, put, delete, log)| Step { expect, put, delete, log });
    proptest::collection::vec(step, 1..40)
}

/// Random batches, some at once, against a map; then every scan of the store against the map's.
async fn a_random_history_equals_its_model(subject: &dyn Subject) {
    let store = subject.open().await;
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let handle = tokio::runtime::Handle::current();
    let result = tokio::task::block_in_place(|| {
        runner.run(&history(), |steps| {
            handle.block_on(run_history(&store, &steps));
            Ok(())
        })
    });
    result.unwrap();
}

async fn run_history(store: &Arc<dyn Keyspace>, steps: &[Step]) {
    let mut model: BTreeMap<Key, Value> = BTreeMap::new();
    let before = store.stats().await.unwrap().last_position;
    let mut logged: Vec<Value> = Vec::new();
    let wipe = all(store).await.into_iter().map(|(key, _)| key).collect();
    store.commit(Batch { delete: wipe, ..Batch::default() }).await.unwrap();

    for together in steps.chunks(5) {
        // The model is followed in order; the engine gets the same batches at once, in that order.
        let mut batches = Vec::new();
        let mut expected = Vec::new();
        for step in together {
            let batch = batch_of(step, &model);
            let holds = batch.expect.iter().all(|(key, expect)| match expect {
                Expect::Absent => !model.contains_key(key),
                Expect::Is(value) => model.get(key) == Some(value),
            });
            if holds {
                model.extend(batch.put.clone());
                batch.delete.iter().for_each(|key| drop(model.remove(key)));
                logged.extend(batch.log.clone());
            }
            expected.push(holds);
            batches.push(batch);
        }
        let outcomes = join_all(batches.into_iter().map(|batch| store.commit(batch))).await;
        assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), expected, "{outcomes:?}");
    }
    let pairs: Vec<(Key, Value)> = model.into_iter().collect();
    assert!(all(store).await == pairs);
    let middle = KeyRange { start: Bound::Excluded(key(&[9, 5])), end: Bound::Included(key(&[9, 15])) };
    let found = store.scan(middle.clone(), 4, Direction::Descending).await.unwrap();
    let within = pairs.iter().rev().filter(|(at, _)| *at > key(&[9, 5]) && *at <= key(&[9, 15]));
    assert!(found.iter().eq(within.take(4)));
    let records = store.log(before, MAX_PAGE).await.unwrap();
    assert!(records.into_iter().map(|(_, body)| body).eq(logged));
}

fn batch_of(step: &Step, model: &BTreeMap<Key, Value>) -> Batch {
    let expect = step.expect.iter().map(|(at, right)| {
        let key = key(&[9, *at]);
        let expect = match (model.get(&key), right) {
            (Some(held), true) => Expect::Is(held.clone()),
            (Some(_), false) => Expect::Absent,
            (None, true) => Expect::Absent,
            (None, false) => Expect::Is(value("something else")),
        };
        (key, expect)
    });
    let put = step.put.iter().map(|(at, (seed, size))| (key(&[9, *at]), large(*size, *seed)));
    let mut delete: Vec<Key> =
        step.delete.iter().filter(|at| !step.put.contains_key(at)).map(|at| key(&[9, *at])).collect();
    delete.sort();
    delete.dedup();
    Batch {
        expect: expect.collect(),
        put: put.collect(),
        delete,
        log: (0..step.log).map(|at| Bytes::from(vec![at as u8])).collect(),
    }
}

// The whole

async fn stats_follow_the_commits(subject: &dyn Subject) {
    let store = subject.open().await;
    let before = store.stats().await.unwrap();
    assert_eq!((before.commits, before.groups, before.last_position), (0, 0, 0));
    let log = vec![value("one"), value("two")];
    let last = store.commit(Batch { log, ..put_batch(&[1], "x") }).await.unwrap().first_position.unwrap() + 1;
    let after = store.stats().await.unwrap();
    assert_eq!((after.commits, after.groups, after.last_position), (1, 1, last));
    assert_eq!(after.queue_depth, 0);
}

async fn everything_is_there_after_reopening(subject: &dyn Subject) {
    let store = subject.open().await;
    put(&store, &[1], "").await;
    store.commit(put_bytes(&[2], large(100_000, 2))).await.unwrap();
    store.commit(put_bytes(&[3], large(100_000, 3))).await.unwrap();
    let log = vec![value("event"), large(100_000, 4)];
    let first = store.commit(Batch { log, ..Batch::default() }).await.unwrap().first_position;
    let (pairs, records) = (all(&store).await, store.log(0, 10).await.unwrap());
    store.close().await.unwrap();
    drop(store);

    let store = subject.reopen().await;
    assert!(all(&store).await == pairs && store.log(0, 10).await.unwrap() == records);
    let batch = Batch { log: vec![value("next")], ..put_bytes(&[2], large(90_000, 5)) };
    assert!(store.commit(batch).await.unwrap().first_position > first.map(|first| first + 1));
    assert!(get(&store, &[2]).await == Some(large(90_000, 5)));
    assert!(get(&store, &[3]).await == Some(large(100_000, 3)));
}

async fn a_closed_store_refuses_everything(subject: &dyn Subject) {
    let store = subject.open().await;
    let waiting = join_all((0..50).map(|at| spawn_commit(&store, put_batch(&[1, at], "x"))));
    for outcome in waiting.await {
        outcome.unwrap();
    }
    store.close().await.unwrap();
    fn failed<T>(outcome: Result<T, StoreError>) -> bool {
        matches!(outcome, Err(StoreError::Failed(_)))
    }
    assert!(failed(store.commit(put_batch(&[1], "x")).await));
    assert!(failed(store.get(vec![key(&[1])]).await));
    assert!(failed(store.scan(KeyRange::all(), 1, Direction::Ascending).await));
    assert!(failed(store.log(0, 1).await));
    assert!(failed(store.restore_log(vec![(1, value("x"))]).await));
    assert!(failed(store.stats().await));
    assert_eq!(*store.failure().borrow(), None, "closing is no failure");
}

// Helpers

fn key(bytes: &[u8]) -> Key {
    bytes.to_vec()
}

fn value(text: &str) -> Value {
    Bytes::copy_from_slice(text.as_bytes())
}

/// Bytes that no other seed gives, and that do not repeat with a chunk.
fn large(size: usize, seed: u8) -> Value {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    Bytes::from(bytes)
}

fn put_bytes(at: &[u8], value: Value) -> Batch {
    Batch { put: vec![(key(at), value)], ..Batch::default() }
}

fn put_batch(at: &[u8], text: &str) -> Batch {
    put_bytes(at, value(text))
}

async fn put(store: &Arc<dyn Keyspace>, at: &[u8], text: &str) {
    store.commit(put_batch(at, text)).await.unwrap();
}

async fn get(store: &Arc<dyn Keyspace>, at: &[u8]) -> Option<Value> {
    store.get(vec![key(at)]).await.unwrap().remove(0)
}

async fn all(store: &Arc<dyn Keyspace>) -> Vec<(Key, Value)> {
    store.scan(KeyRange::all(), MAX_PAGE, Direction::Ascending).await.unwrap()
}

async fn scan_keys(
    store: &Arc<dyn Keyspace>,
    range: &KeyRange,
    limit: usize,
    direction: Direction,
) -> Vec<Key> {
    let pairs = store.scan(range.clone(), limit, direction).await.unwrap();
    pairs.into_iter().map(|(key, _)| key).collect()
}

async fn spawn_commit(store: &Arc<dyn Keyspace>, batch: Batch) -> Result<Committed, StoreError> {
    let store = store.clone();
    tokio::spawn(async move { store.commit(batch).await }).await.unwrap()
}
