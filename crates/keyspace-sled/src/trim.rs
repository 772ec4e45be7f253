//! Removes the oldest log records, one part at a time, and records how far they were removed.

use ::sled::Tree;

use super::{
    chunks::{self, corrupt, damaged},
    layout::{self, TRIMMED_KEY},
    queue::Write,
};
use plaudit_keyspace::{Expect, MAX_TRIM, Position, StoreError, Value};

/// A write that removes the oldest records. It expects them to be the oldest still, so that of two concurrent removals
/// only one succeeds.
pub(super) struct Part {
    pub count: usize,
    pub write: Write,
}

/// The stored position up to which records were removed.
fn find(tree: &Tree) -> Result<Option<Value>, StoreError> {
    let stored = tree.get(TRIMMED_KEY).map_err(damaged)?;
    stored.map(|stored| chunks::read(tree, &stored)).transpose()
}

/// The position of the newest removed record, or 0.
pub(super) fn trimmed(tree: &Tree) -> Result<Position, StoreError> {
    let Some(value) = find(tree)? else { return Ok(0) };
    let bytes = value.as_ref().try_into();
    bytes
        .map(Position::from_be_bytes)
        .map_err(|_| corrupt("the place up to which the log is gone is malformed"))
}

/// The next part to remove, up to a position; `None` if nothing is left but the newest record.
pub(super) fn next_part(tree: &Tree, up_to: Position) -> Result<Option<Part>, StoreError> {
    let before = find(tree)?;
    let (mut keys, mut count, mut last) = (Vec::new(), 0, 0);
    let mut records = tree.range::<Vec<u8>, _>(layout::log_range(0)).peekable();
    while let Some(record) = records.next() {
        let (key, stored) = record.map_err(damaged)?;
        let position =
            layout::position_of(&key).ok_or_else(|| corrupt("a log record has a malformed key"))?;
        // The record without a successor is the newest, which stays.
        if position > up_to || records.peek().is_none() {
            break;
        }
        // A damaged head names no chunks: it is removed, and they stay.
        let chunks = chunks::chunk_keys(&stored).unwrap_or_default();
        if count > 0 && keys.len() + chunks.len() >= MAX_TRIM {
            break;
        }
        (count, last) = (count + 1, position);
        keys.push(key);
        keys.extend(chunks);
    }
    let size_bytes = keys.iter().map(|key| key.len()).sum();
    let write = Write {
        expect: vec![(TRIMMED_KEY.into(), before.map_or(Expect::Absent, Expect::Is))],
        pairs: vec![(TRIMMED_KEY.into(), Some(chunks::in_place(&last.to_be_bytes())))],
        log: Vec::new(),
        key_count: keys.len() + 1,
        size_bytes,
        removed: keys,
    };
    Ok((count > 0).then_some(Part { count, write }))
}
