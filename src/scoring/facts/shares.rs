//! Shares: what part of the messages shows something. Unlike counts they do not grow with the length of a conversation.

use super::{Digest, Fact, FactKind, Found, Scope, View};
use crate::scoring::text::Signal;

pub const FACTS: &[Fact] = &[
    Fact {
        name: "thanks_ratio",
        unit: "0 to 1",
        kind: FactKind::Number,
        doc: "Part of the customer's messages after the first reply that give thanks and say nothing against them. Like all \
              shares absent without such messages, or where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| of_customer_after_reply(view, |digest| digest.act.thanks),
    },
    Fact {
        name: "complaints_ratio",
        unit: "0 to 1",
        kind: FactKind::Number,
        doc: "Part of the customer's messages that complain, are angry, or threaten to leave.",
        scope: Scope::Both,
        compute: |view| {
            of_customer(view, &[Signal::Complaint, Signal::Anger, Signal::Leaving, Signal::Profanity])
        },
    },
    Fact {
        name: "corrections_ratio",
        unit: "0 to 1",
        kind: FactKind::Number,
        doc: "Part of the customer's messages after the first reply that say that an answer missed the point, did not work, or \
              had been given already.",
        scope: Scope::Both,
        compute: |view| {
            of_customer_after_reply(view, |digest| {
                digest.reading.signals.has_any(&[Signal::Correction, Signal::Unsolved])
            })
        },
    },
    Fact {
        name: "waiting_ratio",
        unit: "0 to 1",
        kind: FactKind::Number,
        doc: "Part of the customer's messages that say that they have waited too long.",
        scope: Scope::Both,
        compute: |view| of_customer(view, &[Signal::Waiting]),
    },
    Fact {
        name: "repetition_ratio",
        unit: "0 to 1",
        kind: FactKind::Number,
        doc: "Part of the customer's messages that say an earlier one again.",
        scope: Scope::Both,
        compute: |view| share(view.readable_customer()?, |digest| digest.repeats.is_some()),
    },
    Fact {
        name: "apologies_ratio",
        unit: "0 to 1",
        kind: FactKind::Number,
        doc: "Part of the replies that apologize.",
        scope: Scope::Both,
        compute: |view| of_replies(view, Signal::Apology),
    },
    Fact {
        name: "inabilities_ratio",
        unit: "0 to 1",
        kind: FactKind::Number,
        doc: "Part of the replies that say something cannot be done, is not available or was not found.",
        scope: Scope::Both,
        compute: |view| of_replies(view, Signal::Inability),
    },
    Fact {
        name: "misunderstandings_ratio",
        unit: "0 to 1",
        kind: FactKind::Number,
        doc: "Part of the replies in which an agent says they did not understand.",
        scope: Scope::Both,
        compute: |view| of_replies(view, Signal::Misunderstanding),
    },
    Fact {
        name: "holding_ratio",
        unit: "0 to 1",
        kind: FactKind::Number,
        doc: "Part of the replies that only put off: holding lines, promises without a date, handing over.",
        scope: Scope::Both,
        compute: |view| share(view.readable_replies()?, |digest| digest.act.only_holds),
    },
];

fn of_customer(view: &View, signals: &[Signal]) -> Option<Found> {
    share(view.readable_customer()?, |digest| digest.reading.signals.has_any(signals))
}

fn of_customer_after_reply(view: &View, shows: impl Fn(&Digest) -> bool) -> Option<Found> {
    let first = view.replies().next()?.id;
    share(view.readable_customer()?.filter(|digest| digest.id > first), shows)
}

fn of_replies(view: &View, signal: Signal) -> Option<Found> {
    share(view.readable_replies()?, |digest| digest.has(signal))
}

fn share<'a>(
    messages: impl Iterator<Item = &'a Digest<'a>>,
    shows: impl Fn(&Digest) -> bool,
) -> Option<Found> {
    let messages: Vec<&Digest> = messages.collect();
    let shown: Vec<&Digest> = messages.iter().copied().filter(|digest| shows(digest)).collect();
    (!messages.is_empty()).then(|| Found::number(shown.len() as f64 / messages.len() as f64, shown))
}
