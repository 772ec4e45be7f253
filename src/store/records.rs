//! The values: one version byte, then CBOR with numbered fields.
//!
//! Field numbers are append-only; a number is never used again for something else. `tests/fixtures/records` holds one value
//! of every kind and version, and a test decodes them for ever.

mod outline;

use minicbor::{Decode, Encode, bytes::ByteVec};

pub use outline::{HeadOutline, SegmentOutline};

use crate::domain::{
    AssessmentId, Conversation, ConversationId, ImportOutcome, Message, MessageId, PersonId, RatingId,
    TeamId, Unit, UnixMillis,
};

use super::{Key, StoreError, Value};

/// The version that is written; every version up to it is read.
pub const VERSION: u8 = 1;

/// A value as it was read: decoded, and the bytes themselves.
#[derive(Clone, Debug)]
pub struct Stored<T> {
    pub value: T,
    pub raw: Value,
}

/// A conversation with the messages of its import, unless they are too many for one value: then they are in segments.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Head {
    #[n(0)]
    pub conversation: Conversation,
    #[n(1)]
    pub messages: Vec<Message>,
    /// The agents who wrote messages that are in segments, each once, by [`crate::domain::Author::listed_as`]; the first
    /// [`Head::WRITERS`] of them.
    #[cbor(n(2), skip_if = "Vec::is_empty")]
    pub writers: Vec<String>,
}

impl Head {
    /// A head stays small however many write in a conversation.
    pub const WRITERS: usize = 100;

    /// Whether it tells every agent who wrote: one whose messages were put apart by an earlier version does not.
    pub fn knows_writers(&self) -> bool {
        self.messages.len() == self.conversation.message_count as usize
            || (1..Self::WRITERS).contains(&self.writers.len())
    }

    /// Notes the agents who wrote these messages, which go into segments.
    pub(super) fn add_writers(&mut self, messages: &[Message]) {
        Message::add_writers(&mut self.writers, messages);
        self.writers.truncate(Self::WRITERS);
    }
}

/// A [`Head`] of which the messages are passed over.
#[derive(Clone, Debug, PartialEq, Decode)]
pub struct HeadWithoutMessages {
    #[n(0)]
    pub conversation: Conversation,
}

/// Which conversation an external id names.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Identity {
    #[n(0)]
    pub conversation: ConversationId,
}

/// Consecutive messages of one conversation. Its key holds the id of the first.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Segment {
    #[n(0)]
    pub messages: Vec<Message>,
}

/// Which message was stored under a tracking id with one content; both are in the key.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct TrackedMessage {
    #[n(0)]
    pub message: MessageId,
}

/// An attachment's bytes, with what a download says of them.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct AttachmentBytes {
    #[n(0)]
    pub file_name: String,
    #[n(1)]
    pub content_type: String,
    #[n(2)]
    pub bytes: ByteVec,
}

/// That a conversation wants scoring. There is one per conversation, however often it changed.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Job {
    /// The version of the conversation that wants it.
    #[n(0)]
    pub version: u64,
    /// How many attempts at this version failed.
    #[n(1)]
    pub failed_attempts: u32,
    /// Not to be tried before.
    #[n(2)]
    pub not_before: UnixMillis,
    /// When the version was stored: the queue's age.
    #[n(3)]
    pub create_time: UnixMillis,
}

/// That scoring was given up.
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

/// The assessments that a conversation has: the one place that makes a second one for a unit and scorecard impossible.
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

/// Which conversation an assessment belongs to: some callers know it by its number alone.
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
    /// The hash of the built-in text that was seeded last: a revision that a person made since is not replaced by it.
    #[n(1)]
    pub seeded_hash: Option<String>,
}

/// The answer to a request that carried an id: names of things, no bodies. An erasure still has to reach it: the id is the
/// caller's own, and the fingerprint is one of content.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Request {
    /// BLAKE3 of the request under the store's key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub fingerprint: [u8; 32],
    #[n(1)]
    pub create_time: UnixMillis,
    #[n(2)]
    pub answer: RequestAnswer,
}

/// What was answered, by ids.
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
        /// When it was carried out: the time of the answers that were sent without one.
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

/// That a customer does not want to be asked to rate.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct OptOut {
    /// On which offer they said so; 0 where that was elsewhere.
    #[n(0)]
    pub rating: RatingId,
    #[n(1)]
    pub time: UnixMillis,
}

/// Which rating was imported with a UUID; both it and the conversation are in the key.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct RatingNumber {
    #[n(0)]
    pub rating: RatingId,
}

/// Whom an identity means.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct PersonNumber {
    #[n(0)]
    pub person: PersonId,
}

/// Which team an identity means.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct TeamNumber {
    #[n(0)]
    pub team: TeamId,
}

/// That a person is in a team. Its key says who and which.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Membership {
    #[n(0)]
    pub since: UnixMillis,
}

/// How far conversations are posted: all of those before `next` are.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Backfill {
    /// The first conversation that was not looked at. Absent, as an earlier version left it: all are posted that have no job.
    #[n(0)]
    pub next: Option<ConversationId>,
    /// When the newest of those before it was stored. Absent, as an earlier version left it: not known.
    #[n(1)]
    pub newest: Option<UnixMillis>,
}

/// How far a durable consumer has read the log.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Cursor {
    /// The last position that it needs no more.
    #[n(0)]
    pub position: u64,
}

/// The key under which receipts, page tokens and fingerprints are made. It never leaves the store.
#[derive(Clone, PartialEq, Encode, Decode)]
pub struct Secret {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key: [u8; 32],
}

/// Which process does a background task.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Lease {
    /// A number that every process draws for itself.
    #[n(0)]
    pub holder: u64,
    /// Grows by one whenever another process takes over.
    #[n(1)]
    pub epoch: u64,
    /// From then on any process may take over.
    #[n(2)]
    pub expire_time: UnixMillis,
}

/// From which number on a process may still store conversations, on a store that several processes share.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct OpenNumbers {
    #[n(0)]
    pub from: u64,
    /// From then on it counts as gone.
    #[n(1)]
    pub expire_time: UnixMillis,
}

/// The first numeric id that is not leased yet.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct NextId {
    #[n(0)]
    pub id: u64,
}

/// The bytes to store for `record`.
pub fn encode<T: Encode<()>>(record: &T) -> Value {
    // Most records fit, so that few are moved while they grow.
    let mut bytes = Vec::with_capacity(512);
    bytes.push(VERSION);
    minicbor::encode(record, &mut bytes)
        .expect("a Vec takes every write and no record has a fallible encoder");
    bytes.into()
}

/// The record in `raw`. `key` is for the error alone.
pub fn decode<T: for<'a> Decode<'a, ()>>(key: &Key, raw: &[u8]) -> Result<T, StoreError> {
    let damaged = |cause: String| {
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        StoreError::Corrupt(format!("the value of key {key}: {cause}").into())
    };
    match raw.split_first() {
        Some((&VERSION, body)) => minicbor::decode(body).map_err(|cause| damaged(cause.to_string())),
        Some((0, _)) => Err(damaged("has record version 0, which nobody ever wrote".to_owned())),
        Some((version, _)) => Err(damaged(format!(
            "has record version {version}, this program reads up to {VERSION}: use a newer program"
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

/// The same, with its bytes.
pub fn decode_stored<T: for<'a> Decode<'a, ()>>(
    key: &Key,
    raw: Option<Value>,
) -> Result<Option<Stored<T>>, StoreError> {
    raw.map(|raw| Ok(Stored { value: decode(key, &raw)?, raw })).transpose()
}

#[cfg(test)]
mod tests;
