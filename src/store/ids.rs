//! Numeric ids from leased blocks: one conditional commit per block, none per id.
//!
//! Lists rely on it that below some number no conversation will be stored any more. On a store that several processes share, each
//! therefore notes from which number on it may still store one, and takes a *fence* for each block of such numbers: whoever
//! stores a conversation expects the fence. The note of a process that has gone expires, and whoever meets it then removes it
//! together with the fences.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::Mutex;

use crate::domain::{FIRST_ID, LAST_ID, UnixMillis};

use super::{
    Decision, Direction, Key, Keyspace, MAX_PAGE, Reader, Space, StoreError, Value, WorkspaceId, get_one,
    keys,
    lease::TERM_MILLIS,
    records::{self, NextId, OpenNumbers},
};

/// How many ids a lease takes; what is left of it when the process ends is never given away.
const BLOCK: u64 = 1 << 16;

/// Gives away ids. Later ones are higher, within one process; between processes blocks never overlap.
pub struct Ids {
    store: Arc<dyn Keyspace>,
    /// This process.
    holder: u64,
    /// Absent until something is asked for.
    leased: Mutex<Option<Range<u64>>>,
    /// The block for conversations on a store that is shared; elsewhere they are of `leased`.
    fenced: Mutex<Option<Fenced>>,
    open: Open,
    conversations: AtomicU64,
}

/// The numbers of conversations that are being stored.
type Open = Arc<std::sync::Mutex<BTreeSet<u64>>>;

/// A block whose numbers other processes know of.
struct Fenced {
    left: Range<u64>,
    fence: Fence,
    /// Until when others take this process for alive.
    expire_time: UnixMillis,
}

/// Stands in the store as long as conversations may be stored with numbers of a block.
#[derive(Clone)]
pub struct Fence {
    pub key: Key,
    /// Whether it was found to be gone.
    is_gone: Arc<AtomicBool>,
}

/// A number that was taken for a conversation. As long as this lives it may still be stored.
pub struct Taken {
    pub number: u64,
    fence: Option<Fence>,
    open: Open,
}

impl Taken {
    /// What must hold nothing but an empty value when the conversation is stored.
    pub fn fence(&self) -> Option<&Key> {
        self.fence.as_ref().map(|fence| &fence.key)
    }

