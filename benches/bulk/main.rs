//! Imports by other ways, against what they stand on: `cargo bench --bench bulk`.
//!
//! A bulk import against raw sled and our engine with the same keys and bytes; imports over REST against imports over gRPC. As
//! in `main_job`, everything is measured in turn and the ratios are taken within a round.
//!
//! `ROUNDS` and `SECONDS` (a measurement) may be set; `ONLY` is one of bulk, rest.

#[path = "../main_job/echo.rs"]
#[allow(dead_code, reason = "main_job measures more")]
mod echo;
#[path = "../main_job/frames.rs"]
#[allow(dead_code, reason = "main_job measures more")]
mod frames;
#[path = "../main_job/load.rs"]
#[allow(dead_code, reason = "main_job measures more")]
mod load;
#[path = "../main_job/raw.rs"]
#[allow(dead_code, reason = "main_job measures more")]
mod raw;
#[path = "../main_job/server.rs"]
#[allow(dead_code, reason = "main_job measures more")]
mod server;

mod rest;
mod stream;

use std::{error::Error, time::Duration};

use load::Load;

/// As in the server: raw sled gets what it has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls in flight, where they are single calls.
pub const IN_FLIGHT: usize = 100;
/// The bars of the project for these figures.
const BAR_BULK_TO_RAW: f64 = 0.8;
const BAR_REST_TO_GRPC: f64 = 0.7;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(7);
    let seconds = std::env::var("SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(2);
    runtime.block_on(run(rounds, Duration::from_secs(seconds)))
}

async fn run(rounds: usize, length: Duration) -> Result<()> {
    println!("{rounds} rounds, {} s a measurement", length.as_secs());
    let only = std::env::var("ONLY").unwrap_or_default();
    let wanted = |part: &str| only.is_empty() || only == part;
    if wanted("bulk") {
        bulk(rounds, length).await?;
    }
    if wanted("rest") {
        rest_to_grpc(rounds, length).await?;
    }
    Ok(())
}

async fn bulk(rounds: usize, length: Duration) -> Result<()> {
    println!("\nImportConversations, one stream, three messages an item, durable");
    let mut ratios = Vec::new();
    let batches = raw::record_batches(100_000).await?;
    for round in 1..=rounds {
        let server = server::Plaudit::start().await?;
        let streamed = stream::import(&server.address, length).await?;
        let cpu = server.cpu_time()?.as_secs_f64() * 1e6 / streamed.items as f64;
        let resident_mib = server.resident_mib()?;
        let stopped = server.stop().await?;
        let grouping = stopped.commits_per_group().ok_or("the server did not log its commits")?;
        let raw = raw::sled_rate(&batches, grouping.round().max(1.0) as usize, length)?;
        let engine = raw::engine_rate(&batches, length).await?;
        let ratio = streamed.rate / raw;
        println!(
            "  round {round}: {:.0}/s, groups of {grouping:.1}, {cpu:.0} µs of processor time each, at most {} items ahead, \
             resident {resident_mib:.0} MiB | raw sled, same grouping {raw:.0}/s | our engine {engine:.0}/s | \
             to raw sled {ratio:.2} (bar {BAR_BULK_TO_RAW}), to our engine {:.2}",
            streamed.rate,
            streamed.most_ahead,
            streamed.rate / engine
        );
        ratios.push(ratio);
    }
    println!("  median ratio to raw sled: {:.2} (bar {BAR_BULK_TO_RAW})", median(&mut ratios));
    Ok(())
}

async fn rest_to_grpc(rounds: usize, length: Duration) -> Result<()> {
    println!("\nPOST /v1/assess to ImportConversation, the same three messages, {IN_FLIGHT} calls in flight");
    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let server = server::Plaudit::start().await?;
        let grpc = load::closed_loop(&server.address, Load::Import, length).await?;
        server.stop().await?;
        let server = server::Plaudit::start().await?;
        let rest = rest::closed_loop(&server.address, length).await?;
        server.stop().await?;
        let ratio = rest / grpc.rate;
        println!(
            "  round {round}: REST {rest:.0}/s | gRPC {:.0}/s | ratio {ratio:.2} (bar {BAR_REST_TO_GRPC})",
            grpc.rate
        );
        ratios.push(ratio);
    }
    println!("  median ratio: {:.2} (bar {BAR_REST_TO_GRPC})", median(&mut ratios));
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
