//! What lists know about a conversation or an assessment, and the filters they take.

use std::{fmt, ops::RangeInclusive};

use minicbor::{Decode, Encode};

use super::{
    Assessment, AssessmentState, Author, Band, Channel, Conversation, Held, Message, Status, Tag, UnixMillis,
    Words,
};

/// The fields of a conversation that list filters see. Its postings were derived from this record, so that they can be
/// found again when it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Listing {
    #[n(0)]
    pub create_time: UnixMillis,
    /// Whether it has postings. Until then lists read the conversation's head.
    #[n(1)]
    pub is_indexed: bool,
    #[n(2)]
    pub is_deleted: bool,
    /// The newest version whose scoring has ended; absent if there is none.
    #[n(3)]
    pub settled_version: Option<u64>,
    /// The number of attempts after which that scoring was given up; absent if it was not.
    #[n(4)]
    pub failed_attempts: Option<u32>,
    #[n(5)]
    pub source: String,
    #[n(6)]
    pub status: Option<Status>,
    #[n(7)]
    pub channel: Option<Channel>,
    /// The agent in charge, by [`Author::listed_as`].
    #[n(8)]
    pub assignee: Option<String>,
    /// The agents who wrote in it, without duplicates.
    #[n(9)]
    pub writers: Vec<String>,
    #[n(10)]
    pub tags: Vec<String>,
    /// Its AXIS score.
    #[n(11)]
    pub score_tenths: Option<u32>,
    /// Whether a customer answered one of its ratings.
    #[n(12)]
    pub is_rated: bool,
    /// When it was held; without messages, when it was stored. `last` is right to the hour: an append within the hour costs no
    /// key. Absent as earlier versions left it: then its postings are all placed by when it was stored.
    #[n(13)]
    pub held: Option<Held>,
}

impl Listing {
    /// The number of agents, in order of first appearance, by which a conversation can be found: each is a posting, and
    /// all postings change in one batch.
    pub const MAX_WRITERS: usize = 1000;

    /// Takes over the conversation's own fields.
    pub fn follow(&mut self, conversation: &Conversation) {
        self.create_time = conversation.create_time;
        self.held = conversation.held_or_stored().or(self.held);
        self.is_deleted = conversation.delete_time.is_some();
        self.source = conversation.source.to_string();
        let handling = &conversation.handling;
        self.status = handling.status;
        self.channel = handling.channel;
        self.assignee = handling.assignee.as_ref().and_then(Author::listed_as).map(str::to_owned);
        self.tags = handling.tags.iter().map(Tag::to_string).collect();
    }

    /// Adds the agents who wrote these messages.
    pub fn add_writers<'a>(&mut self, messages: impl IntoIterator<Item = &'a Message>) {
        Message::add_writers(&mut self.writers, messages);
    }

    /// The terms it is posted under, in order and without duplicates; none while it is in no list.
    pub fn terms(&self) -> Vec<Term> {
        if !self.is_indexed || self.is_deleted {
            return Vec::new();
        }
        let mut terms = vec![Term::Any, Term::Source(self.source.clone())];
        terms.extend(self.status.map(Term::Status));
        terms.extend(self.channel.map(Term::Channel));
        terms.extend(self.writers.iter().chain(&self.assignee).cloned().map(Term::Agent));
        terms.extend(self.tags.iter().cloned().map(Term::Tag));
        terms.extend(self.score_tenths.map(Band::of).map(Term::Band));
        terms.extend(self.is_rated.then_some(Term::Rated));
        if self.held.is_some() {
            terms.extend([Term::LastMessage, Term::Stored]);
        }
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// Its postings, in order.
    pub fn postings(&self) -> Vec<Posting> {
        let posting = |term| match self.held {
            Some(held) => Posting { time: term_time(&term, self.create_time, held), term, is_former: false },
            None => Posting { time: self.create_time, term, is_former: true },
        };
        self.terms().into_iter().map(posting).collect()
    }

    /// Whether it is posted as this version does it.
    pub fn is_posted(&self) -> bool {
        self.is_indexed && self.held.is_some()
    }
}

