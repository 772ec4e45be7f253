//! The layout of the raw keys, which are divided into areas by their first byte.
//!
//! | area | key after the area byte | value |
//! |---|---|---|
//! | 0 meta | a name | the identity record, the commit number, the newest position removed from the log |
//! | 1 pairs | the caller's key | a stored value (`chunks`) |
//! | 2 chunks | owner, id (8 bytes), number (4 bytes) | a piece of a large value |
//! | 3 log | position (8 bytes) | a stored value |
//!
//! All numbers are big-endian. There is only one tree: without sled's transactions a batch is atomic only within a tree, and
//! a journal of fjall's is kept until each of its trees has written what the journal holds of it.

use std::ops::Bound;

use plaudit_keyspace::{Key, KeyRange, Position};

pub const PAIRS: u8 = 1;
pub const CHUNKS: u8 = 2;
pub const LOG: u8 = 3;

/// The store's identity record, the same as in the file.
pub const IDENTITY_KEY: &[u8] = b"\0identity";
/// The number of the newest merged batch.
pub const COMMIT_NUMBER_KEY: &[u8] = b"\0commit";

/// The position of the newest removed log record, as a stored value; absent if none was removed.
pub const TRIMMED_KEY: &[u8] = b"\0trimmed";

/// Bounds of raw keys.
pub type RawRange = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The raw key of a caller's key.
pub fn pair_key(key: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(1 + key.len());
    raw.push(PAIRS);
    raw.extend_from_slice(key);
    raw
}

/// The caller's key from a raw key in the pairs area.
pub fn caller_key(raw: &[u8]) -> Key {
    raw.get(1..).unwrap_or_default().to_vec()
}

/// The raw key of a log record.
pub fn log_key(position: Position) -> [u8; 9] {
    let mut raw = [LOG; 9];
    raw[1..].copy_from_slice(&position.to_be_bytes());
    raw
}

/// The position in a log record's raw key; `None` if it is not one.
pub fn position_of(raw: &[u8]) -> Option<Position> {
    match raw.split_first() {
        Some((&LOG, position)) => position.try_into().ok().map(Position::from_be_bytes),
        _ => None,
    }
}

/// The raw bounds of a caller's range; never beyond the pairs area.
pub fn pair_range(range: KeyRange) -> RawRange {
    let raw = |key: Vec<u8>| pair_key(&key);
    let start = match range.start {
        Bound::Included(key) => Bound::Included(raw(key)),
        Bound::Excluded(key) => Bound::Excluded(raw(key)),
        Bound::Unbounded => Bound::Included(vec![PAIRS]),
    };
    let end = match range.end {
        Bound::Included(key) => Bound::Included(raw(key)),
        Bound::Excluded(key) => Bound::Excluded(raw(key)),
        Bound::Unbounded => Bound::Excluded(vec![PAIRS + 1]),
    };
    (start, end)
}

/// The raw bounds of the log after a position.
pub fn log_range(after: Position) -> RawRange {
    (Bound::Excluded(log_key(after).to_vec()), Bound::Excluded(vec![LOG + 1]))
}
