//! One at a time for each conversation, where contenders would only make each other begin again.

use tokio::sync::{Mutex, MutexGuard};

use crate::domain::ConversationId;

/// How many conversations can have their turn at once; two that share a place wait for each other.
const PLACES: usize = 256;

/// Turns by conversation. They save work and promise nothing: what is right is decided by the expectations of a batch.
pub struct Turns(Vec<Mutex<()>>);

impl Default for Turns {
    fn default() -> Self {
        Self((0..PLACES).map(|_| Mutex::default()).collect())
    }
}

impl Turns {
    pub async fn take(&self, conversation: ConversationId) -> MutexGuard<'_, ()> {
        let place = conversation.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
        self.0[place as usize % PLACES].lock().await
    }
}
