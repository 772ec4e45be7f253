//! The engine on fjall 3.1.13, with a guard against each of its known faults.
//!
//! `docs/storage.md` lists the guards, why each is needed, and how each was shown to work. Only this folder knows fjall;
//! it does not know what keys mean. What it has in common with other engines is in `plaudit-keyspace-disk`.

// What a server must not do; tests may.
#![cfg_attr(
    not(test),
    warn(
        clippy::exit,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::panic_in_result_fn,
        clippy::print_stderr,
        clippy::print_stdout,
        clippy::string_slice,
        clippy::unwrap_used
    )
)]

mod compactor;
mod fault;
#[cfg(test)]
mod guards;
mod journal;
mod manifest;
mod tuning;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use ::fjall::{
    AbstractTree as _, Database, Keyspace, OwnedWriteBatch, PersistMode, Readable as _, Slice, Snapshot,
};
use bytes::Bytes;

use self::compactor::Compactor;
pub use plaudit_keyspace_disk::{OpenError, Options as FjallOptions};

use plaudit_keyspace::{StoreError, Value};
use plaudit_keyspace_disk::{
    DiskStore, Engine, Fatal, GroupLimits, Seen, Source, Touched, Unread, View, Writes, layout::RawRange,
    open::at, sidecar::Synced,
};

/// A store on fjall in a directory.
pub type FjallStore = DiskStore<Fjall>;

/// fjall's files, and the state after the last group.
pub struct Fjall {
    // The first to be dropped: it must not go on without the others.
    compactor: Compactor,
    db: Database,
    keyspace: Keyspace,
    published: Arc<Published>,
    path: PathBuf,
}

/// What readers read: the state after a group was synced and wholly applied.
///
/// A snapshot that is taken at any other time may see a part of a group, or see it change: whenever fjall has written a
/// table, it makes everything visible that has a sequence number by then, and a batch gets its own before it is synced.
type Published = RwLock<Snapshot>;

/// fjall waits without an end for its background work once there are four sealed memtables or 30 runs, even if that work
/// has failed. With fewer before a group, it does not come to that.
const MOST_SEALED_MEMTABLES: usize = 2;
const MOST_RUNS: usize = 24;
/// How often to look whether fewer are left.
const ROOM_CHECK: Duration = Duration::from_millis(1);

/// Memtables of more are written to a table when a store closes, which makes the next opening quicker.
const FLUSHED_AT_CLOSE_BYTES: u64 = 4 * 1024 * 1024;

impl Engine for Fjall {
    const NAME: &'static str = "fjall";
    const DATA: &'static str = "fjall";
    const PARTS: &'static [&'static str] =
        &["fjall/version", "fjall/lock", "fjall/keyspaces/0/current", "fjall/keyspaces/1/current"];
    const GROUP: GroupLimits = GroupLimits { keys: 1024, bytes: 4 * 1024 * 1024 };
    const WATCH_EVERY: Option<Duration> = Some(Duration::from_millis(500));

    type Source = FjallSource;

    fn check(dir: &Path, synced: &Synced) -> Result<(), OpenError> {
        manifest::check(&dir.join(Self::NAME))?;
        journal::check(&dir.join(Self::NAME), synced.number)
    }

    fn open(dir: &Path, options: &FjallOptions) -> Result<Self, OpenError> {
        let path = dir.join(Self::NAME);
        let deadline = Instant::now() + options.lock_wait.max(LOCK_WAIT);
        loop {
            match tuning::open(&path, options) {
                Ok((db, keyspace)) => {
                    let published = Arc::new(RwLock::new(db.snapshot()));
                    let compactor = Compactor::start(&db, &keyspace, tuning::merging()).map_err(at(&path))?;
                    return Ok(Self { compactor, db, keyspace, published, path });
                }
                // We already hold our own lock, so fjall's can only be left over.
                Err(::fjall::Error::Locked) if Instant::now() < deadline => {}
                Err(error) => return Err(fault::opening(&path, error)),
            }
        }
    }

    fn source(&self) -> FjallSource {
        FjallSource { keyspace: self.keyspace.clone(), published: self.published.clone() }
    }

    /// fjall syncs its journal before it applies a batch, so no reader sees what could be lost.
    fn write(&mut self, writes: Writes<Slice>) -> Result<(), Fatal> {
        self.compactor.check(false)?;
        self.wait_for_room()?;
        let batch = OwnedWriteBatch::with_capacity(self.db.clone(), writes.len());
        let mut batch = batch.durability(Some(PersistMode::SyncData));
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(&self.keyspace, key, value),
                None => batch.remove(&self.keyspace, key),
            }
        }
        batch.commit().map_err(|error| fault::fatal("committing a group", &self.path, error))?;
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = self.db.snapshot();
        Ok(())
    }

    fn watch(&mut self) -> Result<(), Fatal> {
        self.compactor.check(false)?;
        check_background(&self.db, &self.path)
    }

    fn data_bytes(_: &Path) -> io::Result<u64> {
        // The journal is longer than what it holds.
        Ok(0)
    }

    fn close(self) {
        let Self { compactor, db, keyspace, published, path } = self;
        drop(compactor);
        if keyspace.tree.active_memtable().size() > FLUSHED_AT_CLOSE_BYTES {
            // The journal holds what is not flushed.
            let _ = keyspace.rotate_memtable();
            while keyspace.sealed_memtable_count() > 0 && check_background(&db, &path).is_ok() {
                std::thread::sleep(ROOM_CHECK);
            }
        }
        drop((published, keyspace));
        drop(db);
    }
}

