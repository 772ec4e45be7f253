//! Assessments, their indexes, their owners, their postings.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use plaudit::{
    domain::{Assessment, Unit},
    store::{
        Key, keys,
        records::{AssessmentIndex, AssessmentOwner},
    },
};

use super::{
    Disk, assert_same_keys, conversation_of,
    conversations::{Conversations, Whole},
};
use crate::harness::KEYS;

pub fn audit(disk: &Disk, conversations: &Conversations, is_settled: bool) -> Vec<Assessment> {
    let mut assessments = Vec::new();
    for (key, assessment) in disk.records::<Assessment>(0x20) {
        assert_eq!(key, KEYS.assessment(assessment.conversation, assessment.id));
        let whole = conversations.get(&assessment.conversation);
        let whole = whole.unwrap_or_else(|| panic!("{} belongs to no conversation", assessment.id));
        if is_settled {
            assert_rests_on_what_is_there(&assessment, whole);
        }
        assessments.push(assessment);
    }
    audit_index(disk, &assessments);
    let owner = |it: &Assessment| (keys::assessment_owner(it.id), it.conversation);
    let owners: BTreeMap<Key, _> = assessments.iter().map(owner).collect();
    let found = disk.records::<AssessmentOwner>(0x22).into_iter();
    assert_eq!(found.map(|(key, owner)| (key, owner.conversation)).collect::<BTreeMap<_, _>>(), owners);

    let mut postings = BTreeSet::new();
    for assessment in &assessments {
        let terms = assessment.terms();
        let terms = terms.iter().filter_map(|it| KEYS.assessment_term(it));
        postings.extend(
            terms.map(|term| keys::assessment_posting(&term, assessment.place(), assessment.conversation)),
        );
    }
    assert_same_keys("postings of assessments", &disk.keys(0x82), &postings);

    let scored: HashSet<_> = assessments.iter().map(|assessment| assessment.conversation).collect();
    for (id, Whole { conversation, messages }) in conversations {
        let wants_scores =
            conversation.delete_time.is_none() && !conversation.is_unscored() && !messages.is_empty();
        assert!(!is_settled || !wants_scores || scored.contains(id), "{id} has no assessment");
    }
    assessments
}

/// The index of a conversation names its assessments, with each unit and scorecard once.
fn audit_index(disk: &Disk, assessments: &[Assessment]) {
    let mut indexed = Vec::new();
    for (key, index) in disk.records::<AssessmentIndex>(0x21) {
        let conversation = conversation_of(&key);
        for entry in index.entries {
            indexed.push((conversation, entry.assessment, entry.unit, entry.scorecard));
        }
    }
    let of = |it: &Assessment| (it.conversation.0, it.id, it.unit, it.scorecard.base.clone());
    let mut stored: Vec<_> = assessments.iter().map(of).collect();
    indexed.sort_unstable_by_key(|(conversation, id, ..)| (*conversation, *id));
    stored.sort_unstable_by_key(|(conversation, id, ..)| (*conversation, *id));
    assert_eq!(indexed, stored, "indexed and stored assessments");
    let units: HashSet<_> =
        stored.iter().map(|(conversation, _, unit, scorecard)| (conversation, unit, scorecard)).collect();
    assert_eq!(units.len(), stored.len(), "a unit was scored twice with one scorecard");
}

/// Once it is scored, nothing in it refers to a deleted message.
fn assert_rests_on_what_is_there(assessment: &Assessment, whole: &Whole) {
    if whole.is_deleted() || whole.conversation.is_unscored() {
        return;
    }
    let messages: HashSet<_> = whole.messages.iter().map(|message| message.id).collect();
    if let Unit::Worklog { first_message } = assessment.unit {
        assert!(messages.contains(&first_message), "{} starts with a deleted message", assessment.id);
    }
    let answers = assessment.criteria.iter().filter_map(|criterion| criterion.answer());
    let of_answers = answers.flat_map(|answer| &answer.evidence).map(|evidence| evidence.message);
    let mut evidence =
        of_answers.chain(assessment.facts.iter().flat_map(|fact| fact.evidence.iter().copied()));
    assert!(evidence.all(|id| messages.contains(&id)), "{} has a deleted message as evidence", assessment.id);
}
