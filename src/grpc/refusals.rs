//! The wording of errors that no Plaudit service produced: the server's own refusals, and errors from tonic.

use http::HeaderMap;
use tonic::{Code, Status, metadata::MetadataValue};

use crate::{
    proto::v1::ErrorReason,
    server::{
        ACCEPT_ENCODING, ACCEPTED, BODY_IDLE_MESSAGE, HOST_MISSING, HOST_NOT_ALLOWED, MAX_WINDOW_BYTES,
        Refusal, SHUTTING_DOWN, Wording,
    },
};

use super::status::{internal_fault, invalid_field, malformed, status, too_large};

pub const WORDING: Wording = Wording { refuse, complete };

fn refuse(refusal: Refusal) -> Status {
    match refusal {
        Refusal::HostMissing => status(Code::PermissionDenied, ErrorReason::HostNotAllowed, HOST_MISSING),
        Refusal::HostNotAllowed => {
            status(Code::PermissionDenied, ErrorReason::HostNotAllowed, HOST_NOT_ALLOWED)
        }
        Refusal::NotHttp2 => {
            status(Code::Unimplemented, ErrorReason::UnsupportedProtocol, "gRPC needs HTTP/2")
        }
        Refusal::ContentType => {
            let message = "the content type must be application/grpc or application/grpc+proto";
            status(Code::Unimplemented, ErrorReason::UnsupportedProtocol, message)
        }
        Refusal::MalformedTimeout => {
            invalid_field("grpc-timeout", "must be 1 to 8 digits and one of H, M, S, m, u, n")
        }
        Refusal::MessageTooLarge { limit_bytes } => too_large(limit_bytes),
        Refusal::MessageFlags(1) => malformed(
            "a message is marked as compressed (flags 1), but the request names no encoding; name it in grpc-encoding (gzip or \
             zstd), or send the message as it is with flags 0",
        ),
        Refusal::MessageFlags(flags) => malformed(&format!(
            "the flags of a message are {flags}; they must be 0, or 1 if it is compressed"
        )),
        Refusal::Encoding => encoding_not_accepted(),
        Refusal::NotInflated(encoding) => {
            let encoding = encoding.name();
            malformed(&format!(
                "a message cannot be decompressed: it is not one whole {encoding} stream, as grpc-encoding says; compress each \
                 message by itself, or send it as it is"
            ))
        }
        Refusal::Window => malformed(&format!(
            "a message needs a zstd window larger than {MAX_WINDOW_BYTES} bytes; compress it at a level up to 19 and without \
             long-distance matching"
        )),
        Refusal::CutShort => malformed("the request ended in the middle of a message"),
        Refusal::NoMessage => malformed("the request ended without a message"),
        Refusal::DeadlineExceeded { may_have_written } => {
            let message = if may_have_written {
                "the call's deadline has passed; whether it wrote anything is unknown"
            } else {
                "the call's deadline has passed"
            };
            status(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, message)
        }
        Refusal::BodyIdle => status(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, BODY_IDLE_MESSAGE),
        Refusal::ShuttingDown => status(Code::Unavailable, ErrorReason::StoreUnavailable, SHUTTING_DOWN),
        Refusal::Fault => internal_fault(),
    }
}

/// As gRPC's protocol says: UNIMPLEMENTED, with the encodings that are accepted.
fn encoding_not_accepted() -> Status {
    let message = "the encoding in grpc-encoding is not accepted; use gzip, zstd or identity";
    let mut refused = status(Code::Unimplemented, ErrorReason::UnsupportedProtocol, message);
    // The same three, for the library of the caller.
    refused.metadata_mut().insert(ACCEPT_ENCODING, MetadataValue::from_static(ACCEPTED));
    refused
}

/// The start of tonic's message for bytes that cannot be decoded; `Message.field: ` follows from the inside out, then the
/// cause.
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

/// Adds the `google.rpc.ErrorInfo` that all our errors carry to an error that tonic produced.
fn complete(headers: &mut HeaderMap, path: Option<&str>) {
    let Some(code) = headers.get(Status::GRPC_STATUS).map(|value| Code::from_bytes(value.as_bytes())) else {
        return;
    };
    if code == Code::Ok || headers.contains_key(Status::GRPC_STATUS_DETAILS) {
        return;
    }
    let Some(known) = Status::from_header_map(headers) else { return };
    if code == Code::Internal
        && let Some(cause) = known.message().strip_prefix(UNDECODABLE)
    {
        // The caller's error, not ours.
        overwrite(headers, &undecodable(cause));
        return;
    }
    let (code, reason) = match code {
        Code::InvalidArgument | Code::OutOfRange => {
            overwrite(headers, &malformed(known.message()));
            return;
        }
        Code::Unimplemented if known.message().is_empty() => {
            overwrite(
                headers,
                &status(code, ErrorReason::UnknownMethod, unknown_call(path.unwrap_or_default())),
            );
            return;
        }
        Code::NotFound => (code, ErrorReason::ResourceNotFound),
        Code::DeadlineExceeded => (code, ErrorReason::DeadlineExceeded),
        Code::ResourceExhausted => (code, ErrorReason::Overloaded),
        Code::Internal | Code::Unknown => {
            // Our services log their own internal errors and send them with details, so this one has not been logged.
            tracing::error!(cause = known.message(), "a call failed outside its service");
            overwrite(headers, &internal_fault());
            return;
        }
        _ => return,
    };
    overwrite(headers, &status(code, reason, known.message()));
}

/// A call is named as in its path; reflection knows them all.
fn unknown_call(path: &str) -> String {
    let shown: String = path.chars().take(200).collect();
    format!(
        "there is no call {shown:?}; a call is named /plaudit.v1.{{service}}/{{method}}, and reflection lists them all \
         (grpcurl -plaintext HOST:PORT list, then list plaudit.v1.{{service}})"
    )
}

fn overwrite(headers: &mut HeaderMap, status: &Status) {
    headers.remove(Status::GRPC_MESSAGE);
    // If it cannot be encoded, the original code stays.
    let _ = status.add_header(headers);
}
