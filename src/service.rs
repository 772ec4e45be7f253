//! The use cases, by noun: read, decide, build one batch. They know the domain and the store, and no wire.

mod call;
mod decide;
mod idempotency;
mod index_mark;
mod keyed_lock;
mod scoring_threads;

pub mod assessment;
pub mod bulk;
pub mod conversation;
pub mod directory;
pub mod events;
pub mod export;
pub mod import;
pub mod listing;
pub mod message;
pub mod page;
pub mod queue;
pub mod rating;
pub mod scorecard;
pub mod scoring;
pub mod ticket;

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use uuid::Uuid;

pub use call::{Call, Caller, OwnedCall};

use self::{
    directory::{KnownPeople, WaitingPeople},
    index_mark::IndexMark,
    keyed_lock::KeyedLock,
    queue::QueueSignal,
    scoring_threads::ScoringThreads,
};

use crate::{
    clock::Clock,
    domain::{ImportLimits, Rating, RatingId, UnixMillis},
    error::{Error, ResourceKind},
    scoring::{Scorer, written},
    store::{Keyspace, Space, WorkspaceId, ids::Ids, lease::Leases, secret::Secrets},
};

/// Refuses a change to what has changed since the caller read it. Without an etag, whatever is there is changed.
fn check_etag(
    sent: Option<&str>,
    current: impl FnOnce() -> String,
    kind: ResourceKind,
    name: impl FnOnce() -> String,
) -> Result<(), Error> {
    match sent {
        Some(sent) if sent != current() => {
            Err(Error::EtagMismatch { kind, name: name(), sent: sent.to_owned() })
        }
        _ => Ok(()),
    }
}

/// What every use case needs. One per store.
pub struct Services {
    pub(crate) store: Arc<dyn Keyspace>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Ids,
    pub(crate) secrets: Secrets,
    pub(crate) index_mark: IndexMark,
    pub(crate) leases: Leases,
    pub(crate) queue_changed: QueueSignal,
    pub(crate) threads: ScoringThreads,
    /// For whoever appends to a conversation.
    append_locks: KeyedLock,
    /// For whoever answers a conversation's ratings.
    rating_locks: KeyedLock,
    pub(crate) known_people: KnownPeople,
    /// Who was named and is to be entered into the directory.
    pub(crate) waiting_people: WaitingPeople,
    /// How many places of the store could not be read when it was last read through.
    damaged_places: AtomicU64,
    settings: Settings,
    scorer: RwLock<Arc<Scorer>>,
}

/// What an operator may set of the use cases.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How often the scoring of one version is tried before it is given up.
    pub scoring_attempts: u32,
    /// How many threads compute scores.
    pub scoring_threads: usize,
    /// After how many idle hours an agent's next message opens a new worklog.
    pub worklog_idle_hours: u64,
    /// An operator has said that the clock is right, however long ago the store was last used.
    pub clock_is_right: bool,
    /// For how many days a deleted conversation can be brought back.
    pub keep_deleted_days: u64,
    /// For how many days the log tells of an event; 0 is for ever.
    pub keep_events_days: u64,
    /// Within how many hours all of the store is read once, to find damage; 0 is never.
    pub scrub_hours: u64,
    /// How long a message that is stored with `realtime` waits for its scoring.
    pub realtime_seconds: u64,
    /// For how many hours after an offer has closed it takes answers that were given before.
    pub late_delivery_hours: u64,
    /// The source whose tickets the Enneo dialect's path ids name. Set once for the life of the process.
    pub enneo_source: &'static str,
    /// The same for the Dixa dialect's conversations.
    pub dixa_source: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            scoring_attempts: 5,
            scoring_threads: 1,
            worklog_idle_hours: 24,
            clock_is_right: false,
            keep_deleted_days: 30,
            keep_events_days: 30,
            scrub_hours: 0,
            realtime_seconds: 60,
            late_delivery_hours: 72,
            enneo_source: "enneo",
            dixa_source: "dixa",
        }
    }
}

impl Settings {
    /// From when on a conversation that was deleted at this moment may be purged.
    pub fn purge_time(self, delete_time: UnixMillis) -> UnixMillis {
        delete_time.plus_millis(self.kept_millis())
    }

