//! Assessments in the keyspace, and the index that keeps them unique.

use std::{collections::BTreeSet, ops::Bound};

use crate::domain::{Assessment, AssessmentId, ConversationId, Place, TimeRange, Unit};

use super::{
    Batch, Direction, Expect, Key, Keyspace, StoreError, Stored, Value, expect_unchanged, get_one, keys,
    records::{self, AssessmentIndex, AssessmentOwner},
};

/// One assessment of a conversation.
pub async fn find(
    store: &dyn Keyspace,
    conversation: ConversationId,
    id: AssessmentId,
) -> Result<Option<Stored<Assessment>>, StoreError> {
    get_one(store, keys::assessment(conversation, id)).await
}

/// At most `limit` assessments after `after` (0: from the first), ascending by number.
pub async fn list_after(
    store: &dyn Keyspace,
    conversation: ConversationId,
    after: AssessmentId,
    limit: usize,
) -> Result<Vec<Assessment>, StoreError> {
    let page = list_raw_after(store, conversation, after, limit).await?;
    page.into_iter().map(RawAssessment::decode).collect()
}

/// The same, not decoded.
pub async fn list_raw_after(
    store: &dyn Keyspace,
    conversation: ConversationId,
    after: AssessmentId,
    limit: usize,
) -> Result<Vec<RawAssessment>, StoreError> {
    let mut range = keys::assessments(conversation);
    range.start = Bound::Excluded(keys::assessment(conversation, after));
    let page = store.scan(range, limit, Direction::Ascending).await?;
    page.into_iter().map(|(key, value)| RawAssessment::new(key, value)).collect()
}

/// An assessment as it is stored. Equal bytes are equal assessments.
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

/// The number of the assessment of a whole conversation with this scorecard.
pub async fn find_number_of_whole(
    store: &dyn Keyspace,
    conversation: ConversationId,
    scorecard: &str,
) -> Result<Option<AssessmentId>, StoreError> {
    let index = get_one::<AssessmentIndex>(store, keys::assessment_index(conversation)).await?;
    let entries = index.map(|stored| stored.value.entries).unwrap_or_default();
    let whole =
        entries.into_iter().find(|entry| entry.unit == Unit::Conversation && entry.scorecard == scorecard);
    Ok(whole.map(|entry| entry.assessment))
}

/// The index of a conversation and the assessments that it names, in its order.
pub async fn find_indexed(
    store: &dyn Keyspace,
    conversation: ConversationId,
) -> Result<(Option<Stored<AssessmentIndex>>, Vec<Stored<Assessment>>), StoreError> {
    let index = get_one::<AssessmentIndex>(store, keys::assessment_index(conversation)).await?;
    let Some(index) = index else { return Ok((None, Vec::new())) };
    let wanted: Vec<_> =
        index.value.entries.iter().map(|entry| keys::assessment(conversation, entry.assessment)).collect();
    let values = store.get(wanted.clone()).await?;
    let mut assessments = Vec::with_capacity(wanted.len());
    for (key, raw) in wanted.iter().zip(values) {
        let stored = records::decode_stored(key, raw)?.ok_or_else(|| {
            StoreError::Corrupt(
                format!("conversation {conversation} indexes an assessment that is absent").into(),
            )
        })?;
        assessments.push(stored);
    }
    Ok((Some(index), assessments))
}

/// Puts a new assessment. It needs no expectation of its own: its number is fresh and the index is expected.
pub fn put_new(batch: &mut Batch, assessment: &Assessment) {
    let owner = AssessmentOwner { conversation: assessment.conversation };
    batch.put.push((keys::assessment_owner(assessment.id), records::encode(&owner)));
    batch.put.push((keys::assessment(assessment.conversation, assessment.id), records::encode(assessment)));
    put_postings(batch, None, Some(assessment));
}

