//! The cost of storing messages and ratings, compared with the raw engine.

use std::time::Duration;

use crate::common::{
    Result,
    figures::median,
    operation::{Operation, Store},
    raw::{RawSled, engine_rate},
    record::{CONVERSATIONS, Records},
    server::Build,
};

const OPERATIONS: [Operation; 4] = [Operation::Create, Operation::Offer, Operation::Submit, Operation::Store];

pub async fn measure(records: &Records, rounds: usize, length: Duration) -> Result<()> {
    println!("\nstores and ratings, durable; existing conversations are {CONVERSATIONS}, scored");
    let mut ratios: [Vec<f64>; OPERATIONS.len()] = Default::default();
    for round in 1..=rounds {
        println!("  round {round}");
        let mut small = Store::small(&Build::this()).await?;
        for (operation, ratios) in OPERATIONS.into_iter().zip(&mut ratios) {
            let Some(recorded) = operation.recorded(records) else { continue };
            let measured = small.measure_small(operation, length).await?;
            let rate = measured.outcome.rate;
            let raw = RawSled::empty()?.rate(recorded, 0, measured.grouping, length)?;
            let engine = engine_rate(recorded, length).await?;
            println!(
                "    {}: {rate:.0}/s (p50 {}, p99 {}), groups of {:.1}, {:.0} µs of processor time each | \
                 raw sled, same grouping {raw:.0}/s | our engine {engine:.0}/s | to raw sled {:.2}, to our engine {:.2}",
                operation.name(),
                measured.outcome.p50,
                measured.outcome.p99,
                measured.grouping,
                measured.cpu_us,
                rate / raw,
                rate / engine
            );
            ratios.push(rate / raw);
        }
    }
    for (operation, ratios) in OPERATIONS.into_iter().zip(&mut ratios) {
        let bar = operation.bar_to_raw().unwrap_or_default();
        println!("  median ratio to raw sled, {}: {:.2} (bar {bar})", operation.name(), median(ratios));
    }
    Ok(())
}
