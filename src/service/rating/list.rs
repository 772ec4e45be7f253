//! Pages of ratings, and what many of them come to.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
};

use crate::{
    domain::{
        ConversationId, Listing, Rating, RatingCounts, RatingFilter, RatingId, RatingSummary, UnixMillis,
    },
    error::Error,
    store::{conversation as stored_conversation, keys, listing, rating},
};

use super::super::Call;

/// How much one page of ratings may hold, in bytes; a little under the 3 MiB of an answer.
const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024 - 512 * 1024;
/// How many ratings are read at once: the largest ones are half a mebibyte.
const READ_AT_ONCE: usize = 64;
/// How many entries a summary reads at once.
const SUMMED_AT_ONCE: usize = 1000;
/// So many deleted conversations a summary holds in memory, a mebibyte or two; of more it looks each page's up.
const MOST_DELETED: usize = 50_000;
/// A page reads at most so many values for each rating that was asked for.
const READS_PER_RATING: usize = 4;
/// Of these one is for the rating itself and one for its conversation's head.
const ENTRIES_PER_RATING: usize = READS_PER_RATING - 2;

/// Where a rating stands in the list of all: by its offer, the latest first.
pub type Place = (UnixMillis, RatingId);

/// A page of ratings. It may be short, even empty, and still not be the last: then the filter let few through.
#[derive(Clone, Debug)]
pub struct Listed<P> {
    pub ratings: Vec<Rating>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<P>,
}

/// At most `limit` ratings of one conversation after `after`, in the order of their offers.
pub async fn list_ratings_of(
    call: Call<'_>,
    conversation: ConversationId,
    filter: &RatingFilter,
    after: RatingId,
    limit: usize,
) -> Result<Listed<RatingId>, Error> {
    let space = call.space();
    if !stored_conversation::exists(&space, conversation).await? {
        return Err(Error::no_conversation(conversation));
    }
    let now = call.services.clock.now();
    let mut ratings = Vec::new();
    let mut bytes_left = MAX_PAGE_BYTES;
    let mut last = after;
    // One was for the head.
    let mut reads_left = limit.saturating_mul(READS_PER_RATING).saturating_sub(1);
    while reads_left > 0 {
        let wanted = READ_AT_ONCE.min(limit + 1).min(reads_left);
        let read = rating::list_after(&space, conversation, last, wanted).await?;
        let is_end = read.len() < wanted;
        reads_left -= wanted;
        for rating in read {
            if ratings.len() == limit || bytes_left == 0 {
                return Ok(Listed { ratings, next: Some(last) });
            }
            last = rating.id;
            if filter.matches(&rating.entry(), rating.offer_time, now) {
                bytes_left = bytes_left.saturating_sub(content_bytes(&rating));
                ratings.push(rating);
            }
        }
        if is_end {
            return Ok(Listed { ratings, next: None });
        }
    }
    Ok(Listed { ratings, next: Some(last) })
}

/// At most `limit` ratings of all conversations before `before`, the latest offers first.
pub async fn list_ratings(
    call: Call<'_>,
    filter: &RatingFilter,
    before: Option<Place>,
    limit: usize,
) -> Result<Listed<Place>, Error> {
    let space = call.space();
    let now = call.services.clock.now();
    let mut chosen = Vec::new();
    let mut range = Some(rating::entries_of(call.keys(), filter, before));
    let mut next = before;
    let mut reads_left = limit.saturating_mul(ENTRIES_PER_RATING);
    while let Some(wanted) = range.take_if(|_| chosen.len() < limit && reads_left > 0) {
        let count = limit.min(reads_left);
        let (entries, rest) = rating::latest_entries(&space, wanted, count).await?;
        reads_left -= count;
        range = rest;
        for (time, id, entry) in entries {
            if chosen.len() == limit {
                // Read and not answered: the next page reads it again.
                range.get_or_insert_with(|| rating::entries_of(call.keys(), filter, next));
                break;
            }
            next = Some((time, id));
            if filter.matches(&entry, time, now) {
                chosen.push((time, id, entry.conversation));
            }
        }
    }
    let mut ratings = Vec::new();
    let mut bytes_left = MAX_PAGE_BYTES;
    for part in chosen.chunks(READ_AT_ONCE) {
        let wanted = part.iter().map(|(_, id, conversation)| (*conversation, *id));
        let read = rating::find_many(&space, wanted).await?;
        bytes_left = bytes_left.saturating_sub(read.iter().map(content_bytes).sum());
        // A state may have moved on since its entry was read.
        let still = |rating: &Rating| filter.matches(&rating.entry(), rating.offer_time, now);
        ratings.extend(read.into_iter().filter(still));
        if let Some((time, id, _)) = part.last()
            && bytes_left == 0
        {
            return Ok(Listed { ratings, next: Some((*time, *id)) });
        }
    }
    Ok(Listed { ratings, next: next.filter(|_| range.is_some()) })
}

