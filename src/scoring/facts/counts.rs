//! How much was written, and by whom.

use std::collections::HashSet;

use super::{Digest, Fact, FactKind, Found, Role, Scope, View};
use crate::scoring::text::Signal;

pub const FACTS: &[Fact] = &[
    Fact {
        name: "customer_messages",
        unit: "messages",
        kind: FactKind::Int,
        doc: "What the customer wrote.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.customer())),
    },
    Fact {
        name: "ai_messages",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Public messages of AI agents.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.replies().filter(|digest| digest.role == Role::Ai))),
    },
    Fact {
        name: "teammate_messages",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Public messages of teammates.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.replies().filter(|digest| digest.role == Role::Teammate))),
    },
    Fact {
        name: "agent_messages",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Public messages of AI agents and teammates.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.replies())),
    },
    Fact {
        name: "notes",
        unit: "notes",
        kind: FactKind::Int,
        doc: "Internal notes, whoever wrote them.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.notes())),
    },
    Fact {
        name: "teammate_notes",
        unit: "notes",
        kind: FactKind::Int,
        doc: "Internal notes of teammates.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.notes().filter(|digest| digest.role == Role::Teammate))),
    },
    Fact {
        name: "automatic_messages",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages that no person wrote: out-of-office notes, acknowledgements of receipt, lines of the helpdesk, surveys, \
              reactions, delivery failures. They take no part in any other fact.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.digests.iter().filter(|digest| digest.automatic.is_some()))),
    },
    Fact {
        name: "attachments",
        unit: "files",
        kind: FactKind::Int,
        doc: "Files that came with messages and notes, without images in their text. Absent where all of them were imported, which tells of no files.",
        scope: Scope::Both,
        compute: |view| {
            let told: Vec<usize> = view.digests.iter().filter_map(|digest| digest.attachments).collect();
            let with = view.digests.iter().filter(|digest| digest.attachments.is_some_and(|count| count > 0));
            (!told.is_empty()).then(|| Found::int(told.iter().sum::<usize>() as i64, with))
        },
    },
    Fact {
        name: "assisted_replies",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Public messages of teammates that name an AI tool.",
        scope: Scope::Both,
        compute: |view| {
            let assisted = |digest: &&Digest| digest.role == Role::Teammate && digest.assisted;
            Some(Found::count(view.replies().filter(assisted)))
        },
    },
    Fact {
        name: "turns",
        unit: "turns",
        kind: FactKind::Int,
        doc: "Stretches of public messages of one side, customer or company.",
        scope: Scope::Both,
        compute: |view| {
            let mut previous = None;
            let turns = view
                .public()
                .filter(|digest| previous.replace(digest.is_customer()) != Some(digest.is_customer()));
            Some(Found::count(turns))
        },
    },
    Fact {
        name: "agents",
        unit: "agents",
        kind: FactKind::Int,
        doc: "AI agents and teammates who wrote a message or a note.",
        scope: Scope::Both,
        compute: agents,
    },
    Fact {
        name: "customer_words",
        unit: "words",
        kind: FactKind::Int,
        doc: "Words in the customer's messages.",
        scope: Scope::Both,
        compute: |view| {
            let words: u32 = view.customer().map(|digest| digest.reading.counts.words).sum();
            Some(Found::int(i64::from(words), view.customer()))
        },
    },
    Fact {
        name: "agent_words_per_message",
        unit: "words",
        kind: FactKind::Number,
        doc: "Mean length of the agents' public messages. Absent without one.",
        scope: Scope::Both,
        compute: |view| {
            let count = view.replies().count();
            let words: u32 = view.replies().map(|digest| digest.reading.counts.words).sum();
            (count > 0).then(|| Found::number(f64::from(words) / count as f64, view.replies()))
        },
    },
    Fact {
        name: "customer_questions",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages in which the customer asks something.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.customer().filter(|digest| digest.reading.asks))),
    },
    Fact {
        name: "customer_requests",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages in which the customer wants something: questions, and statements that are no mere thanks, \
              confirmation or goodbye. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.readable_customer()?.filter(|digest| digest.is_request()))),
    },
    Fact {
        name: "agent_questions",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Public messages in which an agent asks something back, offers of further help left out.",
        scope: Scope::Both,
        compute: agent_questions,
    },
];

fn agent_questions(view: &View) -> Option<Found> {
    let asks = |digest: &&Digest| {
        digest.reading.asks && !digest.reading.signals.has_any(&[Signal::Closing, Signal::HelpOffer])
    };
    Some(Found::count(view.replies().filter(asks)))
}

/// By external id, and by name where there is none: as `Author::is_same_as` tells them apart, without comparing all pairs.
fn agents(view: &View) -> Option<Found> {
    let mut known = HashSet::new();
    let first_words = view.digests.iter().filter(|digest| {
        let author = digest.author;
        let name = author.external_id.is_none().then_some(&author.name);
        digest.role != Role::Customer
            && digest.automatic.is_none()
            && known.insert((author.kind, &author.external_id, name))
    });
    Some(Found::count(first_words))
}
