//! What an error of sled's means when a directory is opened: the operating system refused something, or the bytes on
//! disk are damaged.
//!
//! Only damage is a reason to remove snapshots or to ask for a backup. On a full disk, without a right or out of
//! descriptors the data is whole, and the same directory opens when that is put right.

use std::{fmt, io, path::Path};

use super::open::OpenError;

/// Why sled did not do what was asked.
#[derive(Debug)]
pub(super) enum Fault {
    /// sled's own lock is held, by whom it does not say.
    Locked,
    /// The operating system refused; nothing says that the data is damaged.
    Refused(io::Error),
    /// The bytes on disk are not what sled wrote.
    Damaged(String),
}

impl Fault {
    pub(super) fn from_panic(text: String) -> Self {
        match refusal(&text) {
            Some(refused) => Self::Refused(refused),
            None => Self::Damaged(text),
        }
    }

    /// The same as the reason why a directory was not opened, with the file that it is about.
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
        // The debug text of the code is in all that sled makes of an error: its copies and its panics too.
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

/// The refusal of the operating system that a text of sled's holds in the debug form of [`io::Error`]. Two are none:
/// damaged bytes can name a file that is not there, or a place before the beginning of one.
fn refusal(debug_text: &str) -> Option<io::Error> {
    let (_, rest) = debug_text.split_once("Os { code: ")?;
    let (code, _) = rest.split_once(',')?;
    let refused = io::Error::from_raw_os_error(code.parse().ok()?);
    (!matches!(refused.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput)).then_some(refused)
}

/// What to do about a refusal of the operating system.
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
