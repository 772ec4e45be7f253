//! Reads a JSON object field by field and collects all violations by path: `messages[0].author.type`.
//!
//! It checks types but no rules of a particular document. Absent and `null` are the same, and a key that comes twice in an
//! object is a violation beside the others. Unknown fields are ignored, or noted for a reader who wants to know of them.

mod kept;
mod unknown;
mod value;

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

pub use crate::domain::rules::shown;
use crate::domain::{UnixMillis, Violation, Violations, Words};

pub use kept::Kept;
pub use unknown::{UnknownKey, step, unknown_word};

use super::times;
use value::Read;

/// The path of the body itself.
pub const ROOT: &str = "$";
/// Beyond ±2^53, JSON numbers are not the same in every language.
const MAX_INTEGER: i64 = 1 << 53;
/// The most values in a body: far more than any documented request needs.
const MAX_VALUES: usize = 100_000;

/// The violations found so far.
#[derive(Debug, Default)]
pub struct Findings {
    violations: Violations,
    /// Paths that are absent or have the wrong type, so that nothing below them was read.
    unread: Vec<String>,
    /// The keys that no reader asked for; `None` if nobody wants to know of them.
    unknown: Option<Vec<UnknownKey>>,
}

impl Findings {
    /// Findings that also note the keys that no reader asks for; [`Object::close`] finds them.
    pub fn with_unknown_keys() -> Self {
        Self { unknown: Some(Vec::new()), ..Self::default() }
    }

    /// The keys that no reader has asked for.
    pub fn take_unknown_keys(&mut self) -> Vec<UnknownKey> {
        self.unknown.take().unwrap_or_default()
    }

    /// Counts these as violations.
    pub fn refuse(&mut self, found: Vec<Violation>) {
        found.into_iter().for_each(|wrong| self.violations.add(wrong.field, wrong.message));
    }

    fn add_unread(&mut self, path: String, message: impl Into<String>) {
        if !self.is_unread(&path) {
            self.violations.add(path.as_str(), message);
            self.unread.push(path);
        }
    }

    /// The number of violations.
    pub fn count(&self) -> usize {
        self.violations.iter().count()
    }

