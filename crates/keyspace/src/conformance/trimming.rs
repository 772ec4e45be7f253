//! Removing the oldest log records: what is removed, what stays, and what a reader learns about it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

/// Appends this many records; returns the position of the last.
async fn append(store: &Arc<dyn Keyspace>, count: usize) -> Position {
    let log = (0..count).map(|at| value(&at.to_string())).collect();
    let committed = store.commit(Batch { log, ..Batch::default() }).await.unwrap();
    committed.first_position.unwrap();
    *store.newest().borrow()
}

async fn positions(store: &Arc<dyn Keyspace>) -> Vec<Position> {
    store.log(0, MAX_PAGE).await.unwrap().into_iter().map(|(at, _)| at).collect()
}

/// Trims until nothing is left to trim; returns how many records were removed.
async fn trim(store: &Arc<dyn Keyspace>, up_to: Position) -> usize {
    let mut removed = 0;
    loop {
        match store.trim_log(up_to).await.unwrap() {
            0 => return removed,
            part => removed += part,
        }
    }
}

pub async fn a_trimmed_log_begins_after_what_was_removed(subject: &dyn Subject) {
    let store = subject.open().await;
    assert_eq!((store.trim_log(9).await.unwrap(), store.trimmed().await.unwrap()), (0, 0), "an empty log");
    append(&store, 10).await;
    put(&store, &[1], "a pair").await;
    let before = store.log(0, 100).await.unwrap();
    let (last_old, young) = (before[3].0, &before[4..]);
    assert_eq!(store.trim_log(0).await.unwrap(), 0);
    assert_eq!(store.trimmed().await.unwrap(), 0);
    assert_eq!(store.trim_log(last_old).await.unwrap(), 4);
    assert_eq!(store.trimmed().await.unwrap(), last_old);
    assert_eq!(store.log(0, 100).await.unwrap(), young);
    assert_eq!(store.log(before[1].0, 2).await.unwrap(), young[..2]);
    assert_eq!(store.log(last_old, 100).await.unwrap(), young);
    // Nothing is left up to there, and a lower position undoes nothing.
    assert_eq!(store.trim_log(last_old).await.unwrap(), 0);
    assert_eq!(store.trim_log(before[0].0).await.unwrap(), 0);
    assert_eq!(store.trimmed().await.unwrap(), last_old);
    assert_eq!(all(&store).await, [(key(&[1]), value("a pair"))]);
}

pub async fn the_newest_record_is_never_trimmed(subject: &dyn Subject) {
    let store = subject.open().await;
    for _ in 0..3 {
        let last = append(&store, 5).await;
        for beyond in [last, last + 1, MAX_POSITION, Position::MAX] {
            trim(&store, beyond).await;
            assert_eq!(positions(&store).await, [last]);
        }
        assert!(store.trimmed().await.unwrap() < last);
        assert_eq!(store.stats().await.unwrap().last_position, last);
        assert_eq!(*store.newest().borrow(), last);
        assert!(append(&store, 1).await > last);
    }
}

pub async fn a_trim_is_bounded(subject: &dyn Subject) {
    let store = subject.open().await;
    let count = 2 * MAX_TRIM + MAX_TRIM / 2;
    let last = append(&store, count).await;
    let mut removed = 0;
    loop {
        let part = store.trim_log(last).await.unwrap();
        assert!(part <= MAX_TRIM, "{part}");
        if part == 0 {
            break;
        }
        removed += part;
        let left = positions(&store).await;
        assert_eq!(left.len(), count - removed);
        assert!(store.trimmed().await.unwrap() < left[0]);
    }
    assert_eq!(removed, count - 1);
}

pub async fn large_records_can_be_trimmed(subject: &dyn Subject) {
    let store = subject.open().await;
    let log = vec![large(500_000, 1), value("small"), large(5 << 20, 2), large(60_000, 3), large(50_000, 4)];
    store.commit(Batch { log: log.clone(), ..Batch::default() }).await.unwrap();
    store.commit(put_bytes(&[1], large(100_000, 5))).await.unwrap();
    let at = positions(&store).await;
    assert_eq!(trim(&store, at[2]).await, 3);
    let left = store.log(0, 9).await.unwrap();
    assert!(left == [(at[3], log[3].clone()), (at[4], log[4].clone())]);
    assert!(get(&store, &[1]).await == Some(large(100_000, 5)));
}

