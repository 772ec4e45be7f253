//! The end of what was deleted: after some days nothing of it is stored any more.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};

use crate::{
    domain::{ConversationId, Event, EventKind, UnixMillis},
    error::Error,
    service::Services,
    store::{Batch, Expect, Key, StoreError, conversation, keys, listing, purge, records},
};

use super::{Next, Task};

/// How many conversations are looked up at once.
const PAGE: usize = 64;

pub struct Purge {
    services: Arc<Services>,
    every: Duration,
}

impl Purge {
    pub fn new(services: Arc<Services>, every: Duration) -> Self {
        Self { services, every }
    }
}

impl Task for Purge {
    fn name(&self) -> &'static str {
        "purge"
    }

    fn step(&mut self) -> BoxFuture<'_, Result<Next, Error>> {
        async {
            let purged = purge_deleted(&self.services).await?;
            if purged > 0 {
                tracing::info!(purged, "purged deleted conversations");
            }
            Ok(Next::After(self.every))
        }
        .boxed()
    }
}

/// Purges every conversation whose time has come; answers how many. What a crash interrupts, the next call finishes.
pub async fn purge_deleted(services: &Services) -> Result<usize, Error> {
    let store = &*services.store;
    let now = services.clock.now();
    let kept = services.settings().purge_time(UnixMillis(0)).0;
    let until = UnixMillis(now.0.saturating_sub(kept));
    let mut purged = 0;
    let mut after: Option<Key> = None;
    loop {
        let noted = listing::deletions_until(store, until, after.take(), PAGE).await?;
        for (note, id) in &noted {
            purged += usize::from(purge(services, note, *id).await?);
        }
        match noted.last() {
            Some((last, _)) if noted.len() == PAGE => after = Some(last.clone()),
            _ => return Ok(purged),
        }
    }
}

/// Purges one conversation; false when it was brought back meanwhile.
///
/// The head goes first: from then on nothing can find or restore it, and the note leads here again until the rest is gone too.
async fn purge(services: &Services, note: &Key, id: ConversationId) -> Result<bool, Error> {
    let store = &*services.store;
    if let Some(found) = conversation::find_with_deleted(store, id).await? {
        // Brought back meanwhile, and maybe deleted again: then another note leads to it.
        let delete_time = found.head.value.conversation.delete_time;
        if delete_time.is_none_or(|time| keys::deletion(time, id) != *note) {
            return Ok(false);
        }
        let mut batch = Batch::default();
        batch.expect.push((keys::head(id), Expect::Is(found.head.raw)));
        batch.delete.push(keys::head(id));
        match store.commit(batch).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    // A deletion writes it, and it goes last.
    let source = listing::find(store, id).await?.map(|listing| listing.value.source);
    loop {
        let belongings = purge::next_belongings(store, id, source.as_deref()).await?;
        if belongings.is_empty() {
            break;
        }
        store.commit(Batch { delete: belongings, ..Batch::default() }).await?;
    }
    let event = Event { conversation: id, time: services.clock.now(), kind: EventKind::ConversationPurged };
    let delete = vec![keys::listing(id), keys::job(id), note.clone()];
    store.commit(Batch { delete, log: vec![records::encode(&event)], ..Batch::default() }).await?;
    Ok(true)
}
