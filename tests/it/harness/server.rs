use std::{net::SocketAddr, time::Duration};

use axum::{Router, body::Body};
use http::{Request, StatusCode};
use plaudit::{
    grpc, rest,
    server::{self, Drained, Edges, Options, ServeError},
    store::Readiness,
};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinHandle,
};
use tonic::{
    service::Routes,
    transport::{Channel, Endpoint},
};

use super::{BareGrpc, Http, log, soon};

/// A server in this process, on its own port. It ends with the test's runtime, or earlier by [`TestServer::stop`].
pub struct TestServer {
    address: SocketAddr,
    shutdown: Option<oneshot::Sender<()>>,
    store: watch::Sender<Readiness>,
    task: JoinHandle<Result<Drained, ServeError>>,
}

/// The parts of the server, all with defaults.
pub struct Builder {
    edges: Option<Edges>,
    routes: Routes,
    rest: Router,
    rest_error: server::RestError,
    options: Options,
    store: Option<watch::Receiver<Readiness>>,
}

impl Builder {
    /// Whether the store can be used; otherwise it is ready until [`TestServer::fail_store`].
    pub fn store(mut self, readiness: watch::Receiver<Readiness>) -> Self {
        self.store = Some(readiness);
        self
    }

    pub fn edges(mut self, edges: Edges) -> Self {
        self.edges = Some(edges);
        self
    }

    pub fn grpc(mut self, routes: Routes) -> Self {
        self.routes = routes;
        self
    }

    pub fn rest(mut self, router: Router) -> Self {
        self.rest = router;
        self
    }

    pub fn rest_error(mut self, render: server::RestError) -> Self {
        self.rest_error = render;
        self
    }

    pub fn drain_within(mut self, drain: Duration) -> Self {
        self.options.drain = drain;
        self
    }

    pub fn body_idle(mut self, idle: Duration) -> Self {
        self.options.body_idle = idle;
        self
    }

    pub fn max_connections(mut self, count: usize) -> Self {
        self.options.max_connections = count;
        self
    }

    pub fn allow_host(mut self, name: &str) -> Self {
        self.options.allowed_hosts.push(name.to_owned());
        self
    }

    pub async fn start(self) -> TestServer {
        log::init();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port's number");
        let (shutdown, stopped) = oneshot::channel();
        let (store, readiness) = watch::channel(Readiness::Ready);
        let stopped = async move {
            // If the sender is dropped without sending, the server runs until the runtime ends.
            if stopped.await.is_err() {
                std::future::pending().await
            }
        };
        let edges = match self.edges {
            Some(edges) => edges,
            None => Edges {
                grpc: grpc::edge(self.routes, std::sync::Arc::new(|| 0))
                    .expect("the descriptors can be read"),
                rest: self.rest,
                rest_error: self.rest_error,
            },
        };
        let task = tokio::spawn(server::serve(
            listener,
            edges,
            self.options,
            self.store.unwrap_or(readiness),
            stopped,
        ));
        TestServer { address, shutdown: Some(shutdown), store, task }
    }
}

impl TestServer {
    pub fn builder() -> Builder {
        let options = Options {
            drain: Duration::from_secs(20),
            body_idle: server::BODY_IDLE,
            max_connections: 100,
            max_streams_per_connection: 100,
            allowed_hosts: Vec::new(),
        };
        // No service and no route.
        let rest = Router::new().fallback(async |request: Request<Body>| {
            rest::error(request.uri().path(), StatusCode::NOT_FOUND, "there is nothing at this path")
        });
        let (edges, routes, rest_error) = (None, Routes::default(), rest::error as server::RestError);
        Builder { edges, routes, rest, rest_error, options, store: None }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A gRPC client's channel on a connection of its own.
    pub async fn channel(&self) -> Channel {
        channel(self.address).await
    }

    /// The same without tonic's channel.
    pub async fn bare_grpc(&self) -> BareGrpc {
        BareGrpc::connect(self.address).await
    }

    /// A caller of the REST edge.
    pub fn http(&self) -> Http {
        Http::new(self.address)
    }

    /// Makes the store appear to have failed.
    pub fn fail_store(&self, cause: &str) {
        self.store.send_replace(Readiness::Failed { cause: cause.into() });
    }

    /// Tells the server to stop, without waiting for it.
    pub fn begin_stop(&mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            let _ = shutdown.send(());
        }
    }

    /// Waits until the server has ended.
    pub async fn ended(self) -> Result<Drained, ServeError> {
        soon("the server's end", self.task).await.expect("the server does not panic")
    }

    /// Stops the server and waits until it has ended.
    pub async fn stop(mut self) -> Result<Drained, ServeError> {
        self.begin_stop();
        self.ended().await
    }
}

pub(super) async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL");
    soon("a connection", endpoint.connect()).await.expect("a connection")
}
