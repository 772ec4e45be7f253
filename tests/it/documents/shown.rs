//! Whether an answer is the one that a page shows. What the server makes up differs from store to store: what a page shows of it
//! stands for what was answered, there and in all that follows.

use std::collections::BTreeMap;

use serde_json::Value;

/// What stands on a page for what the server made up.
#[derive(Default)]
pub struct Stand {
    ins: BTreeMap<String, String>,
}

impl Stand {
    /// A text of the page with what it stands for.
    pub fn resolve(&self, text: &str) -> String {
        let longest_first = self.ins.iter().rev();
        longest_first.fold(text.to_owned(), |text, (shown, actual)| text.replace(shown, actual))
    }

    /// Compares an answer with the one that is shown, which may leave out items of a list, and cut a text short by `…`.
    pub fn check(&mut self, shown: &Value, actual: &Value) -> Result<(), String> {
        self.compare("$", shown, actual)
    }

    fn compare(&mut self, path: &str, shown: &Value, actual: &Value) -> Result<(), String> {
        match (shown, actual) {
            (Value::Object(shown), Value::Object(actual)) => {
                let names = |object: &serde_json::Map<String, Value>| {
                    let mut names: Vec<String> = object.keys().cloned().collect();
                    names.sort();
                    names
                };
                if names(shown) != names(actual) {
                    return Err(format!("{path} has {:?}, not {:?}", names(actual), names(shown)));
                }
                shown.iter().try_for_each(|(name, value)| {
                    self.compare(&format!("{path}.{name}"), value, &actual[name.as_str()])
                })
            }
            (Value::Array(shown), Value::Array(actual)) => self.compare_lists(path, shown, actual),
            (Value::String(shown), Value::String(actual)) => self.compare_texts(path, shown, actual),
            (Value::Number(a), Value::Number(b))
                if is_made_up(&a.to_string()) && is_made_up(&b.to_string()) =>
            {
                self.bind(path, &a.to_string(), &b.to_string())
            }
            _ if shown == actual => Ok(()),
            _ => Err(format!("{path} is {actual}, not {shown}")),
        }
    }

    /// Each item shown is one of the rest of the actual ones.
    fn compare_lists(&mut self, path: &str, shown: &[Value], actual: &[Value]) -> Result<(), String> {
        let mut rest = actual.iter();
        for (place, item) in shown.iter().enumerate() {
            let path = format!("{path}[{place}]");
            let mut why = format!("{path} is missing");
            let is_there = rest.by_ref().any(|actual| {
                let known = self.ins.clone();
                let compared = self.compare(&path, item, actual);
                if let Err(difference) = compared {
                    (self.ins, why) = (known, difference);
                    return false;
                }
                true
            });
            if !is_there {
                return Err(why);
            }
        }
        Ok(())
    }

    fn compare_texts(&mut self, path: &str, shown: &str, actual: &str) -> Result<(), String> {
        let differs = || format!("{path} is {actual:?}, not {shown:?}");
        if is_time(shown) && is_recent(actual) {
            // When the server did something.
            return Ok(());
        }
        let (begin, is_cut) = shown.strip_suffix('…').map_or((shown, false), |begin| (begin, true));
        let (mut shown_words, mut actual_words) = (words(begin).into_iter(), words(actual).into_iter());
        loop {
            match (shown_words.next(), actual_words.next()) {
                (None, None) => return Ok(()),
                (None, Some(_)) if is_cut => return Ok(()),
                (Some(a), Some(b)) if a == b && !is_made_up(a) => {}
                (Some(a), Some(b)) if is_made_up(a) && is_made_up(b) && a.len() == b.len() => {
                    self.bind(path, a, b)?;
                }
                // The text ends within a word.
                (Some(a), Some(b))
                    if is_cut && shown_words.len() == 0 && (b.starts_with(a) || is_made_up(b)) =>
                {
                    return Ok(());
                }
                _ => return Err(differs()),
            }
        }
    }

    fn bind(&mut self, path: &str, shown: &str, actual: &str) -> Result<(), String> {
        let known = self.ins.entry(shown.to_owned()).or_insert_with(|| actual.to_owned());
        if known != actual {
            return Err(format!("{path} is {actual}, but {shown} stood for {known}"));
        }
        Ok(())
    }
}

fn is_time(text: &str) -> bool {
    let form: String =
        text.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
    form.starts_with("0000-00-00T00:00:00") && form.ends_with('Z')
}

/// Whether a text is a time of today or yesterday, to the second at least.
fn is_recent(text: &str) -> bool {
    const DAY: i64 = 24 * 3600;
    let time: Result<prost_types::Timestamp, _> = text.parse();
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    time.is_ok_and(|time| (since_1970.as_secs() as i64 - time.seconds).abs() < DAY)
}

/// A text cut into words and what is between them.
fn words(text: &str) -> Vec<&str> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '-';
    let (mut words, mut begin) = (Vec::new(), 0);
    let mut characters = text.char_indices().peekable();
    while let Some((_, character)) = characters.next() {
        let ends =
            characters.peek().is_none_or(|(_, next)| is_word(character) != is_word(*next) || !is_word(*next));
        if ends {
            let end = characters.peek().map_or(text.len(), |(end, _)| *end);
            words.push(&text[begin..end]);
            begin = end;
        }
    }
    words
}

/// Whether a word is one that the server makes up: a number of its own, a UUID, a receipt, a part of a link's signature.
fn is_made_up(word: &str) -> bool {
    let number = |word: &str| {
        word.len() == 16 && word.starts_with("50000000") && word.bytes().all(|it| it.is_ascii_digit())
    };
    let is_receipt = word.len() == 24
        && word.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
        && word.bytes().any(|it| it.is_ascii_digit());
    let is_uuid = word.len() == 36
        && word.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        // Version 8: a rating's. Others are callers'.
        && word.as_bytes().get(14) == Some(&b'8');
    let is_signed = word.split('-').count() > 1 && word.split('-').next().is_some_and(number);
    number(word) || is_receipt || is_uuid || is_signed
}

#[test]
fn what_is_made_up_stands_for_one_thing_and_the_rest_is_compared() {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut stand = Stand::default();
    let shown = json(
        r#"{"id": 5000000000000001, "name": "conversations/5000000000000001/x", "list": [1, 3], "text": "It is…"}"#,
    );
    let actual = json(
        r#"{"id": 5000000000000044, "name": "conversations/5000000000000044/x", "list": [1, 2, 3], "text": "It is so."}"#,
    );
    stand.check(&shown, &actual).unwrap();
    assert_eq!(stand.resolve("GET /5000000000000001"), "GET /5000000000000044");
    for (shown, actual) in [
        (r#"{"a": 1}"#, r#"{"a": 2}"#),
        (r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#),
        (r#"["a"]"#, r#"["b"]"#),
        (r#""It is""#, r#""It is so.""#),
        // It stood for another before.
        ("5000000000000001", "5000000000000045"),
        (r#""conversations/5000000000000001""#, r#""conversations/5000000000000045""#),
        (r#""b0323b42-c428-4afa-970e-20bf5bdeeec4""#, r#""c0323b42-c428-4afa-970e-20bf5bdeeec4""#),
    ] {
        assert!(stand.check(&json(shown), &json(actual)).is_err(), "{shown} is not {actual}");
    }
}
