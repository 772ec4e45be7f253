//! The two steps that make an applied batch durable, behind a trait so that tests can observe them and make them fail.

use std::{
    collections::HashSet,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, SystemTime},
};

use ::sled::Tree;
use plaudit_keyspace_disk::dirs;

/// Makes applied writes durable. Tests replace [`RealDisk`] to delay, count or fail the steps.
pub(super) trait Disk: Send + Sync + 'static {
    /// Hands sled's buffers to the operating system. Not durable on Linux: sled asks only for `sync_file_range`.
    fn flush(&self, tree: &Tree) -> io::Result<()>;

    /// Makes the data file and any new blobs durable.
    fn sync(&self) -> io::Result<()>;
}

/// sled's own files, synced through our own file descriptor.
pub(super) struct RealDisk {
    db: File,
    blobs: Blobs,
}

/// The directory of the files that sled does not sync.
struct Blobs {
    path: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    synced: HashSet<PathBuf>,
    /// The directory's modification time when it was listed, if that was long enough ago: while it is unchanged, no
    /// file was added.
    at_rest_since: Option<SystemTime>,
}

/// Two changes within a tick of the kernel's clock (at most 10 ms) get the same time, and some file systems have a
/// resolution of seconds.
const AT_REST_AFTER: Duration = Duration::from_secs(3);

impl RealDisk {
    /// `dir` is sled's directory, which must exist.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let db = File::options().read(true).write(true).open(dir.join("db"))?;
        Ok(Self { db, blobs: Blobs { path: dir.join("blobs"), seen: Mutex::default() } })
    }

    /// Syncs new blobs and returns how many. There should be none (see `chunks`), but sled itself would not sync them.
    pub(super) fn sync_new_blobs(&self) -> io::Result<usize> {
        let mut seen = self.blobs.seen.lock().expect("no holder of this lock panics");
        let changed_at = std::fs::metadata(&self.blobs.path)?.modified()?;
        if seen.at_rest_since == Some(changed_at) {
            return Ok(0);
        }
        let is_at_rest = changed_at.elapsed().is_ok_and(|since| since >= AT_REST_AFTER);
        let found = self.blobs.list(&mut seen.synced)?;
        seen.at_rest_since = is_at_rest.then_some(changed_at);
        Ok(found)
    }
}

impl Blobs {
    fn list(&self, synced: &mut HashSet<PathBuf>) -> io::Result<usize> {
        let mut found = 0;
        for entry in std::fs::read_dir(&self.path)? {
            let path = entry?.path();
            if synced.contains(&path) {
                continue;
            }
            match File::open(&path) {
                Ok(blob) => blob.sync_all()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            synced.insert(path);
            found += 1;
        }
        if found > 0 {
            dirs::sync(&self.path)?;
        }
        Ok(found)
    }
}

impl Disk for RealDisk {
    fn flush(&self, tree: &Tree) -> io::Result<()> {
        tree.flush()?;
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_new_blobs()?;
        self.db.sync_data()
    }
}
