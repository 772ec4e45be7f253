//! Gets and scans: order, bounds, limits, and atomic visibility of batches.

use futures_util::FutureExt as _;

use super::*;

pub async fn a_value_may_be_empty(subject: &dyn Subject) {
    let store = subject.open().await;
    put(&store, &[1], "").await;
    assert_eq!(get(&store, &[1]).await, Some(Bytes::new()));
    assert_eq!(all(&store).await, vec![(key(&[1]), Bytes::new())]);
}

pub async fn several_keys_are_read_in_the_requested_order(subject: &dyn Subject) {
    let store = subject.open().await;
    put(&store, &[1], "one").await;
    put(&store, &[2], "two").await;
    let found = store.get(vec![key(&[2]), key(&[3]), key(&[1]), key(&[2]), Vec::new()]).await.unwrap();
    assert_eq!(found, [Some(value("two")), None, Some(value("one")), Some(value("two")), None]);
    assert!(store.get(Vec::new()).await.unwrap().is_empty());
}

/// Two keys always have equal values; no get and no scan ever sees them differ.
pub async fn a_read_sees_a_batch_wholly_or_not_at_all(subject: &dyn Subject) {
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

pub async fn a_scan_respects_every_kind_of_bound(subject: &dyn Subject) {
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

pub async fn a_scan_ends_at_its_limit(subject: &dyn Subject) {
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

pub async fn a_prefix_of_ff_bytes_has_no_end(subject: &dyn Subject) {
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

pub async fn a_page_is_never_larger_than_the_largest(subject: &dyn Subject) {
    let store = subject.open().await;
    let put = (0..MAX_PAGE as u32 + 5).map(|at| (at.to_be_bytes().to_vec(), Bytes::new())).collect();
    let log = (0..MAX_PAGE + 5).map(|_| value("x")).collect();
    store.commit(Batch { put, log, ..Batch::default() }).await.unwrap();
    for direction in [Direction::Ascending, Direction::Descending] {
        assert_eq!(store.scan(KeyRange::all(), usize::MAX, direction).await.unwrap().len(), MAX_PAGE);
    }
    assert_eq!(store.log(0, usize::MAX).await.unwrap().len(), MAX_PAGE);
}

pub async fn a_long_reader_yields_to_other_tasks(subject: &dyn Subject) {
    let store = subject.open().await;
    store.commit(Batch { log: vec![value("x")], ..put_batch(&[1], "x") }).await.unwrap();
    let reads: [fn(&dyn Keyspace) -> BoxFuture<'_, ()>; 4] = [
        |store| store.get(vec![vec![1]]).map(drop).boxed(),
        |store| store.scan(KeyRange::all(), 64, Direction::Ascending).map(drop).boxed(),
        |store| store.scan_keys(KeyRange::all(), 64, Direction::Ascending).map(drop).boxed(),
        |store| store.log(0, 64).map(drop).boxed(),
    ];
    for read in reads {
        let mut reading = Box::pin(async {
            for _ in 0..2000 {
                read(&*store).await;
            }
        });
        let mut polls = 0;
        std::future::poll_fn(|cx| {
            polls += 1;
            reading.as_mut().poll(cx)
        })
        .await;
        assert!(polls > 10, "2000 reads took only {polls} polls of the task");
    }
}
