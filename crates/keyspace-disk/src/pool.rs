//! Threads that read, for what may block: a large read, or one that would wait while a group is applied. That must not happen to
//! an async thread.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use tokio::sync::oneshot;

use super::{failure::Failure, fault::engine_panicked};
use plaudit_keyspace::{StoreError, panics::caught};

type Job<R> = Box<dyn FnOnce(&R) + Send>;

/// The threads and their queue, which holds at most one read per caller; abandoned ones are skipped.
pub(crate) struct ReadPool<R> {
    state: Mutex<Jobs<R>>,
    ready: Condvar,
}

struct Jobs<R> {
    waiting: VecDeque<Job<R>>,
    sleeping: usize,
    closed: bool,
}

impl<R: Send + 'static> ReadPool<R> {
    pub(crate) fn new() -> Self {
        let jobs = Jobs { waiting: VecDeque::new(), sleeping: 0, closed: false };
        Self { state: Mutex::new(jobs), ready: Condvar::new() }
    }

    /// Runs `read` on a thread of the pool. A panic there fails the engine.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        failure: &Failure,
        read: impl FnOnce(&R) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |reader: &R| {
            if answer.is_closed() {
                return;
            }
            let result = caught(|| read(reader));
            // An error means that the caller has gone.
            let _ = answer.send(result.map_err(|panic| engine_panicked(&panic)));
        });
        if !self.push(job) {
            return Err(failure.or_closed());
        }
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
    pub(crate) fn start(self: &Arc<Self>, number: usize, reader: R) -> io::Result<JoinHandle<()>> {
        let pool = self.clone();
        std::thread::Builder::new().name(format!("store-read-{number}")).spawn(move || {
            while let Some(job) = pool.next() {
                job(&reader);
            }
        })
    }

    /// Lets the threads end once no reads are waiting.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    /// Whether the pool takes the job: it is not closed.
    fn push(&self, job: Job<R>) -> bool {
        let mut jobs = self.lock();
        if jobs.closed {
            return false;
        }
        jobs.waiting.push_back(job);
        if jobs.sleeping > 0 {
            self.ready.notify_one();
        }
        true
    }

    fn next(&self) -> Option<Job<R>> {
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

    fn lock(&self) -> MutexGuard<'_, Jobs<R>> {
        // No code holding this lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
