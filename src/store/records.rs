//! The values: one version byte, then CBOR with numbered fields. Some are stored [packed].
//!
//! Field numbers are append-only and never reused. `tests/fixtures/records` holds one value of every kind and version,
//! which tests keep decoding.

mod outline;
mod packed;

use minicbor::{Decode, Encode, bytes::ByteVec};

pub use outline::{HeadOutline, SegmentOutline};
pub use packed::encode_packed;

use crate::domain::{
    AssessmentId, Conversation, ConversationId, Held, ImportOutcome, Message, MessageId, PersonId, RatingId,
    TeamId, Unit, UnixMillis,
};

use self::packed::PACKED;
use super::{Key, StoreError, Value};

/// The version of the encoding.
pub const VERSION: u8 = 1;

/// A value as read: decoded, and as bytes.
#[derive(Clone, Debug)]
pub struct Stored<T> {
    pub value: T,
    pub raw: Value,
}

/// A conversation with the messages of its import, unless they are too large for one value: then they are in segments.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Head {
    #[n(0)]
    pub conversation: Conversation,
    #[n(1)]
    pub messages: Vec<Message>,
    /// The agents who wrote the messages in segments, without duplicates, by [`crate::domain::Author::listed_as`]; the
    /// first [`Head::WRITERS`] only.
    #[cbor(n(2), skip_if = "Vec::is_empty")]
    pub writers: Vec<String>,
}

impl Head {
    /// Keeps a head small however many agents write in a conversation.
    pub const WRITERS: usize = 100;

    /// Whether all messages are in it, and none in a segment.
    pub fn is_whole(&self) -> bool {
        self.messages.len() == self.conversation.message_count as usize
    }

    /// Whether it lists every agent who wrote; a head whose messages were moved to segments by an earlier version does
    /// not.
    pub fn knows_writers(&self) -> bool {
        self.is_whole() || (1..Self::WRITERS).contains(&self.writers.len())
    }

    /// When it was held; `None` if a head of an earlier version does not tell.
    pub fn held(&self) -> Option<Held> {
        let all = self.messages.iter().filter(|_| self.is_whole());
        self.conversation.held_or_stored().or_else(|| Held::of(all))
    }

    /// Has the conversation know when it was held, if the messages in the head tell.
    pub fn learn_held(&mut self) {
        let held = self.held();
        self.conversation.learn_held(held);
    }

    /// Adds the agents who wrote these messages, which go into segments.
    pub(super) fn add_writers(&mut self, messages: &[Message]) {
        Message::add_writers(&mut self.writers, messages);
        self.writers.truncate(Self::WRITERS);
    }
}

/// A [`Head`] decoded without its messages.
#[derive(Clone, Debug, PartialEq, Decode)]
pub struct HeadWithoutMessages {
    #[n(0)]
    pub conversation: Conversation,
}

/// The conversation that an external id names.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Identity {
    #[n(0)]
    pub conversation: ConversationId,
}

/// Consecutive messages of one conversation. The key holds the id of the first.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Segment {
    #[n(0)]
    pub messages: Vec<Message>,
}

impl Segment {
    pub(super) fn text_bytes(&self) -> usize {
        self.messages.iter().map(Message::text_bytes).sum()
    }
}

/// The message stored under a tracking id and content, both of which are in the key.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct TrackedMessage {
    #[n(0)]
    pub message: MessageId,
}

/// An attachment's bytes, with its metadata for downloads.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct AttachmentBytes {
    #[n(0)]
    pub file_name: String,
    #[n(1)]
    pub content_type: String,
    #[n(2)]
    pub bytes: ByteVec,
}

/// A request to score a conversation. There is one per conversation, however often it changes.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Job {
    /// The version of the conversation to be scored.
    #[n(0)]
    pub version: u64,
    /// How many attempts at this version failed.
    #[n(1)]
    pub failed_attempts: u32,
    /// The time before which it is not tried.
    #[n(2)]
    pub not_before: UnixMillis,
    /// When that version was stored, from which the age of the queue follows.
    #[n(3)]
    pub create_time: UnixMillis,
}

