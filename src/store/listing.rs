//! The index behind lists: a record per conversation, and postings by filter term. See docs/decisions/0013 and 0060.

use crate::domain::{ConversationId, Listing, Place, Posting, TimeRange, UnixMillis};

use super::{
    Decision, Direction, Key, Reader, Scanner, StoreError, Stored, Value, get_many, get_one, keys,
    records::{self, Backfill},
};

/// A conversation's listing; `None` until it is indexed.
pub async fn find(reader: &dyn Reader, id: ConversationId) -> Result<Option<Listing>, StoreError> {
    get_one(reader, reader.keys().listing(id)).await
}

/// The listings of several conversations, in the same order.
pub async fn find_many(
    reader: &dyn Reader,
    ids: impl Iterator<Item = ConversationId>,
) -> Result<Vec<Option<Listing>>, StoreError> {
    let keys = reader.keys();
    get_many(reader, ids.map(|id| keys.listing(id)).collect()).await
}

/// Like [`find_many`], with the stored bytes, or the error where one is damaged.
pub async fn find_many_stored(
    reader: &dyn Reader,
    ids: impl Iterator<Item = ConversationId>,
) -> Result<Vec<Result<Option<Stored<Listing>>, StoreError>>, StoreError> {
    let keys = reader.keys();
    let wanted: Vec<Key> = ids.map(|id| keys.listing(id)).collect();
    let values = reader.get(wanted.clone()).await?;
    Ok(wanted.iter().zip(values).map(|(key, raw)| records::decode_stored(key, raw)).collect())
}

/// Puts a conversation's listing and replaces the postings of `read`, which this decision must have read. If there is
/// nothing to store and nothing was stored, only expects that it is still absent.
pub fn put(decision: &mut Decision<'_>, id: ConversationId, read: Option<&Listing>, listing: &Listing) {
    let absent = Listing::default();
    let before = read.unwrap_or(&absent);
    if before != listing {
        move_postings(decision, id, before, listing);
        decision.replace(decision.keys().listing(id), listing);
    }
}

/// Few postings change at a time, so keys are built only for those.
fn move_postings(decision: &mut Decision<'_>, id: ConversationId, before: &Listing, after: &Listing) {
    let keys = decision.keys();
    let (old, new) = (before.postings(), after.postings());
    let without = |these: &[Posting], those: &[Posting]| -> Vec<Key> {
        let changed = these.iter().filter(|posting| those.binary_search(posting).is_err());
        changed.filter_map(|posting| keys.posting(posting, id)).collect()
    };
    let begun = without(&new, &old);
    // What earlier versions posted under every conversation is today's order of storing.
    let ended = without(&old, &new).into_iter().filter(|key| !begun.contains(key));
    ended.for_each(|key| decision.delete(key));
    begun.into_iter().for_each(|key| decision.put_raw(key, Value::new()));
}

/// At most `limit` conversations posted under a term, newest first.
pub async fn posted(
    reader: &dyn Scanner,
    term: &Key,
    times: TimeRange,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<Place>, StoreError> {
    let page = reader.scan_keys(keys::postings(term, times, after), limit, Direction::Ascending).await?;
    let place = |key: &Key| {
        keys::place_of_posting(term, key)
            .ok_or_else(|| StoreError::Corrupt(format!("a conversation is posted as {key:02x?}").into()))
    };
    page.iter().map(place).collect()
}

/// Records a deleted conversation for the purge.
pub fn put_deletion(decision: &mut Decision<'_>, delete_time: UnixMillis, id: ConversationId) {
    decision.put_raw(decision.keys().deletion(delete_time, id), Value::new());
}

/// Removes that record.
pub fn end_deletion(decision: &mut Decision<'_>, delete_time: UnixMillis, id: ConversationId) {
    decision.delete(decision.keys().deletion(delete_time, id));
}

/// At most `limit` deletion records up to a moment, oldest first, after `after`; [`keys::conversation_of_deletion`]
/// gives the conversation of each.
pub async fn deletions_until(
    reader: &dyn Scanner,
    time: UnixMillis,
    after: Option<Key>,
    limit: usize,
) -> Result<Vec<Key>, StoreError> {
    let mut range = reader.keys().deletions_until(time);
    if let Some(after) = after {
        range = range.after(after);
    }
    reader.scan_keys(range, limit, Direction::Ascending).await
}

/// The progress of the posting backfill; `None` if not started.
pub async fn find_backfill(reader: &dyn Reader) -> Result<Option<Backfill>, StoreError> {
    get_one(reader, reader.keys().backfill()).await
}

/// Replaces the progress, which must have been read.
pub fn put_backfill(decision: &mut Decision<'_>, backfill: &Backfill) {
    decision.replace(decision.keys().backfill(), backfill);
}
