//! The one place where a use case's error becomes a gRPC status with its details.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    domain::Violations,
    error::Error,
    proto::v1::ErrorReason,
    server::{ERROR_DOMAIN, reason_name},
};

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let mut details = ErrorDetails::new();
        let mut metadata = HashMap::new();
        let (code, reason) = match error {
            Error::Invalid(violations) => return invalid(&violations),
            Error::NotFound { kind, name } => {
                details.set_resource_info(kind.as_str(), name, "", "it does not exist");
                (Code::NotFound, ErrorReason::ResourceNotFound)
            }
            Error::AlreadyImported { conversation, receipt, .. } => {
                let name = format!("conversations/{conversation}");
                details.set_resource_info("conversation", name.clone(), "", "it is stored already");
                metadata.insert("conversation".to_owned(), name);
                metadata.insert("import".to_owned(), format!("imports/{receipt}"));
                (Code::AlreadyExists, ErrorReason::DuplicateImport)
            }
            Error::RequestIdReused { .. } => {
                details.add_bad_request_violation("request_id", message.clone());
                (Code::InvalidArgument, ErrorReason::RequestIdReused)
            }
            Error::ConcurrentChange { .. } => (Code::Aborted, ErrorReason::ConcurrentChange),
            Error::Overloaded { retry_after } => {
                details.set_retry_info(Some(retry_after));
                (Code::ResourceExhausted, ErrorReason::Overloaded)
            }
            Error::Unavailable(cause) => {
                tracing::error!(%cause, "the store is not available");
                return unavailable();
            }
            Error::Internal(cause) => {
                tracing::error!(%cause, "a call failed by a fault of the server");
                return internal();
            }
        };
        details.set_error_info(reason_name(reason), ERROR_DOMAIN, metadata);
        Self::with_error_details(code, message, details)
    }
}

/// INVALID_ARGUMENT with every violation.
pub fn invalid(violations: &Violations) -> Status {
    let mut details = ErrorDetails::new();
    for violation in violations.iter() {
        details.add_bad_request_violation(&violation.field, &violation.message);
    }
    details.set_error_info(reason_name(ErrorReason::InvalidFields), ERROR_DOMAIN, HashMap::new());
    Status::with_error_details(
        Code::InvalidArgument,
        format!("the request is not valid: {violations}"),
        details,
    )
}

fn unavailable() -> Status {
    let message = "the store is not available; send the request again, with the same request id if it writes";
    plain(Code::Unavailable, ErrorReason::StoreUnavailable, message)
}

fn internal() -> Status {
    plain(Code::Internal, ErrorReason::InternalFault, "a fault of the server; its log has the cause")
}

fn plain(code: Code, reason: ErrorReason, message: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason_name(reason), ERROR_DOMAIN, HashMap::new());
    Status::with_error_details(code, message, details)
}
