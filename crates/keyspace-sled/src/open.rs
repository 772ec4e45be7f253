//! Opens sled's files, working around what a crash can leave behind.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use ::sled::{Db, Tree};

use super::{Sled, SledOptions, fault::Fault};
use plaudit_keyspace::panics::caught;
use plaudit_keyspace_disk::{Engine as _, OpenError, fault::read_all, open::at};

/// sled's segment size: 20 values of 48 KiB, the largest that are stored in place, with keys of 2 KiB fit into a quarter of it,
/// the most a page may take. sled's memory buffers have this size too, a few of them at open.
pub(super) const SEGMENT_BYTES: usize = 4 * 1024 * 1024;

/// We already hold our own lock, so sled's can only be left over: its threads release it shortly after it was closed.
const SLED_LOCK_WAIT: Duration = Duration::from_secs(2);

pub(super) fn open_sled(dir: &Path, options: &SledOptions) -> Result<(Db, Tree), OpenError> {
    let sled_dir = dir.join(Sled::NAME);
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
                read_all(&sled_dir)?;
                if remove_snapshots(&sled_dir, |_| true)? == 0 {
                    return Err(damaged.at(&dir.join(Sled::DATA)));
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

/// Runs sled code, which may panic on a damaged file.
pub(super) fn catch<T, E: Into<Fault>>(run: impl FnOnce() -> Result<T, E>) -> Result<T, Fault> {
    match caught(run) {
        Ok(result) => result.map_err(Into::into),
        Err(panic) => Err(Fault::from_panic(&panic)),
    }
}
