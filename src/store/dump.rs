//! `plaudit store dump` and `load`: all pairs and log records of a store, from any engine to any engine.
//!
//! The file is binary, all numbers are big-endian:
//!
//! ```text
//! "plaudit dump" 0x0a, version (4 bytes)
//! 0x01, length of key (4), length of value (4), key, value      one per pair, ordered by key
//! 0x02, position (8), length of value (4), value                one per log record, oldest first
//! 0x00, number of pairs (8), number of log records (8), BLAKE3 of all bytes before (32)
//! ```
//!
//! Nothing of an engine is in it, so a dump, a load and a dump again give the same bytes. A store bears
//! [`LOADING_KEY`] from the first byte loaded until the file was found whole, and is not served while it does.

use std::io::{self, Read, Write};

use bytes::Bytes;

use super::keyspace::{
    Batch, Direction, Expect, Key, KeyRange, Keyspace, MAX_BATCH_BYTES, MAX_KEY_BYTES, Position, StoreError,
    Value,
};

/// Stands in a store while a dump is loaded into it. No caller's key begins with a zero byte.
pub const LOADING_KEY: &[u8] = b"\0loading";

/// The version of the file format that is written, and the newest that is read.
pub const DUMP_VERSION: u32 = 1;

const TITLE: &[u8] = b"plaudit dump\n";
const PAIR: u8 = 1;
const RECORD: u8 = 2;
const END: u8 = 0;

/// A page read from the store, and a batch written to one, is about this large.
const PAGE_BYTES: usize = 1024 * 1024;
/// The most values in one page or batch, so that memory is bounded whatever their sizes are.
const PAGE_VALUES: usize = 64;

/// What was dumped or loaded so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub pairs: u64,
    pub records: u64,
    /// Bytes of the file.
    pub size_bytes: u64,
}

/// Why a dump or a load ended early.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the dump could not be read or written: {0}")]
    Io(io::Error),
    #[error("the store was written to while it was dumped; stop what writes to it, and dump again")]
    Changed,
    #[error("the store is not empty; a dump is loaded into an empty one only")]
    NotEmpty,
    #[error("the store holds a load that did not finish; remove it and load again into an empty one")]
    HalfLoaded,
    #[error("this is no dump of a plaudit store")]
    NotADump,
    #[error(
        "the dump has version {0}, this program reads up to {DUMP_VERSION}; load it with the one that wrote it"
    )]
    NewerVersion(u32),
    #[error(
        "the dump is damaged at byte {at}: {why}; what was loaded of it is not served: remove that store, \
         and load a whole dump into an empty one"
    )]
    Damaged { at: u64, why: &'static str },
}

/// Whether a load into this store did not finish.
pub async fn is_half_loaded(store: &dyn Keyspace) -> Result<bool, StoreError> {
    let mark = store.get(vec![LOADING_KEY.to_vec()]).await?;
    Ok(mark.iter().any(Option::is_some))
}

/// Writes a store to `out`, which need not be buffered, and tells `progress` after each page.
///
/// The store must not be written to meanwhile, since no page knows of the others: that is [`DumpError::Changed`]. Memory
/// is bounded by 64 values, about 1 MiB when none is larger. `out` is flushed, not synced.
pub async fn dump(
    store: &dyn Keyspace,
    out: &mut (dyn Write + Send),
    progress: &mut (dyn FnMut(Counts) + Send),
) -> Result<Counts, DumpError> {
    if is_half_loaded(store).await? {
        return Err(DumpError::HalfLoaded);
    }
    let before = store.stats().await?;
    let mut out =
        Output { out, hasher: blake3::Hasher::new(), buffer: Vec::new(), counts: Counts::default() };
    out.buffer.extend_from_slice(TITLE);
    out.buffer.extend_from_slice(&DUMP_VERSION.to_be_bytes());
    dump_pairs(store, &mut out, progress).await?;
    dump_log(store, &mut out, progress).await?;
    let after = store.stats().await?;
    if (after.commits, after.last_position) != (before.commits, before.last_position) {
        return Err(DumpError::Changed);
    }
    let counts = out.finish().map_err(DumpError::Io)?;
    progress(counts);
    Ok(counts)
}

async fn dump_pairs(
    store: &dyn Keyspace,
    out: &mut Output<'_>,
    progress: &mut (dyn FnMut(Counts) + Send),
) -> Result<(), DumpError> {
    let mut range = KeyRange::all();
    let mut limit = 1;
    loop {
        let page = store.scan(range.clone(), limit, Direction::Ascending).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        range = range.after(last.clone());
        for (key, value) in &page {
            out.pair(key, value);
        }
        limit = next_limit(limit, out.buffer.len());
        out.write_page().map_err(DumpError::Io)?;
        progress(out.counts);
    }
}

