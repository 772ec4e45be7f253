//! Plaudit, a self-hosted conversation-quality server. The modules are declared in reading order: the domain first, then the
//! use cases, then the edges.

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

pub mod domain;
pub mod interchange;
#[allow(
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "positions in tables and transcripts are computed by the same code; property tests over arbitrary text check it"
)]
pub mod scoring;
pub mod store;

pub use plaudit_keyspace::panics;

pub mod clock;
pub mod error;
pub mod service;

pub mod background;

pub mod proto;
pub mod wire;

pub mod grpc;
pub mod rest;

pub mod assembly;
pub mod cli;
pub mod config;
pub mod server;
pub mod telemetry;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
