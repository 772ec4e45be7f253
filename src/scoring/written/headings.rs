//! Telling the lines that mail programs write above a quoted mail: `On … wrote:`, `From: … Sent: … Subject: …`,
//! `-----Original Message-----`.

use super::{
    forms::{Label, forms},
    lines::{Lines, Mark},
    phrases::{has_word, normal},
};

/// How many lines a mail program breaks `On … wrote:` into.
const MOST_WRAPPED: usize = 4;
/// How long it is, with long names.
const MOST_BYTES: usize = 400;
/// How many lines a block of headers has, with broken ones.
const MOST_HEADERS: usize = 14;

/// Lines above a quotation that begin at the asked place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heading {
    /// The line after it.
    pub end: usize,
    /// Nobody else writes so. Otherwise it is one only where quoted lines follow.
    pub certain: bool,
}

/// The heading of a quotation that begins with line `at`.
pub fn heading(lines: &Lines, at: usize) -> Option<Heading> {
    separator(lines, at).or_else(|| headers(lines, at)).or_else(|| attribution(lines, at))
}

fn own<'l>(lines: &'l Lines, at: usize) -> Option<&'l str> {
    let line = lines.lines.get(at).filter(|line| line.mark == Mark::Own)?;
    let text = lines.text(*line).trim();
    (!text.is_empty()).then_some(text)
}

/// A line without the stars and bars with which programs mark bold text and quotations.
fn bare(text: &str) -> &str {
    text.trim_matches(|character: char| {
        character.is_whitespace() || matches!(character, '*' | '|' | '\u{feff}')
    })
}

/// `-----Original Message-----` in any language, with the headers or the attribution after it.
fn separator(lines: &Lines, at: usize) -> Option<Heading> {
    let text = bare(own(lines, at)?);
    let inner = text.trim_matches(is_dash);
    let (lead, tail) = (
        text.len() - text.trim_start_matches(is_dash).len(),
        text.len() - text.trim_end_matches(is_dash).len(),
    );
    if text.len() > MOST_BYTES || (lead < 2 && !inner.ends_with([':', '：'])) {
        return None;
    }
    let mut end = at + 1;
    if inner.trim().is_empty() {
        // A rule is only a heading when headers follow.
        (lead >= 5).then_some(())?;
        let next = skip_blank(lines, end);
        return headers(lines, next);
    }
    // QQ Mail leaves an entity in its text.
    let words = normal(&inner.replace("&nbsp;", " "));
    let named = forms().separators.iter().any(|separator| words == *separator);
    let begun = inner.ends_with([':', '：']) && named;
    let framed = lead >= 2 && tail >= 2;
    let attributed = framed && is_attribution(inner.trim()).is_some();
    let next = skip_blank(lines, end);
    let headers = || headers(lines, next);
    if !(attributed || begun || (named && lead >= 2)) {
        // Whatever words stand between dashes above headers.
        return framed.then(headers).flatten();
    }
    if let Some(after) = headers().or_else(|| attribution(lines, next)) {
        end = after.end;
    }
    Some(Heading { end, certain: true })
}

/// Whether a text is nothing but `-----Original Message-----`, with dashes at its beginning.
pub fn is_separator(text: &str) -> bool {
    let inner = bare(text).trim_matches(is_dash);
    bare(text).starts_with(is_dash) && forms().separators.contains(&normal(inner).as_str())
}

fn is_dash(character: char) -> bool {
    matches!(character, '-' | '_' | '=' | '\u{2010}'..='\u{2015}' | '\u{2500}' | '\u{2501}' | ' ')
}

/// Whether the next line that is not blank is marked as quoted.
pub fn is_quoted_next(lines: &Lines, at: usize) -> bool {
    let next = lines.lines.get(skip_blank(lines, at));
    next.is_some_and(|line| line.mark == Mark::Quoted)
}

fn skip_blank(lines: &Lines, mut at: usize) -> usize {
    while lines
        .lines
        .get(at)
        .is_some_and(|line| line.mark == Mark::Own && lines.text(*line).trim().is_empty())
    {
        at += 1;
    }
    at
}

/// The labels that a line begins with. One word can be two labels, in two languages.
fn labels(text: &str) -> &'static [Label] {
    const LONGEST: usize = 40;
    let text = bare(text);
    let Some(colon) = text.find([':', '：']).filter(|colon| *colon <= LONGEST) else { return &[] };
    let word = normal(&text[..colon]);
    forms().labels.get(word.as_str()).map_or(&[], Vec::as_slice)
}

