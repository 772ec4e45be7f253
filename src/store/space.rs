//! Typed reads go through a [`Reader`]: a workspace ([`Space`]), or a [`Decision`](super::Decision), which records what
//! was read.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use minicbor::Decode;

use super::{
    Direction, Key, KeyRange, Keyspace, StoreError, Stored, Value,
    keys::{Keys, WorkspaceId},
    records,
};

/// One workspace of a store.
#[derive(Clone, Copy)]
pub struct Space<'a> {
    store: &'a Arc<dyn Keyspace>,
    workspace: WorkspaceId,
}

impl<'a> Space<'a> {
    pub fn new(store: &'a Arc<dyn Keyspace>, workspace: WorkspaceId) -> Self {
        Self { store, workspace }
    }

    pub fn store(self) -> &'a Arc<dyn Keyspace> {
        self.store
    }

    pub fn workspace(self) -> WorkspaceId {
        self.workspace
    }
}

/// Gets values by their keys.
pub trait Reader: Send + Sync {
    /// The keys of this reader's workspace.
    fn keys(&self) -> Keys;

    /// As [`Keyspace::get`].
    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Option<Value>>, StoreError>>;
}

/// A reader that also scans ranges. A decision cannot, since no expectation covers keys that a scan did not find; see
/// [`Decision::guarded_by`](super::Decision::guarded_by).
pub trait Scanner: Reader {
    /// As [`Keyspace::scan_within`].
    fn scan_within(
        &self,
        range: KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(Key, Value)>, StoreError>>;

    /// As [`Keyspace::scan_keys`].
    fn scan_keys(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<Key>, StoreError>>;

    /// As [`Keyspace::scan`].
    fn scan(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(Key, Value)>, StoreError>> {
        self.scan_within(range, limit, usize::MAX, direction)
    }
}

impl Reader for Space<'_> {
    fn keys(&self) -> Keys {
        Keys::of(self.workspace)
    }

    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Option<Value>>, StoreError>> {
        self.store.get(keys)
    }
}

impl Scanner for Space<'_> {
    fn scan_within(
        &self,
        range: KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(Key, Value)>, StoreError>> {
        self.store.scan_within(range, limit, max_bytes, direction)
    }

    fn scan_keys(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        self.store.scan_keys(range, limit, direction)
    }
}

/// The value of one key, decoded.
pub async fn get_one<T: for<'a> Decode<'a, ()>>(
    reader: &dyn Reader,
    key: Key,
) -> Result<Option<T>, StoreError> {
    let raw = reader.get(vec![key.clone()]).await?.pop().flatten();
    raw.map(|raw| records::decode(&key, &raw)).transpose()
}

/// The decoded values of several keys, in the same order.
pub async fn get_many<T: for<'a> Decode<'a, ()>>(
    reader: &dyn Reader,
    keys: Vec<Key>,
) -> Result<Vec<Option<T>>, StoreError> {
    let values = get_stored(reader, keys).await?;
    Ok(values.into_iter().map(|stored| stored.map(|stored| stored.value)).collect())
}

/// Like [`get_many`], with the stored bytes.
pub async fn get_stored<T: for<'a> Decode<'a, ()>>(
    reader: &dyn Reader,
    keys: Vec<Key>,
) -> Result<Vec<Option<Stored<T>>>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let values = reader.get(keys.clone()).await?;
    keys.iter().zip(values).map(|(key, raw)| records::decode_stored(key, raw)).collect()
}
