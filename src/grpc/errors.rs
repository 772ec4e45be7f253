//! Maps the errors of use cases to gRPC statuses with details. The only place that does.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    domain::{Violations, Words as _},
    error::{Error, Outcome},
    proto::v1::{self, ErrorReason},
    wire::reason_name,
};

use super::status::{ERROR_DOMAIN, damaged, internal_fault};

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = format!("{error}{}", next_step(&error));
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
                details.set_resource_info("conversation", name.clone(), "", "it is already stored");
                metadata.insert("conversation".to_owned(), name);
                metadata.insert("import".to_owned(), format!("imports/{receipt}"));
                (Code::AlreadyExists, ErrorReason::DuplicateImport)
            }
            Error::RequestIdReused { .. } => {
                details.add_bad_request_violation("request_id", message.clone());
                (Code::InvalidArgument, ErrorReason::RequestIdReused)
            }
            Error::NotDeleted { what } => {
                details.set_resource_info("conversation", what, "", "it is not deleted");
                (Code::AlreadyExists, ErrorReason::NotDeleted)
            }
            Error::IdentityTaken { by, .. } => {
                let name = format!("conversations/{by}");
                details.set_resource_info(
                    "conversation",
                    name.clone(),
                    "",
                    "it has the same source and external id",
                );
                metadata.insert("conversation".to_owned(), name);
                (Code::AlreadyExists, ErrorReason::IdentityTaken)
            }
            Error::EtagMismatch { kind, name, .. } => {
                details.set_resource_info(kind.as_str(), name, "", "it has another etag");
                (Code::Aborted, ErrorReason::EtagMismatch)
            }
            Error::ScoringUnfinished { message } => {
                metadata.insert("message".to_owned(), message);
                (Code::DeadlineExceeded, ErrorReason::ScoringUnfinished)
            }
            Error::RatingClosed { name, state, because } => {
                details.add_precondition_failure_violation("RATING_STATE", name, because);
                metadata.insert("state".to_owned(), format!("RATING_STATE_{}", state.word().to_uppercase()));
                (Code::FailedPrecondition, ErrorReason::RatingClosed)
            }
            Error::TeamExists { name, .. } => {
                details.set_resource_info("team", name.clone(), "", "it is already in the directory");
                metadata.insert("team".to_owned(), name);
                (Code::AlreadyExists, ErrorReason::TeamExists)
            }
            Error::TeamNotEmpty { name, .. } => {
                details.add_precondition_failure_violation("MEMBERS", name, "the team must have no members");
                (Code::FailedPrecondition, ErrorReason::TeamNotEmpty)
            }
            Error::EventsLost => {
                details.add_precondition_failure_violation("EVENTS_LOST", "resume_token", message.clone());
                (Code::FailedPrecondition, ErrorReason::EventsLost)
            }
            Error::ConcurrentChange { .. } => (Code::Aborted, ErrorReason::ConcurrentChange),
            Error::DeadlineExceeded => (Code::DeadlineExceeded, ErrorReason::DeadlineExceeded),
            Error::Overloaded { retry_after } => {
                details.set_retry_info(Some(retry_after));
                (Code::ResourceExhausted, ErrorReason::Overloaded)
            }
            error @ (Error::Unavailable { .. } | Error::Damaged(_) | Error::Internal(_)) => {
                return fault_of_server(error);
            }
        };
        details.set_error_info(reason_name(reason), ERROR_DOMAIN, metadata);
        Self::with_error_details(code, message, details)
    }
}

/// What is no fault of the call: its cause is for the log.
fn fault_of_server(error: Error) -> Status {
    match error {
        Error::Unavailable { cause, outcome, retry_after } => {
            tracing::error!(%cause, "the store is not available");
            unavailable(outcome, retry_after)
        }
        Error::Damaged(cause) => {
            tracing::error!(%cause, "a call met what is damaged; plaudit store check says what else is");
            damaged()
        }
        error => {
            tracing::error!(cause = %error, "a call failed with an internal error");
            internal_fault()
        }
    }
}

/// What a caller of gRPC can do about an error that does not say so itself.
fn next_step(error: &Error) -> &'static str {
    match error {
        Error::AlreadyImported { .. } => {
            "; with on_conflict CONFLICT_POLICY_APPEND what is new in it is added, with CONFLICT_POLICY_RETURN_EXISTING the one \
             that is stored is returned"
        }
        Error::TeamExists { .. } => "; UpdateTeam changes it",
        _ => "",
    }
}

