//! A decision: what was read, and what follows from it.
//!
//! Every key that is read through it is expected to hold the same when it is committed, so that no use case can forget one.

use std::{
    collections::BTreeMap,
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

/// One attempt to change something: it collects what it reads and what it writes, and commits both as one batch.
///
/// A value that was read once is read again from memory, so that the decision sees one state.
pub struct Decision<'a> {
    space: Space<'a>,
    attempt: usize,
    expected: Mutex<BTreeMap<Key, Option<Value>>>,
    /// A key that would have to hold two things at once: there is nothing to commit.
    contradicted: Option<Key>,
    batch: Batch,
    /// The number of the conversation that this makes.
    taken: Option<Taken>,
    /// Held until it is decided.
    turn: Option<OwnedMutexGuard<()>>,
}

impl<'a> Decision<'a> {
    pub fn new(space: Space<'a>) -> Self {
        Self::attempt(space, 0)
    }

    /// The attempt that follows `attempt` others, each of which met a conflict.
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

    /// Whether another write came before an earlier attempt.
    pub fn is_retry(&self) -> bool {
        self.attempt > 0
    }

    /// Expects that a key holds this. The first word stands: what contradicts it can never be committed.
    pub fn expect(&mut self, key: Key, value: Option<Value>) {
        let expected = self.expected.get_mut().unwrap_or_else(PoisonError::into_inner);
        match expected.get(&key) {
            Some(known) if *known != value => self.contradicted = Some(key),
            Some(_) => {}
            None => _ = expected.insert(key, value),
        }
    }

    /// Expects that a key holds this record.
    pub fn expect_record<T: Encode<()>>(&mut self, key: Key, record: &T) {
        self.expect(key, Some(records::encode(record)));
    }

    pub fn put<T: Encode<()>>(&mut self, key: Key, record: &T) {
        self.put_raw(key, records::encode(record));
    }

    pub fn put_raw(&mut self, key: Key, value: Value) {
        debug_assert!(!self.keys().is_foreign(&key), "a batch stays in its workspace");
        self.batch.put.push((key, value));
    }

    /// Puts what must not be there yet.
    pub fn put_new<T: Encode<()>>(&mut self, key: Key, record: &T) {
        self.expect(key.clone(), None);
        self.put(key, record);
    }

    /// Puts a record in place of one that was read.
    pub fn replace<T: Encode<()>>(&mut self, key: Key, record: &T) {
        debug_assert!(self.expected().contains_key(&key), "what is replaced is read before");
        self.put(key, record);
    }

    /// Puts a record in place of whatever is there by then, also where it was read before.
    pub fn overwrite<T: Encode<()>>(&mut self, key: Key, record: &T) {
        self.expected.get_mut().unwrap_or_else(PoisonError::into_inner).remove(&key);
        self.put(key, record);
    }

    pub fn delete(&mut self, key: Key) {
        debug_assert!(!self.keys().is_foreign(&key), "a batch stays in its workspace");
        self.batch.delete.push(key);
    }

    /// Appends a record to the log.
    pub fn log<T: Encode<()>>(&mut self, record: &T) {
        self.batch.log.push(records::encode(record));
    }

    /// Reads without expecting: for what changes only together with `guard`, which was read before.
    pub fn guarded_by(&self, guard: &Key) -> Space<'a> {
        debug_assert!(self.expected().contains_key(guard), "what guards a read is read before");
        self.space
    }

    /// Reads what may change without changing the decision.
    pub fn unguarded(&self) -> Space<'a> {
        self.space
    }

    /// From here on the commit is carried on when the caller goes away, so that the number counts as taken until it is
    /// decided.
    pub fn creates(&mut self, taken: Taken) {
        self.taken = Some(taken);
    }

    /// Keeps a turn until it is decided.
    pub fn hold(&mut self, turn: OwnedMutexGuard<()>) {
        self.turn = Some(turn);
    }

    /// Takes over everything of another decision in the same workspace.
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

    /// The conversation that it queues for scoring.
    pub fn queued(&self) -> Option<ConversationId> {
        self.batch.put.iter().find_map(|(key, _)| keys::conversation_of_job(key))
    }

    /// How many keys it writes so far.
    pub fn writes(&self) -> usize {
        self.batch.put.len() + self.batch.delete.len()
    }

    /// Whether everything that was read is still as it was. A refusal counts only then.
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

    /// Commits what was decided; false when another write came first, so that it has to be decided again. Where nothing is
    /// written there is nothing to commit.
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
        let committed = match taken {
            Some(taken) => {
                let store: Arc<dyn Keyspace> = Arc::clone(space.store());
                Detached::new(async move {
                    let committed = store.commit(batch).await;
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
            let unread: Vec<Key> = {
                let expected = self.expected();
                keys.iter().filter(|key| !expected.contains_key(*key)).cloned().collect()
            };
            if !unread.is_empty() {
                let values = self.space.get(unread.clone()).await?;
                let mut expected = self.expected();
                for (key, value) in unread.into_iter().zip(values) {
                    expected.entry(key).or_insert(value);
                }
            }
            let expected = self.expected();
            Ok(keys.iter().map(|key| expected.get(key).cloned().flatten()).collect())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
