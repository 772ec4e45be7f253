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
    #![allow(missing_docs, clippy::all, clippy::pedantic)]
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
        let tally = Self { counts: [0; counters::COUNT], items_bytes: 0, attached_bytes: 0 };
        let mut walk = Walk { bytes: request, at: 0, tally };
        let _ = walk.message(layout, request.len(), 0);
        walk.tally
    }
}

/// Where a walk stands.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    tally: Tally,
}

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const DELIMITED: u64 = 2;
const GROUP: u64 = 3;
const END_GROUP: u64 = 4;
const FIXED_32: u64 = 5;

/// `None` where prost goes no further.
type Step<T = ()> = Option<T>;

impl Walk<'_> {
    /// The fields up to `end`. As in prost, a field may reach beyond it, which is noticed afterwards.
    fn message(&mut self, layout: &'static Layout, end: usize, depth: usize) -> Step {
        if depth > MAX_DEPTH {
            return None;
        }
        while self.at < end {
            let (number, wire_type) = self.key()?;
            match layout.fields.get(number).unwrap_or(&Field::Within) {
                Field::Within => self.skip(wire_type)?,
                Field::Bytes => self.tally.attached_bytes += self.delimited(wire_type)?,
                Field::One { layout, .. } => self.inner(layout, wire_type, depth)?,
                Field::Many { counter, size, items, .. } => {
                    let count = match items {
                        Items::Packed { bytes } => self.numbers(wire_type, *bytes)?,
                        Items::Delimited => self.delimited(wire_type).map(|_| 1)?,
                        Items::Messages(_) => 1,
                    };
                    if let Some(counted) = self.tally.counts.get_mut(*counter) {
                        *counted += count;
                    }
                    self.tally.items_bytes += count * size;
                    if let Items::Messages(layout) = items {
                        self.inner(layout, wire_type, depth)?;
                    }
                }
            }
        }
        (self.at == end).then_some(())
    }

    fn inner(&mut self, layout: &'static Layout, wire_type: u64, depth: usize) -> Step {
        if wire_type != DELIMITED {
            return None;
        }
        let length = self.length()?;
        self.message(layout, self.at + length, depth + 1)
    }

    fn delimited(&mut self, wire_type: u64) -> Step<usize> {
        if wire_type != DELIMITED {
            return None;
        }
        let length = self.length()?;
        self.at += length;
        Some(length)
    }

    /// How many numbers stand in a field of a repeated scalar.
    fn numbers(&mut self, wire_type: u64, bytes: usize) -> Step<usize> {
        let before = self.at;
        self.skip(wire_type)?;
        let packed = self.bytes.get(before..self.at).unwrap_or_default();
        Some(if wire_type == DELIMITED { packed.len() / bytes } else { 1 })
    }

    fn skip(&mut self, wire_type: u64) -> Step {
        // Groups that are open.
        let mut depth = 0;
        let mut wire_type = wire_type;
        loop {
            match wire_type {
                VARINT => drop(self.varint()?),
                FIXED_64 => self.advance(8)?,
                FIXED_32 => self.advance(4)?,
                DELIMITED => drop(self.delimited(DELIMITED)?),
                GROUP if depth < MAX_DEPTH => depth += 1,
                END_GROUP if depth > 0 => depth -= 1,
                _ => return None,
            }
            if depth == 0 {
                return Some(());
            }
            (_, wire_type) = self.key()?;
        }
    }

    fn key(&mut self) -> Step<(usize, u64)> {
        let key = self.varint()?;
        // prost takes no key of more.
        let number = u32::try_from(key).ok()? >> 3;
        Some((number as usize, key & 7))
    }

    /// A length that all of the bytes have room for, whatever the message in which it stands.
    fn length(&mut self) -> Step<usize> {
        let length = usize::try_from(self.varint()?).ok()?;
        (length <= self.bytes.len() - self.at).then_some(length)
    }

    fn advance(&mut self, count: usize) -> Step {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    #[inline]
    fn varint(&mut self) -> Step<u64> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
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
