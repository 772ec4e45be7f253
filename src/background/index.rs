//! Indexes conversations for the lists, in the order of their numbers. docs/decisions/0020 says how lists find those that are
//! not indexed yet.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::BoxFuture};

use crate::{
    domain::{ConversationId, Listing},
    error::Error,
    service::{
        Call, Services,
        listing::{Scored, Update, score_of, tells_all},
    },
    store::{
        Decision, Reader as _, StoreError, Stored, assessment,
        conversation::{self, NumberedHead},
        lease::LeasedTask,
        listing, queue,
        records::{Backfill, Head},
    },
};

use super::{Next, Task};

/// How many conversations one part looks at.
const PART: usize = 48;
/// About how many keys it writes: the store's lock is not held long for it.
const PART_KEYS: usize = 256;
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
        let is_exclusive = self.services.store.is_exclusive();
        // What other processes import is not announced here.
        if self.is_done && !is_busy && !has_open && is_exclusive {
            return Ok(Next::After(LOOK_EVERY));
        }
        let begun = Instant::now();
        let may_have_more = index_next(Call::new(&self.services)).await?;
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
pub async fn index_next(call: Call<'_>) -> Result<bool, Error> {
    let index_mark = &call.services.index_mark;
    // Asked before anything is read: whatever is stored below it is found now.
    let now = call.services.now();
    let decided_below = call.services.ids.decided_below(now).await?;
    if !call.services.store.is_exclusive() {
        index_mark.follow(call.space()).await?;
    }
    let known = index_mark.below();
    let is_done = known >= decided_below && !index_mark.must_be_stored(known);
    if is_done || !call.services.leases.hold(LeasedTask::Index, now).await? {
        return Ok(false);
    }
    let decided_below = decided_below.max(known);
    let before = ConversationId(decided_below);
    let mut decision = Decision::new(call.space());
    let heads = conversation::heads_from(&call.space(), ConversationId(known), before, PART).await?;
    let is_end = heads.len() < PART;
    let part = index(call, &mut decision, heads).await?;
    if part.is_cut && part.last.is_none() {
        return Ok(true);
    }
    let below = match part.last {
        Some(last) if part.is_cut || !is_end => last.0.saturating_add(1),
        _ => decided_below,
    };
    if decision.writes() > 0 || index_mark.must_be_stored(below) {
        if !call.services.leases.expect_held(&decision, LeasedTask::Index).await? {
            // The next call finds out whether another process has taken it over.
            return Ok(true);
        }
        let backfill = Backfill { next: Some(ConversationId(below)), newest: None, by_held: true };
        // Whatever is stored, it is this process that says how far indexing is.
        decision.get(vec![decision.keys().backfill()]).await?;
        listing::put_backfill(&mut decision, &backfill);
        if !decision.commit().await? {
            // One of them changed meanwhile: the next call looks at all of them again.
            return Ok(true);
        }
        index_mark.set_stored(below);
    }
    index_mark.advance(below);
    Ok(part.is_cut || !is_end)
}

/// How far a part came.
#[derive(Default)]
struct Part {
    /// The last that was looked at.
    last: Option<ConversationId>,
    /// Whether some were left for the next part.
    is_cut: bool,
}

async fn index(call: Call<'_>, decision: &mut Decision<'_>, heads: Vec<NumberedHead>) -> Result<Part, Error> {
    let listings = listing::find_many_stored(&call.space(), heads.iter().map(|(id, _)| *id)).await?;
    let mut part = Part::default();
    for ((id, head), listing) in heads.into_iter().zip(listings) {
        if decision.writes() >= PART_KEYS {
            part.is_cut = true;
            break;
        }
        let mut attempt = Decision::new(call.space());
        let indexed = match head {
            Ok(head) => match listing {
                Ok(Some(listing)) if listing.value.is_posted() => {
                    part.last = Some(id);
                    continue;
                }
                Ok(listing) => one(call, &mut attempt, id, head, listing).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        match indexed {
            Ok(()) => decision.absorb(attempt),
            // It changed while it was read: the next part looks at it again.
            Err(StoreError::Corrupt(_)) if !attempt.still_stands().await? => {
                part.is_cut = true;
                break;
            }
            Err(StoreError::Corrupt(cause)) => {
                tracing::error!(conversation = %id, %cause, "is damaged and stays out of lists with a filter");
            }
            Err(error) => return Err(error.into()),
        }
        part.last = Some(id);
    }
    Ok(part)
}

/// Indexes one conversation, with what an earlier version may have left of its scoring.
async fn one(
    call: Call<'_>,
    decision: &mut Decision<'_>,
    id: ConversationId,
    Stored { value: head, raw }: Stored<Head>,
    listing: Option<Stored<Listing>>,
) -> Result<(), StoreError> {
    let head_key = call.keys().head(id);
    decision.expect(head_key.clone(), Some(raw));
    let (listing, raw) = listing.map(|Stored { value, raw }| (value, raw)).unzip();
    decision.expect(call.keys().listing(id), raw);
    let mut update = Update::of(id, listing);
    // One that is indexed is posted anew, by when it was held: an earlier version did not know.
    let is_new = !update.is_indexed();
    let version = head.conversation.version;
    if tells_all(&head) {
        update.index(&head);
    } else {
        let outline = conversation::outline(&decision.guarded_by(&head_key), head).await?;
        update.index_whole(&outline.conversation, &outline.messages);
    }
    if is_new && call.services.index_mark.was_found(id) {
        let (_, assessments) = assessment::find_indexed(decision, id).await?;
        let score_tenths = score_of(&assessments);
        for assessment in &assessments {
            assessment::put_again(decision, assessment);
        }
        let (states, _) = queue::find_many(decision, vec![(id, true)]).await?;
        let state = states.into_iter().next().map(|(_, state)| state).unwrap_or_default();
        if state.job.is_none() {
            let failed_attempts = state.failure.map(|failure| failure.failed_attempts);
            update.set_settled(version, &Scored { failed_attempts, score_tenths });
        }
    }
    update.put(decision);
    Ok(())
}