/// A gap in the positions does not mean that records were removed.
pub async fn gaps_do_not_count_as_removed(subject: &dyn Subject) {
    let store = subject.open().await;
    let records = [5, 9, 20, 21].map(|at| (at, value("x")));
    store.restore_log(records.into()).await.unwrap();
    assert_eq!(store.trimmed().await.unwrap(), 4, "what came before is unknown");
    store.restore_log(vec![(30, value("x"))]).await.unwrap();
    assert_eq!(store.trimmed().await.unwrap(), 4);
    for (up_to, removed, trimmed) in [(8, 1, 5), (15, 1, 9), (19, 0, 9), (20, 1, 20), (99, 1, 21)] {
        assert_eq!(store.trim_log(up_to).await.unwrap(), removed, "{up_to}");
        assert_eq!(store.trimmed().await.unwrap(), trimmed, "{up_to}");
    }
    assert_eq!(positions(&store).await, [30]);
}

pub async fn a_trimmed_log_continues_after_reopening(subject: &dyn Subject) {
    let mut store = subject.open().await;
    let mut last = append(&store, MAX_TRIM + 20).await;
    for kept in [7, 0, 0] {
        trim(&store, last - kept).await;
        let (left, trimmed) = (store.log(0, MAX_PAGE).await.unwrap(), store.trimmed().await.unwrap());
        store.close().await.unwrap();
        drop(store);
        store = subject.reopen().await;
        assert_eq!(store.log(0, MAX_PAGE).await.unwrap(), left);
        assert_eq!(store.trimmed().await.unwrap(), trimmed);
        assert_eq!(*store.newest().borrow(), last);
        let next = append(&store, 1).await;
        assert!(next > last, "{next} was issued before");
        last = next;
    }
}

/// Concurrent writers, trimmers and a follower: the follower sees every record, or is told that some were removed.
pub async fn a_follower_of_a_trimmed_log_misses_nothing_unnoticed(subject: &dyn Subject) {
    let store = subject.open().await;
    let (writers, each) = (4u8, 200u8);
    let (is_written, removed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let trimmers = (0..2).map(|_| {
        let (store, is_written, removed) = (store.clone(), is_written.clone(), removed.clone());
        tokio::spawn(async move {
            while !is_written.load(Ordering::SeqCst) {
                let newest = *store.newest().borrow();
                let part = store.trim_log(newest.saturating_sub(10)).await.unwrap();
                removed.fetch_add(part, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        })
    });
    let trimmers: Vec<_> = trimmers.collect();
    let follower = tokio::spawn(follow(store.clone(), is_written.clone(), usize::from(writers)));
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
    is_written.store(true, Ordering::SeqCst);
    for done in join_all(trimmers).await {
        done.unwrap();
    }
    let left = positions(&store).await;
    assert_eq!(follower.await.unwrap(), *left.last().unwrap());
    assert_eq!(removed.load(Ordering::SeqCst) + left.len(), usize::from(writers) * usize::from(each));
}

/// Follows the log to its end and returns the last position. No record of a writer is missing unless the store said so.
async fn follow(store: Arc<dyn Keyspace>, is_written: Arc<AtomicBool>, writers: usize) -> Position {
    let mut heard: Vec<Option<u8>> = vec![None; writers];
    let mut may_skip = vec![false; writers];
    let mut after = 0;
    loop {
        let is_last = is_written.load(Ordering::SeqCst);
        let page = store.log(after, 5).await.unwrap();
        if store.trimmed().await.unwrap() > after {
            may_skip.fill(true);
        }
        if page.is_empty() && is_last {
            return after;
        }
        for (at, body) in page {
            let (writer, number) = (usize::from(body[0]), body[1]);
            let next = heard[writer].map_or(0, |heard| heard + 1);
            let may_skip = std::mem::take(&mut may_skip[writer]);
            assert!(number == next || may_skip && number > next, "{number} of {writer} after {next}");
            heard[writer] = Some(number);
            after = at;
        }
        tokio::task::yield_now().await;
    }
}
