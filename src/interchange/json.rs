//! Reads a JSON object field by field and collects all that is wrong with it, by path: `messages[0].author.type`.
//!
//! It knows types and no rule of a document. Absent and `null` are the same; fields that nobody asks for are ignored; of a key
//! that comes twice the last one counts.

mod kept;
mod value;

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

pub use crate::domain::rules::shown;
use crate::domain::{UnixMillis, Violations, Words};

pub use kept::Kept;

use super::times;

/// The path of the body itself.
pub const ROOT: &str = "$";
/// Beyond ±2^53 a JSON number is not the same in every language.
const MAX_INTEGER: i64 = 1 << 53;
/// What is wrong with a body so far.
#[derive(Debug, Default)]
pub struct Findings {
    violations: Violations,
    /// The paths of what is absent or of another type, so that nothing below them was read.
    unread: Vec<String>,
}

impl Findings {
    fn add_unread(&mut self, path: String, message: impl Into<String>) {
        if !self.is_unread(&path) {
            self.violations.add(path.as_str(), message);
            self.unread.push(path);
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.violations.iter().count()
    }

    fn is_unread(&self, field: &str) -> bool {
        let mut below = self.unread.iter().filter_map(|path| field.strip_prefix(path.as_str()));
        below.any(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }

    /// What was checked, unless it or the reading before was wrong: then all of it, but for what the check says of places
    /// that were not read. Of an author that is a number it says nothing that it has no type.
    pub fn collect<T>(mut self, checked: Result<T, Violations>) -> Result<T, Violations> {
        match checked {
            Ok(value) => self.violations.or(value),
            Err(more) => {
                let mut violations = std::mem::take(&mut self.violations);
                violations.add_all(more, |field| !self.is_unread(field));
                Err(violations)
            }
        }
    }
}

/// An object at its path. A field is taken out when it is read, so that long texts are not copied.
#[derive(Debug)]
pub struct Object {
    /// Empty for the body itself.
    path: String,
    fields: Map<String, Value>,
}

/// The body as an object.
pub fn parse(body: &[u8]) -> Result<Object, Violations> {
    if body.is_empty() {
        return Err(Violations::one(ROOT, "is empty, must be a JSON object"));
    }
    match value::parse(body) {
        Ok(Value::Object(fields)) => Ok(Object { path: String::new(), fields }),
        Ok(other) => Err(Violations::one(ROOT, unlike("an object", &other))),
        Err(error) => Err(Violations::one(ROOT, format!("cannot be read as JSON: {error}"))),
    }
}

impl Object {
    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Takes a field; `null` is absent.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// Takes a field as what `read` makes of it. A value that it gives back is a violation: it is not `expected`.
    pub fn take_as<T>(
        &mut self,
        name: &str,
        expected: &str,
        findings: &mut Findings,
        read: impl FnOnce(Value) -> Result<T, Value>,
    ) -> Option<T> {
        match read(self.take(name)?) {
            Ok(value) => Some(value),
            Err(other) => {
                findings.add_unread(self.path_of(name), unlike(expected, &other));
                None
            }
        }
    }

    /// Notes that a field is required and absent. For fields whose absence no rule of the domain would name.
    pub fn require(&self, name: &str, findings: &mut Findings) {
        if self.fields.get(name).is_none_or(Value::is_null) {
            findings.add_unread(self.path_of(name), "is required");
        }
    }

    pub fn string(&mut self, name: &str, findings: &mut Findings) -> Option<String> {
        self.take_as(name, "a string", findings, |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        })
    }

    /// A string that says nothing when it is empty: then it is absent.
    pub fn text(&mut self, name: &str, findings: &mut Findings) -> Option<String> {
        self.string(name, findings).filter(|text| !text.is_empty())
    }

    /// A whole number from -2^53 to 2^53, also where it is written `1700000000000.0` or `1.7e12`: JSON has one kind of
    /// number, and some senders write all of them so. Nothing is rounded: a fraction makes it none, however small.
    pub fn integer(&mut self, name: &str, findings: &mut Findings) -> Option<i64> {
        self.take_as(name, "an integer from -2^53 to 2^53", findings, |value| {
            whole_number(&value).ok_or(value)
        })
    }

    /// A moment as milliseconds since 1970, written as any whole number; all of its rule is told at once.
    pub fn millis(&mut self, name: &str, findings: &mut Findings) -> Option<UnixMillis> {
        let (first, last) = (UnixMillis::MIN.0, UnixMillis::MAX.0);
        let expected =
            format!("an integer from {first} to {last} (milliseconds since 1970-01-01, to the end of 9999)");
        self.take_as(name, &expected, findings, |value| {
            whole_number(&value).and_then(|millis| UnixMillis::checked(millis).ok()).ok_or(value)
        })
    }

    /// A moment as ISO 8601 writes it.
    pub fn time(&mut self, name: &str, findings: &mut Findings) -> Option<UnixMillis> {
        self.time_as(name, times::FORM, findings, times::parse)
    }

    /// A moment of which `read` makes milliseconds.
    pub fn time_as(
        &mut self,
        name: &str,
        expected: &str,
        findings: &mut Findings,
        read: impl FnOnce(&str) -> Option<i64>,
    ) -> Option<UnixMillis> {
        let path = self.path_of(name);
        let millis =
            self.take_as(name, expected, findings, |value| value.as_str().and_then(read).ok_or(value))?;
        findings.violations.check(path, UnixMillis::checked(millis))
    }

    /// One of the `choices`, exactly as written.
    pub fn choice<T: Copy>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
        findings: &mut Findings,
    ) -> Option<T> {
        let expected: Vec<_> = choices.iter().map(|(text, _)| format!("{text:?}")).collect();
        self.take_as(name, &expected.join(" or "), findings, |value| {
            let chosen = choices.iter().find(|(text, _)| value.as_str() == Some(*text));
            chosen.map(|(_, choice)| *choice).ok_or(value)
        })
    }

