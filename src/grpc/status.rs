//! gRPC statuses with the details that every error of this edge carries.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{proto::v1::ErrorReason, wire::reason_name};

/// The `domain` of every `google.rpc.ErrorInfo` that Plaudit sends.
pub const ERROR_DOMAIN: &str = "plaudit";

/// The field name in BadRequest for the request as a whole; the REST edge uses the same for a body.
const REQUEST: &str = "$";

pub fn status(code: Code, reason: ErrorReason, message: impl Into<String>) -> Status {
    Status::with_error_details(code, message, details(reason, HashMap::new()))
}

fn details(reason: ErrorReason, metadata: HashMap<String, String>) -> ErrorDetails {
    ErrorDetails::with_error_info(reason_name(reason), ERROR_DOMAIN, metadata)
}

/// The caller must log the cause.
pub fn internal_fault() -> Status {
    status(Code::Internal, ErrorReason::InternalFault, "internal error; see the server's log")
}

/// The caller must log the cause.
pub fn damaged() -> Status {
    status(Code::DataLoss, ErrorReason::DataDamaged, crate::error::DAMAGED)
}

/// Refuses a request message larger than its limit.
pub fn too_large(limit_bytes: usize) -> Status {
    let metadata = HashMap::from([("limit_bytes".to_owned(), limit_bytes.to_string())]);
    Status::with_error_details(
        Code::ResourceExhausted,
        format!("the request message is larger than {limit_bytes} bytes"),
        details(ErrorReason::RequestTooLarge, metadata),
    )
}

/// Refuses a request whose bytes are not a valid message.
pub fn malformed(message: &str) -> Status {
    invalid_field(REQUEST, message)
}

pub fn invalid_field(field: &str, rule: &str) -> Status {
    let mut details = details(ErrorReason::InvalidFields, HashMap::new());
    details.add_bad_request_violation(field, rule);
    let message = if field == REQUEST { rule.to_owned() } else { format!("{field}: {rule}") };
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// The answer to a health check of an unknown service.
pub fn unknown_service(name: &str) -> Status {
    let shown: String = name.chars().take(200).collect();
    let mut details = details(ErrorReason::ResourceNotFound, HashMap::new());
    details.set_resource_info("service", &shown, "", "it does not exist");
    Status::with_error_details(Code::NotFound, format!("there is no service {shown:?}"), details)
}
