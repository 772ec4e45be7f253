//! Finding the phrases of the data files in a sentence: all of them in one pass.

use aho_corasick::AhoCorasick;

use super::forms::Kind;

/// The kinds that a sentence's phrases give it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    pub fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    pub fn has_any(self, kinds: &[Kind]) -> bool {
        kinds.iter().any(|kind| self.has(*kind))
    }

    fn add(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u32;
    }
}

/// One phrase. `^` at its beginning: it begins the sentence. `$` at its end: it ends it. `…`: some words. `*` at its
/// end: the last word may go on.
struct Phrase {
    kind: Kind,
    begins: bool,
    /// A name comes before it.
    after_name: bool,
    ends: bool,
    goes_on: bool,
    /// What comes after the first part, one after the other, with at most `GAP` bytes between them.
    rest: Vec<String>,
}

/// How long a name, a date or a number is that stands in the middle of a phrase.
const GAP: usize = 80;

pub struct Phrases {
    /// Finds the first parts.
    finder: Option<AhoCorasick>,
    phrases: Vec<Phrase>,
    names_nobody: Vec<&'static str>,
}

impl Phrases {
    /// `names_nobody` are words that are in no name: articles, pronouns.
    pub fn of(phrases: impl Iterator<Item = (&'static str, Kind)>, names_nobody: Vec<&'static str>) -> Self {
        let (mut firsts, mut all) = (Vec::new(), Vec::new());
        for (text, kind) in phrases {
            let (begins, text) = text.strip_prefix('^').map_or((false, text), |text| (true, text));
            let (after_name, text) = text.strip_prefix('…').map_or((false, text), |text| (true, text));
            let (ends, text) = text.strip_suffix('$').map_or((false, text), |text| (true, text));
            let (goes_on, text) = text.strip_suffix('*').map_or((false, text), |text| (true, text));
            let mut parts = text.split('…').map(normal).filter(|part| !part.is_empty());
            if let Some(first) = parts.next() {
                firsts.push(first);
                all.push(Phrase { kind, begins, after_name, ends, goes_on, rest: parts.collect() });
            }
        }
        // It fails for more patterns than a data file can hold.
        Self { finder: AhoCorasick::new(firsts).ok(), phrases: all, names_nobody }
    }

    /// What `sentence` is, which is `normal`.
    pub fn kinds(&self, sentence: &str) -> Kinds {
        let mut kinds = Kinds::default();
        let Some(finder) = &self.finder else { return kinds };
        for found in finder.find_overlapping_iter(sentence) {
            let Some(phrase) = self.phrases.get(found.pattern().as_usize()) else { continue };
            if !kinds.has(phrase.kind)
                && phrase.stands_at(sentence, found.start(), found.end(), &self.names_nobody)
            {
                kinds.add(phrase.kind);
            }
        }
        kinds
    }
}

impl Phrase {
    fn stands_at(&self, sentence: &str, start: usize, mut end: usize, names_nobody: &[&str]) -> bool {
        let placed = match (self.begins, self.after_name) {
            (true, true) => is_a_name(&sentence[..start], names_nobody),
            (true, false) => start == 0,
            _ => true,
        };
        if !placed || !is_boundary(sentence, start) {
            return false;
        }
        for part in &self.rest {
            if !is_boundary(sentence, end) {
                return false;
            }
            let mut limit = sentence.len().min(end + GAP + part.len());
            while !sentence.is_char_boundary(limit) {
                limit -= 1;
            }
            let window = &sentence[end..limit];
            let places = window.match_indices(part.as_str()).map(|(at, _)| end + at);
            let Some(at) = places.into_iter().find(|at| is_boundary(sentence, *at)) else { return false };
            end = at + part.len();
        }
        (self.goes_on || is_boundary(sentence, end)) && (!self.ends || end == sentence.len())
    }
}

/// Whether the words that stand at the beginning of a sentence can name a person or a ticket.
fn is_a_name(words: &str, names_nobody: &[&str]) -> bool {
    const MOST_WORDS: usize = 6;
    let mut count = 0;
    let named = words.split(' ').filter(|word| !word.is_empty()).all(|word| {
        count += 1;
        !names_nobody.contains(&word)
    });
    named && (1..=MOST_WORDS).contains(&count)
}

/// Whether a word or a phrase stands in a text, both `normal`.
pub fn has_word(text: &str, word: &str) -> bool {
    let mut places = text.match_indices(word);
    places.any(|(at, _)| is_boundary(text, at) && is_boundary(text, at + word.len()))
}

/// Whether no word goes over this place. Scripts without spaces have words everywhere.
fn is_boundary(text: &str, at: usize) -> bool {
    let letter = |character: &char| character.is_alphanumeric() && !is_without_spaces(*character);
    let before = text[..at].chars().next_back().filter(letter);
    let after = text[at..].chars().next().filter(letter);
    before.is_none() || after.is_none()
}

/// Whether words are not parted by spaces in the script of this character.
pub fn is_without_spaces(character: char) -> bool {
    matches!(character, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

/// A text as phrases are compared: in lower case, words parted by one space, without punctuation.
pub fn normal(text: &str) -> String {
    if text.is_ascii() {
        return normal_ascii(text);
    }
    let mut normal = String::with_capacity(text.len());
    let mut space = false;
    for character in text.chars() {
        let kept = match character {
            '\u{2019}' | '\u{2bc}' | '\'' | '`' | '\u{b4}' => '\'',
            // A dotted capital I becomes two characters in lower case.
            'İ' => 'i',
            '#' | '@' | '\u{e000}' | '\u{e001}' => character,
            _ if character.is_alphanumeric() || is_combining(character) => character,
            _ => {
                space = true;
                continue;
            }
        };
        if space && !normal.is_empty() && !is_without_spaces(kept) && !normal.ends_with(is_without_spaces) {
            normal.push(' ');
        }
        space = false;
        normal.extend(kept.to_lowercase());
    }
    normal
}

/// The same of a text without other characters.
fn normal_ascii(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for word in text.as_bytes().split(|byte| NORMAL_ASCII[usize::from(*byte)] == 0) {
        if word.is_empty() {
            continue;
        }
        if !normal.is_empty() {
            normal.push(' ');
        }
        normal.extend(word.iter().map(|byte| char::from(NORMAL_ASCII[usize::from(*byte)])));
    }
    normal
}

/// What each ASCII character is in a `normal` text; 0 parts words.
const NORMAL_ASCII: [u8; 256] = {
    let mut normal = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        normal[byte as usize] = match byte {
            b'`' | b'\'' => b'\'',
            b'#' | b'@' => byte,
            _ if byte.is_ascii_alphanumeric() => byte.to_ascii_lowercase(),
            _ => 0,
        };
        byte += 1;
    }
    normal
};

fn is_combining(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}
