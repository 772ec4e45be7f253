//! The fields of a message as they stand on the wire, before anything is made of them.

use prost::encoding::encode_varint;

/// One field of a message as it stands on the wire.
pub struct Field<'a> {
    pub number: u64,
    /// The bytes of a field that has a length.
    pub value: &'a [u8],
    /// With its key and length.
    pub whole: &'a [u8],
}

/// The fields of a message. It ends where the message is malformed, which decoding then tells.
pub fn fields(mut rest: &[u8]) -> impl Iterator<Item = Field<'_>> {
    std::iter::from_fn(move || {
        let begun = rest;
        let key = varint(&mut rest)?;
        let length = match key & 7 {
            0 => varint(&mut rest).map(|_| 0)?,
            1 => 8,
            2 => usize::try_from(varint(&mut rest)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (value, after) = rest.split_at_checked(length)?;
        rest = after;
        let whole = begun.get(..begun.len() - after.len())?;
        Some(Field { number: key >> 3, value, whole })
    })
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// What becomes of a field when its message is rewritten.
pub enum Kept {
    Whole,
    As(Vec<u8>),
    Not,
}

/// Whether one more is left, which is taken off.
pub fn is_left(left: &mut usize) -> bool {
    let fewer = left.checked_sub(1);
    *left = fewer.unwrap_or(0);
    fewer.is_some()
}

/// A message of which each field is what `keep` makes of it.
pub fn rewritten<'a>(message: &'a [u8], mut keep: impl FnMut(&Field<'a>) -> Kept) -> Vec<u8> {
    let mut kept = Vec::new();
    for field in fields(message) {
        match keep(&field) {
            Kept::Whole => kept.extend_from_slice(field.whole),
            Kept::As(value) => {
                encode_varint(field.number << 3 | 2, &mut kept);
                encode_varint(value.len() as u64, &mut kept);
                kept.extend(value);
            }
            Kept::Not => {}
        }
    }
    kept
}
