//! Why the server itself answers a gRPC call, before it reaches a service or in the middle of it. The gRPC edge words the
//! answer.

use axum::body::Body;
use http::{HeaderMap, Response};
use tonic::{Code, Status};

use super::encoding::Encoding;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request names no host.
    HostMissing,
    HostNotAllowed,
    NotHttp2,
    ContentType,
    /// `grpc-timeout` is malformed.
    MalformedTimeout,
    MessageTooLarge {
        limit_bytes: usize,
    },
    /// The flags of a message are not 0: either it is marked as compressed and the request names no encoding, or they mean
    /// nothing.
    MessageFlags(u8),
    /// The request names an encoding that is not accepted.
    Encoding,
    /// A compressed message is not what its encoding says.
    NotInflated(Encoding),
    /// The window of a message that is compressed with zstd is too large.
    Window,
    /// The request ended in the middle of a message.
    CutShort,
    NoMessage,
    DeadlineExceeded {
        may_have_written: bool,
    },
    /// The rest of the request did not arrive in time.
    BodyIdle,
    ShuttingDown,
    /// A call panicked.
    Fault,
}

/// How the gRPC edge words errors that no Plaudit service produced.
#[derive(Clone, Copy)]
pub struct Wording {
    pub refuse: fn(Refusal) -> Status,
    /// Adds the details that every error of the edge carries to an error that a library produced. The path is that of the call
    /// if nobody knows it.
    pub complete: fn(&mut HeaderMap, path: Option<&str>),
}

impl Wording {
    /// The refusal as a response without a body: the status is in the headers.
    pub(super) fn response(&self, refusal: Refusal) -> Response<Body> {
        (self.refuse)(refusal).into_http()
    }
}

/// The status as trailers, for a response whose headers have been sent.
pub(super) fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        trailers.insert(Status::GRPC_STATUS, (Code::Internal as i32).into());
    }
    trailers
}

/// The gRPC status code in headers or trailers, if there is one.
pub(super) fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|value| Code::from_bytes(value.as_bytes()))
}

/// The code's name as gRPC spells it: `NOT_FOUND`.
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
