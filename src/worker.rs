//! The consumer of the durable queue: it scores what wants scoring, enters people into the directory, sweeps what is no longer
//! remembered, purges what was deleted, and trims the log of events.
//!
//! In one process it owns every shard of the queue. It keeps nothing: after a crash the queue is where it was.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, watch},
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use crate::{
    domain::{ConversationId, UnixMillis},
    error::Error,
    service::{
        Services,
        directory::{meet_announced, wait_for_announced},
        posting::post_next,
        purge::purge_deleted,
        scoring::{give_up_damaged, record_failed_attempt, score_conversation},
        trim::trim_events,
    },
    store::{keys, queue, request},
};

/// How many jobs are read at once.
const PAGE: usize = 128;
/// The longest wait without looking at the queue again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The wait after the store would not answer.
const STORE_WAIT: Duration = Duration::from_millis(500);
/// How often it is looked whether there are conversations to take into the lists.
const POST_EVERY: Duration = Duration::from_millis(250);
/// While conversations arrive, taking them in rests so many times as long as it works.
const POST_REST: u32 = 10;
/// How often the log tells how long the queue is, while there is one.
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// The report counts so many jobs; beyond it says that there are more.
const MOST_COUNTED: usize = 10_000;

/// How often request records are swept, deleted conversations purged, and old events removed, when nothing else is asked for. A
/// record that is expired does not count before either.
pub const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// A running worker.
pub struct Worker {
    stop: watch::Sender<bool>,
    scoring: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    people: JoinHandle<()>,
    posting: JoinHandle<()>,
}

impl Worker {
    pub fn start(services: Arc<Services>, sweep_every: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let scoring = tokio::spawn(score_all(Arc::clone(&services), stopped.clone()));
        let upkeep = tokio::spawn(keep_up(Arc::clone(&services), stopped.clone(), sweep_every));
        let people = tokio::spawn(enter_people(Arc::clone(&services), stopped.clone()));
        let posting = tokio::spawn(post_all(services, stopped));
        Self { stop, scoring, upkeep, people, posting }
    }

    /// Lets the jobs that are being scored finish and takes no more. Giving up on it half way harms nothing: what is not
    /// scored by then waits in the queue.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in [self.scoring, self.upkeep, self.people, self.posting] {
            if let Err(cause) = task.await {
                tracing::error!(%cause, "the worker ended badly");
            }
        }
    }
}

/// Scores whatever is due until it is stopped.
async fn score_all(services: Arc<Services>, mut stopped: watch::Receiver<bool>) {
    // Twice as many as threads: while some compute, others read and commit.
    let slots = Arc::new(Semaphore::new(services.threads.count() * 2));
    let mut running = Running { slots, jobs: JoinSet::new(), conversations: HashSet::new() };
    while !*stopped.borrow() {
        let wait = match running.start_due(&services, &stopped).await {
            Ok(next_due) => next_due.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT),
            Err(error) => {
                tracing::warn!(%error, "the queue of scoring could not be read");
                STORE_WAIT
            }
        };
        tokio::select! {
            () = services.queue_changed.notified() => {}
            () = running.one_ended() => {}
            _ = stopped.changed() => {}
            () = sleep(wait) => {}
        }
    }
    while !running.jobs.is_empty() {
        running.one_ended().await;
    }
}

/// The jobs that are being scored.
struct Running {
    slots: Arc<Semaphore>,
    jobs: JoinSet<ConversationId>,
    /// Those of `jobs`: a conversation is scored by one job at a time.
    conversations: HashSet<ConversationId>,
}

impl Running {
    /// Waits until a job ends; for ever while there is none.
    async fn one_ended(&mut self) {
        match self.jobs.join_next().await {
            Some(ended) => self.forget(ended),
            None => std::future::pending().await,
        }
    }

    fn forget(&mut self, ended: Result<ConversationId, tokio::task::JoinError>) {
        match ended {
            Ok(conversation) => _ = self.conversations.remove(&conversation),
            // Nobody knows whose it was; each of them may be tried again, which harms nothing.
            Err(_panicked) => self.conversations.clear(),
        }
    }

    /// Starts every job that is due, oldest first within its shard, as slots become free. Answers when the next one is due.
    async fn start_due(
        &mut self,
        services: &Arc<Services>,
        stopped: &watch::Receiver<bool>,
    ) -> Result<Option<Duration>, Error> {
        let mut next_due: Option<Duration> = None;
        let mut range = Some(keys::jobs());
        while let Some(rest) = range.take() {
            let (jobs, rest) = queue::page(&*services.store, rest, PAGE).await?;
            range = rest;
            for (conversation, job) in jobs {
                if *stopped.borrow() {
                    return Ok(None);
                }
                let job = match job {
                    Ok(job) => job,
                    Err(damaged) => {
                        give_up_damaged(services, conversation, damaged).await?;
                        continue;
                    }
                };
                let wait = millis_until(job.not_before, services.clock.now());
                if wait > 0 {
                    let wait = Duration::from_millis(wait);
                    next_due = Some(next_due.map_or(wait, |known| known.min(wait)));
                } else if !self.conversations.contains(&conversation) {
                    self.start(services, conversation).await;
                }
            }
        }
        Ok(next_due)
    }