    /// Notes that a commit failed because of this key.
    pub fn met_conflict(&self, key: &Key) {
        if let Some(fence) = self.fence.as_ref().filter(|fence| fence.key == *key) {
            fence.is_gone.store(true, Ordering::SeqCst);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Ids {
    pub fn new(store: Arc<dyn Keyspace>, holder: u64) -> Self {
        Self {
            store,
            holder,
            leased: Mutex::default(),
            fenced: Mutex::default(),
            open: Open::default(),
            conversations: AtomicU64::new(0),
        }
    }

    /// `count` consecutive ids, at most 65,536; the first of them.
    pub async fn take(&self, count: u64) -> Result<u64, StoreError> {
        check_count(count)?;
        let mut leased = self.leased.lock().await;
        self.take_of(&mut leased, count).await
    }

    /// As [`Ids::take`], for a conversation that is to be stored under the first of them, with the moment at which they were
    /// taken: no later number has an earlier one, unless the clock was set back.
    pub async fn take_for_conversation(
        &self,
        count: u64,
        now: impl FnOnce() -> UnixMillis,
    ) -> Result<(Taken, UnixMillis), StoreError> {
        check_count(count)?;
        if self.store.is_exclusive() {
            let mut leased = self.leased.lock().await;
            let number = self.take_of(&mut leased, count).await?;
            return Ok((self.taken(number, None), now()));
        }
        let mut fenced = self.fenced.lock().await;
        let now = now();
        let usable = fenced.take().filter(|block| {
            let is_gone = block.fence.is_gone.load(Ordering::SeqCst);
            !is_gone && block.expire_time > now && block.left.end - block.left.start >= count
        });
        let mut block = match usable {
            Some(block) => self.renewed(block, now).await?,
            None => None,
        };
        let mut block = match block.take() {
            Some(block) => block,
            None => self.lease_fenced(now).await?,
        };
        let number = block.left.start;
        block.left.start += count;
        let taken = self.taken(number, Some(block.fence.clone()));
        *fenced = Some(block);
        Ok((taken, now))
    }

    fn taken(&self, number: u64, fence: Option<Fence>) -> Taken {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        self.conversations.fetch_add(1, Ordering::Relaxed);
        Taken { number, fence, open: Arc::clone(&self.open) }
    }

    /// Below this number no conversation will be stored that is not stored now, by whichever process.
    pub async fn decided_below(&self, now: UnixMillis) -> Result<u64, StoreError> {
        if self.store.is_exclusive() {
            let leased = self.leased.lock().await;
            let next = match &*leased {
                Some(leased) => leased.start,
                None => self.next_leased(&self.space()).await?,
            };
            return Ok(self.lowest_open().map_or(next, |lowest| next.min(lowest)));
        }
        let fenced = self.fenced.lock().await;
        // Read before the notes of the others: what they lease later lies behind it.
        let mut below = self.next_leased(&self.space()).await?;
        if let Some(block) = &*fenced {
            below = below.min(block.left.start);
        }
        below = self.lowest_open().map_or(below, |lowest| below.min(lowest));
        let notes = self.store.scan(keys::all_open_numbers(), MAX_PAGE, Direction::Ascending).await?;
        for (key, raw) in notes {
            let Some(holder) = keys::holder_of_open_numbers(&key).filter(|holder| *holder != self.holder)
            else {
                continue;
            };
            let note = records::decode::<OpenNumbers>(&key, &raw).ok();
            let is_alive = note.is_some_and(|note| note.expire_time > now);
            if is_alive || !self.remove_note(holder, key, raw).await? {
                // Of one that cannot be read and just changed nothing is known until the next time.
                below = below.min(note.map_or(0, |note| note.from));
            }
        }
        Ok(below)
    }

    /// Whether a conversation is being stored.
    pub fn has_open(&self) -> bool {
        self.lowest_open().is_some()
    }

    fn lowest_open(&self) -> Option<u64> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).first().copied()
    }

    /// For how many conversations numbers were taken.
    pub fn conversations(&self) -> u64 {
        self.conversations.load(Ordering::Relaxed)
    }

    async fn take_of(&self, leased: &mut Option<Range<u64>>, count: u64) -> Result<u64, StoreError> {
        let range = match leased.take().filter(|range| range.end - range.start >= count) {
            Some(range) => range,
            None => loop {
                let mut decision = Decision::new(self.space());
                let range = self.next_block(&mut decision).await?;
                if decision.commit().await? {
                    break range;
                }
            },
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

    async fn next_block(&self, decision: &mut Decision<'_>) -> Result<Range<u64>, StoreError> {
        let first = self.next_leased(&*decision).await?;
        let end = first.saturating_add(BLOCK);
        if end > LAST_ID {
            return Err(StoreError::Limit(format!("the numeric ids up to {LAST_ID} are used up")));
        }
        decision.replace(keys::next_id(), &NextId { id: end });
        Ok(first..end)
    }

    /// The block, with a note that is good for another while where half of it is over; `None` when another process took this
    /// one for dead.
    async fn renewed(&self, block: Fenced, now: UnixMillis) -> Result<Option<Fenced>, StoreError> {
        if block.expire_time.0.saturating_sub(now.0) > TERM_MILLIS / 2 {
            return Ok(Some(block));
        }
        let mut decision = Decision::new(self.space());
        let note = keys::open_numbers(self.holder);
        if get_one::<OpenNumbers>(&decision, note.clone()).await?.is_none() {
            return Ok(None);
        }
        let from = self.lowest_open().map_or(block.left.start, |lowest| lowest.min(block.left.start));
        let expire_time = UnixMillis(now.0.saturating_add(TERM_MILLIS));
        decision.replace(note, &OpenNumbers { from, expire_time });
        Ok(decision.commit().await?.then_some(Fenced { expire_time, ..block }))
    }

    async fn lease_fenced(&self, now: UnixMillis) -> Result<Fenced, StoreError> {
        loop {
            let mut decision = Decision::new(self.space());
            let left = self.next_block(&mut decision).await?;
            let from = self.lowest_open().map_or(left.start, |lowest| lowest.min(left.start));
            let expire_time = UnixMillis(now.0.saturating_add(TERM_MILLIS));
            let note = keys::open_numbers(self.holder);
            decision.get(vec![note.clone()]).await?;
            decision.replace(note, &OpenNumbers { from, expire_time });
            let key = keys::number_fence(self.holder, left.start);
            decision.expect(key.clone(), None);
            decision.put_raw(key.clone(), Value::new());
            if decision.commit().await? {
                let fence = Fence { key, is_gone: Arc::default() };
                return Ok(Fenced { left, fence, expire_time });
            }
        }
    }

    /// Removes the note of a process that has gone, with its fences; false when it is not gone after all.
    async fn remove_note(&self, holder: u64, note: Key, raw: Value) -> Result<bool, StoreError> {
        let fences =
            self.store.scan_keys(keys::number_fences(holder), MAX_PAGE, Direction::Ascending).await?;
        let mut decision = Decision::new(self.space());
        decision.expect(note.clone(), Some(raw));
        for key in fences.into_iter().chain([note]) {
            decision.delete(key);
        }
        decision.commit().await
    }
}

fn check_count(count: u64) -> Result<(), StoreError> {
    if count > BLOCK {
        return Err(StoreError::Limit(format!("at most {BLOCK} ids at once, {count} were asked for")));
    }
    Ok(())
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
        let processes: Vec<_> = (0..8).map(|_| Ids::new(store.clone(), 1)).collect();
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
            let ids = Ids::new(store.clone(), 1);
            assert_eq!(ids.take(1).await.unwrap(), FIRST_ID + opening * BLOCK);
            assert_eq!(ids.take(2).await.unwrap(), FIRST_ID + opening * BLOCK + 1);
            store.close().await.unwrap();
        }
    }
}
