//! The contract of the keyspace: an ordered map of bytes to bytes with conditional batches and a log.
//!
//! Knows nothing of conversations or assessments; `keys` and `records` of the server give the bytes their meaning. Every
//! engine is a crate of its own and passes the same suite, in `conformance`. Here are also the engine in memory, and dumps,
//! which go from any engine to any other.

// What a server must not do; tests may.
#![cfg_attr(
    not(any(test, feature = "conformance")),
    warn(
        clippy::exit,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::panic_in_result_fn,
        clippy::print_stderr,
        clippy::print_stdout,
        clippy::string_slice,
        clippy::unwrap_used
    )
)]

#[cfg(any(test, feature = "conformance"))]
#[allow(clippy::wildcard_imports, reason = "test code, which only a feature brings into the library")]
pub mod conformance;
pub mod dump;
mod memory;
pub mod panics;
pub mod sweep;

pub use memory::MemoryStore;

use std::{collections::HashSet, ops::Bound, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

/// A key: non-empty, at most [`MAX_KEY_BYTES`] long, ordered by its bytes.
pub type Key = Vec<u8>;
/// A value: any bytes, including none.
pub type Value = Bytes;
/// A position in the log. Positions start at 1, only grow and are never reused; gaps are allowed. 0 means "before the
/// first record".
///
/// However many processes write, there is one log: every reader in any of them sees the same records at the same positions.
/// A position is given when its batch commits, not before: a batch that was acknowledged anywhere has lower positions than
/// one that is committed afterwards anywhere else, and no record ever appears below one that some reader has seen. So a
/// reader that continues after the last position it has seen misses nothing.
pub type Position = u64;

/// The longest key that an engine must accept.
pub const MAX_KEY_BYTES: usize = 2048;
/// The largest batch (keys and values, not counting expectations) that an engine must accept.
pub const MAX_BATCH_BYTES: usize = 32 * 1024 * 1024;
/// The largest page that `scan` and `log` return, whatever `limit` says.
pub const MAX_PAGE: usize = 10_000;
/// The most log records that one `trim_log` call removes, so that it never blocks other writers for long.
pub const MAX_TRIM: usize = 128;
/// The highest log position: the largest signed 64-bit integer, so that an SQL engine can store it.
pub const MAX_POSITION: Position = i64::MAX as Position;

/// What a key must hold for a batch to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    Absent,
    Is(Value),
}

/// One write. It is data rather than a closure, so that a committer can merge many into one sync.
///
/// Every key that influenced the decision belongs in `expect`. A key may appear only once across `put` and `delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub expect: Vec<(Key, Expect)>,
    pub put: Vec<(Key, Value)>,
    pub delete: Vec<Key>,
    /// Appended to the log in this order, atomically with the rest of the batch.
    pub log: Vec<Value>,
}

impl Batch {
    /// Rejects a batch that exceeds a limit of the contract. Every engine calls this first, so all reject the same
    /// batches.
    pub fn check(&self) -> Result<(), StoreError> {
        let written = || self.put.iter().map(|(key, _)| key).chain(&self.delete);
        for key in self.expect.iter().map(|(key, _)| key).chain(written()) {
            check_key(key)?;
        }
        let size_bytes = written().map(Vec::len).sum::<usize>()
            + self.put.iter().map(|(_, value)| value.len()).sum::<usize>()
            + self.log.iter().map(Value::len).sum::<usize>();
        if size_bytes > MAX_BATCH_BYTES {
            return Err(StoreError::Limit(format!(
                "a batch of {size_bytes} bytes, at most {MAX_BATCH_BYTES} are taken"
            )));
        }
        let mut seen = HashSet::with_capacity(self.put.len() + self.delete.len());
        match written().find(|key| !seen.insert(*key)) {
            Some(key) => {
                Err(StoreError::Limit(format!("the key {} is written twice in one batch", hex(key))))
            }
            None => Ok(()),
        }
    }
}

