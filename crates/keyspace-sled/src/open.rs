//! Opens a data directory: takes its lock and checks that it is complete, ours, and not older than its last known
//! commit.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use ::sled::{Db, IVec, Tree};

use super::{
    SledOptions,
    chunks::{self, Owner, SEGMENT_BYTES},
    conf,
    disk::sync_dir,
    fault::{self, Fault},
    holder::{self, Holder, Refused},
    identity::{FORMAT, Identity},
    layout::{self, COMMIT_NUMBER_KEY, IDENTITY_KEY, LOG},
    sidecar::{self, Sidecar, Synced},
    vacancy,
};
use plaudit_keyspace::{
    Position,
    dump::LOADING_KEY,
    panics::{Hushed, caught},
};

/// The lock, and who holds it.
pub(super) const HOLDER_FILE: &str = "holder";
/// The store's id and format.
pub(super) const IDENTITY_FILE: &str = "identity";
/// A recent durable commit number.
pub(super) const SYNCED_FILE: &str = "synced";
/// Exists while a store is being created.
pub(super) const CREATING_FILE: &str = "creating";
/// sled's own files.
pub(super) const SLED_DIR: &str = "sled";

const RESTORE: &str = "restore the whole data directory from a backup, or load a dump into an empty one with \
                       `plaudit store load`";

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
    #[error("{} is missing, though other files of the store are there; {RESTORE}", path.display())]
    Missing { path: PathBuf },
    #[error("{} is damaged: {why}; {RESTORE}", path.display())]
    Damaged { path: PathBuf, why: String },
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
        "{} is not empty and holds no store: {} there; name a new or an empty directory",
        dir.display(), describe_found(.names, *.more)
    )]
    Foreign { dir: PathBuf, names: Vec<String>, more: usize },
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
pub(super) struct Opened {
    pub db: Db,
    pub tree: Tree,
    pub holder: Holder,
    pub commit_number: u64,
    /// The contents of [`SYNCED_FILE`].
    pub synced: Synced,
    pub last_position: Position,
    pub chunk_owners: HashSet<Owner>,
    pub next_chunk_id: u64,
}

/// Opens or creates the store of a directory.
///
/// What sled panics with, here or on its own threads, is part of the refusal and not told besides.
pub(super) fn open(dir: &Path, options: &SledOptions) -> Result<Opened, OpenError> {
    let hushed = Hushed::begin();
    // sled flushes when dropped, so a refusal may panic on the way out, too.
    let opened = catch(|| Ok::<_, Fault>(open_checked(dir, options)));
    let opened = opened.unwrap_or_else(|fault| Err(fault.at(&dir.join(SLED_DIR).join("db"))));
    opened.map_err(|refused| {
        hushed.keep();
        unreadable(dir, &refused).unwrap_or(refused)
    })
}

/// The file that the disk does not read, if that is why a directory was refused.
fn unreadable(dir: &Path, refused: &OpenError) -> Option<OpenError> {
    let sled_dir = dir.join(SLED_DIR);
    let may_be = match refused {
        OpenError::Damaged { .. } | OpenError::Behind { .. } | OpenError::Mismatch { .. } => true,
        OpenError::Io { path, .. } => *path == sled_dir,
        _ => false,
    };
    may_be.then(|| fault::read_all(&sled_dir).err()).flatten()
}

fn open_checked(dir: &Path, options: &SledOptions) -> Result<Opened, OpenError> {
    create_private_dir(dir).map_err(at(dir))?;
    vacancy::check(dir)?;
    let holder = take_holder(dir, options.lock_wait)?;
    if must_create(dir)? {
        create(dir, options)?;
    }
    let identity = read_identity(dir)?;
    let synced = read_synced(dir, &identity)?;
    let db_path = dir.join(SLED_DIR).join("db");
    conf::check(&dir.join(SLED_DIR).join("conf"))?;
    let is_shorter = fs::metadata(&db_path).map_err(at(&db_path))?.len() < synced.db_bytes;
    let (db, tree) = open_sled(dir, options)?;
    check_inside(dir, &tree, &identity)?;
    let commit_number = check_commit_number(dir, &tree, synced.number)?;
    if is_shorter {
        read_everything(dir, &tree)?;
    }
    if read(dir, || tree.contains_key(layout::pair_key(LOADING_KEY)))? {
        return Err(OpenError::HalfLoaded { dir: dir.to_owned() });
    }
    let last_position = last_position(dir, &tree)?;
    let (owners, next_chunk_id) = read(dir, || chunks::survey(&tree))?;
    Ok(Opened {
        db,
        tree,
        holder,
        commit_number,
        synced,
        last_position,
        chunk_owners: owners.into_iter().collect(),
        next_chunk_id,
    })
}

