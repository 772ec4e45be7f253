//! A lock per conversation, for work that would otherwise only cause conflicts and retries.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::domain::ConversationId;

/// The number of locks. Conversations that hash to the same lock wait for each other.
const PLACES: usize = 256;

/// Locks keyed by conversation. They only save work: correctness rests on the expectations of each batch.
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
