//! The end of what was deleted: after some days nothing of it is stored any more.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};

use crate::{
    domain::{ConversationId, Event, EventKind},
    error::Error,
    service::{Call, Services},
    store::{
        Decision, Key, Reader as _, StoreError, Value, keys,
        lease::LeasedTask,
        listing, purge,
        records::{self, HeadWithoutMessages},
    },
};

use super::{Next, Task, clock_check::ClockCheck};

/// How many conversations are looked up at once.
const PAGE: usize = 64;

pub(super) struct Purge {
    services: Arc<Services>,
    clock: Arc<ClockCheck>,
    every: Duration,
}

impl Purge {
    pub(super) fn new(services: Arc<Services>, clock: Arc<ClockCheck>, every: Duration) -> Self {
        Self { services, clock, every }
    }
}

impl Task for Purge {
    fn name(&self) -> &'static str {
        "purge"
    }

    fn step(&mut self) -> BoxFuture<'_, Result<Next, Error>> {
        async {
            if !self.clock.may_remove(self.services.settings().kept_millis()).await? {
                return Ok(Next::After(self.every));
            }
            let purged = purge_deleted(Call::new(&self.services)).await?;
            if purged > 0 {
                tracing::info!(purged, "purged deleted conversations");
            }
            Ok(Next::After(self.every))
        }
        .boxed()
    }
}

/// Purges every conversation whose time has come; answers how many. What a crash interrupts, the next call finishes.
pub async fn purge_deleted(call: Call<'_>) -> Result<usize, Error> {
    let now = call.services.clock.now();
    let until = now.plus_millis(-call.services.settings().kept_millis());
    let mut purged = 0;
    let mut after: Option<Key> = None;
    loop {
        let noted = listing::deletions_until(&call.space(), until, after.take(), PAGE).await?;
        if noted.is_empty() || !call.services.leases.hold(LeasedTask::Purge, call.services.now()).await? {
            return Ok(purged);
        }
        for note in &noted {
            let Some(id) = keys::conversation_of_deletion(note) else {
                tracing::error!(key = %format_args!("{note:02x?}"), "a note for the purge names no conversation");
                continue;
            };
            match purge(call, note, id).await {
                Ok(is_purged) => purged += usize::from(is_purged),
                // It must not hold up the others; the next sweep meets it again.
                Err(Error::Internal(cause) | Error::Damaged(cause)) => {
                    tracing::error!(conversation = %id, %cause, "a deleted conversation could not be purged");
                }
                Err(error) => return Err(error),
            }
        }
        match noted.last() {
            Some(last) if noted.len() == PAGE => after = Some(last.clone()),
            _ => return Ok(purged),
        }
    }
}

/// Purges one conversation; false when it was brought back meanwhile.
///
/// The head goes first: from then on nothing can find or restore it, and the note leads here again until the rest is gone too.
async fn purge(call: Call<'_>, note: &Key, id: ConversationId) -> Result<bool, Error> {
    let (space, keys) = (call.space(), call.keys());
    let leases = &call.services.leases;
    let mut decision = Decision::new(space);
    if !leases.expect_held(&decision, LeasedTask::Purge).await? {
        return Ok(false);
    }
    if let Some(raw) = decision.get(vec![keys.head(id)]).await?.pop().flatten() {
        // Brought back meanwhile, and maybe deleted again: then another note leads to it. A head that cannot be read cannot have
        // been brought back.
        let head = records::decode::<HeadWithoutMessages>(&keys.head(id), &raw);
        let delete_time = head.map(|head| head.conversation.delete_time);
        if delete_time.is_ok_and(|time| time.is_none_or(|time| keys.deletion(time, id) != *note)) {
            return Ok(false);
        }
        decision.expect(note.clone(), Some(Value::new()));
        decision.delete(keys.head(id));
        if !decision.commit().await? {
            return Ok(false);
        }
    }
    let source = match listing::find(&space, id).await {
        // A deletion writes it, and it goes last.
        Ok(listing) => listing.map(|listing| listing.source),
        Err(StoreError::Corrupt(cause)) => {
            tracing::error!(conversation = %id, %cause, "what is known within it alone stays behind");
            None
        }
        Err(error) => return Err(error.into()),
    };
    loop {
        let belongings = purge::next_belongings(&space, id, source.as_deref()).await?;
        if belongings.is_empty() {
            break;
        }
        delete_all(Decision::new(space), belongings).await?;
    }
    let mut decision = Decision::new(space);
    if !leases.expect_held(&decision, LeasedTask::Purge).await? {
        return Ok(false);
    }
    let now = call.services.clock.now();
    decision.log(&Event { conversation: id, time: now, kind: EventKind::ConversationPurged });
    // False where another purge was as far.
    decision.expect(note.clone(), Some(Value::new()));
    delete_all(decision, vec![keys.listing(id), keys.job(id), note.clone()]).await
}

/// Nothing is expected: nobody writes to what belongs to a conversation that is gone.
async fn delete_all(mut decision: Decision<'_>, keys: Vec<Key>) -> Result<bool, Error> {
    for key in keys {
        decision.delete(key);
    }
    Ok(decision.commit().await?)
}
