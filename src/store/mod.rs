//! The keyspace: what is kept, under which keys, in which engine.

#[cfg(test)]
mod conformance;
pub mod dump;
mod keyspace;
pub mod memory;
pub mod sled;

pub use keyspace::{
    Batch, Committed, Direction, Expect, Key, KeyRange, Keyspace, MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_PAGE,
    MAX_POSITION, Position, Stats, StoreError, Value,
};
pub use memory::MemoryStore;
pub use sled::{OpenError, SledOptions, SledStore};
