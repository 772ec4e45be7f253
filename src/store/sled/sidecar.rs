//! The file `synced`: a commit number that was durable, at most [`INTERVAL`] ago.
//!
//! sled opens a truncated data file without an error, with less or with nothing in it. A store whose own commit number
//! is behind this file's has lost commits that were answered. A data file that has become shorter may have lost older
//! pages while the newest survived, so its length stands here too.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How far the file may be behind the store.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);

/// One slot a sector: a torn write can hurt the slot being written, never the other.
const SLOT_BYTES: usize = 512;
const MAGIC: &[u8; 8] = b"plsynced";
/// Magic, store id, commit number, length of the data file.
const BODY_BYTES: usize = 8 + 16 + 8 + 8;

/// What one slot says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Synced {
    pub store_id: [u8; 16],
    /// The commit that was durable.
    pub number: u64,
    /// How long the data file was then.
    pub db_bytes: u64,
}

/// Writes the file; lives in the committer.
pub(super) struct Sidecar {
    file: File,
    db: PathBuf,
    written: Synced,
    /// The slot that does not hold the newest, which is written next.
    next_slot: u64,
    written_at: Instant,
}

impl Sidecar {
    /// Creates the file with both slots alike. The caller syncs the directory.
    pub(super) fn create(path: &Path, synced: Synced) -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(&slot(synced).repeat(2))?;
        file.sync_all()
    }

    /// Opens the file for writing, beside the data file `db`; `written` is what it holds.
    pub(super) fn open(path: &Path, db: PathBuf, written: Synced) -> io::Result<Self> {
        let file = File::options().write(true).open(path)?;
        let next_slot = if read_slots(path)?[0] == Some(written) { 1 } else { 0 };
        Ok(Self { file, db, written, next_slot, written_at: Instant::now() })
    }

    /// How long from now until `number`, which is durable, must be written; `None` when it is.
    pub(super) fn due_in(&self, number: u64) -> Option<Duration> {
        (number > self.written.number).then(|| INTERVAL.saturating_sub(self.written_at.elapsed()))
    }

    /// Records that everything up to commit `number` is durable.
    pub(super) fn write(&mut self, number: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.next_slot * SLOT_BYTES as u64))?;
        let db_bytes = std::fs::metadata(&self.db)?.len();
        let synced = Synced { store_id: self.written.store_id, number, db_bytes };
        self.file.write_all(&slot(synced))?;
        self.file.sync_data()?;
        self.written = synced;
        self.next_slot = 1 - self.next_slot;
        self.written_at = Instant::now();
        Ok(())
    }
}

/// The newest slot of the file; `None` when neither is whole.
pub(super) fn read(path: &Path) -> io::Result<Option<Synced>> {
    Ok(read_slots(path)?.into_iter().flatten().max_by_key(|synced| synced.number))
}

/// Both slots, `None` where one is not whole.
pub(super) fn read_slots(path: &Path) -> io::Result<[Option<Synced>; 2]> {
    let mut bytes = Vec::new();
    File::open(path)?.take(2 * SLOT_BYTES as u64).read_to_end(&mut bytes)?;
    let mut slots = bytes.chunks(SLOT_BYTES).map(parse_slot);
    Ok([(); 2].map(|()| slots.next().flatten()))
}

fn slot(synced: Synced) -> Vec<u8> {
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.extend_from_slice(MAGIC);
    slot.extend_from_slice(&synced.store_id);
    slot.extend_from_slice(&synced.number.to_be_bytes());
    slot.extend_from_slice(&synced.db_bytes.to_be_bytes());
    let checksum = blake3::hash(&slot);
    slot.extend_from_slice(checksum.as_bytes());
    slot.resize(SLOT_BYTES, 0);
    slot
}

fn parse_slot(slot: &[u8]) -> Option<Synced> {
    let (body, rest) = slot.split_at_checked(BODY_BYTES)?;
    let checksum: [u8; 32] = *rest.first_chunk()?;
    if blake3::hash(body) != checksum {
        return None;
    }
    let body = body.strip_prefix(MAGIC)?;
    let (store_id, body) = body.split_first_chunk::<16>()?;
    let (number, db_bytes) = body.split_first_chunk::<8>()?;
    Some(Synced {
        store_id: *store_id,
        number: u64::from_be_bytes(*number),
        db_bytes: u64::from_be_bytes(db_bytes.try_into().ok()?),
    })
}