    /// One of an enum's words.
    pub fn word<T: Words>(&mut self, name: &str, findings: &mut Findings) -> Option<T> {
        let choices: Vec<_> = T::WORDS.iter().map(|(value, _, word)| (*word, *value)).collect();
        self.choice(name, &choices, findings)
    }

    pub fn boolean(&mut self, name: &str, findings: &mut Findings) -> Option<bool> {
        self.take_as(name, "true or false", findings, |value| value.as_bool().ok_or(value))
    }

    /// The items of an array, each as what `read` makes of it. An item that it gives back is a violation.
    pub fn items<T>(
        &mut self,
        name: &str,
        expected: &str,
        findings: &mut Findings,
        read: impl Fn(Value) -> Result<T, Value>,
    ) -> Vec<T> {
        let path = self.path_of(name);
        let items = self.take_as(name, "an array", findings, |value| match value {
            Value::Array(items) => Ok(items),
            other => Err(other),
        });
        let mut found = Vec::new();
        for (index, item) in items.unwrap_or_default().into_iter().enumerate() {
            match read(item) {
                Ok(item) => found.push(item),
                Err(other) => findings.add_unread(format!("{path}[{index}]"), unlike(expected, &other)),
            }
        }
        found
    }

    /// The strings of an array without those that are empty.
    pub fn strings(&mut self, name: &str, findings: &mut Findings) -> Vec<String> {
        let mut strings = self.items(name, "a string", findings, |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        });
        strings.retain(|text| !text.is_empty());
        strings
    }

    /// The texts of those of the named fields that are objects, as they stand in `body`, of which this is the object.
    pub fn kept(&self, body: &[u8], names: &[&'static str]) -> Kept {
        let objects = names.iter().filter(|name| matches!(self.fields.get(**name), Some(Value::Object(_))));
        Kept::of(body, objects.copied().collect())
    }

    /// An object that is kept as it is: its text, and its fields to be read besides.
    pub fn kept_object(
        &mut self,
        name: &'static str,
        kept: &mut Kept,
        findings: &mut Findings,
    ) -> Option<(String, Self)> {
        let object = self.object(name, findings)?;
        Some((kept.take(name)?, object))
    }

    pub fn object(&mut self, name: &str, findings: &mut Findings) -> Option<Self> {
        let path = self.path_of(name);
        self.take_as(name, "an object", findings, |value| match value {
            Value::Object(fields) => Ok(Self { path, fields }),
            other => Err(other),
        })
    }

    /// The objects of an array whose length is one of `lengths`; beyond the longest nothing is read. An item that is no
    /// object is a violation and stands as an empty object, so that the others keep their places.
    pub fn objects(
        &mut self,
        name: &str,
        lengths: RangeInclusive<usize>,
        findings: &mut Findings,
    ) -> Vec<Self> {
        let path = self.path_of(name);
        let items = self.take_as(name, "an array", findings, |value| match value {
            Value::Array(items) => Ok(items),
            other => Err(other),
        });
        let Some(items) = items else { return Vec::new() };
        if !lengths.contains(&items.len()) {
            let (least, most) = (lengths.start(), lengths.end());
            findings
                .violations
                .add(path.as_str(), format!("must have {least} to {most} items, has {}", items.len()));
        }
        let items = items.into_iter().take(*lengths.end()).enumerate();
        let objects = items.map(|(index, item)| {
            let path = format!("{path}[{index}]");
            let fields = match item {
                Value::Object(fields) => fields,
                other => {
                    findings.add_unread(path.clone(), unlike("an object", &other));
                    Map::new()
                }
            };
            Self { path, fields }
        });
        objects.collect()
    }
}

/// A number within the bounds of [`Object::integer`].
pub fn whole_number(value: &Value) -> Option<i64> {
    let Value::Number(number) = value else { return None };
    let whole = number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        // Within the bounds the conversion is exact.
        (float.fract() == 0.0 && float.abs() <= MAX_INTEGER as f64).then_some(float as i64)
    })?;
    (-MAX_INTEGER..=MAX_INTEGER).contains(&whole).then_some(whole)
}

fn unlike(expected: &str, value: &Value) -> String {
    let found = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string {}", shown(text)),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    };
    format!("must be {expected}, is {found}")
}
