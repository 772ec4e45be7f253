//! The keys of lists: postings under terms, newest first.

use std::ops::Bound;

use crate::domain::{
    AssessmentId, AssessmentTerm, ConversationId, Place, Posting, Term, TimeRange, UnixMillis,
};

use super::{Key, KeyRange, Keys, push_text};

pub(super) const LISTING: u8 = 0x80;
pub(super) const STORED_POSTING: u8 = 0x81;
pub(super) const ASSESSMENT_POSTING: u8 = 0x82;
pub(super) const DELETION: u8 = 0x83;
pub(super) const BACKFILL: u8 = 0x84;
pub(super) const CONVERSATION_POSTING: u8 = 0x85;

/// Longer texts are not posted, so that no key becomes too long; filters do not accept them either.
pub const MAX_POSTED_TEXT_BYTES: usize = 512;

impl Keys {
    pub fn listing(self, conversation: ConversationId) -> Key {
        self.of_conversation(LISTING, conversation)
    }

    /// The prefix of all postings under a term; `None` if its text is too long to be posted.
    pub fn conversation_term(self, term: &Term) -> Option<Key> {
        self.term_within(CONVERSATION_POSTING, term)
    }

    /// The posting of a conversation; `None` as in [`Keys::conversation_term`].
    pub fn posting(self, posting: &Posting, conversation: ConversationId) -> Option<Key> {
        let Posting { term, time, is_former } = posting;
        let subspace = if *is_former { STORED_POSTING } else { CONVERSATION_POSTING };
        let place = Place { time: *time, number: conversation.0 };
        Some(conversation_posting(&self.term_within(subspace, term)?, place))
    }

    fn term_within(self, subspace: u8, term: &Term) -> Option<Key> {
        // Numbers are stored: append only.
        match term {
            Term::Any => Some(self.term_of(subspace, 0)),
            Term::Source(source) => self.text_term(subspace, 1, source),
            Term::Status(status) => Some(self.coded_term(subspace, 2, status)),
            Term::Channel(channel) => Some(self.coded_term(subspace, 3, channel)),
            Term::Agent(agent) => self.text_term(subspace, 4, agent),
            Term::Tag(tag) => self.text_term(subspace, 5, tag),
            Term::Band(band) => Some(self.coded_term(subspace, 6, band)),
            Term::Rated => Some(self.term_of(subspace, 7)),
            Term::LastMessage => Some(self.term_of(subspace, 8)),
            // As earlier versions posted every conversation.
            Term::Stored => Some(self.term_of(STORED_POSTING, 0)),
        }
    }

    /// Like [`Keys::conversation_term`].
    pub fn assessment_term(self, term: &AssessmentTerm) -> Option<Key> {
        // Numbers are stored: append only.
        match term {
            AssessmentTerm::Any => Some(self.term_of(ASSESSMENT_POSTING, 0)),
            AssessmentTerm::State(state) => Some(self.coded_term(ASSESSMENT_POSTING, 1, state)),
            AssessmentTerm::Scorecard(base) => self.text_term(ASSESSMENT_POSTING, 2, base),
            AssessmentTerm::Assessee(assessee) => self.text_term(ASSESSMENT_POSTING, 3, assessee),
        }
    }

    fn term_of(self, subspace: u8, kind: u8) -> Key {
        let mut key = self.in_workspace(subspace, 32);
        key.push(kind);
        key
    }

    fn text_term(self, subspace: u8, kind: u8, text: &str) -> Option<Key> {
        let mut key = self.term_of(subspace, kind);
        push_text(&mut key, text);
        (text.len() <= MAX_POSTED_TEXT_BYTES).then_some(key)
    }

    /// By its stored number.
    fn coded_term<T: minicbor::Encode<()>>(self, subspace: u8, kind: u8, value: &T) -> Key {
        let mut key = self.term_of(subspace, kind);
        minicbor::encode(value, &mut key).expect("a Vec takes every write and a number always encodes");
        key
    }

    /// That a conversation is deleted, and since when; read by the purge.
    pub fn deletion(self, delete_time: UnixMillis, conversation: ConversationId) -> Key {
        let mut key = self.in_workspace(DELETION, 16);
        key.extend(delete_time.millis().to_be_bytes());
        key.extend(conversation.0.to_be_bytes());
        key
    }

    /// The deletions up to a time, oldest first.
    pub fn deletions_until(self, time: UnixMillis) -> KeyRange {
        let mut range = KeyRange::prefix(self.in_workspace(DELETION, 0));
        range.end = Bound::Included(self.deletion(time, ConversationId(u64::MAX)));
        range
    }

    pub fn backfill(self) -> Key {
        self.in_workspace(BACKFILL, 0)
    }
}

/// The posting of a conversation under a term.
pub fn conversation_posting(term: &Key, place: Place) -> Key {
    let mut key = term.clone();
    push_place(&mut key, place);
    key
}

/// The posting of an assessment under a term; it says whose assessment it is.
pub fn assessment_posting(term: &Key, place: Place, conversation: ConversationId) -> Key {
    let mut key = conversation_posting(term, place);
    key.extend(conversation.0.to_be_bytes());
    key
}

