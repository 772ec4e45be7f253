//! How the customer felt about it.

use super::{Digest, Fact, FactKind, Found, Scope, View, acts::BAD_TONE};
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
        name: "complaints",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages in which the customer complains. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| customer_signal(view, Signal::Complaint),
    },
    Fact {
        name: "angry_messages",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages in which the customer is angry without swearing: sent in circles, told nothing. Absent where the \
              language cannot be read.",
        scope: Scope::Both,
        compute: |view| customer_signal(view, Signal::Anger),
    },
    Fact {
        name: "threats_to_leave",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages in which the customer threatens to leave, or to go to a lawyer or the public. Absent where the \
              language cannot be read.",
        scope: Scope::Both,
        compute: |view| customer_signal(view, Signal::Leaving),
    },
    Fact {
        name: "waiting_complaints",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages in which the customer says that they have waited too long. Absent where the language cannot be \
              read.",
        scope: Scope::Both,
        compute: |view| customer_signal(view, Signal::Waiting),
    },
    Fact {
        name: "abandonments",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages in which the customer gives up: never mind, forget it. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| customer_signal(view, Signal::Abandonment),
    },
    Fact {
        name: "negative_messages",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages in which the customer complains, is angry, threatens to leave, has waited too long, corrects an \
              answer, says that something is missing, does not work or is not solved, gives up or swears, whatever the tone, or has a tone of -0.35 or less. \
              Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.readable_customer()?.filter(|digest| digest.is_negative()))),
    },
    Fact {
        name: "customer_tone_balance",
        unit: "-1 to 1",
        kind: FactKind::Number,
        doc: "Part of the customer's messages in a good tone, or with thanks, less the part that is negative.",
        scope: Scope::Both,
        compute: |view| {
            let messages = view.readable_customer()?.count() as f64;
            let (mut good, mut bad) = (0.0, 0.0);
            for digest in view.readable_customer()? {
                let bright = digest.reading.sentiment.is_some_and(|tone| tone >= -BAD_TONE);
                bad += f64::from(u8::from(digest.is_negative()));
                good += f64::from(u8::from(!digest.is_negative() && (bright || digest.act.thanks)));
            }
            Some(Found::number((good - bad) / messages, view.customer()))
        },
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
        compute: |view| Some(Found::count(view.customer().filter(|digest| digest.shouts))),
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
