//! The messages of a transcript, each read once.

use std::collections::VecDeque;

use super::acts::{self, Act};
use crate::{
    domain::{Author, AuthorKind, Language, Message, MessageId, MessageKind},
    scoring::{
        text::{self, Reading, Side, Signal, WINDOW, overlap, similarity},
        written::{self, Automatic, Written},
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Customer,
    Ai,
    Teammate,
}

/// One message as facts see it.
#[derive(Debug)]
pub struct Digest<'m> {
    pub id: MessageId,
    pub role: Role,
    pub author: &'m Author,
    pub content: &'m str,
    /// An internal note; the customer never saw it.
    pub is_note: bool,
    /// No person wrote it: it is shown, and takes no part in any fact but the one that counts such messages.
    pub automatic: Option<Automatic>,
    pub time_millis: i64,
    pub assisted: bool,
    /// How many files came with it; absent where nobody says, as of an imported message.
    pub attachments: Option<usize>,
    pub reading: Reading,
    /// It is written in capitals, for certain.
    pub shouts: bool,
    pub act: Act,
    /// The earlier message of the same side that it says again, by position in the transcript.
    pub repeats: Option<usize>,
}

impl Digest<'_> {
    pub fn has(&self, signal: Signal) -> bool {
        self.reading.signals.has(signal)
    }

    pub fn is_customer(&self) -> bool {
        self.role == Role::Customer && self.is_public()
    }

    /// A public message of an AI or a teammate.
    pub fn is_reply(&self) -> bool {
        self.role != Role::Customer && self.is_public()
    }

    /// The customer wants something.
    pub fn is_request(&self) -> bool {
        self.is_customer() && self.act.requests
    }

    /// The customer says that something is wrong.
    pub fn is_negative(&self) -> bool {
        self.is_customer() && self.act.is_negative
    }

    /// A message or a reply that a person or an AI wrote for the other side to read.
    pub fn is_public(&self) -> bool {
        !self.is_note && self.automatic.is_none()
    }

    /// A reply that answers: more than a holding line.
    pub fn is_answer(&self) -> bool {
        self.is_reply() && !self.act.only_holds
    }

    /// A reply that holds something: a deed, a way on, figures, or more than a phrase.
    pub fn is_substantive(&self) -> bool {
        self.is_reply() && self.act.is_substantive
    }
}

/// Reads every message of a transcript; `given` is the language that its caller says it is in.
pub fn digest(messages: &[Message], given: Option<Language>) -> Vec<Digest<'_>> {
    let side = |message: &Message| match message.author.kind {
        AuthorKind::Contact => Side::Customer,
        AuthorKind::Ai | AuthorKind::Teammate => Side::Agents,
    };
    let written: Vec<Written> = messages.iter().map(written::of).collect();
    // What no person wrote says nothing of a language, or of anything else.
    let texts: Vec<&str> =
        written.iter().map(|it| if it.automatic.is_some() { "" } else { &it.text }).collect();
    let readings = text::read(messages.iter().map(side).zip(texts.iter().copied()), given);
    let in_capitals = written::of_medium(texts.iter().copied());
    let mut digests: Vec<Digest> = messages
        .iter()
        .zip(&written)
        .zip(readings)
        .map(|((message, written), reading)| Digest {
            automatic: written.automatic,
            shouts: reading.shouts && !in_capitals && written::shouts(&written.text),
            ..of(message, reading)
        })
        .collect();
    set_ratings(&mut digests, &texts);
    acts::set(&mut digests);
    set_repeats(&mut digests);
    digests
}

fn of(message: &Message, reading: Reading) -> Digest<'_> {
    Digest {
        id: message.id,
        role: match message.author.kind {
            AuthorKind::Contact => Role::Customer,
            AuthorKind::Ai => Role::Ai,
            AuthorKind::Teammate => Role::Teammate,
        },
        author: &message.author,
        content: &message.content,
        is_note: message.kind == MessageKind::Comment,
        automatic: None,
        time_millis: message.create_time.millis(),
        assisted: message.ai_tool.is_some(),
        attachments: message.details.as_ref().map(|details| details.file_count()),
        reading,
        shouts: false,
        act: Act::default(),
        repeats: None,
    }
}

/// A bare number or stars straight after a request for a rating are the answer to a survey, and no words of the customer.
fn set_ratings(digests: &mut [Digest], texts: &[&str]) {
    let mut asked = false;
    let seen =
        |digest: &Digest| !digest.is_note && matches!(digest.automatic, None | Some(Automatic::Survey));
    for (digest, text) in digests.iter_mut().zip(texts).filter(|(digest, _)| seen(digest)) {
        if digest.role != Role::Customer {
            asked = asks_for_rating(digest);
        } else if std::mem::take(&mut asked) && written::is_rating(text) {
            digest.automatic = Some(Automatic::Survey);
            digest.reading = Reading::default();
        }
    }
}

/// Whether a rating is the last thing that it asks for.
fn asks_for_rating(digest: &Digest) -> bool {
    let Reading { sentences, .. } = &digest.reading;
    let asked = sentences.iter().rfind(|sentence| {
        let asks = sentence.signals.has_any(&[Signal::RatingRequest, Signal::DataRequest]);
        asks || (sentence.asks && !sentence.signals.has(Signal::HelpOffer))
    });
    digest.automatic == Some(Automatic::Survey)
        || asked.is_some_and(|sentence| sentence.signals.has(Signal::RatingRequest))
}

fn set_repeats(digests: &mut [Digest]) {
    let mut recent = [VecDeque::new(), VecDeque::new()];
    for position in 0..digests.len() {
        let digest = &digests[position];
        if !digest.is_public() {
            continue;
        }
        let side: &mut VecDeque<usize> = &mut recent[usize::from(digest.is_customer())];
        let repeats = side.iter().copied().find(|earlier| says_again(&digests[*earlier], digest));
        side.push_back(position);
        if side.len() > WINDOW {
            side.pop_front();
        }
        digests[position].repeats = repeats;
    }
}

/// Customers put the same request in other words; an agent's answer counts as the same only when it hardly differs.
const CUSTOMER_SIMILARITY: f64 = 0.6;
const REPLY_SIMILARITY: f64 = 0.85;
/// Customers also say all of it again among other things: so much of an earlier request must come back, and the later
/// one must not be so much longer that this means nothing.
const CONTAINED: f64 = 0.8;
const LONGER_AT_MOST: usize = 5;

fn says_again(earlier: &Digest, later: &Digest) -> bool {
    let (old, new) = (&earlier.reading, &later.reading);
    let customer = later.is_customer();
    if customer && !(earlier.is_request() && later.is_request()) {
        return false;
    }
    if new.wording == old.wording && new.content_words >= 2 {
        return true;
    }
    let shorter = old.sketch.len().min(new.sketch.len());
    if !customer {
        return shorter >= 3 && similarity(&old.sketch, &new.sketch) >= REPLY_SIMILARITY;
    }
    let contained = || {
        new.sketch.len() <= old.sketch.len() * LONGER_AT_MOST
            && overlap(&old.sketch, &new.sketch).is_some_and(|part| part >= CONTAINED)
    };
    shorter >= 2 && (similarity(&old.sketch, &new.sketch) >= CUSTOMER_SIMILARITY || contained())
}