/// Labels of a block, counted.
#[derive(Default)]
struct Found {
    from: bool,
    sent: bool,
    to: bool,
    subject: bool,
    other: bool,
    address: bool,
}

impl Found {
    fn add(&mut self, labels: &[Label], text: &str) {
        self.address |= text.contains('@');
        for label in labels {
            match label {
                Label::From => self.from = true,
                Label::Sent => self.sent = true,
                Label::To => self.to = true,
                Label::Subject => self.subject = true,
                Label::Other => self.other = true,
            }
        }
    }

    /// `From:`, `To:` and `Date:` alone are a journey.
    fn is_mail(&self) -> bool {
        let dated = self.sent || self.other;
        (self.from && self.subject && (dated || self.to || self.address))
            || (self.from && self.sent && (self.to || self.address))
            || (self.from && dated && self.to && self.address)
            || (self.subject && self.sent && self.to)
    }
}

fn headers(lines: &Lines, at: usize) -> Option<Heading> {
    let first = own(lines, at)?;
    if labels(first).is_empty() {
        return None;
    }
    let mut found = Found::default();
    let (mut place, mut end, mut blank, mut folded) = (at, at, false, 0);
    while place < lines.lines.len() && place - at < MOST_HEADERS {
        let Some(text) = own(lines, place) else {
            let next = skip_blank(lines, place);
            // One blank line between the headers, as between paragraphs of HTML.
            if next == place {
                break;
            }
            (blank, place) = (true, next);
            continue;
        };
        let labels = labels(text);
        if !labels.is_empty() {
            found.add(labels, text);
            end = place + 1;
            folded = 0;
        } else if !blank
            && folded < 3
            && (text.contains('@') || text.starts_with('<') || text.ends_with([';', '>']))
        {
            // A long list of receivers goes on.
            found.address = true;
            end = place + 1;
            folded += 1;
        } else {
            break;
        }
        blank = false;
        place += 1;
    }
    if found.is_mail() {
        return Some(Heading { end, certain: true });
    }
    // All headers in one line.
    let flat = found_in_one_line(first).filter(|start| *start == 0);
    flat.map(|_| Heading { end: at + 1, certain: true })
}

/// Where in a line `From: … Sent: … Subject: …` begins, as it is when the line ends of a mail were lost.
pub fn found_in_one_line(text: &str) -> Option<usize> {
    const LOOK_AT: usize = 600;
    if text.bytes().filter(|byte| *byte == b':').count() + text.matches('：').count() < 3 {
        return None;
    }
    let words = text.split_inclusive(char::is_whitespace);
    let mut starts: Vec<(usize, &'static [Label])> = Vec::new();
    let mut at = 0;
    let mut previous = "";
    for word in words {
        let trimmed = bare(word).trim_end();
        if trimmed.ends_with([':', '：']) && trimmed.len() <= 40 {
            let one = labels(trimmed);
            let start = at + (word.len() - word.trim_start_matches(['*', '|']).len());
            if !one.is_empty() {
                starts.push((start, one));
            } else if !previous.is_empty() {
                let two = labels(&text[at - previous.len()..at + word.trim_end().len()]);
                if !two.is_empty() {
                    starts.push((at - previous.len(), two));
                }
            }
        }
        at += word.len();
        previous = word;
    }
    starts.iter().enumerate().find_map(|(index, (start, first))| {
        first.contains(&Label::From).then_some(())?;
        let mut found = Found::default();
        let near = starts[index..].iter().take_while(|(place, _)| place - start < LOOK_AT);
        near.for_each(|(_, labels)| found.add(labels, ""));
        (found.from && found.subject && (found.sent || found.other)).then_some(*start)
    })
}

/// `On … wrote:`, over up to four lines.
fn attribution(lines: &Lines, at: usize) -> Option<Heading> {
    let first = own(lines, at)?;
    let mut joined = String::new();
    for place in at..at + MOST_WRAPPED {
        let text = own(lines, place)?;
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(text);
        if joined.len() > MOST_BYTES {
            return None;
        }
        let ends = text.trim_end_matches(['-', ' ', '*']).ends_with([':', '：']) || text.ends_with("wrote");
        if ends {
            // What is broken over lines begins as such headers do.
            let opens = place == at || opens_like_one(first);
            let certain = is_attribution(bare(&joined)).filter(|_| opens)?;
            return Some(Heading { end: place + 1, certain });
        }
        // `2023/3/14 Jane <jane@example.com>`, `On 14/3/23 Jane wrote`: without a colon.
        let certain = || is_attribution(bare(text)) == Some(true);
        if place == at
            && is_dated(text)
            && opens_like_one(first)
            && certain()
            && is_quoted_next(lines, at + 1)
        {
            return Some(Heading { end: place + 1, certain: false });
        }
        if place == at && !opens_like_one(first) {
            return None;
        }
    }
    None
}

fn opens_like_one(text: &str) -> bool {
    /// No opening is longer.
    const LOOK_AT: usize = 64;
    let words = normal(bare(&text[..text.floor_char_boundary(LOOK_AT)]));
    let opens = |opening: &&&str| {
        words
            .strip_prefix(**opening)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' ') || !opening.is_ascii())
    };
    words.starts_with(|first: char| first.is_ascii_digit())
        || forms().openings.iter().any(|opening| opens(&opening))
        || text.contains(['<', '@'])
}

