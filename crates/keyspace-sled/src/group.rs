//! A group of batches, each checked against the writes of those before it, and merged into one.

use std::{
    collections::{HashMap, HashSet},
    ops::{Bound, RangeBounds},
    sync::{Arc, OnceLock},
};

use ::sled::{IVec, Tree};
use tokio::sync::watch;

use super::{
    chunks::{self, Encoded, Owner},
    layout::{LOG, PAIRS, TRIMMED_KEY, caller_key, log_key},
    queue::Write,
};
use plaudit_keyspace::{Committed, Expect, Position, StoreError, check_positions};

/// Raw keys with their new values, `None` if deleted. Unordered, to save the committer the sorting.
pub(super) type Writes = HashMap<IVec, Option<IVec>>;

/// The accepted batches of a group as one set of writes.
pub(super) struct Merge<'a> {
    tree: &'a Tree,
    /// Owners that may have chunks, on disk or in this group; only their old values must be read to find old chunks.
    chunk_owners: &'a mut HashSet<Owner>,
    pub writes: Writes,
    pub last_position: Position,
    pub accepted: u64,
}

impl<'a> Merge<'a> {
    /// `key_count` is the expected number of keys that the group writes.
    pub(super) fn new(
        tree: &'a Tree,
        chunk_owners: &'a mut HashSet<Owner>,
        last_position: Position,
        key_count: usize,
    ) -> Self {
        Self { tree, chunk_owners, writes: Writes::with_capacity(key_count), last_position, accepted: 0 }
    }

    /// Accepts a batch, making its writes visible to the next ones, or rejects it without any effect.
    pub(super) fn add(&mut self, write: Write) -> Result<Committed, StoreError> {
        for (key, expect) in write.expect {
            self.check(&key, &expect)?;
        }
        check_positions(self.last_position, write.log.iter().filter_map(|record| record.position))?;
        let old_chunks = self.old_chunks(&write.pairs)?;

        for key in old_chunks {
            self.writes.insert(key, None);
        }
        for (key, value) in write.pairs {
            match value {
                Some(value) => self.put(key, value),
                None => drop(self.writes.insert(key, None)),
            }
        }
        for key in write.removed {
            self.writes.insert(key, None);
        }
        // In a restored log, everything before the first record counts as removed.
        let restored = write.log.first().and_then(|record| record.position);
        if let Some(first) = restored.filter(|first| self.last_position == 0 && *first > 1) {
            self.put(TRIMMED_KEY.into(), chunks::in_place(&(first - 1).to_be_bytes()));
        }
        let mut first_position = None;
        for record in write.log {
            self.last_position = record.position.unwrap_or(self.last_position + 1);
            first_position.get_or_insert(self.last_position);
            self.put(IVec::from(&log_key(self.last_position)), record.value);
        }
        self.accepted += 1;
        Ok(Committed { first_position })
    }

    fn check(&self, key: &IVec, expect: &Expect) -> Result<(), StoreError> {
        let found = self.current(key)?;
        let holds = match (expect, found) {
            (Expect::Absent, found) => found.is_none(),
            (Expect::Is(value), Some(stored)) => chunks::is(&stored, value)?,
            (Expect::Is(_), None) => false,
        };
        if holds { Ok(()) } else { Err(StoreError::Conflict { key: caller_key(key) }) }
    }

    /// The value of a raw key, as the group's next batch sees it.
    fn current(&self, key: &IVec) -> Result<Option<IVec>, StoreError> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.tree.get(key).map_err(chunks::damaged),
        }
    }

    fn old_chunks(&self, pairs: &[(IVec, Option<Encoded>)]) -> Result<Vec<IVec>, StoreError> {
        let mut old = Vec::new();
        for (key, _) in pairs {
            if !self.chunk_owners.contains(&owner_of_pair(key)) {
                continue;
            }
            if let Some(stored) = self.current(key)? {
                old.extend(chunks::chunk_keys(&stored)?);
            }
        }
        Ok(old)
    }

    fn put(&mut self, key: IVec, value: Encoded) {
        if key.first() == Some(&PAIRS) && !value.chunks.is_empty() {
            self.chunk_owners.insert(owner_of_pair(&key));
        }
        for (key, chunk) in value.chunks {
            self.writes.insert(key, Some(chunk));
        }
        self.writes.insert(key, Some(value.head));
    }
}

/// The owner of the chunks of a pair, from its raw key.
pub(super) fn owner_of_pair(raw: &[u8]) -> Owner {
    [PAIRS, raw.get(1).copied().unwrap_or_default()]
}

/// The owner of the chunks of log records.
pub(super) const LOG_OWNER: Owner = [LOG, 0];

/// A group that was applied or is about to be; its writes may be lost until it is synced.
pub(super) struct InFlight {
    keys: Vec<IVec>,
    /// The sorted keys, computed by the first read that needs them: most groups are synced before that.
    ordered: OnceLock<Vec<IVec>>,
    outcome: watch::Sender<Outcome>,
}

#[derive(Clone, Debug)]
enum Outcome {
    Pending,
    Synced,
    Failed(Arc<str>),
}

impl InFlight {
    /// The group, and the batch to apply.
    pub(super) fn new(writes: Writes) -> (Self, ::sled::Batch) {
        let mut keys = Vec::with_capacity(writes.len());
        let mut batch = ::sled::Batch::default();
        for (key, value) in writes {
            keys.push(key.clone());
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        let group = Self { keys, ordered: OnceLock::new(), outcome: watch::Sender::new(Outcome::Pending) };
        (group, batch)
    }

    fn ordered(&self) -> &[IVec] {
        self.ordered.get_or_init(|| {
            let mut keys = self.keys.clone();
            keys.sort_unstable();
            keys
        })
    }

    pub(super) fn finish(&self, result: Result<(), Arc<str>>) {
        self.outcome.send_replace(match result {
            Ok(()) => Outcome::Synced,
            Err(cause) => Outcome::Failed(cause),
        });
    }

    pub(super) fn is_synced(&self) -> bool {
        matches!(*self.outcome.borrow(), Outcome::Synced)
    }

    pub(super) fn writes_any(&self, keys: &[IVec]) -> bool {
        keys.iter().any(|key| self.ordered().binary_search(key).is_ok())
    }

    /// Whether the group writes a key in a range.
    pub(super) fn writes_within(&self, start: Bound<&[u8]>, end: Bound<&[u8]>) -> bool {
        let ordered = self.ordered();
        let before_start = |key: &IVec| match start {
            Bound::Included(start) => key.as_ref() < start,
            Bound::Excluded(start) => key.as_ref() <= start,
            Bound::Unbounded => false,
        };
        let first = ordered.get(ordered.partition_point(before_start));
        first.is_some_and(|key| RangeBounds::<[u8]>::contains(&(start, end), key.as_ref()))
    }

    /// Waits until the group is durable, or has failed.
    pub(super) async fn settled(&self) -> Result<(), StoreError> {
        let mut outcome = self.outcome.subscribe();
        let settled = outcome.wait_for(|outcome| !matches!(outcome, Outcome::Pending)).await;
        match settled.as_deref() {
            Ok(Outcome::Failed(cause)) => Err(StoreError::Failed(cause.clone())),
            Ok(_) => Ok(()),
            Err(_) => unreachable!("the sender is a field of self"),
        }
    }
}
