//! The batches of a journal, as fjall 3 writes them.
//!
//! | entry | after its tag of one byte |
//! |---|---|
//! | 1 start | number of items (4 bytes), sequence number (8) |
//! | 2 item | kind (1), compression (1), keyspace (8), lengths of the key (2), of the value (4) and of what is stored of it (4), key, value |
//! | 4 clear | keyspace (8) |
//! | 3 end | XXH3 of the items with their tags (8), `FJL` 3 |
//!
//! All numbers are little-endian. A journal begins with 64 MiB of zeros, which batches replace from the front.

use std::io::{self, Read};

use xxhash_rust::xxh3::Xxh3;

use plaudit_keyspace_disk::layout::COMMIT_NUMBER_KEY;

pub(crate) const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const MAGIC: [u8; 4] = *b"FJL\x03";

/// A batch whose checksum is right.
pub(crate) struct Batch {
    pub seqno: u64,
    /// The commit number that it writes.
    pub number: Option<u64>,
}

pub(crate) enum Step {
    Batch(Batch),
    /// Nothing is left but zeros.
    End,
    /// What follows is no whole batch.
    Broken,
}

/// Reads batches one after the other.
pub(crate) struct Batches<R> {
    reader: R,
    position: u64,
    length: u64,
    /// For what is only hashed.
    buffer: Vec<u8>,
}

/// Why a batch could not be read.
enum Unread {
    Broken,
    Io(io::Error),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Broken } else { Self::Io(error) }
    }
}

impl<R: Read> Batches<R> {
    pub(crate) fn new(reader: R, length: u64) -> Self {
        Self { reader, position: 0, length, buffer: Vec::new() }
    }

    /// Where the next batch begins.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn next(&mut self) -> io::Result<Step> {
        match self.step() {
            Ok(step) => Ok(step),
            Err(Unread::Broken) => Ok(Step::Broken),
            Err(Unread::Io(error)) => Err(error),
        }
    }

    fn step(&mut self) -> Result<Step, Unread> {
        if self.position == self.length {
            return Ok(Step::End);
        }
        match self.number::<1>()? {
            [START] => self.batch().map(Step::Batch),
            [0] if self.rest_is_zero()? => Ok(Step::End),
            _ => Ok(Step::Broken),
        }
    }

    fn batch(&mut self) -> Result<Batch, Unread> {
        let items = u32::from_le_bytes(self.number()?);
        let seqno = u64::from_le_bytes(self.number()?);
        let mut hasher = Xxh3::new();
        let mut number = None;
        for _ in 0..items {
            match self.number::<1>()? {
                [ITEM] => number = self.item(&mut hasher)?.or(number),
                [CLEAR] => {
                    let keyspace = self.number::<8>()?;
                    hasher.update(&[CLEAR]);
                    hasher.update(&keyspace);
                }
                _ => return Err(Unread::Broken),
            }
        }
        let is_end = self.number()? == [END];
        let checksum = u64::from_le_bytes(self.number()?);
        if is_end && checksum == hasher.digest() && self.number()? == MAGIC {
            return Ok(Batch { seqno, number });
        }
        Err(Unread::Broken)
    }

    /// Hashes an item; the commit number, if it is that.
    fn item(&mut self, hasher: &mut Xxh3) -> Result<Option<u64>, Unread> {
        const HEAD_BYTES: usize = 1 + 1 + 8 + 2 + 4 + 4;
        let head = self.number::<HEAD_BYTES>()?;
        let [.., k0, k1, _, _, _, _, s0, s1, s2, s3] = head;
        let key_length = usize::from(u16::from_le_bytes([k0, k1]));
        let stored_length = u32::from_le_bytes([s0, s1, s2, s3]);
        hasher.update(&[ITEM]);
        hasher.update(&head);
        let total = key_length as u64 + u64::from(stored_length);
        if total > self.length.saturating_sub(self.position) {
            return Err(Unread::Broken);
        }
        self.buffer.resize(usize::try_from(total).map_err(|_| Unread::Broken)?, 0);
        self.reader.read_exact(&mut self.buffer)?;
        self.position += total;
        hasher.update(&self.buffer);
        let number = self.buffer.split_at_checked(key_length).filter(|(key, _)| *key == COMMIT_NUMBER_KEY);
        Ok(number.and_then(|(_, value)| value.try_into().ok()).map(u64::from_be_bytes))
    }

    fn number<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], Unread> {
        let mut bytes = [0; BYTES];
        self.reader.read_exact(&mut bytes)?;
        self.position += BYTES as u64;
        Ok(bytes)
    }

    fn rest_is_zero(&mut self) -> Result<bool, Unread> {
        const PIECE_BYTES: usize = 256 * 1024;
        let zeros = vec![0; PIECE_BYTES];
        self.buffer.resize(PIECE_BYTES, 0);
        loop {
            match self.reader.read(&mut self.buffer)? {
                0 => return Ok(true),
                length if self.buffer.get(..length) == zeros.get(..length) => {}
                _ => return Ok(false),
            }
        }
    }
}