/// The time that places a conversation under a term.
fn term_time(term: &Term, create_time: UnixMillis, held: Held) -> UnixMillis {
    match term {
        Term::Stored => create_time,
        Term::LastMessage => held.last.whole_hours(),
        _ => held.first,
    }
}

impl Message {
    /// Adds the agents who wrote these messages to the known ones, without duplicates.
    pub fn add_writers<'a>(known: &mut Vec<String>, messages: impl IntoIterator<Item = &'a Self>) {
        for Self { author, .. } in messages {
            if known.len() >= Listing::MAX_WRITERS {
                return;
            }
            if let Some(writer) = author.listed_as().filter(|_| author.kind.is_agent())
                && !known.iter().any(|known| known == writer)
            {
                known.push(writer.to_owned());
            }
        }
    }
}

/// A conversation under a term, and its place there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Posting {
    pub term: Term,
    pub time: UnixMillis,
    /// Whether it is among the postings of earlier versions, which are all placed by when a conversation was stored.
    pub is_former: bool,
}

/// A term that conversations are posted under, in the order of their first messages unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// Every conversation.
    Any,
    Source(String),
    Status(Status),
    Channel(Channel),
    Agent(String),
    Tag(String),
    Band(Band),
    Rated,
    /// Every conversation, in the order of the hours of their last messages.
    LastMessage,
    /// Every conversation, in the order in which they were stored.
    Stored,
}

/// Which time of a conversation a list goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConversationTime {
    /// When it began.
    #[default]
    FirstMessage,
    /// When it was last written in.
    LastMessage,
    /// When it was stored.
    Stored,
}

/// Times from `start` (inclusive) to `end` (exclusive).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    pub start: Option<UnixMillis>,
    pub end: Option<UnixMillis>,
}

impl TimeRange {
    pub fn contains(self, time: UnixMillis) -> bool {
        self.start.is_none_or(|start| time >= start) && self.end.is_none_or(|end| time < end)
    }
}

impl Words for ConversationTime {
    const PREFIX: &'static str = "CONVERSATION_TIME_";
    const WORDS: &'static [(Self, i32, &'static str)] = &[
        (Self::FirstMessage, 1, "first_message"),
        (Self::LastMessage, 2, "last_message"),
        (Self::Stored, 3, "stored"),
    ];
}

/// Which conversations a list holds; all conditions must hold. Its text form is part of what a page token is bound to.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ConversationFilter {
    pub source: Option<String>,
    pub status: Option<Status>,
    pub channel: Option<Channel>,
    pub agent: Option<String>,
    pub tags: Vec<String>,
    pub times: TimeRange,
    pub score_tenths: Option<RangeInclusive<u32>>,
    pub is_rated: Option<bool>,
    /// What `times` are about; the order of the list.
    pub by: ConversationTime,
}

/// In the words of the version before `by`, where it makes no difference: tokens are bound to them.
impl fmt::Debug for ConversationFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, status, channel, agent, tags, times, score_tenths, is_rated, by } = self;
        let mut words = f.debug_struct("ConversationFilter");
        words.field("source", source).field("status", status).field("channel", channel);
        words.field("agent", agent).field("tags", tags).field("created", times);
        words.field("score_tenths", score_tenths).field("is_rated", is_rated);
        if *by != ConversationTime::default() {
            words.field("by", by);
        }
        words.finish()
    }
}