    async fn start(&mut self, services: &Arc<Services>, conversation: ConversationId) {
        // The semaphore is never closed.
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return };
        while let Some(ended) = self.jobs.try_join_next() {
            self.forget(ended);
        }
        self.conversations.insert(conversation);
        let services = Arc::clone(services);
        self.jobs.spawn(async move {
            score(&services, conversation).await;
            drop(slot);
            conversation
        });
    }
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

/// Enters people into the directory whom calls have named, until it is stopped, and then those who wait.
async fn enter_people(services: Arc<Services>, mut stopped: watch::Receiver<bool>) {
    loop {
        let is_last = *stopped.borrow();
        if let Err(error) = meet_announced(&services).await {
            tracing::warn!(%error, "people who were named wait for the store");
            if !is_last {
                tokio::select! {
                    _ = stopped.changed() => {}
                    () = sleep(STORE_WAIT) => {}
                }
                continue;
            }
        }
        if is_last {
            return;
        }
        tokio::select! {
            _ = stopped.changed() => {}
            () = wait_for_announced(&services) => {}
        }
    }
}

/// Takes conversations into the lists until it is stopped. While new ones arrive it rests for most of the time: lists find
/// also what is not taken in, and callers go first.
async fn post_all(services: Arc<Services>, mut stopped: watch::Receiver<bool>) {
    // Asked before anything is posted: what arrives meanwhile is met the next time.
    let look = || (services.ids.conversations(), services.ids.has_open());
    let (mut seen, mut is_done) = (0, false);
    while !*stopped.borrow() {
        let (conversations, has_open) = look();
        let is_busy = std::mem::replace(&mut seen, conversations) != conversations;
        let begun = Instant::now();
        // Numbers are taken for other things too, for which there is nothing to read.
        let posted = if is_done && !is_busy && !has_open { Ok(false) } else { post_next(&services).await };
        is_done = matches!(posted, Ok(false)) && !has_open;
        let wait = match posted {
            Ok(true) if is_busy => (begun.elapsed() * POST_REST).min(POST_EVERY),
            Ok(true) => Duration::ZERO,
            Ok(false) => POST_EVERY,
            Err(error) => {
                tracing::warn!(%error, "the lists wait for the store");
                STORE_WAIT
            }
        };
        tokio::select! {
            _ = stopped.changed() => {}
            () = sleep(wait) => {}
        }
    }
}

/// Sweeps expired request records, purges what was deleted long ago, removes old events, and tells how long the queue is, until
/// it is stopped. A sweep that is under way then is left where it is, and the next one goes on.
async fn keep_up(services: Arc<Services>, mut stopped: watch::Receiver<bool>, sweep_every: Duration) {
    let (mut next_sweep, mut next_report) = (Instant::now(), Instant::now() + REPORT_EVERY);
    while !*stopped.borrow() {
        let now = Instant::now();
        if now >= next_sweep {
            tokio::select! {
                _ = stopped.changed() => return,
                () = sweep(&services) => {}
            }
            next_sweep = Instant::now() + sweep_every;
        }
        if now >= next_report {
            report(&services).await;
            next_report = Instant::now() + REPORT_EVERY;
        }
        let wait = next_sweep.min(next_report).saturating_duration_since(Instant::now());
        tokio::select! {
            _ = stopped.changed() => {}
            () = sleep(wait) => {}
        }
    }
}

async fn sweep(services: &Services) {
    match request::sweep(&*services.store, services.clock.now()).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(swept, "forgot request ids older than 24 hours"),
        Err(error) => tracing::warn!(%error, "request ids could not be swept"),
    }
    match purge_deleted(services).await {
        Ok(0) => {}
        Ok(purged) => tracing::info!(purged, "purged deleted conversations"),
        Err(error) => tracing::warn!(%error, "deleted conversations could not be purged"),
    }
    match trim_events(services).await {
        Ok(0) => {}
        Ok(trimmed) => tracing::info!(trimmed, "removed old events from the log"),
        Err(error) => tracing::warn!(%error, "old events could not be removed from the log"),
    }
}

async fn report(services: &Services) {
    match queue::depth(&*services.store, MOST_COUNTED).await {
        Ok(queue::Depth { jobs: 0, .. }) => {}
        Ok(queue::Depth { jobs, oldest, more }) => {
            let oldest_seconds = services.clock.now().seconds_since(oldest);
            tracing::info!(jobs, more, oldest_seconds, "conversations wait for scoring");
        }
        Err(error) => tracing::warn!(%error, "the queue of scoring could not be counted"),
    }
}
