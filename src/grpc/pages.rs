//! Pages of lists: sizes, tokens, and their end by bytes.

use prost::Message;

use crate::{
    domain::Violations,
    service::{Services, page::Cursor},
};

const DEFAULT_SIZE: usize = 50;
const MAX_SIZE: usize = 1000;
/// An answer stays under 3 MiB: most clients refuse more than 4.
const MAX_ANSWER_BYTES: usize = 3 * 1024 * 1024 - 64 * 1024;

/// How many items a caller gets at most.
pub fn size(page_size: i32, violations: &mut Violations) -> usize {
    match usize::try_from(page_size) {
        Ok(0) => DEFAULT_SIZE,
        Ok(size) => size.min(MAX_SIZE),
        Err(_) => {
            violations.add("page_size", format!("must not be negative, is {page_size}"));
            DEFAULT_SIZE
        }
    }
}

/// Where the page begins: `None` is the list's beginning.
pub fn place(
    services: &Services,
    arguments: &str,
    token: &str,
    violations: &mut Violations,
) -> Option<String> {
    if token.is_empty() {
        return None;
    }
    let place = services.place_of(arguments, token);
    if place.is_none() {
        violations.add(
            "page_token",
            "must be the next_page_token that this call answered for the same list; leave it empty to begin again",
        );
    }
    place
}

/// As [`place`], for lists that are ordered by number: 0 is the list's beginning.
pub fn place_number(services: &Services, arguments: &str, token: &str, violations: &mut Violations) -> u64 {
    place(services, arguments, token, violations).and_then(|place| place.parse().ok()).unwrap_or(0)
}

/// As [`place`], for lists that are ordered by time and number.
pub fn cursor(
    services: &Services,
    arguments: impl Fn() -> String,
    token: &str,
    violations: &mut Violations,
) -> Option<Cursor> {
    // Most calls have no token: the arguments need no words then.
    let place = if token.is_empty() { None } else { place(services, &arguments(), token, violations) }?;
    place.parse().ok()
}

/// Ends a page of such a list where the answer would become too large, and answers the token of what follows. `cursors` are
/// where it goes on after each of the items, `next` where after all of them; `encoded_len` is an item's.
pub fn end<T>(
    services: &Services,
    arguments: impl Fn() -> String,
    items: &mut Vec<T>,
    encoded_len: impl Fn(&T) -> usize,
    cursors: &[Cursor],
    next: Option<Cursor>,
) -> String {
    let is_cut = cut_by(items, encoded_len);
    let next =
        if is_cut { items.len().checked_sub(1).and_then(|last| cursors.get(last)).copied() } else { next };
    next.map_or_else(String::new, |next| services.page_token(&arguments(), next))
}

/// Cuts a page off where the answer would become too large; at least one item stays. Answers whether it did.
pub fn cut<T: Message>(items: &mut Vec<T>) -> bool {
    cut_by(items, Message::encoded_len)
}

fn cut_by<T>(items: &mut Vec<T>, encoded_len: impl Fn(&T) -> usize) -> bool {
    let mut bytes = 0;
    let fits = items.iter().take_while(|item| {
        bytes += encoded_len(item) + 8;
        bytes <= MAX_ANSWER_BYTES
    });
    let fits = fits.count().max(1);
    let is_cut = fits < items.len();
    items.truncate(fits);
    is_cut
}

/// A place that is a key, as text.
pub fn to_hex(place: &[u8]) -> String {
    place.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let pair = |pair: &[u32]| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    };
    digits?.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for place in [&[][..], &[0, 1, 0xAB, 0xFF]] {
            assert_eq!(from_hex(&to_hex(place)).as_deref(), Some(place));
        }
        assert_eq!((from_hex("0"), from_hex("0g"), from_hex("äö")), (None, None, None));
    }
}
