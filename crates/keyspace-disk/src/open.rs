//! Opens a data directory: takes its lock and checks that it is complete, ours, and not older than its last known
//! commit.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    chunks::{self, Owner},
    dirs,
    engine::{BytesOf, Engine, Source as _, View, Writes},
    fault,
    holder::{self, Holder, Refused},
    identity::{FORMAT, Identity},
    layout::{self, COMMIT_NUMBER_KEY, IDENTITY_KEY},
    sidecar::{self, Sidecar, Synced},
    store::Options,
    vacancy,
};
use plaudit_keyspace::{
    Position, StoreError,
    dump::LOADING_KEY,
    panics::{Hushed, caught},
};

/// The lock, and who holds it.
pub const HOLDER_FILE: &str = "holder";
/// The store's id, format and engine.
pub const IDENTITY_FILE: &str = "identity";
/// A recent durable commit number.
pub const SYNCED_FILE: &str = "synced";
/// Exists while a store is being created.
pub const CREATING_FILE: &str = "creating";
/// Exists while a store is being converted into the directory.
pub const CONVERTING_FILE: &str = "converting";
/// The engines by name, each of which has a directory of its name.
pub const ENGINES: [&str; 2] = ["sled", "fjall"];

const RESTORE: &str = "restore the whole data directory from a backup, or load a dump into an empty one with \
                       `plaudit store load`; without either, `plaudit store salvage` copies what can be read";

/// Why a data directory could not be opened. Each message names the file, the problem and the next step.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{}: {source}; {}", path.display(), fault::next_step(.source))]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is in use by {}; stop it and try again", dir.display(), describe_holder(.pid, .address))]
    Held { dir: PathBuf, pid: Option<u32>, address: Option<String> },
    #[error(
        "{} has format {found}, this version reads up to {FORMAT}; start the version that wrote it, or a newer one",
        path.display()
    )]
    NewerFormat { path: PathBuf, found: u32 },
    #[error(
        "{} holds a store of the engine {found}, not of {wanted}; leave out store.engine to use it as it is, or convert it: \
         plaudit store convert --data {} --to {wanted} NEW_DIRECTORY",
        dir.display(), dir.display()
    )]
    OtherEngine { dir: PathBuf, found: String, wanted: &'static str },
    #[error("{} needs the engine {engine}, which is not part of this build; it has {known}", dir.display())]
    NoSuchEngine { dir: PathBuf, engine: String, known: String },
    #[error("{} is missing, though other files of the store are there; {RESTORE}", path.display())]
    Missing { path: PathBuf },
    #[error("{} is damaged: {why}; {RESTORE}", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("{} is not a file of the store; move it elsewhere and start again", path.display())]
    Stray { path: PathBuf },
    #[error("{} belongs to another store than {}: {why}; {RESTORE}", path.display(), other.display())]
    Mismatch { path: PathBuf, other: PathBuf, why: String },
    #[error(
        "{} has lost commits: it ends at commit {found}, but {} says that commit {synced} was durable; {RESTORE}",
        path.display(), sidecar.display()
    )]
    Behind { path: PathBuf, sidecar: PathBuf, found: u64, synced: u64 },
    #[error(
        "{} holds a load that did not finish; remove the directory and load the dump again",
        dir.display()
    )]
    HalfLoaded { dir: PathBuf },
    #[error(
        "{} holds a conversion that did not finish; run `plaudit store convert` into it once more, or remove the directory",
        dir.display()
    )]
    HalfConverted { dir: PathBuf },
    #[error("{} holds a store already; name a new or an empty directory", dir.display())]
    Occupied { dir: PathBuf },
    #[error(
        "{} is not empty and holds no store: {} there; name a new or an empty directory",
        dir.display(), describe_found(.names, *.more)
    )]
    Foreign { dir: PathBuf, names: Vec<String>, more: usize },
}

impl OpenError {
    /// What is wrong, without the next step of whoever wants to open it.
    pub fn problem(&self) -> String {
        let told = self.to_string();
        told.strip_suffix(RESTORE).map_or(told.as_str(), |told| told.trim_end_matches("; ")).to_owned()
    }
}

/// What a store is refused for, or what is read past.
struct Faults {
    are_read_past: bool,
    found: Vec<String>,
}

impl Faults {
    fn new(are_read_past: bool) -> Self {
        Self { are_read_past, found: Vec::new() }
    }

