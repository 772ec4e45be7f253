//! Every operation on an empty or small store and on one with many conversations, side by side.

use std::time::{Duration, Instant};

use crate::common::{
    Result,
    figures::median,
    raw::RawSled,
    record::{CONVERSATIONS, Records},
    server::{mib_on_disk, sled_dir},
};

use super::{
    measure::{Measured, OPERATIONS, Operation, Store},
    reads::half_load,
};

const BAR_REST_TO_GRPC: f64 = 0.7;

/// The ratios of one operation, a round each.
#[derive(Default)]
struct Ratios {
    to_empty: Vec<f64>,
    to_raw: Vec<f64>,
    to_raw_empty: Vec<f64>,
}

pub async fn measure(records: &Records, count: usize, rounds: usize, length: Duration) -> Result<()> {
    println!(
        "\n{count} conversations stored and scored, beside an empty store (where conversations have to be there, {CONVERSATIONS})"
    );
    let began = Instant::now();
    let mut large = Store::of(count).await?;
    println!(
        "  made in {:.0} s by a bulk import and its scoring, {:.0} MiB on disk",
        began.elapsed().as_secs_f64(),
        mib_on_disk(&sled_dir(&large.data))?
    );
    let mut ratios: [Ratios; OPERATIONS.len()] = Default::default();
    let (mut rest_to_grpc, mut rest_to_grpc_empty) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        println!("  round {round}");
        let mut small = Store::small().await?;
        let mut rates = Vec::with_capacity(OPERATIONS.len());
        for (place, operation) in OPERATIONS.into_iter().enumerate() {
            let of_large = large.measure(operation, length).await?;
            let of_small = if operation.needs_stored() {
                small.measure(operation, length).await?
            } else {
                Store::empty()?.measure(operation, length).await?
            };
            let raw = raw_rates(records, operation, &of_small, &of_large, &large, (round, place), length)?;
            let compared = Compared { operation, small: of_small, large: of_large, raw };
            println!("    {}", compared.text());
            compared.count(&mut ratios[place]);
            rates.push((operation, compared.small.outcome.rate, compared.large.outcome.rate));
        }
        let rate = |wanted| rates.iter().find(|(operation, ..)| *operation == wanted);
        if let (Some(rest), Some(grpc)) = (rate(Operation::Rest), rate(Operation::Import)) {
            rest_to_grpc_empty.push(rest.1 / grpc.1);
            rest_to_grpc.push(rest.2 / grpc.2);
        }
    }
    println!("  medians");
    for (operation, ratios) in OPERATIONS.into_iter().zip(&mut ratios) {
        println!("    {}: {}", operation.name(), ratios.text(operation));
    }
    println!(
        "    POST /v1/assess to ImportConversation: {:.2}, on an empty store {:.2} (bar {BAR_REST_TO_GRPC})",
        median(&mut rest_to_grpc),
        median(&mut rest_to_grpc_empty)
    );
    println!("  reads while imports run at half their rate");
    let small = Store::small().await?;
    println!("    empty: {}", half_load(&small.data, &small.names, length * 2).await?.text());
    println!("    {count} stored: {}", half_load(&large.data, &large.names, length * 2).await?.text());
    println!("  in the end {:.0} MiB on disk", mib_on_disk(&sled_dir(&large.data))?);
    Ok(())
}

/// What raw sled does with the same keys and bytes: on an empty directory, and on the files of the large store.
fn raw_rates(
    records: &Records,
    operation: Operation,
    small: &Measured,
    large: &Measured,
    store: &Store,
    (round, place): (usize, usize),
    length: Duration,
) -> Result<Option<(f64, f64)>> {
    let Some(recorded) = operation.recorded(records) else { return Ok(None) };
    let of_empty = RawSled::empty()?.rate(recorded, small.group(), length)?;
    let beside = RawSled::beside(&store.data, (round * OPERATIONS.len() + place) as u8)?;
    Ok(Some((of_empty, beside.rate(recorded, large.group(), length)?)))
}

/// One operation in one round.
struct Compared {
    operation: Operation,
    small: Measured,
    large: Measured,
    /// Of raw sled on an empty directory and on the large store's.
    raw: Option<(f64, f64)>,
}

impl Compared {
    fn text(&self) -> String {
        let of = |measured: &Measured, raw: Option<f64>| {
            let to_raw =
                raw.map(|raw| format!(", raw sled {raw:.0}/s, ratio {:.2}", measured.outcome.rate / raw));
            format!(
                "{:.0}/s (p99 {}, groups of {:.1}, {:.0} µs){}",
                measured.outcome.rate,
                measured.outcome.p99,
                measured.grouping,
                measured.cpu_us,
                to_raw.unwrap_or_default()
            )
        };
        format!(
            "{}: {} | empty {} | to empty {:.2}",
            self.operation.name(),
            of(&self.large, self.raw.map(|raw| raw.1)),
            of(&self.small, self.raw.map(|raw| raw.0)),
            self.large.outcome.rate / self.small.outcome.rate
        )
    }

    fn count(&self, ratios: &mut Ratios) {
        ratios.to_empty.push(self.large.outcome.rate / self.small.outcome.rate);
        if let Some((of_empty, of_large)) = self.raw {
            ratios.to_raw_empty.push(self.small.outcome.rate / of_empty);
            ratios.to_raw.push(self.large.outcome.rate / of_large);
        }
    }
}

impl Ratios {
    fn text(&mut self, operation: Operation) -> String {
        let to_empty = format!("to empty {:.2}", median(&mut self.to_empty));
        if self.to_raw.is_empty() {
            return to_empty;
        }
        let bar = operation.bar_to_raw().map(|bar| format!(" (bar {bar})")).unwrap_or_default();
        format!(
            "to raw sled on as many {:.2}{bar}, empty {:.2}; {to_empty}",
            median(&mut self.to_raw),
            median(&mut self.to_raw_empty)
        )
    }
}
