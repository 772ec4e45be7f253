//! Scores what waits in the durable queue: what is fresh and what has waited, by turns.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{
    task::{JoinError, JoinSet},
    time::sleep,
};

use crate::{
    domain::{ConversationId, UnixMillis},
    error::Error,
    service::{
        Call, Services,
        scoring::{Outcome, give_up_damaged, record_failed_attempt, score_leased},
    },
    store::{KeyRange, Keys, lease::LeasedTask, queue, records::Job},
};

use super::{Next, STORE_WAIT, Task};

/// How many jobs are read at once.
const PAGE: usize = 128;
/// How many jobs run at a time for each scoring thread. Few of them read and compute; the others wait until their scores are
/// durable, and what waits together is made durable together.
const JOBS_PER_THREAD: usize = 10;
/// The same while conversations arrive: whoever stores one waits for the same disk, and goes first.
const JOBS_PER_THREAD_BESIDE_CALLERS: usize = 1;
/// How often to look whether conversations arrive.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The longest wait without looking at the queue again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The same where other processes queue jobs too, who do not wake this one.
const SHARED_WAIT: Duration = Duration::from_secs(1);
/// A report counts so many jobs; beyond it says that there are more.
const MOST_COUNTED: usize = 10_000;

pub struct Scoring {
    services: Arc<Services>,
    /// Each answers whether its job is left in the queue.
    jobs: JoinSet<(ConversationId, bool)>,
    /// Those of `jobs`: a conversation is scored by one job at a time.
    conversations: HashSet<ConversationId>,
    /// Those of them that were met in the queue meanwhile: their job may be one that came after the scoring had begun.
    asked_again: HashSet<ConversationId>,
    /// The walk over the queue that is under way.
    walk: Option<Walk>,
    /// Whether the last job came from the walk: then a fresh one is next.
    is_turn_of_fresh: bool,
    /// Whether a job was left in the queue since the last walk began: it is to be looked at again.
    is_left: bool,
    arrivals: Arrivals,
}

/// Whether conversations arrive.
struct Arrivals {
    looked_at: Instant,
    /// For how many conversations numbers had been taken then.
    seen: u64,
    go_on: bool,
}

impl Arrivals {
    fn go_on(&mut self, conversations: u64) -> bool {
        if self.looked_at.elapsed() >= LOOK_EVERY {
            self.go_on = conversations != self.seen;
            (self.looked_at, self.seen) = (Instant::now(), conversations);
        }
        self.go_on
    }
}

/// A walk over the whole queue, shard by shard and oldest first within each.
struct Walk {
    page: VecDeque<queue::Waiting>,
    /// What lies behind the page.
    rest: Option<KeyRange>,
    /// When the first of the jobs is due that were passed over.
    next_due: Option<UnixMillis>,
}

impl Walk {
    fn begin(keys: Keys) -> Self {
        Self { page: VecDeque::new(), rest: Some(keys.jobs()), next_due: None }
    }
}

impl Scoring {
    pub fn new(services: Arc<Services>) -> Self {
        let seen = services.ids.conversations();
        Self {
            services,
            arrivals: Arrivals { looked_at: Instant::now(), seen, go_on: false },
            jobs: JoinSet::new(),
            conversations: HashSet::new(),
            asked_again: HashSet::new(),
            walk: None,
            is_turn_of_fresh: true,
            is_left: false,
        }
    }

