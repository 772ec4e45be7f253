//! The engines on disk that this build has, and which of them a data directory is opened with.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

#[cfg(feature = "fjall")]
use plaudit_keyspace_fjall::FjallStore;
#[cfg(feature = "sled")]
use plaudit_keyspace_sled::SledStore;

use plaudit_keyspace_disk::{DiskStore, Engine, OnDisk, OpenError, Options, engine_in, holds_store, open};

#[cfg(not(any(feature = "fjall", feature = "sled")))]
compile_error!("the store needs an engine: build with the feature `sled`, with `fjall`, or with both");

/// The setting of whoever does not choose.
pub const AUTO: &str = "auto";

/// In a directory while a store is being converted into it.
const CONVERTING_FILE: &str = open::CONVERTING_FILE;

type Open = fn(&Path, Options) -> Result<Arc<dyn OnDisk>, OpenError>;

/// By name. The first is what a new directory gets.
const ENGINES: &[(&str, Open)] = &[
    #[cfg(feature = "sled")]
    ("sled", |dir, options| on_disk(SledStore::open(dir, options)?)),
    #[cfg(feature = "fjall")]
    ("fjall", |dir, options| on_disk(FjallStore::open(dir, options)?)),
];

fn on_disk<E: Engine>(store: DiskStore<E>) -> Result<Arc<dyn OnDisk>, OpenError> {
    Ok(Arc::new(store))
}

/// Opens the store in a directory with an engine by its name, creating both if missing. [`AUTO`] is the engine of the
/// directory. Blocks, possibly for seconds if the store is large.
pub fn open(engine: &str, dir: &Path, options: Options) -> Result<Arc<dyn OnDisk>, OpenError> {
    if dir.join(CONVERTING_FILE).exists() {
        return Err(OpenError::HalfConverted { dir: dir.to_owned() });
    }
    open_with(engine, dir, options)
}

fn open_with(engine: &str, dir: &Path, options: Options) -> Result<Arc<dyn OnDisk>, OpenError> {
    let known = || ENGINES.iter().map(|(name, _)| *name);
    let engine = match engine {
        AUTO => engine_in(dir)?.or_else(|| known().next().map(str::to_owned)).unwrap_or_default(),
        named => named.to_owned(),
    };
    match ENGINES.iter().find(|(name, _)| *name == engine) {
        Some((_, open)) => open(dir, options),
        None => Err(OpenError::NoSuchEngine {
            dir: dir.to_owned(),
            engine,
            known: known().collect::<Vec<_>>().join(" and "),
        }),
    }
}

/// A directory that a store is being converted into. No server opens it before it is whole.
pub struct Target {
    pub store: Arc<dyn OnDisk>,
    mark: PathBuf,
    pub earlier: Earlier,
}

/// What became of an earlier conversion into the same directory that did not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    None,
    GoneOnWith,
    /// It cannot be opened, or has the other engine.
    Removed,
}

impl Target {
    /// Begins a conversion into a new or empty directory, or one that did not finish.
    pub fn begin(engine: &str, dir: &Path, options: Options) -> Result<Self, OpenError> {
        let mark = dir.join(CONVERTING_FILE);
        let mut earlier = Earlier::None;
        if mark.exists() {
            if let Ok(store) = open_with(engine, dir, options.clone()) {
                return Ok(Self { store, mark, earlier: Earlier::GoneOnWith });
            }
            open::discard(dir, options.lock_wait)?;
            earlier = Earlier::Removed;
        } else if holds_store(dir) {
            return Err(OpenError::Occupied { dir: dir.to_owned() });
        }
        open::prepare(dir)?;
        let marked = fs::write(&mark, "a store is being converted into this directory\n");
        marked.and_then(|()| sync(&mark)).map_err(open::at(&mark))?;
        let store = open_with(engine, dir, options)?;
        Ok(Self { store, mark, earlier })
    }

    /// Lets servers open the directory. The store must be closed.
    pub fn finish(self) -> Result<(), OpenError> {
        let removed = fs::remove_file(&self.mark).and_then(|()| self.mark.parent().map_or(Ok(()), sync));
        removed.map_err(open::at(&self.mark))
    }
}

fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}
