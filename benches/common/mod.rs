//! Shared by the benches: servers in separate processes, the load on them, and what they are compared with.

pub mod echo;
pub mod figures;
pub mod frames;
pub mod half_load;
pub mod load;
pub mod operation;
pub mod raw;
pub mod record;
pub mod requests;
pub mod rest;
pub mod server;
pub mod stream;

use std::{error::Error, future::Future, str::FromStr, time::Duration};

/// Concurrent calls, where these are single calls.
pub const IN_FLIGHT: usize = 100;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What a run measures, and for how long; set by `ROUNDS`, `SECONDS` (per measurement) and `ONLY` (one part of a
/// bench).
pub struct Plan {
    pub rounds: usize,
    pub length: Duration,
    only: String,
}

impl Plan {
    pub fn from_env(rounds: usize) -> Self {
        let length = Duration::from_secs(from_env("SECONDS", 2));
        Self { rounds: from_env("ROUNDS", rounds), length, only: std::env::var("ONLY").unwrap_or_default() }
    }

    pub fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only == part
    }
}

/// A number from the environment.
pub fn from_env<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Runs a bench, or the bare server that it started itself as.
pub fn run(bench: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if std::env::args().nth(1).as_deref() == Some(echo::BARE_SERVER) {
        return runtime.block_on(echo::serve());
    }
    runtime.block_on(bench)
}
