//! Ratings: what one customer was asked about a conversation, and what they answered.
//!
//! docs/ratings.md says how they are counted.

mod draft;
mod imported;
mod opt_out;
mod submission;
mod summary;

pub mod statistics;

use std::ops::RangeInclusive;

use minicbor::{Decode, Encode, bytes::ByteArray};
use uuid::Uuid;

use super::{Author, AuthorKind, Channel, ConversationId, RatingId, SourceName, UnixMillis, Words};

pub use draft::{NewQuestion, NewRating, QuestionDraft, RatingDraft};
pub use imported::{Defaults as RatingDefaults, ImportedRatingDraft, NewImportedRating};
pub use opt_out::{NewOptOut, OptOutDraft};
pub use submission::{NewAnswer, QuestionRef, Refused, Submission};
pub use summary::{RatingCounts, RatingSummary};

/// One offer to one customer, with one or several questions, each answered or not.
///
/// Who was asked, whose work it is about, the source and the channel are fixed when the offer is made: later changes to
/// the conversation do not move a rating from one agent's numbers to another's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Rating {
    #[n(0)]
    pub id: RatingId,
    #[n(1)]
    pub conversation: ConversationId,
    /// The customer who was asked.
    #[n(2)]
    pub user: Author,
    /// Whose work is rated.
    #[n(3)]
    pub agent: Author,
    /// The source of the conversation.
    #[n(4)]
    pub source: SourceName,
    #[n(5)]
    pub channel: Channel,
    /// When the customer was asked, or is to be asked.
    #[n(6)]
    pub offer_time: UnixMillis,
    #[n(7)]
    pub course: Course,
    #[n(8)]
    pub questions: Vec<RatingQuestion>,
    /// Incremented with every change.
    #[n(9)]
    pub version: u64,
    #[n(10)]
    pub create_time: UnixMillis,
    #[n(11)]
    pub update_time: UnixMillis,
    /// The UUID that it was imported with; absent: derived from its number.
    #[n(12)]
    pub imported_uuid: Option<ByteArray<16>>,
}

/// What decides the state of an offer besides its answers and the current time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Course {
    /// The customer had opted out earlier, so nobody was asked.
    #[cbor(n(0), skip_if = "crate::domain::is_false")]
    pub withheld: bool,
    /// The offer was made before the customer was to be asked.
    #[cbor(n(1), skip_if = "crate::domain::is_false")]
    pub scheduled: bool,
    /// No answers are accepted from this time on.
    #[n(2)]
    pub expire_time: Option<UnixMillis>,
    #[n(3)]
    pub cancel_time: Option<UnixMillis>,
    /// When the customer opted out on this offer.
    #[n(4)]
    pub opt_out_time: Option<UnixMillis>,
}

/// One question of an offer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RatingQuestion {
    #[n(0)]
    pub kind: RatingType,
    /// The wording of the question.
    #[n(1)]
    pub text: Option<String>,
    /// The language of the wording, as a BCP 47 tag.
    #[n(2)]
    pub language: Option<String>,
    /// The last answer that was given.
    #[n(3)]
    pub answer: Option<RatingAnswer>,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RatingAnswer {
    /// Within the range of the question's type.
    #[n(0)]
    pub value: u8,
    #[n(1)]
    pub comment: Option<String>,
    #[n(2)]
    pub time: UnixMillis,
}

/// What a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum RatingType {
    /// Satisfaction, 1 to 5.
    #[n(0)]
    Csat,
    /// Likelihood to recommend, 0 to 10.
    #[n(1)]
    Nps,
    /// 0 is down, 1 is up.
    #[n(2)]
    Thumbs,
}

/// A customer's latest answer to each type of question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastAnswers {
    pub csat: Option<u8>,
    pub nps: Option<u8>,
    pub thumbs: Option<u8>,
}

impl LastAnswers {
    /// Of two answers given at the same time, that of the later offer counts; within an offer, that of the first
    /// question.
    pub fn of<'a>(ratings: impl DoubleEndedIterator<Item = &'a Rating> + Clone) -> Self {
        let last = |kind: RatingType| {
            let questions = ratings.clone().flat_map(|rating| rating.questions.iter().rev());
            let answers = questions
                .filter(|question| question.kind == kind)
                .filter_map(|question| question.answer.as_ref());
            answers.max_by_key(|answer| answer.time).map(|answer| answer.value)
        };
        Self { csat: last(RatingType::Csat), nps: last(RatingType::Nps), thumbs: last(RatingType::Thumbs) }
    }
}

impl RatingType {
    /// The valid values.
    pub fn values(self) -> RangeInclusive<u8> {
        match self {
            Self::Csat => 1..=5,
            Self::Nps => 0..=10,
            Self::Thumbs => 0..=1,
        }
    }
}

impl Words for RatingType {
    const PREFIX: &'static str = "RATING_TYPE_";
    const WORDS: &'static [(Self, i32, &'static str)] =
        &[(Self::Csat, 1, "csat"), (Self::Nps, 2, "nps"), (Self::Thumbs, 3, "thumbs")];
}

/// The state of an offer, or of one of its questions. Derived, not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RatingState {
    /// The customer had opted out earlier, so nobody was asked.
    Unscheduled,
    /// The customer is to be asked later.
    Scheduled,
    /// The customer was asked and may answer.
    Offered,
    /// At least one question is answered.
    Rated,
    /// The offer was withdrawn before it was answered.
    Cancelled,
    /// The customer was asked and did not answer in time.
    Expired,
    /// The customer was asked and opted out.
    OptedOut,
}

