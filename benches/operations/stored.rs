//! Every operation on a store with many conversations and on an empty or small one, side by side.

use std::time::{Duration, Instant};

use crate::common::{
    Result,
    figures::median,
    half_load::half_load,
    operation::{Measured, OPERATIONS, Operation, Store},
    raw::RawSled,
    record::{CONVERSATIONS, Records},
    server::{Build, mib_on_disk, sled_dir},
};

const BAR_REST_TO_GRPC: f64 = 0.7;

pub async fn measure(records: &Records, count: usize, rounds: usize, length: Duration) -> Result<()> {
    println!(
        "\n{count} conversations stored and scored, beside an empty store (beside {CONVERSATIONS} conversations where there \
         have to be some); {rounds} rounds, {:.1} s a measurement",
        length.as_secs_f64()
    );
    let began = Instant::now();
    let mut large = Store::of(&Build::this(), count).await?;
    println!(
        "  made in {:.0} s by a bulk import and its scoring, {:.0} MiB on disk",
        began.elapsed().as_secs_f64(),
        mib_on_disk(&sled_dir(&large.data))?
    );
    let mut ratios: [Ratios; OPERATIONS.len()] = Default::default();
    for round in 1..=rounds {
        println!("  round {round}");
        for (compared, ratios) in one_round(records, &mut large, round, length).await?.iter().zip(&mut ratios)
        {
            println!("    {}", compared.text());
            ratios.add(compared);
        }
    }
    println!("  medians");
    for (operation, ratios) in OPERATIONS.into_iter().zip(&mut ratios) {
        println!("    {}: {}", operation.name(), ratios.text(operation));
    }
    println!("  reads while imports run at half their rate");
    println!("    {count} stored: {}", half_load(&mut large, length * 4).await?.text());
    println!("    empty: {}", half_load(&mut Store::small(&Build::this()).await?, length * 4).await?.text());
    println!("  in the end {:.0} MiB on disk", mib_on_disk(&sled_dir(&large.data))?);
    Ok(())
}

/// Measures every operation, then raw sled with what the operations write.
async fn one_round(
    records: &Records,
    large: &mut Store,
    round: usize,
    length: Duration,
) -> Result<Vec<Compared>> {
    let mut small = Store::small(&Build::this()).await?;
    let mut round_of = Vec::with_capacity(OPERATIONS.len());
    for operation in OPERATIONS {
        let of_large = large.measure(operation, length).await?;
        let of_small = small.measure_small(operation, length).await?;
        round_of.push(Compared { operation, large: of_large, small: of_small, raw: None, grpc: None });
    }
    let grpc = round_of.iter().find(|compared| compared.operation == Operation::Import);
    let grpc = grpc.map(|grpc| Pair { large: grpc.large.outcome.rate, small: grpc.small.outcome.rate });
    let beside = RawSled::beside(&large.data);
    for (place, compared) in round_of.iter_mut().enumerate() {
        compared.grpc = grpc.filter(|_| compared.operation == Operation::Rest);
        if let Some(recorded) = compared.operation.recorded(records) {
            let place = round * OPERATIONS.len() + place;
            compared.raw = Some(Pair {
                large: beside.rate(recorded, place, compared.large.grouping, length)?,
                small: RawSled::empty()?.rate(recorded, place, compared.small.grouping, length)?,
            });
        }
    }
    Ok(round_of)
}

/// A figure for the large store, and the same for the small one.
#[derive(Clone, Copy)]
struct Pair {
    large: f64,
    small: f64,
}

/// One operation in one round.
struct Compared {
    operation: Operation,
    large: Measured,
    small: Measured,
    /// Calls per second of raw sled, for an operation that writes.
    raw: Option<Pair>,
    /// Calls per second of the import over gRPC, for the one over REST.
    grpc: Option<Pair>,
}

impl Compared {
    fn to_empty(&self) -> f64 {
        self.large.outcome.rate / self.small.outcome.rate
    }

    fn to(&self, other: Option<Pair>) -> Option<Pair> {
        other.map(|other| Pair {
            large: self.large.outcome.rate / other.large,
            small: self.small.outcome.rate / other.small,
        })
    }

    fn text(&self) -> String {
        let of = |measured: &Measured, raw: Option<f64>| {
            let raw = raw.map(|raw| format!(", groups of {:.1}; raw sled {raw:.0}/s", measured.grouping));
            format!(
                "{:.0}/s (p99 {}), {:.0} µs each{}",
                measured.outcome.rate,
                measured.outcome.p99,
                measured.cpu_us,
                raw.unwrap_or_default()
            )
        };
        format!(
            "{}: {} | empty {} | to empty {:.2}",
            self.operation.name(),
            of(&self.large, self.raw.map(|raw| raw.large)),
            of(&self.small, self.raw.map(|raw| raw.small)),
            self.to_empty()
        )
    }
}

/// The ratios of one operation, one per round.
#[derive(Default)]
struct Ratios {
    to_empty: Vec<f64>,
    to_raw: Pairs,
    to_grpc: Pairs,
}

#[derive(Default)]
struct Pairs {
    large: Vec<f64>,
    small: Vec<f64>,
}

impl Ratios {
    fn add(&mut self, compared: &Compared) {
        self.to_empty.push(compared.to_empty());
        self.to_raw.add(compared.to(compared.raw));
        self.to_grpc.add(compared.to(compared.grpc));
    }

    fn text(&mut self, operation: Operation) -> String {
        let bar = operation.bar_to_raw().map(|bar| format!(" (bar {bar})")).unwrap_or_default();
        let to_raw = self.to_raw.text("raw sled", &bar);
        let to_grpc = self.to_grpc.text("the import over gRPC", &format!(" (bar {BAR_REST_TO_GRPC})"));
        format!("to empty {:.2}{to_raw}{to_grpc}", median(&mut self.to_empty))
    }
}

impl Pairs {
    fn add(&mut self, pair: Option<Pair>) {
        self.large.extend(pair.map(|pair| pair.large));
        self.small.extend(pair.map(|pair| pair.small));
    }

    fn text(&mut self, what: &str, bar: &str) -> String {
        if self.large.is_empty() {
            return String::new();
        }
        let (large, small) = (median(&mut self.large), median(&mut self.small));
        format!(" | to {what} on as many {large:.2}{bar}, on an empty store {small:.2}")
    }
}
