//! What a key is for, told from the key alone: for whoever reads all of them.

use crate::domain::{AssessmentId, ConversationId, TeamId};

use super::{
    ASSESSMENT, ASSESSMENT_INDEX, ASSESSMENT_OWNER, ATTACHMENT, CLOCK_MARK, CURSOR, HEAD, IDENTITY,
    IMPORTED_RATING, JOB, Key, KeyRange, Keys, LEASE, NEXT_ID, NUMBER_FENCE, OPEN_NUMBERS, OPT_OUT, RATING,
    RATING_BY_TIME, REQUEST, SCORECARD_FAMILY, SCORECARD_REVISION, SCORING_FAILURE, SECRET, SEGMENT, TRACKED,
    directory::{MEMBER, PERSON, PERSON_IDENTITY, TEAM, TEAM_IDENTITY},
    listing::{ASSESSMENT_POSTING, BACKFILL, CONVERSATION_POSTING, DELETION, LISTING, STORED_POSTING},
    opt_out::take_text,
};

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Secret,
    NextId,
    Lease,
    NumberFence,
    OpenNumbers,
    ClockMark,
    Head,
    Identity,
    Segment,
    Tracked,
    Attachment,
    Assessment,
    AssessmentIndex,
    AssessmentOwner,
    ScorecardFamily,
    ScorecardRevision,
    Job,
    ScoringFailure,
    Request,
    Rating,
    RatingByTime,
    OptOut,
    ImportedRating,
    Person,
    PersonIdentity,
    Team,
    TeamIdentity,
    Member,
    Listing,
    StoredPosting,
    AssessmentPosting,
    Deletion,
    Backfill,
    ConversationPosting,
    Cursor,
}

/// By the first byte of the key.
const KINDS: [(u8, Kind); 35] = [
    (SECRET, Kind::Secret),
    (NEXT_ID, Kind::NextId),
    (LEASE, Kind::Lease),
    (NUMBER_FENCE, Kind::NumberFence),
    (OPEN_NUMBERS, Kind::OpenNumbers),
    (CLOCK_MARK, Kind::ClockMark),
    (HEAD, Kind::Head),
    (IDENTITY, Kind::Identity),
    (SEGMENT, Kind::Segment),
    (TRACKED, Kind::Tracked),
    (ATTACHMENT, Kind::Attachment),
    (ASSESSMENT, Kind::Assessment),
    (ASSESSMENT_INDEX, Kind::AssessmentIndex),
    (ASSESSMENT_OWNER, Kind::AssessmentOwner),
    (SCORECARD_FAMILY, Kind::ScorecardFamily),
    (SCORECARD_REVISION, Kind::ScorecardRevision),
    (JOB, Kind::Job),
    (SCORING_FAILURE, Kind::ScoringFailure),
    (REQUEST, Kind::Request),
    (RATING, Kind::Rating),
    (RATING_BY_TIME, Kind::RatingByTime),
    (OPT_OUT, Kind::OptOut),
    (IMPORTED_RATING, Kind::ImportedRating),
    (PERSON, Kind::Person),
    (PERSON_IDENTITY, Kind::PersonIdentity),
    (TEAM, Kind::Team),
    (TEAM_IDENTITY, Kind::TeamIdentity),
    (MEMBER, Kind::Member),
    (LISTING, Kind::Listing),
    (STORED_POSTING, Kind::StoredPosting),
    (ASSESSMENT_POSTING, Kind::AssessmentPosting),
    (DELETION, Kind::Deletion),
    (BACKFILL, Kind::Backfill),
    (CONVERSATION_POSTING, Kind::ConversationPosting),
    (CURSOR, Kind::Cursor),
];

impl Kind {
    /// The kinds whose keys begin with a conversation's number, which sorts them by it.
    pub const BY_CONVERSATION: [Self; 10] = [
        Self::Head,
        Self::Segment,
        Self::Tracked,
        Self::Attachment,
        Self::Assessment,
        Self::AssessmentIndex,
        Self::ScoringFailure,
        Self::Rating,
        Self::ImportedRating,
        Self::Listing,
    ];

    /// `None` for a key of no kind.
    pub fn of(key: &[u8]) -> Option<Self> {
        let first = key.first()?;
        KINDS.iter().find(|(byte, _)| byte == first).map(|(_, kind)| *kind)
    }

