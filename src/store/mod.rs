//! What is kept: the contract of the keyspace and its engines, the keys, the records, and typed reads by noun.
//!
//! It knows the domain's types and no rule of theirs: what may be written is decided in `service`.

#[cfg(test)]
mod conformance;
mod keyspace;
mod memory;

pub mod dump;
pub mod sled;

pub mod keys;
pub mod records;

pub mod assessment;
pub mod authors;
pub mod conversation;
pub mod directory;
pub mod events;
pub mod ids;
pub mod listing;
pub mod message;
pub mod purge;
pub mod queue;
pub mod rating;
pub mod request;
pub mod scorecard;
pub mod secret;

pub use keyspace::{
    Batch, Committed, Direction, Expect, Key, KeyRange, Keyspace, MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_PAGE,
    Position, Stats, StoreError, Value,
};
pub use memory::MemoryStore;
pub use records::Stored;
pub use sled::{OpenError, SETTINGS_FILE, SledOptions, SledStore};

/// The value of one key, decoded.
pub async fn get_one<T: for<'a> minicbor::Decode<'a, ()>>(
    store: &dyn Keyspace,
    key: Key,
) -> Result<Option<Stored<T>>, StoreError> {
    let raw = store.get(vec![key.clone()]).await?.pop().flatten();
    records::decode_stored(&key, raw)
}

/// What `raw` was when it was read, as an expectation.
pub fn expect_unchanged(raw: Option<Value>) -> Expect {
    raw.map_or(Expect::Absent, Expect::Is)
}
