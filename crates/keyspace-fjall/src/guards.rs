//! Tests of each guard with real files, which are truncated, swapped, damaged and removed. Those with syncs that hang or fail are in
//! `tests/syncs.rs`.
//!
//! For each guard, `docs/storage.md` shows what its test printed without the guard.

mod background;
mod journals;
mod power;
mod tables;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Engine as _, Fjall, FjallOptions, FjallStore, OpenError};
use plaudit_keyspace::*;
use plaudit_keyspace_disk::{open as files, sidecar};

/// Long enough for any machine; only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

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

    fn fjall(&self, name: &str) -> PathBuf {
        self.dir().join(Fjall::NAME).join(name)
    }

    fn open(&self) -> Result<FjallStore, OpenError> {
        FjallStore::open(&self.dir(), options())
    }

    /// A copy of the directory as a crash would leave it now.
    fn copy(&self) -> Data {
        let copy = Data::new();
        copy_dir(&self.dir(), &copy.dir());
        copy
    }

    fn synced(&self) -> u64 {
        sidecar::read(&self.dir().join(files::SYNCED_FILE)).unwrap().unwrap().number
    }

    /// The error message when opening fails.
    fn refusal(&self) -> String {
        match self.open() {
            Ok(_) => panic!("the damaged directory was opened"),
            Err(error) => error.to_string(),
        }
    }

    /// The refusal of a directory in which nothing may change by it.
    fn refusal_that_changes_nothing(&self) -> String {
        let before = contents(&self.fjall(""));
        let refusal = self.refusal();
        assert_eq!(contents(&self.fjall("")), before, "the refusal changed something: {refusal}");
        refusal
    }

    /// The journal that is written, cut to what it holds.
    fn journal(&self) -> (PathBuf, Vec<u8>) {
        let entries = fs::read_dir(self.fjall("")).unwrap().map(|entry| entry.unwrap().path());
        let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<u64>().ok();
        let journals = entries.filter(|path| path.extension().is_some_and(|extension| extension == "jnl"));
        let newest = journals.max_by_key(number).unwrap();
        let mut bytes = fs::read(&newest).unwrap();
        bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        (newest, bytes)
    }
}

fn options() -> FjallOptions {
    FjallOptions { lock_wait: Duration::from_millis(500), ..FjallOptions::default() }
}

/// The files below a directory, with what they hold.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort_unstable();
    found
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            // Not the zeros that a journal begins with.
            let bytes = fs::read(entry.path()).unwrap();
            let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            fs::write(&target, &bytes[..written]).unwrap();
            let file = fs::File::options().write(true).open(&target).unwrap();
            file.set_len(bytes.len() as u64).unwrap();
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

async fn get(store: &FjallStore, at: impl AsRef<[u8]>) -> Result<Option<Value>, StoreError> {
    store.get(vec![at.as_ref().to_vec()]).await.map(|mut values| values.remove(0))
}

/// Incompressible bytes.
fn noise(size: usize, seed: u64) -> Bytes {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
    Bytes::from(bytes)
}

/// A closed store with a few commits in its journal, and their number.
async fn filled() -> (Data, u64) {
    let data = Data::new();
    let store = data.open().unwrap();
    for number in 0..COMMITS {
        let batch = Batch { log: vec![noise(10, number)], ..put(number.to_be_bytes(), noise(700, number)) };
        store.commit(batch).await.unwrap();
    }
    store.close().await.unwrap();
    (data, COMMITS)
}

const COMMITS: u64 = 40;

/// How many commits of [`filled`] are there; they must be the first ones, and whole.
async fn found(store: &FjallStore) -> u64 {
    let log = store.log(0, MAX_PAGE).await.unwrap();
    let pairs = store.scan(KeyRange::all(), MAX_PAGE, Direction::Ascending).await.unwrap();
    assert_eq!(log.len(), pairs.len(), "half of a commit");
    for (number, ((position, record), (key, value))) in (0..).zip(log.into_iter().zip(pairs)) {
        assert_eq!((position, record), (number + 1, noise(10, number)));
        assert_eq!((key.as_slice(), value), (number.to_be_bytes().as_slice(), noise(700, number)));
    }
    store.newest().borrow().to_owned()
}
