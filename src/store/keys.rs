//! The keys. The first byte says what a key is for; the workspace follows, then whatever identifies the thing.
//!
//! | byte | what | the rest of the key | value |
//! |---|---|---|---|
//! | 01 | the store's secret | – | `records::Secret` |
//! | 02 | the next numeric id | – | `records::NextId` |
//! | 03 | the lease of a background task | task | `records::Lease` |
//! | 04 | block of numbers in use, on a shared store | process, first number | – |
//! | 05 | lowest number that a process may store conversations under, on a shared store | process | `records::OpenNumbers` |
//! | 06 | up to when the clock was trusted | – | `records::ClockMark` |
//! | 10 | conversation head | workspace, conversation | `records::Head` |
//! | 11 | conversation identity | workspace, source, external id | `records::Identity` |
//! | 12 | segment of messages | workspace, conversation, first message | `records::Segment` |
//! | 13 | message with a tracking id | workspace, conversation, tracking id, BLAKE3 of the content | `records::TrackedMessage` |
//! | 14 | attachment | workspace, conversation, attachment | `records::AttachmentBytes` |
//! | 20 | assessment | workspace, conversation, assessment | `domain::Assessment` |
//! | 21 | assessments of a conversation | workspace, conversation | `records::AssessmentIndex` |
//! | 22 | conversation of an assessment | assessment | `records::AssessmentOwner` |
//! | 30 | scorecard family | workspace, base | `records::ScorecardFamily` |
//! | 31 | scorecard revision | workspace, base, ordinal | `domain::ScorecardRevision` |
//! | 40 | scoring job | workspace, shard, conversation | `records::Job` |
//! | 41 | scoring given up | workspace, conversation | `records::ScoringFailure` |
//! | 50 | request | workspace, caller, method, request id | `records::Request` |
//! | 60 | rating | workspace, conversation, rating | `domain::Rating` |
//! | 61 | ratings by time of offer | workspace, milliseconds, rating | `domain::RatingEntry` |
//! | 62 | customer who has opted out of ratings | workspace, source, person | `records::OptOut` |
//! | 63 | rating by the UUID it was imported with | workspace, conversation, UUID | `records::RatingNumber` |
//! | 70 | person | workspace, person | `domain::Person` |
//! | 71 | person's identity | workspace, kind, source, way of being known, external id or name (in a conversation) | `records::PersonNumber` |
//! | 72 | team | workspace, team | `domain::Team` |
//! | 73 | team's identity | workspace, source, external id | `records::TeamNumber` |
//! | 74 | member of a team | workspace, team, person | `records::Membership` |
//! | 80 | listing of a conversation | workspace, conversation | `domain::Listing` |
//! | 81 | posting of a conversation by when it was stored | workspace, term, time and number of the conversation, descending | – |
//! | 82 | posting of an assessment | workspace, term, time and number of the assessment, descending, conversation | – |
//! | 83 | deletion, for the purge | workspace, time, conversation | – |
//! | 84 | how far conversations are posted | workspace | `records::Backfill` |
//! | 85 | posting of a conversation by when it was held | as 81 | – |
//! | 90 | how far a durable consumer has read the log | name | `records::Cursor` |
//!
//! 00 marks an unfinished load ([`super::dump`]). Numbers are big-endian, so that they sort; strings are escaped
//! ([`push_text`]), so that none is a prefix of another. Numeric ids are global; everything else belongs to a
//! workspace. Bytes from F0 on belong to the engines.

mod directory;
mod kind;
mod listing;
mod opt_out;

pub use directory::*;
pub use kind::*;
pub use listing::*;
pub use opt_out::*;

use std::ops::Bound;

use uuid::Uuid;

use crate::domain::{AssessmentId, AttachmentId, ConversationId, MessageId, RatingId, UnixMillis};

use super::{Key, KeyRange};

/// Whose data a key refers to. Not part of resource names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkspaceId(pub u32);

impl WorkspaceId {
    /// The only workspace so far.
    pub const FIRST: Self = Self(1);
}

/// The keys of one workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    workspace: WorkspaceId,
}

/// The number of shards of the queue, so that several processes can share it.
pub const JOB_SHARDS: u8 = 16;

