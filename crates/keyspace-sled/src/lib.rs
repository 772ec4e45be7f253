//! The engine on sled 0.34.7, with a guard against each of its known faults.
//!
//! `docs/storage.md` lists the guards, why each is needed, and how each was shown to work. Only this folder knows sled;
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

mod conf;
mod disk;
mod fault;
mod group;
#[cfg(test)]
mod guards;
mod open;

use std::{
    fs, io,
    path::Path,
    sync::{Arc, RwLock},
};

use ::sled::{Db, IVec, Tree};
use bytes::Bytes;
use futures_util::FutureExt as _;

pub use plaudit_keyspace_disk::{OpenError, Options as SledOptions};

use self::{
    disk::{Disk, RealDisk},
    fault::Fault,
    group::InFlight,
};
use plaudit_keyspace::{StoreError, Value, panics::caught};
use plaudit_keyspace_disk::{
    DiskStore, Engine, Fatal, GroupLimits, Seen, Source, Touched, Unread, View, Writes, layout::RawRange,
    open::at, sidecar::Synced,
};

/// A store on sled in a directory.
pub type SledStore = DiskStore<Sled>;

/// sled's files, and the group that was applied last.
pub struct Sled {
    db: Db,
    tree: SledTree,
    disk: Arc<dyn Disk>,
    visible: Arc<Visible>,
}

/// The group in flight. Readers hold the lock for a whole read, and the committer while it applies a group, so a read
/// sees each group entirely or not at all, and a large value with all its chunks.
type Visible = RwLock<Option<Arc<InFlight>>>;

impl Engine for Sled {
    const NAME: &'static str = "sled";
    const DATA: &'static str = "sled/db";
    const PARTS: &'static [&'static str] = &["sled/db"];
    // They keep the time short for which sled's lock is held.
    const GROUP: GroupLimits = GroupLimits { keys: 256, bytes: 1024 * 1024 };

    type Source = SledSource;

    fn check(dir: &Path, _: &Synced) -> Result<(), OpenError> {
        conf::check(&dir.join(Self::NAME).join("conf"))
    }

    fn open(dir: &Path, options: &SledOptions) -> Result<Self, OpenError> {
        let (db, tree) = open::open_sled(dir, options)?;
        let sled_dir = dir.join(Self::NAME);
        let disk = RealDisk::open(&sled_dir).map_err(at(&sled_dir))?;
        Ok(Self { db, tree: SledTree(tree), disk: Arc::new(disk), visible: Arc::default() })
    }

    /// Reads everything, to find damage, if the data file is shorter than it was: either sled shrank it and a crash kept
    /// us from recording that, or it was truncated and may have lost pages older than the newest commit.
    fn check_opened(&self, dir: &Path, files_bytes: u64, synced: &Synced) -> Result<(), OpenError> {
        if files_bytes >= synced.data_bytes {
            return Ok(());
        }
        tracing::warn!(dir = %dir.display(), "the data file is shorter than it was; reading all of it before serving");
        let read = || self.tree.0.iter().try_for_each(|pair| pair.map(drop));
        open::catch(read).map_err(|fault| fault.at(&dir.join(Self::DATA)))
    }

    fn source(&self) -> SledSource {
        SledSource { tree: self.tree.clone(), visible: self.visible.clone() }
    }

    /// Applies a group as one batch and syncs it. Readers see that it is in flight before it is applied.
    fn write(&mut self, writes: Writes<IVec>) -> Result<(), Fatal> {
        let (group, batch) = InFlight::new(writes);
        let group = Arc::new(group);
        let settled = {
            let mut visible = self.visible.write().map_err(|_| Fatal::from("a write panicked"))?;
            let settled = visible.replace(group.clone());
            self.tree.0.apply_batch(batch).map_err(|error| fatal("applying a group", error))?;
            settled
        };
        // Drop the previous group only here, where nobody waits for the lock.
        drop(settled);
        self.disk.flush(&self.tree.0).map_err(|error| fatal("flushing a group", error))?;
        self.disk.sync().map_err(|error| fatal("syncing a group", error))?;
        group.finish(Ok(()));
        Ok(())
    }

    fn fail(&mut self, cause: &Fatal) {
        if let Some(group) = &*self.visible.read().unwrap_or_else(std::sync::PoisonError::into_inner) {
            group.finish(Err(cause.clone()));
        }
    }

    fn data_bytes(dir: &Path) -> io::Result<u64> {
        Ok(fs::metadata(dir.join(Self::DATA))?.len())
    }

    fn close(self) {
        let Self { db, tree, .. } = self;
        // sled flushes when dropped, which may panic after a failure.
        let _ = caught(move || drop((tree, db)));
    }
}

fn fatal(step: &str, error: impl std::fmt::Display) -> Fatal {
    Fatal::from(format!("{step}: {error}"))
}

/// Reads one tree.
#[derive(Clone)]
pub struct SledSource {
    tree: SledTree,
    visible: Arc<Visible>,
}

impl Source for SledSource {
    type View = SledTree;

    fn read<T>(
        &self,
        read: impl FnOnce(&SledTree) -> Result<T, Unread>,
        touched: impl FnOnce(&T) -> Touched<IVec>,
    ) -> Result<Seen<T>, Unread> {
        let panicked = |_| StoreError::Failed("a write panicked".into());
        let visible = self.visible.read().map_err(panicked)?;
        let value = read(&self.tree)?;
        let unsynced = visible.as_ref().filter(|group| !group.is_synced());
        let wait_for = unsynced.filter(|group| group.writes(&touched(&value))).cloned();
        Ok(Seen { value, wait_for: wait_for.map(|group| async move { group.settled().await }.boxed()) })
    }

    fn view(&self) -> SledTree {
        self.tree.clone()
    }

    fn is_applying(&self) -> bool {
        self.visible.try_read().is_err()
    }
}

/// sled's tree.
#[derive(Clone)]
pub struct SledTree(Tree);

impl View for SledTree {
    type Bytes = IVec;

    fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        self.0.get(key).map_err(damaged)
    }

    fn range(&self, range: &RawRange) -> impl DoubleEndedIterator<Item = Result<(IVec, IVec), StoreError>> {
        self.0.range::<Vec<u8>, _>(range.clone()).map(|pair| pair.map_err(damaged))
    }

    fn keys(&self, range: &RawRange) -> impl DoubleEndedIterator<Item = Result<IVec, StoreError>> {
        self.0.range::<Vec<u8>, _>(range.clone()).keys().map(|key| key.map_err(damaged))
    }

    fn value(stored: IVec, from: usize) -> Value {
        Bytes::copy_from_slice(stored.get(from..).unwrap_or_default())
    }
}

/// A failed sled read.
fn damaged(error: ::sled::Error) -> StoreError {
    match Fault::from(error) {
        fault @ Fault::Refused(_) => StoreError::Unreadable(Arc::from(fault.to_string())),
        fault => StoreError::Corrupt(Arc::from(fault.to_string())),
    }
}
