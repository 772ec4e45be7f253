//! Estimates the memory that a request will take, from its encoded bytes, before anything is decoded.
//!
//! An empty message in a repeated field is two bytes on the wire but hundreds in memory: a request of 4 MiB could demand more
//! than a GiB. So the bytes are walked once, exactly as prost will walk them, and each item of a repeated field is charged what
//! prost allocates for it. Nothing else takes more memory than its encoded bytes.
//!
//! The walk stops at the first byte that prost rejects, and prost decodes nothing after that byte either.

/// The layout of a message; generated from the descriptors of `proto/`.
#[derive(Debug)]
pub struct Layout {
    /// `plaudit.v1.StoreMessageRequest`
    pub name: &'static str,
    /// By field number.
    pub fields: &'static [Field],
}

/// How much memory a field takes.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// No more than its encoded bytes; none if the field is unknown.
    Within,
    /// Like `Within`; its length is counted.
    Bytes,
    /// A message that contains repeated fields.
    One { name: &'static str, layout: &'static Layout },
    /// `size` bytes per item, plus the contents.
    Many { name: &'static str, counter: usize, size: usize, items: Items },
}

impl Field {
    /// [`Field::Within`], as the generated tables write it.
    pub const WITHIN: Self = Self::Within;
}

/// How the items of a repeated field are encoded.
#[derive(Clone, Copy, Debug)]
pub enum Items {
    /// Strings, bytes, and messages without repeated fields.
    Delimited,
    Messages(&'static Layout),
    /// Numbers of at least this many bytes, single or packed.
    Packed {
        bytes: usize,
    },
}

pub trait Bounded: 'static {
    const LAYOUT: &'static Layout;
}

mod generated {
    #![allow(clippy::all, reason = "generated")]
    use super::{Bounded, Field, Items, Layout};
    include!(concat!(env!("OUT_DIR"), "/layouts.rs"));
}

pub use generated::*;

/// The same nesting limit as prost's, for messages and unknown groups.
const MAX_DEPTH: usize = 100;

/// What a request would take in memory.
#[derive(Debug)]
pub struct Tally {
    /// The total number of items of each repeated field.
    pub counts: [usize; counters::COUNT],
    /// The memory for the items, without their contents.
    pub items_bytes: usize,
    /// The total length of `bytes` fields: the contents of attachments.
    pub attached_bytes: usize,
}

impl Tally {
    pub fn of(layout: &'static Layout, request: &[u8]) -> Self {
        let mut tally = Self { counts: [0; counters::COUNT], items_bytes: 0, attached_bytes: 0 };
        let _ = tally.message(request, layout, 0, 0);
        tally
    }
}

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const DELIMITED: u64 = 2;
const GROUP: u64 = 3;
const END_GROUP: u64 = 4;
const FIXED_32: u64 = 5;

/// The value read and the bytes after it; `None` where prost would stop with an error.
type Step<'a, T> = Option<(T, &'a [u8])>;

