//! The cost of our engine over sled itself, and fjall beside it: `cargo bench --bench store [-- SECONDS]`.
//!
//! Four loops write four-key commits of about 1 KiB, all synced: sled alone in groups of 64, our engine on sled with 100
//! committers, with 128, which fills groups of 64, and the one on fjall with 100. Next to each rate is the processor time per
//! commit in the writing thread and in the engine's other threads, which other work on the machine affects less. Then reads
//! next to a busy committer: the time of a get, and the longest that an async thread is held up.

#[path = "common/programs.rs"]
mod programs;

use std::{
    fs::File,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use plaudit::store::{self, Batch, Direction, Expect, KeyRange, OnDisk, Options};

/// As in the server: the allocator is a good part of the cost of a commit.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GROUP: u64 = 64;
/// Alternating, so that other work on the machine affects all alike.
const ROUNDS: usize = 5;
const TICK: Duration = Duration::from_millis(1);

fn main() {
    if programs::compare().expect("both benches run") {
        return;
    }
    let seconds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(2);
    let time = Duration::from_secs(seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");

    let (mut raws, mut of_100s, mut of_128s) = (Vec::new(), Vec::new(), Vec::new());
    let mut fjalls = Vec::new();
    println!("four-key commits of 1 KiB, synced; {seconds} s each, in turn");
    for round in 1..=ROUNDS {
        let raw = raw_sled(time);
        let (of_100, grouping) = runtime.block_on(engine(SLED, time, 100));
        let (of_128, _) = runtime.block_on(engine(SLED, time, 128));
        let (fjall, grouping_of_fjall) = runtime.block_on(engine(FJALL, time, 100));
        println!(
            "round {round}: sled alone {raw}; engine, 100 committers {of_100}, in groups of {grouping:.0}; \
             128 committers {of_128}; on fjall, 100 committers {fjall}, in groups of {grouping_of_fjall:.0}"
        );
        fjalls.push(fjall);
        raws.push(raw);
        of_100s.push(of_100);
        of_128s.push(of_128);
    }
    let (raw, of_100, of_128) = (medians(&raws), medians(&of_100s), medians(&of_128s));
    println!("medians: sled alone, groups of {GROUP}: {raw}");
    println!("         engine, 100 committers:  {of_100}, ratio of rates {:.2}", of_100.rate / raw.rate);
    println!("         engine, 128 committers:  {of_128}, ratio of rates {:.2}", of_128.rate / raw.rate);
    let fjall = medians(&fjalls);
    println!("         on fjall, 100 committers: {fjall}, ratio of rates {:.2}", fjall.rate / of_100.rate);
    for engine in [SLED, FJALL] {
        for read_threads in [1, 2, 4] {
            runtime.block_on(reads_beside_writes(engine, time, read_threads));
        }
    }
}

/// The result of one loop.
#[derive(Clone, Copy)]
struct Measured {
    /// Commits per second.
    rate: f64,
    /// Processor time per commit in microseconds: of the writing thread, and of the engine's others.
    writer_us: f64,
    others_us: f64,
}

impl Measured {
    fn new(commits: u64, spent: Duration, writer: Duration, others: Duration) -> Self {
        let us = |time: Duration| time.as_secs_f64() * 1e6 / commits as f64;
        Self { rate: commits as f64 / spent.as_secs_f64(), writer_us: us(writer), others_us: us(others) }
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0}/s ({:.1} us + {:.1} us in other threads)", self.rate, self.writer_us, self.others_us)
    }
}

/// Processor time so far of this process's threads whose name begins with `name`; zero without `/proc`.
fn cpu_time(name: &str) -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let read = |file: &str| std::fs::read_to_string(thread.path().join(file)).ok();
        let used = read("schedstat").filter(|_| read("comm").is_some_and(|comm| comm.starts_with(name)))?;
        used.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// An engine by its name, and how the names of its threads begin.
type Engine = (&'static str, &'static [&'static str]);

const SLED: Engine = ("sled", &["sled-io"]);
const FJALL: Engine = ("fjall", &["fjall:", "store-compact"]);

fn others((_, threads): Engine) -> Duration {
    threads.iter().map(|name| cpu_time(name)).sum()
}

/// The best that sled can do: a merged batch, its flush, and a sync of the file, with the engine's segment size. Only
/// these three are timed; the engine's time includes making the batches.
fn raw_sled(time: Duration) -> Measured {
    let (batches, ready) = mpsc::sync_channel(2);
    let maker = std::thread::spawn(move || {
        for group in 0.. {
            let mut batch = sled::Batch::default();
            for (key, value) in (group * GROUP..(group + 1) * GROUP).flat_map(pairs) {
                batch.insert(key, value.as_ref());
            }
            if batches.send(batch).is_err() {
                return;
            }
        }
    });
    let writer = std::thread::Builder::new().name("raw-writer".into());
    let writer = writer.spawn(move || write_raw(time, ready)).expect("a thread");
    maker.join().expect("no thread panics");
    writer.join().expect("no thread panics")
}

fn write_raw(time: Duration, batches: mpsc::Receiver<sled::Batch>) -> Measured {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let config = sled::Config::new().path(dir.path()).cache_capacity(16 << 20).flush_every_ms(None);
    let db = config.segment_size(4 << 20).open().expect("an empty directory opens");
    let file = File::open(dir.path().join("db")).expect("sled made its file");
    let mut spent = Duration::ZERO;
    let mut number = 0;
    let (writer_before, sled_before) = (cpu_time("raw-writer"), others(SLED));
    while spent < time {
        let batch = batches.recv().expect("the maker goes on");
        number += GROUP;
        let start = Instant::now();
        db.apply_batch(batch).expect("the disk works");
        db.flush().expect("the disk works");
        file.sync_data().expect("the disk works");
        spent += start.elapsed();
    }
    let (writer, sled) = (cpu_time("raw-writer"), others(SLED));
    Measured::new(number, spent, writer - writer_before, sled - sled_before)
}

/// An engine under many committers, each of which expects one key to be absent, as an import does.
async fn engine(engine: Engine, time: Duration, committers: u64) -> (Measured, f64) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let store = open(engine, dir.path(), Options::default());
    let (writer_before, others_before) = (cpu_time("store-commit"), others(engine));
    let start = Instant::now();
    commit_for(&store, 0, time, committers).await;
    let spent = start.elapsed();
    let (writer, others) = (cpu_time("store-commit"), others(engine));
    let stats = store.stats().await.expect("the store works");
    store.close().await.expect("the store works");
    let measured = Measured::new(stats.commits, spent, writer - writer_before, others - others_before);
    (measured, stats.commits as f64 / stats.groups as f64)
}

async fn commit_for(store: &Arc<dyn OnDisk>, first: u64, time: Duration, committers: u64) -> f64 {
    let next = Arc::new(AtomicU64::new(first));
    let start = Instant::now();
    let tasks: Vec<_> = (0..committers)
        .map(|_| {
            let (store, next) = (store.clone(), next.clone());
            tokio::spawn(async move {
                while start.elapsed() < time {
                    let put: Vec<_> = pairs(next.fetch_add(1, Ordering::Relaxed)).into();
                    let expect = vec![(put[1].0.clone(), Expect::Absent)];
                    let batch = Batch { expect, put, ..Batch::default() };
                    store.commit(batch).await.expect("the store takes it");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panics");
    }
    (next.load(Ordering::Relaxed) - first) as f64 / start.elapsed().as_secs_f64()
}

/// The time that reads take while 100 committers write, and the longest that an async thread was held up meanwhile.
async fn reads_beside_writes(engine: Engine, time: Duration, read_threads: usize) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let store = open(engine, dir.path(), Options { read_threads, ..Options::default() });
    commit_for(&store, 0, Duration::from_secs(1), 100).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4u64)
        .map(|reader| {
            let (store, done) = (store.clone(), done.clone());
            tokio::spawn(async move {
                let (mut gets, mut scans) = (Vec::new(), Vec::new());
                let mut number = reader;
                while !done.load(Ordering::Relaxed) {
                    number = (number + 37) % 10_000;
                    let keys = pairs(number).map(|(key, _)| key).into();
                    let start = Instant::now();
                    store.get(keys).await.expect("the store reads");
                    gets.push(start.elapsed());
                    let range = KeyRange::prefix(vec![1]);
                    let start = Instant::now();
                    store.scan(range, 50, Direction::Ascending).await.expect("the store reads");
                    scans.push(start.elapsed());
                }
                (gets, scans)
            })
        })
        .collect();
    let ticker = tokio::spawn({
        let done = done.clone();
        async move {
            let mut ticks = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let start = Instant::now();
                tokio::time::sleep(TICK).await;
                ticks.push(start.elapsed().saturating_sub(TICK));
            }
            ticks
        }
    });
    let rate = commit_for(&store, 1 << 32, time, 100).await;
    done.store(true, Ordering::Relaxed);
    let (mut gets, mut scans) = (Vec::new(), Vec::new());
    for reader in readers {
        let (of_gets, of_scans) = reader.await.expect("no task panics");
        gets.extend(of_gets);
        scans.extend(of_scans);
    }
    let ticks = ticker.await.expect("no task panics");
    println!("{}, {read_threads} read threads beside {rate:.0} commits/s:", engine.0);
    print_times("  get of 4 keys", gets);
    print_times("  scan of 50", scans);
    print_times("  lateness of a timer", ticks);
    store.close().await.expect("the store works");
}

/// The median of each figure on its own.
fn medians(rounds: &[Measured]) -> Measured {
    let median = |figure: fn(&Measured) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    Measured {
        rate: median(|of| of.rate),
        writer_us: median(|of| of.writer_us),
        others_us: median(|of| of.others_us),
    }
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or_default();
    println!(
        "{what}: {} times, median {:?}, 99 % {:?}, worst {:?}",
        times.len(),
        at(0.5),
        at(0.99),
        times.last().copied().unwrap_or_default()
    );
}

fn open((engine, _): Engine, dir: &Path, options: Options) -> Arc<dyn OnDisk> {
    store::open(engine, &dir.join("data"), options).expect("an empty directory opens")
}

/// The keys of an import: a head of about 900 bytes, a random identity, a job, an event.
fn pairs(number: u64) -> [(Vec<u8>, Bytes); 4] {
    let mut noise = [0; 900];
    blake3::Hasher::new().update(&number.to_be_bytes()).finalize_xof().fill(&mut noise);
    let key = |subspace: u8, rest: &[u8]| [&[subspace, 0, 0, 0, 1], rest].concat();
    let ordered = number.to_be_bytes();
    let small = Bytes::copy_from_slice(&noise[..40]);
    [
        (key(1, &ordered), Bytes::copy_from_slice(&noise)),
        (key(2, &noise[..8]), small.slice(..8)),
        (key(3, &ordered), small.clone()),
        (key(4, &ordered), small),
    ]
}