/// Rejects log positions that do not increase, or that exceed [`MAX_POSITION`].
pub fn check_positions(
    mut last: Position,
    positions: impl Iterator<Item = Position>,
) -> Result<(), StoreError> {
    for position in positions {
        if position <= last || position > MAX_POSITION {
            return Err(StoreError::Limit(format!(
                "a log record at position {position} after position {last}"
            )));
        }
        last = position;
    }
    Ok(())
}

fn check_key(key: &[u8]) -> Result<(), StoreError> {
    match key.len() {
        0 => Err(StoreError::Limit("an empty key".into())),
        1..=MAX_KEY_BYTES => Ok(()),
        length => {
            Err(StoreError::Limit(format!("a key of {length} bytes, at most {MAX_KEY_BYTES} are taken")))
        }
    }
}

/// The result of a batch that is applied and durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The position of the batch's first log record; the others follow it in order. `None` if it logged nothing.
    pub first_position: Option<Position>,
}

/// The order of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// A range of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    pub start: Bound<Key>,
    pub end: Bound<Key>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> Self {
        Self { start: Bound::Unbounded, end: Bound::Unbounded }
    }

    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: Key) -> Self {
        let mut end = prefix.clone();
        while end.pop_if(|last| *last == u8::MAX).is_some() {}
        let end = match end.last_mut() {
            Some(last) => {
                *last += 1;
                Bound::Excluded(end)
            }
            None => Bound::Unbounded,
        };
        Self { start: Bound::Included(prefix), end }
    }

    /// Whether the range cannot contain any key, for example because its start is after its end.
    pub fn is_empty(&self) -> bool {
        match (&self.start, &self.end) {
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (
                Bound::Included(start) | Bound::Excluded(start),
                Bound::Included(end) | Bound::Excluded(end),
            ) => start >= end,
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        }
    }

    /// The rest of the range after `key`, to continue an ascending scan.
    pub fn after(mut self, key: Key) -> Self {
        self.start = Bound::Excluded(key);
        self
    }
}

/// Sizes and counters of a store; estimates where an exact count would need a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// `memory`, `sled`, …
    pub engine: &'static str,
    /// Bytes on disk; 0 for an engine without a disk.
    pub size_bytes: u64,
    /// The newest log position, 0 when the log is empty.
    pub last_position: Position,
    /// Batches committed since the engine was opened.
    pub commits: u64,
    /// Groups of batches synced since the engine was opened; `commits / groups` is the average group size.
    pub groups: u64,
    /// Batches waiting for the committer.
    pub queue_depth: usize,
}

/// What is known of a write that the store could not answer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    NothingWritten,
    /// It was carried out in full or not at all; only reading tells.
    Unknown,
}

/// Whether a store can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// Not now; it becomes ready again without help.
    Unavailable {
        cause: Arc<str>,
    },
    /// Never again in this process.
    Failed {
        cause: Arc<str>,
    },
}

/// Why a store operation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// An expectation failed. Nothing was written; read and decide again.
    #[error("the key {} does not hold what was expected", hex(.key))]
    Conflict { key: Key },
    /// The committer's queue is full. Nothing was written; try again later.
    #[error("the store's queue of writes is full")]
    Overloaded,
    /// Not now, as while a database fails over; the same call may succeed after `retry_after`. Calls are refused until
    /// [`Keyspace::readiness`] says that the store is ready again.
    #[error("the store is not available for now: {cause}")]
    Unavailable { outcome: Outcome, retry_after: Duration, cause: Arc<str> },
    /// The batch exceeds a limit of the contract. Nothing was written.
    #[error("the batch breaks a limit of the store: {0}")]
    Limit(String),
    /// The engine has failed or was closed. Whether writes in flight survive is unknown; nothing more is accepted.
    #[error("the store has failed: {0}")]
    Failed(Arc<str>),
    /// The operating system could not read; nothing says that what is stored is damaged.
    #[error("the disk could not be read: {0}")]
    Unreadable(Arc<str>),
    /// The stored bytes are not what the engine wrote.
    #[error("the stored data is damaged: {0}")]
    Corrupt(Arc<str>),
}

