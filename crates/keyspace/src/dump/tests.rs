use bytes::Bytes;
use futures_util::FutureExt;

use super::{
    load::{in_batches, read_at_most},
    *,
};
use crate::{
    Batch, MAX_BATCH_BYTES, MemoryStore,
    conformance::{dumped, filled, loaded},
};

#[tokio::test]
async fn an_empty_store_has_a_dump_too() {
    let file = dumped(&MemoryStore::new()).await;
    assert_eq!(file.len(), TITLE.len() + 4 + 1 + 8 + 8 + 32);
    let store = MemoryStore::new();
    assert_eq!(loaded(&store, &file).await.unwrap().pairs, 0);
    assert!(dumped(&store).await == file);
}

#[tokio::test]
async fn the_file_follows_the_documented_format() {
    let store = MemoryStore::new();
    let put = vec![(vec![0xaa, 0xbb], Bytes::from("v"))];
    store.commit(Batch { put, log: vec![Bytes::from("e")], ..Batch::default() }).await.unwrap();
    let mut expected = b"plaudit dump\n\0\0\0\x01".to_vec();
    expected.extend_from_slice(b"\x01\0\0\0\x02\0\0\0\x01\xaa\xbbv");
    expected.extend_from_slice(b"\x02\0\0\0\0\0\0\0\x01\0\0\0\x01e");
    expected.extend_from_slice(b"\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01");
    expected.extend_from_slice(blake3::hash(&expected).as_bytes());
    assert_eq!(dumped(&store).await, expected);
}

#[tokio::test]
async fn a_dump_loads_only_into_an_empty_store() {
    let file = dumped(&filled().await).await;
    let with_pair = MemoryStore::new();
    let put = vec![(vec![1], Bytes::new())];
    with_pair.commit(Batch { put, ..Batch::default() }).await.unwrap();
    let with_record = MemoryStore::new();
    with_record.commit(Batch { log: vec![Bytes::new()], ..Batch::default() }).await.unwrap();
    for store in [with_pair, with_record] {
        let before = dumped(&store).await;
        assert!(matches!(loaded(&store, &file).await, Err(DumpError::NotEmpty)));
        assert_eq!(dumped(&store).await, before);
    }
}

#[tokio::test]
async fn a_truncated_or_changed_dump_is_refused() {
    let store = MemoryStore::new();
    let put = (0..100u8).map(|at| (vec![at + 1], Bytes::from(vec![at; 20]))).collect();
    let log = vec![Bytes::from("event"); 3];
    store.commit(Batch { put, log, ..Batch::default() }).await.unwrap();
    let file = dumped(&store).await;
    for length in 0..file.len() {
        let store = MemoryStore::new();
        let outcome = loaded(&store, &file[..length]).await;
        assert!(matches!(outcome, Err(DumpError::Damaged { .. } | DumpError::NotADump)), "{length}");
        let marked = is_half_loaded(&store).await.unwrap();
        assert_eq!(marked, length >= TITLE.len() + 4, "cut to {length} bytes");
        if marked {
            assert!(matches!(loaded(&store, &file).await, Err(DumpError::HalfLoaded)));
            assert!(matches!(dump(&store, &mut io::sink(), &mut |_| ()).await, Err(DumpError::HalfLoaded)));
        }
    }
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 0x10;
        assert!(loaded(&MemoryStore::new(), &changed).await.is_err(), "byte {at} changed");
    }
    let longer = [file.as_slice(), b"x"].concat();
    let outcome = loaded(&MemoryStore::new(), &longer).await;
    assert!(matches!(outcome, Err(DumpError::Damaged { why: "there is more after the end", .. })));
}

