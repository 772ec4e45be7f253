//! One port for gRPC and REST: start, drain, stop.
//!
//! The listener and the shutdown signal are passed in, so that tests control both. The server knows neither the APIs nor the
//! store: the edges supply methods, limits and error texts, and a channel reports when the store has failed.

mod access;
mod answer_body;
mod call;
mod connection;
mod deadline;
mod edges;
mod encoding;
mod framing;
mod host;
mod inflate;
mod lingering_close;
mod methods;
mod refusal;
mod request_body;
mod request_id;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use axum::{body::Body, extract::MatchedPath};
use http::Request;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tower::util::MapRequestLayer;

use crate::store::Readiness;

use access::CallNotes;
use call::Calls;
use connection::Protocol;
use host::HostCheck;
use request_body::Patience;
use request_id::RequestIds;

pub use call::{BODY_IDLE_MESSAGE, HOST_MISSING, HOST_NOT_ALLOWED, SHUTTING_DOWN};
pub use deadline::deadline;
pub use edges::{Edges, GrpcEdge, RestError};
pub use encoding::{ACCEPT_ENCODING, ACCEPTED, Encoding};
pub use framing::Carries;
pub use inflate::MAX_WINDOW_BYTES;
#[cfg(feature = "fuzzing")]
pub use inflate::discard_inflated;
pub use methods::{Lasts, Method, Methods};
pub use refusal::{Refusal, Wording, code_name};
pub use request_body::{BODY_IDLE, ReadBodyError, read_body};
pub use request_id::{REQUEST_ID, RequestId};

/// Server options.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long calls may take to finish once the server drains.
    pub drain: Duration,
    /// How long the server waits for the next piece of a request body; [`BODY_IDLE`] except in tests. Does not apply to request
    /// streams.
    pub body_idle: Duration,
    /// The most open connections; more wait in the listener's backlog.
    pub max_connections: usize,
    /// The most concurrent HTTP/2 streams per connection.
    pub max_streams_per_connection: u32,
    /// Host names, without a port, that requests may use besides those of the loopback.
    pub allowed_hosts: Vec<String>,
}

/// What a drain had to cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Calls still in flight at the end of the drain.
    pub cut_calls: usize,
    /// Connections still open then, with or without calls.
    pub cut_connections: usize,
}

/// Why the server did not start, or stopped with an error.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(
        "{0} is not a loopback address: without access control the server listens on the loopback only \
         (127.0.0.0/8 or [::1])"
    )]
    NotLoopback(SocketAddr),
    #[error("cannot listen on {address}: {cause}{}", next_step(.cause))]
    Bind { address: SocketAddr, cause: io::Error },
    #[error("the listener has failed: {0}")]
    Listener(#[from] io::Error),
    #[error("the store has failed: {0}")]
    StoreFailed(Arc<str>),
}

fn next_step(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => {
            "; is Plaudit running already? To run another one, choose a port with --listen 127.0.0.1:PORT (0 takes a free one) \
             and a directory with --data"
        }
        io::ErrorKind::PermissionDenied => "; choose a port from 1024 on with --listen 127.0.0.1:PORT",
        io::ErrorKind::AddrNotAvailable => {
            "; choose an address of this machine, as in --listen 127.0.0.1:50051"
        }
        _ => "",
    }
}

/// Opens the port; refuses any address that is not on the loopback.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    require_loopback(address)?;
    TcpListener::bind(address).await.map_err(|cause| ServeError::Bind { address, cause })
}

fn require_loopback(address: SocketAddr) -> Result<(), ServeError> {
    let loopback = match address.ip() {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => address.is_loopback(),
    };
    if loopback { Ok(()) } else { Err(ServeError::NotLoopback(address)) }
}

