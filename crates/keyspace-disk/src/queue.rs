//! The bounded queue of writes waiting for the committer.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use super::encode::Write;
use plaudit_keyspace::{Committed, StoreError};

/// Limits of a group. A larger batch goes alone.
pub struct GroupLimits {
    pub keys: usize,
    pub bytes: usize,
}

pub(crate) type Answer = oneshot::Sender<Result<Committed, StoreError>>;

/// Writes in order of arrival, bounded in number and in bytes.
pub(crate) struct Queue<B> {
    state: Mutex<State<B>>,
    ready: Condvar,
    max_batches: usize,
    max_bytes: usize,
    group: GroupLimits,
}

struct State<B> {
    waiting: VecDeque<(Write<B>, Answer)>,
    waiting_bytes: usize,
    closed: bool,
    committer_sleeps: bool,
}

/// Why the queue does not take a write.
pub(crate) enum Refused {
    Full,
    Closed,
}

/// What the committer does next.
pub(crate) enum Next<B> {
    Group(Vec<(Write<B>, Answer)>),
    TimedOut,
    /// Closed, and nothing is left.
    Closed,
}

impl<B> Queue<B> {
    pub(crate) fn new(max_batches: usize, max_bytes: usize, group: GroupLimits) -> Self {
        let state =
            State { waiting: VecDeque::new(), waiting_bytes: 0, closed: false, committer_sleeps: false };
        Self { state: Mutex::new(state), ready: Condvar::new(), max_batches, max_bytes, group }
    }

    /// Never waits: refuses if the queue is full. A batch larger than the byte limit is
    /// accepted only into an empty queue.
    pub(crate) fn push(&self, write: Write<B>, answer: Answer) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        let too_many = state.waiting.len() >= self.max_batches;
        let too_large = !state.waiting.is_empty() && state.waiting_bytes + write.size_bytes > self.max_bytes;
        if too_many || too_large {
            return Err(Refused::Full);
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
    pub(crate) fn next(&self, timeout: Option<Duration>) -> Next<B> {
        let mut state = self.lock();
        if state.waiting.is_empty() && !state.closed {
            state.committer_sleeps = true;
            let idle = |state: &mut State<B>| state.waiting.is_empty() && !state.closed;
            state = match timeout {
                None => self.ready.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
                Some(timeout) => {
                    let waited = self.ready.wait_timeout_while(state, timeout, idle);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.committer_sleeps = false;
        }
        let group = state.take_group(&self.group);
        match (group.is_empty(), state.closed) {
            (false, _) => Next::Group(group),
            (true, true) => Next::Closed,
            (true, false) => Next::TimedOut,
        }
    }

    /// Accepts no more writes; those waiting are still committed.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    /// Accepts no more writes and returns the waiting ones, for the caller to fail.
    pub(crate) fn abandon(&self) -> Vec<Answer> {
        let mut state = self.lock();
        state.closed = true;
        state.waiting_bytes = 0;
        state.waiting.drain(..).map(|(_, answer)| answer).collect()
    }

    pub(crate) fn depth(&self) -> usize {
        self.lock().waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, State<B>> {
        // No code holding this lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> State<B> {
    fn take_group(&mut self, limits: &GroupLimits) -> Vec<(Write<B>, Answer)> {
        let mut group = Vec::with_capacity(self.waiting.len().min(limits.keys));
        let (mut keys, mut bytes) = (0, 0);
        while let Some((next, _)) = self.waiting.front() {
            keys += next.key_count;
            bytes += next.size_bytes;
            if !group.is_empty() && (keys > limits.keys || bytes > limits.bytes) {
                break;
            }
            self.waiting_bytes -= next.size_bytes;
            group.extend(self.waiting.pop_front());
        }
        group
    }
}