/// Puts a changed assessment; `read` is what it was.
pub fn put_changed(batch: &mut Batch, assessment: &Assessment, read: Value) {
    let key = keys::assessment(assessment.conversation, assessment.id);
    // What was read was decoded once; its postings are those of what it said.
    let before = records::decode::<Assessment>(&key, &read).ok();
    put_postings(batch, before.as_ref(), Some(assessment));
    batch.expect.push((key.clone(), Expect::Is(read)));
    batch.put.push((key, records::encode(assessment)));
}

/// Deletes an assessment; `read` is what it was.
pub fn delete(batch: &mut Batch, assessment: &Assessment, read: Value) {
    let key = keys::assessment(assessment.conversation, assessment.id);
    batch.expect.push((key.clone(), Expect::Is(read)));
    batch.delete.extend([key, keys::assessment_owner(assessment.id)]);
    put_postings(batch, Some(assessment), None);
}

/// Posts an assessment again that was stored before there were postings; `read` is what is stored.
pub fn put_again(batch: &mut Batch, assessment: &Assessment, read: Value) {
    batch.expect.push((keys::assessment(assessment.conversation, assessment.id), Expect::Is(read)));
    put_postings(batch, None, Some(assessment));
}

/// Everything of an assessment that lies elsewhere: for the purge of its conversation.
pub fn keys_elsewhere(assessment: &Assessment) -> Vec<Key> {
    let mut keys: Vec<Key> = postings(Some(assessment)).into_iter().collect();
    keys.push(keys::assessment_owner(assessment.id));
    keys
}

/// Brings the postings from what an assessment was to what it is.
fn put_postings(batch: &mut Batch, before: Option<&Assessment>, after: Option<&Assessment>) {
    let (before, after) = (postings(before), postings(after));
    batch.delete.extend(before.difference(&after).cloned());
    batch.put.extend(after.difference(&before).map(|key| (key.clone(), Value::new())));
}

fn postings(assessment: Option<&Assessment>) -> BTreeSet<Key> {
    let Some(assessment) = assessment else { return BTreeSet::new() };
    let place = assessment.place();
    let terms = assessment.terms();
    let terms = terms.iter().filter_map(keys::assessment_term);
    terms.map(|term| keys::assessment_posting(&term, place, assessment.conversation)).collect()
}

/// An assessment in a list of many conversations' assessments.
#[derive(Clone, Copy, Debug)]
pub struct Posted {
    pub place: Place,
    pub conversation: ConversationId,
    pub id: AssessmentId,
}

/// At most `limit` assessments that are posted under a term, newest first.
pub async fn posted(
    store: &dyn Keyspace,
    term: &Key,
    created: TimeRange,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<Posted>, StoreError> {
    let page = store.scan(keys::postings(term, created, after), limit, Direction::Ascending).await?;
    let posted = |(key, _): &(Key, Value)| {
        let (place, conversation, id) = keys::assessment_of_posting(term, key)
            .ok_or_else(|| StoreError::Corrupt(format!("an assessment is posted as {key:02x?}").into()))?;
        Ok(Posted { place, conversation, id })
    };
    page.iter().map(posted).collect()
}

/// Several assessments, in the order asked; one that is gone is absent.
pub async fn find_many(
    store: &dyn Keyspace,
    wanted: impl Iterator<Item = (ConversationId, AssessmentId)>,
) -> Result<Vec<Option<Stored<Assessment>>>, StoreError> {
    let wanted: Vec<Key> = wanted.map(|(conversation, id)| keys::assessment(conversation, id)).collect();
    let values = store.get(wanted.clone()).await?;
    wanted.iter().zip(values).map(|(key, raw)| records::decode_stored(key, raw)).collect()
}

/// Expects the index as it was read and, where it changed, puts it.
pub fn put_index(
    batch: &mut Batch,
    conversation: ConversationId,
    index: &AssessmentIndex,
    read: Option<Value>,
) {
    let key = keys::assessment_index(conversation);
    let value = records::encode(index);
    if read.as_ref() != Some(&value) {
        batch.put.push((key.clone(), value));
    }
    batch.expect.push((key, expect_unchanged(read)));
}
