//! Short messages in the languages that are read and in others.

use super::{Language, Reading, Side, Signal, Signals, read};

fn customer(text: &str) -> Reading {
    read([(Side::Customer, text)], None).remove(0)
}

/// Reads a text as one of a language, whatever it is.
fn given(code: &str, side: Side, text: &str) -> Reading {
    read([(side, text)], Language::from_code(code)).remove(0)
}

/// Short messages with the code of their language.
fn messages() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("tests/messages.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').expect("a line is: code, tab, text"))
}

#[test]
fn a_short_message_is_told_or_absent() {
    let mut wrong = Vec::new();
    let (mut told, mut all) = (0, 0);
    for (code, text) in messages() {
        let reading = customer(text);
        all += 1;
        match reading.language {
            Some(language) if language.0 == code => told += 1,
            Some(language) => wrong.push(format!("{text:?} is {code}, not {}", language.0)),
            None => wrong.push(format!("{text:?} is {code}, absent")),
        }
    }
    println!("told {told} of {all}");
    panic!("{}", wrong.join("\n"));
}
