//! What the storage engines make of an import, in one run: `BASELINE=/path/to/plaudit cargo bench --bench engines`.
//!
//! In each round the same load runs on this build with each engine, on the baseline (if there is one), on a bare tonic echo of
//! the same body, and, if `POSTGRES` names a database (`postgresql://…`), pgbench inserts the same rows there with 64 clients.
//! The next round starts one further on. Ratios are taken within a round.
//!
//! `ROUNDS`, `SECONDS` (per measurement) and `STORED` (how many the filled store holds) can be set; `ONLY` is one of imports,
//! filled.

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "other benches measure more")]
mod common;
mod filled;
mod postgres;

use std::time::Duration;

use common::{
    Plan, Result, echo,
    figures::median,
    load::{self, Load},
    server::Build,
};
use postgres::Postgres;

const SLED: &str = "sled";
const FJALL: &str = "fjall";

fn main() -> Result<()> {
    common::run(measure_all())
}

async fn measure_all() -> Result<()> {
    let plan = Plan::from_env(7);
    println!("{} rounds, {} s a measurement", plan.rounds, plan.length.as_secs());
    if plan.wants("imports") {
        imports(&plan).await?;
    }
    if plan.wants("filled") {
        filled::measure(&plan, common::from_env("STORED", 100_000)).await?;
    }
    Ok(())
}

/// Something that takes imports, or their rows.
enum Subject {
    Server(Build),
    Echo,
    Postgres(Postgres),
}

impl Subject {
    /// Imports a second, and the server's processor time for each in microseconds.
    async fn measure(&self, length: Duration) -> Result<(f64, f64)> {
        match self {
            Self::Server(build) => {
                let server = build.start().await?;
                let outcome = load::closed_loop(&server.address, &Load::Import, length).await?;
                let cpu = server.cpu_time()?.as_secs_f64() * 1e6 / outcome.all_calls as f64;
                server.stop().await?;
                Ok((outcome.rate, cpu))
            }
            Self::Echo => {
                let bare = echo::Bare::start().await?;
                let outcome = load::closed_loop(&bare.address, &Load::Echo, length).await?;
                let cpu = bare.cpu_time()?.as_secs_f64() * 1e6 / outcome.all_calls as f64;
                bare.stop().await?;
                Ok((outcome.rate, cpu))
            }
            Self::Postgres(postgres) => Ok((postgres.rate(length)?, f64::NAN)),
        }
    }
}

async fn imports(plan: &Plan) -> Result<()> {
    println!("\nImportConversation, three messages, durable, {} in flight", common::IN_FLIGHT);
    let mut subjects = vec![
        ("fjall", Subject::Server(Build::this_on(FJALL))),
        ("sled", Subject::Server(Build::this_on(SLED))),
    ];
    if let Some(baseline) = Build::baseline() {
        subjects.push(("baseline", Subject::Server(baseline)));
    }
    subjects.push(("echo", Subject::Echo));
    if let Some(postgres) = Postgres::from_env().await? {
        subjects.push(("PostgreSQL", Subject::Postgres(postgres)));
    }
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); subjects.len()];
    for round in 1..=plan.rounds {
        let mut line = format!("  round {round}:");
        for turn in 0..subjects.len() {
            let place = (turn + round) % subjects.len();
            let (name, subject) = &subjects[place];
            let (rate, cpu) = subject.measure(plan.length).await?;
            rates[place].push(rate);
            line += &format!(" {name} {rate:.0}/s");
            if cpu.is_finite() {
                line += &format!(" ({cpu:.0} µs)");
            }
        }
        println!("{line}");
    }
    for (engine, of_engine) in subjects.iter().zip(&rates).take(2) {
        for (other, of_other) in subjects.iter().zip(&rates).skip(2) {
            let mut ratios: Vec<f64> = of_engine.iter().zip(of_other).map(|(one, two)| one / two).collect();
            let median = median(&mut ratios);
            let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
            println!("  {} to {}: {median:.2} ({least:.2} to {most:.2})", engine.0, other.0);
        }
    }
    Ok(())
}
