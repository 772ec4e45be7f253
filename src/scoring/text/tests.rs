//! Short messages in the languages that are read and in others.

mod data;
mod languages;
mod meanings;

use super::{Language, Reading, Side, read};

/// Reads a customer's message that stands alone.
fn customer(text: &str) -> Reading {
    read([(Side::Customer, text)], None).remove(0)
}

/// Reads a message as one of a language.
fn given(code: &str, side: Side, text: &str) -> Reading {
    read([(side, text)], Language::from_code(code)).remove(0)
}
