//! One call: its id, its edge, the checks before it, and the answer when it is refused, times out or panics.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use tokio::{sync::watch, time::Instant};
use tonic::Status;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::{
    access::{Access, BodyCut, Edge},
    answer_body::AnswerBody,
    deadline::within,
    edges::RestError,
    encoding::{ENCODING, Encoding, NotAccepted},
    framing::{Carries, Framing},
    host::{HostCheck, HostFault},
    inflate::Inflating,
    lingering_close::ReadToEnd,
    methods::{Lasts, Methods},
    refusal::{Refusal, Wording},
    request_body::{Messages, Patience, RequestBody},
    request_id::{REQUEST_ID, RequestIds},
};

/// What every call needs; one per server.
pub(super) struct Calls {
    pub(super) grpc: Router,
    pub(super) rest: Router,
    pub(super) rest_error: RestError,
    pub(super) methods: Methods,
    pub(super) wording: Wording,
    pub(super) hosts: HostCheck,
    pub(super) request_ids: RequestIds,
    /// Becomes true when the server drains.
    pub(super) draining: watch::Receiver<bool>,
    /// How long to wait for request bodies other than streams.
    pub(super) patience: Arc<Patience>,
    pub(super) in_flight: Arc<AtomicUsize>,
}

impl Calls {
    /// The number of calls in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Answers one call. It never fails: every error becomes a response in the edge's format.
    pub(super) async fn answer(
        self: Arc<Self>,
        mut request: Request<ReadToEnd>,
    ) -> Result<Response<AnswerBody>, Infallible> {
        let id = self.request_ids.of(request.headers());
        let id_header = id.header_value();
        request.extensions_mut().insert(id.clone());
        let edge = edge_of(request.headers());
        let access = Access::begin(edge, request.method(), id, self.in_flight.clone());
        let span = access.span.clone();
        let mut response = match edge {
            Edge::Grpc => self.answer_grpc(request, access).instrument(span).await,
            Edge::Rest => self.answer_rest(request, access).instrument(span).await,
        };
        response.headers_mut().insert(REQUEST_ID, id_header);
        Ok(response)
    }

    async fn answer_grpc(&self, mut request: Request<ReadToEnd>, mut access: Access) -> Response<AnswerBody> {
        let path = request.uri().path();
        let method = self.methods.get(path);
        let unknown = method.is_none().then(|| path.to_owned());
        if let Some(method) = method {
            // Only known methods are noted: any other path could hold anything.
            let _ = access.notes.route.set(method.path.clone());
        }
        let (deadline, encoding) = match self.admit(&request) {
            Ok(Admitted { timeout, encoding }) => {
                (timeout.and_then(|timeout| Instant::now().checked_add(timeout)), encoding)
            }
            Err(refusal) => {
                return AnswerBody::wrap(self.wording.response(refusal), access, self.wording, None, None);
            }
        };
        let carries = method.map_or(Carries::Any, |method| method.carries);
        let patience = (carries == Carries::One).then(|| self.patience.clone());
        let limit_bytes = self.methods.limit_bytes(method);
        let framing = Framing::new(limit_bytes, carries);
        let inflating = encoding.map(|encoding| Inflating::new(encoding, limit_bytes, carries));
        // The messages that reach the service are plain.
        request.headers_mut().remove(ENCODING);
        let drain = (carries == Carries::Items).then(|| self.drain());
        let request =
            self.with_body(request, &mut access, Some(Messages { framing, inflating }), patience, drain);
        let call = within(deadline, AssertUnwindSafe(self.grpc.clone().oneshot(request)).catch_unwind());
        let may_have_written = method.is_some_and(|method| !method.only_reads);
        let late = Refusal::DeadlineExceeded { may_have_written };
        let outcome = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, call).await,
            None => Ok(call.await),
        };
        let mut response = match outcome {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(_panic)) => {
                tracing::error!("a call panicked");
                self.wording.response(Refusal::Fault)
            }
            Err(_elapsed) => self.wording.response(late),
        };
        if carries == Carries::One
            && let Some(&cut) = access.notes.body_cut.get()
        {
            response = match cut {
                BodyCut::Idle => self.wording.response(Refusal::BodyIdle),
                BodyCut::Draining => self.wording.response(Refusal::ShuttingDown),
                // The client will not read this, but the access log records it.
                BodyCut::Broken => Status::cancelled("the caller went away").into_http(),
            };
        }
        (self.wording.complete)(response.headers_mut(), unknown.as_deref());
        let sleep = deadline.map(|deadline| (Box::pin(tokio::time::sleep_until(deadline)), late));
        let lasts_until_ended = method.is_some_and(|method| method.lasts == Lasts::UntilEnded);
        let drain = lasts_until_ended.then(|| self.drain());
        AnswerBody::wrap(response, access, self.wording, sleep, drain)
    }

    /// Checks a gRPC call before it goes to its service.
    fn admit(&self, request: &Request<ReadToEnd>) -> Result<Admitted, Refusal> {
        self.hosts.check(request.uri(), request.headers()).map_err(|fault| match fault {
            HostFault::Missing => Refusal::HostMissing,
            HostFault::NotAllowed => Refusal::HostNotAllowed,
        })?;
        if request.version() != Version::HTTP_2 {
            return Err(Refusal::NotHttp2);
        }
        if !is_grpc_proto(request.headers()) {
            return Err(Refusal::ContentType);
        }
        let encoding = Encoding::of(request.headers()).map_err(|NotAccepted| Refusal::Encoding)?;
        let Some(value) = request.headers().get("grpc-timeout") else {
            return Ok(Admitted { timeout: None, encoding });
        };
        let timeout = value.to_str().ok().and_then(parse_timeout).ok_or(Refusal::MalformedTimeout)?;
        Ok(Admitted { timeout: Some(timeout), encoding })
    }

    async fn answer_rest(&self, request: Request<ReadToEnd>, mut access: Access) -> Response<AnswerBody> {
        let (uri, version) = (request.uri().clone(), request.version());
        let error = |status, message| (self.rest_error)(uri.path(), status, message);
        if let Err(fault) = self.hosts.check(&uri, request.headers()) {
            let refused = match fault {
                // As RFC 9112 asks.
                HostFault::Missing => error(StatusCode::BAD_REQUEST, HOST_MISSING),
                HostFault::NotAllowed => error(StatusCode::FORBIDDEN, HOST_NOT_ALLOWED),
            };
            return AnswerBody::wrap(refused, access, self.wording, None, None);
        }
        let request = self.with_body(request, &mut access, None, Some(self.patience.clone()), None);
        let mut response = match AssertUnwindSafe(self.rest.clone().oneshot(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_panic) => {
                tracing::error!("a call panicked");
                error(StatusCode::INTERNAL_SERVER_ERROR, "internal error; see the server's log")
            }
        };
        let late = match access.notes.body_cut.get() {
            Some(BodyCut::Idle) => Some((StatusCode::REQUEST_TIMEOUT, BODY_IDLE_MESSAGE)),
            Some(BodyCut::Draining) => Some((StatusCode::SERVICE_UNAVAILABLE, SHUTTING_DOWN)),
            Some(BodyCut::Broken) | None => None,
        };
        if let Some((status, message)) = late {
            response = error(status, message);
            if version < Version::HTTP_2 {
                // The rest of the body may still arrive and must not be read as the next request.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
        }
        AnswerBody::wrap(response, access, self.wording, None, None)
    }

    fn with_body(
        &self,
        mut request: Request<ReadToEnd>,
        access: &mut Access,
        messages: Option<Messages>,
        patience: Option<Arc<Patience>>,
        drain: Option<BoxFuture<'static, ()>>,
    ) -> Request<Body> {
        let (notes, ended) = (access.notes.clone(), access.end_signal());
        request.extensions_mut().insert(notes.clone());
        let wording = self.wording;
        request
            .map(|body| Body::new(RequestBody::new(body, notes, messages, wording, patience, drain, ended)))
    }

    /// Resolves when the server drains.
    pub(super) fn drain(&self) -> BoxFuture<'static, ()> {
        let mut draining = self.draining.clone();
        async move {
            // An error means that the server is gone, which ends the call too.
            let _ = draining.wait_for(|draining| *draining).await;
        }
        .boxed()
    }
}

