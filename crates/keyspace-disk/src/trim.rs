//! Removes the oldest log records, one part at a time, and records how far they were removed.

use super::{
    chunks::{self, corrupt},
    encode::Write,
    engine::View,
    layout::{self, TRIMMED_KEY},
};
use plaudit_keyspace::{Expect, MAX_TRIM, Position, StoreError, Value};

/// A write that removes the oldest records. It expects them to be the oldest still, so that of two concurrent removals
/// only one succeeds.
pub(super) struct Part<B> {
    pub count: usize,
    pub write: Write<B>,
}

/// The stored position up to which records were removed.
fn find<V: View>(view: &V) -> Result<Option<Value>, StoreError> {
    let stored = view.get(TRIMMED_KEY)?;
    stored.map(|stored| chunks::read(view, stored)).transpose()
}

/// The position of the newest removed record, or 0.
pub(super) fn trimmed<V: View>(view: &V) -> Result<Position, StoreError> {
    position(find(view)?.as_ref())
}

fn position(found: Option<&Value>) -> Result<Position, StoreError> {
    let Some(value) = found else { return Ok(0) };
    let bytes = value.as_ref().try_into();
    bytes
        .map(Position::from_be_bytes)
        .map_err(|_| corrupt("the place up to which the log is gone is malformed"))
}

/// The next part to remove, up to a position; `None` if nothing is left but the newest record.
pub(super) fn next_part<V: View>(view: &V, up_to: Position) -> Result<Option<Part<V::Bytes>>, StoreError> {
    let before = find(view)?;
    let (mut keys, mut count, mut last) = (Vec::new(), 0, 0);
    // Not from the beginning: an engine may have to step over every record that was removed.
    let left = layout::log_range(position(before.as_ref())?);
    let mut records = view.range(&left).peekable();
    while let Some(record) = records.next() {
        let (key, stored) = record?;
        let position =
            layout::position_of(key.as_ref()).ok_or_else(|| corrupt("a log record has a malformed key"))?;
        // The record without a successor is the newest, which stays.
        if position > up_to || records.peek().is_none() {
            break;
        }
        // A damaged head names no chunks: it is removed, and they stay.
        let chunks = chunks::chunk_keys(stored.as_ref()).unwrap_or_default();
        if count > 0 && keys.len() + chunks.len() >= MAX_TRIM {
            break;
        }
        (count, last) = (count + 1, position);
        keys.push(key);
        keys.extend(chunks);
    }
    let size_bytes = keys.iter().map(|key| key.as_ref().len()).sum();
    let trimmed = V::Bytes::from(TRIMMED_KEY.to_vec());
    let write = Write {
        expect: vec![(trimmed.clone(), before.map_or(Expect::Absent, Expect::Is))],
        pairs: vec![(trimmed, Some(chunks::in_place(&last.to_be_bytes())))],
        log: Vec::new(),
        key_count: keys.len() + 1,
        size_bytes,
        removed: keys,
    };
    Ok((count > 0).then_some(Part { count, write }))
}
