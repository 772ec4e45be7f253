//! HTML taken apart into tags and text, as a browser does it, for valid and for broken markup.
//!
//! html5ever's tokenizer is not used here: it compares every attribute of a tag with all others, so that one tag of a
//! large message takes seconds. This one reads each byte once and keeps nothing.

use html5ever::data::NAMED_ENTITIES;

/// A tag's name in lower case, cut to what the longest name that anybody asks for needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name([u8; 12]);

impl Name {
    fn of(name: &str) -> Self {
        let mut bytes = [0; 12];
        for (to, from) in bytes.iter_mut().zip(name.bytes()) {
            *to = from.to_ascii_lowercase();
        }
        Self(bytes)
    }

    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

pub enum Piece<'t> {
    /// With its entities.
    Text(&'t str),
    Open(Name, Attributes<'t>),
    Close(Name),
}

/// The pieces of a text, without comments, declarations, and what stands in scripts, styles and titles.
pub struct Pieces<'t> {
    rest: &'t str,
}

impl<'t> Pieces<'t> {
    pub fn of(html: &'t str) -> Self {
        Self { rest: html }
    }

    /// What stands before the next `end`, which is passed too; the whole rest where there is none.
    fn pass(&mut self, end: &str) {
        self.rest = self.rest.find(end).map_or("", |at| &self.rest[at + end.len()..]);
    }

    /// Passes the end of an element whose content is no markup.
    fn pass_raw(&mut self, name: Name) {
        let wanted = name.as_str();
        while let Some(at) = self.rest.find("</") {
            self.rest = &self.rest[at + 2..];
            let begins = self.rest.get(..wanted.len());
            if begins.is_some_and(|begins| begins.eq_ignore_ascii_case(wanted)) {
                return self.pass(">");
            }
        }
        self.rest = "";
    }

    fn open(&mut self) -> Piece<'t> {
        let (name, rest) = self.rest.split_at(name_length(self.rest));
        let length = tag_length(rest);
        let attributes = rest.get(..length).unwrap_or(rest);
        self.rest = rest.get(length + 1..).unwrap_or("");
        let name = Name::of(name);
        if matches!(name.as_str(), "script" | "style" | "title" | "xmp" | "iframe") {
            self.pass_raw(name);
            return self.next().unwrap_or(Piece::Text(""));
        }
        Piece::Open(name, Attributes(attributes))
    }
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        loop {
            let rest = self.rest;
            let after = rest.as_bytes().get(1).copied().unwrap_or_default();
            if rest.is_empty() {
                return None;
            } else if !rest.starts_with('<') || !(after.is_ascii_alphabetic() || b"/!?".contains(&after)) {
                // A `<` that begins no tag is a character like any other.
                let first = rest.chars().next().map_or(0, char::len_utf8);
                let end = rest[first..].find('<').map_or(rest.len(), |at| first + at);
                let (text, rest) = rest.split_at(end);
                self.rest = rest;
                return Some(Piece::Text(text));
            }
            self.rest = &rest[1..];
            match after {
                b'/' => {
                    self.rest = &rest[2..];
                    let name = Name::of(&self.rest[..name_length(self.rest)]);
                    self.pass(">");
                    return Some(Piece::Close(name));
                }
                b'!' if rest.starts_with("<!--") => {
                    self.rest = &rest[4..];
                    // `<!-->` is a whole comment.
                    if self.rest.starts_with('>') { self.pass(">") } else { self.pass("-->") }
                }
                b'!' | b'?' => self.pass(">"),
                _ => return Some(self.open()),
            }
        }
    }
}

fn name_length(text: &str) -> usize {
    text.bytes()
        .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))
        .unwrap_or(text.len())
}

/// How long the rest of a tag is before its `>`, which does not end it within quotes.
fn tag_length(text: &str) -> usize {
    let mut quote = None;
    let mut value = false;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return at,
            (None, b'"' | b'\'') if value => quote = Some(byte),
            (None, _) if byte.is_ascii_whitespace() => continue,
            _ => {}
        }
        value = quote.is_none() && byte == b'=';
    }
    text.len()
}

/// The attributes of a tag, as they are written.
#[derive(Clone, Copy)]
pub struct Attributes<'t>(&'t str);

impl<'t> Iterator for Attributes<'t> {
    /// Name and value, with its entities.
    type Item = (&'t str, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        let space = |byte: char| byte.is_ascii_whitespace();
        let text = self.0.trim_start_matches(|byte| space(byte) || byte == '/');
        let end = text.find(|byte| space(byte) || matches!(byte, '=' | '/')).unwrap_or(text.len());
        // A name may begin with `=`.
        let end = if end == 0 { text.chars().next()?.len_utf8() } else { end };
        let (name, rest) = text.split_at(end);
        let Some(value) = rest.trim_start_matches(space).strip_prefix('=') else {
            self.0 = rest;
            return Some((name, ""));
        };
        let value = value.trim_start_matches(space);
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let (value, rest) = match quote {
            Some(quote) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            None => value.split_at(value.find(space).unwrap_or(value.len())),
        };
        self.0 = rest;
        Some((name, value))
    }
}

/// Hands over the text with its entities resolved, in parts.
pub fn resolve(text: &str, mut push: impl FnMut(&str)) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        push(&rest[..at]);
        rest = &rest[at + 1..];
        match entity(rest) {
            Some((characters, length)) => {
                for character in characters.into_iter().flatten() {
                    push(character.encode_utf8(&mut [0; 4]));
                }
                rest = &rest[length..];
            }
            None => push("&"),
        }
    }
    push(rest);
}

/// What an entity stands for, and its length without the `&`.
fn entity(text: &str) -> Option<([Option<char>; 2], usize)> {
    /// The longest name, `CounterClockwiseContourIntegral;`.
    const LONGEST: usize = 32;
    if let Some(number) = text.strip_prefix('#') {
        let (digits, radix) = match number.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16),
            None => (number, 10),
        };
        let length = digits.bytes().take(8).take_while(|byte| char::from(*byte).is_digit(radix)).count();
        let code = u32::from_str_radix(&digits[..length], radix).ok()?;
        let end = text.len() - digits.len() + length;
        let semicolon = usize::from(text[end..].starts_with(';'));
        return Some(([Some(windows_1252(code)), None], end + semicolon));
    }
    let letters = text.bytes().take(LONGEST).take_while(u8::is_ascii_alphanumeric).count();
    let whole = letters + usize::from(text[letters..].starts_with(';'));
    // Some old names need no semicolon: `&nbsp`, `&amp`.
    (2..=whole).rev().find_map(|length| {
        let (first, second) = *NAMED_ENTITIES.get(&text[..length])?;
        let character = |code| char::from_u32(code).filter(|character| *character != '\0');
        (first != 0).then(|| ([character(first), character(second)], length))
    })
}

/// Numbers from 128 to 159 mean what they mean in Windows-1252; what is no character is U+FFFD.
fn windows_1252(code: u32) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    let high = code.checked_sub(0x80).and_then(|place| HIGH.get(place as usize).copied());
    high.or_else(|| char::from_u32(code)).filter(|found| *found != '\0').unwrap_or('\u{fffd}')
}