    /// Notes a fault, and goes on with `otherwise`, where faults are read past.
    fn or<T>(&mut self, otherwise: T, found: Result<T, OpenError>) -> Result<T, OpenError> {
        match found {
            Err(fault) if self.are_read_past => {
                self.found.push(fault.problem());
                Ok(otherwise)
            }
            found => found,
        }
    }

    /// Each once.
    fn found(mut self) -> Vec<String> {
        self.found.dedup();
        self.found
    }
}

fn describe_found(names: &[String], more: usize) -> String {
    let mut found: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    if more > 0 {
        found.push(format!("{more} more"));
    }
    let are = if found.len() == 1 { "is" } else { "are" };
    match found.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last} {are}", before.join(", ")),
        _ => format!("{} {are}", found.concat()),
    }
}

fn describe_holder(pid: &Option<u32>, address: &Option<String>) -> String {
    let pid = pid.map_or("another process".to_owned(), |pid| format!("process {pid}"));
    match address {
        Some(address) => format!("{pid}, which serves {address}"),
        None => pid,
    }
}

/// An opened store and what was read at open.
pub struct Opened<E> {
    pub engine: E,
    pub(crate) holder: Holder,
    pub(crate) commit_number: u64,
    /// The contents of [`SYNCED_FILE`].
    pub(crate) synced: Synced,
    pub(crate) last_position: Position,
    pub(crate) chunk_owners: HashSet<Owner>,
    pub(crate) next_chunk_id: u64,
    /// What the store would have been refused for, but for [`Options::past_damage`].
    pub(crate) faults: Vec<String>,
}

/// The engine of the store in a directory; `None` if there is none. Of a store without its identity, by its files.
pub fn engine_in(dir: &Path) -> Result<Option<String>, OpenError> {
    if dir.join(IDENTITY_FILE).exists() {
        return Ok(Some(read_identity(dir)?.engine));
    }
    if dir.join(CREATING_FILE).exists() {
        // Nothing was ever stored, so it is begun again.
        return Ok(None);
    }
    Ok(ENGINES.into_iter().find(|name| dir.join(name).exists()).map(str::to_owned))
}

/// Opens or creates the store of a directory.
///
/// What the engine panics with, here or on its own threads, is part of the refusal and not told besides.
pub fn open<E: Engine>(dir: &Path, options: &Options) -> Result<Opened<E>, OpenError> {
    let hushed = Hushed::begin();
    // An engine writes when it is dropped, so a refusal may panic on the way out, too.
    let opened = caught(|| open_checked(dir, options));
    opened.unwrap_or_else(|panic| Err(fault::from_panic::<E>(dir, &panic))).map_err(|refused| {
        hushed.keep();
        unreadable::<E>(dir, &refused).unwrap_or(refused)
    })
}

/// The file that the disk does not read, if that is why a directory was refused.
fn unreadable<E: Engine>(dir: &Path, refused: &OpenError) -> Option<OpenError> {
    let engine_dir = dir.join(E::NAME);
    let may_be = match refused {
        OpenError::Damaged { .. } | OpenError::Behind { .. } | OpenError::Mismatch { .. } => true,
        OpenError::Io { path, .. } => *path == engine_dir,
        _ => false,
    };
    may_be.then(|| fault::read_all(&engine_dir).err()).flatten()
}

/// Creates the directory if it is missing, and refuses one that is used for something else.
pub fn prepare(dir: &Path) -> Result<(), OpenError> {
    dirs::create_private(dir).map_err(at(dir))?;
    vacancy::check(dir)
}

