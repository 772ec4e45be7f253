//! The log as events.

use crate::domain::Event;

use super::{Keyspace, Position, StoreError, Value, records};

/// The event of a log record.
pub fn decode(position: Position, record: &Value) -> Result<Event, StoreError> {
    records::decode(&position.to_be_bytes().to_vec(), record)
}

/// Whether the log holds all that followed a position, which was that of a record or 0: its beginning may have been removed,
/// or, after a restore, its end be missing.
pub async fn reaches(store: &dyn Keyspace, position: Position) -> Result<bool, StoreError> {
    // A record is there a moment before it is the newest that is told.
    let is_beyond = *store.newest().borrow() < position;
    if is_beyond && store.log(position.saturating_sub(1), 1).await?.is_empty() {
        return Ok(false);
    }
    Ok(store.trimmed().await? <= position)
}