/// An ordered map of bytes to bytes with conditional batches and a log.
///
/// All calls may run concurrently. No call blocks the polling thread for more than about a millisecond, and a read that
/// completes without waiting counts towards the task's budget ([`spend_budget`]), so that a task reading page after
/// page lets others run.
pub trait Keyspace: Send + Sync + 'static {
    /// The values of several keys, in the order asked; `None` where a key is absent.
    ///
    /// Never returns a value that could still be lost: a read that sees an applied but unsynced write waits for the
    /// sync.
    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Option<Value>>, StoreError>>;

    /// At most `limit` pairs of `range`, ordered by the bytes of their keys. Fewer than `limit` (and than [`MAX_PAGE`])
    /// means that the range is exhausted. Each call sees one consistent, synced state; there is no snapshot across
    /// calls.
    fn scan(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(Key, Value)>, StoreError>> {
        self.scan_within(range, limit, usize::MAX, direction)
    }

    /// Like [`Keyspace::scan`], for values of unknown size: the page ends before the pair whose value would push the
    /// total size of its values above `max_bytes`. The first pair is always returned, so only an empty page means that
    /// the range is exhausted. Values that are not returned are not read.
    fn scan_within(
        &self,
        range: KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(Key, Value)>, StoreError>>;

    /// The keys that [`Keyspace::scan`] would return. Does not read the values, so large or damaged ones do not matter.
    fn scan_keys(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<Key>, StoreError>>;

    /// Applies a batch atomically, serializably and durably, or not at all. Once it returns `Ok`, the write survives a
    /// power loss.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Committed, StoreError>>;

    /// At most `limit` log records after `after`, oldest first, as [`Position`] promises.
    fn log(&self, after: Position, limit: usize)
    -> BoxFuture<'_, Result<Vec<(Position, Value)>, StoreError>>;

    /// The position of the newest log record that this process knows of, or 0 if there is none. By the time it changes,
    /// [`Keyspace::log`] returns the new records. It changes at once for what is committed through this handle, and within a
    /// second for what other processes commit, as long as the store is ready.
    fn newest(&self) -> watch::Receiver<Position>;

    /// Durably removes the oldest log records up to and including position `up_to`: at most [`MAX_TRIM`], fewer if they
    /// are large. Returns how many; 0 means that there is nothing left to remove up to `up_to`.
    ///
    /// The newest record always stays, whatever `up_to` says: it tells where positions continue after a restart. Each
    /// call is atomic, and concurrent calls have the same effect as consecutive ones. Only positions matter, never
    /// contents: unreadable records are removed too.
    fn trim_log(&self, up_to: Position) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// The position of the newest removed log record, or 0 if none was removed. A reader that has got at least this far
    /// has missed nothing; any other has missed at least that record. It changes atomically with the log, so reading it
    /// after a page shows whether records before that page were removed.
    fn trimmed(&self) -> BoxFuture<'_, Result<Position, StoreError>>;

    /// Durably appends all records at the given positions, or none. `store load` uses it to keep the positions of a
    /// dump.
    ///
    /// The positions must increase and be higher than the log's newest, else [`StoreError::Limit`]. Later commits
    /// continue after the last one. In an empty log, everything before the first restored record counts as removed,
    /// since a dump does not say what its store had removed.
    fn restore_log(&self, records: Vec<(Position, Value)>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Whether only this process can have the store open. If so, whatever other processes left behind is obsolete at
    /// once; otherwise only once it has expired.
    fn is_exclusive(&self) -> bool;

    /// Sizes and counters, cheap enough to read every second.
    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>>;

    /// Whether the store can be used. A failure is for good: nothing follows [`Readiness::Failed`], and the server stops. While
    /// the store is merely unavailable it stays up and says so.
    fn readiness(&self) -> watch::Receiver<Readiness>;

    /// Commits the waiting batches, syncs and closes. Later calls return [`StoreError::Failed`].
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Yields to other tasks when this one has read a lot without waiting.
pub async fn spend_budget(items: usize) {
    const ITEMS: usize = 16;
    for _ in 0..=items.min(MAX_PAGE) / ITEMS {
        tokio::task::coop::consume_budget().await;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