/// Creates the directory and any missing parents, syncing each parent: if a directory's entry is lost, so is everything
/// synced below it.
fn create_private_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let missing: Vec<&Path> =
        dir.ancestors().take_while(|level| !level.as_os_str().is_empty() && !level.is_dir()).collect();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)?;
    missing.into_iter().rev().try_for_each(|level| sync_dir(above(level)))
}

fn above(level: &Path) -> &Path {
    match level.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        // A bare name is relative to the current directory.
        _ => Path::new("."),
    }
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
fn must_create(dir: &Path) -> Result<bool, OpenError> {
    let exists = |name: &str| dir.join(name).exists();
    if exists(CREATING_FILE) && !exists(IDENTITY_FILE) {
        let synced = sidecar::read(&dir.join(SYNCED_FILE)).ok().flatten();
        if synced.is_none_or(|synced| synced.number <= FIRST_COMMIT) {
            remove_if_there(&dir.join(SYNCED_FILE), |path| fs::remove_file(path))?;
            remove_if_there(&dir.join(SLED_DIR), |path| fs::remove_dir_all(path))?;
            return Ok(true);
        }
    }
    if exists(CREATING_FILE) && exists(IDENTITY_FILE) {
        remove_if_there(&dir.join(CREATING_FILE), |path| fs::remove_file(path))?;
    }
    let db = format!("{SLED_DIR}/db");
    let parts = [IDENTITY_FILE, SYNCED_FILE, &db];
    if !exists(SLED_DIR) && !parts.iter().any(|name| exists(name)) {
        return Ok(true);
    }
    match parts.into_iter().find(|name| !exists(name)) {
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
fn create(dir: &Path, options: &SledOptions) -> Result<(), OpenError> {
    let identity = Identity::random().map_err(at(dir))?;
    identity.write(dir, CREATING_FILE).map_err(at(&dir.join(CREATING_FILE)))?;
    let sled_dir = dir.join(SLED_DIR);
    let (db, tree) = open_sled(dir, options)?;
    let mut batch = ::sled::Batch::default();
    batch.insert(IDENTITY_KEY, identity.to_string().into_bytes());
    batch.insert(COMMIT_NUMBER_KEY, &FIRST_COMMIT.to_be_bytes());
    let written = catch(|| {
        tree.apply_batch(batch)?;
        tree.flush()
    });
    written.map_err(|fault| fault.at(&sled_dir))?;
    drop((tree, db));
    sync_tree(&sled_dir).map_err(at(&sled_dir))?;
    let path = dir.join(SYNCED_FILE);
    let synced = Synced { store_id: identity.id, number: FIRST_COMMIT, db_bytes: 0 };
    Sidecar::create(&path, synced).map_err(at(&path))?;
    sync_dir(dir).map_err(at(dir))?;
    identity.write(dir, IDENTITY_FILE).map_err(at(&dir.join(IDENTITY_FILE)))?;
    remove_if_there(&dir.join(CREATING_FILE), |path| fs::remove_file(path))?;
    sync_dir(dir).map_err(at(dir))
}

/// Syncs a directory recursively, both files and entries.
fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            fs::File::open(entry.path())?.sync_all()?;
        }
    }
    sync_dir(dir)
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

/// We already hold our own lock, so sled's can only be left over: its threads release it shortly after it was closed.
const SLED_LOCK_WAIT: Duration = Duration::from_secs(2);

/// Opens sled, working around what a crash can leave behind.
fn open_sled(dir: &Path, options: &SledOptions) -> Result<(Db, Tree), OpenError> {
    let sled_dir = dir.join(SLED_DIR);
    // If sled crashed while writing a snapshot, the unfinished one makes the next open fail.
    remove_snapshots(&sled_dir, |name| name.ends_with(".generating"))?;
    let deadline = Instant::now() + options.lock_wait.max(SLED_LOCK_WAIT);
    loop {
        match catch(|| open_once(&sled_dir, options)) {
            Ok(opened) => return Ok(opened),
            Err(Fault::Locked) if Instant::now() >= deadline => {
                return Err(OpenError::Held { dir: dir.to_owned(), pid: None, address: None });
            }
            Err(Fault::Locked) => std::thread::sleep(Duration::from_millis(20)),
            Err(refused @ Fault::Refused(_)) => return Err(refused.at(&sled_dir)),
            Err(damaged) => {
                // Nothing is removed for a disk that does not read.
                fault::read_all(&sled_dir)?;
                if remove_snapshots(&sled_dir, |_| true)? == 0 {
                    return Err(damaged.at(&sled_dir.join("db")));
                }
                // A snapshot is only a shortcut: without it, sled reads its whole log.
                tracing::warn!(cause = %damaged, "sled did not open; removed its snapshots, reading its log instead");
            }
        }
    }
}

