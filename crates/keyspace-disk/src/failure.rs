//! Whether the engine has failed for good, and why.

use std::sync::Arc;

use tokio::sync::watch;

use plaudit_keyspace::StoreError;

/// Keeps the first cause; there is no way back.
pub(crate) struct Failure(watch::Sender<Option<Arc<str>>>);

impl Failure {
    pub(crate) fn none() -> Self {
        Self(watch::Sender::new(None))
    }

    pub(crate) fn set(&self, cause: Arc<str>) {
        self.0.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                tracing::error!(%cause, "the store has failed");
                *current = Some(cause);
            }
            first
        });
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match &*self.0.borrow() {
            Some(cause) => Err(StoreError::Failed(cause.clone())),
            None => Ok(()),
        }
    }

    /// The cause of the failure, or else that the store was closed.
    pub(crate) fn or_closed(&self) -> StoreError {
        self.check().err().unwrap_or_else(|| StoreError::Failed("the store is closed".into()))
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.0.subscribe()
    }
}
