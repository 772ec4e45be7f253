//! Reads, on dedicated threads: sled blocks every reader while a group is applied, and that must not happen to an async
//! thread.

use std::{
    collections::VecDeque,
    ops::Bound,
    sync::{Arc, Condvar, Mutex, PoisonError, RwLock},
    thread::JoinHandle,
};

use ::sled::{IVec, Tree};
use tokio::sync::oneshot;

use super::{
    chunks,
    failure::Failure,
    fault::PANICKED,
    group::InFlight,
    layout::{self, RawRange, TRIMMED_KEY},
    trim::{self, Part},
};
use plaudit_keyspace::{Direction, Key, KeyRange, MAX_PAGE, Position, StoreError, Value, panics::caught};

/// The group in flight. Readers hold the lock for a whole read, and the committer while it applies a group, so a read
/// sees each group entirely or not at all, and a large value with all its chunks.
pub(super) type Visible = RwLock<Option<Arc<InFlight>>>;

/// What was read, and the group that must be durable before it may be returned.
pub(super) struct Seen<T> {
    value: T,
    wait_for: Option<Arc<InFlight>>,
}

impl<T> Seen<T> {
    /// Returns the value once it is durable.
    pub(super) async fn durable(self) -> Result<T, StoreError> {
        if let Some(group) = self.wait_for {
            group.settled().await?;
        }
        Ok(self.value)
    }
}

/// Reads one tree.
pub(super) struct Reader {
    tree: Tree,
    visible: Arc<Visible>,
}

impl Reader {
    pub(super) fn new(tree: Tree, visible: Arc<Visible>) -> Self {
        Self { tree, visible }
    }

    pub(super) fn get(&self, keys: &[Key], mut room: usize) -> Result<Seen<Vec<Option<Value>>>, Unread> {
        let keys: Vec<IVec> = keys.iter().map(|key| layout::pair_key(key)).collect();
        let read = || keys.iter().map(|key| self.get_one(key, &mut room)).collect();
        self.read(read, |group, _| group.writes_any(&keys))
    }

    pub(super) fn scan(
        &self,
        range: &KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
        mut room: usize,
    ) -> Result<Seen<Vec<(Key, Value)>>, Unread> {
        let mut bytes = 0_usize;
        self.scan_each(range, limit, direction, |page_is_empty, stored| {
            bytes = bytes.saturating_add(chunks::length(stored)?);
            if bytes > max_bytes && !page_is_empty {
                return Ok(None);
            }
            take_room(&mut room, stored)?;
            Ok(Some(chunks::read(&self.tree, stored)?))
        })
    }

