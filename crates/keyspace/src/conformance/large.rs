//! Large values, and values that are too large.

use super::*;

/// Sizes around which an engine may change how it stores a value: in place, in one chunk, in many.
const LARGE: [usize; 7] = [32 * 1024, 48 * 1024 - 1, 48 * 1024, 48 * 1024 + 1, 64 * 1024, 200_000, 3 << 20];

pub async fn large_values_come_back_whole(subject: &dyn Subject) {
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

/// Values from empty to several chunks, in both directions and with every bound: the pages together cover the whole
/// range, and none exceeds its limits unless it is a single value.
pub async fn a_scan_ends_at_its_bytes_and_skips_nothing(subject: &dyn Subject) {
    let store = subject.open().await;
    let sizes = [0, 10, 70_000, 1, 0, 200_000, 48 * 1024, 5];
    let pairs: Vec<(Key, Value)> =
        (0..).zip(sizes).map(|(at, size)| (key(&[7, at]), large(size, at))).collect();
    store.commit(Batch { put: pairs.clone(), ..Batch::default() }).await.unwrap();
    put(&store, &[6], "before").await;
    put(&store, &[8], "after").await;
    for max_bytes in [0, 1, 11, 70_000, 70_001, 270_002, usize::MAX] {
        for (limit, direction) in
            [(1, Direction::Ascending), (3, Direction::Descending), (99, Direction::Ascending)]
        {
            let mut range = KeyRange::prefix(key(&[7]));
            let mut found = Vec::new();
            loop {
                let page = store.scan_within(range.clone(), limit, max_bytes, direction).await.unwrap();
                let Some((last, _)) = page.last() else { break };
                let bytes: usize = page.iter().map(|(_, value)| value.len()).sum();
                assert!(page.len() <= limit && (bytes <= max_bytes || page.len() == 1));
                match direction {
                    Direction::Ascending => range.start = Bound::Excluded(last.clone()),
                    Direction::Descending => range.end = Bound::Excluded(last.clone()),
                }
                found.extend(page);
            }
            if direction == Direction::Descending {
                found.reverse();
            }
            assert!(found == pairs, "{max_bytes} bytes, {limit} pairs");
        }
    }
}

pub async fn a_scan_of_keys_returns_those_of_the_pairs(subject: &dyn Subject) {
    let store = subject.open().await;
    for (at, size) in (0..).zip(LARGE) {
        store.commit(put_bytes(&[7, at], large(size, at))).await.unwrap();
    }
    put(&store, &[8], "after").await;
    for direction in [Direction::Ascending, Direction::Descending] {
        for limit in [0, 1, 3, usize::MAX] {
            let range = || KeyRange::prefix(key(&[7]));
            let pairs = store.scan(range(), limit, direction).await.unwrap();
            let keys = store.scan_keys(range(), limit, direction).await.unwrap();
            assert_eq!(keys, pairs.into_iter().map(|(key, _)| key).collect::<Vec<_>>());
        }
    }
}

pub async fn large_values_can_shrink_grow_and_go(subject: &dyn Subject) {
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

pub async fn large_values_can_be_expected(subject: &dyn Subject) {
    let store = subject.open().await;
    store.commit(put_bytes(&[1], large(100_000, 1))).await.unwrap();
    let expecting =
        |held| Batch { expect: vec![(key(&[1]), Expect::Is(held))], ..put_bytes(&[1], large(100_000, 2)) };
    for wrong in [large(100_000, 2), large(99_999, 1), Bytes::new()] {
        assert!(matches!(store.commit(expecting(wrong)).await, Err(StoreError::Conflict { .. })));
    }
    assert!(store.commit(expecting(large(100_000, 1))).await.is_ok());
}

pub async fn large_records_can_be_logged(subject: &dyn Subject) {
    let store = subject.open().await;
    let log = vec![large(10, 1), large(500_000, 2), large(48 * 1024 + 1, 3)];
    store.commit(Batch { log: log.clone(), ..Batch::default() }).await.unwrap();
    let records = store.log(0, 10).await.unwrap();
    assert!(records.into_iter().map(|(_, body)| body).eq(log));
}

pub async fn the_largest_batch_is_taken(subject: &dyn Subject) {
    let store = subject.open().await;
    let small = |at: u8| put_batch(&[2, at], "small");
    let largest = put_bytes(&[1], large(MAX_BATCH_BYTES - 1, 1));
    let (before, taken, after) =
        tokio::join!(store.commit(small(0)), store.commit(largest), store.commit(small(1)));
    assert!(before.is_ok() && taken.is_ok() && after.is_ok());
    assert!(get(&store, &[1]).await == Some(large(MAX_BATCH_BYTES - 1, 1)));
}

pub async fn a_batch_beyond_a_limit_is_refused(subject: &dyn Subject) {
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
