//! Listings of conversations, and their postings.

use std::collections::{BTreeSet, HashSet};

use plaudit::{
    domain::{Assessment, ConversationId, Listing, Rating},
    service::listing::score_of,
};

use super::{
    Disk, assert_same_keys, conversation_of,
    conversations::{Conversations, Whole},
};
use crate::harness::KEYS;

/// At any time: what is posted is what the listings say.
pub fn audit_postings(disk: &Disk) {
    let mut postings = BTreeSet::new();
    for (key, listing) in disk.records::<Listing>(0x80) {
        let id = ConversationId(conversation_of(&key));
        postings.extend(listing.postings().iter().filter_map(|posting| KEYS.posting(posting, id)));
    }
    let on_disk = disk.keys(0x81).union(&disk.keys(0x85)).cloned().collect();
    assert_same_keys("postings of conversations", &on_disk, &postings);
}

/// Once everything is scored and indexed.
pub fn audit(disk: &Disk, conversations: &Conversations, assessments: &[Assessment], ratings: &[Rating]) {
    let is_answered = |rating: &&Rating| rating.answer_time().is_some();
    let rated: HashSet<_> = ratings.iter().filter(is_answered).map(|rating| rating.conversation).collect();
    let mut listed = BTreeSet::new();
    for (key, listing) in disk.records::<Listing>(0x80) {
        let id = ConversationId(conversation_of(&key));
        let whole = conversations.get(&id).unwrap_or_else(|| panic!("{id} is listed but does not exist"));
        assert_eq!(listing.is_rated, rated.contains(&id), "{id}: whether it is rated");
        if whole.is_deleted() {
            assert_follows(&listing, whole);
        } else {
            let own = assessments.iter().filter(|assessment| assessment.conversation == id);
            assert_eq!(listing, expected(whole, score_of(own), listing.is_rated), "{id}");
        }
        assert!(listing.held.is_some(), "{id} is placed by when it was stored");
        listed.insert(id);
    }
    assert_eq!(listed, conversations.keys().copied().collect(), "listed and existing conversations");
}

/// The expected listing of a conversation whose scoring has ended.
fn expected(whole: &Whole, score_tenths: Option<u32>, is_rated: bool) -> Listing {
    let mut listing = Listing {
        is_indexed: true,
        settled_version: Some(whole.conversation.version),
        score_tenths,
        is_rated,
        ..Listing::default()
    };
    listing.follow(&whole.conversation);
    listing.add_writers(&whole.messages);
    listing
}

/// The scores of a deleted conversation may be those of an earlier version; everything else is as it was when deleted.
fn assert_follows(listing: &Listing, whole: &Whole) {
    let mut followed = listing.clone();
    followed.follow(&whole.conversation);
    followed.settled_version = Some(whole.conversation.version);
    assert_eq!(*listing, followed);
    assert!(listing.is_deleted && listing.terms().is_empty());
}
