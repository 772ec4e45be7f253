//! Merges tables, on a thread of our own.
//!
//! fjall's threads either begin a compaction or write memtables to tables. With one, memtables grow without a bound while
//! it compacts; of two, one passes compactions on to the other as fast as it can, for as long as that one compacts. So
//! fjall has one that only writes memtables.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, OnceLock, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use ::fjall::{AbstractTree as _, Database, Keyspace, compaction::Leveled};

use super::fault;
use plaudit_keyspace::panics::caught;
use plaudit_keyspace_disk::Fatal;

/// How often to look whether there is anything to merge, when there was nothing.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The thread, until it is dropped.
pub(super) struct Compactor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopped: Mutex<bool>,
    changed: Condvar,
    failure: OnceLock<Failure>,
}

/// Why nothing is merged any more.
struct Failure {
    cause: Fatal,
    /// A table is damaged. What is not in it can be read, for a dump, and there is room for a while.
    by_damage: bool,
}

impl Compactor {
    pub(super) fn start(db: &Database, keyspace: &Keyspace, strategy: Arc<Leveled>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (told, keyspace, supervisor) = (shared.clone(), keyspace.clone(), db.supervisor.clone());
        let thread = std::thread::Builder::new().name("store-compact".into());
        let thread = thread.spawn(move || {
            let tree = &keyspace.tree;
            loop {
                let before = tree.current_version().id();
                let kept = supervisor.snapshot_tracker.get_seqno_safe_to_gc();
                let compacted = caught(|| tree.compact(strategy.clone(), kept));
                let failed = match compacted {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(fault::merging(error.into())),
                    Err(panic) => Some((format!("the engine panicked: {panic}"), true)),
                };
                if let Some((why, by_damage)) = failed {
                    tracing::error!(%why, "tables are not merged any more");
                    let cause = Fatal::from(format!("merging tables: {why}"));
                    let _ = told.failure.set(Failure { cause, by_damage });
                    return;
                }
                if told.is_stopped(if tree.current_version().id() == before {
                    LOOK_EVERY
                } else {
                    Duration::ZERO
                }) {
                    return;
                }
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Whether merging has failed for good. Damage counts only for whoever waits for tables to be merged.
    pub(super) fn check(&self, waiting: bool) -> Result<(), Fatal> {
        match self.shared.failure.get() {
            Some(failure) if waiting || !failure.by_damage => Err(failure.cause.clone()),
            _ => Ok(()),
        }
    }
}

impl Shared {
    /// Waits for a while, unless it is to stop.
    fn is_stopped(&self, wait: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(stopped, wait, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Compactor {
    /// Waits for the merge that is going on: nothing may be written once the directory is free.
    fn drop(&mut self) {
        *self.shared.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It catches what panics in it.
            let _ = thread.join();
        }
    }
}