/// That scoring gave up.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ScoringFailure {
    #[n(0)]
    pub version: u64,
    #[n(1)]
    pub failed_attempts: u32,
    #[n(2)]
    pub cause: String,
    #[n(3)]
    pub time: UnixMillis,
}

/// A conversation's assessments. Being the only index, it rules out a second one for a unit and scorecard.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct AssessmentIndex {
    #[n(0)]
    pub entries: Vec<AssessmentEntry>,
}

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct AssessmentEntry {
    #[n(0)]
    pub unit: Unit,
    /// The base id of the scorecard.
    #[n(1)]
    pub scorecard: String,
    #[n(2)]
    pub assessment: AssessmentId,
}

/// The conversation that an assessment belongs to: some callers know the assessment by its number alone.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct AssessmentOwner {
    #[n(0)]
    pub conversation: ConversationId,
}

/// A scorecard family's newest revision.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ScorecardFamily {
    #[n(0)]
    pub newest_ordinal: u32,
    /// The hash of the built-in text that was last seeded: a revision that a person has made since is not replaced by
    /// it.
    #[n(1)]
    pub seeded_hash: Option<String>,
}

/// The answer to a request with a request id: names of things, no bodies. An erasure still has to reach it, since the
/// id is the caller's own and the fingerprint depends on content.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Request {
    /// BLAKE3 of the request, keyed with the store's secret.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub fingerprint: [u8; 32],
    #[n(1)]
    pub create_time: UnixMillis,
    #[n(2)]
    pub answer: RequestAnswer,
}

/// The answer, by ids.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum RequestAnswer {
    #[n(0)]
    ImportConversation {
        #[n(0)]
        conversation: ConversationId,
        #[n(1)]
        outcome: ImportOutcome,
        #[n(2)]
        stored_messages: u32,
    },
    #[n(1)]
    StoreMessage {
        #[n(0)]
        conversation: ConversationId,
        #[n(1)]
        message: MessageId,
    },
    #[n(2)]
    UpdateMessage {
        #[n(0)]
        conversation: ConversationId,
        #[n(1)]
        message: MessageId,
    },
    #[n(3)]
    DeleteMessage {
        #[n(0)]
        conversation: ConversationId,
        #[n(1)]
        message: MessageId,
    },
    #[n(4)]
    OfferRating {
        #[n(0)]
        conversation: ConversationId,
        #[n(1)]
        rating: RatingId,
    },
    #[n(5)]
    SubmitRating {
        #[n(0)]
        conversation: ConversationId,
        #[n(1)]
        rating: RatingId,
        /// When it was carried out, which is the time of answers sent without one.
        #[n(2)]
        time: UnixMillis,
    },
    #[n(6)]
    CancelRating {
        #[n(0)]
        conversation: ConversationId,
        #[n(1)]
        rating: RatingId,
    },
    #[n(7)]
    UpdateConversation {
        #[n(0)]
        conversation: ConversationId,
    },
    #[n(8)]
    DeleteConversation {
        #[n(0)]
        conversation: ConversationId,
    },
    #[n(9)]
    UndeleteConversation {
        #[n(0)]
        conversation: ConversationId,
    },
    #[n(10)]
    UpdatePerson(#[n(0)] PersonId),
    #[n(11)]
    CreateTeam(#[n(0)] TeamId),
    #[n(12)]
    UpdateTeam(#[n(0)] TeamId),
    #[n(13)]
    DeleteTeam,
}

/// That a customer has opted out of ratings.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct OptOut {
    /// The offer on which they opted out; 0 if elsewhere.
    #[n(0)]
    pub rating: RatingId,
    #[n(1)]
    pub time: UnixMillis,
}

/// The rating imported with a UUID; the UUID and the conversation are in the key.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct RatingNumber {
    #[n(0)]
    pub rating: RatingId,
}

/// The person that an identity refers to.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct PersonNumber {
    #[n(0)]
    pub person: PersonId,
}

/// The team that an identity refers to.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct TeamNumber {
    #[n(0)]
    pub team: TeamId,
}

/// That a person is in a team. Both are in the key.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Membership {
    #[n(0)]
    pub since: UnixMillis,
}

