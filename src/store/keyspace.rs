//! The contract of the keyspace: an ordered map of bytes to bytes with conditional batches and a log.
//!
//! It knows nothing of conversations or assessments; `keys` and `records` give the bytes their meaning. Every engine
//! passes the one suite in `conformance`.

use std::{collections::HashSet, ops::Bound, sync::Arc};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

/// A key: non-empty, at most [`MAX_KEY_BYTES`] long, ordered by its bytes.
pub type Key = Vec<u8>;
/// A value: any bytes, the empty string among them.
pub type Value = Bytes;
/// A place in the log. Positions grow from 1 and are never given again; gaps are allowed. 0 is "before the first record".
pub type Position = u64;

/// The longest key that an engine must take.
pub const MAX_KEY_BYTES: usize = 2048;
/// The largest batch (keys and values, expectations not counted) that an engine must take.
pub const MAX_BATCH_BYTES: usize = 32 * 1024 * 1024;
/// The largest page that `scan` and `log` return, whatever `limit` says.
pub const MAX_PAGE: usize = 10_000;
/// The most log records that one call of `trim_log` removes: a batch of them holds no other writer up for long.
pub const MAX_TRIM: usize = 128;
/// The last position that a log may reach: what a signed integer of SQL holds.
pub const MAX_POSITION: Position = i64::MAX as Position;

/// What a key must hold for a batch to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    Absent,
    Is(Value),
}

/// One write: data, never a closure, so that a committer can merge many into one sync.
///
/// Every key that influenced the decision belongs into `expect`. A key may appear once among `put` and `delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub expect: Vec<(Key, Expect)>,
    pub put: Vec<(Key, Value)>,
    pub delete: Vec<Key>,
    /// Appended to the log in this order, in the same atomic step.
    pub log: Vec<Value>,
}

impl Batch {
    /// Refuses what breaks a limit of the contract; every engine asks it first, so that they all refuse the same.
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

/// Refuses log positions that do not grow, or that leave no room after them.
pub(super) fn check_positions(
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

/// The answer to a batch that was applied and is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The position of the batch's first log record; the others follow it in order. Absent when it logged nothing.
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

    /// Whether no key at all lies between the bounds, as when the start is behind the end.
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

    /// The same range without `key` and all before it: how an ascending scan goes on after its last key.
    pub fn after(mut self, key: Key) -> Self {
        self.start = Bound::Excluded(key);
        self
    }
}

/// How large a store is. Estimates are allowed where a count would cost a scan.
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
    /// Groups of batches synced since the engine was opened; `commits / groups` is the grouping reached.
    pub groups: u64,
    /// Batches waiting for the committer now.
    pub queue_depth: usize,
}

/// Why the store did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// An expectation failed. Nothing was written; read again and decide again.
    #[error("the key {} does not hold what was expected", hex(.key))]
    Conflict { key: Key },
    /// The committer's queue is full. Nothing was written; try again later.
    #[error("the store's queue of writes is full")]
    Overloaded,
    /// The batch breaks a limit of the contract. Nothing was written.
    #[error("the batch breaks a limit of the store: {0}")]
    Limit(String),
    /// The engine has failed or was closed. What was being written is of unknown outcome; nothing is accepted any more.
    #[error("the store has failed: {0}")]
    Failed(Arc<str>),
    /// The stored bytes are not what the engine wrote.
    #[error("the stored data is damaged: {0}")]
    Corrupt(Arc<str>),
}

/// An ordered map of bytes to bytes with conditional batches and a log.
///
/// All calls may run concurrently. No call blocks the thread that polls it for more than about a millisecond, and a read that
/// answers at once counts towards the task's budget ([`spend_budget`]), so that who reads page after page lets others run.
pub trait Keyspace: Send + Sync + 'static {
    /// The values of several keys, in the order asked; `None` where a key is absent.
    ///
    /// A value is never shown while it could still be lost: a read that meets a write which is applied but not yet synced
    /// waits for its sync.
    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Option<Value>>, StoreError>>;

    /// At most `limit` pairs of `range`, ordered by the bytes of their keys. Fewer than `limit` (and than [`MAX_PAGE`])
    /// means that the range is at its end. Each call is consistent with what was synced, there is no snapshot across calls.
    fn scan(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(Key, Value)>, StoreError>> {
        self.scan_within(range, limit, usize::MAX, direction)
    }

    /// As [`Keyspace::scan`], for values whose sizes nobody knows beforehand: a page ends before the pair whose value would
    /// bring the page's values above `max_bytes`. The first pair always comes, so that only an empty page says that the range
    /// is at its end. A value that is not returned is not read.
    fn scan_within(
        &self,
        range: KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(Key, Value)>, StoreError>>;

    /// The keys that [`Keyspace::scan`] returns, without reading their values, however large or damaged those are.
    fn scan_keys(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<Key>, StoreError>>;

    /// Applies a batch atomically, serializably and durably, or not at all. When it answers `Ok`, the write survives the
    /// loss of power.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Committed, StoreError>>;

    /// At most `limit` log records after `after`, oldest first. The order never changes and a record never appears before
    /// one that was already returned.
    fn log(&self, after: Position, limit: usize)
    -> BoxFuture<'_, Result<Vec<(Position, Value)>, StoreError>>;

    /// The position of the newest log record, 0 while there is none. Changes when the log has grown; [`Keyspace::log`] then
    /// has what was told.
    fn newest(&self) -> watch::Receiver<Position>;

    /// Removes the oldest log records up to and including the position `up_to`, durably: at most [`MAX_TRIM`] of them, and
    /// fewer where they are large. Answers how many; 0 means that nothing is left to remove up to there.
    ///
    /// The newest record always stays, whatever `up_to` says: it is what later positions follow, also after a reopening.
    /// Each call is atomic, and several at once are as good as one after the other. The place of a record says whether it is
    /// removed, never what it holds: one that cannot be read goes as well.
    fn trim_log(&self, up_to: Position) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// The position of the newest log record that was removed, 0 while none was: whoever has read the log up to there or
    /// further has missed nothing, and whoever has not has missed that record at least. It changes in the same atomic
    /// step as the log: asked after a page was read, it tells whether something was removed before that page.
    fn trimmed(&self) -> BoxFuture<'_, Result<Position, StoreError>>;

    /// Appends records at the positions given, durably and all or none: how `store load` keeps the positions of a dump.
    ///
    /// The positions must grow and lie after the newest one of the log, else [`StoreError::Limit`]. Later commits go on
    /// after the last of them. What would stand before the first record of a log counts as removed: a dump does not say
    /// what its store had removed before.
    fn restore_log(&self, records: Vec<(Position, Value)>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Whether only this process can have the store open. Then whatever another process left behind is over for good; else it
    /// is over when its time has expired.
    fn is_exclusive(&self) -> bool;

    /// Sizes and counters, cheap enough to ask every second.
    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>>;

    /// Becomes `Some(cause)` once, when the engine has failed for good: health follows it.
    fn failure(&self) -> watch::Receiver<Option<Arc<str>>>;

    /// Lets the waiting batches finish, syncs and closes. Calls after it answer [`StoreError::Failed`].
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Lets other tasks run when this one has read much without waiting for anything.
pub(super) async fn spend_budget(items: usize) {
    const ITEMS: usize = 16;
    for _ in 0..=items.min(MAX_PAGE) / ITEMS {
        tokio::task::coop::consume_budget().await;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
