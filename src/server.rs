//! One port for gRPC, REST, health and reflection: start, drain, stop.
//!
//! The listener and the signal to stop are handed in, so that tests own both. The server knows neither the services
//! behind the edges nor the store: it is told when the store has failed.

mod access;
mod answer_body;
mod call;
mod connection;
mod framing;
mod health;
mod host;
mod lingering;
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

use axum::{Router, body::Body, extract::MatchedPath};
use http::{Request, Response, StatusCode, header};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tonic::service::Routes;
use tower::util::MapRequestLayer;

use access::Learnt;
use call::Calls;
use connection::Protocol;
use health::Health;
use host::HostCheck;
use methods::Methods;
use request_body::Patience;
use request_id::RequestIds;

pub use call::Deadline;
pub use refusal::too_large;
pub use refusal::{ERROR_DOMAIN, code_name, reason_name};
pub use request_body::{
    BODY_IDLE, MAX_ATTACHMENTS_REQUEST_BYTES, MAX_REQUEST_BYTES, ReadBodyError, read_body,
};
pub use request_id::{REQUEST_ID, RequestId};

/// Renders an error of the server's own (403, 408, 500, 503) in the shape that callers of this path expect.
pub type RestError = fn(path: &str, status: StatusCode, message: &str) -> Response<Body>;

/// What answers on the two edges. Health and reflection are added by the server.
pub struct Edges {
    pub grpc: Routes,
    pub rest: Router,
    pub rest_error: RestError,
}

impl Default for Edges {
    /// No service and no route.
    fn default() -> Self {
        let rest = Router::new().fallback(async |request: Request<Body>| {
            json_error(request.uri().path(), StatusCode::NOT_FOUND, "there is nothing at this path")
        });
        Self { grpc: Routes::default(), rest, rest_error: json_error }
    }
}

/// The shape of an error where no product's document gives another: `{"message":…}`.
pub fn json_error(_path: &str, status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(serde_json::json!({ "message": message }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

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
    #[error("the descriptors of the API are damaged: {0}")]
    Descriptors(String),
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
    let (calls, health) = assemble(edges, &options, draining).await?;
    let protocol = connection::protocol(options.max_streams_per_connection);
    let mut connections = JoinSet::new();
    tokio::select! {
        biased;
        cause = failed(store_failure.clone()) => tracing::error!(%cause, "the store has failed; draining"),
        () = shutdown => tracing::info!("draining"),
        never = accept(&listener, &mut connections, options.max_connections, &protocol, &calls) => match never {},
    }
    health.stop_serving().await;
    drop(listener);
    drain.send_replace(true);
    let drained = finish(&mut connections, options.drain, &calls).await;
    match store_failure.borrow().as_ref() {
        Some(cause) => Err(ServeError::StoreFailed(cause.clone())),
        None => Ok(drained),
    }
}

async fn assemble(
    edges: Edges,
    options: &Options,
    draining: watch::Receiver<bool>,
) -> Result<(Arc<Calls>, Health), ServeError> {
    let methods = Methods::read().map_err(|error| ServeError::Descriptors(error.to_string()))?;
    let (grpc, health) = Health::add(edges.grpc, &methods)
        .await
        .map_err(|error| ServeError::Descriptors(error.to_string()))?;
    let patience = Patience {
        idle: options.body_idle,
        draining: draining.clone(),
        // The rest of the drain is for the answer.
        while_draining: options.drain / 2,
    };
    let calls = Calls {
        grpc: grpc.prepare().into_axum_router(),
        rest: edges.rest.layer(MapRequestLayer::new(learn_route)).with_state(()),
        rest_error: edges.rest_error,
        methods,
        hosts: HostCheck::new(&options.allowed_hosts),
        request_ids: RequestIds::new(),
        draining,
        patience: Arc::new(patience),
        in_flight: Arc::new(AtomicUsize::new(0)),
    };
    Ok((Arc::new(calls), health))
}

/// Tells the access log which route was taken: its template, as the path itself may hold ids of persons.
fn learn_route(request: Request<Body>) -> Request<Body> {
    let extensions = request.extensions();
    if let (Some(learnt), Some(matched)) = (extensions.get::<Arc<Learnt>>(), extensions.get::<MatchedPath>())
    {
        let _ = learnt.route.set(matched.as_str().into());
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
