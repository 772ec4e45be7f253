//! Whether the engine has failed for good, and why.

use std::sync::Arc;

use tokio::sync::watch;

use plaudit_keyspace::{Readiness, StoreError};

/// Keeps the first cause; there is no way back.
pub(crate) struct Failure(watch::Sender<Readiness>);

impl Failure {
    pub(crate) fn none() -> Self {
        Self(watch::Sender::new(Readiness::Ready))
    }

    pub(crate) fn set(&self, cause: Arc<str>) {
        self.0.send_if_modified(|current| {
            let first = !matches!(current, Readiness::Failed { .. });
            if first {
                tracing::error!(%cause, "the store has failed");
                *current = Readiness::Failed { cause };
            }
            first
        });
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match &*self.0.borrow() {
            Readiness::Failed { cause } => Err(StoreError::Failed(cause.clone())),
            // A disk does not come back by itself.
            Readiness::Ready | Readiness::Unavailable { .. } => Ok(()),
        }
    }

    /// The cause of the failure, or else that the store was closed.
    pub(crate) fn or_closed(&self) -> StoreError {
        self.check().err().unwrap_or_else(|| StoreError::Failed("the store is closed".into()))
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Readiness> {
        self.0.subscribe()
    }
}
