//! The settings file: TOML, parsed with the line of every key.

use toml::{
    Spanned, Value,
    de::{DeArray, DeTable, DeValue},
};

/// One key with its value.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    /// Including its section: `log.level`.
    pub(super) name: String,
    pub(super) value: Value,
    /// Counted from 1.
    pub(super) line: usize,
}

/// A syntax error.
#[derive(Debug, PartialEq)]
pub(super) struct Malformed {
    pub(super) line: usize,
    pub(super) message: String,
}

/// Every key of the file, with its section in its name.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, Malformed> {
    let line_of =
        |offset: usize| 1 + text.as_bytes().iter().take(offset).filter(|&&byte| byte == b'\n').count();
    let root = DeTable::parse(text).map_err(|error| Malformed {
        line: line_of(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    let mut entries = Vec::new();
    collect("", root.get_ref(), &line_of, &mut entries);
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

fn collect(section: &str, table: &DeTable<'_>, line_of: &impl Fn(usize) -> usize, entries: &mut Vec<Entry>) {
    for (key, value) in table {
        let name = if section.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{section}.{}", key.get_ref())
        };
        match value.get_ref() {
            DeValue::Table(table) => collect(&name, table, line_of, entries),
            other => entries.push(Entry { name, value: plain(other), line: line_of(key.span().start) }),
        }
    }
}

/// The value without spans. An integer beyond 64 bits becomes a string, which no setting accepts for a number.
fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::String(number.to_string()),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Value::Float(number),
            Err(_) => Value::String(number.to_string()),
        },
        DeValue::Boolean(yes) => Value::Boolean(*yes),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(array) => Value::Array(plain_items(array)),
        DeValue::Table(table) => Value::Table(
            table.iter().map(|(key, value)| (key.get_ref().to_string(), plain(value.get_ref()))).collect(),
        ),
    }
}

fn plain_items(array: &DeArray<'_>) -> Vec<Value> {
    array.iter().map(Spanned::get_ref).map(plain).collect()
}
