#!/usr/bin/env bash
# A snapshot has a part of a batch, if a memtable was written to a table while the batch was being committed.
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
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fjall::{Database, KeyspaceCreateOptions, PersistMode, Readable};

/// How many snapshots were taken while batches were committed that set 200 keys to one value, and how many of them had two values.
fn torn(flush: bool) -> (u64, u64) {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::builder(dir.path()).open().unwrap();
    let items = db.keyspace("items", KeyspaceCreateOptions::default).unwrap();
    let (stop, taken, torn) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                let snapshot = db.snapshot();
                let of = |key: u8| snapshot.get(&items, [key]).unwrap();
                taken.fetch_add(1, Relaxed);
                torn.fetch_add(u64::from(of(0) != of(199)), Relaxed);
            }
        });
        if flush {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    items.rotate_memtable_and_wait().unwrap();
                }
            });
        }
        let begun = Instant::now();
        for number in 0u64.. {
            let mut batch = db.batch().durability(Some(PersistMode::SyncData));
            (0..200u8).for_each(|key| batch.insert(&items, [key], number.to_be_bytes()));
            batch.commit().unwrap();
            // At least five seconds; half a minute at most for one that is torn.
            let found = !flush || torn.load(Relaxed) > 0;
            if begun.elapsed() > Duration::from_secs(if found { 5 } else { 30 }) {
                break;
            }
        }
        stop.store(true, Relaxed);
    });
    (taken.into_inner(), torn.into_inner())
}

fn main() -> ExitCode {
    println!("fjall 3.1.13");
    println!("expected: a snapshot has all of a batch or nothing of it");
    let (taken, at_rest) = torn(false);
    println!("seen: of {taken} snapshots beside batches of 200 keys, {at_rest} had a part of one");
    let (taken, beside_flushes) = torn(true);
    println!("seen: of {taken} while memtables were written to tables as well, {beside_flushes} had a part of one");
    ExitCode::from(u8::from(at_rest != 0 || beside_flushes == 0))
}
RUST
cargo run --quiet --release
