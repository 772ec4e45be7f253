//! Taking out signatures: below `-- `, a sign-off with the sender's name, titles, numbers and addresses.

use super::{
    forms::forms,
    phrases::{is_without_spaces, normal},
    quotes::CUT,
};

/// How many lines a signature has.
const MOST_LINES: usize = 14;
/// How many sign-offs one part of a mail has.
const MOST_SIGN_OFFS: usize = 3;
/// How many lines stand between a title and a number.
const TITLE_LINES: usize = 3;
/// How many words a name has.
const NAME_WORDS: usize = 5;

/// `text` without the signatures at the end of each part, which end with the text or at a cut. A signature that is all
/// there is stays.
pub fn without_signatures(text: &str, author: Option<&str>) -> String {
    let author = author.map(normal).filter(|author| !author.is_empty());
    let mut kept = String::with_capacity(text.len());
    for (number, part) in text.split(CUT).enumerate() {
        let mut lines: Vec<&str> = part.lines().collect();
        trim_part(&mut lines, author.as_deref(), number > 0);
        for line in lines {
            kept.push_str(line);
            kept.push('\n');
        }
        kept.push('\n');
    }
    if says_something(&kept) { kept } else { text.replace(CUT, "") }
}

fn says_something(text: &str) -> bool {
    // An emoji is an answer too.
    text.chars().any(|character| !character.is_whitespace() && !character.is_ascii_punctuation())
}

/// `is_below_cut`: a quotation stood above it, so all of it may be a signature.
fn trim_part(lines: &mut Vec<&str>, author: Option<&str>, is_below_cut: bool) {
    if let Some(at) = delimiter(lines, is_below_cut) {
        lines.truncate(at);
    }
    if let Some(at) = framed(lines) {
        lines.truncate(at);
    }
    // A mail that went through two programs has two.
    for _ in 0..MOST_SIGN_OFFS {
        trim_blank(lines);
        let Some((at, end, keeps)) = sign_off(lines, author) else { break };
        // What its author wrote below the name stays.
        lines.drain(if keeps { at + 1 } else { at }..end);
    }
    if let Some(at) = contact_block(lines, author) {
        lines.truncate(at);
    } else if lines.len() > 1 && lines.last().is_some_and(|line| is_author(line, author)) {
        lines.pop();
    }
}

fn trim_blank(lines: &mut Vec<&str>) {
    // Dashes with nothing below them are of a signature that is gone.
    let nothing = |line: &&str| line.trim().is_empty() || matches!(line.trim(), "--" | "—" | "__");
    while lines.last().is_some_and(nothing) {
        lines.pop();
    }
}

/// Where `-- ` stands, or a like line with a signature below it.
fn delimiter(lines: &[&str], is_below_cut: bool) -> Option<usize> {
    let first = lines.iter().position(|line| says_something(line))?;
    let above = if is_below_cut { 0 } else { first + 1 };
    lines.iter().enumerate().skip(above).find_map(|(at, line)| {
        let below = &lines[at + 1..];
        let exact = *line == "-- ";
        let dashes = line.trim();
        let like = matches!(dashes, "--" | "—" | "––" | "---" | "__") || is_rule(dashes);
        // Two dashes without their space, or a rule: only what looks like a signature is one.
        let block = || {
            let below = without_footer(below);
            let mut filled = below.iter().filter(|line| !line.trim().is_empty()).take(MOST_LINES + 1);
            let fits = |line: &&str| is_contact(line) || is_name(line, NAME_WORDS + 2);
            let named = filled.clone().next().is_some_and(|first| is_name(first, NAME_WORDS));
            let listed = is_rule(dashes) && filled.clone().any(|line| has_address(line));
            (named || listed)
                && filled.clone().count() <= MOST_LINES
                && filled.all(|line| fits(line) || listed)
        };
        (exact || (like && block())).then_some(at)
    })
}