async fn dump_log(
    store: &dyn Keyspace,
    out: &mut Output<'_>,
    progress: &mut (dyn FnMut(Counts) + Send),
) -> Result<(), DumpError> {
    let mut after = 0;
    let mut limit = 1;
    loop {
        let page = store.log(after, limit).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = *last;
        for (position, value) in &page {
            out.record(*position, value);
        }
        limit = next_limit(limit, out.buffer.len());
        out.write_page().map_err(DumpError::Io)?;
        progress(out.counts);
    }
}

/// How many values to ask for after a page of `limit` that was `size_bytes` large: a store does not say beforehand.
fn next_limit(limit: usize, size_bytes: usize) -> usize {
    match size_bytes {
        0..=PAGE_BYTES => (limit * 2).min(PAGE_VALUES),
        _ => (limit / 4).max(1),
    }
}

/// The file being written: hashed and counted, a page at a time.
struct Output<'a> {
    out: &'a mut (dyn Write + Send),
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
    counts: Counts,
}

impl Output<'_> {
    fn pair(&mut self, key: &[u8], value: &[u8]) {
        self.buffer.push(PAIR);
        self.length(key);
        self.length(value);
        self.buffer.extend_from_slice(key);
        self.buffer.extend_from_slice(value);
        self.counts.pairs += 1;
    }

    fn record(&mut self, position: Position, value: &[u8]) {
        self.buffer.push(RECORD);
        self.buffer.extend_from_slice(&position.to_be_bytes());
        self.length(value);
        self.buffer.extend_from_slice(value);
        self.counts.records += 1;
    }

    fn length(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).expect("the contract bounds keys and values far below 4 GiB");
        self.buffer.extend_from_slice(&length.to_be_bytes());
    }

    fn write_page(&mut self) -> io::Result<()> {
        self.hasher.update(&self.buffer);
        self.out.write_all(&self.buffer)?;
        self.counts.size_bytes += self.buffer.len() as u64;
        self.buffer = Vec::new();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Counts> {
        self.buffer.push(END);
        self.buffer.extend_from_slice(&self.counts.pairs.to_be_bytes());
        self.buffer.extend_from_slice(&self.counts.records.to_be_bytes());
        self.write_page()?;
        let hash = self.hasher.finalize();
        self.out.write_all(hash.as_bytes())?;
        self.out.flush()?;
        self.counts.size_bytes += hash.as_bytes().len() as u64;
        Ok(self.counts)
    }
}

/// Loads a dump into an empty store, durably, and tells `progress` after each batch. Memory is bounded as in [`dump`].
///
/// After an error the store keeps [`LOADING_KEY`] and must be removed; one that was not empty is left as it was.
pub async fn load(
    store: &dyn Keyspace,
    input: &mut (dyn Read + Send),
    progress: &mut (dyn FnMut(Counts) + Send),
) -> Result<Counts, DumpError> {
    let mut input = Input { input, hasher: blake3::Hasher::new(), counts: Counts::default() };
    input.title()?;
    mark(store).await?;

    let mut page = Page::default();
    while let Some(item) = input.item()? {
        page.add(item, &input)?;
        if page.is_full() {
            page.write(store).await?;
            progress(input.counts);
        }
    }
    page.write(store).await?;
    input.end()?;
    let whole = Batch {
        expect: vec![(LOADING_KEY.to_vec(), Expect::Is(Bytes::new()))],
        delete: vec![LOADING_KEY.to_vec()],
        ..Batch::default()
    };
    store.commit(whole).await?;
    progress(input.counts);
    Ok(input.counts)
}

/// Marks an empty store as one that is being loaded.
async fn mark(store: &dyn Keyspace) -> Result<(), DumpError> {
    if is_half_loaded(store).await? {
        return Err(DumpError::HalfLoaded);
    }
    let pairs = store.scan(KeyRange::all(), 1, Direction::Ascending).await?;
    if !pairs.is_empty() || store.stats().await?.last_position > 0 {
        return Err(DumpError::NotEmpty);
    }
    let mark = Batch {
        expect: vec![(LOADING_KEY.to_vec(), Expect::Absent)],
        put: vec![(LOADING_KEY.to_vec(), Bytes::new())],
        ..Batch::default()
    };
    store.commit(mark).await?;
    Ok(())
}

