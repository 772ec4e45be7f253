//! Lists of conversations. No page reads more than [`READS_PER_ITEM`] times what was asked for: when it has, it ends early.

use std::{collections::HashMap, ops::RangeInclusive};

use crate::{
    domain::{
        Conversation, ConversationFilter, ConversationId, ConversationTime, Listing, Place, Term, TimeRange,
        UnixMillis,
    },
    error::Error,
    service::{
        Call,
        listing::shown_by,
        page::{CHUNK, Cursor, MAX_PAGE_BYTES, Page, READS_PER_ITEM, next_leader},
        scoring::FAILURE,
    },
    store::{
        Direction, Key, Space, conversation, listing, queue,
        records::{Head, HeadWithoutMessages},
    },
};

use super::{ConversationStatus, ScoringStatus, status_of};

/// Whether a list includes deleted conversations that are not purged yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Kept,
    WithDeleted,
}

/// At most `limit` conversations after `after` that the filter lets pass, newest first.
///
/// Conversations that are not indexed yet are found by their heads, so a filter sees a conversation as soon as it is stored.
pub async fn list_conversations(
    call: Call<'_>,
    scope: Scope,
    filter: &ConversationFilter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<ConversationStatus>, Error> {
    let (page, _) = walk(call, scope, filter, after, limit, limit * READS_PER_ITEM).await?;
    Ok(page)
}

/// The same for any kind of item, and how many reads are left of so many.
pub(in crate::service) async fn walk<T: Item>(
    call: Call<'_>,
    scope: Scope,
    filter: &ConversationFilter,
    after: Option<Cursor>,
    limit: usize,
    reads_left: usize,
) -> Result<(Page<T>, usize), Error> {
    if filter.score_tenths.as_ref().is_some_and(RangeInclusive::is_empty) {
        return Ok((Page::default(), reads_left));
    }
    let terms: Option<Vec<(Term, Key)>> = filter
        .terms()
        .into_iter()
        .map(|term| call.keys().conversation_term(&term).map(|key| (term, key)))
        .collect();
    // Nothing has a text that is too long to be indexed.
    let Some(terms) = terms else { return Ok((Page::default(), reads_left)) };
    let below = call.services.index_mark.below();
    // Deleted conversations have no postings, and without a filter the heads suffice.
    let is_by_heads = filter.is_empty() || scope == Scope::WithDeleted;
    let page = Page::after(after, if is_by_heads { 0 } else { below });
    let plain = ConversationFilter { score_tenths: None, is_rated: None, ..filter.clone() };
    Walk { store: call.space(), scope, filter, plain, terms, limit, page, reads_left }.page().await
}

/// What a list makes of the conversations that it finds.
pub(in crate::service) trait Item: Sized + Send {
    /// How many reads a conversation costs at most.
    const READS: usize;

    /// Adds conversations, each with its place in the list; answers how many values that read.
    fn take(
        page: &mut Page<Self>,
        store: &Space<'_>,
        listed: Vec<Found>,
    ) -> impl Future<Output = Result<usize, Error>> + Send;
}

/// A conversation that the filter lets pass.
pub(in crate::service) struct Found {
    pub conversation: Conversation,
    listing: Option<Listing>,
    pub place: Place,
}

/// A walk over the heads of what is not posted yet, then over the postings of one term of the filter at a time. Candidates
/// are checked against the whole filter; the term that refuses the most of them leads the walk from there on, so that the
/// rarest one soon does.
struct Walk<'a, T> {
    store: Space<'a>,
    scope: Scope,
    filter: &'a ConversationFilter,
    /// What of the filter a head alone can answer.
    plain: ConversationFilter,
    terms: Vec<(Term, Key)>,
    limit: usize,
    page: Page<T>,
    reads_left: usize,
}