fn open_once(sled_dir: &Path, options: &SledOptions) -> ::sled::Result<(Db, Tree)> {
    let db = config(sled_dir, options).open()?;
    let tree = (*db).clone();
    Ok((db, tree))
}

pub(super) fn config(sled_dir: &Path, options: &SledOptions) -> ::sled::Config {
    ::sled::Config::new()
        .path(sled_dir)
        // The default is 1 GiB.
        .cache_capacity(options.cache_bytes)
        .segment_size(SEGMENT_BYTES)
        // sled's flusher thread dies at the first error and only logs it; our committer flushes instead.
        .flush_every_ms(None)
}

/// Removes the snapshots whose name satisfies `chosen` and returns how many.
pub(super) fn remove_snapshots(sled_dir: &Path, chosen: impl Fn(&str) -> bool) -> Result<usize, OpenError> {
    let entries = match fs::read_dir(sled_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries.map_err(at(sled_dir))?,
    };
    let mut removed = 0;
    for entry in entries {
        let path = entry.map_err(at(sled_dir))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("snap.") && chosen(&name) {
            fs::remove_file(&path).map_err(at(&path))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Checks that the identity inside the database equals the file's. An emptied database has none.
fn check_inside(dir: &Path, tree: &Tree, identity: &Identity) -> Result<(), OpenError> {
    let (path, other) = (dir.join(SLED_DIR).join("db"), dir.join(IDENTITY_FILE));
    let Some(record) = read(dir, || tree.get(IDENTITY_KEY))? else {
        let why = "it holds no identity record, so it is empty or was cut".into();
        return Err(OpenError::Damaged { path, why });
    };
    match Identity::parse(&record) {
        Err(why) => Err(OpenError::Damaged { path, why: format!("its identity record: {why}") }),
        Ok(inside) if inside == *identity => Ok(()),
        Ok(_) => Err(OpenError::Mismatch { path, other, why: "they hold different store ids".into() }),
    }
}

fn check_commit_number(dir: &Path, tree: &Tree, synced: u64) -> Result<u64, OpenError> {
    let path = dir.join(SLED_DIR).join("db");
    let number: Option<IVec> = read(dir, || tree.get(COMMIT_NUMBER_KEY))?;
    let number = number.and_then(|number| number.as_ref().try_into().ok()).map(u64::from_be_bytes);
    match number {
        None => Err(OpenError::Damaged { path, why: "it holds no commit number".into() }),
        Some(found) if found < synced => {
            Err(OpenError::Behind { path, sidecar: dir.join(SYNCED_FILE), found, synced })
        }
        Some(found) => Ok(found),
    }
}

/// Reads everything, to find damage, because the data file is shorter than it was: either sled shrank it and a crash
/// kept us from recording that, or it was truncated and may have lost pages older than the newest commit.
fn read_everything(dir: &Path, tree: &Tree) -> Result<(), OpenError> {
    tracing::warn!(dir = %dir.display(), "the data file is shorter than it was; reading all of it before serving");
    read(dir, || tree.iter().try_for_each(|pair| pair.map(drop)))
}

fn last_position(dir: &Path, tree: &Tree) -> Result<Position, OpenError> {
    let last = read(dir, || tree.range([LOG].as_slice()..[LOG + 1].as_slice()).next_back().transpose())?;
    match last {
        None => Ok(0),
        Some((key, _)) => {
            layout::position_of(&key).ok_or_else(|| damaged(dir, "a log record has a malformed key".into()))
        }
    }
}

fn damaged(dir: &Path, why: String) -> OpenError {
    OpenError::Damaged { path: dir.join(SLED_DIR).join("db"), why }
}

/// Reads from sled.
fn read<T, E: Into<Fault>>(dir: &Path, read: impl FnOnce() -> Result<T, E>) -> Result<T, OpenError> {
    catch(read).map_err(|fault| fault.at(&dir.join(SLED_DIR).join("db")))
}

/// Runs sled code, which may panic on a damaged file.
fn catch<T, E: Into<Fault>>(run: impl FnOnce() -> Result<T, E>) -> Result<T, Fault> {
    match caught(run) {
        Ok(result) => result.map_err(Into::into),
        Err(panic) => Err(Fault::from_panic(&panic)),
    }
}

/// Adds the file to an I/O error.
fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError + use<> {
    let path = path.to_owned();
    move |source| OpenError::Io { path, source }
}
