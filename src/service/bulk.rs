//! Bulk import: many imports in flight to share the store's syncs, answered in the order in which they were sent.

use std::{collections::HashMap, convert::Infallible};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesOrdered};
use tokio::{sync::oneshot, time::sleep};

use crate::{
    domain::{ExternalId, ImportOutcome, NewConversation, RequestId, SourceName, Violations},
    error::Error,
};

use super::{
    Call, OwnedCall,
    import::{ConflictPolicy, Imported, import_conversation},
    queue::Lane,
};

/// The most items in flight: about three of the store's commit groups, so that one fills while another is synced.
const MAX_UNDECIDED: usize = 192;
/// The most memory for items in flight, as estimated by the edge. A single larger item is accepted on its own.
const MAX_UNDECIDED_BYTES: usize = 32 * 1024 * 1024;
/// How often an item is retried while the store is overloaded. Meanwhile nothing more is read: that is the back-pressure.
const OVERLOADED_ATTEMPTS: usize = 120;

/// So many items of a stream are scored in the turn of single imports: a short one does not wait for the rest of a long one.
const FEW: u64 = 100;

/// One conversation to be stored, and how.
#[derive(Clone, Debug)]
pub struct Import {
    pub new: NewConversation,
    pub on_conflict: ConflictPolicy,
    pub request_id: Option<RequestId>,
}

/// One item of a bulk import.
#[derive(Debug)]
pub struct Item {
    /// The caller's.
    pub number: i64,
    /// About how much memory it takes until it is decided.
    pub size_bytes: usize,
    /// A faulty item is answered in its turn.
    pub import: Result<Import, Violations>,
}

/// What became of an item.
#[derive(Debug)]
pub struct Decided {
    pub number: i64,
    pub outcome: Result<Imported, Error>,
}

/// How many items had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub created: u64,
    pub existing: u64,
    pub appended: u64,
    pub updated: u64,
    /// Of the existing, appended and updated ones: how many differ in something that was not taken.
    pub differing: u64,
    pub duplicates: u64,
    pub failed: u64,
}

impl Counts {
    fn add(&mut self, outcome: &Result<Imported, Error>) {
        if outcome.as_ref().is_ok_and(|imported| !imported.differences.is_empty()) {
            self.differing += 1;
        }
        let count = match outcome {
            Ok(Imported { outcome: ImportOutcome::Created, .. }) => &mut self.created,
            Ok(Imported { outcome: ImportOutcome::Existing, .. }) => &mut self.existing,
            Ok(Imported { outcome: ImportOutcome::Appended, .. }) => &mut self.appended,
            Ok(Imported { outcome: ImportOutcome::Updated, .. }) => &mut self.updated,
            Err(Error::AlreadyImported { .. }) => &mut self.duplicates,
            // The outcome is unknown.
            Err(Error::Unavailable { .. }) => return,
            Err(_) => &mut self.failed,
        };
        *count += 1;
    }
}

/// Source and external id.
type Identity = (SourceName, ExternalId);

/// One bulk import. Items in flight when it is dropped may or may not be stored.
pub struct Bulk {
    call: OwnedCall,
    undecided: FuturesOrdered<BoxFuture<'static, Undecided>>,
    undecided_bytes: usize,
    /// The last item in flight for each conversation: its place, and a signal that it is done.
    last_about: HashMap<Identity, (u64, oneshot::Receiver<Infallible>)>,
    next_place: u64,
    counts: Counts,
}

/// A decided item and its bookkeeping.
struct Undecided {
    decided: Decided,
    place: u64,
    size_bytes: usize,
    about: Option<Identity>,
}

impl Bulk {
    pub fn new(call: OwnedCall) -> Self {
        Self {
            call,
            undecided: FuturesOrdered::new(),
            undecided_bytes: 0,
            last_about: HashMap::new(),
            next_place: 0,
            counts: Counts::default(),
        }
    }

    /// Whether another item may be taken. It may when none is undecided.
    pub fn has_room(&self) -> bool {
        self.undecided.len() < MAX_UNDECIDED && self.undecided_bytes < MAX_UNDECIDED_BYTES
    }

