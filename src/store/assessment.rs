//! Assessments in the keyspace, and the index that keeps them unique.

use std::{collections::BTreeSet, ops::Bound};

use crate::domain::{Assessment, AssessmentId, ConversationId, Place, TimeRange, Unit};

use super::{
    Decision, Direction, Key, Reader, Scanner, StoreError, Stored, Value, get_many, get_one, get_stored,
    keys::{self, Keys},
    records::{self, AssessmentIndex, AssessmentOwner},
};

pub async fn find(
    reader: &dyn Reader,
    conversation: ConversationId,
    id: AssessmentId,
) -> Result<Option<Assessment>, StoreError> {
    get_one(reader, reader.keys().assessment(conversation, id)).await
}

/// At most `limit` assessments after `after` (0: from the first), ascending by number.
pub async fn list_after(
    reader: &dyn Scanner,
    conversation: ConversationId,
    after: AssessmentId,
    limit: usize,
) -> Result<Vec<Assessment>, StoreError> {
    let page = list_raw_after(reader, conversation, after, limit).await?;
    page.into_iter().map(RawAssessment::decode).collect()
}

/// Like [`list_after`], without decoding.
pub async fn list_raw_after(
    reader: &dyn Scanner,
    conversation: ConversationId,
    after: AssessmentId,
    limit: usize,
) -> Result<Vec<RawAssessment>, StoreError> {
    let mut range = reader.keys().assessments(conversation);
    range.start = Bound::Excluded(reader.keys().assessment(conversation, after));
    let page = reader.scan(range, limit, Direction::Ascending).await?;
    page.into_iter().map(|(key, value)| RawAssessment::new(key, value)).collect()
}

/// A stored assessment. Equal bytes mean equal assessments.
#[derive(Clone, Debug)]
pub struct RawAssessment {
    pub id: AssessmentId,
    pub value: Value,
    key: Key,
}

impl RawAssessment {
    fn new(key: Key, value: Value) -> Result<Self, StoreError> {
        let id = keys::id_of_assessment(&key)
            .ok_or_else(|| StoreError::Corrupt(format!("an assessment has the key {key:02x?}").into()))?;
        Ok(Self { id, value, key })
    }

    pub fn decode(self) -> Result<Assessment, StoreError> {
        records::decode(&self.key, &self.value)
    }
}

/// The number of the assessment of the whole conversation with this scorecard.
pub async fn find_number_of_whole(
    reader: &dyn Reader,
    conversation: ConversationId,
    scorecard: &str,
) -> Result<Option<AssessmentId>, StoreError> {
    let index = get_one::<AssessmentIndex>(reader, reader.keys().assessment_index(conversation)).await?;
    let entries = index.map(|index| index.entries).unwrap_or_default();
    let whole =
        entries.into_iter().find(|entry| entry.unit == Unit::Conversation && entry.scorecard == scorecard);
    Ok(whole.map(|entry| entry.assessment))
}

/// A conversation's assessment index and the assessments in it, in the same order.
pub async fn find_indexed(
    reader: &dyn Reader,
    conversation: ConversationId,
) -> Result<(AssessmentIndex, Vec<Assessment>), StoreError> {
    let keys = reader.keys();
    let index = get_one::<AssessmentIndex>(reader, keys.assessment_index(conversation)).await?;
    let index = index.unwrap_or_default();
    let wanted = index.entries.iter().map(|entry| keys.assessment(conversation, entry.assessment));
    let found = get_many(reader, wanted.collect()).await?;
    let count = index.entries.len();
    let assessments: Vec<Assessment> = found.into_iter().flatten().collect();
    if assessments.len() < count {
        let cause = format!("conversation {conversation} indexes an assessment that is absent");
        return Err(StoreError::Corrupt(cause.into()));
    }
    Ok((index, assessments))
}

