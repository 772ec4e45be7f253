//! Sentences of a text, with what their phrases say they are.

use super::{
    contains_any,
    forms::{Kind, forms},
    phrases::{Kinds, has_word, is_without_spaces, normal},
    quotes::CUT,
};

#[derive(Clone, Copy, Debug)]
pub struct Sentence {
    pub start: usize,
    pub end: usize,
    pub kinds: Kinds,
    /// Words, or as many as so many characters would be in a script without spaces.
    pub words: usize,
    pub asks: bool,
    pub exclaims: bool,
    /// Its author speaks of themselves: `I`.
    pub is_personal: bool,
    /// It tells a time: `until Monday`.
    pub has_time: bool,
    /// It names what somebody wrote: `your request`.
    pub names_inquiry: bool,
    /// A blank line or nothing stands before it.
    pub begins_paragraph: bool,
}

pub fn sentences(text: &str) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    let mut begins_paragraph = true;
    for (start, end) in (Spans { text, at: 0 }) {
        let raw = &text[start..end];
        if raw.trim_matches(|character: char| character.is_whitespace() || character == CUT).is_empty() {
            begins_paragraph = true;
            continue;
        }
        let words = normal(raw);
        let kinds = forms().phrases.kinds(&words);
        // The rest is only asked of what may be automatic.
        let has =
            |of: &[Kind], list: &[&str]| kinds.has_any(of) && list.iter().any(|word| has_word(&words, word));
        sentences.push(Sentence {
            start,
            end,
            kinds,
            words: count(&words),
            asks: contains_any(raw, "?", &['？', '؟']),
            exclaims: contains_any(raw, "!", &['！']),
            is_personal: has(&[Kind::Footer, Kind::System, Kind::Automated, Kind::Bounce], &forms().own),
            has_time: has(&[Kind::Away], &forms().until),
            names_inquiry: kinds.has(Kind::Acknowledgement)
                && forms().inquiries.iter().any(|part| words.contains(part)),
            begins_paragraph,
        });
        begins_paragraph = false;
    }
    sentences
}

/// `words` are `normal`: one space stands between two of them.
fn count(words: &str) -> usize {
    let spaced = if words.is_empty() { 0 } else { 1 + words.bytes().filter(|byte| *byte == b' ').count() };
    if words.is_ascii() {
        return spaced;
    }
    spaced.max(words.chars().filter(|character| is_without_spaces(*character)).count() / 2)
}

/// Where sentences and blank lines begin and end: they cover the text.
struct Spans<'t> {
    text: &'t str,
    at: usize,
}

impl Iterator for Spans<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let start = self.at;
        if start >= self.text.len() {
            return None;
        }
        let mut line_start = start;
        let bytes = self.text.as_bytes();
        // The first bytes of all that may end one: none of them is within another character.
        let may_end = |byte: &u8| matches!(byte, b'\n' | b'.' | b'!' | b'?' | 0xe3 | 0xef);
        let mut at = start;
        while let Some(offset) = bytes[at..].iter().position(may_end) {
            at += offset;
            let character = self.text[at..].chars().next().unwrap_or('\n');
            let next = at + character.len_utf8();
            let ends = match character {
                '\n' => {
                    let line = &self.text[line_start..at];
                    line_start = next;
                    !goes_on(line, &self.text[next..])
                }
                '。' | '！' | '？' | '．' => true,
                '.' => {
                    let within_number = at > start && bytes[at - 1].is_ascii_digit();
                    !within_number && begins_one(&self.text[next..])
                }
                '!' | '?' => self.text[next..].chars().next().is_none_or(char::is_whitespace),
                _ => false,
            };
            if ends {
                self.at = next;
                return Some((start, next));
            }
            at = next;
        }
        self.at = self.text.len();
        Some((start, self.at))
    }
}

/// Whether a new sentence can begin after a full stop: after space, and not with a small letter.
fn begins_one(rest: &str) -> bool {
    let mut characters = rest.chars();
    match characters.next() {
        None => true,
        Some(first) if first.is_whitespace() => {
            first == '\n'
                || characters.find(|next| !next.is_whitespace()).is_none_or(|next| !next.is_lowercase())
        }
        Some(first) => is_without_spaces(first) || matches!(first, '"' | ')' | '”' | '»'),
    }
}

/// Whether a sentence goes on after the end of this line: mail programs break lines at about 72 characters.
fn goes_on(line: &str, rest: &str) -> bool {
    const FULL: usize = 50;
    let line = line.trim();
    let full = line.chars().take(FULL).count() == FULL;
    let ended = line.ends_with(['.', '!', '?', ':', ';', '。', '！', '？', '：']) || line.contains(CUT);
    // `Regards,` before a name.
    let short = line.ends_with(',') && !full;
    let next = rest.chars().next().unwrap_or('\n');
    !line.is_empty()
        && !ended
        && !short
        && next != CUT
        && (next.is_lowercase() || (full && next.is_alphanumeric()))
}