impl ConversationFilter {
    /// Whether it matches everything, in any order.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The terms that the matching conversations are posted under in the order of the list, the likely rarest first. A condition
    /// without one is checked by [`Self::finds`] alone.
    pub fn terms(&self) -> Vec<Term> {
        match self.by {
            ConversationTime::FirstMessage => {}
            ConversationTime::LastMessage => return vec![Term::LastMessage],
            ConversationTime::Stored => return vec![Term::Stored],
        }
        let mut terms: Vec<Term> = self.tags.iter().cloned().map(Term::Tag).collect();
        terms.extend(self.agent.clone().map(Term::Agent));
        terms.extend(self.is_rated.filter(|rated| *rated).map(|_| Term::Rated));
        terms.extend(self.band().map(Term::Band));
        terms.extend(self.status.map(Term::Status));
        terms.extend(self.channel.map(Term::Channel));
        terms.extend(self.source.clone().map(Term::Source));
        if terms.is_empty() {
            terms.push(Term::Any);
        }
        terms
    }

    /// The times by which the matching conversations are placed under [`Self::terms`].
    pub fn places(&self) -> TimeRange {
        match self.by {
            ConversationTime::FirstMessage | ConversationTime::Stored => self.times,
            ConversationTime::LastMessage => {
                TimeRange { start: self.times.start.map(UnixMillis::whole_hours), ..self.times }
            }
        }
    }

    /// The band that contains every matching score, if there is one.
    fn band(&self) -> Option<Band> {
        let range = self.score_tenths.as_ref()?;
        let band = Band::of(*range.start());
        (Band::of(*range.end()) == band).then_some(band)
    }

    /// Whether a conversation matches, posted or not, deleted or not; its last message only to the hour, as a listing knows it.
    pub fn finds(&self, listing: &Listing) -> bool {
        let is_by =
            |agent: &String| listing.writers.iter().chain(&listing.assignee).any(|known| known == agent);
        let score =
            |range: &RangeInclusive<u32>| listing.score_tenths.is_some_and(|score| range.contains(&score));
        self.is_between(listing)
            && self.score_tenths.as_ref().is_none_or(score)
            && self.is_rated.is_none_or(|rated| rated == listing.is_rated)
            && self.source.as_ref().is_none_or(|source| *source == listing.source)
            && self.status.is_none_or(|status| listing.status == Some(status))
            && self.channel.is_none_or(|channel| listing.channel == Some(channel))
            && self.agent.as_ref().is_none_or(is_by)
            && self.tags.iter().all(|tag| listing.tags.contains(tag))
    }

    fn is_between(&self, listing: &Listing) -> bool {
        let held = || listing.held.unwrap_or(Held::at(listing.create_time));
        match self.by {
            ConversationTime::FirstMessage => self.times.contains(held().first),
            ConversationTime::LastMessage => self.places().contains(held().last.whole_hours()),
            ConversationTime::Stored => self.times.contains(listing.create_time),
        }
    }

    /// Whether a conversation's last message is within the times to the millisecond, where they are about it.
    pub fn is_exactly_between(&self, held: Option<Held>) -> bool {
        self.by != ConversationTime::LastMessage || held.is_none_or(|held| self.times.contains(held.last))
    }
}

impl Conversation {
    /// Takes over when it was held where an earlier version stored it and it does not know.
    pub fn learn_held(&mut self, held: Option<Held>) {
        if self.message_count > 0 {
            self.held = self.held.or(held);
        }
    }

    /// When it was held, or stored if it has no messages; `None` if that is not known.
    pub fn held_or_stored(&self) -> Option<Held> {
        self.held.or((self.message_count == 0).then_some(Held::at(self.create_time)))
    }
}

/// A term that assessments are posted under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssessmentTerm {
    /// Every assessment.
    Any,
    /// Not used for [`AssessmentState::AiReady`], the state of nearly all assessments.
    State(AssessmentState),
    /// The base of the scorecard.
    Scorecard(String),
    Assessee(String),
}

impl Assessment {
    /// Its position in lists.
    pub fn place(&self) -> Place {
        Place { time: self.create_time, number: self.id.0 }
    }

    /// The terms it is posted under.
    pub fn terms(&self) -> Vec<AssessmentTerm> {
        let mut terms = vec![AssessmentTerm::Any, AssessmentTerm::Scorecard(self.scorecard.base.clone())];
        terms.extend((self.state != AssessmentState::AiReady).then_some(AssessmentTerm::State(self.state)));
        let assessee = self.assessee.as_ref().and_then(Author::listed_as);
        terms.extend(assessee.map(|assessee| AssessmentTerm::Assessee(assessee.to_owned())));
        terms
    }
}

