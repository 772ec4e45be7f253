//! A lock for each conversation, where contenders would only make each other decide anew.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::domain::ConversationId;

/// How many conversations can be locked at once; two that share a place wait for each other.
const PLACES: usize = 256;

/// Locks by conversation. They save work and promise nothing: what is right is decided by the expectations of a batch.
pub struct KeyedLock(Vec<Arc<Mutex<()>>>);

impl Default for KeyedLock {
    fn default() -> Self {
        Self((0..PLACES).map(|_| Arc::default()).collect())
    }
}

impl KeyedLock {
    #[expect(clippy::indexing_slicing, reason = "a place is below their number")]
    pub async fn lock(&self, conversation: ConversationId) -> OwnedMutexGuard<()> {
        let place = conversation.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
        Arc::clone(&self.0[place as usize % PLACES]).lock_owned().await
    }
}
