//! What is said of a key or a word that nobody knows, and how it is named.

use serde_json::Value;

use super::{described, shown, unlike};
use crate::domain::{Violation, rules::likely};

/// A longer key is shown as a text that is cut off.
const MAX_PLAIN_BYTES: usize = 64;

/// The path of a key in the object at `path`; a key that is no word is quoted.
pub fn step(path: &str, key: &str) -> String {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-$@".contains(&byte);
    let is_plain = !key.is_empty() && key.len() <= MAX_PLAIN_BYTES && key.bytes().all(is_word);
    let key = if is_plain { key.to_owned() } else { shown(key) };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// A key that nobody knows.
#[derive(Clone, Debug)]
pub struct UnknownKey {
    field: String,
    key: String,
    holds: String,
    meant: Option<String>,
    known: String,
}

impl UnknownKey {
    /// Of the object at `path`, whose keys are `known`.
    pub fn new(path: &str, key: &str, value: &Value, known: &[&str]) -> Self {
        Self {
            field: step(path, key),
            key: key.to_owned(),
            holds: described(value),
            meant: likely(key, known).map(str::to_owned),
            known: known.join(", "),
        }
    }

    /// What it holds, and which key was meant: one that is like it, else one of the same name in another place, if there is one.
    pub fn told(self, elsewhere: impl FnOnce(&str) -> Option<String>) -> Violation {
        let Self { field, key, holds, meant, known } = self;
        let step = match (meant, elsewhere) {
            (Some(meant), _) => format!("did you mean {meant}?"),
            (None, elsewhere) => match elsewhere(&key) {
                Some(place) => format!("known here: {known}; plaudit export has it in {place}"),
                None => format!("known here: {known}"),
            },
        };
        Violation { field, message: format!("is an unknown key, with {holds}; {step}") }
    }
}

/// What is wrong with a word: which there are, and which was probably meant.
pub fn unknown_word(value: &Value, known: &[&str]) -> String {
    let rule = unlike(&format!("one of {}", known.join(", ")), value);
    match value.as_str().and_then(|word| likely(word, known)) {
        Some(meant) => format!("{rule}; did you mean {meant}?"),
        None => rule,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_one_line_whatever_the_key() {
        assert_eq!(step("", "tags"), "tags");
        assert_eq!(step("messages[0]", "raw_data"), "messages[0].raw_data");
        assert_eq!(step("a", "two\nlines"), r#"a."two\nlines""#);
        assert_eq!(step("a", ""), r#"a."""#);
        assert!(step("", &"k".repeat(1000)).len() < 100);
    }

    #[test]
    fn what_is_near_is_suggested_and_else_all_is_listed() {
        let known = ["subject", "source", "ticket_id"];
        let told = |key, value| {
            let elsewhere = |key: &str| (key == "tags").then(|| "conversation.tags".to_owned());
            let Violation { field, message } = UnknownKey::new("at", key, &value, &known).told(elsewhere);
            format!("{field} {message}")
        };
        assert_eq!(
            told("subjekt", json!("x")),
            "at.subjekt is an unknown key, with the string \"x\"; did you mean subject?"
        );
        assert_eq!(
            told("csat", json!(5)),
            "at.csat is an unknown key, with the number 5; known here: subject, source, ticket_id"
        );
        assert!(told("tags", json!([])).ends_with("ticket_id; plaudit export has it in conversation.tags"));
        let known = ["MESSAGE_KIND_MESSAGE", "MESSAGE_KIND_COMMENT"];
        assert_eq!(
            unknown_word(&json!("message"), &known),
            "must be one of MESSAGE_KIND_MESSAGE, MESSAGE_KIND_COMMENT, is the string \"message\"; did you mean \
             MESSAGE_KIND_MESSAGE?"
        );
        assert!(!unknown_word(&json!("letter"), &known).contains("mean"));
        assert!(!unknown_word(&json!(7), &known).contains("mean"));
    }
}
