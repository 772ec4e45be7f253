//! Ratings, their entries by time, opt-outs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plaudit::{
    domain::{Rating, RatingEntry},
    store::{Key, records::OptOut},
};

use super::{Disk, conversations::Conversations};
use crate::crash::thread::Asked;
use crate::harness::KEYS;

pub fn audit(disk: &Disk, conversations: &Conversations) -> Vec<Rating> {
    let mut ratings = Vec::new();
    for (key, rating) in disk.records::<Rating>(0x60) {
        assert_eq!(key, KEYS.rating(rating.conversation, rating.id));
        assert!(conversations.contains_key(&rating.conversation), "{} belongs to no conversation", rating.id);
        ratings.push(rating);
    }
    let entry = |rating: &Rating| (KEYS.rating_by_time(rating.offer_time, rating.id), rating.entry());
    let expected: BTreeMap<Key, RatingEntry> = ratings.iter().map(entry).collect();
    let found: BTreeMap<Key, RatingEntry> = disk.records(0x61).into_iter().collect();
    assert_eq!(found, expected, "entries by time");

    let opted_out = ratings.iter().filter(|rating| rating.course.opt_out_time.is_some());
    let key = |rating: &Rating| KEYS.opt_out(&rating.source, rating.conversation, &rating.user);
    let expected: BTreeSet<Key> = opted_out.map(key).collect();
    let found: BTreeMap<Key, OptOut> = disk.records(0x62).into_iter().collect();
    assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), expected, "opt-outs");
    for (opt_out_key, opt_out) in found {
        let rating = ratings.iter().find(|rating| rating.id == opt_out.rating).expect("a rating");
        assert_eq!((key(rating), rating.course.opt_out_time), (opt_out_key, Some(opt_out.time)));
    }
    ratings
}

/// The ratings of each conversation, in the words of its callers.
pub fn told(ratings: &[Rating]) -> HashMap<u64, Vec<Asked>> {
    let mut told: HashMap<u64, Vec<Asked>> = HashMap::new();
    for rating in ratings {
        told.entry(rating.conversation.0).or_default().push(asked(rating));
    }
    told
}

fn asked(rating: &Rating) -> Asked {
    let value = rating.questions.iter().find_map(|question| question.answer.as_ref());
    Asked {
        name: String::new(),
        value: value.map(|answer| i32::from(answer.value)),
        is_cancelled: rating.course.cancel_time.is_some(),
        is_withheld: rating.course.withheld,
        is_opted_out: rating.course.opt_out_time.is_some(),
    }
}
