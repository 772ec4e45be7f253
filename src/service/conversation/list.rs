//! Lists of conversations. No page reads more than [`READS_PER_ITEM`] times what was asked for: when it has, it ends early.

use std::{collections::HashMap, ops::RangeInclusive};

use crate::{
    domain::{Conversation, ConversationFilter, ConversationId, Listing, Place, Term},
    error::Error,
    service::{
        Services,
        page::{CHUNK, MAX_PAGE_BYTES, Page, READS_PER_ITEM},
        scoring::FAILURE,
    },
    store::{Key, Keyspace, conversation, keys, listing, queue, records::Head},
};

use super::{ConversationStatus, ScoringStatus, status_of};

/// At most `limit` conversations after `after` that the filter lets pass, newest first.
pub async fn list_conversations(
    services: &Services,
    filter: &ConversationFilter,
    after: Option<Place>,
    limit: usize,
) -> Result<Page<ConversationStatus>, Error> {
    if filter.is_empty() {
        return list_all(&*services.store, after, limit).await;
    }
    if filter.score_tenths.as_ref().is_some_and(RangeInclusive::is_empty) {
        return Ok(Page::default());
    }
    let terms: Option<Vec<(Term, Key)>> = filter
        .terms()
        .into_iter()
        .map(|term| keys::conversation_term(&term).map(|key| (term, key)))
        .collect();
    match terms {
        Some(terms) => Walk { store: &*services.store, filter, terms }.page(after, limit).await,
        // A text that is too long to be posted, so that nothing has it.
        None => Ok(Page::default()),
    }
}

/// Every conversation, from the heads themselves, so that one is there as soon as it is stored. Reads at most four values
/// for each: its head, its listing, and where it was not taken in yet its job and its failure.
async fn list_all(
    store: &dyn Keyspace,
    after: Option<Place>,
    limit: usize,
) -> Result<Page<ConversationStatus>, Error> {
    let mut page = Page { next: after, ..Page::default() };
    let mut reads_left = limit * READS_PER_ITEM;
    loop {
        let chunk = (limit - page.items.len()).min(reads_left / READS_PER_ITEM).min(CHUNK);
        if chunk == 0 || page.bytes >= MAX_PAGE_BYTES {
            return Ok(page);
        }
        let before = page.next.map(|place| ConversationId(place.number));
        let heads = conversation::heads_before(store, before, chunk).await?;
        reads_left -= heads.len().max(1);
        let is_end = heads.len() < chunk;
        page.next = heads.last().map(|head| head.conversation.place()).or(page.next);
        let shown: Vec<Conversation> = heads
            .into_iter()
            .map(|head| head.conversation)
            .filter(|conversation| conversation.delete_time.is_none())
            .collect();
        let listings = listing::find_many(store, shown.iter().map(|conversation| conversation.id)).await?;
        reads_left -= shown.len();
        let listed: Vec<_> = shown.into_iter().zip(listings).collect();
        reads_left -= page.take(store, listed).await?;
        if is_end {
            page.next = None;
            return Ok(page);
        }
    }
}

/// A walk over the postings of one term of the filter at a time. Candidates are checked against the whole filter; the term
/// that refuses the most of them leads the walk from there on, so that the rarest one soon does.
struct Walk<'a> {
    store: &'a dyn Keyspace,
    filter: &'a ConversationFilter,
    terms: Vec<(Term, Key)>,
}

impl Walk<'_> {
    /// Each candidate costs its posting and its listing, each one found its head too and, while it waits for scoring, its job.
    async fn page(&self, after: Option<Place>, limit: usize) -> Result<Page<ConversationStatus>, Error> {
        let mut page = Page { next: after, ..Page::default() };
        let mut reads_left = limit * READS_PER_ITEM;
        let mut leader = 0;
        // With several terms little is read before it is known which of them should lead.
        let most = if self.terms.len() > 1 { CHUNK / 4 } else { CHUNK };
        loop {
            let chunk = (limit - page.items.len()).min(reads_left / READS_PER_ITEM).min(most);
            let Some((_, key)) = self.terms.get(leader).filter(|_| chunk > 0) else { return Ok(page) };
            if page.bytes >= MAX_PAGE_BYTES {
                return Ok(page);
            }
            let places = listing::posted(self.store, key, self.filter.created, page.next, chunk).await?;
            reads_left -= places.len().max(1);
            page.next = places.last().copied().or(page.next);
            let ids = || places.iter().map(|place| ConversationId(place.number));
            let listings = listing::find_many(self.store, ids()).await?;
            reads_left -= places.len();
            let mut refusals = vec![0_usize; self.terms.len()];
            let mut passing: Vec<(ConversationId, Listing)> = Vec::new();
            for (id, listing) in ids().zip(listings) {
                // One that is gone was purged since it was posted.
                let Some(listing) = listing else { continue };
                if self.passes(&listing, &mut refusals) {
                    passing.push((id, listing));
                }
            }
            let heads = conversation::find_heads(self.store, passing.iter().map(|(id, _)| *id)).await?;
            reads_left -= passing.len();
            let shown = heads.into_iter().zip(passing).filter_map(|(head, (_, listing))| {
                let Head { conversation, .. } = head?;
                conversation.delete_time.is_none().then_some((conversation, Some(listing)))
            });
            reads_left -= page.take(self.store, shown.collect()).await?;
            if places.len() < chunk {
                page.next = None;
                return Ok(page);
            }
            leader = (0..refusals.len()).max_by_key(|&term| (refusals[term], term == leader)).unwrap_or(0);
        }
    }

    /// Whether a conversation has every term and passes the filter; counts the terms that it lacks.
    fn passes(&self, listing: &Listing, refusals: &mut [usize]) -> bool {
        let has = listing.terms();
        let mut passes = self.filter.lets_pass(listing);
        for ((term, _), refused) in self.terms.iter().zip(refusals) {
            if !has.contains(term) {
                *refused += 1;
                passes = false;
            }
        }
        passes
    }
}

impl Page<ConversationStatus> {
    /// Adds conversations with where their scoring stands; answers how many values that read.
    async fn take(
        &mut self,
        store: &dyn Keyspace,
        listed: Vec<(Conversation, Option<Listing>)>,
    ) -> Result<usize, Error> {
        let settled = |conversation: &Conversation, listing: &Option<Listing>| {
            let listing = listing.as_ref().filter(|listing| listing.taken_in)?;
            (listing.settled_version == Some(conversation.version)).then_some(listing.failed_attempts)
        };
        let unsettled =
            listed.iter().filter(|(conversation, listing)| settled(conversation, listing).is_none());
        // What was taken in once and waits again has no failure: that it was given up would be in its listing.
        let is_new = |listing: &Option<Listing>| !listing.as_ref().is_some_and(|listing| listing.taken_in);
        let wanted = unsettled.map(|(conversation, listing)| (conversation.id, is_new(listing)));
        let (waiting, reads) = queue::find_many(store, wanted.collect()).await?;
        let waiting: HashMap<ConversationId, queue::State> = waiting.into_iter().collect();
        for (conversation, listing) in listed {
            let scoring = match settled(&conversation, &listing) {
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
            self.bytes += shown_bytes(&conversation);
            self.items.push(ConversationStatus { conversation, scoring });
        }
        Ok(reads)
    }
}

/// About how large a conversation is in an answer.
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
