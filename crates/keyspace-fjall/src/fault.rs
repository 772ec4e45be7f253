//! What a fjall error means: the operating system refused something, or the data on disk is damaged.

use std::{io, path::Path, sync::Arc};

use ::fjall::{Error, LsmError};

use plaudit_keyspace::StoreError;
use plaudit_keyspace_disk::{Fatal, OpenError, fault::is_refusal};

/// Why fjall did not open.
pub(super) fn opening(path: &Path, error: Error) -> OpenError {
    let path = path.to_owned();
    match refusal(error) {
        Ok(source) => OpenError::Io { path, source },
        Err(Error::Locked) => OpenError::Held { dir: path, pid: None, address: None },
        Err(error) => OpenError::Damaged { path, why: damage(&error) },
    }
}

/// A read that failed.
pub(super) fn reading(error: Error) -> StoreError {
    match refusal(error) {
        Ok(source) => StoreError::Unreadable(Arc::from(source.to_string())),
        Err(error) => StoreError::Corrupt(Arc::from(damage(&error))),
    }
}

/// Why tables could not be merged, and whether it is for damage.
pub(super) fn merging(error: Error) -> (String, bool) {
    match refusal(error) {
        Ok(source) => (source.to_string(), false),
        Err(error) => (damage(&error), true),
    }
}

/// Why fjall writes no more.
pub(super) fn fatal(step: &str, path: &Path, error: Error) -> Fatal {
    Fatal::from(format!("{step}: {}", why(path, error)))
}

fn why(path: &Path, error: Error) -> String {
    match refusal(error) {
        Ok(source) => source.to_string(),
        // What happened is known to the thread alone that it happened to.
        Err(Error::Poisoned) => match probe(path) {
            Ok(()) => "fjall's background work has failed".to_owned(),
            Err(error) => format!("fjall's background work has failed: {error}"),
        },
        Err(error) => damage(&error),
    }
}

/// Tries to write, to find out why a write failed.
fn probe(path: &Path) -> io::Result<()> {
    let probe = path.join("probe");
    let written =
        std::fs::write(&probe, [0x70; 256 * 1024]).and_then(|()| std::fs::File::open(&probe)?.sync_all());
    let _ = std::fs::remove_file(&probe);
    written
}

/// The system's error, if it is one.
fn refusal(error: Error) -> Result<io::Error, Error> {
    match error {
        Error::Io(source) | Error::Storage(LsmError::Io(source)) if is_refusal(&source) => Ok(source),
        error => Err(error),
    }
}

/// What is damaged, in our words: fjall's are for its authors and go to the log, at level debug.
fn damage(error: &Error) -> String {
    tracing::debug!(%error, "fjall cannot read what it wrote");
    let what = match error {
        Error::Storage(LsmError::ChecksumMismatch { .. }) => "a block does not match its checksum",
        Error::Storage(LsmError::Unrecoverable) => "a table, or the list of tables, is missing or damaged",
        Error::Storage(LsmError::Io(_)) | Error::Io(_) => "a file is missing or ends too early",
        Error::JournalRecovery(_) => "a journal does not hold what was written",
        Error::InvalidVersion(_) => "it does not say which format it has",
        _ => "what it holds makes no sense",
    };
    what.to_owned()
}
