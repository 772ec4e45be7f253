//! The access log: one line per call, written when the call has ended, however it ended.
//!
//! No line holds what a caller sent: of a REST path the route's template is written, of a gRPC path only a method that
//! exists, of a request id that may be more than an id its hash.

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

/// Which of the two edges a call came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Grpc,
    Rest,
}

/// What others note of a call for its line; found in the extensions of its request.
#[derive(Debug, Default)]
pub(super) struct CallNotes {
    /// The REST route's template, or the gRPC method once it is known to exist.
    pub(super) route: OnceLock<Arc<str>>,
    pub(super) request_bytes: AtomicU64,
    /// Set when the request's body ended before its end.
    pub(super) body_cut: OnceLock<BodyCut>,
}

/// Why a body ended before its end; the call is answered accordingly, whatever its service made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyCut {
    /// The caller took too long.
    Idle,
    /// The caller took too long while the server drains.
    Draining,
    /// The caller went away or broke the protocol.
    Broken,
}

/// How a call ended, in the words of its edge.
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

/// A call in flight. Its line is written when this is dropped.
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
    /// Dropped with this, which tells the request's body that the call has ended.
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
        // At the level of errors, so that every line of the call carries the id, whatever the filter.
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

    /// Hears the end of the call: its sender is dropped then.
    pub(super) fn end_signal(&mut self) -> oneshot::Receiver<Infallible> {
        let (ends, ended) = oneshot::channel();
        self.ends = Some(ends);
        ended
    }

    /// Notes how the call ended. Without it the caller went away before the end.
    pub(super) fn ended(&mut self, status: Outcome) {
        self.status = Some(status);
    }

    /// The same, unless an end was noted before.
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
            // 499: the customary number for a caller who did not wait.
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
