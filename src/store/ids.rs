//! Numeric ids from leased blocks: one conditional commit per block, none per id.
//!
//! Lists rely on knowing a number below which no more conversations will be stored. On a shared store, each process
//! therefore keeps a note of the lowest number it may still use, and a *fence* for each block: storing a conversation
//! expects the fence. The note of a dead process expires, and whoever finds it then removes it together with the
//! fences.

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

/// Ids per lease. Those left over when the process exits are never used.
const BLOCK: u64 = 1 << 16;

/// Allocates ids. Within a process, later ids are higher; blocks of different processes never overlap.
pub struct Ids {
    store: Arc<dyn Keyspace>,
    /// This process.
    holder: u64,
    /// `None` until the first id is needed.
    leased: Mutex<Option<Range<u64>>>,
    /// The block for conversations on a shared store; on an exclusive one they come from `leased`.
    fenced: Mutex<Option<Fenced>>,
    open: Open,
    conversations: AtomicU64,
}

/// The numbers of conversations that are being stored.
type Open = Arc<std::sync::Mutex<BTreeSet<u64>>>;

/// A block announced to other processes.
struct Fenced {
    left: Range<u64>,
    fence: Fence,
    /// Until when other processes consider this one alive.
    expire_time: UnixMillis,
}

/// A key that exists while conversations may be stored with numbers of a block.
#[derive(Clone)]
pub struct Fence {
    pub key: Key,
    /// Whether the key was found missing.
    is_gone: Arc<AtomicBool>,
}

/// A number taken for a conversation, which may still be stored until this is dropped.
pub struct Taken {
    pub number: u64,
    fence: Option<Fence>,
    open: Open,
}

impl Taken {
    /// The key that must exist, with an empty value, when the conversation is stored.
    pub fn fence(&self) -> Option<&Key> {
        self.fence.as_ref().map(|fence| &fence.key)
    }

    /// Records that a commit failed because of this key.
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

    /// Takes `count` consecutive ids, at most 65,536, and returns the first.
    pub async fn take(&self, count: u64) -> Result<u64, StoreError> {
        check_count(count)?;
        let mut leased = self.leased.lock().await;
        self.take_of(&mut leased, count).await
    }

    /// Like [`Ids::take`], for a conversation stored under the first id. Also returns when they were taken: a later
    /// number never has an earlier time, unless the clock was set back.
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

    /// The number below which no process will store another conversation.
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
        // Read before the other processes' notes: whatever they lease later is above it.
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
                // A note that is damaged and just changed says nothing yet, so it counts as 0.
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

    /// How many conversations numbers were taken for.
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

    /// Numbers belong to the store rather than to a workspace.
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

    /// The block, renewing its note once half the term has passed; `None` if another process considered this one dead.
    async fn renewed(&self, block: Fenced, now: UnixMillis) -> Result<Option<Fenced>, StoreError> {
        if block.expire_time.millis_since(now) > TERM_MILLIS / 2 {
            return Ok(Some(block));
        }
        let mut decision = Decision::new(self.space());
        let note = keys::open_numbers(self.holder);
        if get_one::<OpenNumbers>(&decision, note.clone()).await?.is_none() {
            return Ok(None);
        }
        let from = self.lowest_open().map_or(block.left.start, |lowest| lowest.min(block.left.start));
        let expire_time = now.plus_millis(TERM_MILLIS);
        decision.replace(note, &OpenNumbers { from, expire_time });
        Ok(decision.commit().await?.then_some(Fenced { expire_time, ..block }))
    }

    async fn lease_fenced(&self, now: UnixMillis) -> Result<Fenced, StoreError> {
        loop {
            let mut decision = Decision::new(self.space());
            let left = self.next_block(&mut decision).await?;
            let from = self.lowest_open().map_or(left.start, |lowest| lowest.min(left.start));
            let expire_time = now.plus_millis(TERM_MILLIS);
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

    /// Removes the note of a dead process and its fences; false if it is alive after all.
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
        // Each takes from four blocks, all concurrently.
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
