//! A decision: what was read, and the writes based on it.
//!
//! Every key read through it is expected to be unchanged at commit, so no use case can forget an expectation.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use minicbor::Encode;
use tokio::sync::OwnedMutexGuard;

use crate::domain::ConversationId;

use super::{
    Batch, Expect, Key, Keyspace, Reader, Space, StoreError, Value,
    detached::Detached,
    ids::Taken,
    keys::{self, Keys},
    records,
};

/// One attempt at a change: collects reads and writes, and commits them as one conditional batch.
///
/// Reading a key again returns the remembered value, so an attempt sees only one value per key.
pub struct Decision<'a> {
    space: Space<'a>,
    attempt: usize,
    expected: Mutex<BTreeMap<Key, Option<Value>>>,
    /// A key with contradictory expectations: the commit cannot succeed.
    contradicted: Option<Key>,
    batch: Batch,
    /// The id of the conversation that this decision creates.
    taken: Option<Taken>,
    /// Released after the commit.
    turn: Option<OwnedMutexGuard<()>>,
}

impl<'a> Decision<'a> {
    pub fn new(space: Space<'a>) -> Self {
        Self::attempt(space, 0)
    }

    /// An attempt that follows `attempt` others, each of which failed with a conflict.
    pub fn attempt(space: Space<'a>, attempt: usize) -> Self {
        Self {
            space,
            attempt,
            expected: Mutex::default(),
            contradicted: None,
            batch: Batch::default(),
            taken: None,
            turn: None,
        }
    }

    /// Whether an earlier attempt failed with a conflict.
    pub fn is_retry(&self) -> bool {
        self.attempt > 0
    }

    /// Expects a key to hold `value`. An expectation that contradicts an earlier one is a conflict.
    pub fn expect(&mut self, key: Key, value: Option<Value>) {
        let expected = self.expected.get_mut().unwrap_or_else(PoisonError::into_inner);
        match expected.entry(key) {
            Entry::Occupied(known) if *known.get() != value => self.contradicted = Some(known.key().clone()),
            Entry::Occupied(_) => {}
            Entry::Vacant(new) => _ = new.insert(value),
        }
    }

    /// Expects a key to hold `record`.
    pub fn expect_record<T: Encode<()>>(&mut self, key: Key, record: &T) {
        self.expect(key, Some(records::encode(record)));
    }

    pub fn put<T: Encode<()>>(&mut self, key: Key, record: &T) {
        self.put_raw(key, records::encode(record));
    }

    pub fn put_raw(&mut self, key: Key, value: Value) {
        self.batch.put.push((key, value));
    }

    /// Puts a record that must not exist yet.
    pub fn put_new<T: Encode<()>>(&mut self, key: Key, record: &T) {
        self.expect(key.clone(), None);
        self.put(key, record);
    }

    /// Replaces what was read, be it a record or its absence.
    pub fn replace<T: Encode<()>>(&mut self, key: Key, record: &T) {
        self.replace_raw(key, records::encode(record));
    }

    /// The same with its bytes.
    pub fn replace_raw(&mut self, key: Key, value: Value) {
        debug_assert!(self.expected().contains_key(&key), "what is replaced is read before");
        self.put_raw(key, value);
    }

    /// Puts a record regardless of what the key holds, and drops any expectation on the key.
    pub fn overwrite<T: Encode<()>>(&mut self, key: Key, record: &T) {
        self.expected.get_mut().unwrap_or_else(PoisonError::into_inner).remove(&key);
        self.put(key, record);
    }

    pub fn delete(&mut self, key: Key) {
        self.batch.delete.push(key);
    }

    /// Appends a record to the log.
    pub fn log<T: Encode<()>>(&mut self, record: &T) {
        self.batch.log.push(records::encode(record));
    }

