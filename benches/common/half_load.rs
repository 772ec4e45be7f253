//! Latencies of reads while imports run at half their maximum rate.

use std::time::Duration;

use super::{
    Result,
    figures::Outcome,
    load::{self, Load},
    operation::Store,
    rest,
};

/// Reads per second.
const RATE: f64 = 200.0;
const BAR_P99_MS: u64 = 10;

/// Latencies at half load.
pub struct HalfLoad {
    /// Imports per second.
    pub import_rate: f64,
    pub imports: Outcome,
    pub rest: Outcome,
    pub lists: Outcome,
    /// Processor time that was still needed afterwards to score what had been imported. The less is left, the more was scored
    /// beside the calls, which costs them something.
    pub left: Duration,
}

impl HalfLoad {
    pub fn text(&self) -> String {
        format!(
            "GET /ticket/{{id}}/assessments at {RATE}/s: p50 {}, p99 {} (bar {BAR_P99_MS} ms) | \
             ListAssessments at {RATE}/s: p50 {}, p99 {} (bar {BAR_P99_MS} ms) | imports at {:.0}/s: p50 {}, p99 {}",
            self.rest.p50,
            self.rest.p99,
            self.lists.p50,
            self.lists.p99,
            self.import_rate,
            self.imports.p50,
            self.imports.p99
        )
    }
}

/// Each kind of read separately, while imports run at half the rate that the server can reach.
pub async fn half_load(store: &mut Store, length: Duration) -> Result<HalfLoad> {
    store.settle().await?;
    let server = store.start(&[]).await?;
    let full = load::closed_loop(&server.address, &Load::Import, length / 4).await?;
    server.stop().await?;
    beside_imports(store, full.rate / 2.0, length).await
}

/// The same with a given rate of imports.
pub async fn beside_imports(store: &mut Store, import_rate: f64, length: Duration) -> Result<HalfLoad> {
    let server = store.start(&[]).await?;
    let address = &server.address;
    let imports = load::open_loop(address, &Load::Import, import_rate, length);
    let reads = rest::assessments(address, &store.names, RATE, length);
    let (imports, rest) = tokio::try_join!(imports, reads)?;
    let lists = Load::List(store.names.clone());
    let more_imports = load::open_loop(address, &Load::Import, import_rate, length);
    let reads = load::open_loop(address, &lists, RATE, length);
    let (_, lists) = tokio::try_join!(more_imports, reads)?;
    let before = server.cpu_time()?;
    server.rest().await?;
    let left = server.cpu_time()? - before;
    server.stop().await?;
    Ok(HalfLoad { import_rate, imports, rest, lists, left })
}
