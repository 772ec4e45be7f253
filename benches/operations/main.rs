//! The operations other than the import, compared with what they build on, and all of them with many conversations
//! stored: `cargo bench --bench operations`.
//!
//! Measurements alternate over several rounds, and ratios are taken within a round. *Raw sled* is one thread that
//! applies the same keys and bytes, in groups of the size that the server reached, flushes and syncs; *our engine* is
//! the keyspace without gRPC. Both start with the same stored data as the server.
//!
//! `ROUNDS`, `SECONDS` (per measurement) and `STORED` (the many) can be set; `ONLY` is one of writes, reads, stored.

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "other benches measure more")]
mod common;
mod stored;
mod writes;

use common::{
    IN_FLIGHT, Plan, Result, half_load::half_load, operation::Store, record::Records, server::Build,
};

/// As in the server, so that raw sled has the same allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rounds with many conversations stored, which take longer.
const ROUNDS_STORED: usize = 3;
/// About as many as raw sled writes within a measurement.
const RECORDED: usize = 60_000;

fn main() -> Result<()> {
    common::run(measure_all())
}

async fn measure_all() -> Result<()> {
    let plan = Plan::from_env(5);
    println!(
        "{} rounds, {} s a measurement, {IN_FLIGHT} calls in flight",
        plan.rounds,
        plan.length.as_secs()
    );
    if plan.wants("reads") {
        println!("\nreads while imports run at half their rate");
        let mut store = Store::small(&Build::this()).await?;
        println!("  {}", half_load(&mut store, plan.length * 2).await?.text());
    }
    if plan.wants("writes") || plan.wants("stored") {
        let records = Records::make(RECORDED).await?;
        if plan.wants("writes") {
            writes::measure(&records, plan.rounds, plan.length).await?;
        }
        if plan.wants("stored") {
            let count = common::from_env("STORED", 300_000);
            // Half as long, since whatever a measurement leaves is scored before the next one.
            stored::measure(&records, count, plan.rounds.min(ROUNDS_STORED), plan.length / 2).await?;
        }
    }
    Ok(())
}
