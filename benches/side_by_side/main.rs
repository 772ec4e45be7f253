//! Two builds of the server under the same loads, alternating: `BASELINE=/path/to/plaudit cargo bench --bench
//! side_by_side`.
//!
//! In each round every load runs on one build and then on the other; the next round starts with the other build. Ratios
//! are taken within a round. Each server has its own directory, created by the same build.
//!
//! With `ENGINE=fjall` this build uses that engine. `ROUNDS`, `SECONDS` (per measurement), `ITEMS` (in the long stream) and `STORED` (the many) can be set; `ONLY` is
//! one of start, imports, lists, operations, reads, memory, stored; `OPERATION` is part of the names of the operations to
//! measure.

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "other benches measure more")]
mod common;
mod table;

use std::time::Duration;

use common::{
    Plan, Result,
    half_load::beside_imports,
    load::{self, Load},
    operation::{OPERATIONS, Store},
    server::{Build, Plaudit, new_data},
    stream::{self, Amount},
};
use table::{Sample, Table, Unit};

/// The two builds: this one, and the baseline.
type Builds = [Build; 2];

/// Rounds of slow measurements.
const FEW_ROUNDS: usize = 3;

fn main() -> Result<()> {
    common::run(measure_all())
}

async fn measure_all() -> Result<()> {
    let Some(baseline) = Build::baseline() else {
        println!(
            "BASELINE is not set; it names the plaudit binary of another build, which this one is compared with"
        );
        return Ok(());
    };
    let builds = [Build::this(), baseline];
    let plan = Plan::from_env(5);
    let Plan { rounds, length, .. } = plan;
    println!("{rounds} rounds, {} s a measurement; this build and the baseline", length.as_secs());
    if plan.wants("start") {
        fresh("start on an empty directory, and rest", &builds, rounds, async |build| start(build).await)
            .await?;
    }
    if plan.wants("imports") {
        let measure = async |build: &Build| imports(build, length).await;
        fresh("ImportConversation, three messages, durable", &builds, rounds, measure).await?;
    }
    if plan.wants("lists") {
        let measure = async |build: &Build| lists(build, length).await;
        fresh("ListAssessments of 200 conversations in turn", &builds, rounds, measure).await?;
    }
    if plan.wants("operations") {
        operations(&builds, rounds, length).await?;
    }
    if plan.wants("reads") {
        reads(&builds, rounds, length * 2).await?;
    }
    if plan.wants("memory") {
        let items = common::from_env("ITEMS", 300_000);
        let measure = async |build: &Build| memory(build, items).await;
        fresh(&format!("one stream of {items} items with one message"), &builds, 1, measure).await?;
    }
    if plan.wants("stored") {
        let count = common::from_env("STORED", 100_000);
        stored(&builds, count, rounds.min(FEW_ROUNDS), length).await?;
    }
    Ok(())
}

/// Which of the two is measured first and second in a round.
fn order(round: usize) -> [usize; 2] {
    if round % 2 == 1 { [0, 1] } else { [1, 0] }
}

/// Measures something that starts fresh each time.
async fn fresh(
    what: &str,
    builds: &Builds,
    rounds: usize,
    measure: impl AsyncFn(&Build) -> Result<Sample>,
) -> Result<()> {
    let mut table = Table::new(what);
    for round in 1..=rounds {
        let mut samples = [Sample::default(), Sample::default()];
        for which in order(round) {
            samples[which] = measure(&builds[which]).await?;
        }
        table.add(samples)?;
    }
    table.print();
    Ok(())
}

async fn start(build: &Build) -> Result<Sample> {
    let server = build.start().await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut sample = Sample::default();
    sample.add("first answer after", Unit::Millis, server.ready_after.as_secs_f64() * 1e3);
    sample.add("resident when idle", Unit::Mib, server.resident_mib()?);
    server.stop().await?;
    Ok(sample)
}

async fn imports(build: &Build, length: Duration) -> Result<Sample> {
    let server = build.start().await?;
    let imported = load::closed_loop(&server.address, &Load::Import, length).await?;
    let cpu = server.cpu_time()?;
    let of_clients = load::closed_loop_of_clients(&server.address, &Load::Import, length).await?;
    server.stop().await?;
    let mut sample = Sample::default();
    sample.outcome("imports", &imported, cpu);
    sample.add("called by whole clients", Unit::PerSecond, of_clients.rate);
    Ok(sample)
}

