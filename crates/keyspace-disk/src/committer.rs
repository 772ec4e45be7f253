//! The only thread that writes: takes the waiting writes, merges them, has the engine make them durable, and only then
//! answers.
//!
//! Any error ends it: after a failed sync, the state of the disk is unknown.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
};

use tokio::runtime::Handle;

use super::{
    awake::Awake,
    chunks::Owner,
    encode::Write,
    engine::{BytesOf, Engine, Source as _},
    fault::engine_panicked,
    layout::COMMIT_NUMBER_KEY,
    merge::Merge,
    queue::{Answer, Next},
    sidecar::Sidecar,
    store::Shared,
};
use plaudit_keyspace::{Committed, Position, StoreError, panics::caught};

/// Why an engine has failed for good.
pub type Fatal = Arc<str>;

/// State owned by the committer thread.
pub(crate) struct Committer<E: Engine> {
    pub shared: Arc<Shared<E>>,
    pub dir: PathBuf,
    /// The last of the engine's handles to be dropped when the store closes.
    pub engine: E,
    pub source: E::Source,
    pub sidecar: Sidecar,
    pub chunk_owners: HashSet<Owner>,
    pub last_position: Position,
    pub commit_number: u64,
    pub readers: Vec<JoinHandle<()>>,
    pub answerer: Answerer,
    pub awake: Awake,
}

/// Answers the callers of durable groups. Waking 64 callers one by one from outside their runtime takes as long as a
/// sync, so a single task is woken, which wakes them from inside.
pub(crate) struct Answerer(Option<Handle>);

type Outcome = Result<Committed, StoreError>;

impl Answerer {
    /// Uses the runtime that the store is opened in; without one, callers are woken one by one.
    pub(crate) fn of_current_runtime() -> Self {
        Self(Handle::try_current().ok())
    }

    fn answer(&self, group: Vec<(Answer, Outcome)>) {
        let answer_all = move || {
            for (answer, outcome) in group {
                // An error means that the caller has gone; its batch stays committed.
                let _ = answer.send(outcome);
            }
        };
        match &self.0 {
            Some(runtime) => drop(runtime.spawn(async move { answer_all() })),
            None => answer_all(),
        }
    }
}

impl<E: Engine> Committer<E> {
    /// Commits until the queue is closed and empty, or something fails.
    pub(crate) fn run(mut self) {
        let result = caught(|| self.work());
        if let Err(cause) = result.unwrap_or_else(|panic| Err(engine_panicked(&panic))) {
            self.shared.failure.set(cause);
        }
        let refused = self.shared.failure.or_closed();
        for answer in self.shared.queue.abandon() {
            let _ = answer.send(Err(refused.clone()));
        }
        self.release();
    }

    fn work(&mut self) -> Result<(), Fatal> {
        loop {
            let due_in = self.sidecar.due_in(self.commit_number);
            if due_in.is_some_and(|due_in| due_in.is_zero()) {
                self.record_synced()?;
                continue;
            }
            let wait = [due_in, E::WATCH_EVERY].into_iter().flatten().min();
            match self.shared.queue.next(wait) {
                Next::Group(group) => self.answer_group(group)?,
                Next::TimedOut => self.engine.watch()?,
                Next::Closed => return self.record_synced(),
            }
        }
    }

    /// Releases everything that another process would wait for.
    fn release(self) {
        let Self { shared, engine, source, readers, .. } = self;
        drop(source);
        shared.reads.close();
        shared.reader.write().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        for reader in readers {
            // A reader that panicked has already told its caller.
            let _ = reader.join();
        }
        // An engine writes when it is closed, which may panic after a failure.
        let _ = caught(move || engine.close());
        shared.holder.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        shared.released.send_replace(true);
    }

    fn answer_group(&mut self, group: Vec<(Write<BytesOf<E>>, Answer)>) -> Result<(), Fatal> {
        let (writes, answers): (Vec<_>, Vec<Answer>) = group.into_iter().unzip();
        let done = caught(|| self.commit_group(writes)).unwrap_or_else(|panic| Err(engine_panicked(&panic)));
        match done {
            Ok(outcomes) => {
                self.answerer.answer(answers.into_iter().zip(outcomes).collect());
                Ok(())
            }
            Err(cause) => {
                self.shared.failure.set(cause.clone());
                self.engine.fail(&cause);
                for answer in answers {
                    let _ = answer.send(Err(StoreError::Failed(cause.clone())));
                }
                Err(cause)
            }
        }
    }

    /// Decides and writes a group. After an error, how much of it is durable is unknown.
    fn commit_group(&mut self, group: Vec<Write<BytesOf<E>>>) -> Result<Vec<Outcome>, Fatal> {
        // One more for the commit number.
        let key_count = group.iter().map(|write| write.key_count).sum::<usize>() + 1;
        let mut merge = Merge::new(self.source.view(), &mut self.chunk_owners, self.last_position, key_count);
        let outcomes = group.into_iter().map(|write| merge.add(write)).collect();
        let Merge { mut writes, last_position, accepted, .. } = merge;
        if !writes.is_empty() {
            self.commit_number += 1;
            let number = self.commit_number.to_be_bytes().to_vec();
            writes.insert(COMMIT_NUMBER_KEY.to_vec().into(), Some(number.into()));
            let engine = &mut self.engine;
            self.awake.during(|| engine.write(writes))?;
            self.shared.groups.fetch_add(1, Ordering::Relaxed);
        }
        self.last_position = last_position;
        self.shared
            .newest
            .send_if_modified(|newest| std::mem::replace(newest, last_position) != last_position);
        self.shared.commits.fetch_add(accepted, Ordering::Relaxed);
        Ok(outcomes)
    }

    fn record_synced(&mut self) -> Result<(), Fatal> {
        if self.sidecar.due_in(self.commit_number).is_none() {
            return Ok(());
        }
        let written = E::data_bytes(&self.dir)
            .and_then(|data_bytes| self.sidecar.write(self.commit_number, data_bytes));
        written.map_err(|error| fatal("writing the file of synced commits", error))
    }
}

fn fatal(step: &str, error: impl std::fmt::Display) -> Fatal {
    Fatal::from(format!("{step}: {error}"))
}
