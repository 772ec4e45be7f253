//! The bounded queue of writes waiting for the committer.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::sled::IVec;
use tokio::sync::oneshot;

use super::chunks::Encoded;
use plaudit_keyspace::{Committed, Expect, Position, StoreError};

/// Limits of a group, which keep the time short for which sled's lock is held.
const GROUP_KEYS: usize = 256;
const GROUP_BYTES: usize = 1024 * 1024;

/// A batch ready to be merged, encoded by its caller to take work off the single committer.
pub(super) struct Write {
    /// Raw keys with what they must hold.
    pub expect: Vec<(IVec, Expect)>,
    /// Raw keys with their new values, `None` to delete.
    pub pairs: Vec<(IVec, Option<Encoded>)>,
    pub log: Vec<LogWrite>,
    /// Raw keys of removed log records and their chunks.
    pub removed: Vec<IVec>,
    pub key_count: usize,
    pub size_bytes: usize,
}

/// A log record to append; it has a position only when loading a dump.
pub(super) struct LogWrite {
    pub position: Option<Position>,
    pub value: Encoded,
}

pub(super) type Answer = oneshot::Sender<Result<Committed, StoreError>>;

/// Writes in order of arrival, bounded in number and in bytes.
pub(super) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    max_batches: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Write, Answer)>,
    waiting_bytes: usize,
    closed: bool,
    committer_sleeps: bool,
}

/// What the committer does next.
pub(super) enum Next {
    Group(Vec<(Write, Answer)>),
    TimedOut,
    /// Closed, and nothing is left.
    Closed,
}

impl Queue {
    pub(super) fn new(max_batches: usize, max_bytes: usize) -> Self {
        Self { state: Mutex::default(), ready: Condvar::new(), max_batches, max_bytes }
    }

    /// Never waits: fails with [`StoreError::Overloaded`] if the queue is full. A batch larger than the byte limit is
    /// accepted only into an empty queue.
    pub(super) fn push(&self, write: Write, answer: Answer) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.closed {
            return Err(StoreError::Failed("the store is closed".into()));
        }
        let too_many = state.waiting.len() >= self.max_batches;
        let too_large = !state.waiting.is_empty() && state.waiting_bytes + write.size_bytes > self.max_bytes;
        if too_many || too_large {
            return Err(StoreError::Overloaded);
        }
        state.waiting_bytes += write.size_bytes;
        state.waiting.push_back((write, answer));
        if state.committer_sleeps {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// All waiting writes, up to the limits of a group. Waits up to `timeout` for one, or indefinitely without a
    /// timeout.
    pub(super) fn next(&self, timeout: Option<Duration>) -> Next {
        let mut state = self.lock();
        if state.waiting.is_empty() && !state.closed {
            state.committer_sleeps = true;
            let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
            state = match timeout {
                None => self.ready.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
                Some(timeout) => {
                    let waited = self.ready.wait_timeout_while(state, timeout, idle);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.committer_sleeps = false;
        }
        let group = state.take_group();
        match (group.is_empty(), state.closed) {
            (false, _) => Next::Group(group),
            (true, true) => Next::Closed,
            (true, false) => Next::TimedOut,
        }
    }

    /// Accepts no more writes; those waiting are still committed.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    /// Accepts no more writes and returns the waiting ones, for the caller to fail.
    pub(super) fn abandon(&self) -> Vec<Answer> {
        let mut state = self.lock();
        state.closed = true;
        state.waiting_bytes = 0;
        state.waiting.drain(..).map(|(_, answer)| answer).collect()
    }

    pub(super) fn depth(&self) -> usize {
        self.lock().waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code holding this lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_group(&mut self) -> Vec<(Write, Answer)> {
        let mut group = Vec::with_capacity(self.waiting.len().min(GROUP_KEYS));
        let (mut keys, mut bytes) = (0, 0);
        while let Some((next, _)) = self.waiting.front() {
            keys += next.key_count;
            bytes += next.size_bytes;
            if !group.is_empty() && (keys > GROUP_KEYS || bytes > GROUP_BYTES) {
                break;
            }
            self.waiting_bytes -= next.size_bytes;
            group.extend(self.waiting.pop_front());
        }
        group
    }
}
