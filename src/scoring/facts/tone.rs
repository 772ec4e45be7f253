//! How the customer felt about it, and how it ended.

use super::{Digest, Fact, FactKind, Found, Scope, View};
use crate::scoring::text::Signal;

pub const FACTS: &[Fact] = &[
    Fact {
        name: "customer_sentiment_first",
        unit: "-1 to 1",
        kind: FactKind::Number,
        doc: "Tone of the customer's first message. Like all tones absent where there are no words or the language \
              cannot be read.",
        scope: Scope::Both,
        compute: |view| tone(tones(view)?.first()),
    },
    Fact {
        name: "customer_sentiment_last",
        unit: "-1 to 1",
        kind: FactKind::Number,
        doc: "Tone of the customer's last message.",
        scope: Scope::Both,
        compute: |view| tone(tones(view)?.last()),
    },
    Fact {
        name: "customer_sentiment_lowest",
        unit: "-1 to 1",
        kind: FactKind::Number,
        doc: "Tone of the customer's worst message.",
        scope: Scope::Both,
        compute: |view| tone(tones(view)?.iter().min_by(|left, right| left.1.total_cmp(&right.1))),
    },
    Fact {
        name: "customer_sentiment_mean",
        unit: "-1 to 1",
        kind: FactKind::Number,
        doc: "Mean tone of the customer's messages.",
        scope: Scope::Both,
        compute: |view| {
            let tones = tones(view)?;
            let sum: f64 = tones.iter().map(|tone| tone.1).sum();
            (!tones.is_empty())
                .then(|| Found::number(sum / tones.len() as f64, tones.iter().map(|tone| tone.0)))
        },
    },
    Fact {
        name: "customer_sentiment_trend",
        unit: "-2 to 2",
        kind: FactKind::Number,
        doc: "Tone of the customer's last message less that of the first. Absent before there are two.",
        scope: Scope::Both,
        compute: |view| {
            let tones = tones(view)?;
            let (first, last) = (tones.first()?, tones.last()?);
            (tones.len() > 1).then(|| Found::number(last.1 - first.1, [first.0, last.0]))
        },
    },
    Fact {
        name: "thanks_at_end",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "After a reply the customer parts with thanks. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            view.reads_customer().then_some(())?;
            let first_reply = view.digests.iter().find(|digest| digest.is_reply()).map(|digest| digest.id);
            let thanks = parting_words(view).filter(|digest| digest.has(Signal::Thanks));
            // Ids ascend: thanks before any reply are thanks in advance.
            Some(Found::any(thanks.filter(|digest| first_reply.is_some_and(|reply| reply < digest.id))))
        },
    },
    Fact {
        name: "confirmation_at_end",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The customer parts saying that it is solved or that this was all. Absent where the language \
              cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            view.reads_customer().then_some(())?;
            Some(Found::any(parting_words(view).filter(|digest| digest.has(Signal::Confirmation))))
        },
    },
    Fact {
        name: "negative_at_end",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The customer's last message complains, corrects, gives up or has a bad tone. Absent where the language \
              cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            let last = view.readable_customer()?.next_back()?;
            Some(Found::bool(last.is_negative(), [last]))
        },
    },
    Fact {
        name: "abandoned",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "In the last message the customer gives up: never mind, forget it. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            let last = view.readable_customer()?.next_back()?;
            Some(Found::bool(last.has(Signal::Abandonment), [last]))
        },
    },
    Fact {
        name: "complaints",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages in which the customer complains. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| customer_signal(view, Signal::Complaint),
    },
    Fact {
        name: "customer_profanity",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages in which the customer swears. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| customer_signal(view, Signal::Profanity),
    },
    Fact {
        name: "customer_shouting",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages that the customer wrote mostly in capitals.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.customer().filter(|digest| digest.reading.shouts))),
    },
    Fact {
        name: "customer_negative",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "Any message of the customer complains, corrects, gives up, swears or has a bad tone. Absent where the \
              language cannot be read.",
        scope: Scope::Both,
        compute: |view| Some(Found::any(view.readable_customer()?.filter(|digest| digest.is_negative()))),
    },
];

fn tones<'a>(view: &View<'a>) -> Option<Vec<(&'a Digest<'a>, f64)>> {
    Some(view.readable_customer()?.filter_map(|digest| Some((digest, digest.reading.sentiment?))).collect())
}

fn tone(found: Option<&(&Digest, f64)>) -> Option<Found> {
    found.map(|(digest, tone)| Found::number(*tone, [*digest]))
}

fn customer_signal(view: &View, signal: Signal) -> Option<Found> {
    Some(Found::count(view.readable_customer()?.filter(|digest| digest.has(signal))))
}

/// The customer's words at the end that want nothing more: the last two messages, as far as neither asks nor complains.
/// Words that open a conversation part with nobody.
fn parting_words<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Digest<'a>> {
    let opening = view.public().next().map(|digest| digest.id);
    let last = view.customer().rev().take(2).filter(move |digest| Some(digest.id) != opening);
    last.take_while(|digest| !digest.reading.asks && !digest.is_request() && !digest.is_negative())
}
