//! Directories that only their owner may enter, and whose entries survive a power loss.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Creates a directory and any missing parents, syncing each parent: if a directory's entry is lost, so is everything
/// synced below it.
pub(crate) fn create_private(dir: &Path) -> io::Result<()> {
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
    missing.into_iter().rev().try_for_each(|level| sync(above(level)))
}

fn above(level: &Path) -> &Path {
    match level.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        // A bare name is relative to the current directory.
        _ => Path::new("."),
    }
}

/// Makes a directory's entries durable.
pub fn sync(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Syncs a directory recursively, both files and entries.
pub(crate) fn sync_all(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync(dir)
}
