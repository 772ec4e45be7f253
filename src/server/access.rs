//! The access log: one line per call, written when the call ends, however it ends.
//!
//! No line holds what a caller sent: REST paths are logged as route templates, gRPC paths only if the method exists, and
//! request ids that could hold personal data as a hash.

use std::{
    borrow::Cow,
    convert::Infallible,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use http::{Method, StatusCode};
use tokio::sync::oneshot;
use tracing::{Span, info};

use super::request_id::RequestId;

/// The edge that a call came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Grpc,
    Rest,
}

/// What other parts of the server note for the access log; kept in the request's extensions.
#[derive(Debug, Default)]
pub(super) struct CallNotes {
    /// The REST route's template, or the gRPC method once it is known to exist.
    pub(super) route: OnceLock<Arc<str>>,
    pub(super) request_bytes: AtomicU64,
    /// Set when the request's body was cut short.
    pub(super) body_cut: OnceLock<BodyCut>,
}

/// Why a request body was cut short. This decides the answer, whatever the service made of the partial body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyCut {
    /// The caller took too long.
    Idle,
    /// The caller took too long while the server drains.
    Draining,
    /// The caller went away or broke the protocol.
    Broken,
}

/// How a call ended, in its edge's terms.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Named(&'static str),
    Http(StatusCode),
}

impl Outcome {
    fn as_str(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Http(status) => status.as_str(),
        }
    }
}

/// A call in flight. Dropping it writes the log line.
#[derive(Debug)]
pub(super) struct Access {
    edge: Edge,
    method: Method,
    pub(super) notes: Arc<CallNotes>,
    request_id: RequestId,
    started: Instant,
    pub(super) span: Span,
    status: Option<Outcome>,
    response_bytes: u64,
    in_flight: Arc<AtomicUsize>,
    /// Dropping it tells the request's body that the call has ended.
    ends: Option<oneshot::Sender<Infallible>>,
}

impl Access {
    pub(super) fn begin(
        edge: Edge,
        method: &Method,
        request_id: RequestId,
        in_flight: Arc<AtomicUsize>,
    ) -> Self {
        in_flight.fetch_add(1, Ordering::Relaxed);
        // At level error, so that every log line of the call carries the id, whatever the filter.
        let span = tracing::error_span!("call", request_id = request_id.logged());
        Self {
            edge,
            method: method.clone(),
            notes: Arc::default(),
            request_id,
            started: Instant::now(),
            span,
            status: None,
            response_bytes: 0,
            in_flight,
            ends: None,
        }
    }

    pub(super) fn edge(&self) -> Edge {
        self.edge
    }

    /// Resolves when the call ends, because that drops the sender.
    pub(super) fn end_signal(&mut self) -> oneshot::Receiver<Infallible> {
        let (ends, ended) = oneshot::channel();
        self.ends = Some(ends);
        ended
    }

    /// Notes how the call ended. If nothing is noted, the caller cancelled it.
    pub(super) fn ended(&mut self, status: Outcome) {
        self.status = Some(status);
    }

    /// Like [`Self::ended`], unless an outcome is already noted.
    pub(super) fn ended_if_open(&mut self, status: Outcome) {
        self.status.get_or_insert(status);
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.response_bytes += bytes as u64;
    }

    fn method(&self) -> &str {
        let standard = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ];
        if standard.contains(&self.method) { self.method.as_str() } else { "OTHER" }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let route = self.notes.route.get().map_or("unmatched", |route| &**route);
        let (edge, method, cancelled) = match self.edge {
            Edge::Grpc => ("grpc", Cow::Borrowed(route), "CANCELLED"),
            // 499: nginx's status for a client that closed the connection early.
            Edge::Rest => ("rest", Cow::Owned(format!("{} {route}", self.method())), "499"),
        };
        info!(
            target: "plaudit::access",
            parent: None,
            edge,
            method = &*method,
            status = self.status.as_ref().map_or(cancelled, Outcome::as_str),
            duration_ms = (self.started.elapsed().as_micros() as f64) / 1000.0,
            request_bytes = self.notes.request_bytes.load(Ordering::Relaxed),
            response_bytes = self.response_bytes,
            request_id = self.request_id.logged(),
            "call"
        );
    }
}
