//! The two steps that make an applied batch durable, apart so that tests can watch them and let them fail.

use std::{
    collections::HashSet,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use ::sled::Tree;

/// Makes what was applied durable. [`RealDisk`] does; tests hold it up, count it or let it fail.
pub(super) trait Disk: Send + Sync + 'static {
    /// Hands sled's buffers to the operating system. Not durable on Linux: sled asks only for `sync_file_range`.
    fn flush(&self, tree: &Tree) -> io::Result<()>;

    /// Makes the data file durable, and any blob beside it.
    fn sync(&self) -> io::Result<()>;
}

/// sled's own files, synced through a descriptor of ours.
pub(super) struct RealDisk {
    db: File,
    blobs: PathBuf,
    synced_blobs: Mutex<HashSet<PathBuf>>,
}

impl RealDisk {
    /// `dir` is sled's directory, which exists by now.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let db = File::options().read(true).write(true).open(dir.join("db"))?;
        Ok(Self { db, blobs: dir.join("blobs"), synced_blobs: Mutex::default() })
    }

    /// Syncs blobs that were not there before, and says how many. There should be none (see `chunks`), but sled itself
    /// would not sync one.
    pub(super) fn sync_new_blobs(&self) -> io::Result<usize> {
        let mut synced = self.synced_blobs.lock().expect("no holder of this lock panics");
        let mut found = 0;
        for entry in std::fs::read_dir(&self.blobs)? {
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
            sync_dir(&self.blobs)?;
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

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}
