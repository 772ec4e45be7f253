//! The log as events.

use crate::domain::Event;

use super::{
    Decision, Direction, Keyspace, MAX_PAGE, Position, StoreError, Value, keys,
    records::{self, Cursor},
};

/// The event of a log record.
pub fn decode(position: Position, record: &Value) -> Result<Event, StoreError> {
    records::decode(&position.to_be_bytes().to_vec(), record)
}

/// Whether the log still holds everything after a position, which is a record's or 0. Its beginning may have been
/// trimmed, or its end may be missing after a restore.
pub async fn reaches(store: &dyn Keyspace, position: Position) -> Result<bool, StoreError> {
    // A record can be read slightly before `newest` reports it.
    let is_beyond = *store.newest().borrow() < position;
    if is_beyond && store.log(position.saturating_sub(1), 1).await?.is_empty() {
        return Ok(false);
    }
    Ok(store.trimmed().await? <= position)
}

/// At most `limit` records after a position, oldest first. An unreadable record has no value and does not block those
/// after it.
pub async fn page(
    store: &dyn Keyspace,
    after: Position,
    limit: usize,
) -> Result<Vec<(Position, Option<Value>)>, StoreError> {
    match store.log(after, limit).await {
        Ok(page) => return Ok(page.into_iter().map(|(position, record)| (position, Some(record))).collect()),
        Err(StoreError::Corrupt(_)) => {}
        Err(error) => return Err(error),
    }
    // The page contains a damaged record at an unknown position, so read positions one by one.
    let newest = *store.newest().borrow();
    let (mut page, mut last) = (Vec::new(), after);
    while page.len() < limit && last < newest {
        match store.log(last, 1).await {
            Ok(next) => {
                let Some((position, record)) = next.into_iter().next() else { break };
                last = position;
                page.push((position, Some(record)));
            }
            Err(StoreError::Corrupt(cause)) => {
                last += 1;
                tracing::error!(position = last, %cause, "a record of the log is damaged");
                page.push((last, None));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(page)
}

/// The lowest position among the log's durable consumers; nothing after it may be removed. `None` if there are no
/// consumers.
pub async fn lowest_cursor(store: &dyn Keyspace) -> Result<Option<Position>, StoreError> {
    let cursors = store.scan(keys::cursors(), MAX_PAGE, Direction::Ascending).await?;
    // An unreadable cursor could be at any position, so it counts as 0.
    let position = |(key, raw): &(_, Value)| match records::decode::<Cursor>(key, raw) {
        Ok(cursor) => cursor.position,
        Err(cause) => {
            tracing::error!(%cause, "a consumer's place in the log is damaged; no event is removed");
            0
        }
    };
    Ok(cursors.iter().map(position).min())
}

/// Stores a consumer's position in the log, together with what it derived. No later event is trimmed while it is
/// stored.
pub fn put_cursor(decision: &mut Decision<'_>, consumer: &str, position: Position) {
    decision.put(keys::cursor(consumer), &Cursor { position });
}
