//! The files of the command line: `cargo bench --bench files`.
//!
//! `plaudit import` of a gzip file against the same file unpacked, and `plaudit export` without assessments against a whole one,
//! each with the server's processor time. Measurements alternate, and ratios are taken within a round.
//!
//! `ROUNDS` and `CONVERSATIONS` can be set; `ONLY` is one of import, export.

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "other benches measure more")]
mod common;

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use common::{Plan, Result, figures::median, server};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

/// The project's targets for these figures.
const BAR_GZIP_TO_PLAIN: f64 = 0.9;
const BAR_WITHOUT_TO_WHOLE: f64 = 3.0;

fn main() -> Result<()> {
    let plan = Plan::from_env(5);
    let count = common::from_env("CONVERSATIONS", 20_000);
    common::run(async move {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let (plain, gzip) = write_lines(&folder, count)?;
        println!(
            "{count} conversations of three messages: {:.1} MiB, {:.1} MiB as gzip; {} rounds",
            mib(&plain)?,
            mib(&gzip)?,
            plan.rounds
        );
        if plan.wants("import") {
            imports(plan.rounds, count, &plain, &gzip).await?;
        }
        if plan.wants("export") {
            exports(plan.rounds, count, &plain, &folder).await?;
        }
        Ok(())
    })
}

/// Lines as `POST /v1/assess` takes them, plain and packed as `gzip` does by default.
fn write_lines(folder: &TempDir, count: u64) -> Result<(PathBuf, PathBuf)> {
    let (plain, gzip) = (folder.path().join("lines.jsonl"), folder.path().join("lines.jsonl.gz"));
    let mut out = BufWriter::new(File::create(&plain)?);
    let mut packed = GzEncoder::new(BufWriter::new(File::create(&gzip)?), Compression::default());
    for number in 0..count {
        // Different in every conversation, so that it does not pack better than what people write.
        let id = blake3::hash(&number.to_le_bytes()).to_string();
        let at = 1_700_000_000_000 + number * 60_000;
        let line = json!({ "ticket_id": id, "source": "bench", "subject": format!("Order {number}"), "messages": [
            { "external_id": format!("{number}-1"), "kind": "message", "timestamp": at,
              "content": format!("Why was I charged twice for order {number}? My reference is {}.", &id[..16]),
              "author": { "type": "contact", "external_id": &id[16..28], "name": "Jane Customer" } },
            { "external_id": format!("{number}-2"), "kind": "message", "timestamp": at + 1_000,
              "content": format!("I have refunded the second charge, {}. It takes three days.", &id[28..40]),
              "author": { "type": "ai", "external_id": "billing-agent", "name": "Billing Bot" }, "ai_tool": "custom" },
            { "external_id": format!("{number}-3"), "kind": "comment", "timestamp": at + 2_000,
              "content": format!("Escalated to billing: {}.", &id[40..]),
              "author": { "type": "teammate", "external_id": "tea_123", "name": "Jason" } },
        ]});
        let line = format!("{line}\n");
        out.write_all(line.as_bytes())?;
        packed.write_all(line.as_bytes())?;
    }
    out.flush()?;
    packed.finish()?.flush()?;
    Ok((plain, gzip))
}

fn mib(file: &Path) -> Result<f64> {
    Ok(file.metadata()?.len() as f64 / 1_048_576.0)
}

/// Runs a command of the binary that must succeed; how long it took.
async fn timed(arguments: &[&str]) -> Result<Duration> {
    let began = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_plaudit"));
    let output = command.args(arguments).stdin(Stdio::null()).output().await?;
    let took = began.elapsed();
    if !output.status.success() {
        return Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(took)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| "the path is not UTF-8".into())
}

/// Conversations a second, and the server's processor time for each, in µs, until all are scored.
struct Imported {
    rate: f64,
    cpu: f64,
}

async fn import(file: &Path, count: u64) -> Result<Imported> {
    let server = server::Plaudit::start().await?;
    server.rest().await?;
    let before = server.cpu_time()?;
    let took = timed(&["import", text(file)?, "--server", &server.address]).await?;
    server.rest().await?;
    let cpu = (server.cpu_time()? - before).as_secs_f64() * 1e6 / count as f64;
    server.stop().await?;
    Ok(Imported { rate: count as f64 / took.as_secs_f64(), cpu })
}

async fn imports(rounds: usize, count: u64, plain: &Path, gzip: &Path) -> Result<()> {
    println!("\nplaudit import of gzip to plain lines");
    let (mut rates, mut cpus) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        // Whichever comes first finds the machine otherwise.
        let (packed, lines) = if round % 2 == 0 {
            let packed = import(gzip, count).await?;
            (packed, import(plain, count).await?)
        } else {
            let lines = import(plain, count).await?;
            (import(gzip, count).await?, lines)
        };
        let (rate, cpu) = (packed.rate / lines.rate, packed.cpu / lines.cpu);
        println!(
            "  round {round}: gzip {:.0}/s, {:.0} µs of the server's processor time each | plain {:.0}/s, {:.0} µs | \
             rate {rate:.2} (bar {BAR_GZIP_TO_PLAIN}), processor time {cpu:.2}",
            packed.rate, packed.cpu, lines.rate, lines.cpu
        );
        rates.push(rate);
        cpus.push(cpu);
    }
    println!(
        "  median: rate {:.2} (bar {BAR_GZIP_TO_PLAIN}), processor time {:.2}",
        median(&mut rates),
        median(&mut cpus)
    );
    Ok(())
}

async fn exports(rounds: usize, count: u64, plain: &Path, folder: &TempDir) -> Result<()> {
    println!("\nplaudit export --without assessments to a whole one");
    let server = server::Plaudit::start().await?;
    timed(&["import", text(plain)?, "--server", &server.address, "--wait"]).await?;
    server.rest().await?;
    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let mut figures = Vec::new();
        for (kind, more) in [
            ("with facts", &["--with", "facts"][..]),
            ("as by default", &[]),
            ("without assessments", &["--without", "assessments"]),
        ] {
            let file = folder.path().join("out.jsonl");
            let before = server.cpu_time()?;
            let took =
                timed(&[&["export", text(&file)?, "--server", &server.address], more].concat()).await?;
            let cpu = (server.cpu_time()? - before).as_secs_f64() * 1e6 / count as f64;
            figures.push((kind, count as f64 / took.as_secs_f64(), cpu, mib(&file)?));
            std::fs::remove_file(&file)?;
        }
        let told: Vec<String> = figures
            .iter()
            .map(|(kind, rate, cpu, mib)| format!("{kind} {rate:.0}/s, {cpu:.0} µs, {mib:.0} MiB"))
            .collect();
        let rate = |place: usize| figures.get(place).map_or(f64::NAN, |(_, rate, ..)| *rate);
        let (to_whole, to_default) = (rate(2) / rate(0), rate(2) / rate(1));
        println!(
            "  round {round}: {} | to a whole one {to_whole:.2} (bar {BAR_WITHOUT_TO_WHOLE}), to the default {to_default:.2}",
            told.join(" | ")
        );
        ratios.push(to_whole);
    }
    server.stop().await?;
    println!("  median ratio to a whole export: {:.2} (bar {BAR_WITHOUT_TO_WHOLE})", median(&mut ratios));
    Ok(())
}
