//! Ratings in the keyspace: by conversation, in the order of their offers, and by the time of offer.
//!
//! Entries by time hold what a summary needs, so that it reads one range and no conversations.

use std::ops::Bound;

use uuid::Uuid;

use crate::domain::{
    Author, ConversationId, Listing, Rating, RatingEntry, RatingFilter, RatingId, UnixMillis,
};

use super::{
    Decision, Direction, Key, KeyRange, Reader, Scanner, StoreError, Value, get_many, get_one,
    keys::{self, Keys, KnownCustomer},
    records::{self, HeadWithoutMessages, OptOut, RatingNumber},
};

/// Ratings of one conversation read at once.
const PAGE: usize = 32;
/// How many of a conversation's newest ratings are searched for the last answer.
const MAX_ASKED: usize = 1000;

/// A rating's entry in the list by time of offer.
pub type Entry = (UnixMillis, RatingId, RatingEntry);

/// One rating.
pub async fn find(
    reader: &dyn Reader,
    conversation: ConversationId,
    id: RatingId,
) -> Result<Option<Rating>, StoreError> {
    get_one(reader, reader.keys().rating(conversation, id)).await
}

/// A rating and what lists know of its conversation, read at once.
pub async fn find_with_listing(
    reader: &dyn Reader,
    conversation: ConversationId,
    id: RatingId,
) -> Result<(Option<Listing>, Option<Rating>), StoreError> {
    let keys = reader.keys();
    let (listing, rating) = (keys.listing(conversation), keys.rating(conversation, id));
    let mut values = reader.get(vec![listing.clone(), rating.clone()]).await?.into_iter();
    let mut next = || values.next().flatten();
    let (found_listing, found_rating) = (next(), next());
    let listing = records::decode_present(&listing, found_listing)?;
    Ok((listing, records::decode_present(&rating, found_rating)?))
}

/// At most `limit` ratings of one conversation after `after` (0: from the first), in the order of their offers.
pub async fn list_after(
    reader: &dyn Scanner,
    conversation: ConversationId,
    after: RatingId,
    limit: usize,
) -> Result<Vec<Rating>, StoreError> {
    let mut range = reader.keys().ratings(conversation);
    range.start = Bound::Excluded(reader.keys().rating(conversation, after));
    let page = reader.scan(range, limit, Direction::Ascending).await?;
    page.iter().map(|(key, raw)| records::decode(key, raw)).collect()
}

/// The newest ratings of a conversation, in the order of their offers.
pub async fn newest(reader: &dyn Scanner, conversation: ConversationId) -> Result<Vec<Rating>, StoreError> {
    let page = reader.scan(reader.keys().ratings(conversation), MAX_ASKED, Direction::Descending).await?;
    page.iter().rev().map(|(key, raw)| records::decode(key, raw)).collect()
}