enum Item {
    Pair(Key, Value),
    Record(Position, Value),
}

/// What is written to the store at once, and where the order of the file stands.
#[derive(Default)]
struct Page {
    pairs: Vec<(Key, Value)>,
    records: Vec<(Position, Value)>,
    size_bytes: usize,
    last_key: Option<Key>,
    last_position: Position,
}

impl Page {
    /// The order is checked too: a key that comes twice would end in a store that no dump describes.
    fn add(&mut self, item: Item, input: &Input) -> Result<(), DumpError> {
        match item {
            Item::Pair(key, value) => {
                let in_order = self.last_key.as_ref().is_none_or(|last| *last < key);
                if !in_order || self.last_position > 0 || key == LOADING_KEY {
                    return Err(input.damaged("a pair is out of order"));
                }
                self.last_key = Some(key.clone());
                self.size_bytes += key.len() + value.len();
                self.pairs.push((key, value));
            }
            Item::Record(position, value) => {
                if position <= self.last_position {
                    return Err(input.damaged("a log record is out of order"));
                }
                self.last_position = position;
                self.size_bytes += value.len();
                self.records.push((position, value));
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.size_bytes >= PAGE_BYTES || self.pairs.len() + self.records.len() >= PAGE_VALUES
    }

    async fn write(&mut self, store: &dyn Keyspace) -> Result<(), DumpError> {
        self.size_bytes = 0;
        // One value may be as large as a batch, so a page of several may be larger.
        for put in in_batches(std::mem::take(&mut self.pairs), |(key, value)| key.len() + value.len()) {
            store.commit(Batch { put, ..Batch::default() }).await?;
        }
        for records in in_batches(std::mem::take(&mut self.records), |(_, value)| value.len()) {
            store.restore_log(records).await?;
        }
        Ok(())
    }
}

/// Cuts items into runs that a store takes as one batch.
fn in_batches<T>(items: Vec<T>, size: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut batches: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    for item in items {
        let size_bytes = size(&item);
        match batches.last_mut() {
            Some(batch) if size_bytes <= room => batch.push(item),
            _ => {
                batches.push(vec![item]);
                room = MAX_BATCH_BYTES;
            }
        }
        room = room.saturating_sub(size_bytes);
    }
    batches
}

/// The file being read: hashed and counted, nothing in it trusted.
struct Input<'a> {
    input: &'a mut (dyn Read + Send),
    hasher: blake3::Hasher,
    counts: Counts,
}

impl Input<'_> {
    fn title(&mut self) -> Result<(), DumpError> {
        let title = self.array::<{ TITLE.len() }>().map_err(|error| match error {
            DumpError::Damaged { .. } => DumpError::NotADump,
            error => error,
        })?;
        if title != TITLE {
            return Err(DumpError::NotADump);
        }
        match u32::from_be_bytes(self.array()?) {
            DUMP_VERSION => Ok(()),
            0 => Err(DumpError::NotADump),
            newer => Err(DumpError::NewerVersion(newer)),
        }
    }

    /// The next pair or record; `None` at the end mark.
    fn item(&mut self) -> Result<Option<Item>, DumpError> {
        match self.array::<1>()?[0] {
            PAIR => {
                let key_length = self.length(MAX_KEY_BYTES)?;
                let value_length = self.length(MAX_BATCH_BYTES)?;
                let key = self.bytes(key_length)?;
                let value = self.bytes(value_length)?;
                self.counts.pairs += 1;
                Ok(Some(Item::Pair(key, value.into())))
            }
            RECORD => {
                let position = Position::from_be_bytes(self.array()?);
                let value_length = self.length(MAX_BATCH_BYTES)?;
                let value = self.bytes(value_length)?;
                self.counts.records += 1;
                Ok(Some(Item::Record(position, value.into())))
            }
            END => Ok(None),
            _ => Err(self.damaged("something that is neither a pair nor a log record")),
        }
    }

    /// What follows the end mark: the counts, the hash, and nothing.
    fn end(&mut self) -> Result<(), DumpError> {
        let pairs = u64::from_be_bytes(self.array()?);
        let records = u64::from_be_bytes(self.array()?);
        let expected = self.hasher.finalize();
        if self.array::<32>()? != *expected.as_bytes() {
            return Err(self.damaged("the checksum is wrong"));
        }
        if (pairs, records) != (self.counts.pairs, self.counts.records) {
            return Err(self.damaged("the counts are wrong"));
        }
        match self.input.read(&mut [0]).map_err(DumpError::Io)? {
            0 => Ok(()),
            _ => Err(self.damaged("there is more after the end")),
        }
    }