impl Tally {
    /// Walks the fields of a message that ends where `left` bytes remain, and returns the bytes after it. As in prost, a field
    /// may run past the end of its message, which is detected afterwards.
    fn message<'a>(
        &mut self,
        mut rest: &'a [u8],
        layout: &'static Layout,
        left: usize,
        depth: usize,
    ) -> Option<&'a [u8]> {
        if depth > MAX_DEPTH {
            return None;
        }
        while rest.len() > left {
            let ((number, wire_type), value) = key(rest)?;
            rest = match layout.fields.get(number).unwrap_or(&Field::Within) {
                Field::Within => skip(value, wire_type)?,
                Field::Bytes => {
                    let (bytes, after) = delimited(value, wire_type)?;
                    self.attached_bytes += bytes.len();
                    after
                }
                Field::One { layout, .. } => self.inner(value, wire_type, layout, depth)?,
                Field::Many { counter, size, items, .. } => {
                    let count = match items {
                        Items::Packed { bytes } if wire_type == DELIMITED => {
                            delimited(value, wire_type)?.0.len() / bytes
                        }
                        _ => 1,
                    };
                    if let Some(counted) = self.counts.get_mut(*counter) {
                        *counted += count;
                    }
                    self.items_bytes += count * size;
                    match items {
                        Items::Messages(layout) => self.inner(value, wire_type, layout, depth)?,
                        Items::Delimited => delimited(value, wire_type)?.1,
                        Items::Packed { .. } => skip(value, wire_type)?,
                    }
                }
            };
        }
        (rest.len() == left).then_some(rest)
    }

    fn inner<'a>(
        &mut self,
        value: &'a [u8],
        wire_type: u64,
        layout: &'static Layout,
        depth: usize,
    ) -> Option<&'a [u8]> {
        if wire_type != DELIMITED {
            return None;
        }
        let (length, fields) = length(value)?;
        self.message(fields, layout, fields.len() - length, depth + 1)
    }
}

// Inlined so that a request with thousands of fields is walked in microseconds.
#[inline(always)]
fn key(rest: &[u8]) -> Step<'_, (usize, u64)> {
    let (key, rest) = varint(rest)?;
    // prost rejects larger keys.
    let number = u32::try_from(key).ok()? >> 3;
    Some(((number as usize, key & 7), rest))
}

#[inline(always)]
fn delimited(rest: &[u8], wire_type: u64) -> Step<'_, &[u8]> {
    if wire_type != DELIMITED {
        return None;
    }
    let (length, rest) = length(rest)?;
    rest.split_at_checked(length)
}

/// A length that fits into the remaining bytes of the whole request, whatever the enclosing message.
#[inline(always)]
fn length(rest: &[u8]) -> Step<'_, usize> {
    let (length, rest) = varint(rest)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= rest.len())?;
    Some((length, rest))
}

#[inline(always)]
fn skip(rest: &[u8], wire_type: u64) -> Option<&[u8]> {
    match wire_type {
        VARINT => Some(varint(rest)?.1),
        DELIMITED => Some(delimited(rest, wire_type)?.1),
        _ => skip_rare(rest, wire_type),
    }
}

/// Also skips groups, which may contain anything.
fn skip_rare(mut rest: &[u8], mut wire_type: u64) -> Option<&[u8]> {
    let mut open = 0;
    loop {
        match wire_type {
            VARINT => (_, rest) = varint(rest)?,
            FIXED_64 => rest = rest.get(8..)?,
            FIXED_32 => rest = rest.get(4..)?,
            DELIMITED => (_, rest) = delimited(rest, wire_type)?,
            GROUP if open < MAX_DEPTH => open += 1,
            END_GROUP if open > 0 => open -= 1,
            _ => return None,
        }
        if open == 0 {
            return Some(rest);
        }
        ((_, wire_type), rest) = key(rest)?;
    }
}

#[inline(always)]
fn varint(rest: &[u8]) -> Step<'_, u64> {
    let (&byte, rest) = rest.split_first()?;
    // Most keys and lengths are one byte.
    if byte < 0x80 { Some((u64::from(byte), rest)) } else { long_varint(byte, rest) }
}

fn long_varint(first: u8, mut rest: &[u8]) -> Step<'_, u64> {
    let mut value = u64::from(first & 0x7F);
    for shift in (7..70).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        value |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Some((value, rest));
        }
    }
    None
}

/// The path of a repeated field in a request: `conversation.messages`.
pub fn path_of(layout: &Layout, counter: usize) -> Option<String> {
    layout.fields.iter().find_map(|field| match field {
        Field::Many { name, counter: known, .. } if *known == counter => Some((*name).to_owned()),
        Field::Many { name, items: Items::Messages(inner), .. } | Field::One { name, layout: inner } => {
            path_of(inner, counter).map(|path| format!("{name}.{path}"))
        }
        _ => None,
    })
}
