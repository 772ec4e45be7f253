//! The contract of the keyspace on top of an engine.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::{oneshot, watch};

use super::{
    awake::Awake,
    chunks,
    committer::{Answerer, Committer},
    encode::{self, Write},
    engine::{BytesOf, Engine, Seen, Unread},
    failure::Failure,
    fault::{self, engine_panicked},
    holder::Holder,
    open::{self, OpenError, Opened},
    pool::ReadPool,
    queue::{Queue, Refused},
    reader::Reader,
    sidecar::Sidecar,
    trim::Part,
};
use plaudit_keyspace::{
    Batch, Committed, Direction, Key, KeyRange, Keyspace, MAX_TRIM, Position, Readiness, Stats, StoreError,
    Value, panics::caught, spend_budget,
};

/// How an engine uses the machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// The size of the engine's cache.
    pub cache_bytes: u64,
    /// The most batches that may wait for the committer; beyond that, [`StoreError::Overloaded`].
    pub queue_batches: usize,
    /// The most bytes that may wait for the committer.
    pub queue_bytes: usize,
    /// Reader threads, at least one.
    pub read_threads: usize,
    /// How long to wait for the lock of a store that another process may be closing.
    pub lock_wait: Duration,
    /// Opens also what is damaged, as far as it can be read, and for reading only: every write is refused. What the store would
    /// have been refused for is in [`OnDisk::faults`].
    pub past_damage: bool,
    /// Opens also what was not loaded to its end, to go on with it.
    pub half_loaded: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 16 * 1024 * 1024,
            queue_batches: 4096,
            queue_bytes: 128 * 1024 * 1024,
            read_threads: 2,
            lock_wait: Duration::from_secs(2),
            past_damage: false,
            half_loaded: false,
        }
    }
}

/// A keyspace in a directory, whatever its engine is.
pub trait OnDisk: Keyspace {
    /// Writes the address this process serves into the lock file, for whoever finds the directory in use.
    fn announce_address(&self, address: &str) -> io::Result<()>;

    /// Why the store cannot be used, although it was opened: it could not be read.
    fn refusal(&self, error: &StoreError) -> OpenError;

    /// What is damaged so that the store would not have been opened but for [`Options::past_damage`].
    fn faults(&self) -> &[String];
}

/// A store in a directory. Dropping it closes it in the background; [`Keyspace::close`] waits until it is closed.
pub struct DiskStore<E: Engine> {
    shared: Arc<Shared<E>>,
    dir: PathBuf,
    faults: Vec<String>,
}

/// State shared by callers, readers and the committer.
pub(crate) struct Shared<E: Engine> {
    pub queue: Queue<BytesOf<E>>,
    pub reads: Arc<ReadPool<Reader<E::Source>>>,
    /// Reads on the caller's thread; `None` once the store closes.
    pub reader: RwLock<Option<Reader<E::Source>>>,
    pub failure: Failure,
    /// As in [`Options::past_damage`].
    past_damage: bool,
    /// The next free id of a chunked value.
    chunk_ids: AtomicU64,
    pub commits: AtomicU64,
    pub groups: AtomicU64,
    pub newest: watch::Sender<Position>,
    /// `None` once the store has closed.
    pub holder: Mutex<Option<Holder>>,
    /// Becomes true once nothing of the store is open.
    pub released: watch::Sender<bool>,
}

impl<E: Engine> Shared<E> {
    /// Reads on this thread, unless it would have to wait for the committer now: `None`. If a group starts right after this
    /// check, the read still waits, for about a millisecond. A panic fails the engine.
    fn read_here<T>(
        &self,
        read: impl FnOnce(&Reader<E::Source>) -> Result<T, Unread>,
    ) -> Option<Result<T, Unread>> {
        let reader = self.reader.read().unwrap_or_else(PoisonError::into_inner);
        let Some(reader) = reader.as_ref() else { return Some(Err(self.failure.or_closed().into())) };
        if reader.is_applying() {
            return None;
        }
        Some(caught(|| read(reader)).unwrap_or_else(|panic| {
            if self.past_damage {
                return Err(fault::unread::<E>(&panic).into());
            }
            let panicked = engine_panicked(&panic);
            self.failure.set(panicked.clone());
            Err(StoreError::Failed(panicked).into())
        }))
    }
}

