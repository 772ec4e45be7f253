//! Rules that cannot be parsed: what is too deep for the parser, and what to write instead of what other languages have.

/// What to say of CEL's `has`, which tests a field: facts are no fields.
pub const HAS: &str = "has no fields to test with has(): write known(x) to ask whether the fact x is known";

/// The most of these that a rule has: the parser and the interpreter go down one stack frame or more for each.
const MAX_BRACKETS_DEEP: usize = 24;
const MAX_CHOICES: usize = 40;
const MAX_SIGNS_IN_A_ROW: usize = 8;
const MAX_OPERATORS: usize = 400;
const MAX_DOTS: usize = 100;

/// Refuses, before it is parsed, what would need too much stack. Text in quotes counts too: this only has to be cheap.
pub fn check_shape(source: &str) -> Result<(), String> {
    let (mut deep, mut deepest, mut choices, mut operators, mut signs, mut most_signs, mut dots) =
        (0usize, 0, 0, 0, 0, 0, 0);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => deep += 1,
            b')' | b']' | b'}' => deep = deep.saturating_sub(1),
            b'?' => choices += 1,
            b'.' => dots += 1,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'&' | b'|' | b'!' => operators += 1,
            _ => {}
        }
        match byte {
            b'!' | b'-' => signs += 1,
            byte if byte.is_ascii_whitespace() => {}
            _ => signs = 0,
        }
        deepest = deepest.max(deep);
        most_signs = most_signs.max(signs);
    }
    for (count, most, what) in [
        (deepest, MAX_BRACKETS_DEEP, "brackets in one another"),
        (choices, MAX_CHOICES, "choices (? :)"),
        (most_signs, MAX_SIGNS_IN_A_ROW, "signs in a row"),
        (operators, MAX_OPERATORS, "operators"),
        (dots, MAX_DOTS, "dots"),
    ] {
        if count > most {
            return Err(format!("must have at most {most} {what}, has {count}"));
        }
    }
    Ok(())
}

/// The cure where the mistake is a common one, else the first line of the parser's report: where and what.
pub fn fault(source: &str, report: &str) -> String {
    if let Some(cure) = cure(source) {
        return format!("is not a CEL expression: {cure}");
    }
    let line = report.lines().next().unwrap_or_default();
    format!("is not a CEL expression: {}", line.trim_start_matches("ERROR: "))
}

/// What other languages write, and what CEL writes. Words are compared in lower case.
const WORDS: &[(&str, &str)] = &[
    ("has", "write known(x) to ask whether the fact x is known, not has(x)"),
    ("and", "write && for \"and\""),
    ("or", "write || for \"or\""),
    ("not", "write ! for \"not\""),
    ("is", "write == to compare, not \"is\""),
    ("if", "write condition ? this : that, not \"if\""),
    ("then", "write condition ? this : that, not \"then\""),
    ("else", "write condition ? this : that, not \"else\""),
];
const SIGNS: &[(&str, &str)] = &[
    ("=", "write == to compare, not ="),
    ("===", "write == to compare, not ==="),
    ("!==", "write != to compare, not !=="),
    ("=>", "write >= to compare, not =>"),
    ("=<", "write <= to compare, not =<"),
    ("<>", "write != to compare, not <>"),
    ("&", "write && for \"and\", not &"),
    ("|", "write || for \"or\", not |"),
    ("**", "there is no power sign: multiply x * x"),
];

fn cure(source: &str) -> Option<&'static str> {
    let find = |table: &[(&str, &'static str)], token: &str| {
        table.iter().find(|(mistake, _)| mistake.eq_ignore_ascii_case(token)).map(|(_, cure)| *cure)
    };
    tokens(source).find_map(|token| find(WORDS, token).or_else(|| find(SIGNS, token)))
}

/// Runs of letters and of operator signs outside quotes.
fn tokens(source: &str) -> impl Iterator<Item = &str> {
    let unquoted = source.split(['\'', '"']).step_by(2);
    let kind = |character: char| match character {
        '=' | '<' | '>' | '!' | '&' | '|' | '*' => 1,
        character if character.is_alphanumeric() || character == '_' => 2,
        _ => 0,
    };
    unquoted.flat_map(move |part| {
        let mut rest = part;
        std::iter::from_fn(move || {
            let first = rest.chars().next()?;
            let end = rest.find(|character| kind(character) != kind(first)).unwrap_or(rest.len());
            let (token, after) = rest.split_at(end);
            rest = after;
            Some(token)
        })
    })
}
