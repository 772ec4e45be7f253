//! The keyspace: what is kept, under which keys, in which engine.

mod keyspace;

pub use keyspace::{
    Batch, Committed, Direction, Expect, Key, KeyRange, Keyspace, MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_PAGE,
    Position, Stats, StoreError, Value,
};
