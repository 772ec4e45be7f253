use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use plaudit::store::{
    Batch, Committed, Direction, Key, KeyRange, Keyspace, Outcome, Position, Readiness, Stats, StoreError,
    Value,
};
use tokio::sync::{Semaphore, watch};

/// A keyspace that records what is committed to the one below, counts reads, and can hold commits.
pub struct Watched {
    below: Arc<dyn Keyspace>,
    committed: Mutex<Vec<Batch>>,
    gate: Mutex<Option<Arc<Gate>>>,
    read_gate: Mutex<Option<Arc<ReadGate>>>,
    reads: AtomicUsize,
    leases: AtomicUsize,
    /// The most bytes of values returned by a single read.
    largest_read: AtomicUsize,
    /// The log record that cannot be read; 0 for none.
    damaged_position: AtomicU64,
    readiness: watch::Sender<Readiness>,
    away: Mutex<Option<Outcome>>,
    forgets: AtomicBool,
}

/// After how long a store that is away asks to be tried again.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Holds commits just before they are made.
pub struct Gate {
    chosen: Box<dyn Fn(&Batch) -> bool + Send + Sync>,
    holds: Holds,
    taken: AtomicBool,
    arrived: Semaphore,
    released: Semaphore,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    First,
    EachUntilOpened,
}

type ChoosesKeys = dyn Fn(&[Key]) -> bool + Send + Sync;

/// Holds one get just before it is made.
pub struct ReadGate {
    chosen: Box<ChoosesKeys>,
    taken: AtomicBool,
    arrived: Semaphore,
    released: Semaphore,
}

impl ReadGate {
    /// Waits until the get has reached the gate.
    pub async fn arrived(&self) {
        super::soon("the get", self.arrived.acquire()).await.expect("it is never closed").forget();
    }

    pub fn open(&self) {
        self.released.add_permits(1);
    }
}

impl Gate {
    /// Waits until the commit has reached the gate.
    pub async fn arrived(&self) {
        super::soon("the commit", self.arrived.acquire()).await.expect("it is never closed").forget();
    }

    /// Opens the gate for good.
    pub fn open(&self) {
        self.released.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

impl Watched {
    pub fn new(below: Arc<dyn Keyspace>) -> Self {
        Self {
            below,
            committed: Mutex::default(),
            gate: Mutex::default(),
            read_gate: Mutex::default(),
            reads: AtomicUsize::new(0),
            leases: AtomicUsize::new(0),
            largest_read: AtomicUsize::new(0),
            damaged_position: AtomicU64::new(0),
            readiness: watch::Sender::new(Readiness::Ready),
            away: Mutex::default(),
            forgets: AtomicBool::new(false),
        }
    }

    /// The batches committed since the last call, except for leases of background tasks: see [`Watched::take_leases`].
    pub fn take_committed(&self) -> Vec<Batch> {
        let (leases, committed) = self.take_all();
        self.leases.fetch_add(leases.len(), Ordering::SeqCst);
        committed
    }

    /// How often a lease was taken or renewed since the last call.
    pub fn take_leases(&self) -> usize {
        let (leases, mut committed) = self.take_all();
        let mut later = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        committed.append(&mut later);
        *later = committed;
        leases.len() + self.leases.swap(0, Ordering::SeqCst)
    }

    fn take_all(&self) -> (Vec<Batch>, Vec<Batch>) {
        let all = std::mem::take(&mut *self.committed.lock().unwrap_or_else(PoisonError::into_inner));
        // The mark of the clock, 06, is stored by the same tasks and as rarely.
        let is_lease = |batch: &Batch| matches!(&batch.put[..], [(key, _)] if [0x03, 0x06].contains(&key[0]));
        all.into_iter().partition(is_lease)
    }

    /// How many values were read since the last call: one for each key of a get, found or not, for each pair of a scan,
    /// and for a scan that finds nothing.
    pub fn take_reads(&self) -> usize {
        self.reads.swap(0, Ordering::SeqCst)
    }

    /// The most bytes of values that one read returned since the last call.
    pub fn take_largest_read(&self) -> usize {
        self.largest_read.swap(0, Ordering::SeqCst)
    }

    /// As while a database fails over: nothing can be read, and of a commit the outcome is this one. One whose outcome is
    /// unknown is carried out.
    pub fn go_away(&self, outcome: Outcome) {
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.readiness.send_replace(Readiness::Unavailable { cause: "the secret host is away".into() });
    }

    pub fn come_back(&self) {
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.readiness.send_replace(Readiness::Ready);
    }

    fn is_there(&self) -> Result<(), StoreError> {
        match *self.away.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(_) => Err(away(Outcome::NothingWritten)),
            None => Ok(()),
        }
    }

    /// Makes a log record unreadable, as lost chunks do.
    pub fn damage_log_at(&self, position: Position) {
        self.damaged_position.store(position, Ordering::SeqCst);
    }

    /// From now on commits expect nothing, and come a little later than what they were decided by.
    pub fn forget_expectations(&self) {
        self.forgets.store(true, Ordering::SeqCst);
    }

    /// Holds the first commit that `chosen` accepts.
    pub fn hold(&self, chosen: impl Fn(&Batch) -> bool + Send + Sync + 'static) -> Arc<Gate> {
        self.gate(Holds::First, chosen)
    }

    /// Holds every commit that `chosen` accepts, for work that more than one task may do.
    pub fn hold_each(&self, chosen: impl Fn(&Batch) -> bool + Send + Sync + 'static) -> Arc<Gate> {
        self.gate(Holds::EachUntilOpened, chosen)
    }

    /// Holds the first get that `chosen` accepts.
    pub fn hold_get(&self, chosen: impl Fn(&[Key]) -> bool + Send + Sync + 'static) -> Arc<ReadGate> {
        let gate = Arc::new(ReadGate {
            chosen: Box::new(chosen),
            taken: AtomicBool::new(false),
            arrived: Semaphore::new(0),
            released: Semaphore::new(0),
        });
        *self.read_gate.lock().unwrap_or_else(PoisonError::into_inner) = Some(gate.clone());
        gate
    }

    async fn pass_read_gate(&self, keys: &[Key]) {
        let gate = self.read_gate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(gate) = gate.filter(|gate| (gate.chosen)(keys))
            && !gate.taken.swap(true, Ordering::SeqCst)
        {
            gate.arrived.add_permits(1);
            drop(gate.released.acquire().await.expect("it is never closed"));
        }
    }

    fn gate(&self, holds: Holds, chosen: impl Fn(&Batch) -> bool + Send + Sync + 'static) -> Arc<Gate> {
        let gate = Arc::new(Gate {
            chosen: Box::new(chosen),
            holds,
            taken: AtomicBool::new(false),
            arrived: Semaphore::new(0),
            released: Semaphore::new(0),
        });
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = Some(gate.clone());
        gate
    }

    /// Every pair, by key.
    pub async fn dump(&self) -> Vec<(Key, Value)> {
        self.scan(KeyRange::all(), usize::MAX, Direction::Ascending).await.expect("the store answers")
    }

    /// How many keys are in a range.
    pub async fn count(&self, range: KeyRange) -> usize {
        self.scan_keys(range, usize::MAX, Direction::Ascending).await.expect("the store answers").len()
    }

    fn note_bytes<'a>(&self, values: impl Iterator<Item = &'a Value>) {
        self.largest_read.fetch_max(values.map(Value::len).sum(), Ordering::SeqCst);
    }

