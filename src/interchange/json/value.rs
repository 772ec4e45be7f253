//! Parses JSON with limits on depth, which serde_json enforces, and on the number of values, because two bytes of text (`0,`)
//! become 32 in memory. A number with a fraction keeps one, however small.

mod numbers;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Map, Value};

use numbers::{Numbers, with_fraction};

/// Far more than any documented request needs.
const MAX_VALUES: usize = 100_000;

/// Parses exactly one JSON value.
pub fn parse(text: &[u8]) -> Result<Value, Error> {
    let mut parser = serde_json::Deserializer::from_slice(text);
    let mut rest = Rest { values_left: MAX_VALUES, numbers: Numbers::of(text) };
    let value = Counted(&mut rest).deserialize(&mut parser)?;
    parser.end()?;
    Ok(value)
}

/// How much may still be read, and the numbers that follow.
struct Rest<'t> {
    values_left: usize,
    numbers: Numbers<'t>,
}

/// Deserializes a value, counting it and everything in it.
struct Counted<'a, 't>(&'a mut Rest<'t>);

impl<'de> DeserializeSeed<'de> for Counted<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.0.values_left.checked_sub(1) {
            Some(left) => self.0.values_left = left,
            None => return Err(D::Error::custom(format!("more than {MAX_VALUES} values"))),
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
        while let Some(item) = items.next_element_seed(Counted(self.0))? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            // The last of a repeated name wins, as in nearly every other parser.
            object.insert(name, fields.next_value_seed(Counted(self.0))?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_as_with_the_plain_parser() {
        for text in [
            "null",
            " [true, false, -1, 0, 18446744073709551615, 1.5, -0.0, 1e300, \"a\\u00e9\\ud83d\\ude00\"] ",
            r#"{"a":{"b":[{}]},"a":{"c":null}}"#,
        ] {
            let plain: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text.as_bytes()).unwrap(), plain, "{text}");
        }
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(nested(127).as_bytes()).is_ok());
        assert!(parse(nested(1_000_000).as_bytes()).unwrap_err().to_string().contains("recursion limit"));
        let zeros = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        assert!(parse(zeros(MAX_VALUES - 1).as_bytes()).is_ok());
        assert!(parse(zeros(MAX_VALUES).as_bytes()).unwrap_err().to_string().contains("more than 100000"));
    }
}
