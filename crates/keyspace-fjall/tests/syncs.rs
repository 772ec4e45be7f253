//! Nothing is acknowledged or shown before its sync, and a sync that fails stops the engine: seen with a sync of our own, which
//! can be held and made to fail.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::{
    ffi::{c_int, c_long},
    fs::read_link,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use plaudit_keyspace::{Batch, Direction, KeyRange, Keyspace, Readiness, StoreError};
use plaudit_keyspace_fjall::{FjallOptions, FjallStore};

/// Long enough for any machine; only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// The syncs of the journals below a directory.
struct Gate {
    below: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    held: bool,
    fails: bool,
    waiting: usize,
    done: usize,
}

static GATES: Mutex<Vec<Arc<Gate>>> = Mutex::new(Vec::new());

impl Gate {
    fn new(below: &Path) -> Arc<Self> {
        let below = below.canonicalize().unwrap();
        let gate = Arc::new(Self { below, state: Mutex::default(), changed: Condvar::new() });
        GATES.lock().unwrap().push(gate.clone());
        gate
    }

    fn hold(&self) {
        self.state.lock().unwrap().held = true;
    }

    fn release(&self) {
        self.state.lock().unwrap().held = false;
        self.changed.notify_all();
    }

    fn fail(&self) {
        self.state.lock().unwrap().fails = true;
    }

    fn done(&self) -> usize {
        self.state.lock().unwrap().done
    }

    fn wait_for_held_sync(&self) {
        let state = self.state.lock().unwrap();
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| state.waiting == 0);
        assert!(!waited.unwrap().1.timed_out(), "no sync came");
    }

    /// Whether the sync may be done.
    fn pass(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        self.changed.notify_all();
        state = self.changed.wait_while(state, |state| state.held).unwrap();
        state.waiting -= 1;
        state.done += 1;
        !state.fails
    }
}

#[allow(unsafe_code, reason = "functions of the C library")]
mod library {
    use super::*;

    unsafe extern "C" {
        fn syscall(number: c_long, ...) -> c_long;
        fn __errno_location() -> *mut c_int;
    }

    #[cfg(target_arch = "x86_64")]
    const FDATASYNC: c_long = 75;
    #[cfg(target_arch = "aarch64")]
    const FDATASYNC: c_long = 83;
    const EIO: c_int = 5;

    /// In place of the C library's.
    #[unsafe(no_mangle)]
    pub extern "C" fn fdatasync(descriptor: c_int) -> c_int {
        let file = read_link(format!("/proc/self/fd/{descriptor}")).unwrap_or_default();
        let is_journal = file.extension().is_some_and(|extension| extension == "jnl");
        let gate = GATES.lock().unwrap().iter().find(|gate| file.starts_with(&gate.below)).cloned();
        if gate.filter(|_| is_journal).is_some_and(|gate| !gate.pass()) {
            // SAFETY: the address of this thread's own number.
            unsafe { *__errno_location() = EIO };
            return -1;
        }
        // SAFETY: the system call takes any descriptor and touches none of our memory.
        unsafe { syscall(FDATASYNC, descriptor) as c_int }
    }
}

fn open(dir: &Path) -> FjallStore {
    FjallStore::open(&dir.join("data"), FjallOptions::default()).unwrap()
}

fn put(at: &str, value: &'static str) -> Batch {
    Batch { put: vec![(at.into(), value.into())], log: vec![at.to_owned().into()], ..Batch::default() }
}

async fn get(store: &FjallStore, at: &str) -> Option<bytes::Bytes> {
    store.get(vec![at.into()]).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_commit_is_acknowledged_and_shown_after_its_sync() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::new(dir.path());
    let store = open(dir.path());
    store.commit(put("key", "old")).await.unwrap();
    store.commit(put("other", "")).await.unwrap();
    let newest = store.newest();

    gate.hold();
    let new = Batch { delete: vec!["other".into()], ..put("key", "new") };
    let mut commit = pin!(store.commit(new));
    assert!((&mut commit).now_or_never().is_none());
    gate.wait_for_held_sync();
    assert!((&mut commit).now_or_never().is_none(), "answered before its sync");
    assert_eq!(get(&store, "key").await.unwrap(), "old");
    assert!(get(&store, "other").await.is_some());
    assert_eq!(store.scan(KeyRange::all(), 9, Direction::Ascending).await.unwrap().len(), 2);
    assert_eq!((store.log(0, 9).await.unwrap().len(), *newest.borrow()), (2, 2));

    gate.release();
    commit.await.unwrap();
    assert_eq!(get(&store, "key").await.unwrap(), "new");
    assert_eq!(store.scan(KeyRange::all(), 9, Direction::Ascending).await.unwrap().len(), 1);
    assert_eq!((store.log(0, 9).await.unwrap().len(), *newest.borrow()), (3, 3));
}

#[tokio::test]
async fn waiting_batches_share_one_sync() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::new(dir.path());
    let store = open(dir.path());
    let before = gate.done();
    gate.hold();
    let mut first = pin!(store.commit(put("first", "")));
    assert!((&mut first).now_or_never().is_none());
    gate.wait_for_held_sync();
    let key = |number: u8| Batch { put: vec![(vec![number], "".into())], ..Batch::default() };
    let mut waiting = pin!(join_all((0..100).map(|number| store.commit(key(number)))));
    assert!((&mut waiting).now_or_never().is_none());
    gate.release();
    first.await.unwrap();
    assert!(waiting.await.iter().all(Result::is_ok));
    assert_eq!(gate.done() - before, 2);
}

#[tokio::test]
async fn a_sync_that_fails_stops_the_engine() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::new(dir.path());
    let store = open(dir.path());
    store.commit(put("before", "")).await.unwrap();

    gate.hold();
    let mut first = pin!(store.commit(put("first", "")));
    assert!((&mut first).now_or_never().is_none());
    gate.wait_for_held_sync();
    gate.fail();
    let mut waiting = pin!(store.commit(put("waiting", "")));
    assert!((&mut waiting).now_or_never().is_none());
    let failure = store.readiness();
    gate.release();

    fn failed<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
        match outcome {
            Err(StoreError::Failed(why)) => {
                assert_eq!(&*why, "committing a group: Input/output error (os error 5)");
            }
            other => panic!("{other:?}"),
        }
    }
    failed(first.await);
    failed(waiting.await);
    assert!(matches!(*failure.borrow(), Readiness::Failed { .. }));
    failed(store.commit(put("after", "")).await);
    failed(store.get(vec!["before".into()]).await);
    failed(store.scan(KeyRange::all(), 1, Direction::Ascending).await);
    failed(store.close().await);

    GATES.lock().unwrap().retain(|other| !Arc::ptr_eq(other, &gate));
    let store = open(dir.path());
    assert!(get(&store, "before").await.is_some());
    assert!(get(&store, "waiting").await.is_none());
}
