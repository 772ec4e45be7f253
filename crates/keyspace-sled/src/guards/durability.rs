//! Nothing is acknowledged or shown before it is durable, and a failing disk stops the engine.

use std::pin::pin;

use futures_util::{FutureExt, future::join_all};

use super::*;

#[tokio::test]
async fn a_commit_is_acknowledged_after_its_flush_and_sync() {
    let data = Data::new();
    let (store, disk) = data.open_on_test_disk(options());
    disk.hold_syncs();
    let mut commit = pin!(store.commit(put("key", "value")));
    assert!((&mut commit).now_or_never().is_none());
    disk.wait_for_held_sync();
    assert!((&mut commit).now_or_never().is_none(), "answered before its sync");
    disk.release_syncs();
    commit.await.unwrap();
    assert_eq!(disk.flushed_at_sync(), [1], "each sync has its flush before it");
}

#[tokio::test]
async fn acknowledged_writes_are_in_the_files() {
    let data = Data::new();
    let store = data.open().unwrap();
    for number in 0..20u8 {
        store.commit(put([number], vec![number])).await.unwrap();
        let crashed = data.copy();
        let found = crashed.open().unwrap();
        assert_eq!(get(&found, [number]).await.unwrap(), Some(Bytes::from(vec![number])));
        found.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_interrupted_trim_leaves_a_log_that_knows_its_beginning() {
    let data = Data::new();
    let store = data.open().unwrap();
    let last = 5 * MAX_TRIM as u64;
    store.commit(Batch { log: vec![noise(10, 0); 5 * MAX_TRIM], ..Batch::default() }).await.unwrap();
    while store.trim_log(last).await.unwrap() > 0 {
        let trimmed = store.trimmed().await.unwrap();
        let crashed = data.copy();
        let found = crashed.open().unwrap();
        assert_eq!(found.trimmed().await.unwrap(), trimmed);
        assert_eq!(found.log(0, 1).await.unwrap()[0].0, trimmed + 1);
        while found.trim_log(last).await.unwrap() > 0 {}
        assert_eq!(found.log(0, 9).await.unwrap(), [(last, noise(10, 0))]);
        found.close().await.unwrap();
    }
    assert_eq!(store.trimmed().await.unwrap(), last - 1);
}

#[tokio::test]
async fn a_trim_is_visible_after_its_sync_and_shares_it_with_other_writes() {
    let data = Data::new();
    let (store, disk) = data.open_on_test_disk(options());
    store.commit(Batch { log: vec![noise(10, 0); MAX_TRIM + 1], ..Batch::default() }).await.unwrap();
    disk.hold_syncs();
    let mut first = pin!(store.commit(put([0], "")));
    assert!((&mut first).now_or_never().is_none());
    disk.wait_for_held_sync();
    let mut trim = pin!(store.trim_log(9));
    wait_for("the trim to wait for the committer", || {
        assert!((&mut trim).now_or_never().is_none());
        (store.waiting() == 1).then_some(())
    });
    let mut second = pin!(store.commit(put([1], "")));
    assert!((&mut second).now_or_never().is_none());
    disk.release_syncs();
    first.await.unwrap();
    assert_eq!(trim.await.unwrap(), 9);
    second.await.unwrap();
    assert_eq!(store.stats().await.unwrap().groups, 3, "the log, the first, the trim with the second");

    disk.hold_syncs();
    let mut trim = pin!(store.trim_log(10));
    wait_for("the sync of the trim", || {
        assert!((&mut trim).now_or_never().is_none());
        (disk.state.lock().unwrap().waiting == 1).then_some(())
    });
    let mut shown = [store.log(0, 1).map(drop).boxed(), store.trimmed().map(drop).boxed()];
    assert!(shown.iter_mut().all(|read| read.now_or_never().is_none()), "showed a trim that could be lost");
    disk.release_syncs();
    assert_eq!(trim.await.unwrap(), 1);
    assert_eq!((store.log(0, 1).await.unwrap()[0].0, store.trimmed().await.unwrap()), (11, 10));
}

#[tokio::test]
async fn waiting_batches_share_one_sync() {
    let data = Data::new();
    let (store, disk) = data.open_on_test_disk(options());
    disk.hold_syncs();
    let four_keys = |number: u8| Batch {
        put: (0..4).map(|at| (vec![number, at], Bytes::new())).collect(),
        ..Batch::default()
    };
    let mut first = pin!(store.commit(four_keys(255)));
    assert!((&mut first).now_or_never().is_none());
    disk.wait_for_held_sync();
    let mut waiting = pin!(join_all((0..100).map(|number| store.commit(four_keys(number)))));
    assert!((&mut waiting).now_or_never().is_none());
    disk.release_syncs();
    first.await.unwrap();
    assert!(waiting.await.iter().all(Result::is_ok));
    // The first alone, then 64 batches of four keys each, then the rest.
    assert_eq!(disk.syncs.load(Ordering::SeqCst), 3);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.groups, stats.commits), (3, 101));
}