/// The error of one item of a stream, as data: with the reason and message of the status that a call of its own would have had,
/// but with all violations, because it does not travel in headers.
pub fn failure(error: Error) -> v1::ImportFailure {
    let all = match &error {
        Error::Invalid(violations) => Some(violations.clone()),
        _ => None,
    };
    let answered = Status::from(error);
    let details = answered.get_error_details();
    let reason = details
        .error_info()
        .and_then(|info| ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason)));
    let field_violations = match &all {
        Some(violations) => violations
            .iter()
            .map(|violation| v1::FieldViolation {
                field: violation.field.clone(),
                description: violation.message.clone(),
            })
            .collect(),
        None => details.bad_request().map_or_else(Vec::new, |request| {
            let violations = request.field_violations.iter();
            violations
                .map(|violation| v1::FieldViolation {
                    field: violation.field.clone(),
                    description: violation.description.clone(),
                })
                .collect()
        }),
    };
    v1::ImportFailure {
        reason: reason.unwrap_or(ErrorReason::InternalFault).into(),
        message: answered.message().to_owned(),
        field_violations,
    }
}

/// Errors travel in headers, which many clients limit to 8 KiB and others to 16; this leaves room for the other headers. The
/// message appears there twice: percent-encoded, and in the base64 of the details.
const MAX_HEADER_BYTES: usize = 7 * 1024;
const MAX_VIOLATIONS_BYTES: usize = 3584;
const MAX_RULE_BYTES: usize = 480;

/// The metadata key for the number of violations that [`invalid`] leaves out.
const FURTHER_VIOLATIONS: &str = "further_violations";

/// INVALID_ARGUMENT with every violation, or with as many as fit and the number of the rest.
pub fn invalid(violations: &Violations) -> Status {
    let mut details = ErrorDetails::new();
    let mut metadata = HashMap::new();
    let mut bytes_left = MAX_VIOLATIONS_BYTES;
    let mut further = violations.iter().len() + violations.left_out();
    for violation in violations.iter() {
        let rule = shortened(&violation.message, MAX_RULE_BYTES);
        let bytes = violation.field.len() + rule.len() + 8;
        if bytes > bytes_left {
            break;
        }
        bytes_left -= bytes;
        further -= 1;
        details.add_bad_request_violation(&violation.field, rule);
    }
    if further > 0 {
        metadata.insert(FURTHER_VIOLATIONS.to_owned(), further.to_string());
    }
    details.set_error_info(reason_name(ErrorReason::InvalidFields), ERROR_DOMAIN, metadata);
    let message =
        invalid_message(violations, MAX_HEADER_BYTES - in_base64(MAX_VIOLATIONS_BYTES - bytes_left));
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// The first violations, as many as fit into this part of the headers, and the number of the rest.
fn invalid_message(violations: &Violations, mut header_bytes_left: usize) -> String {
    const REST: &str = "the request is not valid; and 1000000 more";
    header_bytes_left = header_bytes_left.saturating_sub(header_bytes(REST));
    let mut message = "the request is not valid".to_owned();
    let mut further = violations.iter().len() + violations.left_out();
    for (index, violation) in violations.iter().enumerate() {
        let separator = if index == 0 { ": " } else { "; " };
        let rule = shortened(&violation.message, MAX_RULE_BYTES);
        let told = format!("{separator}{}: {rule}", violation.field);
        let Some(left) = header_bytes_left.checked_sub(header_bytes(&told)) else { break };
        header_bytes_left = left;
        message += &told;
        further -= 1;
    }
    if further > 0 {
        message += &format!("; and {further} more");
    }
    message
}

/// How many bytes of headers a part of a message takes.
fn header_bytes(text: &str) -> usize {
    // At least what `tonic` encodes; a letter or digit stays one byte.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.,:;-[]()".contains(&byte);
    let encoded: usize = text.bytes().map(|byte| if is_plain(byte) { 1 } else { 3 }).sum();
    encoded + in_base64(text.len())
}

fn in_base64(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Truncates a text to `max_bytes`, marking the cut with an ellipsis.
fn shortened(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let whole = text.get(..text.floor_char_boundary(max_bytes)).unwrap_or_default();
    format!("{whole}…")
}

fn unavailable(outcome: Outcome, retry_after: Option<Duration>) -> Status {
    let (message, outcome) = match outcome {
        Outcome::NothingWritten => {
            ("the store is not available for now, and nothing was written; retry", "nothing_written")
        }
        Outcome::Unknown => {
            ("the store is not available; retry, with the same request id if the call writes", "unknown")
        }
    };
    let mut details = ErrorDetails::new();
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    let metadata = HashMap::from([("outcome".to_owned(), outcome.to_owned())]);
    details.set_error_info(reason_name(ErrorReason::StoreUnavailable), ERROR_DOMAIN, metadata);
    Status::with_error_details(Code::Unavailable, message, details)
}
