//! Ratings in the keyspace: by conversation, in the order of their offers, and by the time of offer.
//!
//! An entry of the second holds what a summary needs, so that it reads one range and no conversation.

use std::ops::Bound;

use minicbor::Decode;
use uuid::Uuid;

use crate::domain::{
    Conversation, ConversationId, Listing, Rating, RatingEntry, RatingFilter, RatingId, UnixMillis,
};

use super::{
    Batch, Direction, Expect, Key, KeyRange, Keyspace, StoreError, Stored, Value, expect_unchanged, get_one,
    keys::{self, KnownCustomer},
    records::{self, Head, HeadWithoutMessages, Identity, OptOut, RatingNumber},
};

/// How many ratings of one conversation are read at once.
const PAGE: usize = 32;
/// So many of the newest ratings of a conversation are asked for the last answer.
const MAX_ASKED: usize = 1000;

/// A rating as the list by time of offer knows it.
pub type Entry = (UnixMillis, RatingId, RatingEntry);

/// A conversation and one of its ratings, read at once.
pub async fn find(
    store: &dyn Keyspace,
    conversation: ConversationId,
    id: RatingId,
) -> Result<(Option<Conversation>, Option<Stored<Rating>>), StoreError> {
    let (head, rating) = find_with(store, keys::head(conversation), keys::rating(conversation, id)).await?;
    Ok((head.map(|head: Stored<HeadWithoutMessages>| head.value.conversation), rating))
}

/// The same with what lists know of the conversation, which is much smaller.
pub async fn find_with_listing(
    store: &dyn Keyspace,
    conversation: ConversationId,
    id: RatingId,
) -> Result<(Option<Stored<Listing>>, Option<Stored<Rating>>), StoreError> {
    find_with(store, keys::listing(conversation), keys::rating(conversation, id)).await
}

async fn find_with<T: for<'b> Decode<'b, ()>>(
    store: &dyn Keyspace,
    beside: Key,
    rating: Key,
) -> Result<(Option<Stored<T>>, Option<Stored<Rating>>), StoreError> {
    let mut values = store.get(vec![beside.clone(), rating.clone()]).await?.into_iter();
    let mut next = || values.next().flatten();
    let (found, found_rating) = (next(), next());
    Ok((records::decode_stored(&beside, found)?, records::decode_stored(&rating, found_rating)?))
}

/// At most `limit` ratings of one conversation after `after` (0: from the first), in the order of their offers.
pub async fn list_after(
    store: &dyn Keyspace,
    conversation: ConversationId,
    after: RatingId,
    limit: usize,
) -> Result<Vec<Rating>, StoreError> {
    let mut range = keys::ratings(conversation);
    range.start = Bound::Excluded(keys::rating(conversation, after));
    let page = store.scan(range, limit, Direction::Ascending).await?;
    page.iter().map(|(key, raw)| records::decode(key, raw)).collect()
}

/// The newest ratings of a conversation, in the order of their offers.
pub async fn newest(store: &dyn Keyspace, conversation: ConversationId) -> Result<Vec<Rating>, StoreError> {
    let page = store.scan(keys::ratings(conversation), MAX_ASKED, Direction::Descending).await?;
    page.iter().rev().map(|(key, raw)| records::decode(key, raw)).collect()
}

/// The rating of a conversation that was answered last; of two that were answered in one moment the later offer.
pub async fn last_answered(
    store: &dyn Keyspace,
    conversation: ConversationId,
) -> Result<Option<Rating>, StoreError> {
    let mut last: Option<Rating> = None;
    let mut range = keys::ratings(conversation);
    for _ in 0..MAX_ASKED / PAGE {
        let page = store.scan(range.clone(), PAGE, Direction::Descending).await?;
        for (key, raw) in &page {
            let rating: Rating = records::decode(key, raw)?;
            if rating.answer_time() > last.as_ref().and_then(Rating::answer_time) {
                last = Some(rating);
            }
        }
        match page.last() {
            Some((key, _)) if page.len() == PAGE => range.end = Bound::Excluded(key.clone()),
            _ => break,
        }
    }
    Ok(last)
}

/// The ratings with these numbers, in their order; without those that are gone, or whose conversation is or is deleted.
pub async fn find_many(
    store: &dyn Keyspace,
    wanted: impl Iterator<Item = (ConversationId, RatingId)>,
) -> Result<Vec<Rating>, StoreError> {
    let wanted: Vec<Key> =
        wanted.flat_map(|(id, rating)| [keys::head(id), keys::rating(id, rating)]).collect();
    let values = store.get(wanted.clone()).await?;
    let mut found = Vec::with_capacity(wanted.len() / 2);
    for (keys, values) in wanted.chunks(2).zip(values.chunks(2)) {
        let ([head_key, key], [Some(head), Some(raw)]) = (keys, values) else { continue };
        let head: Head = records::decode(head_key, head)?;
        if head.conversation.delete_time.is_none() {
            found.push(records::decode(key, raw)?);
        }
    }
    Ok(found)
}

/// The range of offers that a filter's times let through. `before`: only what was offered before that rating.
pub fn entries_of(filter: &RatingFilter, before: Option<(UnixMillis, RatingId)>) -> KeyRange {
    let mut range = keys::ratings_by_time();
    if let Some(from) = filter.from {
        range.start = Bound::Included(keys::rating_by_time(from, RatingId(0)));
    }
    if let Some(until) = filter.until {
        range.end = Bound::Excluded(keys::rating_by_time(until, RatingId(0)));
    }
    if let Some((time, rating)) = before {
        range.end = Bound::Excluded(keys::rating_by_time(time, rating));
    }
    range
}