const SECRET: u8 = 0x01;
const NEXT_ID: u8 = 0x02;
const LEASE: u8 = 0x03;
const NUMBER_FENCE: u8 = 0x04;
const OPEN_NUMBERS: u8 = 0x05;
const CLOCK_MARK: u8 = 0x06;
const HEAD: u8 = 0x10;
const IDENTITY: u8 = 0x11;
const SEGMENT: u8 = 0x12;
const TRACKED: u8 = 0x13;
const ATTACHMENT: u8 = 0x14;
const ASSESSMENT: u8 = 0x20;
const ASSESSMENT_INDEX: u8 = 0x21;
const ASSESSMENT_OWNER: u8 = 0x22;
const SCORECARD_FAMILY: u8 = 0x30;
const SCORECARD_REVISION: u8 = 0x31;
const JOB: u8 = 0x40;
const SCORING_FAILURE: u8 = 0x41;
const REQUEST: u8 = 0x50;
const RATING: u8 = 0x60;
const RATING_BY_TIME: u8 = 0x61;
const OPT_OUT: u8 = 0x62;
const IMPORTED_RATING: u8 = 0x63;
const CURSOR: u8 = 0x90;

/// The subspaces whose keys begin with a conversation's number, except its head and the keys by which a purge finds it.
const BELONGINGS: [u8; 8] =
    [SEGMENT, TRACKED, ATTACHMENT, RATING, IMPORTED_RATING, ASSESSMENT, ASSESSMENT_INDEX, SCORING_FAILURE];

pub fn secret() -> Key {
    vec![SECRET]
}

pub fn next_id() -> Key {
    vec![NEXT_ID]
}

pub fn lease(task: u8) -> Key {
    vec![LEASE, task]
}

/// Shared by all workspaces: a machine has one clock.
pub fn clock_mark() -> Key {
    vec![CLOCK_MARK]
}

pub fn number_fence(process: u64, first: u64) -> Key {
    [&[NUMBER_FENCE], process.to_be_bytes().as_slice(), &first.to_be_bytes()].concat()
}

pub fn number_fences(process: u64) -> KeyRange {
    KeyRange::prefix([&[NUMBER_FENCE], process.to_be_bytes().as_slice()].concat())
}

pub fn open_numbers(process: u64) -> Key {
    [&[OPEN_NUMBERS], process.to_be_bytes().as_slice()].concat()
}

pub fn all_open_numbers() -> KeyRange {
    KeyRange::prefix(vec![OPEN_NUMBERS])
}

/// The process that stored the record with this key; `None` for other keys.
pub fn holder_of_open_numbers(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.strip_prefix(&[OPEN_NUMBERS])?.try_into().ok()?))
}

/// A durable consumer of the log, shared by all workspaces.
pub fn cursor(consumer: &str) -> Key {
    let mut key = vec![CURSOR];
    push_text(&mut key, consumer);
    key
}

pub fn cursors() -> KeyRange {
    KeyRange::prefix(vec![CURSOR])
}

impl Keys {
    pub const fn of(workspace: WorkspaceId) -> Self {
        Self { workspace }
    }

    /// Whether a key belongs to another workspace. Keys of the store as a whole, and of the engine, belong to none.
    pub fn is_foreign(self, key: &[u8]) -> bool {
        const OF_THE_STORE: [u8; 4] = [SECRET, NEXT_ID, ASSESSMENT_OWNER, CURSOR];
        let Some((subspace, rest)) = key.split_first() else { return false };
        let is_of_a_workspace = !OF_THE_STORE.contains(subspace) && (HEAD..0xF0).contains(subspace);
        is_of_a_workspace && rest.first_chunk() != Some(&self.workspace.0.to_be_bytes())
    }

    pub fn head(self, conversation: ConversationId) -> Key {
        self.of_conversation(HEAD, conversation)
    }

    /// The heads from `first` up to but not including `before`, or to the end.
    pub fn heads_between(self, first: ConversationId, before: Option<ConversationId>) -> KeyRange {
        let mut range = KeyRange::prefix(self.in_workspace(HEAD, 0));
        range.start = Bound::Included(self.head(first));
        if let Some(before) = before {
            range.end = Bound::Excluded(self.head(before));
        }
        range
    }

    pub fn identity(self, source: &str, external_id: &str) -> Key {
        let mut key = self.in_workspace(IDENTITY, source.len() + external_id.len() + 4);
        push_text(&mut key, source);
        push_text(&mut key, external_id);
        key
    }

    pub fn segment(self, conversation: ConversationId, first: MessageId) -> Key {
        let mut key = self.of_conversation(SEGMENT, conversation);
        key.extend(first.0.to_be_bytes());
        key
    }

    pub fn segments(self, conversation: ConversationId) -> KeyRange {
        KeyRange::prefix(self.of_conversation(SEGMENT, conversation))
    }

