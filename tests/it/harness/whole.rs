use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use plaudit::{
    assembly::{Assembly, Close, assemble},
    clock::ManualClock,
    domain::UnixMillis,
    rest,
    service::Settings,
    store::{self, Batch, Keyspace},
};
use tempfile::TempDir;
use tonic::transport::Channel;

use super::{BareGrpc, Client, Http, PATIENCE, TestServer, Watched, engine};

/// A whole Plaudit in this process: a store in its own directory, the use cases, the worker and both edges on its own
/// port, with a clock that the test moves.
pub struct Plaudit {
    server: TestServer,
    close: Close,
    pub store: Arc<Watched>,
    pub clock: Arc<ManualClock>,
    settings: Settings,
    folder: Arc<TempDir>,
}

impl Plaudit {
    /// The initial time of the clock: 2026-01-01T00:00:00Z.
    pub const START: UnixMillis = UnixMillis::clamped(1_767_225_600_000);

    pub async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    pub async fn start_with(settings: Settings) -> Self {
        let folder = Arc::new(TempDir::new().expect("a directory"));
        Self::launch(folder, Arc::new(ManualClock::at(Self::START)), settings).await
    }

    /// On a store that already contains this.
    pub async fn start_on(batch: Batch) -> Self {
        let folder = Arc::new(TempDir::new().expect("a directory"));
        let store = Arc::new(Watched::new(open(&folder)));
        store.commit(batch).await.expect("the batch is committed");
        store.take_committed();
        Self::launch_on(store, folder, Arc::new(ManualClock::at(Self::START)), Settings::default()).await
    }

    /// On a store that is kept elsewhere; it cannot be restarted.
    pub async fn start_in(store: Arc<dyn Keyspace>) -> Self {
        let folder = Arc::new(TempDir::new().expect("a directory"));
        let store = Arc::new(Watched::new(store));
        Self::launch_on(store, folder, Arc::new(ManualClock::at(Self::START)), Settings::default()).await
    }

    /// Stops it cleanly and starts it again on the same directory and clock.
    pub async fn restart(self) -> Self {
        self.restart_within(PATIENCE).await
    }

    /// The same with a time limit for stopping the worker. The clock counts as right, however far the test has moved it.
    pub async fn restart_within(self, worker_within: Duration) -> Self {
        let settings = Settings { clock_is_right: true, ..self.settings };
        self.relaunch(worker_within, settings).await
    }

    /// The same with other settings.
    pub async fn restart_with(self, settings: Settings) -> Self {
        self.relaunch(PATIENCE, settings).await
    }

    /// Abandons the worker wherever it is, and restarts it with a commit held from the beginning. Returns once that
    /// commit has reached the gate, which is never opened.
    pub async fn restart_holding(self, chosen: impl Fn(&Batch) -> bool + Send + Sync + 'static) -> Self {
        self.server.stop().await.expect("the server ends well");
        (self.close)(Duration::ZERO).await.expect("the store closes well");
        let store = Arc::new(Watched::new(open(&self.folder)));
        let gate = store.hold(chosen);
        let settings = Settings { clock_is_right: true, ..self.settings };
        let server = Self::launch_on(store, self.folder, self.clock, settings).await;
        gate.arrived().await;
        server
    }

    async fn relaunch(self, worker_within: Duration, settings: Settings) -> Self {
        self.server.stop().await.expect("the server ends well");
        (self.close)(worker_within).await.expect("the store closes well");
        Self::launch(self.folder, self.clock, settings).await
    }

    async fn launch(folder: Arc<TempDir>, clock: Arc<ManualClock>, settings: Settings) -> Self {
        let store = Arc::new(Watched::new(open(&folder)));
        Self::launch_on(store, folder, clock, settings).await
    }

    async fn launch_on(
        store: Arc<Watched>,
        folder: Arc<TempDir>,
        clock: Arc<ManualClock>,
        settings: Settings,
    ) -> Self {
        let assembled = assemble(store.clone(), clock.clone(), settings, &rest::Options::default()).await;
        let Assembly { edges, close, store: readiness } = assembled.expect("the parts fit together");
        let server = TestServer::builder().edges(edges).store(readiness).start().await;
        Self { server, close, store, clock, settings, folder }
    }

    /// Tells the server to stop, without waiting for it.
    pub fn begin_stop(&mut self) {
        self.server.begin_stop();
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// A caller of the REST edge.
    pub fn http(&self) -> Http {
        self.server.http()
    }

    /// A client on its own connection.
    pub async fn client(&self) -> Client {
        Client::new(self.channel().await)
    }

    /// The same without tonic's channel.
    pub async fn bare_grpc(&self) -> BareGrpc {
        self.server.bare_grpc().await
    }

    /// A gRPC channel on its own connection.
    pub async fn channel(&self) -> Channel {
        self.server.channel().await
    }
}

fn open(folder: &TempDir) -> Arc<dyn Keyspace> {
    let data: PathBuf = folder.path().join("data");
    let engine = engine().unwrap_or_else(|| store::AUTO.to_owned());
    store::open(&engine, &data, store::Options::default()).expect("the store opens")
}
