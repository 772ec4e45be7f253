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

/// At most `limit` records after a position, oldest first. One that cannot be read has no value, and does not keep those after it
/// from being read.
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
    // A damaged record is in it. Where is not told, so the places are tried one after the other.
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

/// Up to where every durable consumer has read the log: nothing after it may be removed. `None` where there is none.
pub async fn lowest_cursor(store: &dyn Keyspace) -> Result<Option<Position>, StoreError> {
    let cursors = store.scan(keys::cursors(), MAX_PAGE, Direction::Ascending).await?;
    // One that cannot be read may stand anywhere.
    let position = |(key, raw): &(_, Value)| match records::decode::<Cursor>(key, raw) {
        Ok(cursor) => cursor.position,
        Err(cause) => {
            tracing::error!(%cause, "a consumer's place in the log is damaged; no event is removed");
            0
        }
    };
    Ok(cursors.iter().map(position).min())
}

/// Notes how far a durable consumer of the log has read, with what it made of it. While it is noted, no later event is removed.
pub fn put_cursor(decision: &mut Decision<'_>, consumer: &str, position: Position) {
    decision.put(keys::cursor(consumer), &Cursor { position });
}