/// The most recently answered rating of a conversation; of two answered at the same moment, the one offered later.
pub async fn last_answered(
    reader: &dyn Scanner,
    conversation: ConversationId,
) -> Result<Option<Rating>, StoreError> {
    let mut last: Option<Rating> = None;
    let mut range = reader.keys().ratings(conversation);
    for _ in 0..MAX_ASKED / PAGE {
        let page = reader.scan(range.clone(), PAGE, Direction::Descending).await?;
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

/// The ratings with these numbers, in the given order, without those that no longer exist or whose conversation is gone
/// or deleted.
pub async fn find_many(
    reader: &dyn Reader,
    wanted: impl Iterator<Item = (ConversationId, RatingId)>,
) -> Result<Vec<Rating>, StoreError> {
    let keys = reader.keys();
    let (heads, ratings): (Vec<Key>, Vec<Key>) =
        wanted.map(|(id, rating)| (keys.head(id), keys.rating(id, rating))).unzip();
    let heads = get_many::<HeadWithoutMessages>(reader, heads).await?;
    let is_kept =
        heads.iter().map(|head| head.as_ref().is_some_and(|head| head.conversation.delete_time.is_none()));
    let ratings = get_many(reader, ratings).await?;
    Ok(ratings.into_iter().zip(is_kept).filter_map(|(rating, is_kept)| rating.filter(|_| is_kept)).collect())
}

/// The entries within a filter's time range. `before` limits them to ratings offered before that one.
pub fn entries_of(keys: Keys, filter: &RatingFilter, before: Option<(UnixMillis, RatingId)>) -> KeyRange {
    let mut range = keys.ratings_by_time();
    if let Some(from) = filter.from {
        range.start = Bound::Included(keys.rating_by_time(from, RatingId(0)));
    }
    if let Some(until) = filter.until {
        range.end = Bound::Excluded(keys.rating_by_time(until, RatingId(0)));
    }
    if let Some((time, rating)) = before {
        range.end = Bound::Excluded(keys.rating_by_time(time, rating));
    }
    range
}

/// At most `limit` entries, latest offers first, and the remaining range; `None` at the end.
pub async fn latest_entries(
    reader: &dyn Scanner,
    range: KeyRange,
    limit: usize,
) -> Result<(Vec<Entry>, Option<KeyRange>), StoreError> {
    let page = reader.scan(range.clone(), limit, Direction::Descending).await?;
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

/// Puts a new rating. Its number is fresh, so nothing needs to be expected.
pub fn put_new(decision: &mut Decision<'_>, rating: &Rating) {
    decision.put(decision.keys().rating(rating.conversation, rating.id), rating);
    decision.put(decision.keys().rating_by_time(rating.offer_time, rating.id), &rating.entry());
}

/// Indexes a new rating by the UUID it was imported with.
pub fn put_imported(decision: &mut Decision<'_>, rating: &Rating, uuid: Uuid) {
    let key = decision.keys().imported_rating(rating.conversation, uuid);
    decision.put_new(key, &RatingNumber { rating: rating.id });
}

/// Which rating of a conversation was imported with this UUID.
pub async fn find_imported(
    reader: &dyn Reader,
    conversation: ConversationId,
    uuid: Uuid,
) -> Result<Option<RatingId>, StoreError> {
    let found = get_one::<RatingNumber>(reader, reader.keys().imported_rating(conversation, uuid)).await?;
    Ok(found.map(|found| found.rating))
}

/// Puts a changed rating, which was read.
pub fn put_changed(decision: &mut Decision<'_>, rating: &Rating) {
    let keys = decision.keys();
    decision.replace(keys.rating(rating.conversation, rating.id), rating);
    decision.put(keys.rating_by_time(rating.offer_time, rating.id), &rating.entry());
}

/// Records or removes the opt-out of a rating's customer. An existing opt-out is left unchanged.
pub async fn put_opt_out(
    decision: &mut Decision<'_>,
    rating: &Rating,
    opt_out: Option<OptOut>,
) -> Result<(), StoreError> {
    let (source, id, user) = (&rating.source, rating.conversation, &rating.user);
    let stored = find_opt_outs(&*decision, source, id, user).await?;
    match opt_out {
        Some(opt_out) if stored.is_empty() => {
            decision.replace(decision.keys().opt_out(source, id, user), &opt_out);
        }
        Some(_) => {}
        None => stored.into_iter().for_each(|(key, _)| decision.delete(key)),
    }
    Ok(())
}

/// The opt-outs of one customer with their keys: one, or none; a second one where an earlier build stored the first.
pub async fn find_opt_outs(
    reader: &dyn Reader,
    source: &str,
    conversation: ConversationId,
    customer: &Author,
) -> Result<Vec<(Key, OptOut)>, StoreError> {
    let keys = reader.keys().opt_outs_of(source, conversation, customer);
    let found = get_many::<OptOut>(reader, keys.clone()).await?;
    Ok(keys.into_iter().zip(found).filter_map(|(key, found)| Some((key, found?))).collect())
}

/// A customer who opted out of ratings, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptedOut {
    pub source: String,
    pub customer: KnownCustomer,
    pub time: UnixMillis,
}

/// The opt-outs among at most `limit` keys after `after`, each with its key.
pub async fn list_opt_outs(
    reader: &dyn Scanner,
    after: Option<Key>,
    limit: usize,
) -> Result<Vec<(Key, OptedOut)>, StoreError> {
    let all = reader.keys().opt_outs();
    let range = match after {
        Some(after) => all.after(after),
        None => all,
    };
    let page = reader.scan(range, limit, Direction::Ascending).await?;
    let opted_out = |(key, raw): (Key, Value)| {
        let (source, customer) = keys::customer_of_opt_out(&key)
            .ok_or_else(|| StoreError::Corrupt(format!("an opt-out has the key {key:02x?}").into()))?;
        let time = records::decode::<OptOut>(&key, &raw)?.time;
        Ok((key, OptedOut { source, customer, time }))
    };
    page.into_iter().map(opted_out).collect()
}
