//! What in a line the API does not know, or takes otherwise, by its path: from the descriptors of the API, so that a new field is
//! known as soon as it is there.

use std::collections::VecDeque;

use prost_reflect::{
    DeserializeOptions, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor,
};
use serde_json::{Map, Value};

use crate::{
    domain::{Violation, Violations},
    interchange::{
        json::{UnknownKey, step, unknown_word, unlike},
        times,
    },
};

/// Takes the keys and words that the API does not know out of a message, and notes them with their paths. `elsewhere` says where
/// another message has a key of a name.
pub(super) fn take_unknown(
    fields: &mut Map<String, Value>,
    descriptor: &MessageDescriptor,
    path: &str,
    elsewhere: &dyn Fn(&str) -> Option<String>,
    found: &mut Vec<Violation>,
) {
    fields.retain(|key, value| {
        let Some(field) = field_of(descriptor, key) else {
            let known: Vec<_> = descriptor.fields().collect();
            let known: Vec<&str> = known.iter().map(FieldDescriptor::json_name).collect();
            found.push(UnknownKey::new(path, key, value, &known).told(elsewhere));
            return false;
        };
        let path = step(path, field.json_name());
        match value {
            Value::Array(items) if field.is_list() => {
                let mut place = 0;
                items.retain_mut(|item| {
                    place += 1;
                    is_known(item, &field, || format!("{path}[{}]", place - 1), elsewhere, found)
                });
                true
            }
            value => is_known(value, &field, || path, elsewhere, found),
        }
    });
}

/// Whether a value is no unknown word; what is unknown within it is taken out.
fn is_known(
    value: &mut Value,
    field: &FieldDescriptor,
    path: impl FnOnce() -> String,
    elsewhere: &dyn Fn(&str) -> Option<String>,
    found: &mut Vec<Violation>,
) -> bool {
    match (field.kind(), value) {
        (Kind::Message(inner), Value::Object(fields)) if !is_special(&inner) => {
            take_unknown(fields, &inner, &path(), elsewhere, found);
            true
        }
        (Kind::Enum(words), value @ (Value::String(_) | Value::Number(_))) if !has(&words, value) => {
            let known: Vec<_> = words.values().filter(|word| word.number() != 0).collect();
            let known: Vec<&str> = known.iter().map(|word| word.name()).collect();
            found.push(Violation { field: path(), message: unknown_word(value, &known) });
            false
        }
        _ => true,
    }
}

fn has(words: &EnumDescriptor, value: &Value) -> bool {
    match value {
        Value::String(word) => words.get_value_by_name(word).is_some(),
        other => {
            let number = other.as_i64().and_then(|number| i32::try_from(number).ok());
            number.is_some_and(|number| words.get_value(number).is_some())
        }
    }
}

/// Protobuf's JSON takes both spellings.
fn field_of(descriptor: &MessageDescriptor, key: &str) -> Option<FieldDescriptor> {
    descriptor.get_field_by_json_name(key).or_else(|| descriptor.get_field_by_name(key))
}

/// Messages such as times, which are no objects in JSON.
fn is_special(descriptor: &MessageDescriptor) -> bool {
    descriptor.full_name().starts_with("google.protobuf.")
}

/// The values of a message that have another type than the API gives them. Called where the message as a whole could not be read.
pub(super) fn wrong_types(
    fields: &Map<String, Value>,
    descriptor: &MessageDescriptor,
    path: &str,
    wrong: &mut Violations,
) {
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let Some(field) = field_of(descriptor, key) else { continue };
        let path = step(path, field.json_name());
        match value {
            Value::Array(items) if field.is_list() => {
                for (place, item) in items.iter().enumerate() {
                    wrong_type(item, &field, descriptor, format!("{path}[{place}]"), wrong);
                }
            }
            other if field.is_list() => wrong.add(path, unlike("an array", other)),
            value => wrong_type(value, &field, descriptor, path, wrong),
        }
    }
}

fn wrong_type(
    value: &Value,
    field: &FieldDescriptor,
    descriptor: &MessageDescriptor,
    path: String,
    wrong: &mut Violations,
) {
    if let (Kind::Message(inner), Value::Object(fields)) = (field.kind(), value)
        && !is_special(&inner)
    {
        return wrong_types(fields, &inner, &path, wrong);
    }
    let alone = if field.is_list() { Value::Array(vec![value.clone()]) } else { value.clone() };
    let alone = Value::Object(Map::from_iter([(field.json_name().to_owned(), alone)]));
    if DynamicMessage::deserialize_with_options(descriptor.clone(), alone, &DeserializeOptions::new())
        .is_err()
    {
        wrong.add(path, unlike(&expected(field), value));
    }
}

fn expected(field: &FieldDescriptor) -> String {
    match field.kind() {
        Kind::String => "a string".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Bytes => "a string in base64".to_owned(),
        Kind::Double | Kind::Float => "a number".to_owned(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => {
            "an integer of at most 32 bits".to_owned()
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
            "an integer of at most 64 bits, or a string of one".to_owned()
        }
        Kind::Enum(_) => "a word of its enum".to_owned(),
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => times::FORM.to_owned(),
        Kind::Message(_) => "an object".to_owned(),
    }
}

/// Where messages at these places have a key of a name, themselves or nested: the nearest, like `conversation.status`.
pub(super) fn place_of(
    key: &str,
    begin: impl IntoIterator<Item = (MessageDescriptor, String)>,
) -> Option<String> {
    let mut open: VecDeque<_> = begin.into_iter().collect();
    let mut seen: Vec<String> = open.iter().map(|(message, _)| message.full_name().to_owned()).collect();
    while let Some((message, path)) = open.pop_front() {
        if let Some(field) = field_of(&message, key) {
            return Some(step_in(&path, &field));
        }
        for field in message.fields() {
            let Kind::Message(inner) = field.kind() else { continue };
            if !is_special(&inner) && !seen.iter().any(|name| name == inner.full_name()) {
                seen.push(inner.full_name().to_owned());
                let items = if field.is_list() { "[]" } else { "" };
                open.push_back((inner, format!("{}{items}", step_in(&path, &field))));
            }
        }
    }
    None
}

fn step_in(path: &str, field: &FieldDescriptor) -> String {
    format!("{path}.{}", field.json_name())
}