    /// Reads data that changes only together with `guard`, without expectations. `guard` must have been read before.
    pub fn guarded_by(&self, guard: &Key) -> Space<'a> {
        debug_assert!(self.expected().contains_key(guard), "what guards a read is read before");
        self.space
    }

    /// Reads data that does not affect the decision, without expectations.
    pub fn unguarded(&self) -> Space<'a> {
        self.space
    }

    /// Makes the commit finish even if the caller goes away, so that the id counts as open until the outcome is known.
    pub fn creates(&mut self, taken: Taken) {
        if let Some(fence) = taken.fence() {
            self.expect(fence.clone(), Some(Value::new()));
        }
        self.taken = Some(taken);
    }

    /// Holds a lock until after the commit.
    pub fn hold(&mut self, turn: OwnedMutexGuard<()>) {
        self.turn = Some(turn);
    }

    /// Merges another decision of the same workspace into this one.
    pub fn absorb(&mut self, other: Decision<'_>) {
        debug_assert!(self.space.workspace() == other.space.workspace(), "a batch stays in its workspace");
        for (key, value) in other.expected.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.expect(key, value);
        }
        self.contradicted = self.contradicted.take().or(other.contradicted);
        self.batch.put.extend(other.batch.put);
        self.batch.delete.extend(other.batch.delete);
        self.batch.log.extend(other.batch.log);
    }

    /// The conversation that this decision queues for scoring.
    pub fn queued(&self) -> Option<ConversationId> {
        self.batch.put.iter().find_map(|(key, _)| keys::conversation_of_job(key))
    }

    /// The number of keys written so far.
    pub fn writes(&self) -> usize {
        self.batch.put.len() + self.batch.delete.len()
    }

    /// Whether everything that was read is unchanged. A refusal is valid only then.
    pub async fn still_stands(&self) -> Result<bool, StoreError> {
        if self.contradicted.is_some() {
            return Ok(false);
        }
        let (keys, values): (Vec<Key>, Vec<Option<Value>>) = self.expected().clone().into_iter().unzip();
        if keys.is_empty() {
            return Ok(true);
        }
        Ok(self.space.get(keys).await? == values)
    }

    /// Commits the writes. Returns false on a conflict, that is, if something that was read has changed. Does nothing
    /// if there are no writes.
    pub async fn commit(self) -> Result<bool, StoreError> {
        if self.contradicted.is_some() {
            return Ok(false);
        }
        let Self { space, expected, mut batch, taken, turn: _turn, .. } = self;
        if batch.put.is_empty() && batch.delete.is_empty() && batch.log.is_empty() {
            return Ok(true);
        }
        let expected = expected.into_inner().unwrap_or_else(PoisonError::into_inner);
        batch
            .expect
            .extend(expected.into_iter().map(|(key, value)| (key, value.map_or(Expect::Absent, Expect::Is))));
        let mut touched = batch.expect.iter().map(|(key, _)| key).chain(&batch.delete);
        let mut put = batch.put.iter().map(|(key, _)| key);
        if touched.any(|key| space.keys().is_foreign(key)) || put.any(|key| space.keys().is_foreign(key)) {
            return Err(StoreError::Limit("a batch must stay in one workspace".to_owned()));
        }
        let committed = match taken {
            Some(taken) => {
                let store: Arc<dyn Keyspace> = Arc::clone(space.store());
                Detached::new(async move {
                    let committed = store.commit(batch).await;
                    if let Err(StoreError::Conflict { key }) = &committed {
                        taken.met_conflict(key);
                    }
                    drop(taken);
                    committed
                })
                .await
            }
            None => space.store().commit(batch).await,
        };
        match committed {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn expected(&self) -> MutexGuard<'_, BTreeMap<Key, Option<Value>>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader for Decision<'_> {
    fn keys(&self) -> Keys {
        self.space.keys()
    }

    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Option<Value>>, StoreError>> {
        async move {
            let (is_known, unread): (Vec<bool>, Vec<Key>) = {
                let expected = self.expected();
                let is_known: Vec<bool> = keys.iter().map(|key| expected.contains_key(key)).collect();
                let unread = keys.iter().zip(&is_known).filter(|(_, is_known)| !**is_known);
                let unread = unread.map(|(key, _)| key.clone()).collect();
                (is_known, unread)
            };
            let read = if unread.is_empty() { Vec::new() } else { self.space.get(unread).await? };
            let mut read = read.into_iter();
            let mut expected = self.expected();
            let values = keys.into_iter().zip(is_known).map(|(key, is_known)| {
                let value = if is_known { None } else { read.next().flatten() };
                // The value that was remembered first counts.
                expected.entry(key).or_insert(value).clone()
            });
            Ok(values.collect())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
