//! Finds everything stored for a conversation, for its purge.

use crate::domain::{Assessment, ConversationId, Rating};

use super::{
    Direction, Key, KeyRange, Scanner, StoreError, Value, assessment,
    keys::{self, Keys},
    records::{self, PersonNumber},
};

/// Keys found at once: with the keys that they lead to, a batch of at most about 256.
const PART: usize = 40;
/// The same for attachments, which an engine may split into a hundred pieces each.
const ATTACHMENTS_PART: usize = 2;
/// Bytes of values read at once.
const PART_BYTES: usize = 1024 * 1024;

/// Some of the keys that belong to a conversation, other than its head, job and listing; empty when nothing is left.
/// `source` is the conversation's, if known; it is needed to find people known only within the conversation.
pub async fn next_belongings(
    reader: &dyn Scanner,
    id: ConversationId,
    source: Option<&str>,
) -> Result<Vec<Key>, StoreError> {
    let known_within = source.map(|source| reader.keys().known_within(source, id));
    for range in reader.keys().belongings(id).chain(known_within.into_iter().flatten()) {
        let found = next_of(reader, range).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

async fn next_of(reader: &dyn Scanner, range: KeyRange) -> Result<Vec<Key>, StoreError> {
    let Some(first) = reader.scan_keys(range.clone(), 1, Direction::Ascending).await?.pop() else {
        return Ok(Vec::new());
    };
    if !leads_elsewhere(&first) {
        let part = if keys::is_attachment(&first) { ATTACHMENTS_PART } else { PART };
        return reader.scan_keys(range, part, Direction::Ascending).await;
    }
    match reader.scan_within(range, PART, PART_BYTES, Direction::Ascending).await {
        Ok(pairs) => Ok(pairs
            .into_iter()
            .flat_map(|(key, value)| {
                let mut found = elsewhere(reader.keys(), &key, &value);
                found.push(key);
                found
            })
            .collect()),
        // What it leads to stays behind and is skipped by lists; the rest of the conversation must still go.
        Err(StoreError::Corrupt(cause)) => {
            tracing::error!(%cause, "a record of a deleted conversation is damaged; removed it unread");
            Ok(vec![first])
        }
        Err(error) => Err(error),
    }
}

/// Whether this key's value leads to other keys.
fn leads_elsewhere(key: &Key) -> bool {
    keys::is_assessment(key) || keys::is_rating(key) || keys::is_person_identity(key)
}

/// The other keys that a value leads to; none if it is damaged.
fn elsewhere(keys: Keys, key: &Key, value: &Value) -> Vec<Key> {
    if keys::is_assessment(key) {
        let assessment = records::decode::<Assessment>(key, value).ok();
        return assessment.iter().flat_map(|it| assessment::keys_elsewhere(keys, it)).collect();
    }
    if keys::is_rating(key) {
        let rating = records::decode::<Rating>(key, value).ok();
        return rating.iter().map(|rating| keys.rating_by_time(rating.offer_time, rating.id)).collect();
    }
    let number = records::decode::<PersonNumber>(key, value).ok();
    number.iter().map(|number| keys.person(number.person)).collect()
}
