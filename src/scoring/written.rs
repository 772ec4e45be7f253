//! What the author of a message newly wrote, out of what is stored: without quotations, signatures and legal notices,
//! without markup, and whether a person wrote it at all. It knows nothing of what the words mean for a score.
//!
//! The forms that mail programs give to all of this, in the languages that are read, stand in the files of `data`; see
//! docs/mail.md. Where a form is not certain the words stay.

mod automatic;
mod boilerplate;
mod capitals;
mod forms;
mod headers;
mod headings;
mod html;
mod lines;
mod markup;
mod phrases;
mod quotes;
mod rating;
mod references;
mod sentences;
mod signature;

use std::borrow::Cow;

pub use automatic::Automatic;
pub use capitals::{of_medium, shouts};
pub use rating::is_rating;
pub use references::{CODE, LINK};

use crate::domain::{Message, MessageDetails, plain_text};
use lines::Lines;

/// What a message's author newly wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<'m> {
    /// Plain text. `LINK` stands for each link, host and address, `CODE` for each code and file name: one word each,
    /// that asks nothing.
    pub text: Cow<'m, str>,
    /// Present where no person wrote it.
    pub automatic: Option<Automatic>,
}

/// Reads one message. Time grows with its size at most linearly; memory is bounded.
pub fn of(message: &Message) -> Written<'_> {
    let text = own_text(message);
    let read = sentences::sentences(&text);
    let author = message.author.name.as_deref();
    let text = match boilerplate::without_boilerplate(&text, &read) {
        Some(without) => signature::without_signatures(&without, author).into(),
        // A signature stands on lines of its own.
        None if !text.contains('\n') => text,
        None => signature::without_signatures(&text, author).into(),
    };
    let automatic = automatic::automatic(message, &text, &read);
    let text = if references::may_have_any(&text) { references::replace(&text).into() } else { text };
    Written { text, automatic }
}

/// Whether no person wrote it: its caller says so, or it reads so.
pub fn is_automatic(message: &Message) -> bool {
    message.is_automatic || of(message).automatic.is_some()
}

/// Without what others wrote.
fn own_text(message: &Message) -> Cow<'_, str> {
    if let Some(html) = html_body(message) {
        let text = quotes::own_text(&html::read(html));
        if text.contains(char::is_alphanumeric) {
            return text.into();
        }
    }
    let content = message.content.as_str();
    if html::looks_like_html(content) {
        return quotes::own_text(&html::read(content)).into();
    }
    if is_one_plain_line(content) {
        content.into()
    } else {
        quotes::own_text(&Lines::of_text(content)).into()
    }
}

/// The HTML body, if the content was made from a body. The caller may have said what is to be read instead.
fn html_body(message: &Message) -> Option<&str> {
    let details = message.details.as_deref()?;
    let html = details.html_body.as_deref().filter(|html| !html.trim().is_empty())?;
    if details.body_type.eq_ignore_ascii_case(MessageDetails::TEXT) || details.clean_body.is_some() {
        return None;
    }
    let content = message.content.as_str();
    let from_plain = details.plain_body.as_deref() == Some(content);
    (from_plain || content.is_empty() || begins_with_words_of(content, html)).then_some(html)
}

/// Whether `content` begins as the words of `html` do, as far as that is quickly told.
fn begins_with_words_of(content: &str, html: &str) -> bool {
    const LOOK_AT: usize = 8 * 1024;
    let mut end = html.len().min(LOOK_AT);
    if end < html.len() {
        // Between two elements, so that the words before it are whole.
        end = html.as_bytes()[..end].iter().rposition(|byte| *byte == b'<').unwrap_or(0);
    }
    let words = plain_text(&html[..end]);
    if end == html.len() { content == words } else { content.starts_with(&words) }
}

/// Whether nothing in it can be a quotation or its heading.
fn is_one_plain_line(text: &str) -> bool {
    const LONGEST: usize = 16 * 1024;
    text.len() <= LONGEST
        && text.chars().next().is_some_and(char::is_alphanumeric)
        && !contains_any(text, "\n:", &['：'])
}

/// Whether a text has any of these characters, of which `wide` are not ASCII: most texts are, and quickly searched.
fn contains_any(text: &str, ascii: &str, wide: &[char]) -> bool {
    ascii.chars().any(|character| text.contains(character)) || (!text.is_ascii() && text.contains(wide))
}

#[cfg(test)]
mod tests;
