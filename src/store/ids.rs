//! Numeric ids from leased blocks: one conditional commit per block, none per id.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Mutex;

use crate::domain::{FIRST_ID, LAST_ID};

use super::{Decision, Keyspace, Reader, Space, StoreError, WorkspaceId, get_one, keys, records::NextId};

/// How many ids a lease takes; what is left of it when the process ends is never given away.
const BLOCK: u64 = 1 << 16;

/// Gives away ids. Later ones are higher, within one process; between processes blocks never overlap.
pub struct Ids {
    store: Arc<dyn Keyspace>,
    /// Absent until something is asked for.
    leased: Mutex<Option<Range<u64>>>,
    open: Open,
    conversations: AtomicU64,
}

/// The numbers of conversations that are being stored.
type Open = Arc<std::sync::Mutex<BTreeSet<u64>>>;

/// A number that was taken for a conversation. As long as this lives it may still be stored.
pub struct Taken {
    pub number: u64,
    open: Open,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Ids {
    pub fn new(store: Arc<dyn Keyspace>) -> Self {
        Self { store, leased: Mutex::new(None), open: Open::default(), conversations: AtomicU64::new(0) }
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
        let first = self.take_of(&mut leased, count).await?;
        Ok((first, now()))
    }

    /// As [`Ids::take_at`], for a conversation that is to be stored under the first of them.
    pub async fn take_for_conversation<T>(
        &self,
        count: u64,
        now: impl FnOnce() -> T,
    ) -> Result<(Taken, T), StoreError> {
        let mut leased = self.leased.lock().await;
        let number = self.take_of(&mut leased, count).await?;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        self.conversations.fetch_add(1, Ordering::Relaxed);
        Ok((Taken { number, open: Arc::clone(&self.open) }, now()))
    }

    /// Below this number no conversation will be stored that is not stored now.
    ///
    /// In one process: what other processes may have leased is not asked.
    pub async fn decided_below(&self) -> Result<u64, StoreError> {
        let leased = self.leased.lock().await;
        let next = match &*leased {
            Some(leased) => leased.start,
            None => self.next_leased(&self.space()).await?,
        };
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(open.first().map_or(next, |lowest| next.min(*lowest)))
    }

    /// Whether a conversation is being stored.
    pub fn has_open(&self) -> bool {
        !self.open.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// For how many conversations numbers were taken.
    pub fn conversations(&self) -> u64 {
        self.conversations.load(Ordering::Relaxed)
    }

    async fn take_of(&self, leased: &mut Option<Range<u64>>, count: u64) -> Result<u64, StoreError> {
        let range = match leased.take().filter(|range| range.end - range.start >= count) {
            Some(range) => range,
            None => self.lease().await?,
        };
        *leased = Some(range.start + count..range.end);
        Ok(range.start)
    }

    /// Numbers belong to the store, whatever the workspace.
    fn space(&self) -> Space<'_> {
        Space::new(&self.store, WorkspaceId::FIRST)
    }

    async fn next_leased(&self, reader: &dyn Reader) -> Result<u64, StoreError> {
        let next = get_one::<NextId>(reader, keys::next_id()).await?;
        Ok(next.map_or(FIRST_ID, |next| next.id))
    }

    async fn lease(&self) -> Result<Range<u64>, StoreError> {
        loop {
            let mut decision = Decision::new(self.space());
            let first = self.next_leased(&decision).await?;
            let end = first.saturating_add(BLOCK);
            if end > LAST_ID {
                return Err(StoreError::Limit(format!("the numeric ids up to {LAST_ID} are used up")));
            }
            decision.replace(keys::next_id(), &NextId { id: end });
            if decision.commit().await? {
                return Ok(first..end);
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
