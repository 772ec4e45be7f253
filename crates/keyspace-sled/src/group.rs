//! The group that was applied last, or is about to be; its writes may be lost until it is synced.

use std::{
    ops::{Bound, RangeBounds},
    sync::{Arc, OnceLock},
};

use ::sled::IVec;
use plaudit_keyspace_disk::{Touched, Writes};
use tokio::sync::watch;

use plaudit_keyspace::StoreError;

pub(super) struct InFlight {
    keys: Vec<IVec>,
    /// The sorted keys, computed by the first read that needs them: most groups are synced before that.
    ordered: OnceLock<Vec<IVec>>,
    outcome: watch::Sender<Outcome>,
}

#[derive(Clone, Debug)]
enum Outcome {
    Pending,
    Synced,
    Failed(Arc<str>),
}

impl InFlight {
    /// The group, and the batch to apply.
    pub(super) fn new(writes: Writes<IVec>) -> (Self, ::sled::Batch) {
        let mut keys = Vec::with_capacity(writes.len());
        let mut batch = ::sled::Batch::default();
        for (key, value) in writes {
            keys.push(key.clone());
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        let group = Self { keys, ordered: OnceLock::new(), outcome: watch::Sender::new(Outcome::Pending) };
        (group, batch)
    }

    fn ordered(&self) -> &[IVec] {
        self.ordered.get_or_init(|| {
            let mut keys = self.keys.clone();
            keys.sort_unstable();
            keys
        })
    }

    pub(super) fn finish(&self, result: Result<(), Arc<str>>) {
        self.outcome.send_replace(match result {
            Ok(()) => Outcome::Synced,
            Err(cause) => Outcome::Failed(cause),
        });
    }

    pub(super) fn is_synced(&self) -> bool {
        matches!(*self.outcome.borrow(), Outcome::Synced)
    }

    /// Whether the group writes something that a read depended on.
    pub(super) fn writes(&self, touched: &Touched<IVec>) -> bool {
        match touched {
            Touched::Nothing => false,
            Touched::Keys(keys) => keys.iter().any(|key| self.ordered().binary_search(key).is_ok()),
            Touched::Range(start, end) => {
                self.writes_within(start.as_ref().map(Vec::as_slice), end.as_ref().map(Vec::as_slice))
            }
        }
    }

    fn writes_within(&self, start: Bound<&[u8]>, end: Bound<&[u8]>) -> bool {
        let ordered = self.ordered();
        let before_start = |key: &IVec| match start {
            Bound::Included(start) => key.as_ref() < start,
            Bound::Excluded(start) => key.as_ref() <= start,
            Bound::Unbounded => false,
        };
        let first = ordered.get(ordered.partition_point(before_start));
        first.is_some_and(|key| RangeBounds::<[u8]>::contains(&(start, end), key.as_ref()))
    }

    /// Waits until the group is durable, or has failed.
    pub(super) async fn settled(&self) -> Result<(), StoreError> {
        let mut outcome = self.outcome.subscribe();
        let settled = outcome.wait_for(|outcome| !matches!(outcome, Outcome::Pending)).await;
        match settled.as_deref() {
            Ok(Outcome::Failed(cause)) => Err(StoreError::Failed(cause.clone())),
            Ok(_) => Ok(()),
            Err(_) => unreachable!("the sender is a field of self"),
        }
    }
}
