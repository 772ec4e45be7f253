//! What must not change the score: what mail programs, helpdesks and machines add to people's words, and the language.
//! Run with `--nocapture` for what changed.

use std::collections::BTreeMap;

use super::{
    cases::{Dialogue, axis_if_any, dialogues, is_read, read, transcript_of},
    laws, *,
};
use crate::{
    domain::{FactValue, LastAnswers},
    scoring::written,
};

/// The least share that an addition of a kind leaves as it is. The floors only rise. Aim: 1.
struct Floors {
    kind: &'static str,
    /// Of messages: the words that are read.
    written: f64,
    /// Of conversations: the facts and the AXIS.
    scored: f64,
}

const FLOORS: &[Floors] = &[
    Floors { kind: "quote", written: 1.0, scored: 1.0 },
    Floors { kind: "signature", written: 1.0, scored: 1.0 },
    Floors { kind: "disclaimer", written: 1.0, scored: 1.0 },
    Floors { kind: "footer", written: 1.0, scored: 1.0 },
    Floors { kind: "url", written: 0.0, scored: 1.0 },
    Floors { kind: "auto_reply", written: 1.0, scored: 1.0 },
    Floors { kind: "system_line", written: 1.0, scored: 1.0 },
    Floors { kind: "bounce", written: 1.0, scored: 1.0 },
    Floors { kind: "survey", written: 1.0, scored: 1.0 },
    Floors { kind: "reaction", written: 1.0, scored: 1.0 },
];

fn floors(kind: &str) -> &'static Floors {
    FLOORS.iter().find(|floors| floors.kind == kind).unwrap_or_else(|| panic!("{kind} has no floors"))
}

/// The id of a message that is added.
const ADDED: &str = "added";

/// How far AXIS may move where facts on lengths do.
const BY_LENGTH: f64 = 0.1;

/// How far a translation may move AXIS.
const BY_TRANSLATION: f64 = 0.4;
/// The least share of translations into languages that are read within that. Aim: 1.
const TRANSLATED_FLOOR: f64 = 1.0;

/// What is added, see `additions.yaml`.
struct Addition {
    name: String,
    kind: String,
    form: Form,
    may_change: Vec<String>,
}

enum Form {
    /// Put below each message of these sides.
    Below { text: String, to: Vec<AuthorKind> },
    /// A message of its own.
    Message { text: String, from: AuthorKind, at_end: bool },
}

fn additions() -> Vec<Addition> {
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let side = |value: &serde_json::Value| match value.as_str() {
        Some("c") => AuthorKind::Contact,
        Some("a") => AuthorKind::Ai,
        Some("t") => AuthorKind::Teammate,
        _ => panic!("{value} is nobody"),
    };
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    read("dialogues/additions")
        .iter()
        .map(|addition| Addition {
            name: text(&addition["name"]),
            kind: text(&addition["kind"]),
            form: match addition.get("below") {
                Some(below) => {
                    Form::Below { text: text(below), to: list(&addition["to"]).iter().map(side).collect() }
                }
                None => Form::Message {
                    text: text(&addition["message"]),
                    from: side(&addition["from"]),
                    at_end: text(&addition["at"]) == "end",
                },
            },
            may_change: list(&addition["may_change"]).iter().map(text).collect(),
        })
        .collect()
}

impl Addition {
    /// The conversation with it. Messages of several lines are left alone: they end in something of that kind already;
    /// and so are those of machines.
    fn to(&self, before: &Transcript) -> Transcript {
        let mut after = before.clone();
        match &self.form {
            Form::Below { text, to } => {
                let mut previous = "Is anybody there? I want my money back, this is a joke!";
                for (message, original) in after.messages.iter_mut().zip(&before.messages) {
                    let concerned = to.contains(&message.author.kind) && message.kind == MessageKind::Message;
                    let is_one_line = !original.content.contains(['\n', '<']);
                    if concerned && is_one_line && written::of(original).automatic.is_none() {
                        message.content = below(text, &original.content, previous);
                    }
                    previous = &original.content;
                }
            }
            Form::Message { text, from, at_end } => insert(&mut after, text, *from, *at_end),
        }
        after
    }