    /// All of them, in the order of their keys.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.into_iter().map(|(_, kind)| kind)
    }

    fn byte(self) -> u8 {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or(u8::MAX, |(byte, _)| *byte)
    }

    /// All keys of this kind, of whatever workspace.
    pub fn keys(self) -> KeyRange {
        KeyRange::prefix(vec![self.byte()])
    }

    /// Whether keys of this kind begin with a conversation's number.
    pub fn is_by_conversation(self) -> bool {
        Self::BY_CONVERSATION.contains(&self)
    }
}

impl Keys {
    /// All keys of a kind in this workspace.
    pub fn of_kind(self, kind: Kind) -> KeyRange {
        KeyRange::prefix(self.in_workspace(kind.byte(), 0))
    }

    /// The keys of a kind that begin with this conversation's number.
    pub fn of_kind_and_conversation(self, kind: Kind, conversation: ConversationId) -> KeyRange {
        KeyRange::prefix(self.of_conversation(kind.byte(), conversation))
    }
}

/// The number of the conversation that a key of one of [`Kind::BY_CONVERSATION`] begins with. What is missing of the number counts
/// as zeros: bounds of ranges may be cut short.
pub fn conversation_of(key: &[u8]) -> ConversationId {
    let mut number = [0; 8];
    for (to, from) in number.iter_mut().zip(key.iter().skip(5)) {
        *to = *from;
    }
    ConversationId(u64::from_be_bytes(number))
}

/// The last 8 bytes of a key as a number; `None` if it is shorter.
pub fn number_at_end(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|number| u64::from_be_bytes(*number))
}

/// The conversation of a posting's key, of whichever term.
pub fn conversation_of_posting(key: &[u8]) -> Option<ConversationId> {
    let number = number_at_end(key)?;
    match Kind::of(key)? {
        Kind::ConversationPosting | Kind::StoredPosting => Some(ConversationId(!number)),
        Kind::AssessmentPosting => Some(ConversationId(number)),
        _ => None,
    }
}

/// The assessment of an owner's key; `None` for other keys.
pub fn assessment_of_owner(key: &[u8]) -> Option<AssessmentId> {
    let id = key.strip_prefix(&[ASSESSMENT_OWNER])?;
    Some(AssessmentId(u64::from_be_bytes(id.try_into().ok()?)))
}

/// The source and external id of an identity's key; `None` for other keys.
pub fn identity_of(key: &[u8]) -> Option<(String, String)> {
    let mut rest = key.strip_prefix(&[IDENTITY])?.get(4..)?;
    let source = take_text(&mut rest)?;
    let external_id = take_text(&mut rest)?;
    rest.is_empty().then_some((source, external_id))
}

/// The base id and ordinal of a scorecard revision's key; `None` for other keys.
pub fn revision_of(key: &[u8]) -> Option<(String, u32)> {
    let mut rest: &[u8] = key.strip_prefix(&[SCORECARD_REVISION])?.get(4..)?;
    let base = take_text(&mut rest)?;
    Some((base, u32::from_be_bytes(rest.try_into().ok()?)))
}

/// The team of a member's key; `None` for other keys.
pub fn team_of_member(key: &[u8]) -> Option<TeamId> {
    let (team, _) = key.strip_prefix(&[MEMBER])?.get(4..)?.split_first_chunk::<8>()?;
    Some(TeamId(u64::from_be_bytes(*team)))
}

/// A key in hexadecimal.
pub fn shown(key: &Key) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::keys::{WorkspaceId, secret};

    const KEYS: Keys = Keys::of(WorkspaceId::FIRST);

    #[test]
    fn keys_tell_what_they_are_for() {
        let id = ConversationId(5_000_000_000_000_001);
        assert_eq!(Kind::of(&secret()), Some(Kind::Secret));
        assert_eq!(Kind::of(&KEYS.head(id)), Some(Kind::Head));
        assert_eq!(Kind::of(&KEYS.backfill()), Some(Kind::Backfill));
        assert_eq!(Kind::of(&[0xF0]), None);
        assert_eq!(conversation_of(&KEYS.rating(id, crate::domain::RatingId(7))), id);
        assert_eq!(conversation_of(&KEYS.head(id)[..9]).0, id.0 >> 32 << 32);
        let identity = identity_of(&KEYS.identity("a\0b", "42"));
        assert_eq!(identity, Some(("a\0b".to_owned(), "42".to_owned())));
        assert_eq!(revision_of(&KEYS.scorecard_revision("axis", 3)), Some(("axis".to_owned(), 3)));
        assert!(KINDS.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
