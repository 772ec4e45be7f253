//! Parts of a body that are kept as sent: numbers are not rounded and fields not reordered.

use std::{collections::HashMap, fmt};

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The text of fields, by name.
#[derive(Debug, Default)]
pub struct Kept(HashMap<&'static str, String>);

impl Kept {
    /// Extracts the named fields from `body`, which must be a JSON object.
    pub(super) fn of(body: &[u8], names: Vec<&'static str>) -> Self {
        if names.is_empty() {
            return Self::default();
        }
        let mut parser = serde_json::Deserializer::from_slice(body);
        parser.deserialize_map(Fields(&names)).unwrap_or_default()
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }
}

struct Fields<'a>(&'a [&'static str]);

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Kept;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Kept, A::Error> {
        let mut kept = HashMap::new();
        while let Some(name) = fields.next_key::<String>()? {
            match self.0.iter().find(|wanted| **wanted == name) {
                Some(wanted) => _ = kept.insert(*wanted, compact(fields.next_value::<&RawValue>()?.get())),
                None => _ = fields.next_value::<IgnoredAny>()?,
            }
        }
        Ok(Kept(kept))
    }
}

/// Removes white space between tokens, so that the same value in another layout is stored as the same text.
fn compact(json: &str) -> String {
    let (mut in_string, mut is_escaped) = (false, false);
    let mut is_kept = |character: char| {
        if in_string {
            in_string = is_escaped || character != '"';
            is_escaped = !is_escaped && character == '\\';
            return true;
        }
        in_string = character == '"';
        !matches!(character, ' ' | '\t' | '\n' | '\r')
    };
    json.chars().filter(|character| is_kept(*character)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(body: &str) -> Option<String> {
        Kept::of(body.as_bytes(), vec!["kept"]).take("kept")
    }

    #[test]
    fn numbers_and_the_order_of_fields_stay_as_they_were_sent() {
        let text = r#"{"z":1,"a":12345678901234567890123,"f":1.10,"n":{"y":1,"b":2},"e":1E5,"a":"\u0041\/"}"#;
        assert_eq!(kept(&format!(r#"{{"other":[{{}}],"kept":{text},"more":1}}"#)).as_deref(), Some(text));
    }

    #[test]
    fn white_space_is_removed_between_tokens_and_kept_in_strings() {
        let body = "{\"kept\" : { \"a b\" :\t[ 1 ,\r\n2 ] , \"c\" : \" \\\" \\\\\" , \"d\" : \" \" } }";
        assert_eq!(kept(body).as_deref(), Some(r#"{"a b":[1,2],"c":" \" \\","d":" "}"#));
    }

    #[test]
    fn the_last_of_a_repeated_name_wins_however_it_is_written() {
        assert_eq!(kept(r#"{"kept":{"a":1},"k\u0065pt":{"a":2}}"#).as_deref(), Some(r#"{"a":2}"#));
        assert_eq!(kept("{}"), None);
    }

    proptest! {
        #[test]
        fn kept_text_is_the_original_without_its_layout(texts in prop::collection::vec(".*", 0..4), number in any::<f64>()) {
            let value = serde_json::json!({ "kept": { "texts": texts, "number": number } });
            let text = kept(&serde_json::to_string_pretty(&value).unwrap()).unwrap();
            prop_assert_eq!(text, value["kept"].to_string());
        }
    }
}
