//! The engine for tests and for trying Plaudit out: everything is in memory and lost at exit.
//!
//! It is also the simplest implementation of the contract, to compare other engines with.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::watch;

use super::{
    Batch, Committed, Direction, Expect, Key, KeyRange, Keyspace, MAX_PAGE, MAX_TRIM, Position, Readiness,
    Stats, StoreError, Value, spend_budget,
};

/// An empty keyspace in memory. A commit is "durable" at once: until the process ends.
pub struct MemoryStore {
    is_shared: bool,
    state: Mutex<State>,
    commits: AtomicU64,
    newest: watch::Sender<Position>,
    readiness: watch::Sender<Readiness>,
}

#[derive(Default)]
struct State {
    pairs: BTreeMap<Key, Value>,
    log: BTreeMap<Position, Value>,
    /// The newest position removed from the log.
    trimmed: Position,
    closed: bool,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            is_shared: false,
            state: Mutex::default(),
            commits: AtomicU64::new(0),
            newest: watch::Sender::new(0),
            readiness: watch::Sender::new(Readiness::Ready),
        }
    }
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    /// A store that claims to be open in several processes, to test how they share it.
    pub fn shared() -> Self {
        Self { is_shared: true, ..Self::default() }
    }

    fn open_state(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        // No code holding this lock can leave the state half changed, so a poisoned lock is still usable.
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed { Err(StoreError::Failed("the store is closed".into())) } else { Ok(state) }
    }

    fn get_now(&self, keys: &[Key]) -> Result<Vec<Option<Value>>, StoreError> {
        let state = self.open_state()?;
        Ok(keys.iter().map(|key| state.pairs.get(key).cloned()).collect())
    }

    fn scan_now(
        &self,
        range: KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        let state = self.open_state()?;
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = state.pairs.range((range.start, range.end));
        let (mut pairs, mut bytes) = (Vec::new(), 0_usize);
        while pairs.len() < limit.min(MAX_PAGE) {
            let next = match direction {
                Direction::Ascending => found.next(),
                Direction::Descending => found.next_back(),
            };
            let Some((key, value)) = next else { break };
            bytes = bytes.saturating_add(value.len());
            if bytes > max_bytes && !pairs.is_empty() {
                break;
            }
            pairs.push((key.clone(), value.clone()));
        }
        Ok(pairs)
    }

    fn commit_now(&self, batch: Batch) -> Result<Committed, StoreError> {
        batch.check()?;
        let mut state = self.open_state()?;
        for (key, expect) in batch.expect {
            let holds = match (&expect, state.pairs.get(&key)) {
                (Expect::Absent, found) => found.is_none(),
                (Expect::Is(value), found) => found == Some(value),
            };
            if !holds {
                return Err(StoreError::Conflict { key });
            }
        }
        let last = state.last_position();
        let first_position = (!batch.log.is_empty()).then_some(last + 1);
        state.pairs.extend(batch.put);
        for key in &batch.delete {
            state.pairs.remove(key);
        }
        state.log.extend((last + 1..).zip(batch.log));
        self.tell_newest(&state);
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(Committed { first_position })
    }

    fn restore_log_now(&self, records: Vec<(Position, Value)>) -> Result<(), StoreError> {
        let mut state = self.open_state()?;
        super::check_positions(state.last_position(), records.iter().map(|(at, _)| *at))?;
        if let (true, Some((first, _))) = (state.log.is_empty(), records.first()) {
            state.trimmed = first - 1;
        }
        state.log.extend(records);
        self.tell_newest(&state);
        Ok(())
    }

    fn trim_log_now(&self, up_to: Position) -> Result<usize, StoreError> {
        let mut state = self.open_state()?;
        let newest = state.last_position();
        let oldest = state.log.range(..=up_to).map(|(at, _)| *at).filter(|at| *at != newest);
        let removed: Vec<Position> = oldest.take(MAX_TRIM).collect();
        for position in &removed {
            state.log.remove(position);
            state.trimmed = *position;
        }
        self.commits.fetch_add(u64::from(!removed.is_empty()), Ordering::Relaxed);
        Ok(removed.len())
    }

    fn tell_newest(&self, state: &State) {
        let newest = state.last_position();
        self.newest.send_if_modified(|told| std::mem::replace(told, newest) != newest);
    }

    fn log_now(&self, after: Position, limit: usize) -> Result<Vec<(Position, Value)>, StoreError> {
        let state = self.open_state()?;
        let records = state.log.range((Bound::Excluded(after), Bound::Unbounded));
        Ok(records.take(limit.min(MAX_PAGE)).map(|(at, value)| (*at, value.clone())).collect())
    }

    fn stats_now(&self) -> Result<Stats, StoreError> {
        let last_position = self.open_state()?.last_position();
        let commits = self.commits.load(Ordering::Relaxed);
        Ok(Stats { engine: "memory", size_bytes: 0, last_position, commits, groups: commits, queue_depth: 0 })
    }
}

impl State {
    fn last_position(&self) -> Position {
        self.log.last_key_value().map_or(0, |(position, _)| *position)
    }
}

impl Keyspace for MemoryStore {
    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Option<Value>>, StoreError>> {
        async move {
            spend_budget(keys.len()).await;
            self.get_now(&keys)
        }
        .boxed()
    }

    fn scan_within(
        &self,
        range: KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(Key, Value)>, StoreError>> {
        async move {
            spend_budget(limit).await;
            self.scan_now(range, limit, max_bytes, direction)
        }
        .boxed()
    }

    fn scan_keys(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        async move {
            spend_budget(limit).await;
            let pairs = self.scan_now(range, limit, usize::MAX, direction)?;
            Ok(pairs.into_iter().map(|(key, _)| key).collect())
        }
        .boxed()
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Committed, StoreError>> {
        async move { self.commit_now(batch) }.boxed()
    }

    fn log(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Position, Value)>, StoreError>> {
        async move {
            spend_budget(limit).await;
            self.log_now(after, limit)
        }
        .boxed()
    }

    fn newest(&self) -> watch::Receiver<Position> {
        self.newest.subscribe()
    }

    fn trim_log(&self, up_to: Position) -> BoxFuture<'_, Result<usize, StoreError>> {
        async move { self.trim_log_now(up_to) }.boxed()
    }

    fn trimmed(&self) -> BoxFuture<'_, Result<Position, StoreError>> {
        async move { Ok(self.open_state()?.trimmed) }.boxed()
    }

    fn restore_log(&self, records: Vec<(Position, Value)>) -> BoxFuture<'_, Result<(), StoreError>> {
        async move { self.restore_log_now(records) }.boxed()
    }

    fn is_exclusive(&self) -> bool {
        !self.is_shared
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        async move { self.stats_now() }.boxed()
    }

    fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            self.open_state()?.closed = true;
            Ok(())
        }
        .boxed()
    }
}