    /// The key contains the content's hash, so one read finds a message among any number with the same tracking id.
    pub fn tracked(self, conversation: ConversationId, tracking_id: &str, content: &[u8; 32]) -> Key {
        let mut key = self.of_tracking_id(conversation, tracking_id);
        key.extend(content);
        key
    }

    /// All messages with one tracking id, whatever their content.
    pub fn tracked_of_id(self, conversation: ConversationId, tracking_id: &str) -> KeyRange {
        KeyRange::prefix(self.of_tracking_id(conversation, tracking_id))
    }

    /// Every message of a conversation that has a tracking id.
    pub fn all_tracked(self, conversation: ConversationId) -> KeyRange {
        KeyRange::prefix(self.of_conversation(TRACKED, conversation))
    }

    fn of_tracking_id(self, conversation: ConversationId, tracking_id: &str) -> Key {
        let mut key = self.of_conversation(TRACKED, conversation);
        push_text(&mut key, tracking_id);
        key
    }

    pub fn attachment(self, conversation: ConversationId, attachment: AttachmentId) -> Key {
        let mut key = self.of_conversation(ATTACHMENT, conversation);
        key.extend(attachment.0.to_be_bytes());
        key
    }

    pub fn attachments(self, conversation: ConversationId) -> KeyRange {
        KeyRange::prefix(self.of_conversation(ATTACHMENT, conversation))
    }

    pub fn assessment(self, conversation: ConversationId, assessment: AssessmentId) -> Key {
        let mut key = self.of_conversation(ASSESSMENT, conversation);
        key.extend(assessment.0.to_be_bytes());
        key
    }

    pub fn assessments(self, conversation: ConversationId) -> KeyRange {
        KeyRange::prefix(self.of_conversation(ASSESSMENT, conversation))
    }

    pub fn assessment_index(self, conversation: ConversationId) -> Key {
        self.of_conversation(ASSESSMENT_INDEX, conversation)
    }

    pub fn scorecard_family(self, base: &str) -> Key {
        let mut key = self.in_workspace(SCORECARD_FAMILY, base.len() + 2);
        push_text(&mut key, base);
        key
    }

    pub fn scorecard_families(self) -> KeyRange {
        KeyRange::prefix(self.in_workspace(SCORECARD_FAMILY, 0))
    }

    pub fn scorecard_revision(self, base: &str, ordinal: u32) -> Key {
        let mut key = self.in_workspace(SCORECARD_REVISION, base.len() + 6);
        push_text(&mut key, base);
        key.extend(ordinal.to_be_bytes());
        key
    }

    pub fn job(self, conversation: ConversationId) -> Key {
        let mut key = self.in_workspace(JOB, 9);
        key.push(job_shard(conversation));
        key.extend(conversation.0.to_be_bytes());
        key
    }

    pub fn jobs(self) -> KeyRange {
        KeyRange::prefix(self.in_workspace(JOB, 0))
    }

    /// The jobs of each shard.
    pub fn jobs_by_shard(self) -> impl Iterator<Item = KeyRange> {
        (0..JOB_SHARDS).map(move |shard| {
            let mut prefix = self.in_workspace(JOB, 1);
            prefix.push(shard);
            KeyRange::prefix(prefix)
        })
    }

    /// Everything keyed by a conversation's number and more: what a purge deletes.
    pub fn belongings(self, conversation: ConversationId) -> impl Iterator<Item = KeyRange> {
        BELONGINGS
            .into_iter()
            .map(move |subspace| KeyRange::prefix(self.of_conversation(subspace, conversation)))
    }

    pub fn scoring_failure(self, conversation: ConversationId) -> Key {
        self.of_conversation(SCORING_FAILURE, conversation)
    }

    pub fn scoring_failures(self) -> KeyRange {
        KeyRange::prefix(self.in_workspace(SCORING_FAILURE, 0))
    }

    pub fn request(self, caller: &str, method: u8, request_id: &str) -> Key {
        let mut key = self.in_workspace(REQUEST, caller.len() + request_id.len() + 5);
        push_text(&mut key, caller);
        key.push(method);
        push_text(&mut key, request_id);
        key
    }

    pub fn requests(self) -> KeyRange {
        KeyRange::prefix(self.in_workspace(REQUEST, 0))
    }

    pub fn rating(self, conversation: ConversationId, rating: RatingId) -> Key {
        let mut key = self.of_conversation(RATING, conversation);
        key.extend(rating.0.to_be_bytes());
        key
    }