    fn call(&self) -> Call<'_> {
        Call::new(&self.services)
    }

    fn most_jobs(&mut self) -> usize {
        let callers_wait = self.arrivals.go_on(self.services.ids.conversations());
        let each = if callers_wait { JOBS_PER_THREAD_BESIDE_CALLERS } else { JOBS_PER_THREAD };
        self.services.threads.count() * each
    }

    /// Starts the next job that is due, as soon as there is room for it.
    async fn start_next(&mut self) -> Result<Next, Error> {
        while self.jobs.len() >= self.most_jobs() {
            self.one_ended().await;
        }
        // By turns, so that neither keeps the other waiting: a bulk import is a long walk, and fresh ones may come without end.
        if std::mem::replace(&mut self.is_turn_of_fresh, true)
            && let Some(conversation) = self.services.queue_changed.next_fresh()
        {
            self.is_turn_of_fresh = false;
            let job = queue::find(&self.call().space(), conversation).await?;
            let now = self.services.clock.now();
            if let Some(job) = job.filter(|job| job.not_before <= now)
                && self.services.leases.hold(LeasedTask::Scoring, now).await?
            {
                self.start(conversation, job);
            }
            return Ok(Next::Now);
        }
        let mut walk = match self.walk.take() {
            Some(walk) => walk,
            None => {
                self.is_left = false;
                Walk::begin(self.call().keys())
            }
        };
        let Some((conversation, job)) = walk.page.pop_front() else {
            let Some(range) = walk.rest.take() else { return Ok(self.wait(walk.next_due)) };
            let (page, rest) = queue::page(&self.call().space(), range, PAGE).await?;
            self.walk = Some(Walk { page: page.into(), rest, ..walk });
            return Ok(Next::Now);
        };
        if !self.services.leases.hold(LeasedTask::Scoring, self.services.clock.now()).await? {
            // Another process scores.
            return Ok(Next::After(SHARED_WAIT));
        }
        match job {
            Err(damaged) => give_up_damaged(self.call(), conversation, damaged).await?,
            Ok(job) if job.not_before > self.services.clock.now() => {
                walk.next_due = Some(walk.next_due.map_or(job.not_before, |due| due.min(job.not_before)));
            }
            Ok(job) => self.start(conversation, job),
        }
        self.walk = Some(walk);
        Ok(Next::Now)
    }

    /// The wait at the end of a walk.
    fn wait(&self, next_due: Option<UnixMillis>) -> Next {
        if self.is_left {
            return Next::Now;
        }
        let now = self.services.clock.now();
        let until_due = next_due.map(|due| u64::try_from(due.millis_since(now)).unwrap_or(0));
        let longest = if self.services.store.is_exclusive() { LONGEST_WAIT } else { SHARED_WAIT };
        let wait = until_due.map_or(longest, |millis| Duration::from_millis(millis).min(longest));
        if wait.is_zero() { Next::Now } else { Next::After(wait) }
    }

    fn start(&mut self, conversation: ConversationId, job: Job) {
        if !self.conversations.insert(conversation) {
            self.asked_again.insert(conversation);
            return;
        }
        let services = Arc::clone(&self.services);
        self.jobs.spawn(async move {
            let is_scored = score(Call::new(&services), conversation, &job).await;
            (conversation, !is_scored)
        });
    }

    /// Waits until a job ends; for ever while there is none.
    async fn one_ended(&mut self) {
        match self.jobs.join_next().await {
            Some(ended) => self.forget(ended),
            None => std::future::pending().await,
        }
    }

    fn forget(&mut self, ended: Result<(ConversationId, bool), JoinError>) {
        match ended {
            Ok((conversation, is_left)) => {
                self.conversations.remove(&conversation);
                self.is_left |= is_left | self.asked_again.remove(&conversation);
            }
            // Nobody knows whose it was; each of them may be tried again, which harms nothing.
            Err(_panicked) => {
                self.conversations.clear();
                self.asked_again.clear();
                self.is_left = true;
            }
        }
    }
}

impl Task for Scoring {
    fn name(&self) -> &'static str {
        "scoring"
    }

    fn step(&mut self) -> BoxFuture<'_, Result<Next, Error>> {
        self.start_next().boxed()
    }

    fn wake(&mut self) -> BoxFuture<'_, ()> {
        async {
            let services = Arc::clone(&self.services);
            while !self.is_left {
                tokio::select! {
                    () = services.queue_changed.changed() => return,
                    () = self.one_ended() => {}
                }
            }
        }
        .boxed()
    }

    fn report(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        report(self.call()).boxed()
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        async {
            while !self.jobs.is_empty() {
                self.one_ended().await;
            }
            Ok(())
        }
        .boxed()
    }
}

/// Answers whether the conversation's job is gone.
async fn score(call: Call<'_>, conversation: ConversationId, job: &Job) -> bool {
    let recorded = match score_leased(call, conversation).await {
        Ok(outcome) => return outcome != Outcome::ChangedMeanwhile,
        // A fault of the conversation or of ours: counted, so that it ends.
        Err(Error::Internal(cause) | Error::Damaged(cause)) => {
            tracing::error!(%conversation, %cause, "an attempt at scoring failed");
            record_failed_attempt(call, conversation, job).await
        }
        // A fault of the store: the job is as it was.
        Err(error) => Err(error),
    };
    if let Err(error) = recorded {
        tracing::warn!(%conversation, %error, "scoring waits for the store");
        sleep(STORE_WAIT).await;
    }
    false
}

async fn report(call: Call<'_>) -> Result<(), Error> {
    let queue::Depth { jobs, oldest, more } = queue::depth(&call.space(), MOST_COUNTED).await?;
    if let Some(oldest) = oldest {
        let oldest_seconds = call.services.clock.now().seconds_since(oldest);
        tracing::info!(jobs, more, oldest_seconds, "conversations wait for scoring");
    }
    Ok(())
}
