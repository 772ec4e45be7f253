//! Lists of conversations. No page reads more than [`READS_PER_ITEM`] times what was asked for: when it has, it ends early.

use std::{collections::HashMap, ops::RangeInclusive};

use crate::{
    domain::{Conversation, ConversationFilter, ConversationId, Listing, Place, Term, UnixMillis},
    error::Error,
    service::{
        Call,
        listing::shown_by,
        page::{CHUNK, Cursor, MAX_PAGE_BYTES, Page, READS_PER_ITEM, next_leader},
        scoring::FAILURE,
    },
    store::{Key, Scanner, Space, conversation, listing, queue, records::HeadWithoutMessages},
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
    if filter.score_tenths.as_ref().is_some_and(RangeInclusive::is_empty) {
        return Ok(Page::default());
    }
    let terms: Option<Vec<(Term, Key)>> = filter
        .terms()
        .into_iter()
        .map(|term| call.keys().conversation_term(&term).map(|key| (term, key)))
        .collect();
    // Nothing has a text that is too long to be indexed.
    let Some(terms) = terms else { return Ok(Page::default()) };
    let mark = call.services.index_mark.get();
    // Deleted conversations have no postings, and without a filter the heads suffice.
    let is_by_heads = filter.is_empty() || scope == Scope::WithDeleted;
    let page = Page::after(after, if is_by_heads { 0 } else { mark.below });
    let plain = ConversationFilter { score_tenths: None, is_rated: None, ..filter.clone() };
    let reads_left = limit * READS_PER_ITEM;
    let walk = Walk { store: call.space(), scope, filter, plain, terms, limit, page, reads_left };
    walk.page(mark.newest.unwrap_or(UnixMillis::MAX)).await
}

/// A walk over the heads of what is not posted yet, then over the postings of one term of the filter at a time. Candidates
/// are checked against the whole filter; the term that refuses the most of them leads the walk from there on, so that the
/// rarest one soon does.
struct Walk<'a> {
    store: Space<'a>,
    scope: Scope,
    filter: &'a ConversationFilter,
    /// What of the filter a head alone can answer.
    plain: ConversationFilter,
    terms: Vec<(Term, Key)>,
    limit: usize,
    page: Page<ConversationStatus>,
    reads_left: usize,
}

impl Walk<'_> {
    /// `newest` is when the newest conversation was stored that is posted.
    async fn page(mut self, newest: UnixMillis) -> Result<Page<ConversationStatus>, Error> {
        let below = self.page.posted_below;
        if !self.page.is_among_postings {
            if !self.walk_heads().await? {
                return Ok(self.page);
            }
            // From here on the place is one among postings: a moment before all that are wanted.
            let after_all = newest.plus_millis(1);
            let time = self.filter.created.end.map_or(after_all, |end| after_all.min(end));
            self.page.next = (below > 0).then_some(Place { time, number: below });
            self.page.is_among_postings = true;
        }
        if below > 0 {
            self.walk_postings().await?;
        }
        Ok(self.page)
    }

    /// How many candidates may be read next; 0 when the page is at its end.
    fn chunk(&self, most: usize) -> usize {
        if self.page.bytes >= MAX_PAGE_BYTES {
            return 0;
        }
        (self.limit - self.page.items.len()).min(self.reads_left / READS_PER_ITEM).min(most)
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
            self.reads_left -= heads.len().max(1);
            let is_end = heads.len() < chunk;
            self.page.next = heads.last().map(|head| head.conversation.place()).or(self.page.next);
            let mut candidates = Vec::new();
            for head in heads {
                let shown = shown_by(&head);
                if self.scope == Scope::WithDeleted || !shown.is_deleted {
                    candidates.extend(self.plain.finds(&shown).then_some((head.conversation, shown)));
                }
            }
            let ids = candidates.iter().map(|(conversation, _)| conversation.id);
            let listings = listing::find_many(&self.store, ids).await?;
            self.reads_left -= candidates.len();
            let mut listed = Vec::new();
            for ((conversation, shown), listing) in candidates.into_iter().zip(listings) {
                let (score_tenths, is_rated) = listing
                    .as_ref()
                    .map_or((None, false), |listing| (listing.score_tenths, listing.is_rated));
                if self.filter.finds(&Listing { score_tenths, is_rated, ..shown }) {
                    listed.push((conversation, listing));
                }
            }
            self.reads_left -= self.page.take(&self.store, listed).await?;
            if is_end {
                return Ok(true);
            }
        }
    }

    /// Adds what passes of the conversations that are posted. Each candidate costs its posting and its listing, each one found
    /// its head too and, while it waits for scoring, its job.
    async fn walk_postings(&mut self) -> Result<(), Error> {
        // With several terms, read little until it is known which one should lead.
        let most = if self.terms.len() > 1 { CHUNK / 4 } else { CHUNK };
        loop {
            let chunk = self.chunk(most);
            let leader = self.page.leader;
            let Some((_, key)) = self.terms.get(leader).filter(|_| chunk > 0) else { return Ok(()) };
            let created = self.filter.created;
            let places = listing::posted(&self.store, key, created, self.page.next, chunk).await?;
            self.reads_left -= places.len().max(1);
            let is_end = places.len() < chunk;
            self.page.next = places.last().copied().or(self.page.next);
            // Conversations indexed since the first page were listed by their heads.
            let ids: Vec<ConversationId> = places
                .iter()
                .filter(|place| place.number < self.page.posted_below)
                .map(|place| ConversationId(place.number))
                .collect();
            let listings = listing::find_many(&self.store, ids.iter().copied()).await?;
            self.reads_left -= ids.len();
            let mut refusals = vec![0_usize; self.terms.len()];
            let mut passing: Vec<(ConversationId, Listing)> = Vec::new();
            for (id, listing) in ids.into_iter().zip(listings) {
                // Purged since it was indexed.
                let Some(listing) = listing else { continue };
                if self.passes(&listing, &mut refusals) {
                    passing.push((id, listing));
                }
            }
            let heads = conversation::find_heads(&self.store, passing.iter().map(|(id, _)| *id)).await?;
            self.reads_left -= passing.len();
            let shown = heads.into_iter().zip(passing).filter_map(|(head, (_, listing))| {
                let HeadWithoutMessages { conversation } = head?;
                conversation.delete_time.is_none().then_some((conversation, Some(listing)))
            });
            self.reads_left -= self.page.take(&self.store, shown.collect()).await?;
            if is_end {
                self.page.next = None;
                return Ok(());
            }
            self.page.leader = next_leader(&refusals, leader);
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
        store: &dyn Scanner,
        listed: Vec<(Conversation, Option<Listing>)>,
    ) -> Result<usize, Error> {
        let settled = |conversation: &Conversation, listing: &Option<Listing>| {
            let listing = listing.as_ref().filter(|listing| listing.is_indexed)?;
            (listing.settled_version == Some(conversation.version)).then_some(listing.failed_attempts)
        };
        let unsettled =
            listed.iter().filter(|(conversation, listing)| settled(conversation, listing).is_none());
        // An indexed conversation that waits again has no failure record; a failure would be in its listing.
        let is_new = |listing: &Option<Listing>| !listing.as_ref().is_some_and(|listing| listing.is_indexed);
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