/// The postings under a term within a time range and after a place.
pub fn postings(term: &Key, times: TimeRange, after: Option<Place>) -> KeyRange {
    let mut range = KeyRange::prefix(term.clone());
    if let Some(start) = times.start {
        // Times descend: the range ends after the last posting of the earliest time.
        range.end = Bound::Excluded(beyond(term, Place { time: start, number: 0 }));
    }
    if let Some(end) = times.end {
        range.start = Bound::Excluded(beyond(term, Place { time: end, number: 0 }));
    }
    if let Some(place) = after {
        range.start = Bound::Excluded(beyond(term, place));
    }
    range
}

/// Just after all postings at a place, whatever follows its number, and before the next place.
fn beyond(term: &Key, place: Place) -> Key {
    let mut key = conversation_posting(term, place);
    key.extend([u8::MAX; 9]);
    key
}

/// The place of a conversation's posting, from its key.
pub fn place_of_posting(term: &Key, key: &[u8]) -> Option<Place> {
    let rest = key.strip_prefix(term.as_slice())?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (number, _) = rest.split_first_chunk::<8>()?;
    let time = UnixMillis::clamped(i64::try_from(!u64::from_be_bytes(*time)).ok()?);
    Some(Place { time, number: !u64::from_be_bytes(*number) })
}

/// The place of an assessment's posting and the assessment, from its key.
pub fn assessment_of_posting(term: &Key, key: &[u8]) -> Option<(Place, ConversationId, AssessmentId)> {
    let place = place_of_posting(term, key)?;
    let (_, conversation) = key.split_last_chunk::<8>()?;
    Some((place, ConversationId(u64::from_be_bytes(*conversation)), AssessmentId(place.number)))
}

/// Newest first: later times and higher numbers sort before others.
fn push_place(key: &mut Key, place: Place) {
    let time = u64::try_from(place.time.as_stored()).unwrap_or(0);
    key.extend((!time).to_be_bytes());
    key.extend((!place.number).to_be_bytes());
}

/// The conversation of a deletion's key.
pub fn conversation_of_deletion(key: &[u8]) -> Option<ConversationId> {
    let (_, id) = key.strip_prefix(&[DELETION])?.split_last_chunk::<8>()?;
    Some(ConversationId(u64::from_be_bytes(*id)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::keys::WorkspaceId;

    const KEYS: Keys = Keys::of(WorkspaceId::FIRST);

    fn place() -> impl Strategy<Value = Place> {
        (0..6_i64, 0..6_u64).prop_map(|(time, number)| Place { time: UnixMillis::clamped(time), number })
    }

    fn is_in(range: &KeyRange, key: &Key) -> bool {
        use std::ops::RangeBounds as _;
        (range.start.clone(), range.end.clone()).contains(key)
    }

    proptest! {
        #[test]
        fn newer_places_come_first_and_are_read_back(a in place(), b in place()) {
            let term = KEYS.conversation_term(&Term::Tag("vip".to_owned())).unwrap();
            let [x, y] = [a, b].map(|place| conversation_posting(&term, place));
            prop_assert_eq!(x.cmp(&y), (b.time, b.number).cmp(&(a.time, a.number)));
            prop_assert_eq!(place_of_posting(&term, &x), Some(a));
            let owned = assessment_posting(&term, a, ConversationId(7));
            prop_assert_eq!(
                assessment_of_posting(&term, &owned),
                Some((a, ConversationId(7), AssessmentId(a.number)))
            );
        }

        #[test]
        fn a_range_holds_its_times_after_its_place(
            at in place(), start in prop::option::of(0..6_i64), end in prop::option::of(0..6_i64), after in prop::option::of(place()),
        ) {
            let created = TimeRange { start: start.map(UnixMillis::clamped), end: end.map(UnixMillis::clamped) };
            // A token always comes from the same list.
            prop_assume!(after.is_none_or(|after| created.contains(after.time)));
            let is_after = after.is_none_or(|after| (at.time, at.number) < (after.time, after.number));
            let term = KEYS.conversation_term(&Term::Any).unwrap();
            let range = postings(&term, created, after);
            let expected = created.contains(at.time) && is_after;
            prop_assert_eq!(is_in(&range, &conversation_posting(&term, at)) && !range.is_empty(), expected);
            let owned = assessment_posting(&term, at, ConversationId(u64::MAX));
            prop_assert_eq!(is_in(&range, &owned) && !range.is_empty(), expected);
        }
    }

    #[test]
    fn no_term_is_a_prefix_of_another() {
        let terms = [
            Term::Any,
            Term::Source("a".to_owned()),
            Term::Source("ab".to_owned()),
            Term::Agent("a".to_owned()),
            Term::Status(crate::domain::Status::Open),
            Term::Status(crate::domain::Status::Closed),
            Term::Rated,
            Term::LastMessage,
            Term::Stored,
        ];
        let keys: Vec<Key> = terms.iter().map(|term| KEYS.conversation_term(term).unwrap()).collect();
        for (index, key) in keys.iter().enumerate() {
            for (other_index, other) in keys.iter().enumerate() {
                assert!(
                    index == other_index || !other.starts_with(key),
                    "{key:02x?} is a prefix of {other:02x?}"
                );
            }
        }
        assert_eq!(KEYS.conversation_term(&Term::Tag("x".repeat(513))), None);
    }
}
