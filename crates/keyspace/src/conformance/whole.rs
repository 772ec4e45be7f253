//! The store as a whole: counters, reopening, closing.

use super::*;

pub async fn stats_follow_the_commits(subject: &dyn Subject) {
    let store = subject.open().await;
    let before = store.stats().await.unwrap();
    assert_eq!((before.commits, before.groups, before.last_position), (0, 0, 0));
    let log = vec![value("one"), value("two")];
    let last = store.commit(Batch { log, ..put_batch(&[1], "x") }).await.unwrap().first_position.unwrap() + 1;
    let after = store.stats().await.unwrap();
    assert_eq!((after.commits, after.groups, after.last_position), (1, 1, last));
    assert_eq!(after.queue_depth, 0);
}

pub async fn everything_survives_reopening(subject: &dyn Subject) {
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
    // New values must not overwrite existing ones.
    store.commit(put_bytes(&[3, 1], large(90_000, 6))).await.unwrap();
    assert!(get(&store, &[3, 1]).await == Some(large(90_000, 6)));
    assert!(get(&store, &[2]).await == Some(large(90_000, 5)));
    assert!(get(&store, &[3]).await == Some(large(100_000, 3)));
    assert!(store.log(0, 2).await.unwrap() == records[..2]);
}

pub async fn a_closed_store_refuses_everything(subject: &dyn Subject) {
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
    assert!(failed(store.trim_log(1).await));
    assert!(failed(store.trimmed().await));
    assert!(failed(store.stats().await));
    assert_eq!(*store.readiness().borrow(), Readiness::Ready, "closing is not a failure");
}
