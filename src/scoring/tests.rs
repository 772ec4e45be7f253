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
                _ => (AuthorKind::Teammate, "teammate"),
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

#[test]
fn sample() {
    let scored = scorer().score(
        &transcript(&[
            "c: Why was I charged twice?",
            "a: I can help with billing.",
            "n: Escalated to billing for license review.",
        ]),
        UnixMillis(7),
    );
    for one in &scored {
        println!("{}\n{:?} {:?}", one.summary, one.unit, one.axis.as_ref().map(|axis| axis.unrounded()));
        for criterion in &one.criteria {
            println!(
                "  {} {:?} {:?} {:?}",
                criterion.criterion_id,
                criterion.score(),
                criterion.answer().map(|answer| &answer.reason),
                criterion.failure
            );
        }
    }
}
