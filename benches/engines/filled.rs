//! A store with many conversations: how large it is, how soon it is ready, and what it takes to import more.

use std::time::{Duration, Instant};

use crate::{
    FJALL, SLED,
    common::{
        Plan, Result,
        figures::median,
        load::{self, Load},
        operation::{Operation, Store},
        server::Build,
    },
};

pub async fn measure(plan: &Plan, count: usize) -> Result<()> {
    println!("\n{count} conversations stored and scored");
    let mut builds = vec![("fjall", Build::this_on(FJALL)), ("sled", Build::this_on(SLED))];
    if let Some(baseline) = Build::baseline() {
        builds.push(("baseline", baseline));
    }
    for (name, build) in builds {
        let began = Instant::now();
        let mut store = Store::of(&build, count).await?;
        let made = began.elapsed();
        println!(
            "  {name}: made in {:.0} s, {:.0} µs of processor time each; {:.0} MiB on disk, {:.2} KiB each; at most {:.0} MiB resident",
            made.as_secs_f64(),
            store.scored_cpu_us,
            store.mib_on_disk()?,
            store.mib_on_disk()? * 1024.0 / count as f64,
            store.peak_mib,
        );
        let (mut ready, mut ratios) = (Vec::new(), Vec::new());
        for _ in 0..plan.rounds {
            let server = store.start(&[]).await?;
            ready.push(server.ready_after.as_secs_f64() * 1e3);
            let filled = load::closed_loop(&server.address, &Load::Import, plan.length).await?.rate;
            server.stop().await?;
            let server = build.start().await?;
            let empty = load::closed_loop(&server.address, &Load::Import, plan.length).await?.rate;
            server.stop().await?;
            ratios.push(filled / empty);
        }
        store.settle().await?;
        println!(
            "    ready after {:.0} ms; imports to those into an empty store {:.2}",
            median(&mut ready),
            median(&mut ratios)
        );
        let mut small = Store::small(&build).await?;
        for operation in [Operation::List, Operation::Offer, Operation::Submit] {
            let mut ratios = Vec::new();
            for _ in 0..plan.rounds.min(3) {
                let length = plan.length.min(Duration::from_secs(1));
                let filled = store.measure(operation, length).await?.outcome.rate;
                ratios.push(filled / small.measure_small(operation, length).await?.outcome.rate);
            }
            println!("    {}: to that on a small store {:.2}", operation.name(), median(&mut ratios));
        }
    }
    Ok(())
}