#[tokio::test]
async fn memory_grows_with_the_bytes_present_not_with_claimed_lengths() {
    let claimed = MAX_BATCH_BYTES as u32;
    let title = b"plaudit dump\n\0\0\0\x01";
    let pair = [&title[..], b"\x01\0\0\0\x01", &claimed.to_be_bytes(), b"k", b"value"].concat();
    let record = [&title[..], b"\x02\0\0\0\0\0\0\0\x01", &claimed.to_be_bytes(), b"value"].concat();
    for file in [pair, record] {
        let outcome = loaded(&MemoryStore::new(), &file).await;
        assert!(matches!(outcome, Err(DumpError::Damaged { why: "it ends early", .. })), "{outcome:?}");
    }
    for there in [0, 5, 100_000] {
        let bytes = read_at_most(&mut vec![7; there].as_slice(), MAX_BATCH_BYTES).unwrap();
        assert_eq!(bytes.len(), there);
        assert!(bytes.capacity() <= 2 * there + 64, "{} for {there} bytes", bytes.capacity());
    }
}

#[tokio::test]
async fn a_foreign_file_or_newer_version_is_reported_as_such() {
    let file = dumped(&MemoryStore::new()).await;
    let no_dump = b"{\"some\": \"other file, long enough\"}";
    assert!(matches!(loaded(&MemoryStore::new(), no_dump).await, Err(DumpError::NotADump)));
    let mut newer = file;
    newer[TITLE.len() + 3] = 3;
    assert!(matches!(loaded(&MemoryStore::new(), &newer).await, Err(DumpError::NewerVersion(3))));
}

#[tokio::test]
async fn a_store_that_is_being_written_to_is_not_dumped() {
    let store = filled().await;
    let late = || Batch { put: vec![(vec![250], Bytes::new())], ..Batch::default() };
    let mut write = |_| {
        let written = store.commit(late()).now_or_never();
        written.expect("the memory engine answers at once").unwrap();
    };
    let outcome = dump(&store, &mut io::sink(), &mut write).await;
    assert!(matches!(outcome, Err(DumpError::Changed)));
}

#[test]
fn a_page_follows_the_size_of_the_values() {
    assert_eq!(next_limit(1, 10), 2);
    assert_eq!(next_limit(64, 10), 64);
    assert_eq!(next_limit(64, PAGE_BYTES + 1), 16);
    assert_eq!(next_limit(2, PAGE_BYTES + 1), 1);
    let sizes: Vec<usize> = in_batches(vec![MAX_BATCH_BYTES, 1, MAX_BATCH_BYTES - 1, 1], |size| *size)
        .into_iter()
        .map(|batch| batch.len())
        .collect();
    assert_eq!(sizes, [1, 2, 1]);
}

#[tokio::test]
async fn a_load_goes_on_from_wherever_it_ended() {
    let source = MemoryStore::new();
    // No other key than the mark of a load begins with a zero byte.
    for number in (1_u32 << 24..).take(300) {
        let put = vec![(number.to_be_bytes().to_vec(), Bytes::from(vec![7; 40]))];
        source.commit(Batch { put, log: vec![Bytes::from("e")], ..Batch::default() }).await.unwrap();
    }
    source.trim_log(20).await.unwrap();
    let file = dumped(&source).await;
    let mut commits = Vec::new();
    for end in (0..=file.len()).step_by(997).chain([file.len() - 1, file.len()]) {
        let store = MemoryStore::new();
        let ended = loaded(&store, &file[..end]).await;
        assert_eq!(ended.is_ok(), end == file.len(), "{ended:?}");
        let before = store.stats().await.unwrap().commits;
        let counts = resume(&store, &mut &*file, &mut |_| ()).await.unwrap();
        assert_eq!((counts.pairs, counts.records), (300, 280));
        assert!(dumped(&store).await == file, "it ended at byte {end}");
        assert_eq!(store.trimmed().await.unwrap(), 20);
        commits.push(store.stats().await.unwrap().commits - before);
    }
    // The further it got, the less is written again; in the end the mark alone is put and removed.
    assert!(commits.is_sorted_by(|one, next| one >= next), "{commits:?}");
    assert_eq!(commits.last(), Some(&2));
}
