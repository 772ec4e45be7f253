//! A power loss at any moment: whatever was acknowledged before it is there, whole and once, and the server starts.
//!
//! All that a server does to its disk is recorded under a load (`shim.rs`, `tape.rs`, `record.rs`). The directory is built
//! anew as a power loss may leave it at any point (`disk.rs`), opened, and compared with what callers knew at that point.

mod disk;
mod record;
mod tape;

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::Instant,
};

use tempfile::TempDir;

use self::{
    disk::{Disk, Loss},
    record::{Recording, record},
    tape::Event,
};
use crate::{
    crash::{
        asked_for, audit::audit_at_any_time, caller::Caller, everything_is_there_and_scored, random::Random,
        seed, writer::Writer,
    },
    harness::{ServerProcess, plaudit},
};

/// How many power losses there are; `POWER_CUTS` asks for more.
const CUTS: u64 = 200;
/// They are divided among so many recordings, unless these were fewer than [`LEAST_CUTS`] for each.
const RECORDINGS: u64 = 10;
const LEAST_CUTS: u64 = 150;
/// Of so many, one is opened by a server, which is given all requests without an answer once more.
const BY_SERVER: u64 = 50;
/// How many are looked at at once.
const AT_ONCE: usize = 2;
/// How many failures are told.
const TOLD: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_loss_on_sled_costs_nothing_acknowledged() {
    nothing_is_lost("sled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_loss_on_fjall_costs_nothing_acknowledged() {
    nothing_is_lost("fjall").await;
}

async fn nothing_is_lost(engine: &'static str) {
    let (begun, seed, cuts) = (Instant::now(), seed(), asked_for("POWER_CUTS", CUTS));
    let each = (cuts / RECORDINGS).max(LEAST_CUTS);
    let (mut random, mut done, mut events) = (Random::new(seed), 0, 0);
    let mut failures = Vec::new();
    for number in 0.. {
        if done >= cuts {
            break;
        }
        let recording = record(engine, random.next(), number % 2 == 1, None).await;
        assert_complete(&recording);
        let cut_seed = random.next();
        let found = cut(&recording, each.min(cuts - done), cut_seed);
        for failure in found.iter().take(TOLD) {
            failure.keep(&recording, cut_seed);
        }
        done += each;
        eprintln!("{engine}: {} of {cuts} power losses, {:?}", done.min(cuts), begun.elapsed());
        events += recording.events.len();
        failures.extend(found);
    }
    eprintln!(
        "{engine}: {cuts} power losses in {events} events cost something {} times; {:?}",
        failures.len(),
        begun.elapsed()
    );
    let told = failures.iter().take(TOLD).map(|failure| failure.told.as_str()).collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} of {cuts} power losses cost something:\n{told}", failures.len());
}

/// Without the sync of what is acknowledged, or of the names of files, this is what the others would find.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_sync_is_noticed() {
    for (engine, file) in [("sled", "db"), ("fjall", "0.jnl"), ("sled", "data")] {
        let recording = record(engine, 1, false, Some(file)).await;
        let failures = cut(&recording, 20, 1);
        eprintln!("{engine} without syncs of {file}: {} of 20 power losses cost something", failures.len());
        assert!(failures.len() > 3, "{engine} without syncs of {file}");
    }
}

/// With everything applied, the recorded disk is the real one: nothing was changed that is not on the tape.
fn assert_complete(recording: &Recording) {
    let mut disk = Disk::new();
    recording.events.iter().for_each(|event| disk.take(event));
    let built = TempDir::new().expect("a directory");
    disk.leave(built.path(), Loss::Nothing, Loss::Nothing, &mut Random::new(0));
    let (real, built) = (recording.folder.path().join("data"), built.path().join("data"));
    assert_same(&real, &built);
}

fn assert_same(real: &Path, built: &Path) {
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).expect("a directory");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(real), names(built), "{}", real.display());
    for name in names(real) {
        let (real, built) = (real.join(&name), built.join(&name));
        if real.is_dir() {
            assert_same(&real, &built);
        } else {
            let same = fs::read(&real).expect("a file") == fs::read(&built).expect("a file");
            assert!(same, "{} was changed unseen", real.display());
        }
    }
}

