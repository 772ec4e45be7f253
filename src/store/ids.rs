//! Numeric ids from leased blocks: one conditional commit per block, none per id.

use std::{ops::Range, sync::Arc};

use tokio::sync::Mutex;

use crate::domain::{FIRST_ID, LAST_ID};

use super::{
    Batch, Keyspace, StoreError, expect_unchanged, get_one, keys,
    records::{self, NextId},
};

/// How many ids a lease takes; what is left of it when the process ends is never given away.
const BLOCK: u64 = 1 << 16;

/// Gives away ids. Later ones are higher, within one process; between processes blocks never overlap.
pub struct Ids {
    store: Arc<dyn Keyspace>,
    leased: Mutex<Range<u64>>,
}

impl Ids {
    pub fn new(store: Arc<dyn Keyspace>) -> Self {
        Self { store, leased: Mutex::new(0..0) }
    }

    /// `count` consecutive ids, at most 65,536; the first of them.
    pub async fn take(&self, count: u64) -> Result<u64, StoreError> {
        self.take_at(count, || ()).await.map(|(first, ())| first)
    }

    /// The same, with the moment at which they were taken: no later number has an earlier one, unless the clock was set back.
    pub async fn take_at<T>(&self, count: u64, now: impl FnOnce() -> T) -> Result<(u64, T), StoreError> {
        if count > BLOCK {
            return Err(StoreError::Limit(format!("at most {BLOCK} ids at once, {count} were asked for")));
        }
        let mut leased = self.leased.lock().await;
        if leased.end - leased.start < count {
            *leased = self.lease().await?;
        }
        let first = leased.start;
        leased.start += count;
        Ok((first, now()))
    }

    async fn lease(&self) -> Result<Range<u64>, StoreError> {
        loop {
            let read = get_one::<NextId>(&*self.store, keys::next_id()).await?;
            let (first, raw) = match read {
                Some(stored) => (stored.value.id, Some(stored.raw)),
                None => (FIRST_ID, None),
            };
            let end = first.saturating_add(BLOCK);
            if end > LAST_ID {
                return Err(StoreError::Limit(format!("the numeric ids up to {LAST_ID} are used up")));
            }
            let batch = Batch {
                expect: vec![(keys::next_id(), expect_unchanged(raw))],
                put: vec![(keys::next_id(), records::encode(&NextId { id: end }))],
                ..Batch::default()
            };
            match self.store.commit(batch).await {
                Ok(_) => return Ok(first..end),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use futures_util::future::join_all;

    use super::*;
    use crate::store::{SledOptions, SledStore};

    fn open(folder: &tempfile::TempDir) -> Arc<dyn Keyspace> {
        Arc::new(SledStore::open(&folder.path().join("data"), SledOptions::default()).unwrap())
    }

    #[tokio::test]
    async fn ids_of_several_processes_are_never_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let processes: Vec<_> = (0..8).map(|_| Ids::new(store.clone())).collect();
        // Each takes from four blocks, all at the same time.
        let taken = join_all((0..4 * processes.len()).map(|turn| {
            let ids = &processes[turn % processes.len()];
            async move { ids.take(BLOCK).await.unwrap() }
        }));
        let taken: HashSet<u64> = taken.await.into_iter().collect();
        assert_eq!(taken.len(), 4 * processes.len());
        assert!(taken.iter().all(|first| (first - FIRST_ID).is_multiple_of(BLOCK)));
    }

    #[tokio::test]
    async fn an_opening_gives_up_one_block_at_the_most() {
        let folder = tempfile::tempdir().unwrap();
        for opening in 0..4 {
            let store = open(&folder);
            let ids = Ids::new(store.clone());
            assert_eq!(ids.take(1).await.unwrap(), FIRST_ID + opening * BLOCK);
            assert_eq!(ids.take(2).await.unwrap(), FIRST_ID + opening * BLOCK + 1);
            store.close().await.unwrap();
        }
    }
}