/// Whether a text is `On … wrote:`, and whether certainly.
fn is_attribution(text: &str) -> Option<bool> {
    let text = text.trim_end_matches([' ', '-', '*', ':', '：']);
    if text.is_empty() || text.len() > MOST_BYTES {
        return None;
    }
    let words = normal(text);
    let dated = is_dated(text);
    let addressed = text.contains('@') || text.contains("[mailto:");
    let wrote = forms().wrote.iter().any(|verb| has_word(&words, verb));
    let own = forms().own.iter().any(|word| has_word(&words, word));
    let few = words.split(' ').count() <= 6;
    match () {
        () if own && !addressed => None,
        () if wrote && (dated || addressed) => Some(true),
        () if addressed && dated => Some(true),
        () if wrote && few && !text.contains(['.', '?', '!', ',']) => Some(false),
        () => None,
    }
}

/// Whether it holds a time of day, a year, or a date in figures.
fn is_dated(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (0..bytes.len()).any(|at| {
        let time =
            digit(at) && matches!(bytes.get(at + 1), Some(b':' | b'h')) && digit(at + 2) && digit(at + 3);
        let starts = digit(at) && (at == 0 || !digit(at - 1));
        let year = starts
            && (bytes[at..].starts_with(b"19") || bytes[at..].starts_with(b"20"))
            && digit(at + 2)
            && digit(at + 3)
            && !digit(at + 4);
        let figures = starts && {
            let parts = text[at..].split(['.', '/', '-']).take(3);
            let number = |part: &str| {
                part.len() <= 2 && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
            };
            let mut parts = parts;
            let two = parts.next().is_some_and(number) && parts.next().is_some_and(number);
            two && parts
                .next()
                .is_some_and(|year| year.bytes().take(2).filter(u8::is_ascii_digit).count() == 2)
        };
        time || year || figures
    })
}

/// Where in a line `On … wrote:` begins that has text before or after it, as when the line ends of a mail were lost.
pub fn attribution_in_line(text: &str) -> Option<usize> {
    /// How far before its verb it begins.
    const REACH: usize = 200;
    text.match_indices([':', '：']).find_map(|(colon, _)| {
        let mut start = colon.saturating_sub(REACH);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let before = &text[start..colon];
        let said = before.trim_end();
        let ends_like_a_verb =
            said.bytes().next_back().is_some_and(|last| forms().ends_of_wrote.contains(&last));
        if !ends_like_a_verb || !forms().wrote.iter().any(|verb| said.ends_with(verb)) {
            return None;
        }
        // The last word before it that such headers begin with and that leaves a date or an address in it.
        let places = before.char_indices().filter(|(at, first)| {
            let fresh = *at == 0 || before[..*at].ends_with(char::is_whitespace);
            fresh && (first.is_uppercase() || !first.is_ascii())
        });
        let opens = |at: usize| {
            let rest = normal(before[at..].split_whitespace().take(2).collect::<Vec<_>>().join(" ").as_str());
            forms()
                .openings
                .iter()
                .any(|opening| rest == *opening || rest.starts_with(&format!("{opening} ")))
        };
        let starts: Vec<usize> = places.map(|(at, _)| at).filter(|at| opens(*at)).collect();
        let is_header = |at: usize| is_attribution(&before[at..]) == Some(true) && is_dated(&before[at..]);
        let mut last = starts.iter().rposition(|at| is_header(*at))?;
        // `On Tue, …`: both begin such headers.
        let one_word = |from: usize, to: usize| before[from..to].split_whitespace().count() == 1;
        while last > 0 && one_word(starts[last - 1], starts[last]) {
            last -= 1;
        }
        Some(start + starts[last])
    })
}
