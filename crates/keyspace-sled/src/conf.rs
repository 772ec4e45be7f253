//! sled's own settings file. sled itself only warns of a wrong checksum, and then believes what it reads.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use plaudit_keyspace_disk::OpenError;

/// A shorter file is no settings to sled, which then writes it anew.
const SHORTEST_BYTES: u64 = 9;
/// Far more than it ever writes.
const LONGEST_BYTES: u64 = 4096;

/// Refuses settings that are not as sled wrote them. Absent ones sled writes anew.
pub(super) fn check(path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(failed)?,
    };
    let length = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    if length >= SHORTEST_BYTES {
        file.take(LONGEST_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    }
    let is_whole = match bytes.split_last_chunk::<4>() {
        Some((text, checksum)) => crc32(text) == u32::from_le_bytes(*checksum),
        None => true,
    };
    if is_whole {
        return Ok(());
    }
    Err(OpenError::Damaged { path: path.to_owned(), why: "its checksum is wrong".to_owned() })
}

/// CRC-32 as in gzip, of a few bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
