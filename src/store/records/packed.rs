//! Records that say much the same as others of their kind, packed: LZ4, with a dictionary of what they have in common.
//!
//! An assessment is 2 to 3 KB of names of facts, ids of criteria and sentences, nearly all of which stand in every other one.
//! Packed it is a fifth of that.

use lz4_flex::block;

use super::{Value, encode};

/// The first byte of a packed record. The number of the dictionary follows, then the length of the whole record in four bytes,
/// then the block.
pub(super) const PACKED: u8 = 2;

/// The dictionaries by number, from 1. One that was in use is never changed or removed: it is a part of what is stored.
const DICTIONARIES: [&[u8]; 1] = [include_bytes!("assessments-1.dictionary")];
const NEWEST: u8 = 1;

/// Longer than any record: what a damaged length may ask for.
const MAX_BYTES: usize = crate::store::MAX_BATCH_BYTES;

/// The bytes to store for a record, as [`encode`] gives them, or packed if that is shorter.
pub fn encode_packed<T: minicbor::Encode<()>>(record: &T) -> Value {
    let whole = encode(record);
    let block = block::compress_with_dict(&whole, dictionary(NEWEST).unwrap_or_default());
    let Ok(length) = u32::try_from(whole.len()) else { return whole };
    let mut packed = Vec::with_capacity(6 + block.len());
    packed.extend([PACKED, NEWEST]);
    packed.extend(length.to_be_bytes());
    packed.extend(block);
    if packed.len() < whole.len() { packed.into() } else { whole }
}

/// The record as [`encode`] gave it, from what follows the first byte.
pub(super) fn unpack(rest: &[u8]) -> Result<Vec<u8>, String> {
    let damaged = || "is packed, and damaged".to_owned();
    let (number, rest) = rest.split_first().ok_or_else(damaged)?;
    let (length, block) = rest.split_first_chunk().ok_or_else(damaged)?;
    let length = u32::from_be_bytes(*length) as usize;
    let dictionary = dictionary(*number).ok_or_else(|| {
        format!("is packed with dictionary {number}, this program has {NEWEST}: use a newer program")
    })?;
    if length > MAX_BYTES {
        return Err(damaged());
    }
    let whole = block::decompress_with_dict(block, length, dictionary).map_err(|_| damaged())?;
    if whole.len() == length { Ok(whole) } else { Err(damaged()) }
}

fn dictionary(number: u8) -> Option<&'static [u8]> {
    DICTIONARIES.get(usize::from(number).checked_sub(1)?).copied()
}