/// Serves until `shutdown` resolves or the store fails, then drains: health reports NOT_SERVING, the listener closes, watch
/// streams end, other calls may finish, and what remains after `options.drain` is cut.
///
/// No call is running when this returns; the caller then stops the background tasks and closes the store. A failed store is an
/// error even if it failed during the drain.
pub async fn serve(
    listener: TcpListener,
    edges: Edges,
    options: Options,
    store: watch::Receiver<Readiness>,
    shutdown: impl Future<Output = ()>,
) -> Result<Drained, ServeError> {
    require_loopback(listener.local_addr()?)?;
    let (drain, draining) = watch::channel(false);
    let (calls, report_serving) = assemble(edges, &options, draining);
    let protocol = connection::protocol(options.max_streams_per_connection);
    let mut connections = JoinSet::new();
    tokio::select! {
        biased;
        cause = failed(store.clone(), &report_serving) => tracing::error!(%cause, "the store has failed; draining"),
        () = shutdown => tracing::info!("draining"),
        never = accept(&listener, &mut connections, options.max_connections, &protocol, &calls) => match never {},
    }
    report_serving(false);
    drop(listener);
    drain.send_replace(true);
    let drained = finish(&mut connections, options.drain, &calls).await;
    match &*store.borrow() {
        Readiness::Failed { cause } => Err(ServeError::StoreFailed(cause.clone())),
        Readiness::Ready | Readiness::Unavailable { .. } => Ok(drained),
    }
}

type ReportServing = Box<dyn Fn(bool) + Send + Sync>;

fn assemble(edges: Edges, options: &Options, draining: watch::Receiver<bool>) -> (Arc<Calls>, ReportServing) {
    let patience = Patience {
        idle: options.body_idle,
        draining: draining.clone(),
        // The other half is left for answering.
        while_draining: options.drain / 2,
    };
    let GrpcEdge { router, methods, wording, report_serving } = edges.grpc;
    let calls = Calls {
        grpc: router,
        rest: edges.rest.layer(MapRequestLayer::new(note_route)).with_state(()),
        rest_error: edges.rest_error,
        methods,
        wording,
        hosts: HostCheck::new(&options.allowed_hosts),
        request_ids: RequestIds::new(),
        draining,
        patience: Arc::new(patience),
        in_flight: Arc::new(AtomicUsize::new(0)),
    };
    (Arc::new(calls), report_serving)
}

/// Notes the matched route for the access log: its template, because the path itself may hold personal ids.
fn note_route(request: Request<Body>) -> Request<Body> {
    let extensions = request.extensions();
    if let (Some(notes), Some(matched)) =
        (extensions.get::<Arc<CallNotes>>(), extensions.get::<MatchedPath>())
    {
        let _ = notes.route.set(matched.as_str().into());
    }
    request
}

/// Resolves when the store has failed for good. Until then health reports whether it is ready.
async fn failed(mut store: watch::Receiver<Readiness>, report_serving: &ReportServing) -> Arc<str> {
    let mut was_ready = true;
    loop {
        let now = store.borrow_and_update().clone();
        let is_ready = now == Readiness::Ready;
        match now {
            Readiness::Failed { cause } => return cause,
            Readiness::Unavailable { cause } => tracing::warn!(%cause, "the store is not available for now"),
            Readiness::Ready if !was_ready => tracing::info!("the store is available again"),
            Readiness::Ready => {}
        }
        report_serving(is_ready);
        was_ready = is_ready;
        // A sender that is dropped says nothing of the store.
        if store.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &mut JoinSet<()>,
    max_connections: usize,
    protocol: &Protocol,
    calls: &Arc<Calls>,
) -> std::convert::Infallible {
    let places = Arc::new(Semaphore::new(max_connections));
    loop {
        // The semaphore is never closed, so this always succeeds.
        let place = places.clone().acquire_owned().await;
        let stream = next_connection(listener).await;
        while connections.try_join_next().is_some() {}
        let serve = connection::serve(stream, protocol.clone(), calls.clone());
        connections.spawn(async move {
            serve.await;
            drop(place);
        });
    }
}

async fn next_connection(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // The client disconnected before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Most likely out of file descriptors; some are freed when other connections close.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Waits for the connections to close, and cuts those that do not in time.
async fn finish(connections: &mut JoinSet<()>, within: Duration, calls: &Calls) -> Drained {
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(within, all_ended).await.is_ok() {
        return Drained::default();
    }
    let cut = Drained { cut_calls: calls.in_flight(), cut_connections: connections.len() };
    connections.shutdown().await;
    tracing::warn!(
        calls = cut.cut_calls,
        connections = cut.cut_connections,
        "the drain timed out; the remaining calls and connections were cut"
    );
    cut
}
