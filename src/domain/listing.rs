//! What lists know about a conversation or an assessment, and the filters they take.

use std::ops::RangeInclusive;

use minicbor::{Decode, Encode};

use super::{
    Assessment, AssessmentState, Author, Band, Channel, Conversation, Message, Status, Tag, UnixMillis,
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
}

impl Listing {
    /// The number of agents, in order of first appearance, by which a conversation can be found: each is a posting, and
    /// all postings change in one batch.
    pub const MAX_WRITERS: usize = 1000;

    /// Takes over the conversation's own fields.
    pub fn follow(&mut self, conversation: &Conversation) {
        self.create_time = conversation.create_time;
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
        terms.sort_unstable();
        terms.dedup();
        terms
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

/// A term that conversations are posted under.
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

/// Which conversations a list holds; all conditions must hold. Its text form is part of what a page token is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConversationFilter {
    pub source: Option<String>,
    pub status: Option<Status>,
    pub channel: Option<Channel>,
    pub agent: Option<String>,
    pub tags: Vec<String>,
    pub created: TimeRange,
    pub score_tenths: Option<RangeInclusive<u32>>,
    pub is_rated: Option<bool>,
}

impl ConversationFilter {
    /// Whether it matches everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The terms that the matching conversations are posted under, the likely rarest first; [`Term::Any`] if there is
    /// none. Conditions without a term are checked by [`Self::lets_pass`] alone.
    pub fn terms(&self) -> Vec<Term> {
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

    /// The band that contains every matching score, if there is one.
    fn band(&self) -> Option<Band> {
        let range = self.score_tenths.as_ref()?;
        let band = Band::of(*range.start());
        (Band::of(*range.end()) == band).then_some(band)
    }

    /// Whether a conversation matches, posted or not, deleted or not.
    pub fn finds(&self, listing: &Listing) -> bool {
        let is_by =
            |agent: &String| listing.writers.iter().chain(&listing.assignee).any(|known| known == agent);
        self.lets_pass(listing)
            && self.source.as_ref().is_none_or(|source| *source == listing.source)
            && self.status.is_none_or(|status| listing.status == Some(status))
            && self.channel.is_none_or(|channel| listing.channel == Some(channel))
            && self.agent.as_ref().is_none_or(is_by)
            && self.tags.iter().all(|tag| listing.tags.contains(tag))
    }

    /// Whether a conversation matches that is posted under each of its terms.
    pub fn lets_pass(&self, listing: &Listing) -> bool {
        let score =
            |range: &RangeInclusive<u32>| listing.score_tenths.is_some_and(|score| range.contains(&score));
        self.created.contains(listing.create_time)
            && self.score_tenths.as_ref().is_none_or(score)
            && self.is_rated.is_none_or(|rated| rated == listing.is_rated)
    }
}

impl Conversation {
    /// Its position in lists.
    pub fn place(&self) -> Place {
        Place { time: self.create_time, number: self.id.0 }
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

/// Which assessments a list holds; all conditions must hold. Its text form is part of what a page token is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssessmentFilter {
    pub state: Option<AssessmentState>,
    /// The base of the scorecard and, if only one is wanted, the ordinal of its revision.
    pub scorecard: Option<(String, Option<u32>)>,
    pub assessee: Option<String>,
    pub created: TimeRange,
    pub percentage_tenths: Option<RangeInclusive<u32>>,
}

impl AssessmentFilter {
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

    /// Whether an assessment matches.
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
            && self.created.contains(assessment.create_time)
            && self.percentage_tenths.as_ref().is_none_or(|range| range.contains(&percentage))
    }
}

/// A position in a list ordered by time and number, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub time: UnixMillis,
    pub number: u64,
}