/// The first paragraph alone, where it tells how to reach its author and a paragraph follows that asks nothing.
fn without_footer<'a, 'l>(below: &'a [&'l str]) -> &'a [&'l str] {
    const FOOTER_LINES: usize = 6;
    let start = below.iter().position(|line| !line.trim().is_empty()).unwrap_or(0);
    let length = below[start..].iter().position(|line| line.trim().is_empty()).unwrap_or(0);
    let (first, rest) = below.split_at(start + length);
    let rest = rest.iter().filter(|line| !line.trim().is_empty());
    let is_footer =
        rest.clone().count() <= FOOTER_LINES && !rest.clone().any(|line| line.contains(['?', '？']));
    if is_footer && first.iter().any(|line| is_contact(line)) { first } else { below }
}

/// Where a signature between two rules begins that ends the part, as Japanese mails have it. The second rule may have gone
/// with the quotation below it.
fn framed(lines: &[&str]) -> Option<usize> {
    let mut end = lines.iter().rposition(|line| !line.trim().is_empty())?;
    if !is_frame(lines[end]) {
        end += 1;
    }
    let first = lines[..end].iter().rposition(|line| is_frame(line))?;
    let within = &lines[first + 1..end];
    let above = lines[..first].iter().any(|line| says_something(line));
    let tells = |line: &&str| line.contains(['。', '?', '？', '!', '！']) || ends_sentence(line);
    let fits = within.len() <= MOST_LINES && !within.iter().any(tells);
    (above && fits && within.iter().any(|line| is_contact(line))).then_some(first)
}

fn is_frame(line: &str) -> bool {
    let line = line.trim();
    let mark = line.chars().next();
    line.chars().count() >= 5
        && mark
            .is_some_and(|mark| "=-_*~+─━═＝－＊～".contains(mark) && line.chars().all(|other| other == mark))
}

/// A line of underscores or dashes, above the footer of a mailing list.
fn is_rule(line: &str) -> bool {
    line.len() >= 5 && (line.bytes().all(|byte| byte == b'_') || line.bytes().all(|byte| byte == b'-'))
}

/// The sign-off with the lines that belong to it: where it begins, where they end, and whether the sign-off itself
/// says something.
fn sign_off(lines: &[&str], author: Option<&str>) -> Option<(usize, usize, bool)> {
    let first = lines.len().saturating_sub(2 * MOST_LINES);
    (first..lines.len()).rev().find_map(|at| {
        let keeps = sign_off_line(lines[at])?;
        let end = block_end(lines, at + 1, author);
        let above = lines[..at].iter().any(|line| says_something(line));
        // A word of thanks opens a mail too: only a name that ends it, or stands above a postscript, goes.
        let named = || {
            lines[at + 1..end].iter().find(|line| !line.trim().is_empty()).is_some_and(|line| {
                is_author(line, author)
                    || is_lone_name(line)
                    || (is_name(line, NAME_WORDS) && !has_digit(line))
            })
        };
        let next = lines[end..].iter().find(|line| !line.trim().is_empty());
        let ends = next.is_none_or(|line| is_postscript(line));
        let fits = if keeps { named() && ends } else { above };
        fits.then_some((at, end, keeps))
    })
}

/// Whether the line is a sign-off, and whether it says something.
fn sign_off_line(line: &str) -> Option<bool> {
    const LONGEST: usize = 90;
    /// Of a word that begins other names too.
    const SHORT: usize = 5;
    let line = line.trim().trim_start_matches(['-', '—', '–', '*', ' ']);
    if line.is_empty() || line.len() > LONGEST || line.contains(['?', '？']) {
        return None;
    }
    if let Some((one, other)) = line.split_once(" / ") {
        // In two languages.
        return sign_off_line(one).and(sign_off_line(other));
    }
    let words = normal(line);
    let is = |sign_off: &&&str| words == **sign_off;
    if forms().thanks.iter().any(|thanks| is(&thanks)) {
        return Some(true);
    }
    // `Best regards, Jane Doe`, `Kind regards from Leeds`: the rest is a name.
    let begins = |sign_off: &&str| {
        let rest = words.strip_prefix(*sign_off);
        // "Best Buy" is none.
        let told = sign_off.len() > SHORT || line.contains([',', '-', '–']);
        let named = |rest: &str| told && rest.starts_with(' ') && rest_is_name(line, rest);
        rest.is_some_and(|rest| rest.is_empty() || named(rest))
    };
    forms().sign_offs.iter().any(begins).then_some(false)
}

