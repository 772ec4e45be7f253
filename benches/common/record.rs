//! The batches that calls produce, as built by the use cases behind the gRPC edge.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use plaudit::{
    background::{Background, SWEEP_EVERY},
    clock::SystemClock,
    domain::FIRST_ID,
    grpc,
    service::{Services, Settings},
    store::{
        Batch, Committed, Direction, Key, KeyRange, Keyspace, MemoryStore, Position, Readiness, Stats,
        StoreError, Value, keys,
        records::{self, NextId},
    },
};
use tokio::sync::watch;
use tonic::service::Routes;

use super::{
    Result,
    load::{Load, Names, Turns},
};

/// The number of conversations behind the recorded calls on existing ones: the same as in a small store of the benches.
pub const CONVERSATIONS: usize = 20_000;
/// Beyond the numbers that any server of a bench reaches, so that recorded keys do not collide with stored ones.
const FIRST_RECORDED: u64 = FIRST_ID + (1 << 40);

/// A worker that has written nothing for this long is done: it looks for work more often than that.
const REST: Duration = Duration::from_secs(1);

/// The number of keys per batch of the earlier state.
const STATE_KEYS: usize = 256;

/// What calls write: the state before them, ordered by key, and the batches they produce.
#[derive(Default)]
pub struct Recorded {
    pub before: Vec<Batch>,
    pub batches: Vec<Batch>,
}

/// What each operation writes.
pub struct Records {
    pub imports: Recorded,
    pub creations: Recorded,
    pub stores: Recorded,
    pub offers: Recorded,
    pub submits: Recorded,
}

impl Records {
    /// `count` imports and creations; as many stores into [`CONVERSATIONS`] scored and listed conversations, and one
    /// offer and one submission per conversation. They come in the order in which a server gets them, scattered over
    /// the keys.
    pub async fn make(count: usize) -> Result<Self> {
        let imports = Book::open().await?.write(&Load::Import, count).await?.0;
        let creations = Book::open().await?.write(&Load::Create, count).await?.0;
        let book = Book::open().await?;
        book.write(&Load::Import, CONVERSATIONS).await?;
        book.settle().await?;
        let names = scattered(&book.imported());
        let before = book.state().await?;
        let (batches, ratings) = book.write(&Load::Offer(Arc::clone(&names)), CONVERSATIONS).await?;
        let offers = Recorded { before, batches };
        let before = book.state().await?;
        let submits =
            Recorded { before, batches: book.write(&Load::Submit(ratings), CONVERSATIONS).await?.0 };
        let before = book.state().await?;
        let stores = Recorded { before, batches: book.write(&Load::Store(names), count).await?.0 };
        let [imports, creations] =
            [imports, creations].map(|batches| Recorded { before: Vec::new(), batches });
        Ok(Self { imports, creations, stores, offers, submits })
    }
}

/// The batches of `count` imports.
pub async fn imports(count: usize) -> Result<Recorded> {
    let batches = Book::open().await?.write(&Load::Import, count).await?.0;
    Ok(Recorded { before: Vec::new(), batches })
}

/// The same names in an order unrelated to that in which they were stored.
pub fn scattered(names: &Names) -> Names {
    /// A prime that is large compared with a page of sled and shares no factor with the counts in use.
    const STEP: usize = 7919;
    let count = names.len();
    (0..count).map(|place| names[place * STEP % count].clone()).collect()
}

/// A server without a network, over a store in memory, whose worker runs only when told to.
struct Book {
    recorder: Arc<Recorder>,
    services: Arc<Services>,
    routes: Routes,
}

impl Book {
    async fn open() -> Result<Self> {
        let recorder = Arc::new(Recorder { inner: MemoryStore::new(), batches: Mutex::default() });
        let next_id = records::encode(&NextId { id: FIRST_RECORDED });
        let batch = Batch { put: vec![(keys::next_id(), next_id)], ..Batch::default() };
        recorder.inner.commit(batch).await?;
        let services =
            Services::open(Arc::clone(&recorder) as _, Arc::new(SystemClock), Settings::default()).await?;
        let services = Arc::new(services);
        Ok(Self { recorder, routes: grpc::routes(Arc::clone(&services)), services })
    }

