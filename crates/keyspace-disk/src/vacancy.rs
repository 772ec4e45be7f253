//! Whether a store may be created in a directory: it must contain nothing foreign.

use std::{fs, io, path::Path};

use super::open::{
    CONVERTING_FILE, CREATING_FILE, ENGINES, HOLDER_FILE, IDENTITY_FILE, OpenError, SYNCED_FILE,
};

/// Files that show that a store is here, was here, or is being created, beside the directories of the engines.
const MARKS: [&str; 4] = [IDENTITY_FILE, SYNCED_FILE, CREATING_FILE, CONVERTING_FILE];

/// What may exist before a store does: the lock of whoever opens the directory, the draft of [`CREATING_FILE`], the
/// file system's own folder in a mount point, and our settings, if the server is started in its data directory.
const HARMLESS: [&str; 4] = [HOLDER_FILE, "creating.new", "lost+found", SETTINGS_FILE];

/// The name of the settings file of a server that is started in its own data directory.
pub const SETTINGS_FILE: &str = "plaudit.toml";

/// How many file names an error lists.
const TOLD: usize = 3;

/// Whether a directory holds a store, complete or not, of any engine. Opening a directory without one creates it.
pub fn holds_store(dir: &Path) -> bool {
    [IDENTITY_FILE, SYNCED_FILE].iter().chain(&ENGINES).any(|name| dir.join(name).exists())
}

/// Rejects a directory that is used for something else: those files would be backed up, moved and removed with ours.
pub(crate) fn check(dir: &Path) -> Result<(), OpenError> {
    let failed = |source: io::Error| OpenError::Io { path: dir.to_owned(), source };
    let mut foreign = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if MARKS.iter().chain(&ENGINES).any(|mark| name == *mark) {
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
