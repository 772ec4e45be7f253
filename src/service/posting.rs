//! Taking conversations into the lists, in the order of their numbers. docs/decisions/0020 says how lists find those that are
//! not taken in yet.

use std::sync::{Mutex, PoisonError};

use crate::{
    domain::{ConversationId, UnixMillis},
    error::Error,
    store::{
        Batch, Keyspace, StoreError, Stored, assessment,
        conversation::{self, NumberedHead},
        listing, queue,
        records::{Backfill, Head},
    },
};

use super::{
    Services,
    listing::{Scored, Update, score_of},
};

/// How many conversations one part looks at.
const PART: usize = 48;
/// About how many keys it writes: the store's lock is not held long for it.
const PART_KEYS: usize = 256;
/// How far the stored mark may be behind while nothing has to be written.
const UNSTORED: u64 = 1 << 16;

/// Up to where conversations are taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Every conversation with a lower number is taken in.
    pub below: u64,
    /// When the newest of them was stored, if that is known.
    pub newest: Option<UnixMillis>,
}

/// How far this process has come.
pub struct Posting {
    mark: Mutex<Mark>,
    /// About what is stored of it.
    stored: Mutex<u64>,
    /// Conversations with lower numbers were there before this process: their assessments may not be posted either.
    found_below: u64,
}

impl Posting {
    /// Goes on where the last process ended.
    pub async fn open(store: &dyn Keyspace, decided_below: u64) -> Result<Self, StoreError> {
        let below = match listing::find_backfill(store).await?.map(|stored| stored.value.next) {
            None => 0,
            Some(Some(next)) => next.0,
            Some(None) => queue::lowest(store).await?.map_or(decided_below, |lowest| lowest.0),
        };
        let mark = Mutex::new(Mark { below, newest: None });
        // Nothing has to be written for what is not there.
        let stored = Mutex::new(below.max(decided_below));
        Ok(Self { mark, stored, found_below: decided_below })
    }

    pub fn mark(&self) -> Mark {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, below: u64, newest: Option<UnixMillis>) {
        let mut mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        *mark = Mark { below: mark.below.max(below), newest: mark.newest.max(newest) };
    }

    fn stored(&self) -> u64 {
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_stored(&self, below: u64) {
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = below;
    }
}

/// Takes in the next few conversations; answers whether there may be more. How far it came is stored with what it did, so
/// that it goes on after a restart. For one caller at a time.
pub async fn post_next(services: &Services) -> Result<bool, Error> {
    let store = &*services.store;
    // Asked before anything is read: whatever is stored below it is found now.
    let decided_below = services.ids.decided_below().await?;
    let mark = services.posting.mark();
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
    if !part.batch.put.is_empty() || below.saturating_sub(services.posting.stored()) >= UNSTORED {
        let mut batch = part.batch;
        let read = listing::find_backfill(store).await?;
        listing::put_backfill(&mut batch, read, &Backfill { next: Some(ConversationId(below)) });
        match store.commit(batch).await {
            Ok(_) => services.posting.set_stored(below),
            // One of them changed meanwhile: the next call looks at all of them again.
            Err(StoreError::Conflict { .. }) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
    services.posting.advance(below, part.newest);
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
    if id.0 < services.posting.found_below {
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
