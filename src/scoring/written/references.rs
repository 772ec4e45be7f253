//! Links, addresses, codes and file names: one character each, so that nobody takes them for words.

use super::contains_any;

/// Stands for a link, a host or an e-mail address.
pub const LINK: char = '\u{e000}';
/// Stands for a code, an account number or a file name.
pub const CODE: char = '\u{e001}';

/// `text` with each reference replaced, without placeholders of images, and without superfluous blank lines.
pub fn replace(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut blank = true;
    for line in text.lines() {
        let line = line.trim_end();
        if line.trim_start().is_empty() {
            if !blank {
                replaced.push('\n');
            }
            blank = true;
            continue;
        }
        let before = replaced.len();
        line_into(line, &mut replaced);
        if replaced.len() > before {
            replaced.push('\n');
            blank = false;
        }
    }
    replaced.truncate(replaced.trim_end().len());
    replaced
}

/// Whether a text can hold anything to replace: figures, dots within words, `@`, brackets.
pub fn may_have_any(text: &str) -> bool {
    let bytes = text.as_bytes();
    let pair = |pair: &[u8]| match pair {
        [b'.' | b':' | b'/', next] => next.is_ascii_alphanumeric() || *next == b'/',
        [b'\n', b'\n'] => true,
        _ => false,
    };
    bytes.iter().any(|byte| byte.is_ascii_digit() || matches!(byte, b'@' | b'[' | b'<' | b'\r' | b'#'))
        || bytes.windows(2).any(pair)
        || contains_any(text, "", &['\u{e000}', '\u{e001}', '\u{e002}'])
        || text.trim().len() != text.len()
}

fn line_into(line: &str, replaced: &mut String) {
    let mut iban = 0;
    let start = replaced.len();
    let mut rest = line;
    while !rest.is_empty() {
        if let Some(length) = image(rest) {
            rest = &rest[length..];
            continue;
        }
        let space = rest.chars().next().is_some_and(char::is_whitespace);
        let split = |character: char| {
            character.is_whitespace() != space || (!space && matches!(character, '<' | '['))
        };
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let end = rest[first..].find(split).map_or(rest.len(), |at| first + at);
        let (word, after) = rest.split_at(end);
        rest = after;
        if space {
            let begins = replaced.len() == start;
            if !(begins || iban > 0) {
                replaced.push(' ');
            }
            continue;
        }
        // The groups of an IBAN after its first.
        if iban > 0 && is_group(word) {
            iban -= 1;
            continue;
        }
        if iban > 0 {
            iban = 0;
            replaced.push(' ');
        }
        if is_iban_start(word) {
            iban = 8;
            replaced.push(CODE);
            continue;
        }
        word_into(word, replaced);
    }
    replaced.truncate(start + replaced[start..].trim_end().len());
}

/// `DE89`, with its other groups after it.
fn is_iban_start(word: &str) -> bool {
    let bytes = word.as_bytes();
    matches!(bytes, [a, b, c, d] if a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_digit() && d.is_ascii_digit())
}

fn is_group(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ',', ';', ')']);
    (1..=4).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && (word.bytes().any(|byte| byte.is_ascii_digit()) || word.len() == 4)
}

/// `[image: logo]`, `[cid:…]`, `<image001.png>`: how long it is.
fn image(text: &str) -> Option<usize> {
    const LONGEST: usize = 300;
    let close = match text.as_bytes().first()? {
        b'[' => b']',
        b'<' => b'>',
        _ => return None,
    };
    let end = text.bytes().take(LONGEST).position(|byte| byte == close)?;
    let inner = text[1..end].to_lowercase();
    let begins = [
        "image:",
        "cid:",
        "inline image",
        "bild:",
        "imagen:",
        "immagine:",
        "imagem:",
        "afbeelding:",
        "obraz:",
        "image ",
        "图像",
        "图片",
        "画像",
    ];
    let named = begins.iter().any(|begin| inner.starts_with(begin)) && close == b']';
    let file = close == b'>' && inner.starts_with("image") && is_file(&inner);
    (named || file).then_some(end + 1)
}

/// Most words: letters alone, with what ends a sentence behind them.
fn is_plain_word(word: &str) -> bool {
    let core = word.trim_end_matches(['.', ',', '!', '?', ';']);
    core.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'\'' | b'-'))
}