/// What a caller has said about its call.
struct Admitted {
    timeout: Option<Duration>,
    /// Of its compressed messages.
    encoding: Option<Encoding>,
}

/// Error messages that both edges use.
pub const HOST_NOT_ALLOWED: &str = "this server does not accept the host name in the request; the setting \
     allowed_hosts adds names to localhost, 127.0.0.0/8 and [::1]";
pub const HOST_MISSING: &str = "the request names no host; send the header Host with localhost, 127.0.0.1, [::1] or a name from \
     the setting allowed_hosts";
pub const SHUTTING_DOWN: &str = "the server is shutting down";
pub const BODY_IDLE_MESSAGE: &str = "the rest of the request did not arrive in time; nothing was done";

fn content_type(headers: &HeaderMap) -> &[u8] {
    headers.get(header::CONTENT_TYPE).map_or(b"", |value| value.as_bytes())
}

/// The content type alone decides the edge, before any routing.
fn edge_of(headers: &HeaderMap) -> Edge {
    const GRPC: &[u8] = b"application/grpc";
    let is_grpc =
        content_type(headers).get(..GRPC.len()).is_some_and(|start| start.eq_ignore_ascii_case(GRPC));
    if is_grpc { Edge::Grpc } else { Edge::Rest }
}

/// Whether it is plain gRPC with protobuf messages: not gRPC-Web, not JSON.
fn is_grpc_proto(headers: &HeaderMap) -> bool {
    let essence = content_type(headers).split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/grpc")
        || essence.eq_ignore_ascii_case(b"application/grpc+proto")
}

/// Parses `grpc-timeout` as the gRPC over HTTP/2 protocol defines it.
fn parse_timeout(value: &str) -> Option<Duration> {
    let (unit_at, unit) = value.char_indices().next_back()?;
    let digits = value.get(..unit_at)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        'H' => Duration::from_secs(amount * 3600),
        'M' => Duration::from_secs(amount * 60),
        'S' => Duration::from_secs(amount),
        'm' => Duration::from_millis(amount),
        'u' => Duration::from_micros(amount),
        'n' => Duration::from_nanos(amount),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_decides_the_edge() {
        let edge = |content_type: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
            (edge_of(&headers), is_grpc_proto(&headers))
        };
        assert_eq!(edge("application/grpc"), (Edge::Grpc, true));
        assert_eq!(edge("Application/gRPC+proto ; x=y"), (Edge::Grpc, true));
        assert_eq!(edge("application/grpc-web+proto"), (Edge::Grpc, false));
        assert_eq!(edge("application/json"), (Edge::Rest, false));
        assert_eq!(edge_of(&HeaderMap::new()), Edge::Rest);
    }

    #[test]
    fn timeouts_are_parsed_as_the_protocol_defines() {
        assert_eq!(parse_timeout("3H"), Some(Duration::from_secs(3 * 3600)));
        assert_eq!(parse_timeout("99999999M"), Some(Duration::from_secs(99_999_999 * 60)));
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_timeout("0n"), Some(Duration::ZERO));
        for malformed in ["", "S", "1", "123456789S", "1s", "-1S", "1 S", "1é"] {
            assert_eq!(parse_timeout(malformed), None, "{malformed}");
        }
    }
}
