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

/// Opens a store that is being converted into a directory, to look at it before servers may.
pub fn open_unfinished(engine: &str, dir: &Path, options: Options) -> Result<Arc<dyn OnDisk>, OpenError> {
    open_with(engine, dir, options)
}

/// The name of the engine of a directory that holds a store.
pub fn engine_of(dir: &Path) -> Result<String, OpenError> {
    let known = ENGINES.first().map(|(name, _)| (*name).to_owned());
    Ok(engine_in(dir)?.or(known).unwrap_or_default())
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
    Removed,
}

impl Target {
    /// Goes on with a conversion into this directory that did not finish, else begins one as [`Target::begin_anew`] does.
    pub fn go_on(engine: &str, dir: &Path, options: Options) -> Result<Self, OpenError> {
        let mark = dir.join(CONVERTING_FILE);
        let unfinished = Options { half_loaded: true, ..options.clone() };
        if mark.exists()
            && let Ok(store) = open_with(engine, dir, unfinished)
        {
            return Ok(Self { store, mark, earlier: Earlier::GoneOnWith });
        }
        Self::begin_anew(engine, dir, options)
    }

    /// Begins with an empty store in a new or empty directory, or in that of a conversion that did not finish.
    pub fn begin_anew(engine: &str, dir: &Path, options: Options) -> Result<Self, OpenError> {
        let mark = dir.join(CONVERTING_FILE);
        let mut earlier = Earlier::None;
        if mark.exists() {
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

    /// Removes what was begun. The store must be closed.
    pub fn abandon(self, wait: std::time::Duration) -> Result<(), OpenError> {
        let dir = self.mark.parent().unwrap_or(Path::new(".")).to_owned();
        open::discard(&dir, wait)?;
        self.finish()
    }

    /// Lets servers open the directory. The store must be closed.
    pub fn finish(self) -> Result<(), OpenError> {
        let removed = fs::remove_file(&self.mark).and_then(|()| self.mark.parent().map_or(Ok(()), sync));
        removed.map_err(open::at(&self.mark))
    }
}

/// A copy of a data directory that is to be read past its damage, so that the engine does not touch the directory itself. No
/// process has the directory open meanwhile.
pub struct ReadCopy {
    pub store: Arc<dyn OnDisk>,
    dir: PathBuf,
    _held: open::Held,
}

impl ReadCopy {
    /// Copies a directory into a new one and opens that. One that an earlier run has left behind is removed first.
    pub fn begin(of: &Path, dir: &Path, options: Options) -> Result<Self, OpenError> {
        let held = open::hold(of, options.lock_wait)?;
        let removed = match fs::remove_dir_all(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
        removed.and_then(|()| copy_all(of, dir)).map_err(open::at(dir))?;
        let opened = open_with(AUTO, dir, Options { past_damage: true, ..options });
        let store = opened.inspect_err(|_| _ = fs::remove_dir_all(dir))?;
        Ok(Self { store, dir: dir.to_owned(), _held: held })
    }

    /// Removes the copy. The store must be closed.
    pub fn remove(self) -> Result<(), OpenError> {
        fs::remove_dir_all(&self.dir).map_err(open::at(&self.dir))
    }
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else if kind.is_file() && entry.file_name() != open::HOLDER_FILE {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}
