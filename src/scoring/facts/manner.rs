//! How the agents wrote.

use std::collections::HashSet;

use super::{Digest, Fact, FactKind, Found, Scope, View};
use crate::{
    domain::FactValue,
    scoring::text::{Language, ReadingCounts, Sentence, Signal, reading_ease},
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
        doc: "After the customer's first unhappy message a reply shows empathy or apologizes, in words that no reply has \
              used before. Unhappy is only what is certain: complaints, anger, threats to leave, swearing, complaints of \
              waiting, corrections of an answer. Absent when there was no such message, or no reply followed.",
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
        doc: "The last reply says that something cannot be done, tells of no deed, and holds nothing besides.",
        scope: Scope::Both,
        compute: |view| {
            let last = view.readable_replies()?.next_back()?;
            Some(Found::bool(last.act.only_refuses, [last]))
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
        doc: "Replies that say what was done, what to do, or what will happen and when.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.readable_replies()?.filter(|digest| digest.act.goes_on))),
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
        doc: "Part of the replies that hold something: a deed, a way on, figures, or more than a phrase. Those that only \
              ask back or pass on, and those that cannot be told, are left out; absent if there are no others.",
        scope: Scope::Both,
        compute: |view| {
            let empty = view.readable_replies()?.filter(|digest| digest.act.is_empty).count();
            let holding: Vec<&Digest> = view.replies().filter(|digest| digest.act.holds).collect();
            let told = holding.len() + empty;
            (told > 0).then(|| Found::number(holding.len() as f64 / told as f64, holding))
        },
    },
    Fact {
        name: "empty_replies",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Replies to a request that hold no answer for certain: courtesy, holding lines, no word understood.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.readable_replies()?.filter(|digest| digest.act.is_empty))),
    },
    Fact {
        name: "agent_profanity",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Replies that swear. 0 only where every reply can be read.",
        scope: Scope::Both,
        compute: |view| certain(view, |digest| digest.has(Signal::Profanity)),
    },
    Fact {
        name: "agent_shouting",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Replies written mostly in capitals. 0 only where every reply can be read.",
        scope: Scope::Both,
        compute: |view| certain(view, |digest| digest.shouts),
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

/// How many replies there are of a kind. That there is none is known only where all of them were read.
fn certain(view: &View, is: impl Fn(&Digest) -> bool) -> Option<Found> {
    let found = Found::count(view.readable_replies()?.filter(|digest| is(digest)));
    let unread = |digest: &Digest| !digest.reading.is_read && digest.reading.counts.words > 0;
    let is_known = found.value != FactValue::Int(0) || !view.replies().any(unread);
    is_known.then_some(found)
}

fn empathy_after_negative(view: &View) -> Option<Found> {
    view.reads_replies().then_some(())?;
    view.reads_customer().then_some(())?;
    let negative = view.digests.iter().position(|digest| digest.is_customer() && digest.act.is_unhappy)?;
    let mut replies = view.digests[negative + 1..].iter().filter(|digest| digest.is_reply()).peekable();
    replies.peek()?;
    // The same words again are a habit, and meant for nobody.
    let wordings = |digest: &Digest| {
        let caring = digest.reading.sentences.iter().filter(|it| !is_bare(it));
        caring.filter_map(|it| it.wording).collect::<Vec<_>>()
    };
    let mut used: HashSet<u64> =
        view.digests[..negative].iter().filter(|digest| digest.is_reply()).flat_map(wordings).collect();
    let has_bare = replies.clone().any(|digest| digest.reading.sentences.iter().any(is_bare));
    let shown = replies.find(|digest| wordings(digest).into_iter().any(|wording| used.insert(wording)));
    if shown.is_none() && has_bare {
        return None;
    }
    Some(Found::bool(shown.is_some(), [&view.digests[negative]].into_iter().chain(shown)))
}

/// "I understand." may be meant or not.
fn is_bare(sentence: &Sentence) -> bool {
    sentence.wording.is_some() && !sentence.signals.has(Signal::Apology) && sentence.content_words <= 1
}

fn language(found: Option<Language>, first: Option<&Digest>) -> Option<Found> {
    Some(Found::new(FactValue::Text(found?.0.to_owned()), [first?.id]))
}
