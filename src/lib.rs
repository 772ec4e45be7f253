//! Plaudit, a self-hosted conversation-quality server. The modules stand in reading order: from the words, through the use
//! cases, to the edges.

// What a server must not do. Tests, benches and build scripts may.
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
    reason = "positions in tables and transcripts come from the same code; tests of any text hold it to that"
)]
pub mod scoring;
pub mod store;

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
