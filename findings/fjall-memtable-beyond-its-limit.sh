#!/usr/bin/env bash
# A memtable that may take 8 MiB grows to hundreds, beside a thread that writes without a pause.
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

use fjall::{Database, KeyspaceCreateOptions};

/// MiB, from /proc.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn main() -> ExitCode {
    println!("fjall 3.1.13");
    println!("expected: with a memtable of at most 8 MiB, the process stays below 200 MiB");
    let dir = tempfile::tempdir().unwrap();
    // As on a machine with one processor.
    let db = Database::builder(dir.path()).worker_threads(1).open().unwrap();
    let options = || KeyspaceCreateOptions::default().max_memtable_size(8 * 1024 * 1024);
    let items = db.keyspace("items", options).unwrap();
    let (mut random, mut most) = (88_172_645_463_325_252_u64, 0);
    for number in 0..1_500_000u64 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        items.insert(random.to_be_bytes(), random.to_be_bytes().repeat(62)).unwrap();
        if number % 50_000 == 0 {
            most = most.max(resident());
        }
    }
    println!("seen: {most} MiB at most, and {} tables, after 1,500,000 items of 500 bytes", items.table_count());
    ExitCode::from(u8::from(most < 300))
}
RUST
cargo run --quiet --release
