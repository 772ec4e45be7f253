//! Whether somebody shouts, where it is certain.

/// Fewer capital words in a row are a name or an abbreviation.
const IN_A_ROW: usize = 3;
/// Fewer of them in all are no shouting.
const MOST_QUIET: usize = 3;

/// Whether a text, as `written::of` gives it, shouts for certain: at least four words in capitals, one after the other
/// without a comma or a slash between them, that are most of its words. Codes, lists of abbreviations, hosts and words
/// within quotation marks are no shouting.
pub fn shouts(text: &str) -> bool {
    let (mut loud, mut cased, mut row, mut long) = (0, 0, 0, 0);
    let mut quote: Option<char> = None;
    let close = |row: &mut usize, loud: &mut usize| {
        if *row >= IN_A_ROW {
            *loud += *row;
        }
        *row = 0;
    };
    for word in text.split_whitespace() {
        if quote.is_none() {
            quote = opens_quote(word);
        }
        if let Some(end) = quote {
            if word.chars().skip(1).any(|character| character == end) {
                quote = None;
            }
            close(&mut row, &mut loud);
            continue;
        }
        let core = word.trim_matches(|character: char| !character.is_alphanumeric());
        let letters =
            core.chars().all(|character| character.is_alphabetic() || matches!(character, '\'' | '’'));
        let has_case =
            core.chars().filter(|character| character.is_uppercase() || character.is_lowercase()).count();
        if !letters || has_case == 0 {
            close(&mut row, &mut loud);
            continue;
        }
        let capitals = !core.chars().any(char::is_lowercase);
        // `I` and `A` go along with their row.
        cased += usize::from(has_case >= 2);
        if capitals && (has_case >= 2 || row > 0 || has_case == core.chars().count()) {
            row += 1;
            long += usize::from(has_case >= 4);
        } else {
            close(&mut row, &mut loud);
        }
        if word.ends_with([',', ';', '/', '|', ':']) {
            close(&mut row, &mut loud);
        }
    }
    close(&mut row, &mut loud);
    loud > MOST_QUIET && long >= 2 && loud * 10 >= cased * 6
}

fn opens_quote(word: &str) -> Option<char> {
    match word.chars().next()? {
        '"' => Some('"'),
        '“' => Some('”'),
        '„' => Some('“'),
        '«' => Some('»'),
        '»' => Some('«'),
        '「' => Some('」'),
        _ => None,
    }
}

/// Whether all that was said in a conversation is in capitals, by whoever: then its medium writes so, and nobody shouts. A few
/// messages do not tell: two people may shout at each other.
pub fn of_medium<'t>(texts: impl Iterator<Item = &'t str>) -> bool {
    const TELLING: usize = 4;
    let (mut capital, mut small, mut count) = (0usize, 0usize, 0);
    for text in texts {
        count += usize::from(!text.is_empty());
        if text.is_ascii() {
            capital += text.bytes().filter(u8::is_ascii_uppercase).count();
            small += text.bytes().filter(u8::is_ascii_lowercase).count();
        } else {
            capital += text.chars().filter(|character| character.is_uppercase()).count();
            small += text.chars().filter(|character| character.is_lowercase()).count();
        }
    }
    count >= TELLING && capital > 0 && small * 50 <= capital
}
