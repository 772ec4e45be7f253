//! How far conversations are indexed for the lists.

use std::sync::{Mutex, PoisonError};

use crate::{
    domain::{ConversationId, UnixMillis},
    store::{Space, StoreError, listing, queue, records::Backfill},
};

/// Up to where conversations are indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Every conversation with a lower number is indexed.
    pub below: u64,
    /// When the newest of them was stored, if that is known.
    pub newest: Option<UnixMillis>,
}

/// How far this process knows indexing to have come. It is never further than that: a mark that is behind makes lists slower, one
/// that is ahead would make them incomplete.
pub struct IndexMark {
    mark: Mutex<Mark>,
    /// About what is stored of it.
    stored: Mutex<u64>,
    /// Conversations with lower numbers were there before this process: their assessments may not be posted either.
    found_below: u64,
}

impl IndexMark {
    /// Goes on where the last process ended.
    pub async fn open(space: Space<'_>, decided_below: u64) -> Result<Self, StoreError> {
        let stored = find(space).await?;
        let below = match stored.map(|stored| stored.next) {
            None => 0,
            Some(Some(next)) => next.0,
            Some(None) => queue::lowest(&space).await?.map_or(decided_below, |lowest| lowest.0),
        };
        let newest = stored.and_then(|stored| stored.newest);
        let mark = Mutex::new(Mark { below, newest });
        // Nothing has to be written for what is not there.
        let stored = Mutex::new(below.max(decided_below));
        Ok(Self { mark, stored, found_below: decided_below })
    }

    /// Follows what another process has indexed.
    pub async fn follow(&self, space: Space<'_>) -> Result<(), StoreError> {
        if let Some(Backfill { next: Some(next), newest }) = find(space).await? {
            self.advance(next.0, newest);
            let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
            *stored = (*stored).max(next.0);
        }
        Ok(())
    }

    pub fn get(&self) -> Mark {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn advance(&self, below: u64, newest: Option<UnixMillis>) {
        let mut mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        *mark = Mark { below: mark.below.max(below), newest: mark.newest.max(newest) };
    }

    pub fn stored(&self) -> u64 {
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_stored(&self, below: u64) {
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = below;
    }

    /// Whether a conversation may have been there before this process.
    pub fn was_found(&self, conversation: ConversationId) -> bool {
        conversation.0 < self.found_below
    }
}

/// The mark as it is stored. One that is damaged counts as none: indexing begins anew.
async fn find(space: Space<'_>) -> Result<Option<Backfill>, StoreError> {
    match listing::find_backfill(&space).await {
        Err(StoreError::Corrupt(cause)) => {
            tracing::error!(%cause, "how far conversations are indexed is damaged; they are indexed anew");
            Ok(None)
        }
        found => found,
    }
}
