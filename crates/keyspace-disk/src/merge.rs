//! A group of batches, each checked against the writes of those before it, and merged into one.

use std::collections::HashSet;

use super::{
    chunks::{self, Encoded, Owner},
    encode::{Pairs, Write},
    engine::{View, Writes},
    layout::{LOG, PAIRS, TRIMMED_KEY, caller_key, log_key},
};
use plaudit_keyspace::{Committed, Expect, Position, StoreError, check_positions};

/// The accepted batches of a group as one set of writes.
pub(crate) struct Merge<'a, V: View> {
    view: V,
    /// Owners that may have chunks, on disk or in this group; only their old values must be read to find old chunks.
    chunk_owners: &'a mut HashSet<Owner>,
    pub writes: Writes<V::Bytes>,
    pub last_position: Position,
    pub accepted: u64,
}

impl<'a, V: View> Merge<'a, V> {
    /// `view` is the state after the last group, `key_count` the expected number of keys that this one writes.
    pub(crate) fn new(
        view: V,
        chunk_owners: &'a mut HashSet<Owner>,
        last_position: Position,
        key_count: usize,
    ) -> Self {
        Self { view, chunk_owners, writes: Writes::with_capacity(key_count), last_position, accepted: 0 }
    }

    /// Accepts a batch, making its writes visible to the next ones, or rejects it without any effect.
    pub(crate) fn add(&mut self, write: Write<V::Bytes>) -> Result<Committed, StoreError> {
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
            self.put(TRIMMED_KEY.to_vec().into(), chunks::in_place(&(first - 1).to_be_bytes()));
        }
        let mut first_position = None;
        for record in write.log {
            self.last_position = record.position.unwrap_or(self.last_position + 1);
            first_position.get_or_insert(self.last_position);
            self.put(log_key(self.last_position).to_vec().into(), record.value);
        }
        self.accepted += 1;
        Ok(Committed { first_position })
    }

    fn check(&self, key: &V::Bytes, expect: &Expect) -> Result<(), StoreError> {
        let found = self.current(key)?;
        let holds = match (expect, found) {
            (Expect::Absent, found) => found.is_none(),
            (Expect::Is(value), Some(stored)) => chunks::is(stored.as_ref(), value)?,
            (Expect::Is(_), None) => false,
        };
        if holds { Ok(()) } else { Err(StoreError::Conflict { key: caller_key(key.as_ref()) }) }
    }

    /// The value of a raw key, as the group's next batch sees it.
    fn current(&self, key: &V::Bytes) -> Result<Option<V::Bytes>, StoreError> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.view.get(key.as_ref()),
        }
    }

    fn old_chunks(&self, pairs: &Pairs<V::Bytes>) -> Result<Vec<V::Bytes>, StoreError> {
        let mut old = Vec::new();
        for (key, _) in pairs {
            if !self.chunk_owners.contains(&owner_of_pair(key.as_ref())) {
                continue;
            }
            if let Some(stored) = self.current(key)? {
                old.extend(chunks::chunk_keys::<V::Bytes>(stored.as_ref())?);
            }
        }
        Ok(old)
    }

    fn put(&mut self, key: V::Bytes, value: Encoded<V::Bytes>) {
        if key.as_ref().first() == Some(&PAIRS) && !value.chunks.is_empty() {
            self.chunk_owners.insert(owner_of_pair(key.as_ref()));
        }
        for (key, chunk) in value.chunks {
            self.writes.insert(key, Some(chunk));
        }
        self.writes.insert(key, Some(value.head));
    }
}

/// The owner of the chunks of a pair, from its raw key.
pub(crate) fn owner_of_pair(raw: &[u8]) -> Owner {
    [PAIRS, raw.get(1).copied().unwrap_or_default()]
}

/// The owner of the chunks of log records.
pub(crate) const LOG_OWNER: Owner = [LOG, 0];
