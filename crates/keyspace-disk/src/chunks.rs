//! How values are stored: inline, or, above [`INLINE_BYTES`], in chunks under separate keys.
//!
//! sled writes a page of more than a quarter of a segment to a file under `blobs/` that it never syncs, and a page
//! holds up to about 20 values. The limits here, with segments of 4 MiB, keep every page below that. A length can be told
//! from a head, so what does not fit onto a page is not read.

use std::{
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;

use super::{
    engine::{RawBytes, View},
    layout::CHUNKS,
};
use plaudit_keyspace::{StoreError, Value};

/// The largest value that is stored inline.
pub const INLINE_BYTES: usize = 48 * 1024;
/// The size of every chunk but the last.
const CHUNK_BYTES: usize = 32 * 1024;

const TAG_INLINE: u8 = 0;
const TAG_CHUNKED: u8 = 1;
/// Tag, owner, id, length, BLAKE3 hash.
const HEAD_BYTES: usize = 1 + 2 + 8 + 8 + 32;

/// The owner of a chunk: the area of the value's key and, for a pair, the first byte of the caller's key. It tells
/// which keys can have chunks, without reading their values.
pub type Owner = [u8; 2];

/// An encoded value.
pub(super) struct Encoded<B> {
    /// What is stored under the value's own key.
    pub head: B,
    /// The raw keys and contents of its chunks; empty for an inline value.
    pub chunks: Vec<(B, B)>,
}

impl<B: RawBytes> Encoded<B> {
    pub(super) fn size_bytes(&self) -> usize {
        let length = |bytes: &B| bytes.as_ref().len();
        length(&self.head) + self.chunks.iter().map(|(key, chunk)| length(key) + length(chunk)).sum::<usize>()
    }
}

/// A decoded head of a chunked value.
struct Chunked {
    owner: Owner,
    id: u64,
    length: u64,
    hash: [u8; 32],
}

enum Stored<'a> {
    Inline(&'a [u8]),
    Chunked(Chunked),
}

/// Encodes a value. Each chunked value takes an id from `ids`.
pub(super) fn encode<B: RawBytes>(value: &[u8], owner: Owner, ids: &AtomicU64) -> Encoded<B> {
    if value.len() <= INLINE_BYTES {
        return in_place(value);
    }
    let id = ids.fetch_add(1, Ordering::Relaxed);
    let mut head = Vec::with_capacity(HEAD_BYTES);
    head.push(TAG_CHUNKED);
    head.extend_from_slice(&owner);
    head.extend_from_slice(&id.to_be_bytes());
    head.extend_from_slice(&(value.len() as u64).to_be_bytes());
    head.extend_from_slice(blake3::hash(value).as_bytes());
    let chunks = (0..)
        .zip(value.chunks(CHUNK_BYTES))
        .map(|(number, chunk)| (B::from(chunk_key(owner, id, number)), B::from(chunk.to_vec())))
        .collect();
    Encoded { head: B::from(head), chunks }
}

/// Encodes a value known to be small, inline.
pub(super) fn in_place<B: RawBytes>(value: &[u8]) -> Encoded<B> {
    let mut head = Vec::with_capacity(1 + value.len());
    head.push(TAG_INLINE);
    head.extend_from_slice(value);
    Encoded { head: B::from(head), chunks: Vec::new() }
}

/// The value behind a stored head.
pub(super) fn read<V: View>(view: &V, stored: V::Bytes) -> Result<Value, StoreError> {
    let chunked = match parse(stored.as_ref())? {
        Stored::Inline(_) => return Ok(V::value(stored, 1)),
        Stored::Chunked(chunked) => chunked,
    };
    let mut value = Vec::new();
    for key in chunked.keys() {
        let chunk = view.get(&key)?.ok_or_else(|| corrupt("a chunk of a value is missing"))?;
        value.extend_from_slice(chunk.as_ref());
    }
    if value.len() as u64 != chunked.length || blake3::hash(&value) != chunked.hash {
        return Err(corrupt("the chunks of a value do not match its checksum"));
    }
    Ok(Bytes::from(value))
}

/// The length of the value behind a stored head, without reading chunks.
pub(super) fn length(stored: &[u8]) -> Result<usize, StoreError> {
    Ok(match parse(stored)? {
        Stored::Inline(value) => value.len(),
        Stored::Chunked(chunked) => usize::try_from(chunked.length).unwrap_or(usize::MAX),
    })
}

/// Whether a stored head represents `value`. Chunked values are compared by length and hash, without reading chunks.
pub(super) fn is(stored: &[u8], value: &[u8]) -> Result<bool, StoreError> {
    Ok(match parse(stored)? {
        Stored::Inline(inline) => inline == value,
        Stored::Chunked(chunked) => {
            chunked.length == value.len() as u64 && blake3::hash(value) == chunked.hash
        }
    })
}

/// The raw keys of a stored head's chunks, which must be deleted when the head is overwritten or deleted.
pub(super) fn chunk_keys<B: RawBytes>(stored: &[u8]) -> Result<Vec<B>, StoreError> {
    Ok(match parse(stored)? {
        Stored::Inline(_) => Vec::new(),
        Stored::Chunked(chunked) => chunked.keys().map(B::from).collect(),
    })
}

/// Surveys the chunks on disk at open: the owners that have any, and the first free id.
pub(super) fn survey<V: View>(view: &V) -> Result<(Vec<Owner>, u64), StoreError> {
    let mut owners = Vec::new();
    let mut next_id = 0;
    let mut start = vec![CHUNKS];
    let until = |end: Vec<u8>| Bound::Excluded(end);
    while let Some(first) = view.keys(&(Bound::Included(start), until(vec![CHUNKS + 1]))).next() {
        let owner = owner_of(first?.as_ref())?;
        let end = match u16::from_be_bytes(owner).checked_add(1) {
            Some(next) => [&[CHUNKS], next.to_be_bytes().as_slice()].concat(),
            None => vec![CHUNKS + 1],
        };
        let of_owner = [&[CHUNKS], owner.as_slice()].concat();
        if let Some(last) = view.keys(&(Bound::Included(of_owner), until(end.clone()))).next_back() {
            let key = last?;
            let id = key.as_ref().get(3..11).and_then(|id| id.try_into().ok()).map(u64::from_be_bytes);
            next_id = next_id.max(id.ok_or_else(malformed_key)? + 1);
        }
        owners.push(owner);
        start = end;
    }
    Ok((owners, next_id))
}

fn owner_of(raw: &[u8]) -> Result<Owner, StoreError> {
    let owner = raw.get(1..3).and_then(|owner| owner.try_into().ok());
    owner.ok_or_else(malformed_key)
}

fn malformed_key() -> StoreError {
    corrupt("a chunk has a malformed key")
}

fn chunk_key(owner: Owner, id: u64, number: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(15);
    key.push(CHUNKS);
    key.extend_from_slice(&owner);
    key.extend_from_slice(&id.to_be_bytes());
    key.extend_from_slice(&number.to_be_bytes());
    key
}

impl Chunked {
    fn keys(&self) -> impl Iterator<Item = Vec<u8>> {
        // If the length is damaged, reading ends at the first missing chunk, or after 2^32 chunks.
        let count = u32::try_from(self.length.div_ceil(CHUNK_BYTES as u64)).unwrap_or(u32::MAX);
        let (owner, id) = (self.owner, self.id);
        (0..count).map(move |number| chunk_key(owner, id, number))
    }
}

fn parse(stored: &[u8]) -> Result<Stored<'_>, StoreError> {
    match stored.split_first() {
        Some((&TAG_INLINE, value)) => Ok(Stored::Inline(value)),
        Some((&TAG_CHUNKED, head)) => parse_head(head).map(Stored::Chunked),
        Some((tag, _)) => Err(corrupt(&format!("a value has the unknown form {tag}"))),
        None => Err(corrupt("a value without its form")),
    }
}

fn parse_head(head: &[u8]) -> Result<Chunked, StoreError> {
    let parts = head.split_first_chunk::<2>().and_then(|(owner, rest)| {
        let (id, rest) = rest.split_first_chunk::<8>()?;
        let (length, hash) = rest.split_first_chunk::<8>()?;
        Some(Chunked {
            owner: *owner,
            id: u64::from_be_bytes(*id),
            length: u64::from_be_bytes(*length),
            hash: hash.try_into().ok()?,
        })
    });
    parts.ok_or_else(|| corrupt("the head of a chunked value is malformed"))
}

/// Stored bytes that make no sense.
pub fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(Arc::from(what))
}
