//! The on-disk engine: sled 0.34.7, with a guard against each of its known faults.
//!
//! `docs/storage.md` lists the guards, why each is needed, and how each was shown to work. Only this folder knows sled;
//! it does not know what keys mean.

// What a server must not do; tests may.
#![cfg_attr(
    not(test),
    warn(
        clippy::exit,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::panic_in_result_fn,
        clippy::print_stderr,
        clippy::print_stdout,
        clippy::string_slice,
        clippy::unwrap_used
    )
)]

mod chunks;
mod committer;
mod conf;
mod disk;
mod failure;
mod fault;
mod group;
#[cfg(test)]
mod guards;
mod holder;
mod identity;
mod layout;
mod open;
mod queue;
mod readers;
mod sidecar;
mod trim;
mod vacancy;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ::sled::IVec;
use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::{oneshot, watch};

pub use identity::FORMAT;
pub use open::OpenError;
pub use vacancy::SETTINGS_FILE;

use self::{
    chunks::Encoded,
    committer::{Answerer, Committer},
    disk::{Disk, RealDisk},
    failure::Failure,
    group::{InFlight, LOG_OWNER, owner_of_pair},
    holder::Holder,
    queue::{LogWrite, Queue, Write},
    readers::{ReadPool, Reader, Seen, Unread, Visible, engine_panicked},
    sidecar::Sidecar,
    trim::Part,
};
use plaudit_keyspace::{
    Batch, Committed, Direction, Expect, Key, KeyRange, Keyspace, MAX_TRIM, Position, Stats, StoreError,
    Value, panics::caught, spend_budget,
};

/// How the engine uses the machine.
#[derive(Clone, Debug)]
pub struct SledOptions {
    /// The size of sled's cache.
    pub cache_bytes: u64,
    /// The most batches that may wait for the committer; beyond that, [`StoreError::Overloaded`].
    pub queue_batches: usize,
    /// The most bytes that may wait for the committer.
    pub queue_bytes: usize,
    /// Reader threads, at least one.
    pub read_threads: usize,
    /// How long to wait for the lock of a store that another process may be closing.
    pub lock_wait: Duration,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 16 * 1024 * 1024,
            queue_batches: 4096,
            queue_bytes: 128 * 1024 * 1024,
            read_threads: 2,
            lock_wait: Duration::from_secs(2),
        }
    }
}

/// A store in a directory. Dropping it closes it in the background; [`Keyspace::close`] waits until it is closed.
pub struct SledStore {
    shared: Arc<Shared>,
    dir: PathBuf,
}

/// State shared by callers, readers and the committer.
struct Shared {
    queue: Queue,
    reads: Arc<ReadPool>,
    /// Reads on the caller's thread; `None` once the store closes.
    reader: RwLock<Option<Reader>>,
    visible: Arc<Visible>,
    failure: Failure,
    /// The next free id of a chunked value.
    chunk_ids: AtomicU64,
    commits: AtomicU64,
    groups: AtomicU64,
    newest: watch::Sender<Position>,
    /// `None` once the store has closed.
    holder: Mutex<Option<Holder>>,
    /// Becomes true once nothing of the store is open.
    released: watch::Sender<bool>,
}

impl Shared {
    /// Whether a read would have to wait for the committer now. If a group starts right after this check, the read
    /// still waits, for about a millisecond.
    fn is_applying(&self) -> bool {
        self.visible.try_read().is_err()
    }

    /// Reads on this thread. A panic fails the engine.
    fn read_here<T>(&self, read: impl FnOnce(&Reader) -> Result<T, Unread>) -> Result<T, Unread> {
        let reader = self.reader.read().unwrap_or_else(PoisonError::into_inner);
        let reader = reader.as_ref().ok_or_else(|| self.failure.or_closed())?;
        caught(|| read(reader)).unwrap_or_else(|panic| {
            let panicked = engine_panicked(&panic);
            self.failure.set(panicked.clone());
            Err(StoreError::Failed(panicked).into())
        })
    }

