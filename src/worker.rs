//! The consumer of the durable queue: it scores what wants scoring, and sweeps what is no longer remembered.
//!
//! In one process it owns every shard of the queue. It keeps nothing: after a crash the queue is where it was.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, watch},
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use crate::{
    domain::{ConversationId, UnixMillis},
    error::Error,
    service::{
        Services,
        scoring::{give_up_damaged, record_failed_attempt, score_conversation},
    },
    store::{keys, queue, request},
};

/// How many jobs are read at once.
const PAGE: usize = 128;
/// The longest wait without looking at the queue again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The wait after the store would not answer.
const STORE_WAIT: Duration = Duration::from_millis(500);

/// How often request records are swept when nothing else is asked for.
pub const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// A running worker.
pub struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Worker {
    pub fn start(services: Arc<Services>, sweep_every: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(run(services, stopped, sweep_every));
        Self { stop, task }
    }

    /// Lets the jobs that are being scored finish and takes no more.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(cause) = self.task.await {
            tracing::error!(%cause, "the worker ended badly");
        }
    }
}

async fn run(services: Arc<Services>, mut stopped: watch::Receiver<bool>, sweep_every: Duration) {
    let mut next_sweep = Instant::now();
    while !*stopped.borrow() {
        if Instant::now() >= next_sweep {
            sweep(&services).await;
            next_sweep = Instant::now() + sweep_every;
        }
        let wait = match score_due(&services, &stopped).await {
            Ok(Pass { found_due: true, .. }) => continue,
            Ok(Pass { next_due_millis, .. }) => {
                next_due_millis.map_or(LONGEST_WAIT, Duration::from_millis).min(LONGEST_WAIT)
            }
            Err(error) => {
                tracing::warn!(%error, "the queue of scoring could not be read");
                STORE_WAIT
            }
        };
        let wait = wait.min(next_sweep.saturating_duration_since(Instant::now()));
        // Either ends the wait: a change of the queue, the stop, or the time.
        let _ = timeout(wait, async {
            tokio::select! {
                () = services.queue_changed.notified() => {}
                _ = stopped.changed() => {}
            }
        })
        .await;
    }
}

/// What one pass over the queue found.
struct Pass {
    found_due: bool,
    /// When the next job that waits is due, from now.
    next_due_millis: Option<u64>,
}

/// Scores every job that is due, oldest first within its shard.
async fn score_due(services: &Arc<Services>, stopped: &watch::Receiver<bool>) -> Result<Pass, Error> {
    // Twice as many as threads: while some compute, others read and commit.
    let slots = Arc::new(Semaphore::new(services.threads.count() * 2));
    let mut running = JoinSet::new();
    let mut pass = Pass { found_due: false, next_due_millis: None };
    let mut range = Some(keys::jobs());
    while let Some(rest) = range.take() {
        let (jobs, rest) = queue::page(&*services.store, rest, PAGE).await?;
        range = rest;
        for (conversation, job) in jobs {
            let job = match job {
                Ok(job) => job,
                Err(damaged) => {
                    give_up_damaged(services, conversation, damaged).await?;
                    continue;
                }
            };
            let now = services.clock.now();
            if job.not_before > now {
                let wait = millis_until(job.not_before, now);
                pass.next_due_millis = Some(pass.next_due_millis.map_or(wait, |known| known.min(wait)));
                continue;
            }
            if *stopped.borrow() {
                range = None;
                break;
            }
            pass.found_due = true;
            // The semaphore is never closed.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
            let services = Arc::clone(services);
            running.spawn(async move {
                score(&services, conversation).await;
                drop(slot);
            });
        }
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
    Ok(pass)
}

fn millis_until(moment: UnixMillis, now: UnixMillis) -> u64 {
    u64::try_from(moment.0.saturating_sub(now.0)).unwrap_or(0)
}

async fn score(services: &Services, conversation: ConversationId) {
    let outcome = score_conversation(services, conversation).await;
    let recorded = match outcome {
        Ok(_) => return,
        // A fault of the conversation or of ours: counted, so that it ends.
        Err(Error::Internal(cause)) => {
            tracing::error!(%conversation, %cause, "an attempt at scoring failed");
            record_failed_attempt(services, conversation).await
        }
        // A fault of the store: the job is as it was.
        Err(error) => Err(error),
    };
    if let Err(error) = recorded {
        tracing::warn!(%conversation, %error, "scoring waits for the store");
        tokio::time::sleep(STORE_WAIT).await;
    }
}

async fn sweep(services: &Services) {
    match request::sweep(&*services.store, services.clock.now()).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(swept, "forgot request ids older than 24 hours"),
        Err(error) => tracing::warn!(%error, "request ids could not be swept"),
    }
}