/// Whether the last words of a line, `rest` in their normal form, are a name.
fn rest_is_name(line: &str, rest: &str) -> bool {
    let count = rest.split(' ').filter(|word| !word.is_empty()).count();
    let words: Vec<&str> = line.split_whitespace().collect();
    let from = words.len().saturating_sub(count);
    is_name(&words[from..].join(" "), NAME_WORDS)
}

/// Where the lines end that belong to a sign-off: names, titles, numbers, addresses.
fn block_end(lines: &[&str], start: usize, author: Option<&str>) -> usize {
    let (mut end, mut at, mut taken) = (start, start, 0);
    while at < lines.len() && taken < MOST_LINES {
        let line = lines[at].trim();
        let last = lines[at + 1..].iter().all(|line| line.trim().is_empty());
        if !line.is_empty() {
            let lone = taken == 0 && last && is_lone_name(line);
            let words = if taken == 0 { NAME_WORDS } else { NAME_WORDS + 3 };
            let is_short = |line: &str| line.split(' ').count() <= NAME_WORDS && begins_large(line);
            let above_contact = || {
                let mut below =
                    lines[at + 1..].iter().map(|line| line.trim()).filter(|line| !line.is_empty());
                // A firm may stand between.
                let next = below.by_ref().take(TITLE_LINES).find(|line| is_contact(line) || !is_short(line));
                next.is_some_and(is_contact)
            };
            // `Responsable de compras`, between a name and a number.
            let title = taken > 0 && is_short(line) && above_contact();
            if !(is_author(line, author) || is_name(line, words) || is_contact(line) || lone || title) {
                break;
            }
            taken += 1;
            end = at + 1;
        }
        at += 1;
    }
    end
}

fn has_digit(line: &str) -> bool {
    line.contains(|character: char| character.is_ascii_digit())
}

fn is_postscript(line: &str) -> bool {
    let words = normal(line);
    ["p s", "ps", "p p s", "pps", "nb", "追伸"].iter().any(|begin| words.starts_with(begin))
}

fn begins_large(line: &str) -> bool {
    line.chars().next().is_some_and(char::is_uppercase) && !line.ends_with(['!', '?']) && !ends_sentence(line)
}

/// With a full stop, not with that of `Jane D.`, `ACME Inc.`, `Sp. z o.o.`
fn ends_sentence(line: &str) -> bool {
    let last = line.rsplit(' ').next().unwrap_or_default();
    line.ends_with('.') && last.len() > 5 && last.bytes().filter(|byte| *byte == b'.').count() == 1
}

fn is_author(line: &str, author: Option<&str>) -> bool {
    let words = normal(line);
    let first = |author: &str| {
        author.split(' ').next().is_some_and(|first| first.chars().count() > 1 && words == first)
    };
    author.is_some_and(|author| !words.is_empty() && (words == author || first(author)))
}

/// `jane`, in small letters, as the last line.
fn is_lone_name(line: &str) -> bool {
    let letters = line.trim_matches(['-', '.', '~', ' ', '!', ',']);
    (3..=20).contains(&letters.chars().count()) && letters.chars().all(char::is_alphabetic)
}

/// A name, a title or a firm: every word but the small ones begins with a capital letter, and nothing ends a sentence.
fn is_name(line: &str, most_words: usize) -> bool {
    const SMALL: [&str; 30] = [
        "of", "and", "the", "at", "for", "von", "vom", "der", "den", "und", "für", "zu", "im", "de", "del",
        "della", "di", "da", "do", "dos", "du", "la", "le", "et", "y", "e", "van", "het", "en", "i",
    ];
    let line =
        line.trim().trim_start_matches(['-', '—', '–', '*', '~', ' ']).trim_end_matches(['*', ',', ' ']);
    // German firms sign on behalf of somebody.
    let line = ["i.A.", "i. A.", "i.V.", "i. V.", "ppa."]
        .iter()
        .find_map(|on_behalf| line.strip_prefix(on_behalf))
        .map_or(line, str::trim_start);
    if line.is_empty() || line.len() > 100 || line.ends_with(['!', '?', '。', '！', '？', ':', '：']) {
        return false;
    }
    if line.chars().any(is_without_spaces) {
        return line.chars().count() <= 16
            && !line.contains(['、', '，', '。', '了', '吗', 'ま', 'で', 'す']);
    }
    let words: Vec<&str> =
        line.split([' ', '\t', '/', '|', '·', '•']).filter(|word| !word.is_empty()).collect();
    let capital = |word: &&str| {
        let first = word.trim_start_matches(['(', '"', '&', '.', '\'']).chars().next();
        first.is_none_or(|first| first.is_uppercase() || !first.is_alphabetic()) || SMALL.contains(word)
    };
    let named = line.chars().next().is_some_and(|first| first.is_uppercase());
    let digits = line.bytes().filter(u8::is_ascii_digit).count();
    named && !ends_sentence(line) && digits <= 4 && words.len() <= most_words && words.iter().all(capital)
}

