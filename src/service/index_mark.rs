//! How far conversations are indexed for the lists.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    domain::ConversationId,
    store::{Space, StoreError, listing, records::Backfill},
};

/// How far the stored mark may be behind while nothing else has to be written.
const UNSTORED: u64 = 1 << 16;

/// How far this process knows indexing to have come. It is never further than that: a mark that is behind makes lists slower, one
/// that is ahead would make them incomplete.
pub struct IndexMark {
    below: Mutex<u64>,
    /// About what is stored of it; `None` if that is damaged.
    stored: Mutex<Option<u64>>,
    /// Conversations with lower numbers were there before this process: their assessments may not be posted either.
    found_below: u64,
}

impl IndexMark {
    /// Goes on where the last process ended.
    pub async fn open(space: Space<'_>, decided_below: u64) -> Result<Self, StoreError> {
        let found = find(space).await?;
        if let Err(cause) = &found {
            tracing::error!(%cause, "how far conversations are indexed is damaged; they are indexed anew");
        }
        let is_damaged = found.is_err();
        let stored = found.unwrap_or_default();
        // What an earlier version posted is placed otherwise: all of it is posted anew.
        let stored = stored.filter(|stored| stored.by_held);
        let below = stored.and_then(|stored| stored.next).map_or(0, |next| next.0);
        // Nothing has to be written for what is not there.
        let stored = Mutex::new((!is_damaged).then_some(below.max(decided_below)));
        Ok(Self { below: Mutex::new(below), stored, found_below: decided_below })
    }

    /// Follows what another process has indexed.
    pub async fn follow(&self, space: Space<'_>) -> Result<(), StoreError> {
        let found = find(space).await?;
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(Some(Backfill { next: Some(next), by_held: true, .. })) => {
                self.advance(next.0);
                *stored = (*stored).max(Some(next.0));
            }
            Ok(_) => {}
            // What this process knows still holds. Whoever has the lease stores it again.
            Err(cause) => {
                if stored.take().is_some() {
                    tracing::error!(%cause, "how far conversations are indexed is damaged; it will be stored again");
                }
            }
        }
        Ok(())
    }

    /// Every conversation with a lower number is indexed.
    pub fn below(&self) -> u64 {
        *self.below.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn advance(&self, below: u64) {
        let mut known = self.below.lock().unwrap_or_else(PoisonError::into_inner);
        *known = (*known).max(below);
    }

    /// Whether a mark is to be stored even if nothing else is.
    pub fn must_be_stored(&self, below: u64) -> bool {
        let stored = *self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.is_none_or(|stored| below.saturating_sub(stored) >= UNSTORED)
    }

    pub fn set_stored(&self, below: u64) {
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = Some(below);
    }

    /// Whether a conversation may have been there before this process.
    pub fn was_found(&self, conversation: ConversationId) -> bool {
        conversation.0 < self.found_below
    }
}

/// The mark as it is stored, or why it cannot be read.
async fn find(space: Space<'_>) -> Result<Result<Option<Backfill>, Arc<str>>, StoreError> {
    match listing::find_backfill(&space).await {
        Err(StoreError::Corrupt(cause)) => Ok(Err(cause)),
        found => found.map(Ok),
    }
}