impl<T: Item> Walk<'_, T> {
    async fn page(mut self) -> Result<(Page<T>, usize), Error> {
        let below = self.page.posted_below;
        if !self.page.is_among_postings {
            if !self.walk_heads().await? {
                return Ok((self.page, self.reads_left));
            }
            // From here on the place is one among postings: a moment before all that are wanted.
            let time = self.filter.times.end.map_or(UnixMillis::MAX, |end| end.min(UnixMillis::MAX));
            self.page.next = (below > 0).then_some(Place { time, number: below });
            self.page.is_among_postings = true;
        }
        if below > 0 {
            self.walk_postings().await?;
        }
        Ok((self.page, self.reads_left))
    }

    /// How many candidates may be read next; 0 when the page is at its end.
    fn chunk(&self, most: usize) -> usize {
        if self.page.bytes >= MAX_PAGE_BYTES {
            return 0;
        }
        (self.limit - self.page.items.len()).min(self.reads_left / T::READS).min(most)
    }

    fn has_read(&mut self, values: usize) {
        self.reads_left = self.reads_left.saturating_sub(values);
    }

    /// Adds what passes of the conversations that are not posted; answers whether it came to their end. Each candidate costs
    /// its head, each that passes as far as that tells its listing, each one found its job and its failure while it waits.
    async fn walk_heads(&mut self) -> Result<bool, Error> {
        let first = ConversationId(self.page.posted_below);
        loop {
            let chunk = self.chunk(CHUNK);
            if chunk == 0 {
                return Ok(false);
            }
            let before = self.page.next.map(|place| ConversationId(place.number));
            let heads = conversation::heads_before(&self.store, first, before, chunk).await?;
            self.has_read(heads.len().max(1));
            let is_end = heads.len() < chunk;
            self.page.next = heads.last().map(place_of).or(self.page.next);
            let mut candidates = Vec::new();
            for mut head in heads {
                head.learn_held();
                let shown = self.shown(&head).await?;
                if self.scope == Scope::WithDeleted || !shown.is_deleted {
                    candidates.extend(self.plain.finds(&shown).then_some((head, shown)));
                }
            }
            let ids = candidates.iter().map(|(head, _)| head.conversation.id);
            let listings = listing::find_many(&self.store, ids).await?;
            self.has_read(candidates.len());
            let mut listed = Vec::new();
            for ((head, shown), listing) in candidates.into_iter().zip(listings) {
                let (score_tenths, is_rated) = listing
                    .as_ref()
                    .map_or((None, false), |listing| (listing.score_tenths, listing.is_rated));
                let is_between = self.filter.is_exactly_between(shown.held);
                if is_between && self.filter.finds(&Listing { score_tenths, is_rated, ..shown }) {
                    listed.push(Found { place: place_of(&head), conversation: head.conversation, listing });
                }
            }
            self.take(listed).await?;
            if is_end {
                return Ok(true);
            }
        }
    }

    /// The listing of a conversation by its head. A head of an earlier version may not tell when the conversation was held: until
    /// it is indexed, its first or last messages do, which is one value more.
    async fn shown(&mut self, head: &Head) -> Result<Listing, Error> {
        let mut shown = shown_by(head);
        if shown.held.is_none() && self.filter.times != TimeRange::default() {
            let end = match self.filter.by {
                ConversationTime::LastMessage => Direction::Descending,
                ConversationTime::FirstMessage | ConversationTime::Stored => Direction::Ascending,
            };
            shown.held = conversation::held_at(&self.store, head, end).await?;
            self.has_read(1);
        }
        Ok(shown)
    }

    /// Adds what passes of the conversations that are posted. Each candidate costs its posting and its listing, each one found
    /// its head too and, while it waits for scoring, its job.
    async fn walk_postings(&mut self) -> Result<(), Error> {
        // With several terms, read little until it is known which one should lead.
        let most = if self.terms.len() > 1 { CHUNK / 4 } else { CHUNK };
        let times = self.filter.places();
        loop {
            let chunk = self.chunk(most);
            let leader = self.page.leader;
            let Some((_, key)) = self.terms.get(leader).filter(|_| chunk > 0) else { return Ok(()) };
            let places = listing::posted(&self.store, key, times, self.page.next, chunk).await?;
            self.has_read(places.len().max(1));
            let is_end = places.len() < chunk;
            self.page.next = places.last().copied().or(self.page.next);
            // Conversations indexed since the first page were listed by their heads.
            let posted: Vec<Place> =
                places.into_iter().filter(|place| place.number < self.page.posted_below).collect();
            let ids = posted.iter().map(|place| ConversationId(place.number));
            let listings = listing::find_many(&self.store, ids).await?;
            self.has_read(posted.len());
            let mut refusals = vec![0_usize; self.terms.len()];
            let mut passing: Vec<(Place, Listing)> = Vec::new();
            for (place, listing) in posted.into_iter().zip(listings) {
                // Purged since it was indexed.
                let Some(listing) = listing else { continue };
                if self.passes(&listing, &mut refusals) {
                    passing.push((place, listing));
                }
            }
            let ids = passing.iter().map(|(place, _)| ConversationId(place.number));
            let heads = conversation::find_heads(&self.store, ids).await?;
            self.has_read(passing.len());
            let shown = heads.into_iter().zip(passing).filter_map(|(head, (place, listing))| {
                let HeadWithoutMessages { mut conversation } = head?;
                conversation.learn_held(listing.held);
                let is_between = self.filter.is_exactly_between(conversation.held_or_stored());
                (is_between && conversation.delete_time.is_none()).then_some(Found {
                    conversation,
                    listing: Some(listing),
                    place,
                })
            });
            let shown = shown.collect();
            self.take(shown).await?;
            if is_end {
                self.page.next = None;
                return Ok(());
            }
            self.page.leader = next_leader(&refusals, leader);
        }
    }

    async fn take(&mut self, found: Vec<Found>) -> Result<(), Error> {
        let reads = T::take(&mut self.page, &self.store, found).await?;
        self.has_read(reads);
        Ok(())
    }

    /// Whether a conversation is posted and passes the filter; counts the terms that it lacks.
    fn passes(&self, listing: &Listing, refusals: &mut [usize]) -> bool {
        let has = listing.terms();
        for ((term, _), refused) in self.terms.iter().zip(refusals) {
            *refused += usize::from(!has.contains(term));
        }
        !has.is_empty() && self.filter.finds(listing)
    }
}