    /// Has everything scored and listed, as it is where a server is measured.
    async fn settle(&self) -> Result<()> {
        let background = Background::start(&self.services, SWEEP_EVERY);
        let mut written = 0;
        loop {
            tokio::time::sleep(REST).await;
            let now = self.recorder.lock().len();
            if std::mem::replace(&mut written, now) == now {
                break;
            }
        }
        background.stop().await;
        self.recorder.lock().clear();
        Ok(())
    }

    /// Everything stored.
    async fn state(&self) -> Result<Vec<Batch>> {
        let (mut state, mut range) = (Vec::new(), KeyRange::all());
        loop {
            let put = self.recorder.inner.scan(range.clone(), STATE_KEYS, Direction::Ascending).await?;
            let Some((last, _)) = put.last().filter(|_| put.len() == STATE_KEYS) else {
                state.push(Batch { put, ..Batch::default() });
                return Ok(state);
            };
            range = range.after(last.clone());
            state.push(Batch { put, ..Batch::default() });
        }
    }

    /// The batches of `count` calls, and the names of the ratings they created.
    async fn write(&self, load: &Load, count: usize) -> Result<(Vec<Batch>, Names)> {
        let turns = Turns::new();
        let mut names = Vec::new();
        for _ in 0..count {
            let request = load.request(turns.next()).ok_or("there is nothing more to call")?;
            names.extend(request.send(self.routes.clone(), load.path()).await?);
        }
        Ok((self.recorder.taken(), names.into()))
    }

    /// The names of all conversations.
    fn imported(&self) -> Names {
        // An import is one conversation with three messages, which take the numbers after its own.
        let first = |place: usize| FIRST_RECORDED + 4 * place as u64;
        (0..CONVERSATIONS).map(|place| format!("conversations/{}", first(place))).collect()
    }
}

/// Records every batch that passes through.
struct Recorder {
    inner: MemoryStore,
    batches: Mutex<Vec<Batch>>,
}

impl Recorder {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Batch>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self) -> Vec<Batch> {
        let mut batches = std::mem::take(&mut *self.lock());
        // Every call appends to the log; seeding and id leases do not.
        batches.retain(|batch| !batch.log.is_empty());
        batches
    }
}

impl Keyspace for Recorder {
    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, std::result::Result<Vec<Option<Value>>, StoreError>> {
        self.inner.get(keys)
    }
    fn scan_within(
        &self,
        range: KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
    ) -> BoxFuture<'_, std::result::Result<Vec<(Key, Value)>, StoreError>> {
        self.inner.scan_within(range, limit, max_bytes, direction)
    }

    fn scan_keys(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, std::result::Result<Vec<Key>, StoreError>> {
        self.inner.scan_keys(range, limit, direction)
    }

    fn is_exclusive(&self) -> bool {
        self.inner.is_exclusive()
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'_, std::result::Result<Committed, StoreError>> {
        self.lock().push(batch.clone());
        self.inner.commit(batch)
    }
    fn log(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, std::result::Result<Vec<(Position, Value)>, StoreError>> {
        self.inner.log(after, limit)
    }
    fn newest(&self) -> watch::Receiver<Position> {
        self.inner.newest()
    }
    fn trim_log(&self, up_to: Position) -> BoxFuture<'_, std::result::Result<usize, StoreError>> {
        self.inner.trim_log(up_to)
    }
    fn trimmed(&self) -> BoxFuture<'_, std::result::Result<Position, StoreError>> {
        self.inner.trimmed()
    }
    fn restore_log(
        &self,
        records: Vec<(Position, Value)>,
    ) -> BoxFuture<'_, std::result::Result<(), StoreError>> {
        self.inner.restore_log(records)
    }
    fn stats(&self) -> BoxFuture<'_, std::result::Result<Stats, StoreError>> {
        self.inner.stats()
    }
    fn readiness(&self) -> watch::Receiver<Readiness> {
        self.inner.readiness()
    }
    fn close(&self) -> BoxFuture<'_, std::result::Result<(), StoreError>> {
        self.inner.close()
    }
}
