//! Up to when the clock was trusted.

use crate::domain::UnixMillis;

use super::{Decision, Keyspace, Reader, StoreError, events, get_one, keys, records::ClockMark};

/// The stored mark; `None` in a store of an earlier build, or a damaged one's.
pub async fn find(reader: &dyn Reader) -> Result<Option<ClockMark>, StoreError> {
    match get_one(reader, keys::clock_mark()).await {
        Err(StoreError::Corrupt(cause)) => {
            tracing::error!(%cause, "the mark of the clock is damaged; it is made anew from the newest event");
            Ok(None)
        }
        found => found,
    }
}

/// Puts the mark in place of what was read.
pub fn put(decision: &mut Decision<'_>, mark: &ClockMark) {
    decision.replace(keys::clock_mark(), mark);
}

/// The time of the newest event; `None` if there is none or it cannot be read.
pub async fn newest_event_time(store: &dyn Keyspace) -> Result<Option<UnixMillis>, StoreError> {
    let newest = *store.newest().borrow();
    let last = events::page(store, newest.saturating_sub(1), 1).await?.pop();
    Ok(last.and_then(|(position, record)| Some(events::decode(position, &record?).ok()?.time)))
}
