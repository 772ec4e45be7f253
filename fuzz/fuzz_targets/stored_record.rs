//! A stored value of any kind: it is damaged, or what is written again is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use minicbor::{Decode, Encode};
use plaudit::{
    domain::{
        Assessment, Event, Listing, Person, PersonIdentity, Rating, RatingEntry, ScorecardRevision,
        StatusChange, Team,
    },
    store::records::{
        self, AssessmentIndex, AssessmentOwner, AttachmentBytes, Backfill, Head, HeadWithoutMessages,
        Identity, Job, Membership, NextId, OptOut, PersonNumber, RatingNumber, Request, ScorecardFamily,
        ScoringFailure, Secret, Segment, TeamNumber, TrackedMessage,
    },
};

fn check<T: Encode<()> + for<'a> Decode<'a, ()>>(raw: &[u8]) {
    let key = vec![1];
    if let Ok(record) = records::decode::<T>(&key, raw) {
        let written = records::encode(&record);
        let again: T = records::decode(&key, &written).expect("what was written is read");
        assert_eq!(records::encode(&again), written);
    }
}

macro_rules! check_all {
    ($raw:expr, $($kind:ty),* $(,)?) => { $(check::<$kind>($raw);)* };
}

fuzz_target!(|raw: &[u8]| {
    let _ = records::decode::<HeadWithoutMessages>(&vec![1], raw);
    plaudit_fuzz::within_budget(raw.len(), || {
        check_all!(
            raw,
            Assessment,
            AssessmentIndex,
            AssessmentOwner,
            AttachmentBytes,
            Backfill,
            Event,
            Head,
            Identity,
            Job,
            Listing,
            Membership,
            NextId,
            OptOut,
            Person,
            PersonIdentity,
            PersonNumber,
            Rating,
            RatingEntry,
            RatingNumber,
            Request,
            ScorecardFamily,
            ScorecardRevision,
            ScoringFailure,
            Secret,
            Segment,
            Vec<StatusChange>,
            Team,
            TeamNumber,
            TrackedMessage,
        );
    });
});