    fn length(&mut self, at_most: usize) -> Result<usize, DumpError> {
        let length = u32::from_be_bytes(self.array()?) as usize;
        if length <= at_most { Ok(length) } else { Err(self.damaged("a length is beyond every limit")) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DumpError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn bytes(&mut self, length: usize) -> Result<Vec<u8>, DumpError> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), DumpError> {
        match self.input.read_exact(bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(self.damaged("it ends early"));
            }
            Err(error) => return Err(DumpError::Io(error)),
        }
        self.hasher.update(bytes);
        self.counts.size_bytes += bytes.len() as u64;
        Ok(())
    }

    fn damaged(&self, why: &'static str) -> DumpError {
        DumpError::Damaged { at: self.counts.size_bytes, why }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::store::{MemoryStore, OpenError, SledOptions, SledStore};

    async fn dumped(store: &dyn Keyspace) -> Vec<u8> {
        let mut out = Vec::new();
        let mut last = Counts::default();
        let counts = dump(store, &mut out, &mut |counts| last = counts).await.unwrap();
        assert_eq!((counts.size_bytes, counts), (out.len() as u64, last));
        out
    }

    async fn loaded(store: &dyn Keyspace, mut file: &[u8]) -> Result<Counts, DumpError> {
        load(store, &mut file, &mut |_| ()).await
    }

    /// Some of everything: many pairs, an empty value, large ones, the longest key, gaps in the log.
    async fn filled() -> MemoryStore {
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

    #[tokio::test]
    async fn a_dump_comes_through_every_engine_byte_for_byte() {
        let source = filled().await;
        let file = dumped(&source).await;
        let dir = tempfile::tempdir().unwrap();
        let sled = SledStore::open(&dir.path().join("data"), SledOptions::default()).unwrap();
        let counts = loaded(&sled, &file).await.unwrap();
        assert_eq!(counts, Counts { pairs: 504, records: 6, size_bytes: file.len() as u64 });
        assert!(dumped(&sled).await == file);
        assert_eq!(sled.log(1000, 1).await.unwrap(), [(1001, Bytes::new())]);

        sled.close().await.unwrap();
        drop(sled);
        let sled = SledStore::open(&dir.path().join("data"), SledOptions::default()).unwrap();
        let file = dumped(&sled).await;
        let memory = MemoryStore::new();
        loaded(&memory, &file).await.unwrap();
        assert!(dumped(&memory).await == file);
    }

    #[tokio::test]
    async fn an_empty_store_has_a_dump_too() {
        let file = dumped(&MemoryStore::new()).await;
        assert_eq!(file.len(), TITLE.len() + 4 + 1 + 8 + 8 + 32);
        let store = MemoryStore::new();
        assert_eq!(loaded(&store, &file).await.unwrap().pairs, 0);
        assert!(dumped(&store).await == file);
    }

    #[tokio::test]
    async fn the_file_is_what_the_format_says() {
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
    async fn only_an_empty_store_is_loaded_into() {
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
    async fn no_part_of_a_dump_is_taken_for_the_whole() {
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
                assert!(matches!(
                    dump(&store, &mut io::sink(), &mut |_| ()).await,
                    Err(DumpError::HalfLoaded)
                ));
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
    async fn what_is_no_dump_or_a_newer_one_is_named() {
        let file = dumped(&MemoryStore::new()).await;
        let no_dump = b"{\"some\": \"other file, long enough\"}";
        assert!(matches!(loaded(&MemoryStore::new(), no_dump).await, Err(DumpError::NotADump)));
        let mut newer = file;
        newer[TITLE.len() + 3] = 2;
        assert!(matches!(loaded(&MemoryStore::new(), &newer).await, Err(DumpError::NewerVersion(2))));
    }

    #[tokio::test]
    async fn a_half_loaded_store_does_not_open() {
        let file = dumped(&filled().await).await;
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let store = SledStore::open(&data, SledOptions::default()).unwrap();
        assert!(loaded(&store, &file[..file.len() - 1]).await.is_err());
        store.close().await.unwrap();
        drop(store);
        let refused = SledStore::open(&data, SledOptions::default()).err();
        assert!(matches!(refused, Some(OpenError::HalfLoaded { .. })), "{refused:?}");
    }

    #[tokio::test]
    async fn a_store_that_is_written_to_is_not_dumped() {
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
}