    pub(super) fn scan_keys(
        &self,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Seen<Vec<Key>>, Unread> {
        let seen = self.scan_each(range, limit, direction, |_, _| Ok(Some(())))?;
        Ok(Seen { value: seen.value.into_iter().map(|(key, ())| key).collect(), wait_for: seen.wait_for })
    }

    /// A page of stored entries converted by `take`, which is told whether an entry is the first; `None` ends the page
    /// before it.
    fn scan_each<T>(
        &self,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
        take: impl FnMut(bool, &IVec) -> Result<Option<T>, Unread>,
    ) -> Result<Seen<Vec<(Key, T)>>, Unread> {
        let limit = limit.min(MAX_PAGE);
        if range.is_empty() || limit == 0 {
            return Ok(Seen { value: Vec::new(), wait_for: None });
        }
        let (start, end) = layout::pair_range(range.clone());
        let seen = self.read(
            || self.scan_raw(&(start.clone(), end.clone()), limit, direction, take),
            |group, (pairs, is_cut)| {
                // A page that was cut short depends on nothing beyond its last key.
                let last = pairs.last().filter(|_| *is_cut);
                let last = last.map(|(key, _): &(IVec, T)| Bound::Included(key.as_ref()));
                let (start, end) = (borrowed(&start), borrowed(&end));
                match direction {
                    Direction::Ascending => group.writes_within(start, last.unwrap_or(end)),
                    Direction::Descending => group.writes_within(last.unwrap_or(start), end),
                }
            },
        )?;
        let pairs = seen.value.0.into_iter().map(|(key, value)| (layout::caller_key(&key), value));
        Ok(Seen { value: pairs.collect(), wait_for: seen.wait_for })
    }

    pub(super) fn log(
        &self,
        after: Position,
        limit: usize,
        mut room: usize,
    ) -> Result<Seen<Vec<(Position, Value)>>, Unread> {
        let limit = limit.min(MAX_PAGE);
        if limit == 0 {
            return Ok(Seen { value: Vec::new(), wait_for: None });
        }
        let range = layout::log_range(after);
        let take = |_, stored: &IVec| {
            take_room(&mut room, stored)?;
            Ok(Some(chunks::read(&self.tree, stored)?))
        };
        let seen = self.read(
            || self.scan_raw(&range, limit, Direction::Ascending, take),
            |group, _| group.writes_within(borrowed(&range.0), borrowed(&range.1)),
        )?;
        let records = seen.value.0.into_iter().map(|(key, value)| {
            let position = layout::position_of(&key);
            Ok((position.ok_or_else(|| chunks::corrupt("a log record has a malformed key"))?, value))
        });
        Ok(Seen { value: records.collect::<Result<_, StoreError>>()?, wait_for: seen.wait_for })
    }

    pub(super) fn trimmed(&self) -> Result<Seen<Position>, Unread> {
        self.read(|| Ok(trim::trimmed(&self.tree)?), |group, _| group.writes_any(&[TRIMMED_KEY.into()]))
    }

    /// The next records to remove. Does not wait for the group in flight: groups are synced in order, so it is durable
    /// before the removal is.
    pub(super) fn next_to_trim(&self, up_to: Position) -> Result<Seen<Option<Part>>, Unread> {
        self.read(|| Ok(trim::next_part(&self.tree, up_to)?), |_, _| false)
    }

    /// Reads, and determines which group must be durable first: the one in flight, if it `concerns` what was read.
    fn read<T>(
        &self,
        read: impl FnOnce() -> Result<T, Unread>,
        concerns: impl FnOnce(&InFlight, &T) -> bool,
    ) -> Result<Seen<T>, Unread> {
        let panicked = |_| StoreError::Failed("a write panicked".into());
        let visible = self.visible.read().map_err(panicked)?;
        let value = read()?;
        let wait_for =
            visible.as_ref().filter(|group| !group.is_synced() && concerns(group, &value)).cloned();
        Ok(Seen { value, wait_for })
    }

    fn get_one(&self, key: &IVec, room: &mut usize) -> Result<Option<Value>, Unread> {
        let Some(stored) = self.tree.get(key).map_err(chunks::damaged)? else { return Ok(None) };
        take_room(room, &stored)?;
        Ok(Some(chunks::read(&self.tree, &stored)?))
    }

    /// A page, and whether it may end before the range does.
    fn scan_raw<T>(
        &self,
        range: &RawRange,
        limit: usize,
        direction: Direction,
        mut take: impl FnMut(bool, &IVec) -> Result<Option<T>, Unread>,
    ) -> Result<(Vec<(IVec, T)>, bool), Unread> {
        let mut found = self.tree.range::<Vec<u8>, _>(range.clone());
        let mut pairs = Vec::new();
        while pairs.len() < limit {
            let next = match direction {
                Direction::Ascending => found.next(),
                Direction::Descending => found.next_back(),
            };
            let Some(next) = next else { return Ok((pairs, false)) };
            let (key, stored) = next.map_err(chunks::damaged)?;
            match take(pairs.is_empty(), &stored)? {
                Some(value) => pairs.push((key, value)),
                None => break,
            }
        }
        Ok((pairs, true))
    }
}

/// Why something was not read.
pub(super) enum Unread {
    /// Its large values exceeded the available room.
    NoRoom,
    Store(StoreError),
}

impl From<StoreError> for Unread {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Reserves room for a chunked value; inline values need none.
fn take_room(room: &mut usize, stored: &IVec) -> Result<(), Unread> {
    let length = chunks::length(stored)?;
    if length > chunks::INLINE_BYTES {
        *room = room.checked_sub(length).ok_or(Unread::NoRoom)?;
    }
    Ok(())
}

fn borrowed(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

type Job = Box<dyn FnOnce(&Reader) + Send>;

/// The reader threads and their queue, which holds at most one read per caller; abandoned ones are skipped.
#[derive(Default)]
pub(super) struct ReadPool {
    state: Mutex<Jobs>,
    ready: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    sleeping: usize,
    closed: bool,
}

impl ReadPool {
    /// Runs `read` on a thread of the pool. A panic there fails the engine.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        failure: &Failure,
        read: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.push(Box::new(move |reader| {
            if answer.is_closed() {
                return;
            }
            let result = caught(|| read(reader));
            // An error means that the caller has gone.
            let _ = answer.send(result.map_err(|panic| engine_panicked(&panic)));
        }))?;
        match answered.await {
            Ok(Ok(result)) => result,
            Ok(Err(panicked)) => {
                failure.set(panicked.clone());
                Err(StoreError::Failed(panicked))
            }
            Err(_) => Err(failure.or_closed()),
        }
    }

    /// Starts a thread, which ends once the pool is closed.
    pub(super) fn start(self: &Arc<Self>, number: usize, reader: Reader) -> std::io::Result<JoinHandle<()>> {
        let pool = self.clone();
        std::thread::Builder::new().name(format!("store-read-{number}")).spawn(move || {
            while let Some(job) = pool.next() {
                job(&reader);
            }
        })
    }

    /// Lets the threads end once no reads are waiting.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    fn push(&self, job: Job) -> Result<(), StoreError> {
        let mut jobs = self.lock();
        if jobs.closed {
            return Err(closed());
        }
        jobs.waiting.push_back(job);
        if jobs.sleeping > 0 {
            self.ready.notify_one();
        }
        Ok(())
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = self.lock();
        loop {
            if let Some(job) = jobs.waiting.pop_front() {
                return Some(job);
            }
            if jobs.closed {
                return None;
            }
            jobs.sleeping += 1;
            jobs = self.ready.wait(jobs).unwrap_or_else(PoisonError::into_inner);
            jobs.sleeping -= 1;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Jobs> {
        // No code holding this lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> StoreError {
    StoreError::Failed("the store is closed".into())
}

/// Why the engine has failed, by the text of a panic.
pub(super) fn engine_panicked(text: &str) -> Arc<str> {
    Arc::from(format!("{PANICKED}: {text}"))
}
