//! Tests that need the whole way from a transcript to scores.

mod adversarial;
mod agreement;
mod basics;
mod cases;
mod dialogues;
mod documents;
mod fact_cases;
mod facts;
mod laws;
mod metamorphic;
mod rated;
mod reasons;
mod rules;
mod scorecards;
mod takeover;
mod written;

use std::sync::Arc;

use super::*;
use crate::domain::{
    Author, AuthorKind, Axis, Conversation, ConversationId, Message, MessageId, MessageKind, RevisionRef,
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
        let card = Scorecard::compile(file.into_revision(revision, UnixMillis::clamped(0)));
        Arc::new(card.unwrap_or_else(|faults| panic!("{}: {faults}", builtin.base)))
    });
    Scorer::new(scorecards.into())
}

/// `c: text`, `a: text` (AI), `t: text` (a teammate, as any other name), `n: note` of `t`, `an: note` of the AI; ten seconds
/// apart.
pub fn transcript(lines: &[&str]) -> Transcript {
    let messages: Vec<Message> = (0..)
        .zip(lines)
        .map(|(index, line)| {
            let (who, content) = line.split_once(": ").expect("a line begins with who wrote it");
            let (who, is_note) = who.strip_suffix('n').map_or((who, false), |who| (who, true));
            let (kind, name) = match who {
                "c" => (AuthorKind::Contact, "customer"),
                "a" => (AuthorKind::Ai, "bot"),
                "" => (AuthorKind::Teammate, "t"),
                who => (AuthorKind::Teammate, who),
            };
            Message {
                id: MessageId(100 + index as u64),
                external_id: format!("m{index}").parse().unwrap(),
                kind: if is_note { MessageKind::Comment } else { MessageKind::Message },
                content: content.to_owned(),
                author: Author { kind, external_id: Some(name.parse().unwrap()), name: None },
                create_time: UnixMillis::clamped(1_700_000_000_000 + index * 10_000),
                ai_tool: None,
                details: None,
                update_time: None,
                is_automatic: false,
            }
        })
        .collect();
    let conversation = Conversation {
        id: ConversationId(1),
        source: "custom".parse().unwrap(),
        external_id: "1".parse().unwrap(),
        subject: None,
        version: 1,
        message_count: messages.len() as u32,
        create_time: UnixMillis::clamped(0),
        update_time: UnixMillis::clamped(0),
        handling: crate::domain::Handling::default(),
        delete_time: None,
        unscored_version: None,
        language: None,
        told_time: None,
        held: None,
    };
    Transcript { conversation, messages }
}

/// The AXIS of a conversation, by the built-in scorecard.
pub fn axis(scorer: &Scorer, transcript: &Transcript) -> Axis {
    cases::axis_of(scorer, transcript).expect("its language is read")
}

/// The processor time of this thread, in seconds: whatever else the machine does does not count.
pub fn thread_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

thread_local! {
    /// Compiled once a thread: property tests score hundreds of transcripts.
    pub static SCORER: Scorer = scorer();
}
