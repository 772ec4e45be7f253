//! What the engines on disk have in common: everything but their files.
//!
//! An engine is an [`Engine`], which reads and writes raw keys in files of its own; [`DiskStore`] makes a
//! [`Keyspace`](plaudit_keyspace::Keyspace) of it. Here are the layout of the raw keys, large values in chunks, the bounded
//! queue, the one thread that commits, the threads that read, and the files beside those of the engine: `identity`, `synced`
//! and `holder`. `docs/storage.md` lists what each of them guards against.

// What a server must not do; tests may.
#![cfg_attr(
    not(test),
    warn(
        clippy::exit,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::panic_in_result_fn,
        clippy::print_stderr,
        clippy::print_stdout,
        clippy::string_slice,
        clippy::unwrap_used
    )
)]

pub mod awake;
mod chunks;
mod committer;
pub mod dirs;
mod encode;
mod engine;
mod failure;
pub mod fault;
mod holder;
mod identity;
pub mod layout;
mod merge;
pub mod open;
mod pool;
mod queue;
mod reader;
pub mod sidecar;
mod store;
mod trim;
mod vacancy;

pub use committer::Fatal;
pub use engine::{BytesOf, Engine, RawBytes, Seen, Settled, Source, Touched, Unread, View, Writes};
pub use identity::FORMAT;
pub use open::{OpenError, engine_in};
pub use queue::GroupLimits;
pub use reader::Reader;
pub use store::{DiskStore, OnDisk, Options};
pub use vacancy::{SETTINGS_FILE, holds_store};
