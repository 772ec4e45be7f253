//! Dumps: any engine's goes into any other.

use super::*;
use crate::{
    MemoryStore,
    dump::{Counts, DumpError, dump, load},
};

pub async fn dumped(store: &dyn Keyspace) -> Vec<u8> {
    let mut out = Vec::new();
    let mut last = Counts::default();
    let counts = dump(store, &mut out, &mut |counts| last = counts).await.unwrap();
    assert_eq!((counts.size_bytes, counts), (out.len() as u64, last));
    out
}

pub async fn loaded(store: &dyn Keyspace, mut file: &[u8]) -> Result<Counts, DumpError> {
    load(store, &mut file, &mut |_| ()).await
}

/// Some of everything: many pairs, an empty value, large ones, the longest key, gaps in the log.
pub async fn filled() -> MemoryStore {
    let store = MemoryStore::new();
    let mut put: Vec<(Key, Value)> =
        (0..500u32).map(|at| (at.to_be_bytes().to_vec(), Bytes::from(vec![at as u8; 100]))).collect();
    put.push((vec![7], Bytes::new()));
    put.push((vec![8], Bytes::from(vec![8; 3_000_000])));
    put.push((vec![9], Bytes::from(vec![9; 60_000])));
    put.push((vec![255; MAX_KEY_BYTES], Bytes::from("last")));
    store.commit(Batch { put, ..Batch::default() }).await.unwrap();
    let records = [3, 4, 17, 1000].map(|at| (at, Bytes::from(at.to_string())));
    store.restore_log(records.into()).await.unwrap();
    let log = vec![Bytes::new(), Bytes::from(vec![1; 100_000])];
    store.commit(Batch { log, ..Batch::default() }).await.unwrap();
    store
}

pub async fn a_dump_passes_through_byte_for_byte(subject: &dyn Subject) {
    let file = dumped(&filled().await).await;
    let store = subject.open().await;
    let counts = loaded(&*store, &file).await.unwrap();
    assert_eq!(counts, Counts { pairs: 504, records: 6, size_bytes: file.len() as u64 });
    assert!(dumped(&*store).await == file);
    assert_eq!(store.log(1000, 1).await.unwrap(), [(1001, Bytes::new())]);
}

pub async fn a_loaded_dump_survives_reopening(subject: &dyn Subject) {
    let file = dumped(&filled().await).await;
    let store = subject.open().await;
    loaded(&*store, &file).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let again = dumped(&*subject.reopen().await).await;
    let memory = MemoryStore::new();
    loaded(&memory, &again).await.unwrap();
    assert!(again == file && dumped(&memory).await == file);
}

/// Whoever had read up to the removed records has missed nothing; a dump does not record a gap after them.
pub async fn a_dump_of_a_trimmed_log_keeps_its_positions(subject: &dyn Subject) {
    let source = filled().await;
    assert_eq!(source.trim_log(4).await.unwrap(), 2);
    let file = dumped(&source).await;
    let store = subject.open().await;
    assert_eq!(loaded(&*store, &file).await.unwrap().records, 4);
    continues(&*store, &source, &file).await;
}

/// Nothing but the newest record is left.
pub async fn a_dump_of_a_log_trimmed_to_its_end_keeps_its_position(subject: &dyn Subject) {
    let source = filled().await;
    while source.trim_log(9999).await.unwrap() > 0 {}
    let file = dumped(&source).await;
    let store = subject.open().await;
    assert_eq!(loaded(&*store, &file).await.unwrap().records, 1);
    continues(&*store, &source, &file).await;
}

async fn continues(store: &dyn Keyspace, source: &MemoryStore, file: &[u8]) {
    assert!(dumped(store).await == file);
    let records = store.log(0, 9).await.unwrap();
    assert_eq!(records, source.log(0, 9).await.unwrap());
    assert_eq!(store.trimmed().await.unwrap(), records[0].0 - 1);
    let log = vec![Bytes::from("next")];
    let next = store.commit(Batch { log, ..Batch::default() }).await.unwrap();
    assert!(next.first_position > records.last().map(|(at, _)| *at));
}