fn word_into(word: &str, replaced: &mut String) {
    if is_plain_word(word) {
        replaced.push_str(word);
        return;
    }
    let open = word.len() - word.trim_start_matches(['(', '<', '[', '"', '\'', '“', '„', '«', '*']).len();
    let inner = &word[open..];
    let close = |character: char| {
        matches!(
            character,
            ')' | '>'
                | ']'
                | '"'
                | '\''
                | '”'
                | '“'
                | '»'
                | '*'
                | ','
                | '.'
                | ';'
                | ':'
                | '!'
                | '?'
                | '…'
                | '。'
                | '，'
                | '、'
        )
    };
    let core = inner.trim_end_matches(close);
    let (before, after) = (&word[..open], &inner[core.len()..]);
    let place = if core.is_empty() {
        None
    } else if is_link(core) {
        Some(LINK)
    } else if is_file(core) || is_code(core) {
        Some(CODE)
    } else {
        link_within(core).map(|_| LINK)
    };
    match place {
        Some(place) => {
            replaced.push_str(before);
            if let Some(at) = link_within(core).filter(|at| *at > 0) {
                push_words(&core[..at], replaced);
            }
            replaced.push(place);
            replaced.push_str(after);
        }
        None => push_words(word, replaced),
    }
}

/// Without the characters that stand for references.
fn push_words(text: &str, replaced: &mut String) {
    replaced.extend(text.chars().filter(|character| !('\u{e000}'..='\u{e002}').contains(character)));
}

/// Where a link begins in a word that does not begin with it, as after a bracket or an ideograph.
fn link_within(word: &str) -> Option<usize> {
    const SHORTEST: usize = "www.".len() + 1;
    let schemes = ["http://", "https://", "www."];
    schemes.iter().filter(|_| word.len() >= SHORTEST).filter_map(|scheme| word.find(scheme)).min()
}

fn is_link(word: &str) -> bool {
    if let Some((scheme, rest)) = word.split_once("://") {
        return !rest.is_empty()
            && (2..=12).contains(&scheme.len())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    }
    let word = word.strip_prefix("mailto:").or_else(|| word.strip_prefix("tel:")).unwrap_or(word);
    if let Some((local, host)) = word.split_once('@') {
        return !local.is_empty() && host.contains('.') && !host.starts_with('.');
    }
    is_host(word)
}

/// `www.example.com`, `example.com/path`.
fn is_host(word: &str) -> bool {
    /// Those that are no word after a full stop without a space.
    const ENDINGS: [&str; 26] = [
        "com", "org", "net", "de", "fr", "nl", "pl", "pt", "br", "tr", "jp", "cn", "uk", "eu", "ch", "io",
        "co", "info", "biz", "dev", "app", "shop", "tw", "hk", "ru", "edu",
    ];
    let (host, path) = word.split_once('/').map_or((word, false), |(host, _)| (host, true));
    let host = host.split(':').next().unwrap_or(host);
    let Some((name, ending)) = host.rsplit_once('.') else { return false };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let fine = name.len() >= 2 && host.bytes().all(fits) && !name.ends_with('.') && ending.len() >= 2;
    let letters = ending.bytes().all(|byte| byte.is_ascii_alphabetic());
    fine && letters
        && (host.starts_with("www.") || path || ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

fn is_file(word: &str) -> bool {
    const ENDINGS: [&str; 42] = [
        "pdf", "png", "jpg", "jpeg", "gif", "webp", "heic", "svg", "bmp", "tif", "tiff", "doc", "docx",
        "odt", "rtf", "xls", "xlsx", "ods", "csv", "ppt", "pptx", "txt", "log", "xml", "json", "yaml", "zip",
        "rar", "7z", "gz", "tar", "mp3", "mp4", "mov", "avi", "wav", "eml", "msg", "ics", "exe", "dmg",
        "apk",
    ];
    word.rsplit_once('.').is_some_and(|(name, ending)| {
        !name.is_empty() && !ending.is_empty() && ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
    })
}

/// `ORD-12345`, `#88213`, `HX83KQ`, `DE89370400440532013000`, a UUID: letters and figures that no language has as a word.
fn is_code(word: &str) -> bool {
    let word = word.trim_start_matches('#');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/' | b'.' | b':');
    if word.len() < 4 || !word.bytes().all(fits) {
        return false;
    }
    let count = |is: fn(&u8) -> bool| word.bytes().filter(is).count();
    let (digits, small) = (count(u8::is_ascii_digit), count(u8::is_ascii_lowercase));
    let capital = count(u8::is_ascii_uppercase);
    let joined = word.bytes().any(|byte| matches!(byte, b'-' | b'_' | b'/'));
    match () {
        () if digits == 0 || digits + small + capital == 0 => false,
        // A number, a date, a time.
        () if small + capital == 0 => false,
        () if small == 0 => digits >= 2 && (word.len() >= 5 || joined || capital >= 2),
        // Hexadecimal numbers and mixed codes.
        () => digits >= 3 && (word.len() >= 8 || joined) && (capital > 0 || joined || digits >= 4),
    }
}
