//! The main job, compared side by side with what it builds on: `cargo bench --bench main_job`.
//!
//! Measurements alternate over several rounds, and ratios are taken within a round: the machine is noisy, but within a
//! round both sides meet the same speed. Servers run in separate processes; the load comes from this one.
//!
//! `ROUNDS` and `SECONDS` (per measurement) can be set; `ONLY` is one of start, imports, lists, half-load.

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "other benches measure more")]
mod common;

use std::time::Duration;

use common::{
    IN_FLIGHT, Plan, Result, echo,
    figures::median,
    load::{self, Load},
    raw::{self, RawSled},
    record, server,
};

/// As in the server, so that raw sled and the bare servers have the same allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The project's targets for these figures.
const BAR_IMPORT_TO_RAW: f64 = 0.6;
const BAR_LIST_TO_STATIC: f64 = 0.7;
const BAR_READ_P99: Duration = Duration::from_millis(10);
const BAR_IMPORT_P99: Duration = Duration::from_millis(25);
const BAR_READY: Duration = Duration::from_millis(100);
const BAR_IDLE_MIB: f64 = 64.0;

fn main() -> Result<()> {
    let plan = Plan::from_env(7);
    common::run(measure(plan))
}

async fn measure(plan: Plan) -> Result<()> {
    let Plan { rounds, length, .. } = plan;
    println!("{rounds} rounds, {} s a measurement, {IN_FLIGHT} calls in flight", length.as_secs());
    if plan.wants("start") {
        start_and_rest(rounds).await?;
    }
    if plan.wants("imports") {
        imports(rounds, length).await?;
    }
    if plan.wants("lists") {
        lists(rounds, length).await?;
    }
    if plan.wants("half-load") {
        half_load(length * 2).await?;
    }
    Ok(())
}

async fn start_and_rest(rounds: usize) -> Result<()> {
    println!("\nstart on an empty directory, and rest");
    for round in 1..=rounds {
        let server = server::Plaudit::start().await?;
        let ready = server.ready_after;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let idle_mib = server.resident_mib()?;
        println!(
            "  round {round}: ready after {:.0} ms (bar {}), resident when idle {idle_mib:.1} MiB (bar {BAR_IDLE_MIB})",
            ready.as_secs_f64() * 1000.0,
            BAR_READY.as_millis(),
        );
        server.stop().await?;
    }
    Ok(())
}

async fn imports(rounds: usize, length: Duration) -> Result<()> {
    println!("\nImportConversation, three messages, durable");
    let (mut ratios, mut client_ratios) = (Vec::new(), Vec::new());
    let recorded = record::imports(60_000).await?;
    for round in 1..=rounds {
        let server = server::Plaudit::start().await?;
        let imported = load::closed_loop(&server.address, &Load::Import, length).await?;
        let import_cpu = server.cpu_time()?.as_secs_f64() * 1e6 / imported.all_calls as f64;
        let of_clients = load::closed_loop_of_clients(&server.address, &Load::Import, length).await?;
        let stopped = server.stop().await?;
        let grouping = stopped.commits_per_group().ok_or("the server did not log its commits")?;
        let raw = RawSled::empty()?.rate(&recorded, 0, grouping, length)?;
        let engine = raw::engine_rate(&recorded, length).await?;
        let bare = echo::Bare::start().await?;
        let echoed = load::closed_loop(&bare.address, &Load::Echo, length).await?;
        let echo_cpu = bare.cpu_time()?.as_secs_f64() * 1e6 / echoed.all_calls as f64;
        bare.stop().await?;
        println!(
            "  round {round}: {:.0}/s (p50 {}, p99 {}), groups of {grouping:.1} | raw sled, same grouping {raw:.0}/s | \
             our engine without gRPC {engine:.0}/s | bare tonic echo {:.0}/s",
            imported.rate, imported.p50, imported.p99, echoed.rate
        );
        println!(
            "           to raw sled {:.2} (bar {BAR_IMPORT_TO_RAW}), to our engine {:.2}, to the echo {:.2}; \
             processor time of the server per import {import_cpu:.0} µs, of the echo {echo_cpu:.0} µs; \
             called by whole clients {:.0}/s, to raw sled {:.2}",
            imported.rate / raw,
            imported.rate / engine,
            imported.rate / echoed.rate,
            of_clients.rate,
            of_clients.rate / raw
        );
        ratios.push(imported.rate / raw);
        client_ratios.push(of_clients.rate / raw);
    }
    println!(
        "  median ratio to raw sled: {:.2} (bar {BAR_IMPORT_TO_RAW}); called by whole clients {:.2}",
        median(&mut ratios),
        median(&mut client_ratios)
    );
    Ok(())
}

async fn lists(rounds: usize, length: Duration) -> Result<()> {
    println!("\nListAssessments of one conversation (its assessments are three)");
    let (mut ratios, mut bare_ratios) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let server = server::Plaudit::start().await?;
        let parents = load::scored_conversations(&server.address, 200).await?;
        let answer = load::list_once(&server.address, &parents[0]).await?;
        let load = Load::List(parents);
        let listed = load::closed_loop_of_clients(&server.address, &load, length).await?;
        let listed_bare = load::closed_loop(&server.address, &load, length).await?;
        server.stop().await?;
        let bare = echo::Bare::start_with(&answer).await?;
        let load = Load::List(["conversations/1".to_owned()].into());
        let fixed = load::closed_loop_of_clients(&bare.address, &load, length).await?;
        let fixed_bare = load::closed_loop(&bare.address, &load, length).await?;
        bare.stop().await?;
        let ratio = listed.rate / fixed.rate;
        let bare_ratio = listed_bare.rate / fixed_bare.rate;
        println!(
            "  round {round}: {:.0}/s (p99 {}) | tonic with the same {} bytes {:.0}/s | ratio {ratio:.2} (bar {BAR_LIST_TO_STATIC})",
            listed.rate,
            listed.p99,
            prost::Message::encoded_len(&answer),
            fixed.rate
        );
        println!(
            "           answers counted and not decoded: {:.0}/s | {:.0}/s | ratio {bare_ratio:.2}",
            listed_bare.rate, fixed_bare.rate
        );
        ratios.push(ratio);
        bare_ratios.push(bare_ratio);
    }
    println!(
        "  median ratio: {:.2} (bar {BAR_LIST_TO_STATIC}); answers not decoded {:.2}",
        median(&mut ratios),
        median(&mut bare_ratios)
    );
    Ok(())
}

async fn half_load(length: Duration) -> Result<()> {
    println!("\nreads while imports run at half their rate");
    let server = server::Plaudit::start().await?;
    let parents = load::scored_conversations(&server.address, 200).await?;
    let full = load::closed_loop(&server.address, &Load::Import, length / 2).await?;
    let rate = full.rate / 2.0;
    let lists = Load::List(parents);
    let imports = load::open_loop(&server.address, &Load::Import, rate, length);
    let reads = load::open_loop(&server.address, &lists, 200.0, length);
    let (imports, reads) = tokio::try_join!(imports, reads)?;
    println!(
        "  imports at {rate:.0}/s: p50 {}, p99 {} (bar {} ms) | ListAssessments at 200/s: p50 {}, p99 {} (bar {} ms)",
        imports.p50,
        imports.p99,
        BAR_IMPORT_P99.as_millis(),
        reads.p50,
        reads.p99,
        BAR_READ_P99.as_millis()
    );
    println!("  resident after {} imports: {:.0} MiB", full.calls + imports.calls, server.resident_mib()?);
    server.stop().await?;
    Ok(())
}
