//! Whether a directory may become a store's: it is empty, or what is in it belongs there.

use std::{fs, io, path::Path};

use super::open::{CREATING_FILE, HOLDER_FILE, IDENTITY_FILE, OpenError, SLED_DIR, SYNCED_FILE};

/// What tells that a store is here, was here, or is being made.
const MARKS: [&str; 4] = [IDENTITY_FILE, SYNCED_FILE, SLED_DIR, CREATING_FILE];

/// What may be there before a store is: the lock of whoever opens the directory, and what comes before the mark of a creation;
/// the folder that a file system makes for itself where it is mounted; our settings, where a server is started in its own data.
const HARMLESS: [&str; 4] = [HOLDER_FILE, "creating.new", "lost+found", SETTINGS_FILE];

/// The name of the settings file of a server that is started in its own data directory.
pub const SETTINGS_FILE: &str = "plaudit.toml";

/// How many names an error tells.
const TOLD: usize = 3;

/// Whether a directory holds a store, or what is left of one.
pub(super) fn holds_store(dir: &Path) -> bool {
    [IDENTITY_FILE, SYNCED_FILE, SLED_DIR].iter().any(|name| dir.join(name).exists())
}

/// Refuses a directory that somebody uses for something else: its files would lie among ours, and be backed up, moved and
/// removed with them.
pub(super) fn check(dir: &Path) -> Result<(), OpenError> {
    let failed = |source: io::Error| OpenError::Io { path: dir.to_owned(), source };
    let mut foreign = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if MARKS.iter().any(|mark| name == *mark) {
            return Ok(());
        }
        if !HARMLESS.iter().any(|harmless| name == *harmless) {
            foreign.push(name.to_string_lossy().into_owned());
        }
    }
    if foreign.is_empty() {
        return Ok(());
    }
    foreign.sort_unstable();
    let more = foreign.len().saturating_sub(TOLD);
    foreign.truncate(TOLD);
    Err(OpenError::Foreign { dir: dir.to_owned(), names: foreign, more })
}
