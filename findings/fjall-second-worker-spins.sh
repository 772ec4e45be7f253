#!/usr/bin/env bash
# Of two worker threads, one passes a compaction on to the other, again and again, for as long as that one compacts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "run"
version = "0.1.0"
edition = "2021"

[dependencies]
fjall = "=3.1.13"
tempfile = "=3.27.0"

[workspace]
TOML
cat > src/main.rs <<'RUST'
use std::process::ExitCode;
use std::time::{Duration, Instant};

use fjall::{Database, KeyspaceCreateOptions};

/// Processor seconds of all threads named `fjall:worker…`.
fn workers() -> f64 {
    let mut ticks = 0.0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        let of = |name: &str| std::fs::read_to_string(task.join(name)).unwrap_or_default();
        if of("comm").starts_with("fjall:worker") {
            let stat = of("stat");
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
            ticks += fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        }
    }
    ticks / 100.0
}

/// The same for 20 seconds of 20,000 items of 500 bytes each, in random order.
fn with(threads: usize) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::builder(dir.path()).worker_threads(threads).open().unwrap();
    let options = || KeyspaceCreateOptions::default().max_memtable_size(8 * 1024 * 1024);
    let items = db.keyspace("items", options).unwrap();
    let (begun, mut random) = (Instant::now(), 88_172_645_463_325_252_u64);
    for number in 0u64.. {
        while begun.elapsed().as_secs_f64() * 20_000.0 < number as f64 {
            std::thread::sleep(Duration::from_millis(1));
        }
        if begun.elapsed() > Duration::from_secs(20) {
            break;
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        items.insert(random.to_be_bytes(), random.to_be_bytes().repeat(62)).unwrap();
    }
    workers()
}

fn main() -> ExitCode {
    println!("fjall 3.1.13");
    println!("expected: two worker threads need about as much processor time as one for the same items");
    let (one, two) = (with(1), with(2));
    println!("seen: {one:.1} s with one worker thread, {two:.1} s with two");
    ExitCode::from(u8::from(two < 1.4 * one))
}
RUST
cargo run --quiet --release
