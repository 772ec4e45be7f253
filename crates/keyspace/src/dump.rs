//! `plaudit store dump` and `load`: all pairs and log records of a store, from any engine to any engine.
//!
//! The file is binary, all numbers are big-endian:
//!
//! ```text
//! "plaudit dump" 0x0a, version (4 bytes)
//! 0x01, length of key (4), length of value (4), key, value      one per pair, ordered by key
//! 0x02, position (8), length of value (4), value                one per log record, oldest first
//! 0x03, length of text (4), text                                what is missing here, in a dump past damage
//! 0x00, number of pairs (8), number of log records (8), BLAKE3 of all bytes before (32)
//! ```
//!
//! It contains nothing engine-specific, so dumping, loading and dumping again gives the same bytes. A store holds
//! [`LOADING_KEY`] from the start of a load until the file has proved complete, and is not served while it does.

mod load;
mod past_damage;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub use load::{known, load, load_past_damage, resume};
pub use past_damage::dump_past_damage;

use super::{Direction, KeyRange, Keyspace, Position, StoreError};

/// Present in a store while a dump is being loaded into it. No other key begins with a zero byte.
pub const LOADING_KEY: &[u8] = b"\0loading";

/// The file format version that is written, and the newest that is read.
pub const DUMP_VERSION: u32 = 1;
/// That of a dump that may lack what could not be read. Earlier programs refuse it, and so does a load that does not ask for it.
pub const PAST_DAMAGE_VERSION: u32 = 2;

const TITLE: &[u8] = b"plaudit dump\n";
const PAIR: u8 = 1;
const RECORD: u8 = 2;
const MISSING: u8 = 3;
const END: u8 = 0;

/// The approximate size of a page read from the store, and of a batch written to it.
const PAGE_BYTES: usize = 1024 * 1024;
/// The most values per page or batch, so that memory stays bounded whatever their sizes are.
const PAGE_VALUES: usize = 64;

/// Progress of a dump or load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub pairs: u64,
    pub records: u64,
    /// Bytes of the file so far.
    pub size_bytes: u64,
}

/// Why a dump or a load ended early.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the dump could not be read or written: {0}")]
    Io(io::Error),
    #[error("the store was written to during the dump; stop all writers and dump again")]
    Changed,
    #[error("the store is not empty; load the dump into an empty one")]
    NotEmpty,
    #[error("the store contains an unfinished load; remove it and load again into an empty one")]
    HalfLoaded,
    #[error(
        "this is a dump of a damaged store, without what could not be read; to load what it has, say so with --past-damage"
    )]
    PastDamage,
    #[error("this is not a dump of a plaudit store")]
    NotADump,
    #[error(
        "the dump has version {0}, this program reads up to {PAST_DAMAGE_VERSION}; load it with the version that wrote it"
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

/// Writes a store to `out`, which need not be buffered, and reports to `progress` after each page.
///
/// The store must not be written to meanwhile, since pages are read independently; if it is, the result is
/// [`DumpError::Changed`]. Memory is bounded by about 1 MiB, or by one larger value, and by 64 log records. `out` is
/// flushed, not synced.
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
    loop {
        let page = store.scan_within(range.clone(), PAGE_VALUES, PAGE_BYTES, Direction::Ascending).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        range = range.after(last.clone());
        for (key, value) in &page {
            out.pair(key, value);
        }
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

/// How many values to ask for after a page of `limit` values with `size_bytes`, since a store does not tell sizes in
/// advance.
fn next_limit(limit: usize, size_bytes: usize) -> usize {
    match size_bytes {
        0..=PAGE_BYTES => (limit * 2).min(PAGE_VALUES),
        _ => (limit / 4).max(1),
    }
}

/// The file being written: hashed and counted, one page at a time.
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

    fn missing(&mut self, what: &str) {
        self.buffer.push(MISSING);
        self.length(what.as_bytes());
        self.buffer.extend_from_slice(what.as_bytes());
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
