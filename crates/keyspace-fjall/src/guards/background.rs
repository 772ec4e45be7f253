//! What fjall does on threads of its own: it is seen as a whole or not at all, and its failure stops the engine.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::*;
use ::fjall::Keyspace as Tree;

fn open_with_tree(data: &Data) -> (FjallStore, Tree) {
    let opened = files::open::<Fjall>(&data.dir(), &options()).unwrap();
    let tree = opened.engine.keyspace.clone();
    (FjallStore::start(&data.dir(), opened, options()).unwrap(), tree)
}

/// Whenever fjall has written a table, it makes everything visible that has a sequence number, and so a group that is
/// just being applied.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_is_seen_whole_while_tables_are_written() {
    let data = Data::new();
    let (store, tree) = open_with_tree(&data);
    let store = Arc::new(store);
    let keys: Vec<Key> = (0..200_u8).map(|at| vec![at]).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let rotating = std::thread::spawn({
        let (stop, tree) = (stop.clone(), tree.clone());
        move || {
            while !stop.load(Ordering::Relaxed) {
                let _ = tree.rotate_memtable();
                wait_for("the table", || (tree.sealed_memtable_count() == 0).then_some(()));
            }
        }
    });
    let readers = (0..3).map(|_| {
        let (store, stop, keys) = (store.clone(), stop.clone(), keys.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let seen = store.get(keys.clone()).await.unwrap();
                let torn = seen.iter().filter(|value| **value != seen[0]).count();
                assert_eq!(torn, 0, "of a group of {}", keys.len());
                tokio::task::yield_now().await;
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    let begun = Instant::now();
    let mut number = 0_u64;
    while begun.elapsed() < Duration::from_secs(3) && readers.iter().all(|reader| !reader.is_finished()) {
        number += 1;
        let value = Bytes::from(number.to_be_bytes().to_vec());
        let put = keys.iter().map(|key| (key.clone(), value.clone())).collect();
        store.commit(Batch { put, ..Batch::default() }).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    rotating.join().unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
}

/// No table can be written.
fn break_tables(data: &Data) {
    fs::remove_dir_all(data.fjall("keyspaces/1/tables")).unwrap();
    fs::write(data.fjall("keyspaces/1/tables"), "").unwrap();
}

/// A table that cannot be merged: a block in its middle, which opening does not read, is damaged.
async fn with_a_damaged_table(data: &Data) {
    let store = data.open().unwrap();
    store.commit(put([7], noise(6_000_000, 7))).await.unwrap();
    store.commit(put("key", "value")).await.unwrap();
    store.close().await.unwrap();
    let tables = fs::read_dir(data.fjall("keyspaces/1/tables")).unwrap().map(|entry| entry.unwrap().path());
    let tables: Vec<PathBuf> = tables.collect();
    let mut bytes = fs::read(&tables[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 100].fill(0);
    fs::write(&tables[0], bytes).unwrap();
}

/// fjall's own writers would wait for ever for tables to be merged.
#[tokio::test]
async fn writes_do_not_wait_for_merges_that_have_failed() {
    let data = Data::new();
    with_a_damaged_table(&data).await;
    let store = data.open().unwrap();
    let failed = tokio::time::timeout(4 * PATIENCE, async {
        for number in 0_u64.. {
            let batch = put([8, number as u8], noise(9_000_000, number));
            if let Err(error) = store.commit(batch).await {
                return error;
            }
            // Of what is left, a dump can be made.
            assert_eq!(get(&store, "key").await.unwrap(), Some("value".into()));
            assert!(number < 200, "tables are merged all the same");
        }
        unreachable!("there is an end")
    });
    let failed = failed.await.expect("a write waits for ever");
    let cause = "merging tables: a block does not match its checksum";
    assert!(matches!(&failed, StoreError::Failed(why) if &**why == cause), "{failed}");
    assert_eq!(*store.readiness().borrow(), Readiness::Failed { cause: cause.into() });
    assert!(store.close().await.is_err());
}

#[tokio::test]
async fn background_work_that_fails_is_noticed_without_a_write() {
    let data = Data::new();
    let (store, tree) = open_with_tree(&data);
    store.commit(put("key", "value")).await.unwrap();
    // The committer has nothing more to do.
    wait_for("the synced file", || (data.synced() == 2).then_some(()));
    let mut failure = store.readiness();
    break_tables(&data);
    tree.rotate_memtable().unwrap();
    let noticed =
        tokio::time::timeout(PATIENCE, failure.wait_for(|state| matches!(state, Readiness::Failed { .. })))
            .await;
    let Readiness::Failed { cause } = noticed.expect("nobody noticed").unwrap().clone() else {
        unreachable!()
    };
    assert!(cause.contains("writing tables: fjall's background work has failed"), "{cause}");
    drop(tree);

    // Nothing was lost by it.
    assert!(store.close().await.is_err());
    fs::remove_file(data.fjall("keyspaces/1/tables")).unwrap();
    fs::create_dir(data.fjall("keyspaces/1/tables")).unwrap();
    let store = data.open().unwrap();
    assert_eq!(get(&store, "key").await.unwrap(), Some("value".into()));
}

#[tokio::test]
async fn a_large_memtable_is_written_to_a_table_when_the_store_closes() {
    let data = Data::new();
    let store = data.open().unwrap();
    store.commit(put("key", noise(6_000_000, 1))).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(fs::read_dir(data.fjall("keyspaces/1/tables")).unwrap().count(), 1);
    let store = data.open().unwrap();
    assert_eq!(get(&store, "key").await.unwrap(), Some(noise(6_000_000, 1)));
}
