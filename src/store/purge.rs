//! What is stored of one conversation, wherever it is: for its purge.

use crate::domain::{Assessment, ConversationId, Rating};

use super::{Direction, Key, Keyspace, StoreError, assessment, keys, records};

/// How many values are read at once: with what they lead to they are a batch of at most about 256 keys.
const PART: usize = 40;

/// Some of the keys that belong to a conversation, besides its head, its job and its listing; none when nothing is left.
pub async fn next_belongings(store: &dyn Keyspace, id: ConversationId) -> Result<Vec<Key>, StoreError> {
    for range in keys::belongings(id) {
        let pairs = store.scan(range, PART, Direction::Ascending).await?;
        let mut found: Vec<Key> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            if keys::is_assessment(&key) {
                // One that is damaged leaves postings behind, which lists pass over.
                let assessment = records::decode::<Assessment>(&key, &value).ok();
                found.extend(assessment.iter().flat_map(assessment::keys_elsewhere));
            }
            if keys::is_rating(&key)
                && let Ok(rating) = records::decode::<Rating>(&key, &value)
            {
                found.push(keys::rating_by_time(rating.offer_time, rating.id));
            }
            found.push(key);
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}