    fn is_unread(&self, field: &str) -> bool {
        let mut below = self.unread.iter().filter_map(|path| field.strip_prefix(path.as_str()));
        below.any(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }

    /// The checked value, or all violations of both reading and checking. Violations of the check below unread paths are left
    /// out: if an author is a number, it is not also reported that its type is missing.
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

/// An object and its path. Reading a field removes it, so that long strings are not copied.
#[derive(Debug)]
pub struct Object {
    /// Empty for the body itself.
    path: String,
    fields: Map<String, Value>,
    /// The names that were asked for; kept only where unknown keys are noted.
    asked: Vec<&'static str>,
}

/// Parses a body that must be an object; keys that come twice in it are among the findings.
pub fn parse(body: &[u8], findings: &mut Findings) -> Result<Object, Violations> {
    let fields = fields_of(body, MAX_VALUES, &mut findings.violations)?;
    Ok(Object { path: String::new(), fields, asked: Vec::new() })
}

/// Parses a text that must be an object of at most so many values. A key that comes twice in an object is a violation, and its
/// first value stands in the fields; the text is refused at once only if it is no object.
pub fn fields_of(
    body: &[u8],
    max_values: usize,
    violations: &mut Violations,
) -> Result<Map<String, Value>, Violations> {
    if body.is_empty() {
        return Err(Violations::one(ROOT, "is empty, must be a JSON object"));
    }
    let Read { value, repeated } = value::parse(body, max_values);
    let mut found = Violations::default();
    for path in repeated {
        found.add(path, "must be given once in its object, is given twice");
    }
    let rule = match value {
        Ok(Value::Object(fields)) => {
            violations.add_all(found, |_| true);
            return Ok(fields);
        }
        Ok(other) => unlike("an object", &other),
        Err(error) => format!("cannot be read as JSON: {}", malformed(body, &error)),
    };
    found.add(ROOT, rule);
    Err(found)
}

/// What is wrong with a text that is no JSON.
fn malformed(body: &[u8], error: &serde_json::Error) -> String {
    let before = std::str::from_utf8(body).err().and_then(|wrong| body.get(..wrong.valid_up_to()));
    let Some(before) = before.filter(|_| error.is_syntax()) else { return error.to_string() };
    let lines = before.split(|byte| *byte == b'\n');
    let (line, column) = lines.enumerate().last().map_or((1, 1), |(place, last)| (place + 1, last.len() + 1));
    // What is wrong before it is wrong in any encoding.
    if (error.line(), error.column()) < (line, column) {
        return error.to_string();
    }
    format!("{NOT_UTF_8} at line {line} column {column}")
}

/// Begins what is said of a text in another encoding.
pub const NOT_UTF_8: &str = "it is not UTF-8 text";

impl Object {
    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Notes the keys that were not asked for, if they are wanted. Nothing may be read of the object after it.
    pub fn close(self, findings: &mut Findings) {
        let Some(unknown) = &mut findings.unknown else { return };
        for (key, value) in &self.fields {
            unknown.push(UnknownKey::new(&self.path, key, value, &self.asked));
        }
    }

    /// Takes a field; `null` is absent.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// Takes a field, converted by `read`. A value that `read` returns as `Err` is a violation: it is not `expected`.
    pub fn take_as<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        findings: &mut Findings,
        read: impl FnOnce(Value) -> Result<T, Value>,
    ) -> Option<T> {
        if findings.unknown.is_some() {
            self.asked.push(name);
        }
        match read(self.take(name)?) {
            Ok(value) => Some(value),
            Err(other) => {
                findings.add_unread(self.path_of(name), unlike(expected, &other));
                None
            }
        }
    }

    /// Adds a violation if the field is absent. For fields whose absence no domain rule reports.
    pub fn require(&self, name: &str, findings: &mut Findings) {
        if self.fields.get(name).is_none_or(Value::is_null) {
            findings.add_unread(self.path_of(name), "is required");
        }
    }

    pub fn string(&mut self, name: &'static str, findings: &mut Findings) -> Option<String> {
        self.take_as(name, "a string", findings, |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        })
    }

    /// A string; an empty one counts as absent.
    pub fn text(&mut self, name: &'static str, findings: &mut Findings) -> Option<String> {
        self.string(name, findings).filter(|text| !text.is_empty())
    }

    /// An integer from -2^53 to 2^53, also if written `1700000000000.0` or `1.7e12`: JSON has only one number type, and some
    /// senders write all numbers that way. Nothing is rounded: any fraction, however small, makes it invalid.
    pub fn integer(&mut self, name: &'static str, findings: &mut Findings) -> Option<i64> {
        self.take_as(name, "an integer from -2^53 to 2^53", findings, |value| {
            whole_number(&value).ok_or(value)
        })
    }

    /// A time in milliseconds since 1970, written as any integer; the violation states the whole rule. A number that gives a
    /// date of today in another unit is refused: as milliseconds it would silently be early in 1970.
    pub fn millis(&mut self, name: &'static str, findings: &mut Findings) -> Option<UnixMillis> {
        let path = self.path_of(name);
        let value = self.take_as(name, "", findings, Ok)?;
        match times::millis(&value) {
            Ok(time) => Some(time),
            Err(rule) => {
                findings.add_unread(path, rule);
                None
            }
        }
    }

    /// A time in ISO 8601.
    pub fn time(&mut self, name: &'static str, findings: &mut Findings) -> Option<UnixMillis> {
        self.time_as(name, times::FORM, findings, times::parse)
    }