/// The lock of a data directory, which no process opens while this exists.
pub struct Held(#[expect(dead_code, reason = "it is held")] Holder);

/// Takes the lock of a data directory without opening its store.
pub fn hold(dir: &Path, wait: Duration) -> Result<Held, OpenError> {
    take_holder(dir, wait).map(Held)
}

/// Removes the store of a directory, complete or not. Refused while a process has it open.
pub fn discard(dir: &Path, wait: Duration) -> Result<(), OpenError> {
    let _holder = take_holder(dir, wait)?;
    for name in [IDENTITY_FILE, SYNCED_FILE, CREATING_FILE] {
        remove_if_there(&dir.join(name), |path| fs::remove_file(path))?;
    }
    for engine in ENGINES {
        remove_if_there(&dir.join(engine), |path| fs::remove_dir_all(path))?;
    }
    Ok(())
}

fn open_checked<E: Engine>(dir: &Path, options: &Options) -> Result<Opened<E>, OpenError> {
    prepare(dir)?;
    let holder = take_holder(dir, options.lock_wait)?;
    if let Some(found) = engine_in(dir)?.filter(|found| found != E::NAME) {
        return Err(OpenError::OtherEngine { dir: dir.to_owned(), found, wanted: E::NAME });
    }
    if must_create::<E>(dir)? {
        create::<E>(dir, options)?;
    }
    let identity = read_identity(dir)?;
    let synced = read_synced(dir, &identity)?;
    E::check(dir, &synced)?;
    let files_bytes = E::data_bytes(dir).map_err(at(&dir.join(E::DATA)))?;
    let engine = E::open(dir, options)?;
    let view = engine.source().view();
    let mut faults = Faults::new(options.past_damage);
    let failed = |error: StoreError| fault::refusal::<E>(dir, &error);
    let inside = view.get(IDENTITY_KEY).map_err(failed);
    faults.or((), inside.and_then(|inside| check_inside::<E>(dir, inside, &identity)))?;
    let number = view.get(COMMIT_NUMBER_KEY).map_err(failed);
    let number = number.and_then(|number| check_commit_number::<E>(dir, number, synced.number));
    // What is opened past its damage commits nothing.
    let commit_number = faults.or(synced.number, number)?;
    faults.or((), engine.check_opened(dir, files_bytes, &synced))?;
    let loading = faults.or(None, view.get(&layout::pair_key(LOADING_KEY)).map_err(failed))?;
    if loading.is_some() && !options.half_loaded {
        return Err(OpenError::HalfLoaded { dir: dir.to_owned() });
    }
    let last_position = faults.or(0, last_position(&view).map_err(failed))?;
    let (owners, next_chunk_id) = faults.or((Vec::new(), 0), chunks::survey(&view).map_err(failed))?;
    drop(view);
    Ok(Opened {
        engine,
        holder,
        commit_number,
        synced,
        last_position,
        chunk_owners: owners.into_iter().collect(),
        next_chunk_id,
        faults: faults.found(),
    })
}

fn take_holder(dir: &Path, wait: Duration) -> Result<Holder, OpenError> {
    let path = dir.join(HOLDER_FILE);
    Holder::take(&path, wait).map_err(|refused| match refused {
        Refused::Io(source) => OpenError::Io { path, source },
        Refused::Held(text) => OpenError::Held {
            dir: dir.to_owned(),
            pid: holder::line(&text, "pid").and_then(|pid| pid.parse().ok()),
            address: holder::line(&text, "address").map(str::to_owned),
        },
    })
}

/// Whether there is no store yet. An unfinished creation is removed, since it never acknowledged anything.
fn must_create<E: Engine>(dir: &Path) -> Result<bool, OpenError> {
    let exists = |name: &str| dir.join(name).exists();
    if exists(CREATING_FILE) && !exists(IDENTITY_FILE) {
        let synced = sidecar::read(&dir.join(SYNCED_FILE)).ok().flatten();
        if synced.is_none_or(|synced| synced.number <= FIRST_COMMIT) {
            remove_if_there(&dir.join(SYNCED_FILE), |path| fs::remove_file(path))?;
            for engine in ENGINES {
                remove_if_there(&dir.join(engine), |path| fs::remove_dir_all(path))?;
            }
            return Ok(true);
        }
    }
    if exists(CREATING_FILE) && exists(IDENTITY_FILE) {
        remove_if_there(&dir.join(CREATING_FILE), |path| fs::remove_file(path))?;
    }
    let mut parts = [IDENTITY_FILE, SYNCED_FILE].into_iter().chain(E::PARTS.iter().copied());
    if !exists(E::NAME) && !parts.clone().any(exists) {
        return Ok(true);
    }
    match parts.find(|name| !exists(name)) {
        Some(missing) => Err(OpenError::Missing { path: dir.join(missing) }),
        None => Ok(false),
    }
}

fn remove_if_there(path: &Path, remove: impl Fn(&Path) -> io::Result<()>) -> Result<(), OpenError> {
    match remove(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(OpenError::Io { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// The commit number of a new store.
const FIRST_COMMIT: u64 = 1;

/// Creates an empty store. The identity file comes last: if it is missing and [`CREATING_FILE`] exists, nothing was
/// ever stored.
fn create<E: Engine>(dir: &Path, options: &Options) -> Result<(), OpenError> {
    let identity = Identity::random(E::NAME).map_err(at(dir))?;
    identity.write(dir, CREATING_FILE).map_err(at(&dir.join(CREATING_FILE)))?;
    let engine_dir = dir.join(E::NAME);
    let mut engine = E::open(dir, options)?;
    let stored = |bytes: &[u8]| BytesOf::<E>::from(bytes.to_vec());
    let first = Writes::<BytesOf<E>>::from([
        (stored(IDENTITY_KEY), Some(stored(identity.to_string().as_bytes()))),
        (stored(COMMIT_NUMBER_KEY), Some(stored(&FIRST_COMMIT.to_be_bytes()))),
    ]);
    let written = engine.write(first);
    written.map_err(|cause| fault::refusal::<E>(dir, &StoreError::Failed(cause)))?;
    engine.close();
    dirs::sync_all(&engine_dir).map_err(at(&engine_dir))?;
    let path = dir.join(SYNCED_FILE);
    let synced = Synced { store_id: identity.id, number: FIRST_COMMIT, data_bytes: 0 };
    Sidecar::create(&path, synced).map_err(at(&path))?;
    dirs::sync(dir).map_err(at(dir))?;
    identity.write(dir, IDENTITY_FILE).map_err(at(&dir.join(IDENTITY_FILE)))?;
    remove_if_there(&dir.join(CREATING_FILE), |path| fs::remove_file(path))?;
    dirs::sync(dir).map_err(at(dir))
}

fn read_identity(dir: &Path) -> Result<Identity, OpenError> {
    let path = dir.join(IDENTITY_FILE);
    let bytes = fs::read(&path).map_err(at(&path))?;
    let identity = Identity::parse(&bytes).map_err(|why| OpenError::Damaged { path: path.clone(), why })?;
    if identity.format > FORMAT {
        return Err(OpenError::NewerFormat { path, found: identity.format });
    }
    Ok(identity)
}

fn read_synced(dir: &Path, identity: &Identity) -> Result<Synced, OpenError> {
    let path = dir.join(SYNCED_FILE);
    match sidecar::read(&path).map_err(at(&path))? {
        None => Err(OpenError::Damaged { path, why: "neither of its two slots is whole".into() }),
        Some(synced) if synced.store_id == identity.id => Ok(synced),
        Some(_) => Err(OpenError::Mismatch {
            path,
            other: dir.join(IDENTITY_FILE),
            why: "they hold different store ids".into(),
        }),
    }
}

/// Checks that the identity inside the database equals the file's. An emptied database has none.
fn check_inside<E: Engine>(
    dir: &Path,
    record: Option<BytesOf<E>>,
    identity: &Identity,
) -> Result<(), OpenError> {
    let (path, other) = (dir.join(E::DATA), dir.join(IDENTITY_FILE));
    let Some(record) = record else {
        let why = "it holds no identity record, so it is empty or was cut".into();
        return Err(OpenError::Damaged { path, why });
    };
    match Identity::parse(record.as_ref()) {
        Err(why) => Err(OpenError::Damaged { path, why: format!("its identity record: {why}") }),
        Ok(inside) if inside == *identity => Ok(()),
        Ok(_) => Err(OpenError::Mismatch { path, other, why: "they hold different store ids".into() }),
    }
}

fn check_commit_number<E: Engine>(
    dir: &Path,
    number: Option<BytesOf<E>>,
    synced: u64,
) -> Result<u64, OpenError> {
    let path = dir.join(E::DATA);
    let number = number.and_then(|number| number.as_ref().try_into().ok()).map(u64::from_be_bytes);
    match number {
        None => Err(OpenError::Damaged { path, why: "it holds no commit number".into() }),
        Some(found) if found < synced => {
            Err(OpenError::Behind { path, sidecar: dir.join(SYNCED_FILE), found, synced })
        }
        Some(found) => Ok(found),
    }
}

fn last_position<V: View>(view: &V) -> Result<Position, StoreError> {
    let last = view.keys(&layout::log_range(0)).next_back();
    match last.transpose()? {
        None => Ok(0),
        Some(key) => layout::position_of(key.as_ref())
            .ok_or_else(|| chunks::corrupt("a log record has a malformed key")),
    }
}

/// Adds the file to an I/O error.
pub fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError + use<> {
    let path = path.to_owned();
    move |source| OpenError::Io { path, source }
}
