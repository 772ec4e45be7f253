//! Tests that need the whole way from a transcript to scores.

use std::sync::Arc;

use super::*;
use crate::domain::{
    Author, AuthorKind, Conversation, ConversationId, Message, MessageId, MessageKind, RevisionRef,
    Transcript, UnixMillis,
};

pub fn scorer() -> Scorer {
    let scorecards = builtins().map(|builtin| {
        let file = yaml::parse(builtin.yaml).expect("a built-in scorecard is valid");
        let revision = RevisionRef {
            base: builtin.base.into(),
            base_id: builtin.base_id,
            ordinal: 1,
            revision_id: builtin.base_id,
        };
        let card = Scorecard::compile(file.into_revision(revision, UnixMillis(0)));
        Arc::new(card.unwrap_or_else(|faults| panic!("{}: {faults}", builtin.base)))
    });
    Scorer::new(scorecards.into())
}

/// `c: text`, `a: text` (AI), `t: text` (teammate), `n: note`; ten seconds apart.
pub fn transcript(lines: &[&str]) -> Transcript {
    let messages: Vec<Message> = (0..)
        .zip(lines)
        .map(|(index, line)| {
            let (who, content) = line.split_once(": ").expect("a line begins with who wrote it");
            let (kind, name) = match &who[..1] {
                "c" => (AuthorKind::Contact, "customer"),
                "a" => (AuthorKind::Ai, "bot"),
                "n" => (AuthorKind::Teammate, "t"),
                _ => (AuthorKind::Teammate, who),
            };
            Message {
                id: MessageId(100 + index as u64),
                external_id: format!("m{index}"),
                kind: if who.starts_with('n') { MessageKind::Comment } else { MessageKind::Message },
                content: content.to_owned(),
                author: Author { kind, external_id: Some(name.to_owned()), name: None },
                create_time: UnixMillis(1_700_000_000_000 + index * 10_000),
                ai_tool: None,
            }
        })
        .collect();
    let conversation = Conversation {
        id: ConversationId(1),
        source: "custom".into(),
        external_id: "1".into(),
        subject: None,
        version: 1,
        message_count: messages.len() as u32,
        create_time: UnixMillis(0),
        update_time: UnixMillis(0),
    };
    Transcript { conversation, messages }
}

struct Dialogue {
    name: String,
    satisfaction: f64,
    transcript: Transcript,
}

fn dialogues(file: &str) -> Vec<Dialogue> {
    let path = format!("{}/tests/cases/scoring/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the dialogues are there");
    let value: serde_json::Value = serde_saphyr::from_str(&text).expect("the dialogues are YAML");
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|dialogue| {
            let mut seconds = 0;
            let (mut lines, mut times) = (Vec::new(), Vec::new());
            for line in dialogue["lines"].as_array().expect("lines") {
                let (head, content) = line.as_str().expect("a text").split_once(": ").expect("a head");
                let (who, wait) = head.split_once(' ').expect("a wait");
                seconds += wait.parse::<i64>().expect("seconds");
                lines.push(format!("{who}: {content}"));
                times.push(seconds);
            }
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let mut transcript = transcript(&lines);
            for (message, seconds) in transcript.messages.iter_mut().zip(times) {
                message.create_time = UnixMillis(1_700_000_000_000 + seconds * 1000);
            }
            Dialogue {
                name: dialogue["name"].as_str().expect("a name").to_owned(),
                satisfaction: dialogue["satisfaction"].as_f64().expect("a number"),
                transcript,
            }
        })
        .collect()
}

#[test]
fn show() {
    let scorer = scorer();
    for file in ["tuned"] {
        for d in dialogues(file) {
            let scored = scorer.score(&d.transcript, UnixMillis(7));
            let axis = scored[0].axis.clone().unwrap();
            println!(
                "{:4} {:.2} r{:.2} e{:.2} h{:.2} {} {:?} {} | {}",
                d.satisfaction,
                axis.unrounded(),
                axis.resolution_accuracy.score(),
                axis.interaction_effort.score(),
                axis.handoff_smoothness.score(),
                d.name,
                axis.resolution,
                axis.resolution_accuracy.reason,
                axis.interaction_effort.reason
            );
        }
    }
}

/// Spearman's rank correlation, equal values sharing their mean rank.
fn rank_correlation(left: &[f64], right: &[f64]) -> f64 {
    let ranks = |values: &[f64]| -> Vec<f64> {
        values
            .iter()
            .map(|value| {
                let below = values.iter().filter(|other| *other < value).count() as f64;
                let equal = values.iter().filter(|other| *other == value).count() as f64;
                below + (equal - 1.0) / 2.0
            })
            .collect()
    };
    let (left, right) = (ranks(left), ranks(right));
    let mean = (left.len() as f64 - 1.0) / 2.0;
    let covariance: f64 = left.iter().zip(&right).map(|(one, two)| (one - mean) * (two - mean)).sum();
    let spread = |ranks: &[f64]| ranks.iter().map(|rank| (rank - mean).powi(2)).sum::<f64>().sqrt();
    covariance / (spread(&left) * spread(&right))
}

#[test]
fn corr() {
    let scorer = scorer();
    for file in ["tuned", "held_out"] {
        let d = dialogues(file);
        let ax: Vec<f64> = d
            .iter()
            .map(|d| scorer.score(&d.transcript, UnixMillis(7))[0].axis.as_ref().unwrap().unrounded())
            .collect();
        let sat: Vec<f64> = d.iter().map(|d| d.satisfaction).collect();
        println!("{file} {:.3}", rank_correlation(&ax, &sat));
    }
}

/// Not a test of right and wrong: `cargo test --release --lib scoring::tests::speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let start = std::time::Instant::now();
    let scorer = scorer();
    println!("ready after {:?}", start.elapsed());
    let sample = transcript(&[
        "c: Why was I charged twice?",
        "a: I can help with billing.",
        "n: Escalated to billing for license review.",
    ]);
    let long: Vec<String> = (0..500)
        .flat_map(|index| {
            [
                format!("c: Question {index}: why was I charged {index} times for order {index}?"),
                format!("t: Hello, I refunded order {index}, it takes 3 days. Anything else?"),
            ]
        })
        .collect();
    let long = transcript(&long.iter().map(String::as_str).collect::<Vec<_>>());
    for (name, transcript, rounds) in [("3 messages", &sample, 2000u32), ("1000 messages", &long, 10)] {
        for _ in 0..3 {
            let start = std::time::Instant::now();
            for _ in 0..rounds {
                std::hint::black_box(scorer.score(std::hint::black_box(transcript), UnixMillis(7)));
            }
            println!("{name}: {:?} each", start.elapsed() / rounds);
        }
    }
}