/// Which time of an assessment a list goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssessmentTime {
    /// When its conversation began.
    #[default]
    Conversation,
    /// When it was scored first.
    Scored,
}

impl Words for AssessmentTime {
    const PREFIX: &'static str = "ASSESSMENT_TIME_";
    const WORDS: &'static [(Self, i32, &'static str)] =
        &[(Self::Conversation, 1, "conversation"), (Self::Scored, 2, "scored")];
}

/// Which assessments a list holds; all conditions must hold. Its text form is part of what a page token is bound to.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AssessmentFilter {
    pub state: Option<AssessmentState>,
    /// The base of the scorecard and, if only one is wanted, the ordinal of its revision.
    pub scorecard: Option<(String, Option<u32>)>,
    pub assessee: Option<String>,
    pub times: TimeRange,
    pub percentage_tenths: Option<RangeInclusive<u32>>,
    /// What `times` are about.
    pub by: AssessmentTime,
}

/// As that of [`ConversationFilter`].
impl fmt::Debug for AssessmentFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, scorecard, assessee, times, percentage_tenths, by } = self;
        let mut words = f.debug_struct("AssessmentFilter");
        words.field("state", state).field("scorecard", scorecard).field("assessee", assessee);
        words.field("created", times).field("percentage_tenths", percentage_tenths);
        if *by != AssessmentTime::default() {
            words.field("by", by);
        }
        words.finish()
    }
}

impl AssessmentFilter {
    /// Which conversations may have matching assessments, if times of conversations are asked for: else all. The assessee may no longer
    /// be among the agents of one: what a person has touched outlives the work.
    pub fn conversations(&self) -> Option<ConversationFilter> {
        let is_by_conversation =
            self.by == AssessmentTime::Conversation && self.times != TimeRange::default();
        is_by_conversation.then(|| ConversationFilter { times: self.times, ..ConversationFilter::default() })
    }

    /// As [`ConversationFilter::terms`].
    pub fn terms(&self) -> Vec<AssessmentTerm> {
        let mut terms: Vec<AssessmentTerm> =
            self.assessee.clone().map(AssessmentTerm::Assessee).into_iter().collect();
        let state = self.state.filter(|state| *state != AssessmentState::AiReady);
        terms.extend(state.map(AssessmentTerm::State));
        terms.extend(self.scorecard.clone().map(|(base, _)| AssessmentTerm::Scorecard(base)));
        if terms.is_empty() {
            terms.push(AssessmentTerm::Any);
        }
        terms
    }

    /// The times of scoring that are asked for.
    pub fn scored(&self) -> TimeRange {
        match self.by {
            AssessmentTime::Scored => self.times,
            AssessmentTime::Conversation => TimeRange::default(),
        }
    }

    /// Whether an assessment matches, whenever its conversation was held.
    pub fn lets_pass(&self, assessment: &Assessment) -> bool {
        let scorecard = |(base, ordinal): &(String, Option<u32>)| {
            *base == assessment.scorecard.base
                && ordinal.is_none_or(|ordinal| ordinal == assessment.scorecard.ordinal)
        };
        let assessee = assessment.assessee.as_ref().and_then(Author::listed_as);
        let percentage = assessment.totals.percentage_tenths;
        self.state.is_none_or(|state| state == assessment.state)
            && self.scorecard.as_ref().is_none_or(scorecard)
            && self.assessee.as_deref().is_none_or(|wanted| assessee == Some(wanted))
            && self.scored().contains(assessment.create_time)
            && self.percentage_tenths.as_ref().is_none_or(|range| range.contains(&percentage))
    }
}

/// A position in a list ordered by time and number, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub time: UnixMillis,
    pub number: u64,
}
