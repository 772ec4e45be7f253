//! Puts together what `plaudit serve` runs: the store, the use cases, the edges and the background tasks.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::{
    background::{Background, SWEEP_EVERY, clock_check},
    clock::{Clock, SystemClock},
    config::Config,
    error::Error,
    grpc, rest,
    server::Edges,
    service::{Call, Services, Settings},
    store::{self, Keyspace, OnDisk, Readiness, StoreError},
};

/// The parts of a running server, apart from the server itself.
pub struct Assembly {
    pub edges: Edges,
    /// Whether the store can be used.
    pub store: watch::Receiver<Readiness>,
    /// Stops the background tasks, then closes the store. Run it once no call is in flight.
    pub close: Close,
}

/// Takes how long the background tasks may need to finish what they have begun. The store's last sync is not limited.
pub type Close = Box<dyn FnOnce(Duration) -> BoxFuture<'static, Result<(), AssemblyError>> + Send>;

/// Why startup or shutdown failed.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    #[error("{0}")]
    Failed(String),
    /// The store was opened, but what it holds cannot be used.
    #[error("{0}")]
    Store(Error),
}

impl AssemblyError {
    fn of(cause: impl ToString) -> Self {
        Self::Failed(cause.to_string())
    }

    /// Names the directory and the next step, as for one that cannot be opened.
    fn in_directory(self, store: &dyn OnDisk) -> Self {
        let damaged = StoreError::Corrupt("".into()).to_string();
        let error = match &self {
            Self::Store(Error::Damaged(why)) => {
                why.strip_prefix(&damaged).map(|why| StoreError::Corrupt(why.into()))
            }
            Self::Store(Error::Unavailable { cause, .. }) => Some(StoreError::Failed(cause.as_str().into())),
            _ => None,
        };
        error.map_or(self, |error| Self::of(store.refusal(&error)))
    }
}

/// Opens the store that the settings name and builds everything on top of it. `address` appears in the error that another
/// process gets when it finds the data directory in use. `clock_is_right`: an operator says so, for this start.
pub async fn build(
    config: &Config,
    address: SocketAddr,
    clock_is_right: bool,
) -> Result<Assembly, AssemblyError> {
    let options = store::Options {
        cache_bytes: config.store.cache_mib * 1024 * 1024,
        queue_batches: config.store.queue_batches,
        ..store::Options::default()
    };
    let (data, engine) = (config.data.clone(), config.store.engine.clone());
    // Opening blocks, for seconds when the store is large.
    let opened = tokio::task::spawn_blocking(move || store::open(&engine, &data, options)).await;
    let store = opened.map_err(AssemblyError::of)?.map_err(AssemblyError::of)?;
    store.announce_address(&address.to_string()).map_err(AssemblyError::of)?;
    let settings = Settings {
        scoring_threads: config.scoring.threads,
        scoring_attempts: config.scoring.attempts,
        worklog_idle_hours: config.worklog.idle_hours,
        clock_is_right,
        scrub_hours: config.store.scrub_hours,
        keep_deleted_days: config.deletion.keep_days,
        keep_events_days: config.events.keep_days,
        realtime_seconds: config.scoring.realtime_seconds,
        late_delivery_hours: config.ratings.late_delivery_hours,
        // Leaked on purpose: read once per process.
        enneo_source: String::leak(config.enneo.source.clone()),
        dixa_source: String::leak(config.dixa.source.clone()),
    };
    let rest = rest::Options {
        dixa_requests_per_second: config.dixa.requests_per_second,
        dixa_burst: config.dixa.burst,
    };
    let keyspace: Arc<dyn Keyspace> = store.clone();
    let assembled = assemble(keyspace, Arc::new(SystemClock), settings, &rest).await;
    assembled.map_err(|error| error.in_directory(&*store))
}

/// Builds everything on top of an open store.
pub async fn assemble(
    store: Arc<dyn Keyspace>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    rest: &rest::Options,
) -> Result<Assembly, AssemblyError> {
    let readiness = store.readiness();
    let services = Services::open(Arc::clone(&store), clock, settings).await.map_err(AssemblyError::Store)?;
    let services = Arc::new(services);
    // Before anything is stored at a time that may be wrong.
    let call = Call::new(&services);
    if settings.clock_is_right {
        clock_check::confirm(call).await.map_err(AssemblyError::Store)?;
    } else {
        clock_check::check(call).await.map_err(AssemblyError::Store)?;
    }
    let background = Background::start(&services, SWEEP_EVERY);
    let of_store = Arc::clone(&services);
    let damaged_places = Arc::new(move || of_store.damaged_places());
    let edges = Edges {
        grpc: grpc::edge(grpc::routes(Arc::clone(&services)), damaged_places).map_err(AssemblyError::of)?,
        rest: rest::router(services, rest),
        rest_error: rest::error,
    };
    let close = move |background_within: Duration| -> BoxFuture<'static, Result<(), AssemblyError>> {
        Box::pin(async move {
            if tokio::time::timeout(background_within, background.stop()).await.is_err() {
                // A job stays queued until it is done.
                tracing::warn!(
                    seconds = background_within.as_secs_f64(),
                    "scoring did not finish in time; what it had begun is scored after the next start"
                );
            }
            if let Ok(stats) = store.stats().await {
                tracing::info!(commits = stats.commits, groups = stats.groups, "closing the store");
            }
            store.close().await.map_err(AssemblyError::of)
        })
    };
    Ok(Assembly { edges, store: readiness, close: Box::new(close) })
}
