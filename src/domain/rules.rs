//! Validation rules for all input, each written once.
//!
//! A rule is a function from a value to what is wrong with it, worded to follow the name of a field: `must be at most
//! 128 bytes long, is 130`. [`Violations::check`] records it under a [`Path`]. Where a broken rule would do harm later,
//! a type enforces it instead: an [`ExternalId`] cannot be empty, a [`UnixMillis`](super::UnixMillis) from outside lies
//! within the calendar.

mod likely;
mod mask;
mod path;
mod text;
mod violations;
mod words;

pub mod limits;

use std::ops::RangeInclusive;

use super::Language;

pub use likely::{LIKE, likely};
pub use mask::UpdateMask;
pub use path::Path;
pub use text::{DisplayName, ExternalId, SourceName, Tag};
pub use violations::{Violation, Violations};
pub use words::Words;

/// What is wrong with a value.
pub type Broken = String;

/// How many characters of a value an error message shows.
const SHOWN_CHARACTERS: usize = 60;

pub fn required<T>(value: Option<T>) -> Result<T, Broken> {
    value.ok_or_else(|| "is required".to_owned())
}

/// Lengths are in bytes of UTF-8.
pub fn bytes(text: &str, allowed: RangeInclusive<usize>) -> Result<(), Broken> {
    if allowed.contains(&text.len()) {
        return Ok(());
    }
    Err(format!("must be {} bytes long, is {}", range(allowed), text.len()))
}

pub fn max_bytes(text: Option<&str>, most: usize) -> Result<(), Broken> {
    bytes(text.unwrap_or_default(), 0..=most)
}

/// For text that ends up in keys, names and logs.
pub fn one_line(text: &str) -> Result<(), Broken> {
    // Nearly every text is, and bytes are faster than characters.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    match text.chars().find(|character| character.is_control()) {
        Some(control) => Err(format!("must not contain control characters, contains {control:?}")),
        None => Ok(()),
    }
}

pub fn items(count: usize, allowed: RangeInclusive<usize>) -> Result<(), Broken> {
    if allowed.contains(&count) {
        return Ok(());
    }
    Err(format!("must have {} items, has {count}", range(allowed)))
}

fn range(allowed: RangeInclusive<usize>) -> String {
    match allowed.into_inner() {
        (0, most) => format!("at most {most}"),
        (least, most) => format!("{least} to {most}"),
    }
}

/// Refuses only what cannot be an address; whether mail arrives is not checked.
pub fn email(text: &str) -> Result<(), Broken> {
    bytes(text, 0..=limits::EMAIL_BYTES)?;
    let is_address =
        text.rsplit_once('@').is_some_and(|(mailbox, host)| !mailbox.is_empty() && !host.is_empty());
    if is_address && !has_space(text) {
        return Ok(());
    }
    Err(format!("must be an address like ada@example.org, is {text:?}"))
}

/// A URL is shown to others, so only web URLs are accepted.
pub fn web_url(text: &str) -> Result<(), Broken> {
    bytes(text, 0..=limits::URL_BYTES)?;
    let is_web = ["http://", "https://"].iter().any(|scheme| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && text.len() > scheme.len()
    });
    if is_web && !has_space(text) {
        return Ok(());
    }
    Err(format!("must be a URL that begins with http:// or https://, without spaces, is {}", shown(text)))
}

fn has_space(text: &str) -> bool {
    text.chars().any(|character| character.is_control() || character == ' ')
}

/// A language as a BCP 47 tag; only its form is checked.
pub fn language(text: &str) -> Result<(), Broken> {
    let is_subtag =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if text.len() <= limits::LANGUAGE_BYTES && text.split('-').all(is_subtag) {
        return Ok(());
    }
    Err(format!("must be a BCP 47 tag like `en-GB`, is {}", shown(text)))
}

/// A language as a BCP 47 tag whose language can be named.
pub fn known_language(text: &str) -> Result<(), Broken> {
    language(text)?;
    match Language::from_code(text) {
        Some(_) => Ok(()),
        None => Err(format!(
            "must begin with the code of a known language, like `de` or `pt-BR`, is {}",
            shown(text)
        )),
    }
}

/// A value as shown in errors: quoted, and cut off if long.
pub fn shown(text: &str) -> String {
    let mut characters = text.chars();
    let beginning: String = characters.by_ref().take(SHOWN_CHARACTERS).collect();
    let rest = if characters.next().is_some() { "…" } else { "" };
    format!("{beginning:?}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        for text in ["ada@example.org", "\"a@b\"@example.org", "ü@ö.example"] {
            assert_eq!(email(text), Ok(()), "{text}");
        }
        for text in ["", "ada", "@", "ada@", "@example.org", "a b@example.org", "a@b\n"] {
            assert!(email(text).is_err(), "{text}");
        }
        assert!(email(&format!("{}@example.org", "a".repeat(300))).is_err());
    }

    #[test]
    fn a_rule_says_what_is_allowed_and_what_there_is() {
        assert_eq!(bytes("abc", 0..=2).unwrap_err(), "must be at most 2 bytes long, is 3");
        assert_eq!(bytes("", 1..=2).unwrap_err(), "must be 1 to 2 bytes long, is 0");
        assert_eq!(items(3, 1..=2).unwrap_err(), "must have 1 to 2 items, has 3");
        assert_eq!(one_line("a\nb").unwrap_err(), "must not contain control characters, contains '\\n'");
        assert_eq!(language("de_DE").unwrap_err(), "must be a BCP 47 tag like `en-GB`, is \"de_DE\"");
        for known in ["de", "pt-BR", "zh-Hant-TW", "DEU", "ru"] {
            assert_eq!(known_language(known), Ok(()), "{known}");
        }
        let unknown = "must begin with the code of a known language, like `de` or `pt-BR`, is \"xx-YY\"";
        assert_eq!(known_language("xx-YY").unwrap_err(), unknown);
        assert_eq!(known_language("de_DE"), language("de_DE"));
    }
}
