//! What is stored of one conversation, wherever it is: for its purge.

use crate::domain::{Assessment, ConversationId, Rating};

use super::{
    Direction, Key, Scanner, StoreError, assessment, keys,
    records::{self, PersonNumber},
};

/// How many values are read at once: with what they lead to they are a batch of at most about 256 keys.
const PART: usize = 40;

/// Some of the keys that belong to a conversation, besides its head, its job and its listing; none when nothing is left.
/// `source` is the conversation's, if it is known: by it those are found who are known within the conversation only.
pub async fn next_belongings(
    reader: &dyn Scanner,
    id: ConversationId,
    source: Option<&str>,
) -> Result<Vec<Key>, StoreError> {
    let known_within = source.map(|source| reader.keys().known_within(source, id));
    for range in reader.keys().belongings(id).chain(known_within.into_iter().flatten()) {
        let pairs = reader.scan(range, PART, Direction::Ascending).await?;
        let mut found: Vec<Key> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            if keys::is_assessment(&key) {
                // One that is damaged leaves postings behind, which lists pass over.
                let assessment = records::decode::<Assessment>(&key, &value).ok();
                found.extend(assessment.iter().flat_map(|it| assessment::keys_elsewhere(reader.keys(), it)));
            }
            if keys::is_rating(&key)
                && let Ok(rating) = records::decode::<Rating>(&key, &value)
            {
                found.push(reader.keys().rating_by_time(rating.offer_time, rating.id));
            }
            if keys::is_person_identity(&key)
                && let Ok(number) = records::decode::<PersonNumber>(&key, &value)
            {
                found.push(reader.keys().person(number.person));
            }
            found.push(key);
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}
