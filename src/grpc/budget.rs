//! How much memory a request may take, reckoned on the wire before anything is made of it.
//!
//! An empty message of a repeated field is two bytes on the wire and hundreds in memory: a request of 4 MiB could ask for more
//! than a GiB. So the bytes are walked once, exactly as prost will, and each item of a repeated field is charged what prost
//! allocates for it. Everything else takes no more memory than it has bytes.
//!
//! The walk stops at the first byte at which prost stops too; what it did not see is not decoded either.

/// What can be walked; generated from the descriptors of `proto/`.
#[derive(Debug)]
pub struct Layout {
    /// `plaudit.v1.StoreMessageRequest`
    pub name: &'static str,
    /// By their numbers.
    pub fields: &'static [Field],
}

/// What a field takes in memory.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// No more than its bytes, or none as it is unknown.
    Within,
    /// The same; its length is noted.
    Bytes,
    /// A message in which something is repeated.
    One { name: &'static str, layout: &'static Layout },
    /// `size` bytes an item, and what is in it.
    Many { name: &'static str, counter: usize, size: usize, items: Items },
}

impl Field {
    /// [`Field::Within`], as the generated tables write it.
    pub const WITHIN: Self = Self::Within;
}

/// How the items of a repeated field stand on the wire.
#[derive(Clone, Copy, Debug)]
pub enum Items {
    /// Texts, bytes, and messages in which nothing is repeated.
    Delimited,
    Messages(&'static Layout),
    /// Numbers of at least so many bytes, alone or packed.
    Packed {
        bytes: usize,
    },
}

/// A request whose layout is known.
pub trait Bounded: 'static {
    const LAYOUT: &'static Layout;
}

mod generated {
    #![allow(clippy::all, reason = "generated")]
    use super::{Bounded, Field, Items, Layout};
    include!(concat!(env!("OUT_DIR"), "/layouts.rs"));
}

pub use generated::*;

/// As prost: messages and unknown groups within one another.
const MAX_DEPTH: usize = 100;

/// What a request would take.
#[derive(Debug)]
pub struct Tally {
    /// How many items each repeated field has in all.
    pub counts: [usize; counters::COUNT],
    /// What the items take, without what they hold.
    pub items_bytes: usize,
    /// How much of the request is in fields of the type `bytes`: the contents of attachments.
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

/// What is read, and the bytes after it; `None` where prost goes no further.
type Step<'a, T> = Option<(T, &'a [u8])>;

impl Tally {
    /// The fields of a message that ends where `left` bytes are left. As in prost, a field may reach beyond its end, which is
    /// noticed afterwards. Answers the bytes after it.
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

// A request of thousands of fields is walked in microseconds only where these are part of the loop.
#[inline(always)]
fn key(rest: &[u8]) -> Step<'_, (usize, u64)> {
    let (key, rest) = varint(rest)?;
    // prost takes no key of more.
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

/// A length for which all of the bytes have room, whatever the message in which it stands.
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

/// Groups too, in which anything may stand.
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
    // Keys and lengths mostly are one byte.
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
