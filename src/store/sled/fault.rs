//! What a sled error at open means: the operating system refused something, or the data on disk is damaged.
//!
//! Only damage justifies removing snapshots or asking for a backup. If the disk is full, a permission is missing or
//! descriptors have run out, the data is intact, and the directory opens once that is fixed.

use std::{fmt, io, path::Path};

use super::open::OpenError;

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
    pub(super) fn from_panic(text: String) -> Self {
        match refusal(&text) {
            Some(refused) => Self::Refused(refused),
            None => Self::Damaged(text),
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
        let text = error.to_string();
        if text.contains("could not acquire lock") {
            return Self::Locked;
        }
        // Every form of an error in sled contains the debug text of the code, including copies and panics.
        match refusal(&format!("{error:?}")) {
            Some(refused) => Self::Refused(refused),
            None => Self::Damaged(text),
        }
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

/// The operating system's error in a sled text, which contains the debug form of [`io::Error`]. Two codes do not count,
/// since damaged data can cause them: a missing file, and a position before a file's start.
fn refusal(debug_text: &str) -> Option<io::Error> {
    let (_, rest) = debug_text.split_once("Os { code: ")?;
    let (code, _) = rest.split_once(',')?;
    let refused = io::Error::from_raw_os_error(code.parse().ok()?);
    (!matches!(refused.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput)).then_some(refused)
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
        _ => "check that the disk is there and that this user may write to it",
    }
}
