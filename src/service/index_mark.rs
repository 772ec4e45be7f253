//! How far conversations are indexed for the lists.

use std::sync::{Mutex, PoisonError};

use crate::{
    domain::{ConversationId, UnixMillis},
    store::{Space, StoreError, listing, queue},
};

/// Up to where conversations are indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Every conversation with a lower number is indexed.
    pub below: u64,
    /// When the newest of them was stored, if that is known.
    pub newest: Option<UnixMillis>,
}

/// How far this process has come.
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
        let below = match listing::find_backfill(&space).await?.map(|stored| stored.next) {
            None => 0,
            Some(Some(next)) => next.0,
            Some(None) => queue::lowest(&space).await?.map_or(decided_below, |lowest| lowest.0),
        };
        let mark = Mutex::new(Mark { below, newest: None });
        // Nothing has to be written for what is not there.
        let stored = Mutex::new(below.max(decided_below));
        Ok(Self { mark, stored, found_below: decided_below })
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
