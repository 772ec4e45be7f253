use proptest::prelude::*;

use super::*;
use crate::domain::{AuthorKind, KnownBy, PersonIdentity};

const KEYS: Keys = Keys::of(WorkspaceId::FIRST);

#[test]
fn a_job_key_names_its_conversation() {
    let id = ConversationId(5_000_000_000_000_123);
    assert_eq!(conversation_of_job(&KEYS.job(id)), Some(id));
    assert_eq!(conversation_of_job(&KEYS.head(id)), None);
    assert_eq!(conversation_of_job(&KEYS.job(id)[..9]), None);
}

#[test]
fn a_rating_entry_sorts_by_time_and_names_its_rating() {
    let key = |time, rating| KEYS.rating_by_time(UnixMillis::clamped(time), RatingId(rating));
    assert_eq!(
        rating_of_entry(&key(1_700_000_000_123, 7)),
        Some((UnixMillis::clamped(1_700_000_000_123), RatingId(7)))
    );
    assert!(key(255, 9) < key(256, 1) && key(256, 1) < key(256, 2));
    assert_eq!(rating_of_entry(&KEYS.rating(ConversationId(1), RatingId(7))), None);
    assert_eq!(rating_of_entry(&key(1, 2)[..20]), None);
}

#[test]
fn a_key_is_foreign_to_every_other_workspace() {
    let own = [
        KEYS.head(ConversationId(1)),
        KEYS.identity("a", "b"),
        KEYS.job(ConversationId(1)),
        KEYS.listing(ConversationId(1)),
        KEYS.backfill(),
    ];
    for key in own {
        assert!(!KEYS.is_foreign(&key), "{key:02x?}");
        assert!(Keys::of(WorkspaceId(2)).is_foreign(&key), "{key:02x?}");
    }
    for key in [secret(), next_id(), assessment_owner(AssessmentId(1)), vec![0xF0, 1]] {
        assert!(!KEYS.is_foreign(&key) && !Keys::of(WorkspaceId(2)).is_foreign(&key), "{key:02x?}");
    }
}

#[test]
fn jobs_are_spread_over_the_shards_however_many_numbers_a_conversation_takes() {
    for numbers_taken in 1..=32 {
        let mut jobs = [0; JOB_SHARDS as usize];
        for import in 0..1600 {
            jobs[usize::from(job_shard(ConversationId(5_000_000_000_000_001 + import * numbers_taken)))] += 1;
        }
        let (least, most) = (jobs.iter().min(), jobs.iter().max());
        assert!(least >= Some(&50) && most <= Some(&200), "{numbers_taken} numbers each: {jobs:?}");
    }
}

fn any_person() -> impl Strategy<Value = PersonIdentity> {
    let kind = prop::sample::select(vec![AuthorKind::Contact, AuthorKind::Ai, AuthorKind::Teammate]);
    let text = || "[a\u{0}\u{1}]{0,2}";
    let id = || "[ab\u{ff}]{1,2}";
    let known_by = prop_oneof![
        id().prop_map(|id| KnownBy::ExternalId(id.parse().unwrap())),
        text().prop_map(KnownBy::Name),
        (0..2_u64, text()).prop_map(|(id, name)| KnownBy::NameIn { conversation: ConversationId(id), name }),
    ];
    (kind, id(), known_by).prop_map(|(kind, source, known_by)| {
        let source = source.parse().unwrap();
        PersonIdentity { source, kind, known_by }
    })
}

proptest! {
    #[test]
    fn identities_are_equal_only_for_equal_parts(a in ".{0,8}", b in ".{0,8}", c in ".{0,8}", d in ".{0,8}") {
        prop_assert_eq!(KEYS.identity(&a, &b) == KEYS.identity(&c, &d), (&a, &b) == (&c, &d));
    }

    #[test]
    fn people_have_one_key_each(a in any_person(), b in any_person()) {
        prop_assert_eq!(KEYS.person_identity(&a) == KEYS.person_identity(&b), a == b);
        let stands_with_a = KEYS.person_identity(&b).starts_with(&KEYS.people_prefix(a.kind, Some(&a.source)));
        prop_assert_eq!(stands_with_a, a.kind == b.kind && a.source == b.source);
    }

    #[test]
    fn texts_sort_like_their_bytes_and_none_is_a_prefix_of_another(a in "[\u{0}a-c\u{ff}]{0,6}", b in "[\u{0}a-c\u{ff}]{0,6}") {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        push_text(&mut x, &a);
        push_text(&mut y, &b);
        prop_assert_eq!(x.cmp(&y), a.as_bytes().cmp(b.as_bytes()));
        prop_assert_eq!(x.starts_with(&y), a == b);
    }
}