    /// For how long deleted conversations are kept.
    pub fn kept_millis(self) -> i64 {
        i64::try_from(self.keep_deleted_days).unwrap_or(i64::MAX).saturating_mul(UnixMillis::DAY_MILLIS)
    }

    /// As worklogs are cut with it.
    fn worklog_idle_millis(self) -> i64 {
        millis_of_hours(self.worklog_idle_hours)
    }

    /// For how long a closed offer takes answers that were given before.
    fn late_delivery_millis(self) -> i64 {
        millis_of_hours(self.late_delivery_hours)
    }
}

fn millis_of_hours(hours: u64) -> i64 {
    i64::try_from(hours.saturating_mul(UnixMillis::HOUR_MILLIS.unsigned_abs())).unwrap_or(i64::MAX)
}

impl Services {
    /// Prepares a store for use: its secret, the built-in scorecards.
    pub async fn open(
        store: Arc<dyn Keyspace>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Result<Self, Error> {
        let threads = ScoringThreads::start(settings.scoring_threads)
            .map_err(|cause| Error::Internal(format!("the scoring threads did not start: {cause}")))?;
        let space = Space::new(&store, WorkspaceId::FIRST);
        let secrets = Secrets::load_or_create(space).await?;
        scorecard::seed_builtins(space, clock.now()).await?;
        let scorer = scorecard::load_scorer(space, settings).await?;
        // Whoever does a background task is known by it.
        let process =
            getrandom::u64().map_err(|cause| Error::Internal(format!("no random number: {cause}")))?;
        let ids = Ids::new(Arc::clone(&store), process);
        let leases = Leases::new(Arc::clone(&store), process);
        let index_mark = IndexMark::open(space, ids.decided_below(clock.now()).await?).await?;
        Ok(Self {
            ids,
            index_mark,
            leases,
            store,
            clock,
            secrets,
            queue_changed: QueueSignal::default(),
            threads,
            append_locks: KeyedLock::default(),
            rating_locks: KeyedLock::default(),
            known_people: KnownPeople::default(),
            waiting_people: WaitingPeople::default(),
            damaged_places: AtomicU64::new(0),
            settings,
            scorer: RwLock::new(Arc::new(scorer)),
        })
    }

    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// The most that the gRPC edge takes in one import.
    pub fn import_limits(&self) -> ImportLimits {
        let numeric_sources = self.numeric_sources();
        ImportLimits { numeric_sources, is_automatic: written::is_automatic, ..ImportLimits::default() }
    }

    /// The sources whose conversations an edge knows by numbers.
    pub fn numeric_sources(&self) -> [&'static str; 2] {
        [self.settings.enneo_source, self.settings.dixa_source]
    }

    /// What a rating is known by to callers; see [`Secrets::rating_uuid`].
    pub fn rating_uuid(&self, rating: RatingId) -> Uuid {
        self.secrets.rating_uuid(rating)
    }

    /// The same of one that may have brought its own along.
    pub fn rating_uuid_of(&self, rating: &Rating) -> Uuid {
        rating.imported_uuid().unwrap_or_else(|| self.rating_uuid(rating.id))
    }

    /// How many places of the store could not be read when it was last read through; 0 if none, or if it has not been.
    pub fn damaged_places(&self) -> u64 {
        self.damaged_places.load(Ordering::Relaxed)
    }

    pub(crate) fn set_damaged_places(&self, places: u64) {
        self.damaged_places.store(places, Ordering::Relaxed);
    }

    /// The moment by the services' clock.
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// The active scorecards as they are now.
    pub(crate) fn scorer(&self) -> Arc<Scorer> {
        Arc::clone(&self.scorer.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A page token for the caller of a list; see [`Secrets::page_token`].
    pub fn page_token(&self, arguments: &str, place: impl ToString) -> String {
        self.secrets.page_token(arguments, &place.to_string())
    }

    /// Where the page begins that a token asks for; `None` when the token is not one for these arguments.
    pub fn place_of(&self, arguments: &str, token: &str) -> Option<String> {
        self.secrets.place_of(arguments, token)
    }
}
