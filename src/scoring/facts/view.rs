//! What facts look at: the messages of one unit, each read once.

use std::{collections::VecDeque, ops::Range};

use super::Context;
use crate::{
    domain::{Author, AuthorKind, Message, MessageId, MessageKind, UnitKind},
    scoring::text::{self, Language, Reading, Side, Signal, WINDOW, overlap, similarity},
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
    pub time_millis: i64,
    pub assisted: bool,
    /// How many files came with it; absent where nobody says, as of an imported message.
    pub attachments: Option<usize>,
    pub reading: Reading,
    /// The earlier message of the same side that it says again, by position in the transcript.
    pub repeats: Option<usize>,
}

impl Digest<'_> {
    pub fn has(&self, signal: Signal) -> bool {
        self.reading.signals.has(signal)
    }

    pub fn is_customer(&self) -> bool {
        self.role == Role::Customer && !self.is_note
    }

    /// A public message of an AI or a teammate.
    pub fn is_reply(&self) -> bool {
        self.role != Role::Customer && !self.is_note
    }

    /// The customer wants something: it asks, or it says something that is no mere thanks or goodbye.
    pub fn is_request(&self) -> bool {
        let parting = [Signal::Thanks, Signal::Confirmation, Signal::Closing, Signal::Abandonment];
        self.is_customer()
            && (self.reading.asks
                || (self.reading.content_words >= 3 && !self.reading.signals.has_any(&parting)))
    }

    /// The customer says that something is wrong.
    pub fn is_negative(&self) -> bool {
        let signals = [
            Signal::Complaint,
            Signal::Correction,
            Signal::Unsolved,
            Signal::Leaving,
            Signal::Abandonment,
            Signal::Profanity,
        ];
        self.reading.signals.has_any(&signals) || self.reading.sentiment.is_some_and(|tone| tone <= -0.4)
    }

    /// A reply that holds something: a deed, a way on, figures, or more than a phrase.
    pub fn is_substantive(&self) -> bool {
        const EMPTY: [Signal; 4] =
            [Signal::Inability, Signal::Misunderstanding, Signal::Handoff, Signal::Deferral];
        let reading = &self.reading;
        if reading.signals.has(Signal::ActionDone) {
            return true;
        }
        let holds = |least_words| reading.content_words >= least_words;
        let way_on = reading.signals.has(Signal::NextStep) && !reading.signals.has(Signal::Deferral);
        (way_on && holds(3))
            || (!reading.signals.has_any(&EMPTY) && holds(if reading.has_figures { 3 } else { 7 }))
    }
}

/// Reads every message of a transcript.
pub fn digest(messages: &[Message]) -> Vec<Digest<'_>> {
    let side = |message: &Message| match message.author.kind {
        AuthorKind::Contact => Side::Customer,
        AuthorKind::Ai | AuthorKind::Teammate => Side::Agents,
    };
    let texts = messages.iter().map(|message| (side(message), message.content.as_str()));
    let readings = text::read(texts, None);
    let mut digests: Vec<Digest> = Vec::with_capacity(messages.len());
    let mut recent = [VecDeque::new(), VecDeque::new()];
    for ((position, message), reading) in messages.iter().enumerate().zip(readings) {
        let role = match message.author.kind {
            AuthorKind::Contact => Role::Customer,
            AuthorKind::Ai => Role::Ai,
            AuthorKind::Teammate => Role::Teammate,
        };
        let mut digest = Digest {
            id: message.id,
            role,
            author: &message.author,
            content: &message.content,
            is_note: message.kind == MessageKind::Comment,
            time_millis: message.create_time.millis(),
            assisted: message.ai_tool.is_some(),
            attachments: message.details.as_ref().map(|details| details.attachments.len()),
            reading,
            repeats: None,
        };
        if !digest.is_note {
            let side: &mut VecDeque<usize> = &mut recent[usize::from(role == Role::Customer)];
            digest.repeats = side.iter().copied().find(|earlier| says_again(&digests[*earlier], &digest));
            side.push_back(position);
            if side.len() > WINDOW {
                side.pop_front();
            }
        }
        digests.push(digest);
    }
    digests
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

/// The messages of one unit.
pub struct View<'a> {
    pub unit: UnitKind,
    /// In order of arrival, customer, agents and notes.
    pub digests: &'a [Digest<'a>],
    /// Where the first of them stands in the transcript.
    pub start: usize,
    /// Another agent took over after this worklog.
    pub taken_over: bool,
    pub context: Context,
    pub customer_language: Option<Language>,
    pub agent_language: Option<Language>,
}

/// A customer's wait for a reply.
pub struct Wait<'a> {
    pub asked: &'a Digest<'a>,
    pub answered: &'a Digest<'a>,
    pub millis: i64,
}