/// At most `limit` entries, the latest offers first, and the range that is left after them; `None` at the end.
pub async fn latest_entries(
    store: &dyn Keyspace,
    range: KeyRange,
    limit: usize,
) -> Result<(Vec<Entry>, Option<KeyRange>), StoreError> {
    let page = store.scan(range.clone(), limit, Direction::Descending).await?;
    let rest = match page.last() {
        Some((key, _)) if page.len() == limit => {
            Some(KeyRange { end: Bound::Excluded(key.clone()), ..range })
        }
        _ => None,
    };
    let entry = |(key, raw): &(Key, Value)| {
        let (time, rating) = keys::rating_of_entry(key)
            .ok_or_else(|| StoreError::Corrupt(format!("a rating's entry has the key {key:02x?}").into()))?;
        Ok((time, rating, records::decode(key, raw)?))
    };
    Ok((page.iter().map(entry).collect::<Result<_, StoreError>>()?, rest))
}

/// Expects that a conversation is still there, and, as it was read, whether its customer opted out. The head is not
/// expected: its bytes change with every message. The identity's do not, so that it need not be read, and it goes with the
/// conversation.
pub fn expect_standing(
    batch: &mut Batch,
    conversation: &Conversation,
    opt_out_key: Key,
    opt_out: Option<Stored<OptOut>>,
) {
    let identity = keys::identity(&conversation.source, &conversation.external_id);
    let held = records::encode(&Identity { conversation: conversation.id });
    batch.expect.push((identity, Expect::Is(held)));
    batch.expect.push((opt_out_key, expect_unchanged(opt_out.map(|opt_out| opt_out.raw))));
}

/// Puts a new rating. It needs no expectation of its own: its number is fresh.
pub fn put_new(batch: &mut Batch, rating: &Rating) {
    batch.put.push((keys::rating(rating.conversation, rating.id), records::encode(rating)));
    batch.put.push((keys::rating_by_time(rating.offer_time, rating.id), records::encode(&rating.entry())));
}

/// Puts what finds a new rating by the UUID that it brought along.
pub fn put_imported(batch: &mut Batch, rating: &Rating, uuid: Uuid) {
    let key = keys::imported_rating(rating.conversation, uuid);
    batch.expect.push((key.clone(), Expect::Absent));
    batch.put.push((key, records::encode(&RatingNumber { rating: rating.id })));
}

/// Which rating of a conversation was imported with this UUID.
pub async fn find_imported(
    store: &dyn Keyspace,
    conversation: ConversationId,
    uuid: Uuid,
) -> Result<Option<RatingId>, StoreError> {
    let found = get_one::<RatingNumber>(store, keys::imported_rating(conversation, uuid)).await?;
    Ok(found.map(|found| found.value.rating))
}

/// Puts a changed rating; `read` is what it was.
pub fn put_changed(batch: &mut Batch, rating: &Rating, read: Value) {
    batch.expect.push((keys::rating(rating.conversation, rating.id), Expect::Is(read)));
    put_new(batch, rating);
}

/// Notes that the customer of a rating does not want to be asked, or forgets it.
pub async fn put_opt_out(
    store: &dyn Keyspace,
    batch: &mut Batch,
    rating: &Rating,
    opt_out: Option<OptOut>,
) -> Result<(), StoreError> {
    let key = keys::opt_out(&rating.source, rating.conversation, &rating.user);
    let read = get_one::<OptOut>(store, key.clone()).await?;
    let is_stored = read.is_some();
    batch.expect.push((key.clone(), expect_unchanged(read.map(|stored| stored.raw))));
    match opt_out {
        Some(opt_out) if !is_stored => batch.put.push((key, records::encode(&opt_out))),
        None if is_stored => batch.delete.push(key),
        _ => {}
    }
    Ok(())
}

/// A customer who does not want to be asked, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptedOut {
    pub source: String,
    pub customer: KnownCustomer,
    pub time: UnixMillis,
}

/// The opt-outs in at most `limit` keys after `after`, each with its key.
pub async fn list_opt_outs(
    store: &dyn Keyspace,
    after: Option<Key>,
    limit: usize,
) -> Result<Vec<(Key, OptedOut)>, StoreError> {
    let all = keys::opt_outs();
    let range = match after {
        Some(after) => all.after(after),
        None => all,
    };
    let page = store.scan(range, limit, Direction::Ascending).await?;
    let opted_out = |(key, raw): (Key, Value)| {
        let (source, customer) = keys::customer_of_opt_out(&key)
            .ok_or_else(|| StoreError::Corrupt(format!("an opt-out has the key {key:02x?}").into()))?;
        let time = records::decode::<OptOut>(&key, &raw)?.time;
        Ok((key, OptedOut { source, customer, time }))
    };
    page.into_iter().map(opted_out).collect()
}

/// Notes that a customer does not want to be asked, unless that is noted: then since when.
pub async fn put_new_opt_out(
    store: &dyn Keyspace,
    batch: &mut Batch,
    key: Key,
    opt_out: OptOut,
) -> Result<Option<UnixMillis>, StoreError> {
    if let Some(known) = get_one::<OptOut>(store, key.clone()).await? {
        return Ok(Some(known.value.time));
    }
    batch.expect.push((key.clone(), Expect::Absent));
    batch.put.push((key, records::encode(&opt_out)));
    Ok(None)
}
