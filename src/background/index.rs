//! Indexes conversations for the lists, in the order of their numbers. docs/decisions/0020 says how lists find those that are
//! not indexed yet.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::BoxFuture};

use crate::{
    domain::{ConversationId, UnixMillis},
    error::Error,
    service::{
        Services,
        listing::{Scored, Update, score_of},
    },
    store::{
        Batch, StoreError, Stored, assessment,
        conversation::{self, NumberedHead},
        listing, queue,
        records::{Backfill, Head},
    },
};

use super::{Next, Task};

/// How many conversations one part looks at.
const PART: usize = 48;
/// About how many keys it writes: the store's lock is not held long for it.
const PART_KEYS: usize = 256;
/// How far the stored mark may be behind while nothing has to be written.
const UNSTORED: u64 = 1 << 16;
/// How often it is looked whether there are conversations to index.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// While conversations arrive, indexing rests so many times as long as it works.
const REST: u32 = 10;

pub struct Index {
    services: Arc<Services>,
    /// For how many conversations numbers had been taken at the last step.
    seen: u64,
    /// Whether nothing was left to index then.
    is_done: bool,
}

impl Index {
    pub fn new(services: Arc<Services>) -> Self {
        Self { services, seen: 0, is_done: false }
    }

    /// While new conversations arrive it rests for most of the time: lists find also what is not indexed, and callers go first.
    async fn next(&mut self) -> Result<Next, Error> {
        // Asked before anything is indexed: what arrives meanwhile is met the next time.
        let (conversations, has_open) = (self.services.ids.conversations(), self.services.ids.has_open());
        let is_busy = std::mem::replace(&mut self.seen, conversations) != conversations;
        if self.is_done && !is_busy && !has_open {
            return Ok(Next::After(LOOK_EVERY));
        }
        let begun = Instant::now();
        let may_have_more = index_next(&self.services).await?;
        self.is_done = !may_have_more && !has_open;
        Ok(match (may_have_more, is_busy) {
            (true, true) => Next::After((begun.elapsed() * REST).min(LOOK_EVERY)),
            (true, false) => Next::Now,
            (false, _) => Next::After(LOOK_EVERY),
        })
    }
}

impl Task for Index {
    fn name(&self) -> &'static str {
        "index"
    }

    fn step(&mut self) -> BoxFuture<'_, Result<Next, Error>> {
        self.next().boxed()
    }
}

/// Indexes the next few conversations; answers whether there may be more. How far it came is stored with what it did, so
/// that it goes on after a restart. For one caller at a time.
pub async fn index_next(services: &Services) -> Result<bool, Error> {
    let store = &*services.store;
    // Asked before anything is read: whatever is stored below it is found now.
    let decided_below = services.ids.decided_below().await?;
    let mark = services.index_mark.get();
    if mark.below >= decided_below {
        return Ok(false);
    }
    let before = ConversationId(decided_below);
    let heads = conversation::heads_from(store, ConversationId(mark.below), before, PART).await?;
    let is_end = heads.len() < PART;
    let part = take_in(services, heads).await?;
    let below = match part.last {
        Some(last) if part.is_cut || !is_end => last.0.saturating_add(1),
        _ => decided_below,
    };
    if !part.batch.put.is_empty() || below.saturating_sub(services.index_mark.stored()) >= UNSTORED {
        let mut batch = part.batch;
        let read = listing::find_backfill(store).await?;
        listing::put_backfill(&mut batch, read, &Backfill { next: Some(ConversationId(below)) });
        match store.commit(batch).await {
            Ok(_) => services.index_mark.set_stored(below),
            // One of them changed meanwhile: the next call looks at all of them again.
            Err(StoreError::Conflict { .. }) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
    services.index_mark.advance(below, part.newest);
    Ok(part.is_cut || !is_end)
}

/// What takes some conversations in.
#[derive(Default)]
struct Part {
    batch: Batch,
    /// The last that was looked at.
    last: Option<ConversationId>,
    newest: Option<UnixMillis>,
    /// Whether some were left for the next part.
    is_cut: bool,
}

async fn take_in(services: &Services, heads: Vec<NumberedHead>) -> Result<Part, Error> {
    let store = &*services.store;
    let listings = listing::find_many_stored(store, heads.iter().map(|(id, _)| *id)).await?;
    let mut part = Part::default();
    for ((id, head), listing) in heads.into_iter().zip(listings) {
        if part.batch.put.len() >= PART_KEYS {
            part.is_cut = true;
            break;
        }
        let taken = match head {
            Ok(head) => {
                part.newest = part.newest.max(Some(head.value.conversation.create_time));
                let update = Update::of(id, listing);
                if update.is_taken_in() { Ok(Batch::default()) } else { one(services, head, update).await }
            }
            Err(error) => Err(error),
        };
        part.last = Some(id);
        match taken {
            Ok(one) => {
                part.batch.expect.extend(one.expect);
                part.batch.put.extend(one.put);
                part.batch.delete.extend(one.delete);
            }
            Err(StoreError::Corrupt(cause)) => {
                tracing::error!(conversation = %id, %cause, "is damaged and stays out of lists with a filter");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(part)
}

/// What takes one conversation in that is not.
async fn one(services: &Services, head: Stored<Head>, mut update: Update) -> Result<Batch, StoreError> {
    let store = &*services.store;
    let Stored { value: head, raw } = head;
    let id = head.conversation.id;
    let mut batch = Batch::default();
    conversation::expect_head(&mut batch, id, raw);
    if head.knows_writers() {
        update.take_in(&head);
    } else {
        let transcript = conversation::transcript(store, head).await?;
        update.take_in_whole(&transcript.conversation, &transcript.messages);
        return finish(services, batch, id, transcript.conversation.version, update).await;
    }
    finish(services, batch, id, head.conversation.version, update).await
}

/// With what an earlier version may have left of its scoring.
async fn finish(
    services: &Services,
    mut batch: Batch,
    id: ConversationId,
    version: u64,
    mut update: Update,
) -> Result<Batch, StoreError> {
    let store = &*services.store;
    if services.index_mark.was_found(id) {
        let (_, assessments) = assessment::find_indexed(store, id).await?;
        let score_tenths = score_of(assessments.iter().map(|stored| &stored.value));
        for stored in assessments {
            assessment::put_again(&mut batch, &stored.value, stored.raw);
        }
        let (states, _) = queue::find_many(store, vec![(id, true)]).await?;
        let state = states.into_iter().next().map(|(_, state)| state).unwrap_or_default();
        if state.job.is_none() {
            let failed_attempts = state.failure.map(|failure| failure.failed_attempts);
            update.set_settled(version, &Scored { failed_attempts, score_tenths });
        }
    }
    update.put(&mut batch);
    Ok(batch)
}