/// An AI's stretch ends and a teammate's begins.
pub struct Handoff<'a> {
    pub from: &'a Digest<'a>,
    /// Position in the view of the AI's last public message.
    pub from_position: usize,
    pub to: &'a Digest<'a>,
    /// Position in the view of the teammate's first message or note.
    pub to_position: usize,
}

impl<'a> View<'a> {
    pub fn conversation(digests: &'a [Digest<'a>]) -> Self {
        Self::of(UnitKind::Conversation, digests, 0..digests.len(), false)
    }

    pub fn worklog(digests: &'a [Digest<'a>], window: Range<usize>, taken_over: bool) -> Self {
        Self::of(UnitKind::Worklog, digests, window, taken_over)
    }

    /// With what is known beside the messages; without it nothing is.
    #[must_use]
    pub fn context(self, context: Context) -> Self {
        Self { context, ..self }
    }

    fn of(unit: UnitKind, all: &'a [Digest<'a>], window: Range<usize>, taken_over: bool) -> Self {
        let digests = &all[window.clone()];
        Self {
            unit,
            digests,
            start: window.start,
            taken_over,
            context: Context::default(),
            customer_language: language(digests.iter().filter(|digest| digest.is_customer())),
            agent_language: language(digests.iter().filter(|digest| digest.is_reply())),
        }
    }

    /// The customer's messages.
    pub fn customer(&self) -> impl DoubleEndedIterator<Item = &'a Digest<'a>> + use<'a> {
        self.digests.iter().filter(|digest| digest.is_customer())
    }

    /// Public messages of AIs and teammates.
    pub fn replies(&self) -> impl DoubleEndedIterator<Item = &'a Digest<'a>> + use<'a> {
        self.digests.iter().filter(|digest| digest.is_reply())
    }

    pub fn notes(&self) -> impl DoubleEndedIterator<Item = &'a Digest<'a>> + use<'a> {
        self.digests.iter().filter(|digest| digest.is_note)
    }

    pub fn public(&self) -> impl DoubleEndedIterator<Item = &'a Digest<'a>> + use<'a> {
        self.digests.iter().filter(|digest| !digest.is_note)
    }

    /// Whether there are messages of the customer and their words can be read: no word list is applied to a language
    /// that it is not for. One message that can be read is enough, so that a further message never hides what others said.
    pub fn reads_customer(&self) -> bool {
        self.customer().any(|digest| digest.reading.is_read)
    }

    /// Whether there are public messages of agents and their words can be read.
    pub fn reads_replies(&self) -> bool {
        self.replies().any(|digest| digest.reading.is_read)
    }

    /// The customer's messages, when `reads_customer`.
    pub fn readable_customer(&self) -> Option<impl DoubleEndedIterator<Item = &'a Digest<'a>> + use<'a>> {
        self.reads_customer().then(|| self.customer())
    }

    /// The agents' public messages, when `reads_replies`.
    pub fn readable_replies(&self) -> Option<impl DoubleEndedIterator<Item = &'a Digest<'a>> + use<'a>> {
        self.reads_replies().then(|| self.replies())
    }

    /// The customer's last request, with what followed it.
    pub fn last_request(&self) -> Option<(&'a Digest<'a>, &'a [Digest<'a>])> {
        let position = self.digests.iter().rposition(Digest::is_request)?;
        Some((&self.digests[position], &self.digests[position + 1..]))
    }

    /// Every wait that a reply ended. One whose times go back cannot be known and is left out.
    pub fn waits(&self) -> Vec<Wait<'a>> {
        let mut waits = Vec::new();
        let mut asked: Option<&Digest> = None;
        for digest in self.public() {
            if digest.is_customer() {
                asked = asked.or(Some(digest));
            } else if let Some(asked) = asked.take()
                && let Some(millis) = digest.time_millis.checked_sub(asked.time_millis)
                && millis >= 0
            {
                waits.push(Wait { asked, answered: digest, millis });
            }
        }
        waits
    }

    /// Every change from an AI that wrote to the customer to a teammate who writes a message or a note. An AI that only
    /// leaves notes has not handed anything over.
    pub fn handoffs(&self) -> Vec<Handoff<'a>> {
        let mut handoffs = Vec::new();
        let mut last: Option<(usize, &Digest)> = None;
        for (position, digest) in self.digests.iter().enumerate() {
            if digest.role == Role::Customer || (digest.role == Role::Ai && digest.is_note) {
                continue;
            }
            if let Some((from_position, from)) = last
                && from.role == Role::Ai
                && digest.role == Role::Teammate
            {
                handoffs.push(Handoff { from, from_position, to: digest, to_position: position });
            }
            last = Some((position, digest));
        }
        handoffs
    }
}

/// The language of most of the words whose language can be told.
fn language<'a>(messages: impl Iterator<Item = &'a Digest<'a>>) -> Option<Language> {
    let readings = messages.map(|digest| &digest.reading);
    text::most(readings.filter_map(|reading| Some((reading.language?, reading.counts.words))))
}