    async fn pass_gate(&self, batch: &Batch) {
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(gate) = gate.filter(|gate| (gate.chosen)(batch))
            && (!gate.taken.swap(true, Ordering::SeqCst) || gate.holds == Holds::EachUntilOpened)
        {
            gate.arrived.add_permits(1);
            drop(gate.released.acquire().await.expect("it is never closed"));
        }
    }
}

fn away(outcome: Outcome) -> StoreError {
    let cause = "the secret host is away".into();
    StoreError::Unavailable { outcome, retry_after: RETRY_AFTER, cause }
}

impl Keyspace for Watched {
    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Option<Value>>, StoreError>> {
        async move {
            self.reads.fetch_add(keys.len(), Ordering::SeqCst);
            self.pass_read_gate(&keys).await;
            self.is_there()?;
            let values = self.below.get(keys).await?;
            self.note_bytes(values.iter().flatten());
            Ok(values)
        }
        .boxed()
    }

    fn scan_within(
        &self,
        range: KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(Key, Value)>, StoreError>> {
        async move {
            self.is_there()?;
            let pairs = self.below.scan_within(range, limit, max_bytes, direction).await?;
            self.reads.fetch_add(pairs.len().max(1), Ordering::SeqCst);
            self.note_bytes(pairs.iter().map(|(_, value)| value));
            Ok(pairs)
        }
        .boxed()
    }

    fn scan_keys(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        async move {
            self.is_there()?;
            let keys = self.below.scan_keys(range, limit, direction).await?;
            self.reads.fetch_add(keys.len().max(1), Ordering::SeqCst);
            Ok(keys)
        }
        .boxed()
    }

    fn is_exclusive(&self) -> bool {
        self.below.is_exclusive()
    }

    fn commit(&self, mut batch: Batch) -> BoxFuture<'_, Result<Committed, StoreError>> {
        async move {
            self.pass_gate(&batch).await;
            let away_with = *self.away.lock().unwrap_or_else(PoisonError::into_inner);
            if away_with == Some(Outcome::NothingWritten) {
                return Err(away(Outcome::NothingWritten));
            }
            if self.forgets.load(Ordering::SeqCst) {
                batch.expect.clear();
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            // Recorded in advance, since others may see the commit before it returns here; removed again if it is
            // refused.
            self.committed.lock().unwrap_or_else(PoisonError::into_inner).push(batch.clone());
            let outcome = self.below.commit(batch.clone()).await;
            if outcome.is_err() {
                let mut committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(place) = committed.iter().rposition(|noted| *noted == batch) {
                    committed.remove(place);
                }
            }
            if away_with.is_some() { Err(away(Outcome::Unknown)) } else { outcome }
        }
        .boxed()
    }

    fn log(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Position, Value)>, StoreError>> {
        async move {
            self.is_there()?;
            let page = self.below.log(after, limit).await?;
            let damaged = self.damaged_position.load(Ordering::SeqCst);
            match page.iter().any(|(position, _)| *position == damaged) {
                true => Err(StoreError::Corrupt("a chunk of a value is missing".into())),
                false => Ok(page),
            }
        }
        .boxed()
    }

    fn newest(&self) -> watch::Receiver<Position> {
        self.below.newest()
    }

    fn trim_log(&self, up_to: Position) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.below.trim_log(up_to)
    }

    fn trimmed(&self) -> BoxFuture<'_, Result<Position, StoreError>> {
        self.below.trimmed()
    }

    fn restore_log(&self, records: Vec<(Position, Value)>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.below.restore_log(records)
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        self.below.stats()
    }

    fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.below.close()
    }
}