/// How far conversations are posted: all before `next` are.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Backfill {
    /// The first conversation not yet processed. Absent, as an earlier version left it: all without a job are posted.
    #[n(0)]
    pub next: Option<ConversationId>,
    /// Left by an earlier version, which went by it.
    #[n(1)]
    pub newest: Option<UnixMillis>,
    /// Whether they are posted by when they were held. Absent, as an earlier version left it: none is.
    #[cbor(n(2), default, skip_if = "crate::domain::is_false")]
    pub by_held: bool,
}

/// How far a durable consumer has read the log.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Cursor {
    /// The last position that it no longer needs.
    #[n(0)]
    pub position: u64,
}

/// The key from which receipts, page tokens and fingerprints are derived. It never leaves the store.
#[derive(Clone, PartialEq, Encode, Decode)]
pub struct Secret {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key: [u8; 32],
}

/// The process that runs a background task.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Lease {
    /// A number that every process draws at random.
    #[n(0)]
    pub holder: u64,
    /// Incremented whenever another process takes over.
    #[n(1)]
    pub epoch: u64,
    /// Any process may take over from then on.
    #[n(2)]
    pub expire_time: UnixMillis,
}

/// The lowest number under which a process may still store conversations, on a store that several processes share.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct OpenNumbers {
    #[n(0)]
    pub from: u64,
    /// The process counts as gone from then on.
    #[n(1)]
    pub expire_time: UnixMillis,
}

/// Up to when the clock was trusted, so that one that is wrong removes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct ClockMark {
    /// The newest time that was trusted, or the one from which a doubt is reckoned.
    #[n(0)]
    pub trusted: UnixMillis,
    /// Whether the clock was behind that time when it was last looked at: what was stored since may look too old.
    #[n(1)]
    pub is_behind: bool,
    /// When it came back from there.
    #[n(2)]
    pub returned: Option<UnixMillis>,
}

/// The first numeric id that is not leased yet.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct NextId {
    #[n(0)]
    pub id: u64,
}

/// The bytes to store for `record`.
pub fn encode<T: Encode<()>>(record: &T) -> Value {
    // Large enough for most records, so that few are reallocated while they grow.
    let mut bytes = Vec::with_capacity(512);
    bytes.push(VERSION);
    minicbor::encode(record, &mut bytes)
        .expect("a Vec takes every write and no record has a fallible encoder");
    bytes.into()
}

/// The value of a key that says all by itself.
pub fn empty() -> Value {
    Value::new()
}

/// Decodes the record in `raw`. `key` is for error messages only.
pub fn decode<T: for<'a> Decode<'a, ()>>(key: &Key, raw: &[u8]) -> Result<T, StoreError> {
    let damaged = |cause: String| {
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        StoreError::Corrupt(format!("the value of key {key}: {cause}").into())
    };
    match raw.split_first() {
        Some((&VERSION, body)) => minicbor::decode(body).map_err(|cause| damaged(cause.to_string())),
        Some((&PACKED, rest)) => match packed::unpack(rest).map_err(damaged)?.split_first() {
            Some((&VERSION, body)) => minicbor::decode(body).map_err(|cause| damaged(cause.to_string())),
            _ => Err(damaged("is packed, and no record".to_owned())),
        },
        Some((0, _)) => Err(damaged("has record version 0, which was never in use".to_owned())),
        Some((version, _)) => Err(damaged(format!(
            "has record version {version}, this program reads up to {PACKED}: use a newer program"
        ))),
        None => Err(damaged("is empty".to_owned())),
    }
}

/// Decodes a value that may be absent.
pub fn decode_present<T: for<'a> Decode<'a, ()>>(
    key: &Key,
    raw: Option<Value>,
) -> Result<Option<T>, StoreError> {
    raw.map(|raw| decode(key, &raw)).transpose()
}

/// The same, along with its bytes.
pub fn decode_stored<T: for<'a> Decode<'a, ()>>(
    key: &Key,
    raw: Option<Value>,
) -> Result<Option<Stored<T>>, StoreError> {
    raw.map(|raw| Ok(Stored { value: decode(key, &raw)?, raw })).transpose()
}

#[cfg(test)]
mod tests;