    fn in_flight(&self) -> Option<Arc<InFlight>> {
        self.visible.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl SledStore {
    /// Whether a directory holds a store, complete or not. Opening a directory without one creates it.
    pub fn is_in(dir: &Path) -> bool {
        vacancy::holds_store(dir)
    }

    /// Opens the store in a directory, creating both if missing. Blocks, possibly for seconds if the store is large.
    pub fn open(dir: &Path, options: SledOptions) -> Result<Self, OpenError> {
        Self::open_with(dir, options, |sled_dir| Ok(Arc::new(RealDisk::open(sled_dir)?)))
    }

    /// Why the store in a directory cannot be used, although it was opened: it could not be read.
    pub fn refusal(dir: &Path, error: &StoreError) -> OpenError {
        fault::unreadable(dir, error)
    }

    fn open_with(
        dir: &Path,
        options: SledOptions,
        open_disk: impl FnOnce(&Path) -> io::Result<Arc<dyn Disk>>,
    ) -> Result<Self, OpenError> {
        let opened = open::open(dir, &options)?;
        let failed = |source| OpenError::Io { path: dir.to_owned(), source };
        let disk = open_disk(&dir.join(open::SLED_DIR)).map_err(failed)?;
        let synced = dir.join(open::SYNCED_FILE);
        let db = dir.join(open::SLED_DIR).join("db");
        let sidecar = Sidecar::open(&synced, db, opened.synced).map_err(failed)?;
        let visible = Arc::new(Visible::default());
        let shared = Arc::new(Shared {
            queue: Queue::new(options.queue_batches, options.queue_bytes),
            reads: Arc::new(ReadPool::default()),
            reader: RwLock::new(Some(Reader::new(opened.tree.clone(), visible.clone()))),
            visible,
            failure: Failure::none(),
            chunk_ids: AtomicU64::new(opened.next_chunk_id),
            commits: AtomicU64::new(0),
            groups: AtomicU64::new(0),
            newest: watch::Sender::new(opened.last_position),
            holder: Mutex::new(Some(opened.holder)),
            released: watch::Sender::new(false),
        });
        let readers = (0..options.read_threads.max(1))
            .map(|number| {
                let reader = Reader::new(opened.tree.clone(), shared.visible.clone());
                shared.reads.start(number, reader)
            })
            .collect::<io::Result<_>>()
            .map_err(failed)?;
        let committer = Committer {
            shared: shared.clone(),
            db: opened.db,
            tree: opened.tree,
            disk,
            sidecar,
            chunk_owners: opened.chunk_owners,
            last_position: opened.last_position,
            commit_number: opened.commit_number,
            readers,
            answerer: Answerer::of_current_runtime(),
        };
        let thread = std::thread::Builder::new().name("store-commit".into());
        thread.spawn(move || committer.run()).map_err(failed)?;
        Ok(Self { shared, dir: dir.to_owned() })
    }

    /// Writes the address this process serves into the lock file, for whoever finds the directory in use.
    pub fn announce_address(&self, address: &str) -> io::Result<()> {
        match self.shared.holder.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(holder) => holder.announce(Some(address)),
            None => Ok(()),
        }
    }

    /// Encodes a batch on the caller's thread, since the committer is the bottleneck; a large one on a reader thread,
    /// which may block.
    async fn encode(&self, batch: Batch) -> Result<Write, StoreError> {
        let size_bytes = batch.put.iter().map(|(_, value)| value.len()).sum::<usize>()
            + batch.log.iter().map(Value::len).sum::<usize>();
        if size_bytes <= ENCODED_BY_CALLER_BYTES {
            return Ok(encode(batch, &self.shared.chunk_ids));
        }
        let shared = self.shared.clone();
        let encode = move |_: &Reader| Ok(encode(batch, &shared.chunk_ids));
        self.shared.reads.run(&self.shared.failure, encode).await
    }

    async fn submit(&self, write: Write) -> Result<Committed, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.shared.failure.check()?;
        self.shared.queue.push(write, answer)?;
        answered.await.unwrap_or_else(|_| Err(self.shared.failure.or_closed()))
    }

    /// Reads on this thread if `items` are few, none is large, and no group is being applied: this takes microseconds,
    /// less than a handover to another thread. Otherwise reads on a reader thread, which may block.
    ///
    /// `read` gets the number of bytes of large values that it may load.
    async fn read<T: Send + 'static>(
        &self,
        items: usize,
        read: impl Fn(&Reader, usize) -> Result<Seen<T>, Unread> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.shared.failure.check()?;
        if items <= READ_BY_CALLER_ITEMS && !self.shared.is_applying() {
            spend_budget(items).await;
            match self.shared.read_here(|reader| read(reader, READ_BY_CALLER_BYTES)) {
                Ok(seen) => return seen.durable().await,
                Err(Unread::Store(error)) => return Err(error),
                Err(Unread::NoRoom) => {}
            }
        }
        let whole = move |reader: &Reader| match read(reader, usize::MAX) {
            Ok(seen) => Ok(seen),
            Err(Unread::Store(error)) => Err(error),
            Err(Unread::NoRoom) => Err(chunks::corrupt("a value is larger than memory")),
        };
        self.shared.reads.run(&self.shared.failure, whole).await?.durable().await
    }
}

/// The most items read on the caller's thread: well under a millisecond.
const READ_BY_CALLER_ITEMS: usize = 64;
/// The most bytes of chunked values read on the caller's thread.
const READ_BY_CALLER_BYTES: usize = 256 * 1024;
/// About a millisecond of work; more would block an async thread.
const ENCODED_BY_CALLER_BYTES: usize = 1024 * 1024;