/// How long to wait for fjall's own lock; it waits for a while itself.
const LOCK_WAIT: Duration = Duration::from_secs(2);

impl Fjall {
    fn wait_for_room(&self) -> Result<(), Fatal> {
        while self.keyspace.sealed_memtable_count() > MOST_SEALED_MEMTABLES
            || self.keyspace.tree.l0_run_count() > MOST_RUNS
        {
            self.compactor.check(true)?;
            check_background(&self.db, &self.path)?;
            std::thread::sleep(ROOM_CHECK);
        }
        Ok(())
    }
}

/// fjall's background work that has failed is told by the next write alone; this one writes nothing.
fn check_background(db: &Database, path: &Path) -> Result<(), Fatal> {
    let checked = db.persist(PersistMode::Buffer);
    checked.map_err(|error| fault::fatal("writing tables", path, error))
}

/// Reads the published state.
#[derive(Clone)]
pub struct FjallSource {
    keyspace: Keyspace,
    published: Arc<Published>,
}

impl Source for FjallSource {
    type View = FjallView;

    fn read<T>(
        &self,
        read: impl FnOnce(&FjallView) -> Result<T, Unread>,
        _: impl FnOnce(&T) -> Touched<Slice>,
    ) -> Result<Seen<T>, Unread> {
        Ok(Seen::now(read(&self.view())?))
    }

    fn view(&self) -> FjallView {
        let snapshot = self.published.read().unwrap_or_else(PoisonError::into_inner).clone();
        FjallView { keyspace: self.keyspace.clone(), snapshot }
    }

    fn is_applying(&self) -> bool {
        false
    }
}

/// A snapshot of fjall's keyspace.
pub struct FjallView {
    keyspace: Keyspace,
    snapshot: Snapshot,
}

impl View for FjallView {
    type Bytes = Slice;

    fn get(&self, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        self.snapshot.get(&self.keyspace, key).map_err(fault::reading)
    }

    fn range(&self, range: &RawRange) -> impl DoubleEndedIterator<Item = Result<(Slice, Slice), StoreError>> {
        let found = self.snapshot.range::<Vec<u8>, _>(&self.keyspace, range.clone());
        found.map(|found| found.into_inner().map_err(fault::reading))
    }

    fn keys(&self, range: &RawRange) -> impl DoubleEndedIterator<Item = Result<Slice, StoreError>> {
        let found = self.snapshot.range::<Vec<u8>, _>(&self.keyspace, range.clone());
        found.map(|found| found.key().map_err(fault::reading))
    }

    fn value(stored: Slice, from: usize) -> Value {
        Bytes::copy_from_slice(stored.get(from..).unwrap_or_default())
    }
}
