//! Why the server itself answers a gRPC call that reached no service, or ended early. What it says then is the edge's to word.

use axum::body::Body;
use http::{HeaderMap, Response};
use tonic::{Code, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    HostNotAllowed,
    NotHttp2,
    ContentType,
    /// `grpc-timeout` is not what the protocol defines.
    MalformedTimeout,
    MessageTooLarge {
        limit_bytes: usize,
    },
    /// The server offers no compression, so that 0 is the only flag.
    MessageFlags(u8),
    /// The request ended within a message.
    CutShort,
    NoMessage,
    DeadlineExceeded,
    /// The rest of the request did not come in time.
    BodyIdle,
    ShuttingDown,
    /// A call panicked.
    Fault,
}

/// How the gRPC edge words what is not answered by a service of its own.
#[derive(Clone, Copy)]
pub struct Wording {
    pub refuse: fn(Refusal) -> Status,
    /// Gives an error that a library made what every error of the edge carries.
    pub complete: fn(&mut HeaderMap),
}

impl Wording {
    /// The refusal as a response without a body: the status stands in the headers.
    pub(super) fn response(&self, refusal: Refusal) -> Response<Body> {
        (self.refuse)(refusal).into_http()
    }
}

/// The status as trailers, for an answer whose headers are already sent.
pub(super) fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        trailers.insert(Status::GRPC_STATUS, (Code::Internal as i32).into());
    }
    trailers
}

/// The code in headers or trailers, if they hold one.
pub(super) fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|value| Code::from_bytes(value.as_bytes()))
}

/// The name of a code as gRPC writes it: `NOT_FOUND`.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