/// One power loss.
struct Cut {
    engine: &'static str,
    number: u64,
    /// After so many events.
    position: usize,
    data: Loss,
    names: Loss,
    folder: Arc<TempDir>,
    /// What was known then.
    writers: Vec<Arc<Writer>>,
}

/// Cuts the power at many points, and returns what was wrong after some.
fn cut(recording: &Recording, cuts: u64, seed: u64) -> Vec<Failure> {
    let mut random = Random::new(seed);
    let mut positions: Vec<usize> =
        (0..cuts).map(|_| random.below(recording.events.len() as u64 + 1) as usize).collect();
    positions.sort_unstable();
    let (mut disk, mut mark) = (Disk::new(), 0);
    let mut events = recording.events.iter();
    let (mut checks, mut failures) = (VecDeque::new(), Vec::new());
    for (number, position) in (0..).zip(positions) {
        for event in events.by_ref().take(position - disk.now()) {
            if let Event::Marked { mark: next } = event {
                mark = mark.max(*next);
            }
            disk.take(event);
        }
        let folder = Arc::new(TempDir::new().expect("a directory"));
        let (data, names) = lose(&disk, seed, number, folder.path());
        let writers = recording.writers.iter().map(|writer| Arc::new(writer.at(mark))).collect();
        let cut = Cut { engine: recording.engine, number, position, data, names, folder, writers };
        if checks.len() >= AT_ONCE {
            failures.extend(checks.pop_front().and_then(Check::failure));
        }
        checks.push_back(cut.check());
    }
    failures.extend(checks.into_iter().filter_map(Check::failure));
    failures
}

/// Stores in a folder what the power loss of this number leaves, and returns what was lost.
fn lose(disk: &Disk, seed: u64, number: u64, folder: &Path) -> (Loss, Loss) {
    let mut random = Random::new(seed.wrapping_add(number));
    let (data, names) = (Loss::any(disk.now(), &mut random), Loss::any(disk.now(), &mut random));
    disk.leave(folder, data, names, &mut random);
    (data, names)
}

/// A power loss that is being looked at.
struct Check {
    number: u64,
    position: usize,
    case: String,
    thread: JoinHandle<()>,
}

impl Check {
    fn failure(self) -> Option<Failure> {
        let panic = self.thread.join().err()?;
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let told = format!("{}: {}", self.case, text.unwrap_or_default());
        Some(Failure { number: self.number, position: self.position, told })
    }
}

/// A power loss that cost something.
struct Failure {
    number: u64,
    position: usize,
    told: String,
}

impl Failure {
    /// Keeps the directory as it was found.
    fn keep(&self, recording: &Recording, seed: u64) {
        let mut disk = Disk::new();
        recording.events.iter().take(self.position).for_each(|event| disk.take(event));
        let folder = TempDir::new().expect("a directory").keep();
        lose(&disk, seed, self.number, &folder);
        eprintln!("{}\nit is kept in {}", self.told, folder.display());
    }
}

impl Cut {
    fn check(self) -> Check {
        let Self { engine, number, position, data, names, folder, writers } = self;
        let case = format!("cut {number} after event {position}, data {data:?}, names {names:?}");
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                if number % BY_SERVER == BY_SERVER - 1 {
                    by_server(engine, folder, writers, number).await;
                } else {
                    audit_at_any_time(engine, &folder.path().join("data"), &writers).await;
                }
            });
        });
        Check { number, position, case, thread }
    }
}

/// Starts a server, sends it again whatever was not answered, waits until everything is scored, and looks at all of it.
async fn by_server(engine: &str, folder: Arc<TempDir>, writers: Vec<Arc<Writer>>, number: u64) {
    let mut command = plaudit(folder.path());
    let data: PathBuf = folder.path().join("data");
    command.args(["serve", "--listen", "127.0.0.1:0", "--store-engine", engine, "--data"]).arg(&data);
    let mut server = ServerProcess::start_as(command, folder);
    let caller = Caller::of(&server).await;
    for writer in &writers {
        writer.settle(&caller, number).await;
    }
    everything_is_there_and_scored(&caller, &writers, &mut Random::new(number)).await;
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.log());
    audit_at_any_time(engine, &data, &writers).await;
}