#[tokio::test]
async fn a_group_ends_before_a_mebibyte() {
    let data = Data::new();
    let (store, disk) = data.open_on_test_disk(options());
    disk.hold_syncs();
    let mut first = pin!(store.commit(put([0], "")));
    assert!((&mut first).now_or_never().is_none());
    disk.wait_for_held_sync();
    let sizes = [400_000, 400_000, 400_000, 1024 * 1024, 10, 10];
    let batches = (1..).zip(sizes).map(|(at, size)| store.commit(put([at], noise(size, 0))));
    let mut waiting = pin!(join_all(batches));
    assert!((&mut waiting).now_or_never().is_none());
    disk.release_syncs();
    first.await.unwrap();
    assert!(waiting.await.iter().all(Result::is_ok));
    // The first; two of 400 kB; the third; the large one alone; the small ones.
    assert_eq!(disk.syncs.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let data = Data::new();
    let few = SledOptions { queue_batches: 4, queue_bytes: 10_000, ..options() };
    let (store, disk) = data.open_on_test_disk(few);
    disk.hold_syncs();
    let mut first = pin!(store.commit(put([0], "")));
    assert!((&mut first).now_or_never().is_none());
    disk.wait_for_held_sync();
    let mut waiting = pin!(join_all((1..=3).map(|at| store.commit(put([at], "")))));
    assert!((&mut waiting).now_or_never().is_none());
    let too_large = store.commit(put([8], noise(10_000, 0))).now_or_never();
    assert!(matches!(too_large, Some(Err(StoreError::Overloaded))), "{too_large:?}");
    let mut fourth = pin!(store.commit(put([4], "")));
    assert!((&mut fourth).now_or_never().is_none());
    let fifth = store.commit(put([5], "")).now_or_never();
    assert!(matches!(fifth, Some(Err(StoreError::Overloaded))), "{fifth:?}");
    assert_eq!(store.stats().await.unwrap().queue_depth, 4);

    disk.release_syncs();
    first.await.unwrap();
    fourth.await.unwrap();
    assert!(waiting.await.iter().all(Result::is_ok));
    assert_eq!(get(&store, [5]).await.unwrap(), None);
    store.commit(put([8], noise(20_000, 0))).await.expect("alone, a batch above the bound is taken");
}

#[tokio::test]
async fn a_reader_waits_for_the_sync_of_unsynced_writes() {
    let data = Data::new();
    let one_reader = SledOptions { read_threads: 1, ..options() };
    let (store, disk) = data.open_on_test_disk(one_reader);
    let before = Batch { put: (0..9).map(|at| (vec![at], Bytes::new())).collect(), ..Batch::default() };
    store.commit(before).await.unwrap();

    disk.hold_syncs();
    let applied = Batch {
        put: vec![(vec![5], Bytes::from("new"))],
        delete: vec![vec![7]],
        log: vec![Bytes::from("event")],
        ..Batch::default()
    };
    let mut commit = pin!(store.commit(applied));
    assert!((&mut commit).now_or_never().is_none());
    disk.wait_for_held_sync();

    let scan = |from: u8, to: u8, limit, direction| {
        let range = KeyRange {
            start: std::ops::Bound::Included(vec![from]),
            end: std::ops::Bound::Included(vec![to]),
        };
        store.scan(range, limit, direction)
    };
    let mut touching = [
        store.get(vec![vec![1], vec![5]]).map(drop).boxed(),
        store.get(vec![vec![7]]).map(drop).boxed(),
        scan(4, 6, 9, Direction::Ascending).map(drop).boxed(),
        scan(6, 8, 9, Direction::Descending).map(drop).boxed(),
        scan(0, 9, 6, Direction::Ascending).map(drop).boxed(),
        store.log(0, 9).map(drop).boxed(),
    ];
    assert!(touching.iter_mut().all(|read| read.now_or_never().is_none()));

    // There is one reader thread, which works in order: once these have answered, the ones above have read.
    assert!(get(&store, [4]).await.is_ok());
    assert_eq!(scan(0, 4, 9, Direction::Ascending).await.unwrap().len(), 5);
    assert_eq!(scan(0, 9, 5, Direction::Ascending).await.unwrap().len(), 5);
    assert_eq!(scan(0, 9, 1, Direction::Descending).await.unwrap(), [(vec![8], Bytes::new())]);
    assert_eq!(store.log(1, 9).await.unwrap(), []);
    for (number, read) in touching.iter_mut().enumerate() {
        assert!(read.now_or_never().is_none(), "read {number} showed a write that could be lost");
    }

    disk.release_syncs();
    commit.await.unwrap();
    join_all(touching).await;
    assert_eq!(get(&store, [5]).await.unwrap(), Some(Bytes::from("new")));
}

#[tokio::test]
async fn a_reader_of_a_lost_write_gets_an_error() {
    let data = Data::new();
    let (store, disk) = data.open_on_test_disk(options());
    disk.hold_syncs();
    disk.break_with(Fault::SyncFails);
    let mut commit = pin!(store.commit(put("key", "value")));
    assert!((&mut commit).now_or_never().is_none());
    disk.wait_for_held_sync();
    let mut read = pin!(get(&store, "key"));
    assert!((&mut read).now_or_never().is_none());
    get(&store, "another").await.unwrap();
    disk.release_syncs();
    assert!(matches!(read.await, Err(StoreError::Failed(_))));
    assert!(matches!(commit.await, Err(StoreError::Failed(_))));
}

#[tokio::test]
async fn a_failing_disk_stops_the_engine() {
    for (fault, cause) in [
        (Fault::FlushFails, "flushing a group: the flush was made to fail"),
        (Fault::FlushPanics, "the engine panicked: the flush was made to panic"),
        (Fault::SyncFails, "syncing a group: the sync was made to fail"),
    ] {
        let data = Data::new();
        let (store, disk) = data.open_on_test_disk(options());
        store.commit(put("before", "")).await.unwrap();
        let failure = store.readiness();
        assert_eq!(*failure.borrow(), Readiness::Ready);

        // One is being synced while others wait; the disk fails for all of them.
        disk.hold_syncs();
        let mut first = pin!(store.commit(put([1], "")));
        assert!((&mut first).now_or_never().is_none());
        disk.wait_for_held_sync();
        disk.break_with(fault);
        let mut waiting = pin!(join_all((2..80).map(|at| store.commit(put([at; 9], noise(20_000, 0))))));
        assert!((&mut waiting).now_or_never().is_none());
        disk.release_syncs();

        fn failed<T: std::fmt::Debug>(outcome: Result<T, StoreError>, cause: &str) {
            match outcome {
                Err(StoreError::Failed(why)) => assert_eq!(&*why, cause),
                other => panic!("{other:?}"),
            }
        }
        for outcome in waiting.await {
            failed(outcome, cause);
        }
        assert_eq!(*failure.borrow(), Readiness::Failed { cause: cause.into() });
        failed(store.commit(put("after", "")).await, cause);
        failed(get(&store, "before").await, cause);
        failed(store.scan(KeyRange::all(), 1, Direction::Ascending).await, cause);
        failed(store.log(0, 1).await, cause);
        failed(store.stats().await, cause);
        failed(store.close().await, cause);
    }
}

#[tokio::test]
async fn a_panicking_reader_stops_the_engine() {
    // On the caller's thread, and on one of the pool.
    for items in [1, usize::MAX] {
        let data = Data::new();
        let store = data.open().unwrap();
        let read = store.read::<()>(items, |_, _| panic!("a page made no sense")).await;
        let cause = "the engine panicked: a page made no sense";
        assert!(matches!(read, Err(StoreError::Failed(why)) if &*why == cause));
        assert_eq!(*store.readiness().borrow(), Readiness::Failed { cause: cause.into() });
        assert!(matches!(store.commit(put("key", "")).await, Err(StoreError::Failed(_))));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn sleds_own_flusher_does_not_run() {
    let data = Data::new();
    let store = data.open().unwrap();
    store.commit(put("key", "value")).await.unwrap();
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    let names: Vec<String> = names.collect();
    assert!(names.iter().any(|name| name.starts_with("store-commit")));
    assert!(!names.iter().any(|name| name.starts_with("log flusher")), "{names:?}");
}

#[test]
fn blobs_created_by_sled_are_synced_once() {
    let data = Data::new();
    drop(data.open().unwrap());
    let disk = RealDisk::open(&data.sled("")).unwrap();
    assert_eq!(disk.sync_new_blobs().unwrap(), 0);
    fs::write(data.sled("blobs/17"), "a page").unwrap();
    fs::write(data.sled("blobs/18"), "a page").unwrap();
    assert_eq!(disk.sync_new_blobs().unwrap(), 2);
    fs::write(data.sled("blobs/19"), "a page").unwrap();
    assert_eq!(disk.sync_new_blobs().unwrap(), 1);
    assert_eq!(disk.sync_new_blobs().unwrap(), 0);
}

/// A directory at rest is not listed again; a new file in it is noticed, and its modification time is not trusted too
/// early.
#[cfg(unix)]
#[test]
fn a_blob_in_a_directory_at_rest_is_synced() {
    let data = Data::new();
    drop(data.open().unwrap());
    let disk = RealDisk::open(&data.sled("")).unwrap();
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(60);
    for number in 0..3 {
        fs::File::open(data.sled("blobs")).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(disk.sync_new_blobs().unwrap(), 0);
        fs::write(data.sled(&format!("blobs/{number}")), "a page").unwrap();
        assert_eq!(disk.sync_new_blobs().unwrap(), 1);
    }
    // Two within one clock tick.
    let now = std::time::SystemTime::now();
    for number in 3..5 {
        fs::write(data.sled(&format!("blobs/{number}")), "a page").unwrap();
        fs::File::open(data.sled("blobs")).unwrap().set_modified(now).unwrap();
        assert_eq!(disk.sync_new_blobs().unwrap(), 1);
    }
}
