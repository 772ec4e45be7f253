//! The file `synced`: a commit number that was durable, at most [`INTERVAL`] ago.
//!
//! sled opens a truncated data file without an error, with less or with nothing in it. A store whose own commit number
//! is behind this file's has lost commits that were answered.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, Instant},
};

/// How far the file may be behind the store.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);

/// One slot a sector: a torn write can hurt the slot being written, never the other.
const SLOT_BYTES: usize = 512;
const MAGIC: &[u8; 8] = b"plsynced";
/// Magic, store id, commit number.
const BODY_BYTES: usize = 8 + 16 + 8;

/// Writes the file; lives in the committer.
pub(super) struct Sidecar {
    file: File,
    store_id: [u8; 16],
    written: u64,
    written_at: Instant,
}

impl Sidecar {
    /// Creates the file with both slots alike. The caller syncs the directory.
    pub(super) fn create(path: &Path, store_id: [u8; 16], number: u64) -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(&slot(store_id, number).repeat(2))?;
        file.sync_all()
    }

    /// Opens the file for writing; `number` is what it holds.
    pub(super) fn open(path: &Path, store_id: [u8; 16], number: u64) -> io::Result<Self> {
        let file = File::options().write(true).open(path)?;
        Ok(Self { file, store_id, written: number, written_at: Instant::now() })
    }

    /// How long from now until `number`, which is durable, must be written; `None` when it is.
    pub(super) fn due_in(&self, number: u64) -> Option<Duration> {
        (number > self.written).then(|| INTERVAL.saturating_sub(self.written_at.elapsed()))
    }

    /// Records that everything up to commit `number` is durable.
    pub(super) fn write(&mut self, number: u64) -> io::Result<()> {
        let place = if number.is_multiple_of(2) { 0 } else { SLOT_BYTES as u64 };
        self.file.seek(SeekFrom::Start(place))?;
        self.file.write_all(&slot(self.store_id, number))?;
        self.file.sync_data()?;
        self.written = number;
        self.written_at = Instant::now();
        Ok(())
    }
}

/// The store id and the newest commit number in the file; `None` when neither slot is whole.
pub(super) fn read(path: &Path) -> io::Result<Option<([u8; 16], u64)>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(2 * SLOT_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes.chunks(SLOT_BYTES).filter_map(parse_slot).max_by_key(|(_, number)| *number))
}

fn slot(store_id: [u8; 16], number: u64) -> Vec<u8> {
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.extend_from_slice(MAGIC);
    slot.extend_from_slice(&store_id);
    slot.extend_from_slice(&number.to_be_bytes());
    let checksum = blake3::hash(&slot);
    slot.extend_from_slice(checksum.as_bytes());
    slot.resize(SLOT_BYTES, 0);
    slot
}

fn parse_slot(slot: &[u8]) -> Option<([u8; 16], u64)> {
    let (body, rest) = slot.split_at_checked(BODY_BYTES)?;
    let checksum: [u8; 32] = *rest.first_chunk()?;
    if blake3::hash(body) != checksum {
        return None;
    }
    let body = body.strip_prefix(MAGIC)?;
    let (store_id, number) = body.split_first_chunk::<16>()?;
    Some((*store_id, u64::from_be_bytes(number.try_into().ok()?)))
}
