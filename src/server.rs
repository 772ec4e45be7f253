//! One port for gRPC and REST: start, drain, stop.
//!
//! The listener and the signal to stop are handed in, so that tests own both. The server knows no API: methods, limits and the
//! words of errors are the edges'. Nor does it know the store: it is told when the store has failed.

mod access;
mod answer_body;
mod call;
mod connection;
mod edges;
mod framing;
mod host;
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
use futures_util::future::BoxFuture;
use http::Request;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tower::util::MapRequestLayer;

use access::CallNotes;
use call::Calls;
use connection::Protocol;
use host::HostCheck;
use request_body::Patience;
use request_id::RequestIds;

pub use call::{BODY_IDLE_MESSAGE, Deadline, HOST_NOT_ALLOWED, SHUTTING_DOWN};
pub use edges::{Edges, GrpcEdge, RestError};
pub use framing::Carries;
pub use methods::{Lasts, Method, Methods};
pub use refusal::{Refusal, Wording, code_name};
pub use request_body::{BODY_IDLE, ReadBodyError, read_body};
pub use request_id::{REQUEST_ID, RequestId};

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long calls may take to end once the server drains.
    pub drain: Duration,
    /// How long a caller may keep the server waiting for the next piece of a request's body; [`BODY_IDLE`] unless a test
    /// has less time. Streams of requests may take any.
    pub body_idle: Duration,
    /// Further connections wait in the listener's queue.
    pub max_connections: usize,
    /// HTTP/2 streams of one connection at a time.
    pub max_streams_per_connection: u32,
    /// Names that requests may call the server by, besides the loopback's own; without a port.
    pub allowed_hosts: Vec<String>,
}

/// How a drain went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Calls that had not ended when the time was over, and were cut.
    pub cut_calls: usize,
    /// Connections that had not ended, with calls or without.
    pub cut_connections: usize,
}

/// Why the server did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(
        "{0} is not a loopback address: without access control the server listens on the loopback only \
         (127.0.0.0/8 or [::1])"
    )]
    NotLoopback(SocketAddr),
    #[error("cannot listen on {address}: {cause}")]
    Bind { address: SocketAddr, cause: io::Error },
    #[error("the listener has failed: {0}")]
    Listener(#[from] io::Error),
    #[error("the store has failed: {0}")]
    StoreFailed(Arc<str>),
}

/// Opens the port, unless others than this machine could reach it.
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

/// Serves until `shutdown` ends or the store fails, then drains: health says NOT_SERVING, the listener closes, streams that
/// only watch are ended, calls may finish, and after `options.drain` what remains is cut.
///
/// When this returns no call is running; the caller then stops its workers and closes the store. A failed store is an
/// error, also when it failed during the drain.
pub async fn serve(
    listener: TcpListener,
    edges: Edges,
    options: Options,
    store_failure: watch::Receiver<Option<Arc<str>>>,
    shutdown: impl Future<Output = ()>,
) -> Result<Drained, ServeError> {
    require_loopback(listener.local_addr()?)?;
    let (drain, draining) = watch::channel(false);
    let (calls, stop_serving) = assemble(edges, &options, draining);
    let protocol = connection::protocol(options.max_streams_per_connection);
    let mut connections = JoinSet::new();
    tokio::select! {
        biased;
        cause = failed(store_failure.clone()) => tracing::error!(%cause, "the store has failed; draining"),
        () = shutdown => tracing::info!("draining"),
        never = accept(&listener, &mut connections, options.max_connections, &protocol, &calls) => match never {},
    }
    stop_serving().await;
    drop(listener);
    drain.send_replace(true);
    let drained = finish(&mut connections, options.drain, &calls).await;
    match store_failure.borrow().as_ref() {
        Some(cause) => Err(ServeError::StoreFailed(cause.clone())),
        None => Ok(drained),
    }
}

type StopServing = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

fn assemble(edges: Edges, options: &Options, draining: watch::Receiver<bool>) -> (Arc<Calls>, StopServing) {
    let patience = Patience {
        idle: options.body_idle,
        draining: draining.clone(),
        // The rest of the drain is for the answer.
        while_draining: options.drain / 2,
    };
    let GrpcEdge { router, methods, wording, stop_serving } = edges.grpc;
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
    (Arc::new(calls), stop_serving)
}

/// Tells the access log which route was taken: its template, as the path itself may hold ids of persons.
fn note_route(request: Request<Body>) -> Request<Body> {
    let extensions = request.extensions();
    if let (Some(notes), Some(matched)) =
        (extensions.get::<Arc<CallNotes>>(), extensions.get::<MatchedPath>())
    {
        let _ = notes.route.set(matched.as_str().into());
    }
    request
}

/// Ends when the store fails; a store that is gone without a failure never does.
async fn failed(mut store_failure: watch::Receiver<Option<Arc<str>>>) -> Arc<str> {
    match store_failure.wait_for(Option::is_some).await.map(|cause| cause.clone()) {
        Ok(Some(cause)) => cause,
        Ok(None) | Err(_) => std::future::pending().await,
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
        // The semaphore is never closed, so that this always gives a place.
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
            // The caller was gone before we came to it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Most likely no file descriptor is free; others will end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Waits for the connections to end, and cuts those that do not.
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
        "the time to drain is over; what remained was cut"
    );
    cut
}