impl<E: Engine> DiskStore<E> {
    /// Opens the store in a directory, creating both if missing. Blocks, possibly for seconds if the store is large.
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        Self::start(dir, open::open(dir, &options)?, options)
    }

    /// Serves a store that was opened.
    pub fn start(dir: &Path, opened: Opened<E>, options: Options) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { path: dir.to_owned(), source };
        let sidecar = Sidecar::open(&dir.join(open::SYNCED_FILE), opened.synced).map_err(failed)?;
        let source = opened.engine.source();
        let shared = Arc::new(Shared {
            queue: Queue::new(options.queue_batches, options.queue_bytes, E::GROUP),
            reads: Arc::new(ReadPool::new()),
            reader: RwLock::new(Some(Reader::new(source.clone()))),
            failure: Failure::none(),
            past_damage: options.past_damage,
            chunk_ids: AtomicU64::new(opened.next_chunk_id),
            commits: AtomicU64::new(0),
            groups: AtomicU64::new(0),
            newest: watch::Sender::new(opened.last_position),
            holder: Mutex::new(Some(opened.holder)),
            released: watch::Sender::new(false),
        });
        let readers = (0..options.read_threads.max(1))
            .map(|number| shared.reads.start(number, Reader::new(source.clone())))
            .collect::<io::Result<_>>()
            .map_err(failed)?;
        let committer = Committer {
            shared: shared.clone(),
            dir: dir.to_owned(),
            engine: opened.engine,
            source,
            sidecar,
            chunk_owners: opened.chunk_owners,
            last_position: opened.last_position,
            commit_number: opened.commit_number,
            readers,
            answerer: Answerer::of_current_runtime(),
            awake: Awake::new(),
        };
        let thread = std::thread::Builder::new().name("store-commit".into());
        thread.spawn(move || committer.run()).map_err(failed)?;
        Ok(Self { shared, dir: dir.to_owned(), faults: opened.faults })
    }

    /// How many batches wait for the committer.
    pub fn waiting(&self) -> usize {
        self.shared.queue.depth()
    }

    /// Encodes a batch on the caller's thread, since the committer is the bottleneck; a large one on a reader thread,
    /// which may block.
    async fn encode(&self, batch: Batch) -> Result<Write<BytesOf<E>>, StoreError> {
        let size_bytes = batch.put.iter().map(|(_, value)| value.len()).sum::<usize>()
            + batch.log.iter().map(Value::len).sum::<usize>();
        if size_bytes <= ENCODED_BY_CALLER_BYTES {
            return Ok(encode::batch(batch, &self.shared.chunk_ids));
        }
        let shared = self.shared.clone();
        let encode = move |_: &Reader<E::Source>| Ok(encode::batch(batch, &shared.chunk_ids));
        self.shared.reads.run(&self.shared.failure, encode).await
    }

    async fn submit(&self, write: Write<BytesOf<E>>) -> Result<Committed, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.shared.failure.check()?;
        if self.shared.past_damage {
            return Err(StoreError::Failed("the store was opened past its damage, for reading only".into()));
        }
        self.shared.queue.push(write, answer).map_err(|refused| match refused {
            Refused::Full => StoreError::Overloaded,
            Refused::Closed => self.shared.failure.or_closed(),
        })?;
        answered.await.unwrap_or_else(|_| Err(self.shared.failure.or_closed()))
    }

    /// Reads on this thread if `items` are few, none is large, and no group is being applied: this takes microseconds,
    /// less than a handover to another thread. Otherwise reads on a reader thread, which may block.
    ///
    /// `read` gets the number of bytes of large values that it may load.
    pub async fn read<T: Send + 'static>(
        &self,
        items: usize,
        read: impl Fn(&Reader<E::Source>, usize) -> Result<Seen<T>, Unread> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.shared.failure.check()?;
        if items <= READ_BY_CALLER_ITEMS {
            spend_budget(items).await;
            match self.shared.read_here(|reader| read(reader, READ_BY_CALLER_BYTES)) {
                Some(Ok(seen)) => return seen.durable().await,
                Some(Err(Unread::Store(error))) => return Err(error),
                Some(Err(Unread::NoRoom)) | None => {}
            }
        }
        let past_damage = self.shared.past_damage;
        let whole = move |reader: &Reader<E::Source>| {
            let found = if past_damage {
                caught(|| read(reader, usize::MAX))
                    .unwrap_or_else(|panic| Err(fault::unread::<E>(&panic).into()))
            } else {
                read(reader, usize::MAX)
            };
            match found {
                Ok(seen) => Ok(seen),
                Err(Unread::Store(error)) => Err(error),
                Err(Unread::NoRoom) => Err(chunks::corrupt("a value is larger than memory")),
            }
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

impl<E: Engine> Drop for DiskStore<E> {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

impl<E: Engine> OnDisk for DiskStore<E> {
    fn announce_address(&self, address: &str) -> io::Result<()> {
        match self.shared.holder.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(holder) => holder.announce(Some(address)),
            None => Ok(()),
        }
    }

    fn refusal(&self, error: &StoreError) -> OpenError {
        fault::refusal::<E>(&self.dir, error)
    }

    fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl<E: Engine> Keyspace for DiskStore<E> {
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
        async move { self.submit(encode::restored(&records, &self.shared.chunk_ids)).await.map(drop) }.boxed()
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        async move {
            let dir = self.dir.join(E::NAME);
            self.shared.failure.check()?;
            let size_bytes = self
                .shared
                .reads
                .run(&self.shared.failure, move |_| {
                    size_of_dir(&dir).map_err(|error| StoreError::Unreadable(error.to_string().into()))
                })
                .await?;
            Ok(Stats {
                engine: E::NAME,
                size_bytes,
                last_position: *self.shared.newest.borrow(),
                commits: self.shared.commits.load(Ordering::Relaxed),
                groups: self.shared.groups.load(Ordering::Relaxed),
                queue_depth: self.waiting(),
            })
        }
        .boxed()
    }

    fn readiness(&self) -> watch::Receiver<Readiness> {
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
            Ok(metadata) => size_bytes += allocated_bytes(&metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(size_bytes)
}

/// What a file takes on disk: a journal may be longer than what was written of it.
#[cfg(unix)]
fn allocated_bytes(metadata: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    metadata.len().min(metadata.blocks() * 512)
}

#[cfg(not(unix))]
fn allocated_bytes(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}
