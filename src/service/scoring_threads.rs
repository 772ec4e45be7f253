//! The threads that compute scores, below the priority of everything that a caller waits for.
//!
//! They touch neither the store nor a lock that a call needs: what they are given is read, what they answer is committed by
//! others. So a full machine slows scoring down and nothing else.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

type Work = Box<dyn FnOnce() + Send>;

/// All that is said of a panic: its message may quote what was computed on. The log has its place in the code.
const PANICKED: &str = "the computation panicked";

/// A fixed number of threads that end when this is dropped.
pub struct ScoringThreads {
    work: mpsc::Sender<Work>,
    count: usize,
    room: Semaphore,
}

impl ScoringThreads {
    /// How much lower than usual they rank, in the steps of nice(1).
    const NICE: i32 = 19;

    pub fn start(count: usize) -> std::io::Result<Self> {
        let (work, queue) = mpsc::channel::<Work>();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..count.max(1) {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name(format!("scoring-{number}")).spawn(move || {
                // On Linux this is the thread's own; without it scoring works, but competes with callers.
                if let Err(cause) = rustix::process::setpriority_process(None, Self::NICE) {
                    tracing::warn!(%cause, "scoring threads keep the usual priority");
                }
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match next {
                        Ok(work) => work(),
                        Err(mpsc::RecvError) => return,
                    }
                }
            })?;
        }
        let count = count.max(1);
        // Twice as many as threads: while some compute, others read.
        Ok(Self { work, count, room: Semaphore::new(count * 2) })
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Held from reading a transcript until its scores are computed, so that few transcripts are in memory, however many
    /// scores wait for their commit.
    pub async fn room(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.room.acquire().await.ok()
    }

    /// Computes on one of the threads. A panic there is an error here and ends nothing.
    pub async fn run<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let (answer, answered) = oneshot::channel();
        let work = move || {
            let result = catch_unwind(AssertUnwindSafe(compute)).map_err(|_| PANICKED.to_owned());
            // Nobody waits any more when the caller's deadline has passed.
            let _ = answer.send(result);
        };
        self.work.send(Box::new(work)).map_err(|_| "the scoring threads have ended".to_owned())?;
        answered.await.unwrap_or_else(|_| Err("the scoring threads have ended".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_thread_goes_on() {
        let threads = ScoringThreads::start(1).unwrap();
        assert_eq!(threads.run(|| panic!("boom")).await, Err::<(), _>(PANICKED.to_owned()));
        assert_eq!(threads.run(|| 7).await, Ok(7));
    }
}