    pub fn ratings(self, conversation: ConversationId) -> KeyRange {
        KeyRange::prefix(self.of_conversation(RATING, conversation))
    }

    pub fn imported_rating(self, conversation: ConversationId, uuid: Uuid) -> Key {
        let mut key = self.of_conversation(IMPORTED_RATING, conversation);
        key.extend(uuid.as_bytes());
        key
    }

    /// Times before 1970 are not accepted, so the bytes sort like the times.
    pub fn rating_by_time(self, offer_time: UnixMillis, rating: RatingId) -> Key {
        let mut key = self.in_workspace(RATING_BY_TIME, 16);
        key.extend(offer_time.millis().to_be_bytes());
        key.extend(rating.0.to_be_bytes());
        key
    }

    pub fn ratings_by_time(self) -> KeyRange {
        KeyRange::prefix(self.in_workspace(RATING_BY_TIME, 0))
    }

    fn in_workspace_numbered(self, subspace: u8, number: u64) -> Key {
        let mut key = self.in_workspace(subspace, 16);
        key.extend(number.to_be_bytes());
        key
    }

    fn in_workspace(self, subspace: u8, room: usize) -> Key {
        let mut key = Vec::with_capacity(5 + room);
        key.push(subspace);
        key.extend(self.workspace.0.to_be_bytes());
        key
    }

    fn of_conversation(self, subspace: u8, conversation: ConversationId) -> Key {
        self.in_workspace_numbered(subspace, conversation.0)
    }
}

/// The conversation of a head's key; `None` for other keys.
pub fn conversation_of_head(key: &[u8]) -> Option<ConversationId> {
    let (_, id) = key.strip_prefix(&[HEAD])?.split_last_chunk::<8>()?;
    Some(ConversationId(u64::from_be_bytes(*id)))
}

/// The number of an assessment's key; `None` for other keys.
pub fn id_of_assessment(key: &[u8]) -> Option<AssessmentId> {
    let (_, id) = key.strip_prefix(&[ASSESSMENT])?.split_last_chunk::<8>()?;
    Some(AssessmentId(u64::from_be_bytes(*id)))
}

/// Whether this is an assessment's key.
pub fn is_assessment(key: &[u8]) -> bool {
    key.first() == Some(&ASSESSMENT)
}

pub fn assessment_owner(assessment: AssessmentId) -> Key {
    let mut key = vec![ASSESSMENT_OWNER];
    key.extend(assessment.0.to_be_bytes());
    key
}

/// The base id of a family's key; `None` for other keys.
pub fn base_of_family(key: &[u8]) -> Option<String> {
    let escaped = key.strip_prefix(&[SCORECARD_FAMILY])?.get(4..)?.strip_suffix(&[0x00, 0x01])?;
    // A base id is a slug: it contains no 00 that would be escaped.
    String::from_utf8(escaped.to_vec()).ok()
}

/// A multiplicative hash: each conversation takes as many numbers as it has messages, so their low bits may be alike.
fn job_shard(conversation: ConversationId) -> u8 {
    (conversation.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60) as u8 % JOB_SHARDS
}

/// The conversation of a job's key; `None` for other keys.
pub fn conversation_of_job(key: &[u8]) -> Option<ConversationId> {
    let id = key.strip_prefix(&[JOB])?.get(5..)?;
    Some(ConversationId(u64::from_be_bytes(id.try_into().ok()?)))
}

/// Whether this is an attachment's key.
pub fn is_attachment(key: &[u8]) -> bool {
    key.first() == Some(&ATTACHMENT)
}

/// Whether this is a rating's key.
pub fn is_rating(key: &[u8]) -> bool {
    key.first() == Some(&RATING)
}

/// The time and rating of a rating entry's key; `None` for other keys.
pub fn rating_of_entry(key: &[u8]) -> Option<(UnixMillis, RatingId)> {
    let (time, rating) = key.strip_prefix(&[RATING_BY_TIME])?.get(4..)?.split_first_chunk::<8>()?;
    let rating = u64::from_be_bytes(rating.try_into().ok()?);
    Some((UnixMillis::clamped(i64::from_be_bytes(*time)), RatingId(rating)))
}

/// Appends a string so that order is kept and no string is a prefix of another: 00 becomes 00 FF, the end is 00 01.
fn push_text(key: &mut Key, text: &str) {
    for byte in text.bytes() {
        key.push(byte);
        if byte == 0 {
            key.push(0xFF);
        }
    }
    key.extend([0x00, 0x01]);
}

#[cfg(test)]
mod tests;
