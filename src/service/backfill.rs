//! The lists of a store that was written before there were any: made once, after the first start, while the server serves.

use crate::{
    domain::ConversationId,
    error::Error,
    store::{Batch, Keyspace, StoreError, assessment, conversation, listing, records::Backfill},
};

use super::{
    Services,
    listing::{Scored, Update, score_of},
};

/// How many conversations one part takes in.
const PART: usize = 16;

/// Notes in a store that nobody looked at yet whether it needs a backfill: one that holds nothing does not.
pub async fn prepare(store: &dyn Keyspace) -> Result<(), StoreError> {
    while listing::find_backfill(store).await?.is_none() {
        let oldest = conversation::numbers_from(store, ConversationId(0), 1).await?;
        let mut batch = Batch::default();
        listing::put_backfill(&mut batch, None, &Backfill { next: oldest.first().copied() });
        match store.commit(batch).await {
            Ok(_) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Takes in the next few conversations of an older store; answers whether there are more. How far it came is stored with what
/// it did, so that it goes on after a restart.
pub async fn backfill(services: &Services) -> Result<bool, Error> {
    let store = &*services.store;
    let Some(read) = listing::find_backfill(store).await? else { return Ok(false) };
    let Some(next) = read.value.next else { return Ok(false) };
    let numbers = conversation::numbers_from(store, next, PART).await?;
    let mut batch = Batch::default();
    for &id in &numbers {
        match take_in(store, id).await {
            Ok(part) => {
                batch.expect.extend(part.expect);
                batch.put.extend(part.put);
            }
            Err(StoreError::Corrupt(cause)) => {
                tracing::error!(conversation = %id, %cause, "is damaged and stays out of lists with a filter");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let last = numbers.last().filter(|_| numbers.len() == PART);
    let next = last.map(|last| ConversationId(last.0.saturating_add(1)));
    listing::put_backfill(&mut batch, Some(read), &Backfill { next });
    match store.commit(batch).await {
        Ok(_) => Ok(next.is_some()),
        // One of them changed meanwhile: the next call looks at all of them again.
        Err(StoreError::Conflict { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// What puts one conversation and its assessments into the lists.
async fn take_in(store: &dyn Keyspace, id: ConversationId) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    let Some(found) = conversation::find(store, id).await? else { return Ok(batch) };
    let (_, assessments) = assessment::find_indexed(store, id).await?;
    let score_tenths = score_of(assessments.iter().map(|stored| &stored.value));
    for stored in assessments {
        assessment::put_again(&mut batch, &stored.value, stored.raw);
    }
    let mut listing = Update::begin(store, id).await?;
    // With a job it is taken in when that ends.
    if found.job.is_none() && listing.is_new() {
        conversation::expect_head(&mut batch, id, found.head.raw);
        let failed_attempts = found.failure.map(|failure| failure.value.failed_attempts);
        let transcript = conversation::transcript(store, found.head.value).await?;
        let scored = Scored { failed_attempts, score_tenths };
        listing.settle(&transcript.conversation, &transcript.messages, &scored);
        listing.put(&mut batch);
    }
    Ok(batch)
}