    fn is_harmless(&self, before: &Measured, after: &Measured) -> bool {
        let tolerance = if self.may_change.is_empty() { 0.0 } else { BY_LENGTH };
        let moved = match (before.axis, after.axis) {
            (None, None) => 0.0,
            (Some(before), Some(after)) => (before - after).abs(),
            _ => f64::INFINITY,
        };
        moved <= tolerance && self.changed(before, after).is_empty()
    }

    fn changed<'m>(&self, before: &'m Measured, after: &'m Measured) -> Vec<&'m str> {
        let mut names: Vec<&str> =
            before.facts.keys().chain(after.facts.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| {
            *name != "automatic_messages"
                && before.facts.get(*name) != after.facts.get(*name)
                && !self.may_change.iter().any(|fact| fact == name)
        });
        names
    }
}

fn below(text: &str, own: &str, before: &str) -> String {
    let quoted = before.lines().map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n");
    let added = text.trim_end().replace("{quoted}", &quoted).replace("{before}", before);
    if !added.contains("{own}") {
        return format!("{own}\n\n{added}");
    }
    let is_html = added.starts_with('<');
    let escaped = own.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    added.replace("{own}", if is_html { &escaped } else { own })
}

/// A second after the customer's first message, or a minute after the end.
fn insert(transcript: &mut Transcript, text: &str, from: AuthorKind, at_end: bool) {
    let messages = &mut transcript.messages;
    let first_question = messages.iter().position(|message| message.author.kind == AuthorKind::Contact);
    let after = first_question.filter(|_| !at_end).unwrap_or(messages.len() - 1);
    let mut added = messages[after].clone();
    added.content = text.trim_end().to_owned();
    added.kind = MessageKind::Message;
    let same_side = messages.iter().find(|message| message.author.kind == from);
    added.author = same_side.map_or_else(
        || Author { kind: from, external_id: Some("machine".parse().unwrap()), name: None },
        |message| message.author.clone(),
    );
    added.external_id = ADDED.parse().unwrap();
    added.create_time = added.create_time.plus_millis(if at_end { 60_000 } else { 1000 });
    messages.insert(after + 1, added);
    (0..).zip(messages).for_each(|(index, message)| message.id = MessageId(100 + index));
}

struct Measured {
    facts: BTreeMap<String, FactValue>,
    axis: Option<f64>,
}

fn measure(transcript: &Transcript) -> Measured {
    let facts = conversation_facts(transcript, LastAnswers::default());
    Measured {
        facts: facts.into_iter().map(|fact| (fact.name, fact.value)).collect(),
        axis: axis_if_any(transcript).map(|axis| axis.unrounded()),
    }
}

/// The English dialogues, and each sample of the laws in one of its own.
fn conversations() -> Vec<(String, Transcript)> {
    let seen = dialogues("seen").into_iter().filter(|dialogue| dialogue.language == "en");
    let seen = seen.map(|Dialogue { name, transcript, .. }| (name, transcript));
    let samples = laws::CUSTOMER.iter().zip(laws::AGENT.iter().cycle()).map(|(customer, agent)| {
        let lines = [format!("c: {customer}"), format!("t: {agent}"), format!("c: {customer}")];
        ((*customer).to_owned(), transcript(&lines.each_ref().map(String::as_str)))
    });
    seen.chain(samples).collect()
}

#[test]
fn what_programs_and_machines_add_changes_no_fact_on_words_and_no_axis() {
    let conversations: Vec<(String, Transcript, Measured)> = conversations()
        .into_iter()
        .map(|(name, transcript)| {
            let measured = measure(&transcript);
            (name, transcript, measured)
        })
        .collect();
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for addition in additions() {
        let mut harmed = Vec::new();
        let mut changes: BTreeMap<String, usize> = BTreeMap::new();
        for (name, transcript, before) in &conversations {
            let after = measure(&addition.to(transcript));
            if !addition.is_harmless(before, &after) {
                harmed.push(name.as_str());
                for fact in addition.changed(before, &after) {
                    *changes.entry(fact.to_owned()).or_default() += 1;
                }
            }
        }
        let (harmless, all) = kinds.entry(addition.kind.clone()).or_default();
        *harmless += conversations.len() - harmed.len();
        *all += conversations.len();
        let mut changes: Vec<(usize, String)> =
            changes.into_iter().map(|(fact, count)| (count, fact)).collect();
        changes.sort_unstable_by(|left, right| right.cmp(left));
        changes.truncate(4);
        println!(
            "{}: changes {} of {}, {:?}, as {:?}",
            addition.name,
            harmed.len(),
            conversations.len(),
            changes,
            harmed.first()
        );
    }
    for (kind, (harmless, all)) in kinds {
        let share = harmless as f64 / all as f64;
        println!("{kind}: {harmless} of {all} unchanged, {share:.3}");
        assert!(share >= floors(&kind).scored, "{kind}: {share:.3} of the conversations stay as they are");
    }
}