/// Puts a new assessment. Its number is fresh and the index is expected, so nothing else needs to be.
pub fn put_new(decision: &mut Decision<'_>, assessment: &Assessment) {
    let owner = AssessmentOwner { conversation: assessment.conversation };
    decision.put(keys::assessment_owner(assessment.id), &owner);
    let key = decision.keys().assessment(assessment.conversation, assessment.id);
    decision.put_raw(key, records::encode_packed(assessment));
    put_postings(decision, None, Some(assessment));
}

/// Replaces `before`, which must have been read, with a changed assessment.
pub fn put_changed(decision: &mut Decision<'_>, before: &Assessment, assessment: &Assessment) {
    put_postings(decision, Some(before), Some(assessment));
    let key = decision.keys().assessment(assessment.conversation, assessment.id);
    decision.replace_raw(key, records::encode_packed(assessment));
}

/// Deletes an assessment, which must have been read.
pub fn delete(decision: &mut Decision<'_>, assessment: &Assessment) {
    decision.delete(decision.keys().assessment(assessment.conversation, assessment.id));
    decision.delete(keys::assessment_owner(assessment.id));
    put_postings(decision, Some(assessment), None);
}

/// Adds the postings of an assessment stored before postings existed. It must have been read.
pub fn put_again(decision: &mut Decision<'_>, assessment: &Assessment) {
    put_postings(decision, None, Some(assessment));
}

/// All other keys of an assessment, for the purge of its conversation.
pub fn keys_elsewhere(keys: Keys, assessment: &Assessment) -> Vec<Key> {
    let mut elsewhere: Vec<Key> = postings(keys, Some(assessment)).into_iter().collect();
    elsewhere.push(keys::assessment_owner(assessment.id));
    elsewhere
}

/// Replaces the postings of an assessment's old state with those of its new one.
fn put_postings(decision: &mut Decision<'_>, before: Option<&Assessment>, after: Option<&Assessment>) {
    let keys = decision.keys();
    let (before, after) = (postings(keys, before), postings(keys, after));
    before.difference(&after).for_each(|key| decision.delete(key.clone()));
    after.difference(&before).for_each(|key| decision.put_raw(key.clone(), Value::new()));
}

fn postings(keys: Keys, assessment: Option<&Assessment>) -> BTreeSet<Key> {
    let Some(assessment) = assessment else { return BTreeSet::new() };
    let place = assessment.place();
    let terms = assessment.terms();
    let terms = terms.iter().filter_map(|term| keys.assessment_term(term));
    terms.map(|term| keys::assessment_posting(&term, place, assessment.conversation)).collect()
}

/// An assessment in a list across conversations.
#[derive(Clone, Copy, Debug)]
pub struct Posted {
    pub place: Place,
    pub conversation: ConversationId,
    pub id: AssessmentId,
}

/// At most `limit` assessments posted under a term, newest first.
pub async fn posted(
    reader: &dyn Scanner,
    term: &Key,
    times: TimeRange,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<Posted>, StoreError> {
    let page = reader.scan_keys(keys::postings(term, times, after), limit, Direction::Ascending).await?;
    let posted = |key: &Key| {
        let (place, conversation, id) = keys::assessment_of_posting(term, key)
            .ok_or_else(|| StoreError::Corrupt(format!("an assessment is posted as {key:02x?}").into()))?;
        Ok(Posted { place, conversation, id })
    };
    page.iter().map(posted).collect()
}

/// Several assessments, in the same order; `None` where one no longer exists.
pub async fn find_many(
    reader: &dyn Reader,
    wanted: impl Iterator<Item = (ConversationId, AssessmentId)>,
) -> Result<Vec<Option<Stored<Assessment>>>, StoreError> {
    let keys = reader.keys();
    get_stored(reader, wanted.map(|(conversation, id)| keys.assessment(conversation, id)).collect()).await
}

/// Puts the index if it changed since it was read.
pub fn put_index(
    decision: &mut Decision<'_>,
    conversation: ConversationId,
    read: &AssessmentIndex,
    index: &AssessmentIndex,
) {
    if read != index {
        decision.replace(decision.keys().assessment_index(conversation), index);
    }
}