async fn lists(build: &Build, length: Duration) -> Result<Sample> {
    let server = build.start().await?;
    let load = Load::List(load::scored_conversations(&server.address, 200).await?);
    let cpu_before = server.cpu_time()?;
    let listed = load::closed_loop(&server.address, &load, length).await?;
    let cpu = server.cpu_time()? - cpu_before;
    let of_clients = load::closed_loop_of_clients(&server.address, &load, length).await?;
    server.stop().await?;
    let mut sample = Sample::default();
    sample.outcome("lists", &listed, cpu);
    sample.add("called by whole clients, which decode", Unit::PerSecond, of_clients.rate);
    Ok(sample)
}

/// On new stores in each round, because each conversation is offered a rating only once. The builds take turns within each
/// operation: what else the machine does changes within seconds.
async fn operations(builds: &Builds, rounds: usize, length: Duration) -> Result<()> {
    let wanted = std::env::var("OPERATION").unwrap_or_default();
    let mut table = Table::new("every operation on a small store");
    for round in 1..=rounds {
        let mut stores = [Store::small(&builds[0]).await?, Store::small(&builds[1]).await?];
        table.add(stores.each_ref().map(scored))?;
        for operation in OPERATIONS.into_iter().filter(|operation| operation.name().contains(&wanted)) {
            let mut samples = [Sample::default(), Sample::default()];
            for which in order(round) {
                let measured = stores[which].measure_small(operation, length).await?;
                samples[which].operation(operation, &measured);
            }
            table.add(samples)?;
        }
    }
    table.print();
    Ok(())
}

fn scored(store: &Store) -> Sample {
    let mut sample = Sample::default();
    sample.add("an import until it is scored", Unit::Micros, store.scored_cpu_us);
    sample
}

/// Latencies of both while imports run at the same rate: half of the baseline's maximum.
async fn reads(builds: &Builds, rounds: usize, length: Duration) -> Result<()> {
    let server = builds[1].start().await?;
    let rate = load::closed_loop(&server.address, &Load::Import, length / 2).await?.rate / 2.0;
    server.stop().await?;
    let measure = async |build: &Build| {
        let half = beside_imports(&mut Store::small(build).await?, rate, length).await?;
        let mut sample = Sample::default();
        sample.latencies("imports", &half.imports);
        sample.latencies("ListAssessments at 200/s", &half.lists);
        sample.latencies("GET /ticket/{id}/assessments at 200/s", &half.rest);
        sample.add("left to score, processor time", Unit::Millis, half.left.as_secs_f64() * 1e3);
        Ok(sample)
    };
    fresh(&format!("reads beside {rate:.0} imports a second"), builds, rounds, measure).await
}

async fn memory(build: &Build, items: u64) -> Result<Sample> {
    let mut sample = Sample::default();
    for (cache, arguments) in [("", &[][..]), (", cache of 128 MiB", &["--store-cache-mib", "128"][..])] {
        let server = Plaudit::start_build(build, &new_data()?, arguments).await?;
        let streamed = stream::import_of_one(&server.address, Amount::Items(items)).await?;
        sample.add(&format!("items{cache}"), Unit::PerSecond, streamed.rate);
        sample.add(&format!("resident at most{cache}"), Unit::Mib, server.peak_mib()?);
        sample.add(&format!("resident at the end{cache}"), Unit::Mib, server.resident_mib()?);
        server.stop().await?;
    }
    Ok(sample)
}

/// Every operation with many conversations stored, on the same store in every round.
async fn stored(builds: &Builds, count: usize, rounds: usize, length: Duration) -> Result<()> {
    let mut stores = [Store::of(&builds[0], count).await?, Store::of(&builds[1], count).await?];
    let mut table = Table::new(&format!("every operation with {count} conversations stored"));
    table.add(stores.each_ref().map(scored))?;
    for round in 1..=rounds {
        for operation in OPERATIONS {
            let mut samples = [Sample::default(), Sample::default()];
            for which in order(round) {
                let measured = stores[which].measure(operation, length).await?;
                samples[which].operation(operation, &measured);
            }
            table.add(samples)?;
        }
    }
    table.print();
    Ok(())
}