/// Where a conversation stands among the heads.
fn place_of(head: &Head) -> Place {
    Place { time: head.conversation.create_time, number: head.conversation.id.0 }
}

impl Item for ConversationStatus {
    const READS: usize = READS_PER_ITEM;

    /// Adds conversations with where their scoring stands.
    async fn take(page: &mut Page<Self>, store: &Space<'_>, listed: Vec<Found>) -> Result<usize, Error> {
        let settled = |found: &Found| {
            let listing = found.listing.as_ref().filter(|listing| listing.is_indexed)?;
            (listing.settled_version == Some(found.conversation.version)).then_some(listing.failed_attempts)
        };
        let unsettled = listed.iter().filter(|found| settled(found).is_none());
        // An indexed conversation that waits again has no failure record; a failure would be in its listing.
        let is_new = |found: &Found| !found.listing.as_ref().is_some_and(|listing| listing.is_indexed);
        let wanted = unsettled.map(|found| (found.conversation.id, is_new(found)));
        let (waiting, reads) = queue::find_many(store, wanted.collect()).await?;
        let waiting: HashMap<ConversationId, queue::State> = waiting.into_iter().collect();
        for found in listed {
            let settled = settled(&found);
            let Found { conversation, place, .. } = found;
            let scoring = match settled {
                Some(None) => status_of(&conversation, None, None),
                Some(Some(failed_attempts)) => {
                    ScoringStatus::Failed { failed_attempts, cause: FAILURE.to_owned() }
                }
                None => {
                    let state = waiting.get(&conversation.id);
                    let job = state.and_then(|state| state.job.as_ref());
                    status_of(&conversation, job, state.and_then(|state| state.failure.as_ref()))
                }
            };
            let bytes = shown_bytes(&conversation);
            page.push(ConversationStatus { conversation, scoring }, place, bytes);
        }
        Ok(reads)
    }
}

/// The approximate size of a conversation in an answer.
fn shown_bytes(conversation: &Conversation) -> usize {
    const NUMBERS_AND_TIMES: usize = 256;
    let handling = &conversation.handling;
    let tags: usize = handling.tags.iter().map(|tag| tag.len() + 2).sum();
    NUMBERS_AND_TIMES
        + conversation.external_id.len()
        + conversation.subject.as_ref().map_or(0, String::len)
        + tags
        + handling.status_changes.len() * 16
}
