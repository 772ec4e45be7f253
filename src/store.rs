//! Storage: the keyspace contract and its engines, the keys, the records, and typed reads by noun.
//!
//! Knows the domain's types but none of its rules: `service` decides what may be written.

mod decision;
mod detached;
mod engines;
mod space;

pub mod keys;
pub mod records;

pub mod assessment;
pub mod authors;
pub mod check;
pub mod clock_mark;
pub mod conversation;
pub mod directory;
pub mod events;
pub mod ids;
pub mod lease;
pub mod listing;
pub mod message;
pub mod past_damage;
pub mod purge;
pub mod queue;
pub mod rating;
pub mod request;
pub mod salvage;
pub mod scorecard;
pub mod secret;

pub use decision::Decision;
pub use engines::{AUTO, Earlier, ReadCopy, Target, engine_of, open, open_unfinished};
pub use keys::{Keys, WorkspaceId};
pub use plaudit_keyspace::{
    Batch, Committed, Direction, Expect, Key, KeyRange, Keyspace, MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_PAGE,
    MemoryStore, Outcome, Position, Readiness, Stats, StoreError, Value, dump, sweep,
};
pub use plaudit_keyspace_disk::{OnDisk, OpenError, Options, SETTINGS_FILE, holds_store};
#[cfg(feature = "fjall")]
pub use plaudit_keyspace_fjall::FjallStore;
#[cfg(feature = "sled")]
pub use plaudit_keyspace_sled::{SledOptions, SledStore};
pub use records::Stored;
pub use space::{Reader, Scanner, Space, get_many, get_one, get_stored};