    /// A time that `read` converts to milliseconds.
    pub fn time_as(
        &mut self,
        name: &'static str,
        expected: &str,
        findings: &mut Findings,
        read: impl FnOnce(&str) -> Option<i64>,
    ) -> Option<UnixMillis> {
        let path = self.path_of(name);
        let millis =
            self.take_as(name, expected, findings, |value| value.as_str().and_then(read).ok_or(value))?;
        findings.violations.check(path, UnixMillis::checked_date(millis))
    }

    /// One of the `choices`, exactly as written.
    pub fn choice<T: Copy>(
        &mut self,
        name: &'static str,
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
    pub fn word<T: Words>(&mut self, name: &'static str, findings: &mut Findings) -> Option<T> {
        let choices: Vec<_> = T::WORDS.iter().map(|(value, _, word)| (*word, *value)).collect();
        self.choice(name, &choices, findings)
    }

    pub fn boolean(&mut self, name: &'static str, findings: &mut Findings) -> Option<bool> {
        self.take_as(name, "true or false", findings, |value| value.as_bool().ok_or(value))
    }

    /// The items of an array, each converted by `read`. An item that `read` returns as `Err` is a violation.
    pub fn items<T>(
        &mut self,
        name: &'static str,
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

    /// The non-empty strings of an array.
    pub fn strings(&mut self, name: &'static str, findings: &mut Findings) -> Vec<String> {
        let mut strings = self.items(name, "a string", findings, |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        });
        strings.retain(|text| !text.is_empty());
        strings
    }

    /// The original text of those of the named fields that are objects. `body` must be what this object was parsed from.
    pub fn kept(&self, body: &[u8], names: &[&'static str]) -> Kept {
        let objects = names.iter().filter(|name| matches!(self.fields.get(**name), Some(Value::Object(_))));
        Kept::of(body, objects.copied().collect())
    }

    /// An object whose text is kept as sent, together with its fields.
    pub fn kept_object(
        &mut self,
        name: &'static str,
        kept: &mut Kept,
        findings: &mut Findings,
    ) -> Option<(String, Self)> {
        let object = self.object(name, findings)?;
        Some((kept.take(name)?, object))
    }

    pub fn object(&mut self, name: &'static str, findings: &mut Findings) -> Option<Self> {
        let path = self.path_of(name);
        self.take_as(name, "an object", findings, |value| match value {
            Value::Object(fields) => Ok(Self { path, fields, asked: Vec::new() }),
            other => Err(other),
        })
    }

    /// The objects of an array whose length must be in `lengths`; items beyond the maximum are not read. An item that is not an
    /// object is a violation, and an empty object takes its place, so that the others keep theirs.
    pub fn objects(
        &mut self,
        name: &'static str,
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
            Self { path, fields, asked: Vec::new() }
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

/// That a value is not as expected.
pub fn unlike(expected: &str, value: &Value) -> String {
    let is_number = |text: &str| text.trim().parse().is_ok_and(f64::is_finite);
    let expects_number = ["number", "integer"].iter().any(|word| expected.contains(word));
    let next = match value {
        Value::String(text) if expects_number && is_number(text) => " (send it without quotes)",
        Value::String(text) if expected == "true or false" && ["true", "false"].contains(&text.as_str()) => {
            " (send it without quotes)"
        }
        Value::Number(_) if expected == "a string" => " (send it in quotes)",
        _ => "",
    };
    format!("must be {expected}, is {}{next}", described(value))
}

/// A value in a few words.
pub fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string {}", shown(text)),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_json_has_as_a_number_is_to_be_sent_without_quotes() {
        for text in ["1", " -2.5e3 "] {
            assert!(unlike("a whole number", &json!(text)).ends_with("(send it without quotes)"), "{text}");
        }
        for text in ["nan", "NaN", "inf", "-Infinity", "1e999", "one", ""] {
            assert!(!unlike("a whole number", &json!(text)).contains("without quotes"), "{text}");
        }
    }
}
