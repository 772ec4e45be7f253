//! Tests of each guard with real files, which are truncated, swapped and removed, and with syncs that hang or fail.
//!
//! For each guard, `docs/storage.md` shows what its test printed without the guard.

mod creation;
mod durability;
mod large;
mod refusals;
mod surgery;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    OpenError, Sled, SledOptions, SledStore,
    disk::{Disk, RealDisk},
    open,
};
use plaudit_keyspace::*;
use plaudit_keyspace_disk::{Engine as _, OnDisk as _, layout, open as files, sidecar};

/// Long enough for any machine; only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// The real disk, with syncs that can be held and steps that can be made to fail.
struct TestDisk {
    real: RealDisk,
    state: Mutex<DiskState>,
    changed: Condvar,
    pub syncs: AtomicUsize,
}

#[derive(Default)]
struct DiskState {
    held: bool,
    /// Syncs being held up.
    waiting: usize,
    flushed: usize,
    /// The number of flushes before each sync.
    flushed_at_sync: Vec<usize>,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    FlushFails,
    FlushPanics,
    SyncFails,
}

impl TestDisk {
    fn hold_syncs(&self) {
        self.state.lock().unwrap().held = true;
    }

    fn release_syncs(&self) {
        self.state.lock().unwrap().held = false;
        self.changed.notify_all();
    }

    fn break_with(&self, fault: Fault) {
        self.state.lock().unwrap().fault = Some(fault);
    }

    /// Blocks until a sync is being held up.
    fn wait_for_held_sync(&self) {
        let state = self.state.lock().unwrap();
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| state.waiting == 0);
        assert!(!waited.unwrap().1.timed_out(), "no sync came");
    }

    fn flushed_at_sync(&self) -> Vec<usize> {
        self.state.lock().unwrap().flushed_at_sync.clone()
    }
}

impl Disk for TestDisk {
    fn flush(&self, tree: &::sled::Tree) -> io::Result<()> {
        let fault = {
            let mut state = self.state.lock().unwrap();
            state.flushed += 1;
            state.fault
        };
        match fault {
            Some(Fault::FlushFails) => Err(io::Error::other("the flush was made to fail")),
            Some(Fault::FlushPanics) => panic!("the flush was made to panic"),
            _ => self.real.flush(tree),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        let flushed = state.flushed;
        state.flushed_at_sync.push(flushed);
        state.waiting += 1;
        self.changed.notify_all();
        state = self.changed.wait_while(state, |state| state.held).unwrap();
        state.waiting -= 1;
        self.syncs.fetch_add(1, Ordering::SeqCst);
        if matches!(state.fault, Some(Fault::SyncFails)) {
            return Err(io::Error::other("the sync was made to fail"));
        }
        drop(state);
        self.real.sync()
    }
}

/// A test's own data directory.
struct Data {
    root: tempfile::TempDir,
}

impl Data {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    fn sled(&self, name: &str) -> PathBuf {
        self.dir().join(Sled::NAME).join(name)
    }

    fn open(&self) -> Result<SledStore, OpenError> {
        SledStore::open(&self.dir(), options())
    }

    fn open_on_test_disk(&self, options: SledOptions) -> (SledStore, Arc<TestDisk>) {
        let mut opened = files::open::<Sled>(&self.dir(), &options).unwrap();
        let disk = Arc::new(TestDisk {
            real: RealDisk::open(&self.sled("")).unwrap(),
            state: Mutex::default(),
            changed: Condvar::new(),
            syncs: AtomicUsize::new(0),
        });
        opened.engine.disk = disk.clone();
        (SledStore::start(&self.dir(), opened, options).unwrap(), disk)
    }

    /// A copy of the directory as a crash would leave it now.
    fn copy(&self) -> Data {
        let copy = Data::new();
        copy_dir(&self.dir(), &copy.dir());
        copy
    }

    /// sled's own view of the closed store.
    fn raw(&self) -> ::sled::Db {
        let config = ::sled::Config::new().path(self.dir().join(Sled::NAME));
        let config = config.segment_size(open::SEGMENT_BYTES);
        wait_for("sled's lock", || config.open().ok())
    }

    fn synced(&self) -> Option<u64> {
        sidecar::read(&self.file(files::SYNCED_FILE)).unwrap().map(|synced| synced.number)
    }

    /// The error message when opening fails.
    fn refusal(&self) -> String {
        match self.open() {
            Ok(_) => panic!("the damaged directory was opened"),
            Err(error) => error.to_string(),
        }
    }
}

/// Waits only briefly for a held lock, since tests that meet one mostly expect it.
fn options() -> SledOptions {
    SledOptions { lock_wait: Duration::from_millis(500), ..SledOptions::default() }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Polls `ask` until it returns something.
fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn put(at: impl AsRef<[u8]>, value: impl Into<Bytes>) -> Batch {
    Batch { put: vec![(at.as_ref().to_vec(), value.into())], ..Batch::default() }
}

async fn get(store: &SledStore, at: impl AsRef<[u8]>) -> Result<Option<Value>, StoreError> {
    store.get(vec![at.as_ref().to_vec()]).await.map(|mut values| values.remove(0))
}

/// Incompressible bytes.
fn noise(size: usize, seed: u64) -> Bytes {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
    Bytes::from(bytes)
}
