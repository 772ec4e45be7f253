//! Large values leave nothing behind, and nothing in files that sled does not sync.

use super::*;

fn raw_chunks(data: &Data) -> usize {
    data.raw().range([layout::CHUNKS]..[layout::CHUNKS + 1]).count()
}

#[tokio::test]
async fn no_page_becomes_a_blob() {
    let data = Data::new();
    let store = data.open().unwrap();
    // Values of the largest size in place, in order and at random, so that pages split, fill up and are rewritten.
    for round in 0..40u64 {
        let value = |at: u64| noise(48 * 1024, at);
        let ordered = (0..5).map(|at| ((round * 5 + at).to_be_bytes().to_vec(), value(at)));
        let random = (5..10).map(|at| (noise(9, round * 100 + at).to_vec(), value(at)));
        store.commit(Batch { put: ordered.chain(random).collect(), ..Batch::default() }).await.unwrap();
    }
    let large = (0..10).map(|at| (vec![at], noise(1 << 20, at.into()))).collect();
    store.commit(Batch { put: large, ..Batch::default() }).await.unwrap();
    let blobs = fs::read_dir(data.sled("blobs")).unwrap().count();
    assert_eq!(blobs, 0, "sled wrote pages into files of their own");
}

#[tokio::test]
async fn no_chunk_outlives_its_value() {
    let data = Data::new();
    for reopened in 0..3u64 {
        let store = data.open().unwrap();
        for round in 0..4 {
            for at in 0..4u8 {
                let size = [60_000, 500_000, 10, 100_000][(usize::from(at) + round) % 4];
                store.commit(put([1, at], noise(size, reopened))).await.unwrap();
            }
        }
        // In one group, and in consecutive batches, later writes see the chunks of earlier ones.
        let (a, b, c) = tokio::join!(
            store.commit(put([2, 1], noise(70_000, 1))),
            store.commit(put([2, 1], noise(80_000, 2))),
            store.commit(Batch { delete: vec![vec![2, 1]], ..Batch::default() }),
        );
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        store.close().await.unwrap();
        // 60,000, 500,000 and 100,000 bytes take 2, 16 and 4 chunks of 32 KiB; 10 bytes take none.
        assert_eq!(raw_chunks(&data), 22);
    }
    let store = data.open().unwrap();
    let delete = (0..4).map(|at| vec![1, at]).collect();
    store.commit(Batch { delete, ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(raw_chunks(&data), 0);
}

#[tokio::test]
async fn no_chunk_outlives_its_log_record() {
    let data = Data::new();
    let store = data.open().unwrap();
    let log = [500_000, 10, 100_000, 60_000].map(|size| noise(size, 1));
    store.commit(Batch { log: log.into(), ..put([1], noise(70_000, 2)) }).await.unwrap();
    // Pairs whose keys begin like those of log chunks have chunks of their own.
    store.commit(put([layout::LOG, 0], noise(60_000, 3))).await.unwrap();
    assert_eq!(store.trim_log(2).await.unwrap(), 2);
    assert_eq!(store.trim_log(9).await.unwrap(), 1);
    assert_eq!(get(&store, [layout::LOG, 0]).await.unwrap(), Some(noise(60_000, 3)));
    store.close().await.unwrap();
    // What is left: 60,000 bytes of the log, 70,000 and 60,000 bytes of pairs.
    assert_eq!(raw_chunks(&data), 2 + 3 + 2);
}

#[tokio::test]
async fn a_damaged_record_can_be_trimmed() {
    let data = Data::new();
    let store = data.open().unwrap();
    let log = (0..4).map(|at| noise(60_000, at)).collect();
    store.commit(Batch { log, ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let raw = data.raw();
    raw.insert(layout::log_key(1), &[77u8]).unwrap();
    raw.insert(layout::log_key(2), &[1u8, 1, 2, 3]).unwrap();
    raw.insert(layout::log_key(3), &[]).unwrap();
    raw.flush().unwrap();
    drop(raw);

    let store = data.open().unwrap();
    assert!(matches!(store.log(0, 9).await, Err(StoreError::Corrupt(_))));
    assert_eq!(store.trim_log(9).await.unwrap(), 3);
    assert_eq!(store.log(0, 9).await.unwrap(), [(4, noise(60_000, 3))]);
}

#[tokio::test]
async fn a_damaged_chunk_is_not_shown() {
    let data = Data::new();
    let store = data.open().unwrap();
    store.commit(put("changed", noise(100_000, 1))).await.unwrap();
    store.commit(put("lost", noise(100_000, 2))).await.unwrap();
    store.commit(put("whole", noise(100_000, 3))).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let raw = data.raw();
    let keys: Vec<_> = raw.range([layout::CHUNKS]..[layout::CHUNKS + 1]).keys().map(Result::unwrap).collect();
    let (changed, lost) = (&keys[1], &keys[keys.len() / 2 + 3]);
    let of = |name: &str| layout::pair_key(name.as_bytes());
    raw.insert(changed, b"something else").unwrap();
    raw.remove(lost).unwrap();
    raw.insert(of("headless"), &[1u8, 1, 2, 3]).unwrap();
    raw.insert(of("formless"), &[77u8]).unwrap();
    raw.insert(of("empty"), &[]).unwrap();
    raw.flush().unwrap();
    drop(raw);

    let store = data.open().unwrap();
    for name in ["changed", "headless", "formless", "empty"] {
        let found = get(&store, name).await;
        assert!(matches!(found, Err(StoreError::Corrupt(_))), "{name}");
    }
    let others = [get(&store, "lost").await, get(&store, "whole").await];
    assert_eq!(others.iter().filter(|found| matches!(found, Err(StoreError::Corrupt(_)))).count(), 1);
    let all = store.scan(KeyRange::all(), 9, Direction::Ascending).await;
    assert!(matches!(all, Err(StoreError::Corrupt(_))));
    assert!(store.commit(put("still", "works")).await.is_ok());
}