/// What the ratings that a filter lets through come to, without those of deleted conversations.
///
/// It reads the range of their offers, a page at a time, and which conversations are deleted; no conversation itself. Its time
/// grows with the offers in the range, its memory does not, and other calls have their turn after each page.
pub async fn summarize_ratings(call: Call<'_>, filter: &RatingFilter) -> Result<RatingSummary, Error> {
    let now = call.services.clock.now();
    let deleted = Deleted::read(call).await?;
    let mut counts = RatingCounts::default();
    let mut range = Some(rating::entries_of(call.keys(), filter, None));
    while let Some(wanted) = range.take() {
        let (mut entries, rest) = rating::latest_entries(&call.space(), wanted, SUMMED_AT_ONCE).await?;
        range = rest;
        entries.retain(|(time, _, entry)| filter.matches(entry, *time, now));
        let deleted = deleted.among(call, &entries).await?;
        for (time, _, entry) in &entries {
            if !deleted.contains(&entry.conversation) {
                counts.add(entry, *time, now);
            }
        }
        // An engine that answers at once would else keep the thread for the whole range.
        tokio::task::yield_now().await;
    }
    Ok(counts.summary())
}

/// Which conversations are deleted and not purged yet.
enum Deleted {
    All(HashSet<ConversationId>),
    /// Too many to hold: they are looked up for each page.
    Many,
}

impl Deleted {
    async fn read(call: Call<'_>) -> Result<Self, Error> {
        let (mut deleted, mut after) = (HashSet::new(), None);
        loop {
            let noted =
                listing::deletions_until(&call.space(), UnixMillis::MAX, after, SUMMED_AT_ONCE).await?;
            deleted.extend(noted.iter().filter_map(|note| keys::conversation_of_deletion(note)));
            match noted.last() {
                Some(_) if deleted.len() > MOST_DELETED => return Ok(Self::Many),
                Some(last) if noted.len() == SUMMED_AT_ONCE => after = Some(last.clone()),
                _ => return Ok(Self::All(deleted)),
            }
        }
    }

    /// Those of the deleted ones to which these ratings belong, and perhaps others.
    async fn among(
        &self,
        call: Call<'_>,
        entries: &[rating::Entry],
    ) -> Result<Cow<'_, HashSet<ConversationId>>, Error> {
        if let Self::All(deleted) = self {
            return Ok(Cow::Borrowed(deleted));
        }
        let ids: BTreeSet<ConversationId> = entries.iter().map(|(.., entry)| entry.conversation).collect();
        let listings = listing::find_many(&call.space(), ids.iter().copied()).await?;
        let deleted = ids.into_iter().zip(listings);
        let is_deleted = |listing: Option<Listing>| listing.is_some_and(|listing| listing.is_deleted);
        Ok(Cow::Owned(deleted.filter_map(|(id, listing)| is_deleted(listing).then_some(id)).collect()))
    }
}

/// About how many bytes of text a rating holds.
fn content_bytes(rating: &Rating) -> usize {
    const NUMBERS_AND_NAMES: usize = 512;
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let questions = rating.questions.iter().map(|question| {
        let comment = question.answer.as_ref().map_or(0, |answer| length(&answer.comment));
        64 + length(&question.text) + comment
    });
    NUMBERS_AND_NAMES + questions.sum::<usize>()
}
