//! The answers that the server itself gives on the gRPC edge: calls that reach no service, or that end early.

use std::collections::HashMap;

use axum::body::Body;
use http::{HeaderMap, Response};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::request_body::BodyCut;
use crate::proto::v1::ErrorReason;

/// The `domain` of every `google.rpc.ErrorInfo` that Plaudit sends.
pub const ERROR_DOMAIN: &str = "plaudit";

pub(super) const SHUTTING_DOWN: &str = "the server is shutting down";
pub(super) const BODY_IDLE_MESSAGE: &str = "the rest of the request did not come in time; nothing was done";

/// The name of a reason as `google.rpc.ErrorInfo` carries it.
pub fn reason_name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

/// A status with its `google.rpc.ErrorInfo`.
pub(super) fn status(code: Code, reason: ErrorReason, message: impl Into<String>) -> Status {
    status_with(code, reason, message, HashMap::new())
}

fn status_with(
    code: Code,
    reason: ErrorReason,
    message: impl Into<String>,
    metadata: HashMap<String, String>,
) -> Status {
    let details = ErrorDetails::with_error_info(reason_name(reason), ERROR_DOMAIN, metadata);
    Status::with_error_details(code, message, details)
}

/// The refusal of a request message that is larger than its limit.
pub fn too_large(limit_bytes: usize) -> Status {
    status_with(
        Code::ResourceExhausted,
        ErrorReason::RequestTooLarge,
        format!("the request message is larger than {limit_bytes} bytes"),
        HashMap::from([("limit_bytes".to_owned(), limit_bytes.to_string())]),
    )
}

pub(super) fn deadline_exceeded() -> Status {
    status(
        Code::DeadlineExceeded,
        ErrorReason::DeadlineExceeded,
        "the call's deadline has passed; what it was writing is of unknown outcome",
    )
}

/// Instead of what a service made of a request that did not come whole.
pub(super) fn body_cut(cut: BodyCut) -> Status {
    match cut {
        BodyCut::Idle => status(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, BODY_IDLE_MESSAGE),
        BodyCut::Draining => shutting_down(),
        // Nobody reads it; the access log does.
        BodyCut::Broken => Status::cancelled("the caller went away"),
    }
}

/// What BadRequest calls the request itself, where no field is to be named: as the REST edge calls a body.
const REQUEST: &str = "$";

/// The bytes of a request are not the messages that the call takes.
pub(super) fn malformed(message: &str) -> Status {
    invalid_field(REQUEST, message)
}

fn invalid_field(field: &str, rule: &str) -> Status {
    let mut details = ErrorDetails::with_error_info(
        reason_name(ErrorReason::InvalidFields),
        ERROR_DOMAIN,
        HashMap::<String, String>::new(),
    );
    details.add_bad_request_violation(field, rule);
    let message = if field == REQUEST { rule.to_owned() } else { format!("{field}: {rule}") };
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// tonic's words for bytes that are no message: this, then `Message.field: ` from the inside out, then the cause.
const UNDECODABLE: &str = "failed to decode Protobuf message: ";

fn undecodable(rest: &str) -> Status {
    let (mut path, mut cause) = (Vec::new(), rest);
    while let Some((place, inner)) = cause.split_once(": ") {
        let Some((_, field)) = place.split_once('.').filter(|_| !place.contains(' ')) else { break };
        path.push(field);
        cause = inner;
    }
    path.reverse();
    let rule = format!("cannot be decoded as protobuf: {cause}");
    if path.is_empty() {
        malformed(&format!("the request {rule}"))
    } else {
        invalid_field(&path.join("."), &rule)
    }
}

/// Of the health of a service that is not here.
pub(super) fn unknown_service(name: &str) -> Status {
    let shown: String = name.chars().take(200).collect();
    let mut details = ErrorDetails::with_error_info(
        reason_name(ErrorReason::ResourceNotFound),
        ERROR_DOMAIN,
        HashMap::<String, String>::new(),
    );
    details.set_resource_info("service", &shown, "", "it does not exist");
    Status::with_error_details(Code::NotFound, format!("there is no service {shown:?}"), details)
}

pub(super) fn shutting_down() -> Status {
    status(Code::Unavailable, ErrorReason::StoreUnavailable, SHUTTING_DOWN)
}

pub(super) fn internal_fault() -> Status {
    status(Code::Internal, ErrorReason::InternalFault, "a fault of the server; its log has the cause")
}

pub(super) fn malformed_timeout() -> Status {
    invalid_field("grpc-timeout", "must be 1 to 8 digits and one of H, M, S, m, u, n")
}

/// A response without a body: the status stands in the headers.
pub(super) fn trailers_only(status: Status) -> Response<Body> {
    status.into_http()
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

/// Gives an error that tonic made itself the `google.rpc.ErrorInfo` that every error of ours carries.
pub(super) fn complete(headers: &mut HeaderMap) {
    let Some(code) = code(headers) else { return };
    if code == Code::Ok || headers.contains_key(Status::GRPC_STATUS_DETAILS) {
        return;
    }
    let Some(known) = Status::from_header_map(headers) else { return };
    if code == Code::Internal
        && let Some(cause) = known.message().strip_prefix(UNDECODABLE)
    {
        // The caller's fault, not ours.
        overwrite(headers, &undecodable(cause));
        return;
    }
    let (code, reason) = match code {
        Code::InvalidArgument | Code::OutOfRange => {
            overwrite(headers, &malformed(known.message()));
            return;
        }
        Code::Unimplemented if known.message().is_empty() => {
            overwrite(headers, &status(code, ErrorReason::UnknownMethod, "there is no such call"));
            return;
        }
        // tonic's word for a request that is compressed.
        Code::Unimplemented => (code, ErrorReason::UnsupportedProtocol),
        Code::NotFound => (code, ErrorReason::ResourceNotFound),
        Code::DeadlineExceeded => (code, ErrorReason::DeadlineExceeded),
        Code::ResourceExhausted => (code, ErrorReason::Overloaded),
        Code::Internal | Code::Unknown => {
            // A service of ours logs its faults and gives them details; this one nobody has seen.
            tracing::error!(cause = known.message(), "a call failed below its service");
            overwrite(headers, &internal_fault());
            return;
        }
        _ => return,
    };
    overwrite(headers, &status(code, reason, known.message()));
}

fn overwrite(headers: &mut HeaderMap, status: &Status) {
    headers.remove(Status::GRPC_MESSAGE);
    headers.extend(trailers(status));
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
