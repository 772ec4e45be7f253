//! Parses JSON with limits on depth, which serde_json enforces, and on the number of values, because two bytes of text (`0,`)
//! become 32 in memory. A number with a fraction keeps one, however small.

mod numbers;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Map, Value, map::Entry};

use numbers::{Numbers, with_fraction};

/// What a text holds.
#[derive(Debug)]
pub struct Read {
    /// An error if it is no JSON, or too much.
    pub value: Result<Value, Error>,
    /// The paths to keys that come more than once in their object, as far as the text was read. The value has what came first.
    pub repeated: Vec<String>,
}

/// The most repeated keys that are named.
const MAX_REPEATED: usize = 100;

/// Parses exactly one JSON value, which may hold so many.
pub fn parse(text: &[u8], max_values: usize) -> Read {
    let mut parser = serde_json::Deserializer::from_slice(text);
    let numbers = Numbers::of(text);
    let mut rest = Rest { max_values, values_left: max_values, numbers, repeated: Vec::new() };
    let value = Counted(&mut rest).deserialize(&mut parser).and_then(|value| {
        parser.end()?;
        Ok(value)
    });
    Read { value, repeated: rest.repeated.iter().map(|steps| path(steps)).collect() }
}

/// A step from a value to one within it.
enum Step {
    Key(String),
    Item(usize),
}

/// A longer key is cut in the path.
const SHOWN_CHARACTERS: usize = 64;

/// `steps` from the innermost to the outermost.
fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps.iter().rev() {
        match step {
            Step::Item(index) => path.push_str(&format!("[{index}]")),
            Step::Key(name) => {
                let dot = if path.is_empty() { "" } else { "." };
                path.push_str(dot);
                path.extend(name.chars().take(SHOWN_CHARACTERS));
            }
        }
    }
    path
}

/// How much may still be read, and the numbers that follow.
struct Rest<'t> {
    max_values: usize,
    values_left: usize,
    numbers: Numbers<'t>,
    /// Where keys were repeated: the steps to each, from the innermost on.
    repeated: Vec<Vec<Step>>,
}

impl Rest<'_> {
    /// Adds the step to a value in which keys are repeated: those beyond the first so many.
    fn step(&mut self, known: usize, step: impl Fn() -> Step) {
        for steps in self.repeated.iter_mut().skip(known) {
            steps.push(step());
        }
    }

    fn repeat(&mut self, name: String) {
        if self.repeated.len() < MAX_REPEATED {
            self.repeated.push(vec![Step::Key(name)]);
        }
    }
}

/// Deserializes a value, counting it and everything in it.
struct Counted<'a, 't>(&'a mut Rest<'t>);

impl<'de> DeserializeSeed<'de> for Counted<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.0.values_left.checked_sub(1) {
            Some(left) => self.0.values_left = left,
            None => return Err(D::Error::custom(format!("more than {} values", self.0.max_values))),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        self.0.numbers.next();
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        self.0.numbers.next();
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        let written = self.0.numbers.next().unwrap_or_default();
        Ok(with_fraction(value, written).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        loop {
            let known = self.0.repeated.len();
            let item = items.next_element_seed(Counted(self.0));
            self.0.step(known, || Step::Item(array.len()));
            let Some(item) = item? else { break };
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let known = self.0.repeated.len();
            let value = fields.next_value_seed(Counted(self.0));
            self.0.step(known, || Step::Key(name.clone()));
            let value = value?;
            // Parsers differ in which of two values they take, so neither is what the caller surely meant.
            match object.entry(name) {
                Entry::Vacant(place) => _ = place.insert(value),
                Entry::Occupied(known) => self.0.repeat(known.key().clone()),
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interchange::json::MAX_VALUES;

    fn parse(text: &[u8]) -> Result<Value, Error> {
        super::parse(text, MAX_VALUES).value
    }

    #[test]
    fn values_are_the_same_as_with_the_plain_parser() {
        for text in [
            "null",
            " [true, false, -1, 0, 18446744073709551615, 1.5, -0.0, 1e300, \"a\\u00e9\\ud83d\\ude00\"] ",
            r#"{"a":{"b":[{}]},"c":{"a":null}}"#,
        ] {
            let plain: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text.as_bytes()).unwrap(), plain, "{text}");
        }
    }

    #[test]
    fn every_repeated_key_is_named_by_its_path() {
        for (text, paths) in [
            (r#"{"a":1,"a":1}"#, &["a"][..]),
            (r#"{"a":{"b":[{},{"c":1,"d":2,"c":null}]}}"#, &["a.b[1].c"]),
            (r#"[[{"x":{},"x":0}]]"#, &["[0][0].x"]),
            (r#"{"a":1,"\u0061":2} and more"#, &["a"]),
            (
                r#"{"a":[{"b":1,"b":2}],"c":{"d":1,"d":{"e":1,"e":2}},"a":0}"#,
                &["a[0].b", "c.d.e", "c.d", "a"],
            ),
            (r#"{"a":{"b":1},"b":[{"a":1},{"a":1}]}"#, &[]),
        ] {
            assert_eq!(super::parse(text.as_bytes(), MAX_VALUES).repeated, paths, "{text}");
        }
        assert_eq!(parse(br#"{"a":1,"a":2}"#).unwrap(), serde_json::json!({ "a": 1 }));
        let many = format!("{{{}\"a\":0}}", "\"a\":0,".repeat(1000));
        assert_eq!(super::parse(many.as_bytes(), MAX_VALUES).repeated.len(), MAX_REPEATED);
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(nested(127).as_bytes()).is_ok());
        let cause = |text: &str| match parse(text.as_bytes()) {
            Err(error) => error.to_string(),
            other => panic!("{other:?}"),
        };
        assert!(cause(&nested(1_000_000)).contains("recursion limit"));
        let zeros = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        assert!(parse(zeros(MAX_VALUES - 1).as_bytes()).is_ok());
        assert!(cause(&zeros(MAX_VALUES)).contains("more than 100000"));
    }
}