#[test]
fn a_translation_hardly_moves_axis() {
    let every = [dialogues("seen"), dialogues("unseen")].into_iter().flatten().collect::<Vec<_>>();
    let mut totals: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for dialogue in read("dialogues/translated") {
        let of = |lines: &serde_json::Value| axis_if_any(&transcript_of(lines)).map(|axis| axis.unrounded());
        let english = of(&dialogue["en"]).expect("English is read");
        let translations = dialogue.as_object().expect("a dialogue").iter();
        for (language, lines) in translations.filter(|(key, _)| !["name", "en"].contains(&key.as_str())) {
            let axis = of(lines);
            let is_near = axis.is_some_and(|axis| (axis - english).abs() <= BY_TRANSLATION);
            let (near, all) = totals.entry(language.clone()).or_default();
            *near += usize::from(is_near);
            *all += 1;
            if !is_near {
                println!("  {} {language}: {axis:.2?}, in English {english:.2}", dialogue["name"]);
            }
        }
    }
    let (mut near_read, mut all_read) = (0, 0);
    for (language, (near, all)) in &totals {
        let is_read = is_read(language, &every);
        println!(
            "{language}: {near} of {all} translations near{}",
            if is_read { "" } else { ", not read yet" }
        );
        if is_read {
            near_read += near;
            all_read += all;
        }
    }
    assert_eq!(totals.len(), 10, "languages beside English");
    println!("{near_read} of {all_read} translations into languages that are read are near");
    assert!(near_read as f64 >= TRANSLATED_FLOOR * all_read as f64);
}

/// The first step of it, by which the whole can be mended: what is added is not taken for newly written words, and a
/// machine's message is known as one. (A link is a word, that asks nothing.)
#[test]
fn what_programs_and_machines_add_is_not_read_as_anybodys_words() {
    let conversations = conversations();
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for addition in additions().iter().filter(|addition| addition.kind != "url") {
        let (right, all) = kinds.entry(addition.kind.clone()).or_default();
        let mut wrong = 0;
        for (_, before) in &conversations {
            let after = addition.to(before);
            for (message, is_right) in added_words(addition, before, &after) {
                *all += 1;
                *right += usize::from(is_right);
                wrong += usize::from(!is_right);
                if !is_right && wrong == 1 {
                    println!("{}: reads {:?}", addition.name, written::of(message).text);
                }
            }
        }
    }
    for (kind, (right, all)) in kinds {
        let share = right as f64 / all as f64;
        println!("{kind}: {right} of {all} messages read as before, {share:.3}");
        assert!(share >= floors(&kind).written, "{kind}: {share:.3} of the messages are read as before");
    }
}

/// The messages that were changed or added, and whether they are read as they should be.
fn added_words<'t>(
    addition: &Addition,
    before: &'t Transcript,
    after: &'t Transcript,
) -> Vec<(&'t Message, bool)> {
    if let Form::Message { .. } = addition.form {
        let added = after.messages.iter().filter(|message| message.external_id.as_str() == ADDED);
        return added.map(|message| (message, written::of(message).automatic.is_some())).collect();
    }
    let pairs = before.messages.iter().zip(&after.messages);
    pairs
        .filter(|(before, after)| before.content != after.content)
        .map(|(before, after)| {
            let (expected, found) = (written::of(before), written::of(after));
            let is_right = expected.text.trim() == found.text.trim() && expected.automatic == found.automatic;
            (after, is_right)
        })
        .collect()
}
