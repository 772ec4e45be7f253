//! Facts for people to read.

use std::fmt::Write as _;

use crate::{
    cli::output::{counted, visible},
    domain::{AuthorKind, FactValue, Message, MessageKind, ScoredFact, Transcript},
    scoring::facts,
};

/// How much of a message is shown.
const SHOWN_CHARACTERS: usize = 70;
/// How many messages are shown for one fact.
const SHOWN_MESSAGES: usize = 3;
const NAME_WIDTH: usize = 28;

/// The facts of one conversation, each with the messages it rests on, and the names of those that are absent.
pub fn page(
    place: &str,
    transcript: &Transcript,
    found: &[ScoredFact],
    is_wanted: impl Fn(&str) -> bool,
) -> String {
    let count = transcript.messages.len();
    let place = visible(place);
    let mut page = format!("{place}: {}\n", counted(count as u64, "message", "messages"));
    for fact in found {
        line(&mut page, &fact.name, &value(&fact.value, unit(&fact.name)));
        let mut evidence = evidence(transcript, fact);
        for (place, message) in evidence.by_ref().take(SHOWN_MESSAGES) {
            let (author, words) = (author(message), beginning(&message.content));
            line(&mut page, "", &format!("{place}. {author}: {words}"));
        }
        match evidence.count() {
            0 => {}
            more => line(&mut page, "", &format!("and {more} more")),
        }
    }
    let is_known = |name: &str| found.iter().any(|fact| fact.name == name);
    let absent: Vec<&str> =
        facts::all().iter().map(|fact| fact.name).filter(|name| is_wanted(name) && !is_known(name)).collect();
    if !absent.is_empty() {
        line(&mut page, "not known here", &absent.join(", "));
    }
    page.push('\n');
    page
}

/// What every fact means.
pub fn list(is_wanted: impl Fn(&str) -> bool) -> String {
    let mut page = String::new();
    for fact in facts::all().iter().filter(|fact| is_wanted(fact.name)) {
        line(&mut page, fact.name, &format!("{} ({})", fact.doc, fact.unit));
    }
    page
}

fn line(page: &mut String, name: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(page, "  {name:NAME_WIDTH$}  {text}");
}

fn value(value: &FactValue, unit: &str) -> String {
    match value {
        FactValue::Bool(true) => "yes".to_owned(),
        FactValue::Bool(false) => "no".to_owned(),
        // "5 (1 to 5)": a scale is no noun.
        FactValue::Int(value) if unit.starts_with(|first: char| first.is_ascii_digit()) => {
            format!("{value} ({unit})")
        }
        FactValue::Int(1) => format!("1 {}", unit.strip_suffix('s').unwrap_or(unit)),
        FactValue::Int(value) => format!("{value} {unit}"),
        FactValue::Number(value) => format!("{value:.2} ({unit})"),
        FactValue::Text(value) => value.clone(),
    }
}

pub fn unit(name: &str) -> &'static str {
    facts::find(name).map_or("", |id| facts::get(id).unit)
}

/// The messages that a fact rests on, with their places in the transcript, from 1 on.
pub fn evidence<'t>(
    transcript: &'t Transcript,
    fact: &'t ScoredFact,
) -> impl Iterator<Item = (usize, &'t Message)> {
    (1..).zip(&transcript.messages).filter(|(_, message)| fact.evidence.contains(&message.id))
}

pub fn author(message: &Message) -> &'static str {
    match (message.author.kind, message.kind) {
        (AuthorKind::Contact, _) => "customer",
        (AuthorKind::Ai, MessageKind::Message) => "ai",
        (AuthorKind::Ai, MessageKind::Comment) => "ai note",
        (AuthorKind::Teammate, MessageKind::Message) => "teammate",
        (AuthorKind::Teammate, MessageKind::Comment) => "teammate note",
    }
}

/// The beginning of a text on one line.
fn beginning(text: &str) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut characters = folded.chars();
    let shown: String = characters.by_ref().take(SHOWN_CHARACTERS).collect();
    let shown = visible(&shown);
    if characters.next().is_some() { format!("{shown}…") } else { shown.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_said_with_its_unit() {
        for (number, unit, said) in [
            (1, "messages", "1 message"),
            (2, "messages", "2 messages"),
            (0, "handoffs", "0 handoffs"),
            (1, "handoffs", "1 handoff"),
            (1, "1 to 5", "1 (1 to 5)"),
            (10, "0 to 10", "10 (0 to 10)"),
        ] {
            assert_eq!(value(&FactValue::Int(number), unit), said);
        }
    }
}
