//! What facts look at: the messages of one unit.

use std::ops::Range;

use super::{Context, Digest, Role};
use crate::{
    domain::UnitKind,
    scoring::text::{self, Language, Signal},
};

/// The messages of one unit.
pub struct View<'a> {
    pub unit: UnitKind,
    /// In order of arrival, customer, agents and notes.
    pub digests: &'a [Digest<'a>],
    /// Where the first of them stands in the transcript.
    pub start: usize,
    /// Another agent took over after this worklog.
    pub taken_over: bool,
    /// What a worklog begins with.
    pub inherited: Option<Inherited<'a>>,
    pub context: Context,
    pub customer_language: Option<Language>,
    pub agent_language: Option<Language>,
}

/// A request that is still open where a worklog takes over.
#[derive(Clone, Copy)]
pub struct Inherited<'a> {
    pub request: &'a Digest<'a>,
    /// The last message or note of the agent before: from then on it waits for this one.
    pub left: &'a Digest<'a>,
}

/// A customer's wait for a reply.
pub struct Wait<'a> {
    pub asked: &'a Digest<'a>,
    /// The message that ended it, or the last one while it is open.
    pub until: &'a Digest<'a>,
    pub millis: i64,
}

impl<'a> Wait<'a> {
    /// A wait whose times go back cannot be known.
    fn between(asked: &'a Digest<'a>, until: &'a Digest<'a>) -> Option<Self> {
        let millis = until.time_millis.checked_sub(asked.time_millis)?;
        (millis >= 0).then_some(Self { asked, until, millis })
    }
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
            inherited: inherited(all, window),
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
        self.digests.iter().filter(|digest| digest.is_public())
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

    /// The customer's last request, with what followed it. It may stand before a worklog that takes over.
    pub fn last_request(&self) -> Option<(&'a Digest<'a>, &'a [Digest<'a>])> {
        match self.digests.iter().rposition(Digest::is_request) {
            Some(position) => Some((&self.digests[position], &self.digests[position + 1..])),
            None => self.inherited.map(|inherited| (inherited.request, self.digests)),
        }
    }

    /// Every wait: from the first message that waits to the reply that is more than a holding line, to the customer's word
    /// that it is settled, or as far as the last message.
    pub fn waits(&self) -> Vec<Wait<'a>> {
        let mut waits = Vec::new();
        let mut asked = self.inherited.map(|inherited| inherited.left);
        // Only a reply shows that somebody who told something was waiting.
        let mut asked_surely = asked;
        for digest in self.public() {
            if digest.is_answer() || digest.act.settles {
                let began = if digest.is_answer() { asked } else { asked_surely };
                waits.extend(began.and_then(|asked| Wait::between(asked, digest)));
                (asked, asked_surely) = (None, None);
            } else if digest.is_reply() {
                // Whoever is put off was waiting.
                asked_surely = asked;
            } else if digest.act.waits {
                asked = asked.or(Some(digest));
                asked_surely = asked_surely.or(digest.act.waits_surely.then_some(digest));
            }
        }
        // Nothing is known of a wait after which nobody wrote.
        if let (Some(asked), Some(last)) = (asked_surely, self.public().next_back())
            && asked.id < last.id
        {
            waits.extend(Wait::between(asked, last));
        }
        waits
    }

    /// Every change from an AI that wrote to the customer to a teammate who writes a message or a note. An AI that only
    /// leaves notes has not handed anything over.
    pub fn handoffs(&self) -> Vec<Handoff<'a>> {
        let mut handoffs = Vec::new();
        let mut last: Option<(usize, &Digest)> = None;
        for (position, digest) in self.digests.iter().enumerate() {
            if digest.role == Role::Customer
                || digest.automatic.is_some()
                || (digest.role == Role::Ai && digest.is_note)
            {
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

/// The customer's last request before the window, if nothing answered or settled it until the first reply of the window. A
/// reply that passes it on leaves the answer to this one, whatever else it says.
fn inherited<'a>(all: &'a [Digest<'a>], window: Range<usize>) -> Option<Inherited<'a>> {
    let left = all.get(window.start.checked_sub(1)?)?;
    let mut before = all[..window.start].iter().rev();
    let request =
        before.find(|digest| digest.is_request() || answers_itself(digest) || digest.act.settles)?;
    let mut until_reply = all[window].iter().take_while(|digest| !digest.is_reply());
    let is_settled = until_reply.any(|digest| digest.act.settles);
    (request.is_request() && !is_settled).then_some(Inherited { request, left })
}

fn answers_itself(digest: &Digest) -> bool {
    digest.is_answer() && !digest.has(Signal::Handoff)
}

/// The language of most of the words whose language can be told.
fn language<'a>(messages: impl Iterator<Item = &'a Digest<'a>>) -> Option<Language> {
    let readings = messages.map(|digest| &digest.reading);
    text::most(readings.filter_map(|reading| Some((reading.language?, reading.counts.words))))
}