    /// Accepts an item; it starts with the next call of [`Bulk::next`].
    pub fn take(&mut self, item: Item) {
        let Item { number, size_bytes, import } = item;
        let place = self.next_place;
        self.next_place += 1;
        self.undecided_bytes += size_bytes;
        let import = match import {
            Ok(import) => import,
            Err(violations) => {
                let decided = Decided { number, outcome: Err(violations.into()) };
                let undecided = Undecided { decided, place, size_bytes, about: None };
                self.undecided.push_back(std::future::ready(undecided).boxed());
                return;
            }
        };
        let about = (import.new.source.clone(), import.new.external_id.clone());
        let (ends, ended) = oneshot::channel::<Infallible>();
        let before = self.last_about.insert(about.clone(), (place, ended));
        let lane = if place < FEW { Lane::Fresh } else { Lane::Bulk };
        let call = self.call.clone();
        let decide = async move {
            // Items of one conversation run in order, so that its messages keep theirs.
            if let Some((_, ended)) = before {
                let _ = ended.await;
            }
            let call = Call { lane, ..call.call() };
            let outcome = import_with_patience(call, &import).await;
            drop(ends);
            Undecided { decided: Decided { number, outcome }, place, size_bytes, about: Some(about) }
        };
        self.undecided.push_back(decide.boxed());
    }

    /// Waits for the decision on the oldest item; `None` if there is none. Cancel-safe.
    pub async fn next(&mut self) -> Option<Decided> {
        let Undecided { decided, place, size_bytes, about } = self.undecided.next().await?;
        self.undecided_bytes -= size_bytes;
        if let Some(about) = about
            && self.last_about.get(&about).is_some_and(|(last, _)| *last == place)
        {
            self.last_about.remove(&about);
        }
        self.counts.add(&decided.outcome);
        Some(decided)
    }

    /// Abandons the items in flight: they may or may not be stored, and are not answered.
    pub fn abandon(&mut self) {
        self.undecided.clear();
        self.undecided_bytes = 0;
        self.last_about.clear();
    }

    /// The outcomes of the items answered so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

/// Retries while the store is overloaded; the other items of this import wait as well.
async fn import_with_patience(call: Call<'_>, import: &Import) -> Result<Imported, Error> {
    let Import { new, on_conflict, request_id } = import;
    let call = call.with_request_id(request_id.as_ref());
    for _ in 0..OVERLOADED_ATTEMPTS {
        match import_conversation(call, new, *on_conflict).await {
            Err(Error::Overloaded { retry_after }) => sleep(retry_after).await,
            outcome => return outcome,
        }
    }
    import_conversation(call, new, *on_conflict).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        clock::ManualClock,
        domain::UnixMillis,
        service::{Services, Settings},
        store::MemoryStore,
    };

    /// Imports conversations with these numbers in one stream.
    async fn import(services: &Arc<Services>, numbers: std::ops::Range<u64>) {
        let mut bulk = Bulk::new(OwnedCall::new(Arc::clone(services)));
        for number in numbers {
            while !bulk.has_room() {
                bulk.next().await.unwrap().outcome.unwrap();
            }
            let new = NewConversation::new("test".parse().unwrap(), number.to_string().parse().unwrap());
            let import = Import { new, on_conflict: ConflictPolicy::Reject, request_id: None };
            bulk.take(Item { number: number as i64, size_bytes: 1, import: Ok(import) });
        }
        while let Some(decided) = bulk.next().await {
            decided.outcome.unwrap();
        }
    }

    #[tokio::test]
    async fn a_short_stream_does_not_wait_for_a_long_one() {
        let clock = Arc::new(ManualClock::at(UnixMillis::MIN));
        let store = Arc::new(MemoryStore::new());
        let services = Arc::new(Services::open(store, clock, Settings::default()).await.unwrap());
        let fresh = || std::iter::from_fn(|| services.queue_changed.next_fresh()).count() as u64;
        import(&services, 0..3 * FEW).await;
        assert_eq!(fresh(), FEW);
        import(&services, 3 * FEW..3 * FEW + 2).await;
        assert_eq!(fresh(), 2);
    }
}
