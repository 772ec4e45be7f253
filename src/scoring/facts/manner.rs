//! How the agents wrote.

use super::{Digest, Fact, FactKind, Found, Scope, View};
use crate::{
    domain::FactValue,
    scoring::text::{Language, ReadingCounts, Signal, reading_ease},
};

pub const FACTS: &[Fact] = &[
    Fact {
        name: "greeting_present",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The first reply greets. Like all facts on the agents' words absent without a reply, or where the language \
              cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            Some(Found::any(view.readable_replies()?.take(1).filter(|digest| digest.has(Signal::Greeting))))
        },
    },
    Fact {
        name: "closing_present",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "One of the last two replies takes leave or offers further help.",
        scope: Scope::Both,
        compute: |view| {
            Some(Found::any(
                view.readable_replies()?.rev().take(2).filter(|digest| digest.has(Signal::Closing)),
            ))
        },
    },
    Fact {
        name: "apologies",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Replies that apologize.",
        scope: Scope::Both,
        compute: |view| reply_signal(view, Signal::Apology),
    },
    Fact {
        name: "empathy_phrases",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Replies that take up how the customer feels.",
        scope: Scope::Both,
        compute: |view| reply_signal(view, Signal::Empathy),
    },
    Fact {
        name: "empathy_after_negative",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "After the customer's first negative message a reply shows empathy or apologizes. Absent when the customer \
              was never negative, or no reply followed.",
        scope: Scope::Both,
        compute: empathy_after_negative,
    },
    Fact {
        name: "inabilities",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Replies that say something cannot be done, is not available or was not found.",
        scope: Scope::Both,
        compute: |view| reply_signal(view, Signal::Inability),
    },
    Fact {
        name: "inability_at_end",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The last reply says that something cannot be done and tells of no deed.",
        scope: Scope::Both,
        compute: |view| {
            let last = view.readable_replies()?.next_back()?;
            Some(Found::bool(last.has(Signal::Inability) && !last.act.is_deed, [last]))
        },
    },
    Fact {
        name: "misunderstandings",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Replies in which an agent says they did not understand.",
        scope: Scope::Both,
        compute: |view| reply_signal(view, Signal::Misunderstanding),
    },
    Fact {
        name: "actions_done",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Replies that tell the customer of a deed: refunded, booked, fixed.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.readable_replies()?.filter(|digest| digest.act.is_deed))),
    },
    Fact {
        name: "next_steps",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Replies that say what to do, what will happen, or how it is.",
        scope: Scope::Both,
        compute: |view| reply_signal(view, Signal::NextStep),
    },
    Fact {
        name: "handoff_phrases",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Replies that pass the customer on to somebody else.",
        scope: Scope::Both,
        compute: |view| reply_signal(view, Signal::Handoff),
    },
    Fact {
        name: "substantive_replies_ratio",
        unit: "0 to 1",
        kind: FactKind::Number,
        doc: "Part of the replies that hold something: a deed, a way on, figures, or more than a phrase.",
        scope: Scope::Both,
        compute: |view| {
            let replies = view.readable_replies()?.count();
            let substantive: Vec<&Digest> = view.replies().filter(|digest| digest.is_substantive()).collect();
            Some(Found::number(substantive.len() as f64 / replies as f64, substantive))
        },
    },
    Fact {
        name: "agent_profanity",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Replies that swear.",
        scope: Scope::Both,
        compute: |view| reply_signal(view, Signal::Profanity),
    },
    Fact {
        name: "agent_shouting",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Replies written mostly in capitals. Absent without a reply.",
        scope: Scope::Both,
        compute: |view| {
            view.replies().next()?;
            Some(Found::count(view.replies().filter(|digest| digest.shouts)))
        },
    },
    Fact {
        name: "agent_sentiment_mean",
        unit: "-1 to 1",
        kind: FactKind::Number,
        doc: "Mean tone of the replies.",
        scope: Scope::Both,
        compute: |view| {
            let tones: Vec<f64> =
                view.readable_replies()?.filter_map(|digest| digest.reading.sentiment).collect();
            (!tones.is_empty())
                .then(|| Found::number(tones.iter().sum::<f64>() / tones.len() as f64, view.replies()))
        },
    },
    Fact {
        name: "agent_reading_ease",
        unit: "Flesch points, 0 to 100",
        kind: FactKind::Number,
        doc: "How easy the replies are to read: 60 and more is plain English, below 30 is hard. Absent under 15 words.",
        scope: Scope::Both,
        compute: |view| {
            let mut counts = ReadingCounts::default();
            let english = |digest: &&Digest| digest.reading.language == Some(Language::ENGLISH);
            view.readable_replies()?.filter(english).for_each(|digest| counts += digest.reading.counts);
            Some(Found::number(reading_ease(counts)?, view.replies()))
        },
    },
    Fact {
        name: "customer_language",
        unit: "ISO 639-3 code",
        kind: FactKind::Text,
        doc: "The language of the customer's messages: eng, deu. Absent when it cannot be told.",
        scope: Scope::Both,
        compute: |view| language(view.customer_language, view.customer().next()),
    },
    Fact {
        name: "agent_language",
        unit: "ISO 639-3 code",
        kind: FactKind::Text,
        doc: "The language of the replies. Absent when it cannot be told.",
        scope: Scope::Both,
        compute: |view| language(view.agent_language, view.replies().next()),
    },
    Fact {
        name: "same_language",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The replies are in the customer's language. Absent when either cannot be told.",
        scope: Scope::Both,
        compute: |view| {
            let same = view.customer_language? == view.agent_language?;
            Some(Found::bool(same, view.replies().take(1)))
        },
    },
];

fn reply_signal(view: &View, signal: Signal) -> Option<Found> {
    Some(Found::count(view.readable_replies()?.filter(|digest| digest.has(signal))))
}

fn empathy_after_negative(view: &View) -> Option<Found> {
    view.reads_replies().then_some(())?;
    view.reads_customer().then_some(())?;
    let negative = view.digests.iter().position(|digest| digest.is_customer() && digest.is_negative())?;
    let mut replies = view.digests[negative + 1..].iter().filter(|digest| digest.is_reply()).peekable();
    replies.peek()?;
    let shown = replies.find(|digest| digest.reading.signals.has_any(&[Signal::Empathy, Signal::Apology]));
    Some(Found::bool(shown.is_some(), [&view.digests[negative]].into_iter().chain(shown)))
}

fn language(found: Option<Language>, first: Option<&Digest>) -> Option<Found> {
    Some(Found::new(FactValue::Text(found?.0.to_owned()), [first?.id]))
}