impl RatingState {
    /// Whether the customer was asked, which counts as offered.
    pub fn was_asked(self) -> bool {
        matches!(self, Self::Offered | Self::Rated | Self::Expired | Self::OptedOut)
    }
}

impl Words for RatingState {
    const PREFIX: &'static str = "RATING_STATE_";
    const WORDS: &'static [(Self, i32, &'static str)] = &[
        (Self::Unscheduled, 1, "unscheduled"),
        (Self::Scheduled, 2, "scheduled"),
        (Self::Offered, 3, "offered"),
        (Self::Rated, 4, "rated"),
        (Self::Cancelled, 5, "cancelled"),
        (Self::Expired, 6, "expired"),
        (Self::OptedOut, 7, "opted_out"),
    ];
}

impl Course {
    /// The state of the offer regardless of its answers: only an [`RatingState::Offered`] one accepts any.
    pub fn state(&self, offer_time: UnixMillis, now: UnixMillis) -> RatingState {
        if self.cancel_time.is_some() {
            RatingState::Cancelled
        } else if self.withheld {
            RatingState::Unscheduled
        } else if self.opt_out_time.is_some() {
            RatingState::OptedOut
        } else if self.scheduled && now < offer_time {
            RatingState::Scheduled
        } else if self.expire_time.is_some_and(|expiry| expiry <= now) {
            RatingState::Expired
        } else {
            RatingState::Offered
        }
    }

    /// The state of something that is answered or not.
    fn state_of(&self, is_answered: bool, offer_time: UnixMillis, now: UnixMillis) -> RatingState {
        if is_answered { RatingState::Rated } else { self.state(offer_time, now) }
    }
}

impl Rating {
    /// The state of the whole offer: rated when at least one question is answered. An answered offer is never
    /// cancelled.
    pub fn state(&self, now: UnixMillis) -> RatingState {
        self.course.state_of(self.answer_time().is_some(), self.offer_time, now)
    }

    /// The state of one of its questions.
    pub fn state_of(&self, question: &RatingQuestion, now: UnixMillis) -> RatingState {
        self.course.state_of(question.answer.is_some(), self.offer_time, now)
    }

    /// When the last answer was given.
    pub fn answer_time(&self) -> Option<UnixMillis> {
        self.questions.iter().filter_map(|question| question.answer.as_ref()).map(|answer| answer.time).max()
    }

    /// As it was when it was offered.
    pub fn as_offered(mut self) -> Self {
        for question in &mut self.questions {
            question.answer = None;
        }
        self.course.cancel_time = None;
        self.course.opt_out_time = None;
        Self { version: 1, update_time: self.create_time, ..self }
    }

    /// The UUID that it was imported with.
    pub fn imported_uuid(&self) -> Option<Uuid> {
        self.imported_uuid.as_ref().map(|uuid| Uuid::from_bytes(**uuid))
    }

    /// What lists and summaries filter and count by.
    pub fn entry(&self) -> RatingEntry {
        let values = self.questions.iter().map(|question| RatingValue {
            kind: question.kind,
            value: question.answer.as_ref().map(|answer| answer.value),
        });
        RatingEntry {
            conversation: self.conversation,
            source: self.source.clone(),
            channel: self.channel,
            agent: self.agent.clone(),
            course: self.course.clone(),
            values: values.collect(),
        }
    }
}

/// What is known about a rating without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RatingEntry {
    #[n(0)]
    pub conversation: ConversationId,
    #[n(1)]
    pub source: SourceName,
    #[n(2)]
    pub channel: Channel,
    #[n(3)]
    pub agent: Author,
    #[n(4)]
    pub course: Course,
    #[n(5)]
    pub values: Vec<RatingValue>,
}

/// The type of a question, and the value of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RatingValue {
    #[n(0)]
    pub kind: RatingType,
    #[n(1)]
    pub value: Option<u8>,
}

impl RatingEntry {
    pub fn state(&self, offer_time: UnixMillis, now: UnixMillis) -> RatingState {
        let is_answered = self.values.iter().any(|value| value.value.is_some());
        self.course.state_of(is_answered, offer_time, now)
    }
}

/// Which ratings are meant; absent parts match everything. Times range from the start (inclusive) to the end
/// (exclusive).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RatingFilter {
    /// Empty: any.
    pub states: Vec<RatingState>,
    pub agent: Option<AgentFilter>,
    pub channel: Option<Channel>,
    pub source: Option<String>,
    pub from: Option<UnixMillis>,
    pub until: Option<UnixMillis>,
}

/// An agent by external id or, if there is none, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentFilter {
    /// Absent: a teammate or an AI agent.
    pub kind: Option<AuthorKind>,
    pub external_id: Option<String>,
    pub name: Option<String>,
}

impl AgentFilter {
    fn matches(&self, agent: &Author) -> bool {
        let is_named = match &self.external_id {
            Some(wanted) => agent.external_id.as_deref() == Some(wanted),
            None => agent.external_id.is_none() && self.name == agent.name,
        };
        is_named && self.kind.is_none_or(|kind| kind == agent.kind)
    }
}

impl RatingFilter {
    pub fn matches(&self, entry: &RatingEntry, offer_time: UnixMillis, now: UnixMillis) -> bool {
        self.agent.as_ref().is_none_or(|agent| agent.matches(&entry.agent))
            && self.channel.is_none_or(|channel| channel == entry.channel)
            && self.source.as_deref().is_none_or(|source| entry.source == *source)
            && self.from.is_none_or(|from| from <= offer_time)
            && self.until.is_none_or(|until| offer_time < until)
            && (self.states.is_empty() || self.states.contains(&entry.state(offer_time, now)))
    }
}

#[cfg(test)]
mod tests;
