//! The log as events.

use crate::domain::Event;

use super::{Keyspace, Position, StoreError, Value, records};

/// The event of a log record.
pub fn decode(position: Position, record: &Value) -> Result<Event, StoreError> {
    records::decode(&position.to_be_bytes().to_vec(), record)
}

/// Whether the log holds all that followed a position, which was that of a record or 0: its beginning may be gone, or, after
/// a restore, its end.
pub async fn reaches(store: &dyn Keyspace, position: Position) -> Result<bool, StoreError> {
    let Some(before) = position.checked_sub(1) else { return Ok(true) };
    if *store.newest().borrow() < position && store.log(before, 1).await?.is_empty() {
        return Ok(false);
    }
    let oldest = store.log(0, 1).await?.first().map_or(Position::MAX, |(oldest, _)| *oldest);
    Ok(oldest <= position.saturating_add(1))
}
