//! What an engine's error means: the operating system refused something, or the data on disk is damaged.
//!
//! Only damage justifies removing anything or asking for a backup. If the disk is full, a permission is missing, a sector
//! cannot be read or descriptors have run out, the data is intact as far as anyone knows.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{engine::Engine, open::OpenError};
use plaudit_keyspace::StoreError;

/// The start of a failure's cause where an engine has panicked.
const PANICKED: &str = "the engine panicked";

/// Why the engine has failed, by the text of a panic.
pub(crate) fn engine_panicked(text: &str) -> Arc<str> {
    Arc::from(format!("{PANICKED}: {text}"))
}

/// What is told of a panic. Its text is for the engine's authors: it goes to the log, at level debug.
pub fn senseless(engine: &str) -> String {
    format!("{engine} cannot make sense of what it reads")
}

/// What a panic of an engine means for a read, where damage is read past.
pub(crate) fn unread<E: Engine>(text: &str) -> StoreError {
    match system_error(text) {
        Some(source) => StoreError::Unreadable(Arc::from(source.to_string())),
        None => StoreError::Corrupt(Arc::from(senseless(E::NAME))),
    }
}

/// What a panic of an engine means for a store that is being opened.
pub(crate) fn from_panic<E: Engine>(dir: &Path, text: &str) -> OpenError {
    let path = dir.join(E::DATA);
    match system_error(text) {
        Some(source) => OpenError::Io { path, source },
        None => OpenError::Damaged { path, why: senseless(E::NAME) },
    }
}

/// The operating system's error in a text, which contains the debug form of [`io::Error`].
pub fn system_error(debug_text: &str) -> Option<io::Error> {
    let (_, rest) = debug_text.split_once("Os { code: ")?;
    let (code, _) = rest.split_once(',')?;
    let refused = io::Error::from_raw_os_error(code.parse().ok()?);
    is_refusal(&refused).then_some(refused)
}

/// Whether the system has refused something. Two errors do not count, since damaged data can cause them: a missing file,
/// and a position before a file's start; nor does what a library makes up.
pub fn is_refusal(error: &io::Error) -> bool {
    error.raw_os_error().is_some()
        && !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput)
}

/// What a store that cannot be read is to be refused with, although it was opened.
pub(crate) fn refusal<E: Engine>(dir: &Path, error: &StoreError) -> OpenError {
    if let Err(refused) = read_all(&dir.join(E::NAME)) {
        return refused;
    }
    let path = dir.join(E::DATA);
    match error {
        StoreError::Corrupt(why) => OpenError::Damaged { path, why: why.to_string() },
        StoreError::Failed(why) if why.contains(PANICKED) => {
            OpenError::Damaged { path, why: senseless(E::NAME) }
        }
        StoreError::Unreadable(why) | StoreError::Failed(why) => {
            OpenError::Io { path, source: io::Error::other(why.to_string()) }
        }
        _ => OpenError::Io { path, source: io::Error::other(error.to_string()) },
    }
}

/// Reads an engine's files to their ends: what it takes for damage, or for the end of its log, may be a sector that cannot
/// be read.
pub fn read_all(engine_dir: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Io { path: engine_dir.to_owned(), source };
    let entries = fs::read_dir(engine_dir).map_err(failed)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<io::Result<Vec<PathBuf>>>().map_err(failed)?;
    paths.sort_unstable();
    for path in paths {
        if path.is_dir() { read_all(&path)? } else { read_through(&path)? }
    }
    Ok(())
}

fn read_through(path: &Path) -> Result<(), OpenError> {
    const PIECE_BYTES: usize = 1024 * 1024;
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(failed)?,
    };
    // A device has no end.
    let mut left = file.metadata().map_err(failed)?.len();
    let mut piece = vec![0; PIECE_BYTES];
    while left > 0 {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => left = left.saturating_sub(length as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// How the user can fix an operating system error.
pub(crate) fn next_step(refused: &io::Error) -> &'static str {
    #[cfg(unix)]
    match rustix::io::Errno::from_io_error(refused) {
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => {
            return "raise the limit of open files (`ulimit -n`) and start again";
        }
        Some(rustix::io::Errno::IO) => {
            return "look for errors of the disk in the system's log, and copy the directory before trying again";
        }
        _ => {}
    }
    match refused.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free space on this disk or give it more, and start again; nothing is lost"
        }
        io::ErrorKind::PermissionDenied => "let this user read and write it, and start again",
        io::ErrorKind::ReadOnlyFilesystem => "make its file system writable, and start again",
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
            "it is not the file that the store made; restore the whole data directory from a backup"
        }
        _ => "check that the disk is there and that this user may write to it",
    }
}
