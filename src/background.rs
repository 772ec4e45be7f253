//! The background tasks: what the server does when nobody is waiting for it.
//!
//! Each kind of work is a [`Task`] in a file of its own. Stopping, waiting for the store and logging stand here once. Tasks keep
//! nothing that matters in memory: after a crash the work is where it was.

pub mod clock_check;
pub mod index;
pub mod purge;
pub mod requests;
pub mod trim;

mod people;
mod scoring;
mod scrub;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{sync::watch, task::JoinSet, time::sleep};

use crate::{error::Error, service::Services};

use clock_check::ClockCheck;

/// The first wait after the store would not answer; each further one is twice as long, up to [`LONGEST_STORE_WAIT`].
const STORE_WAIT: Duration = Duration::from_millis(500);
const LONGEST_STORE_WAIT: Duration = Duration::from_secs(30);
/// How often a task may report to the log.
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// How often a server looks for what has expired. What is expired does not count before it is removed either.
pub const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// One kind of background work.
trait Task: Send {
    /// What the log calls the work.
    fn name(&self) -> &'static str;

    /// Does the next small part of the work. It may be dropped at any `await` when the server stops, so it must leave behind
    /// only what a crash could leave.
    fn step(&mut self) -> BoxFuture<'_, Result<Next, Error>>;

    /// Resolves when a step is worth its while before the wait that the last one asked for is over.
    fn wake(&mut self) -> BoxFuture<'_, ()> {
        std::future::pending().boxed()
    }

    /// Tells the log how the work stands, once a minute.
    fn report(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        std::future::ready(Ok(())).boxed()
    }

    /// Ends what steps have begun, after the last one.
    fn finish(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        std::future::ready(Ok(())).boxed()
    }
}

/// When the next step is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Now,
    After(Duration),
}

/// The running tasks.
pub struct Background {
    services: Arc<Services>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Background {
    /// `sweep_every` is how often expired request records, deleted conversations and old events are looked for; usually
    /// [`SWEEP_EVERY`].
    pub fn start(services: &Arc<Services>, sweep_every: Duration) -> Self {
        let services = || Arc::clone(services);
        let clock = Arc::new(ClockCheck::new(services()));
        let clock = || Arc::clone(&clock);
        let all: [Box<dyn Task>; 7] = [
            Box::new(scoring::Scoring::new(services())),
            Box::new(index::Index::new(services())),
            Box::new(people::People::new(services())),
            Box::new(requests::SweepRequests::new(services(), clock(), sweep_every)),
            Box::new(purge::Purge::new(services(), clock(), sweep_every)),
            Box::new(trim::Trim::new(services(), clock(), sweep_every)),
            Box::new(scrub::Scrub::new(services())),
        ];
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for task in all {
            tasks.spawn(run(task, stopped.clone()));
        }
        Self { services: services(), stop, tasks }
    }

    /// Takes up no more work and waits for what was begun. To give up waiting harms nothing: what is not done by then is done
    /// after the next start.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(cause) = ended {
                tracing::error!(%cause, "a background task panicked");
            }
        }
        if let Err(error) = self.services.leases.release_all().await {
            tracing::warn!(%error, "another process waits for the leases of this one to expire");
        }
    }
}

/// Takes one step of a task after the other until it is stopped.
async fn run(mut task: Box<dyn Task>, mut stopped: watch::Receiver<bool>) {
    let name = task.name();
    let mut store_wait = STORE_WAIT;
    let mut next_report = Instant::now() + REPORT_EVERY;
    while !*stopped.borrow() {
        let step = tokio::select! {
            _ = stopped.changed() => break,
            step = task.step() => step,
        };
        let (wait, may_wake) = match step {
            Ok(Next::Now) => (Duration::ZERO, false),
            Ok(Next::After(wait)) => (wait, true),
            Err(ref error) => {
                tracing::warn!(task = name, %error, "a background task waits for the store");
                (with_jitter(store_wait), false)
            }
        };
        store_wait = if step.is_ok() { STORE_WAIT } else { (store_wait * 2).min(LONGEST_STORE_WAIT) };
        if Instant::now() >= next_report {
            if let Err(error) = task.report().await {
                tracing::warn!(task = name, %error, "a background task could not report");
            }
            next_report = Instant::now() + REPORT_EVERY;
        }
        if wait.is_zero() {
            // The store may answer at once each time: others get their turn.
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            _ = stopped.changed() => {}
            () = sleep(wait) => {}
            () = task.wake(), if may_wake => {}
        }
    }
    if let Err(error) = task.finish().await {
        tracing::warn!(task = name, %error, "a background task did not end well");
    }
}

/// Up to a quarter more, so that tasks which met the same fault do not all return together.
fn with_jitter(wait: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or_default();
    wait + wait.mul_f64(f64::from(random) / f64::from(u32::MAX) / 4.0)
}
