//! What lists find conversations by: a record of each, and postings under what filters ask for. docs/decisions/0013 says why.

use crate::domain::{ConversationId, Listing, Place, Term, TimeRange, UnixMillis};

use super::{
    Batch, Direction, Key, Keyspace, StoreError, Stored, Value, expect_unchanged, get_one, keys,
    records::{self, Backfill},
};

/// What lists know of a conversation; absent until somebody has taken it in.
pub async fn find(store: &dyn Keyspace, id: ConversationId) -> Result<Option<Stored<Listing>>, StoreError> {
    get_one(store, keys::listing(id)).await
}

/// The same of several, in the order asked.
pub async fn find_many(
    store: &dyn Keyspace,
    ids: impl Iterator<Item = ConversationId>,
) -> Result<Vec<Option<Listing>>, StoreError> {
    let wanted: Vec<Key> = ids.map(keys::listing).collect();
    let values = store.get(wanted.clone()).await?;
    let decoded = |(key, raw): (&Key, Option<Value>)| raw.map(|raw| records::decode(key, &raw)).transpose();
    wanted.iter().zip(values).map(decoded).collect()
}

/// As [`find_many`], with the bytes.
pub async fn find_many_stored(
    store: &dyn Keyspace,
    ids: impl Iterator<Item = ConversationId>,
) -> Result<Vec<Option<Stored<Listing>>>, StoreError> {
    let wanted: Vec<Key> = ids.map(keys::listing).collect();
    let values = store.get(wanted.clone()).await?;
    wanted.iter().zip(values).map(|(key, raw)| records::decode_stored(key, raw)).collect()
}

/// Puts what lists know of a conversation, with the postings that follow from it in place of those of `read`.
pub fn put(batch: &mut Batch, id: ConversationId, read: Option<Stored<Listing>>, listing: &Listing) {
    let key = keys::listing(id);
    // Of one that is absent and of which there is nothing to say, only its absence is expected.
    let absent = Listing::default();
    let before = read.as_ref().map_or(&absent, |read| &read.value);
    if before != listing {
        move_postings(batch, id, before, listing);
        batch.put.push((key.clone(), records::encode(listing)));
    }
    batch.expect.push((key, expect_unchanged(read.map(|read| read.raw))));
}

/// Few terms change at a time: only their keys are made.
fn move_postings(batch: &mut Batch, id: ConversationId, before: &Listing, after: &Listing) {
    let place = |listing: &Listing| Place { time: listing.create_time, number: id.0 };
    let posting = |term: &Term, listing| {
        let term = keys::conversation_term(term)?;
        Some(keys::conversation_posting(&term, place(listing)))
    };
    let stays = place(before) == place(after);
    let (old, new) = (before.terms(), after.terms());
    let is_among = |terms: &[Term], term| stays && terms.binary_search(term).is_ok();
    let ended = old.iter().filter(|term| !is_among(&new, term));
    batch.delete.extend(ended.filter_map(|term| posting(term, before)));
    let begun = new.iter().filter(|term| !is_among(&old, term));
    batch.put.extend(begun.filter_map(|term| posting(term, after)).map(|key| (key, Value::new())));
}

/// At most `limit` conversations that are posted under a term, newest first.
pub async fn posted(
    store: &dyn Keyspace,
    term: &Key,
    created: TimeRange,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<Place>, StoreError> {
    let page = store.scan(keys::postings(term, created, after), limit, Direction::Ascending).await?;
    let place = |(key, _): &(Key, Value)| {
        keys::place_of_posting(term, key)
            .ok_or_else(|| StoreError::Corrupt(format!("a conversation is posted as {key:02x?}").into()))
    };
    page.iter().map(place).collect()
}

/// Notes for the purge that a conversation is deleted.
pub fn put_deletion(batch: &mut Batch, delete_time: UnixMillis, id: ConversationId) {
    batch.put.push((keys::deletion(delete_time, id), Value::new()));
}

/// Takes the note away.
pub fn end_deletion(batch: &mut Batch, delete_time: UnixMillis, id: ConversationId) {
    batch.delete.push(keys::deletion(delete_time, id));
}

/// At most `limit` keys of notes on conversations that were deleted up to a moment, oldest first, after `after`.
pub async fn deletions_until(
    store: &dyn Keyspace,
    time: UnixMillis,
    after: Option<Key>,
    limit: usize,
) -> Result<Vec<(Key, ConversationId)>, StoreError> {
    let mut range = keys::deletions_until(time);
    if let Some(after) = after {
        range = range.after(after);
    }
    let page = store.scan(range, limit, Direction::Ascending).await?;
    let noted = |(key, _): (Key, Value)| {
        let id = keys::conversation_of_deletion(&key)
            .ok_or_else(|| StoreError::Corrupt(format!("a deletion has the key {key:02x?}").into()))?;
        Ok((key, id))
    };
    page.into_iter().map(noted).collect()
}

/// How far conversations are posted; absent where nobody has begun.
pub async fn find_backfill(store: &dyn Keyspace) -> Result<Option<Stored<Backfill>>, StoreError> {
    get_one(store, keys::backfill()).await
}

pub fn put_backfill(batch: &mut Batch, read: Option<Stored<Backfill>>, backfill: &Backfill) {
    batch.put.push((keys::backfill(), records::encode(backfill)));
    batch.expect.push((keys::backfill(), expect_unchanged(read.map(|read| read.raw))));
}
