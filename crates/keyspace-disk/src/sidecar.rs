//! The file `synced`: a durable commit number, at most [`INTERVAL`] old.
//!
//! Engines open truncated files without an error, with some or all data missing. If the store's own commit number is behind
//! this file's, acknowledged commits were lost. sled's data file may have lost older pages if it shrank, even if the newest
//! survived, so its length is recorded too.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, Instant},
};

/// How far this file may lag behind the store.
pub const INTERVAL: Duration = Duration::from_millis(100);

/// One slot per sector: a torn write can damage only the slot being written.
const SLOT_BYTES: usize = 512;
const MAGIC: &[u8; 8] = b"plsynced";
/// Magic, store id, commit number, length of the data file.
const BODY_BYTES: usize = 8 + 16 + 8 + 8;

/// The contents of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synced {
    pub store_id: [u8; 16],
    /// A durable commit number.
    pub number: u64,
    /// The length of the engine's data file at that time, 0 if it has none.
    pub data_bytes: u64,
}

/// Writes the file; owned by the committer.
pub struct Sidecar {
    file: File,
    written: Synced,
    /// The slot to write next: the one that does not hold the newest number.
    next_slot: u64,
    written_at: Instant,
}

impl Sidecar {
    /// Creates the file with two equal slots. The caller must sync the directory.
    pub fn create(path: &Path, synced: Synced) -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(&slot(synced).repeat(2))?;
        file.sync_all()
    }

    /// Opens the file for writing; `written` is what it holds.
    pub fn open(path: &Path, written: Synced) -> io::Result<Self> {
        let file = File::options().write(true).open(path)?;
        let next_slot = if read_slots(path)?[0] == Some(written) { 1 } else { 0 };
        Ok(Self { file, written, next_slot, written_at: Instant::now() })
    }

    /// The time left until the durable commit `number` must be written; `None` if it already is.
    pub fn due_in(&self, number: u64) -> Option<Duration> {
        (number > self.written.number).then(|| INTERVAL.saturating_sub(self.written_at.elapsed()))
    }

    /// Records that everything up to commit `number` is durable.
    pub fn write(&mut self, number: u64, data_bytes: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.next_slot * SLOT_BYTES as u64))?;
        let synced = Synced { store_id: self.written.store_id, number, data_bytes };
        self.file.write_all(&slot(synced))?;
        self.file.sync_data()?;
        self.written = synced;
        self.next_slot = 1 - self.next_slot;
        self.written_at = Instant::now();
        Ok(())
    }
}

/// The newest slot; `None` if neither is intact.
pub fn read(path: &Path) -> io::Result<Option<Synced>> {
    Ok(read_slots(path)?.into_iter().flatten().max_by_key(|synced| synced.number))
}

/// Both slots; `None` for one that is not intact.
pub fn read_slots(path: &Path) -> io::Result<[Option<Synced>; 2]> {
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
    slot.extend_from_slice(&synced.data_bytes.to_be_bytes());
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
    let (number, data_bytes) = body.split_first_chunk::<8>()?;
    Some(Synced {
        store_id: *store_id,
        number: u64::from_be_bytes(*number),
        data_bytes: u64::from_be_bytes(data_bytes.try_into().ok()?),
    })
}
