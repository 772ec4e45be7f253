//! Leases: which of the processes sharing a store runs a background task. See docs/decisions/0031.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::domain::UnixMillis;

use super::{Decision, Keyspace, Space, StoreError, WorkspaceId, get_one, keys, records::Lease};

/// How long a lease is valid. Unless the store is exclusive, a dead process blocks its tasks for this long.
pub const TERM_MILLIS: i64 = 30_000;

/// The tasks that only one process runs at a time. The numbers are stored: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LeasedTask {
    Scoring = 1,
    Index = 2,
    Purge = 3,
}

/// The leases this process believes it holds. The store is authoritative: every commit made under a lease expects it.
pub struct Leases {
    store: Arc<dyn Keyspace>,
    /// This process.
    holder: u64,
    held: Mutex<HashMap<LeasedTask, Held>>,
}

#[derive(Clone, Copy)]
enum Held {
    Until(UnixMillis),
    /// Taken over by another process.
    Lost,
}

impl Leases {
    pub fn new(store: Arc<dyn Keyspace>, holder: u64) -> Self {
        Self { store, holder, held: Mutex::default() }
    }

    /// Acquires a task's lease, or renews it once half its term has passed. Returns whether this process now holds it.
    /// Called only when there is work, so an idle server writes nothing.
    ///
    /// On an exclusive store no other holder can be alive, so the lease is taken over at once and needs no renewal.
    pub async fn hold(&self, task: LeasedTask, now: UnixMillis) -> Result<bool, StoreError> {
        let is_exclusive = self.store.is_exclusive();
        let known = self.held().get(&task).copied();
        match known {
            Some(Held::Lost) if is_exclusive => return Ok(false),
            Some(Held::Until(time)) if is_exclusive || time.millis_since(now) > TERM_MILLIS / 2 => {
                return Ok(true);
            }
            _ => {}
        }
        let mut decision = Decision::new(self.space());
        let stored = match read(&decision, task).await {
            Err(StoreError::Corrupt(cause)) => {
                tracing::error!(?task, %cause, "a lease is damaged and counts as expired");
                None
            }
            read => read?,
        };
        let is_of_another = stored.as_ref().is_some_and(|lease| lease.holder != self.holder);
        let epoch = match stored {
            Some(lease) if is_of_another && !is_exclusive && lease.expire_time > now => {
                self.held().remove(&task);
                return Ok(false);
            }
            Some(lease) => lease.epoch + u64::from(is_of_another),
            None => 1,
        };
        let expire_time = now.plus_millis(TERM_MILLIS);
        decision.replace(keys::lease(task as u8), &Lease { holder: self.holder, epoch, expire_time });
        let is_held = decision.commit().await?;
        if is_held {
            self.held().insert(task, Held::Until(expire_time));
        }
        Ok(is_held)
    }

    /// Makes a decision depend on this process holding the lease; false if it no longer does.
    pub async fn expect_held(&self, decision: &Decision<'_>, task: LeasedTask) -> Result<bool, StoreError> {
        match read(decision, task).await.or_else(damaged_as_absent)? {
            Some(lease) if lease.holder == self.holder => return Ok(true),
            Some(_) => self.held().insert(task, Held::Lost),
            // Nobody's, so not lost: the next `hold` acquires it again.
            None => self.held().remove(&task),
        };
        Ok(false)
    }

    /// Releases all leases, so that other processes need not wait for them to expire.
    pub async fn release_all(&self) -> Result<(), StoreError> {
        if self.store.is_exclusive() {
            return Ok(());
        }
        let held: Vec<LeasedTask> = self.held().drain().map(|(task, _)| task).collect();
        for task in held {
            let mut decision = Decision::new(self.space());
            let stored = read(&decision, task).await.or_else(damaged_as_absent)?;
            if let Some(lease) = stored.filter(|lease| lease.holder == self.holder) {
                decision.replace(keys::lease(task as u8), &Lease { expire_time: UnixMillis::MIN, ..lease });
                decision.commit().await?;
            }
        }
        Ok(())
    }

    /// Leases belong to the store rather than to a workspace.
    fn space(&self) -> Space<'_> {
        Space::new(&self.store, WorkspaceId::FIRST)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<LeasedTask, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(decision: &Decision<'_>, task: LeasedTask) -> Result<Option<Lease>, StoreError> {
    get_one(decision, keys::lease(task as u8)).await
}

/// A damaged lease belongs to nobody. [`Leases::hold`] reports it, once, as it replaces it.
fn damaged_as_absent(error: StoreError) -> Result<Option<Lease>, StoreError> {
    match error {
        StoreError::Corrupt(_) => Ok(None),
        error => Err(error),
    }
}
