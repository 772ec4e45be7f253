//! Why a request failed, before a dialect renders it.

use std::time::Duration;

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::{
    domain::Violations,
    error::{Error, Outcome},
};

use super::answer::answer;

/// A failed request, independent of the dialect.
#[derive(Debug)]
pub struct Fault {
    pub status: StatusCode,
    /// For dialects with error codes.
    pub code: &'static str,
    pub message: String,
    /// The invalid fields, by their path in the request.
    pub violations: Violations,
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// The default wait.
    const RETRY_AFTER: Duration = Duration::from_secs(1);

    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let is_temporary = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        Self {
            status,
            code: code_of(status),
            message: message.into(),
            violations: Violations::default(),
            retry_after: is_temporary.then_some(Self::RETRY_AFTER),
        }
    }

    /// A response with this status and `body`.
    pub fn respond(&self, body: &impl Serialize) -> Response {
        let mut response = answer(self.status, body);
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            if let Ok(value) = HeaderValue::try_from(seconds.to_string()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        response
    }
}

/// The error code of a status. 503 has two: [`Error::Overloaded`] uses the other.
fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "unauthenticated",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::CONFLICT => "duplicate_import",
        StatusCode::PAYLOAD_TOO_LARGE => "payload_too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        StatusCode::UNPROCESSABLE_ENTITY => "idempotency_key_reused",
        StatusCode::TOO_MANY_REQUESTS => "overloaded",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        status if status.is_client_error() => "invalid_request",
        _ => "internal",
    }
}

impl From<Violations> for Fault {
    fn from(violations: Violations) -> Self {
        let message = format!("the request is not valid: {violations}");
        Self { violations, ..Self::new(StatusCode::BAD_REQUEST, message) }
    }
}

/// Maps use case errors to HTTP statuses. The only place that does.
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Invalid(violations) => violations.into(),
            Error::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, message),
            Error::AlreadyImported { .. }
            | Error::NotDeleted { .. }
            | Error::IdentityTaken { .. }
            | Error::TeamExists { .. }
            | Error::TeamNotEmpty { .. } => Self::new(StatusCode::CONFLICT, message),
            Error::EtagMismatch { .. } => Self::new(StatusCode::PRECONDITION_FAILED, message),
            Error::RequestIdReused { request_id } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!(
                    "Idempotency-Key {request_id:?} was used for a different request in the last 24 hours; resend that \
                     request or use a new key"
                ),
            ),
            Error::EventsLost => Self::new(StatusCode::BAD_REQUEST, message),
            Error::ScoringUnfinished { .. } | Error::DeadlineExceeded => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, message)
            }
            Error::RatingClosed { .. } => {
                Self { code: "rating_closed", ..Self::new(StatusCode::CONFLICT, message) }
            }
            Error::ConcurrentChange { .. } => Self::overloaded(message, Self::RETRY_AFTER),
            Error::Overloaded { retry_after } => Self::overloaded(message, retry_after),
            Error::Unavailable { cause, outcome, retry_after } => {
                tracing::error!(%cause, "the store is not available");
                let message = match outcome {
                    Outcome::NothingWritten => {
                        "the store is not available for now, and nothing was written; retry"
                    }
                    Outcome::Unknown => {
                        "the store is not available; retry, with the same Idempotency-Key if the request writes"
                    }
                };
                let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, message);
                Self { retry_after: retry_after.or(fault.retry_after), ..fault }
            }
            Error::Damaged(cause) => {
                tracing::error!(%cause, "a request met what is damaged; plaudit store check says what else is");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, crate::error::DAMAGED)
            }
            Error::Internal(cause) => {
                tracing::error!(%cause, "a request failed with an internal error");
                let message = "internal error; see the server's log";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
            }
        }
    }
}

impl Fault {
    /// Nothing was done; worth a retry.
    fn overloaded(message: String, retry_after: Duration) -> Self {
        let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, message);
        Self { code: "overloaded", retry_after: Some(retry_after), ..fault }
    }
}

/// `{"message":…}`: the format of errors outside any dialect.
pub fn plain_error(fault: &Fault) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        message: &'a str,
    }
    fault.respond(&Body { message: &fault.message })
}
