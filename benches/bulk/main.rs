//! Other ways to import, compared with what they build on: `cargo bench --bench bulk`.
//!
//! A bulk import against raw sled and our engine with the same keys and bytes; imports over REST against imports over
//! gRPC; the memory that a long bulk import takes. As in `main_job`, measurements alternate, and ratios are taken
//! within a round.
//!
//! `ROUNDS`, `SECONDS` (per measurement) and `ITEMS` (in the long import) can be set; `ONLY` is one of bulk, rest,
//! memory.

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "other benches measure more")]
mod common;

use std::time::Duration;

use common::{
    IN_FLIGHT, Plan, Result,
    figures::median,
    load::{self, Load},
    raw::{self, RawSled},
    record, rest, server,
    stream::{self, Amount},
};

/// As in the server, so that raw sled has the same allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The project's targets for these figures.
const BAR_BULK_TO_RAW: f64 = 0.8;
const BAR_REST_TO_GRPC: f64 = 0.7;
const BAR_PEAK_MIB: f64 = 200.0;

fn main() -> Result<()> {
    let plan = Plan::from_env(7);
    common::run(measure(plan))
}

async fn measure(plan: Plan) -> Result<()> {
    let Plan { rounds, length, .. } = plan;
    println!("{rounds} rounds, {} s a measurement", length.as_secs());
    if plan.wants("bulk") {
        bulk(rounds, length).await?;
    }
    if plan.wants("rest") {
        rest_to_grpc(rounds, length).await?;
    }
    if plan.wants("memory") {
        memory(common::from_env("ITEMS", 1_000_000)).await?;
    }
    Ok(())
}

async fn bulk(rounds: usize, length: Duration) -> Result<()> {
    println!("\nImportConversations, one stream, three messages an item, durable");
    let mut ratios = Vec::new();
    let recorded = record::imports(100_000).await?;
    for round in 1..=rounds {
        let server = server::Plaudit::start().await?;
        let streamed = stream::import(&server.address, Amount::During(length)).await?;
        let cpu = server.cpu_time()?.as_secs_f64() * 1e6 / streamed.items as f64;
        let resident_mib = server.resident_mib()?;
        let stopped = server.stop().await?;
        let grouping = stopped.commits_per_group().ok_or("the server did not log its commits")?;
        let raw = RawSled::empty()?.rate(&recorded, 0, grouping, length)?;
        let engine = raw::engine_rate(&recorded, length).await?;
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
        let grpc = load::closed_loop(&server.address, &Load::Import, length).await?;
        let grpc_cpu = server.cpu_time()?.as_secs_f64() * 1e6 / grpc.all_calls as f64;
        server.stop().await?;
        let server = server::Plaudit::start().await?;
        let rest = rest::imports(&server.address, length).await?;
        let rest_cpu = server.cpu_time()?.as_secs_f64() * 1e6 / rest.all_calls as f64;
        server.stop().await?;
        let ratio = rest.rate / grpc.rate;
        println!(
            "  round {round}: REST {:.0}/s (p99 {}), {rest_cpu:.0} µs of the server's processor time each | \
             gRPC {:.0}/s (p99 {}), {grpc_cpu:.0} µs | ratio {ratio:.2} (bar {BAR_REST_TO_GRPC})",
            rest.rate, rest.p99, grpc.rate, grpc.p99
        );
        ratios.push(ratio);
    }
    println!("  median ratio: {:.2} (bar {BAR_REST_TO_GRPC})", median(&mut ratios));
    Ok(())
}

async fn memory(items: u64) -> Result<()> {
    println!("\nImportConversations, one stream of {items} items with one message");
    let server = server::Plaudit::start().await?;
    let streamed = stream::import_of_one(&server.address, Amount::Items(items)).await?;
    println!(
        "  {:.0}/s, at most {} items ahead; resident at most {:.0} MiB (bar {BAR_PEAK_MIB}), {:.0} MiB at the end, \
         {:.0} MiB on disk",
        streamed.rate,
        streamed.most_ahead,
        server.peak_mib()?,
        server.resident_mib()?,
        server.mib_on_disk()?
    );
    server.stop().await?;
    Ok(())
}
