//! Pages of lists: sizes, tokens, and the limit in bytes.

use prost::Message;

use crate::{
    domain::Violations,
    service::{Services, page::Cursor},
};

const DEFAULT_SIZE: usize = 50;
const MAX_SIZE: usize = 1000;
/// Responses stay under 3 MiB: by default most clients refuse more than 4 MiB.
pub(super) const MAX_ANSWER_BYTES: usize = 3 * 1024 * 1024 - 64 * 1024;

/// The most items in the page.
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

/// Where the page starts; `None` is the start of the list.
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
            "must be a next_page_token returned by this call for the same list; leave it empty to start over",
        );
    }
    place
}

/// Like [`place`], for lists ordered by number; 0 is the start of the list.
pub fn place_number(services: &Services, arguments: &str, token: &str, violations: &mut Violations) -> u64 {
    place(services, arguments, token, violations).and_then(|place| place.parse().ok()).unwrap_or(0)
}

/// Like [`place`], for lists ordered by time and number.
pub fn cursor(
    services: &Services,
    arguments: impl Fn() -> String,
    token: &str,
    violations: &mut Violations,
) -> Option<Cursor> {
    // Most calls have no token, so do not format the arguments.
    let place = if token.is_empty() { None } else { place(services, &arguments(), token, violations) }?;
    place.parse().ok()
}

/// Cuts a page of such a list to the size limit and returns the token of the next page. `cursors` are the positions after each
/// item, `next` the one after all of them; `encoded_len` is the size of an item.
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

/// Cuts a page to the size limit, keeping at least one item. Returns whether it was cut.
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

/// A place that is a store key, as text.
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
    fn a_place_survives_the_round_trip() {
        for place in [&[][..], &[0, 1, 0xAB, 0xFF]] {
            assert_eq!(from_hex(&to_hex(place)).as_deref(), Some(place));
        }
        assert_eq!((from_hex("0"), from_hex("0g"), from_hex("äö")), (None, None, None));
    }
}