/// A line of numbers and addresses: phone, site, street.
fn is_contact(line: &str) -> bool {
    let line = line.trim();
    if line.is_empty() || line.len() > 200 || line.ends_with(['?', '!']) {
        return false;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let digits = line.bytes().filter(u8::is_ascii_digit).count();
    let letters = line.chars().filter(|character| character.is_alphabetic()).count();
    // `Phone: …`, `T +49 …`
    let label = normal(line.split([':', '.', '+', '：']).next().unwrap_or_default());
    let labelled =
        forms().contacts.iter().any(|contact| label == *contact || label.starts_with(&format!("{contact} ")));
    let number = digits >= 6 && letters <= digits;
    // Two numbers on a line have many parts.
    let few = words.len() <= if number { 24 } else { 12 };
    let street = digits >= 1 && words.len() <= 9 && is_name_like_street(&words);
    let parts = line.matches(['|', '·', '•']).count() >= 1
        && words.len() <= 20
        && words.iter().filter(|word| word.starts_with(char::is_lowercase)).count() <= 3;
    few && (has_address(line) && words.len() <= 6 || labelled || number || street) || parts
}

fn has_address(line: &str) -> bool {
    line.split_whitespace().any(|word| {
        let word = word.trim_matches(|character: char| !character.is_alphanumeric());
        (word.contains('@') || word.starts_with("http") || word.starts_with("www.")) && word.contains('.')
    })
}

/// `12 High Street, Leeds LS1 4AB`: capitals and figures only.
fn is_name_like_street(words: &[&str]) -> bool {
    let fits = |word: &&str| {
        let mut characters = word.chars().filter(|character| character.is_alphanumeric());
        characters.next().is_none_or(|first| first.is_uppercase() || first.is_numeric())
    };
    words.len() >= 2
        && words.iter().all(fits)
        && words.iter().any(|word| word.chars().any(char::is_alphabetic))
}

/// A name above numbers and addresses, without a sign-off, below a blank line.
fn contact_block(lines: &[&str], author: Option<&str>) -> Option<usize> {
    let paragraphs =
        || lines.iter().enumerate().rev().filter(|(_, line)| line.trim().is_empty()).map(|(at, _)| at);
    let last = paragraphs().next()?;
    // The numbers may stand apart from the name.
    let apart = lines[last + 1..].iter().all(|line| is_contact(line));
    let blank = if apart { paragraphs().nth(1)? } else { last };
    let block: Vec<&str> =
        lines[blank + 1..].iter().copied().filter(|line| !line.trim().is_empty()).collect();
    let above = lines[..blank].iter().rev().find(|line| !line.trim().is_empty())?.trim();
    let named = block.first().is_some_and(|line| is_author(line, author) || is_name(line, NAME_WORDS));
    let rest = block.get(1..).unwrap_or_default();
    // A street alone is an address that somebody was asked for, and so is what follows "send it to".
    let reachable =
        rest.iter().any(|line| has_address(line) || line.bytes().filter(u8::is_ascii_digit).count() >= 6);
    let fits = rest.iter().all(|line| is_contact(line) || is_name(line, NAME_WORDS + 3));
    let ended = above.ends_with(['.', '!', '?', '…', ')', '。', '！', '？']);
    (named && fits && reachable && ended && block.len() <= MOST_LINES).then_some(blank)
}