fn encode(batch: Batch, chunk_ids: &AtomicU64) -> Write {
    let put = batch.put.into_iter().map(|(key, value)| {
        let key = layout::pair_key(&key);
        let value = chunks::encode(&value, owner_of_pair(&key), chunk_ids);
        (key, Some(value))
    });
    let delete = batch.delete.into_iter().map(|key| (layout::pair_key(&key), None));
    let log = batch.log.iter().map(|value| encode_record(None, value, chunk_ids));
    let expect = batch.expect.into_iter().map(|(key, expect)| (layout::pair_key(&key), expect));
    sized(expect.collect(), put.chain(delete).collect(), log.collect())
}

fn encode_record(position: Option<Position>, value: &Value, chunk_ids: &AtomicU64) -> LogWrite {
    LogWrite { position, value: chunks::encode(value, LOG_OWNER, chunk_ids) }
}

/// Computes the size of a write, for the limits of queue and group.
fn sized(expect: Vec<(IVec, Expect)>, pairs: Vec<(IVec, Option<Encoded>)>, log: Vec<LogWrite>) -> Write {
    let mut key_count = pairs.len() + log.len();
    let mut size_bytes = pairs.iter().map(|(key, _)| key.len()).sum::<usize>();
    let values = pairs.iter().filter_map(|(_, value)| value.as_ref());
    for value in values.chain(log.iter().map(|record| &record.value)) {
        key_count += value.chunks.len();
        size_bytes += value.size_bytes();
    }
    Write { expect, pairs, log, removed: Vec::new(), key_count, size_bytes }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

impl Keyspace for SledStore {
    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Option<Value>>, StoreError>> {
        self.read(keys.len(), move |reader, room| reader.get(&keys, room)).boxed()
    }

    fn scan_within(
        &self,
        range: KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(Key, Value)>, StoreError>> {
        self.read(limit, move |reader, room| reader.scan(&range, limit, max_bytes, direction, room)).boxed()
    }

    fn scan_keys(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        self.read(limit, move |reader, _| reader.scan_keys(&range, limit, direction)).boxed()
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Committed, StoreError>> {
        async move {
            batch.check()?;
            self.submit(self.encode(batch).await?).await
        }
        .boxed()
    }

    fn log(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Position, Value)>, StoreError>> {
        self.read(limit, move |reader, room| reader.log(after, limit, room)).boxed()
    }

    fn newest(&self) -> watch::Receiver<Position> {
        self.shared.newest.subscribe()
    }

    fn trim_log(&self, up_to: Position) -> BoxFuture<'_, Result<usize, StoreError>> {
        async move {
            loop {
                let next = self.read(MAX_TRIM, move |reader, _| reader.next_to_trim(up_to)).await?;
                let Some(Part { count, write }) = next else { return Ok(0) };
                match self.submit(write).await {
                    // Another call removed these records first.
                    Err(StoreError::Conflict { .. }) => {}
                    outcome => return outcome.map(|_| count),
                }
            }
        }
        .boxed()
    }

    fn trimmed(&self) -> BoxFuture<'_, Result<Position, StoreError>> {
        self.read(1, |reader, _| reader.trimmed()).boxed()
    }

    fn restore_log(&self, records: Vec<(Position, Value)>) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let ids = &self.shared.chunk_ids;
            let log = records.iter().map(|(at, value)| encode_record(Some(*at), value, ids)).collect();
            self.submit(sized(Vec::new(), Vec::new(), log)).await.map(drop)
        }
        .boxed()
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        async move {
            let dir = self.dir.join(open::SLED_DIR);
            self.shared.failure.check()?;
            let size_bytes = self
                .shared
                .reads
                .run(&self.shared.failure, move |_| {
                    size_of_dir(&dir).map_err(|error| StoreError::Unreadable(error.to_string().into()))
                })
                .await?;
            Ok(Stats {
                engine: "sled",
                size_bytes,
                last_position: *self.shared.newest.borrow(),
                commits: self.shared.commits.load(Ordering::Relaxed),
                groups: self.shared.groups.load(Ordering::Relaxed),
                queue_depth: self.shared.queue.depth(),
            })
        }
        .boxed()
    }

    fn failure(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.shared.failure.subscribe()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            self.shared.queue.close();
            let mut released = self.shared.released.subscribe();
            // The sender is a field of `shared`, so the wait ends only when the condition is true.
            let _ = released.wait_for(|released| *released).await;
            self.shared.failure.check()
        }
        .boxed()
    }
}

/// The total size of a directory's files. Files that vanish meanwhile do not count.
fn size_of_dir(dir: &Path) -> io::Result<u64> {
    let mut size_bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_bytes += size_of_dir(&entry.path())?,
            Ok(metadata) => size_bytes += metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(size_bytes)
}
