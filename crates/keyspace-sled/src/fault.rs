//! What a sled error means: the operating system refused something, or the data on disk is damaged.
//!
//! Only damage justifies removing snapshots or asking for a backup. If the disk is full, a permission is missing, a sector
//! cannot be read or descriptors have run out, the data is intact as far as anyone knows.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use super::open::{OpenError, SLED_DIR};
use plaudit_keyspace::StoreError;

/// Why a sled operation failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// Someone holds sled's own lock; it does not say who.
    Locked,
    /// The operating system refused; there is no sign of damage.
    Refused(io::Error),
    /// The data on disk is not what sled wrote.
    Damaged(String),
}

impl Fault {
    /// The text of a panic is for sled's authors: it goes to the log, at level debug.
    pub(super) fn from_panic(text: &str) -> Self {
        match refusal(text) {
            Some(refused) => Self::Refused(refused),
            None => Self::Damaged(SENSELESS.to_owned()),
        }
    }

    /// Converts the fault into an [`OpenError`] about the given file.
    pub(super) fn at(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::Refused(source) => OpenError::Io { path, source },
            Self::Locked => OpenError::Held { dir: path, pid: None, address: None },
            Self::Damaged(why) => OpenError::Damaged { path, why },
        }
    }
}

impl From<::sled::Error> for Fault {
    fn from(error: ::sled::Error) -> Self {
        // Its text contains a code of the system as well.
        if error.to_string().contains("could not acquire lock") {
            return Self::Locked;
        }
        // Every form of an error in sled contains the debug text of the code, including copies and panics.
        if let Some(refused) = refusal(&format!("{error:?}")) {
            return Self::Refused(refused);
        }
        Self::Damaged(match &error {
            ::sled::Error::Corruption { at, .. } => match first_number(&format!("{at:?}")) {
                Some(offset) => format!("what it holds at byte {offset} is not what was written there"),
                None => "it does not hold what was written".to_owned(),
            },
            ::sled::Error::ReportableBug(_) => "what it holds contradicts itself".to_owned(),
            _ => error.to_string(),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => f.write_str("sled's lock is held"),
            Self::Refused(source) => source.fmt(f),
            Self::Damaged(why) => f.write_str(why),
        }
    }
}

fn first_number(text: &str) -> Option<&str> {
    text.split(|character: char| !character.is_ascii_digit()).find(|part| !part.is_empty())
}

/// The operating system's error in a sled text, which contains the debug form of [`io::Error`]. Two codes do not count,
/// since damaged data can cause them: a missing file, and a position before a file's start.
fn refusal(debug_text: &str) -> Option<io::Error> {
    let (_, rest) = debug_text.split_once("Os { code: ")?;
    let (code, _) = rest.split_once(',')?;
    let refused = io::Error::from_raw_os_error(code.parse().ok()?);
    (!matches!(refused.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput)).then_some(refused)
}

/// Reads sled's files to their ends: what it takes for damage, or for the end of its log, may be a sector that cannot be
/// read.
pub(super) fn read_all(sled_dir: &Path) -> Result<(), OpenError> {
    read_through(&sled_dir.join("conf"))?;
    let failed = |source| OpenError::Io { path: sled_dir.to_owned(), source };
    for entry in fs::read_dir(sled_dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap.")) {
            read_through(&path)?;
        }
    }
    read_through(&sled_dir.join("db"))
}

/// What a store that is open, but cannot be read, is to be refused with.
pub(super) fn unreadable(dir: &Path, error: &StoreError) -> OpenError {
    let sled_dir = dir.join(SLED_DIR);
    if let Err(refused) = read_all(&sled_dir) {
        return refused;
    }
    let path = sled_dir.join("db");
    match error {
        StoreError::Corrupt(why) => OpenError::Damaged { path, why: why.to_string() },
        StoreError::Failed(why) if why.contains(PANICKED) => {
            OpenError::Damaged { path, why: SENSELESS.to_owned() }
        }
        StoreError::Unreadable(why) | StoreError::Failed(why) => {
            OpenError::Io { path, source: io::Error::other(why.to_string()) }
        }
        _ => OpenError::Io { path, source: io::Error::other(error.to_string()) },
    }
}

/// The start of a failure's cause where sled has panicked.
pub(super) const PANICKED: &str = "the engine panicked";
/// What is told of it.
const SENSELESS: &str = "sled cannot make sense of what it reads";

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
pub(super) fn next_step(refused: &io::Error) -> &'static str {
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
