//! The Enneo dialect: `GET /ticket/{ticketId}/assessments`. docs/rest-enneo.md describes it.

mod assessments;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, rejection::PathRejection},
    response::Response,
    routing::get,
};
use http::StatusCode;
use serde::Serialize;

use crate::{
    domain::{ConversationId, ConversationRef, FIRST_ID},
    error::Error,
    service::Services,
};

use super::{fault::Fault, json};

/// The source whose external ids the paths of this dialect name, and whose agents keep their numbers.
const SOURCE: &str = "enneo";

/// The document prints its paths both with this and without.
const BASE_PATH: &str = "/api/mind";

pub fn routes() -> Router<Arc<Services>> {
    ["", BASE_PATH].into_iter().fold(Router::new(), |router, base| {
        router.route(&format!("{base}/ticket/{{ticketId}}/assessments"), get(assessments::list))
    })
}

/// The ticket that a path names.
struct Ticket {
    /// As the path says it.
    number: u64,
    conversation: ConversationRef,
}

impl Ticket {
    /// From our first number on a number is the conversation's own; below it is an external id of the dialect's source.
    fn of_path(segment: Result<Path<String>, PathRejection>) -> Result<Self, Fault> {
        // A path that cannot be decoded names no number either.
        let segment = segment.map(|Path(segment)| segment).unwrap_or_default();
        let is_positive_integer = !segment.starts_with('0')
            && !segment.is_empty()
            && segment.bytes().all(|byte| byte.is_ascii_digit());
        if !is_positive_integer {
            let shown = json::shortened(&segment);
            let message = format!("ticketId must be a positive integer without leading zeros, is {shown}");
            return Err(Fault::new(StatusCode::BAD_REQUEST, message));
        }
        // A number that is too large for any ticket is one that there is none of.
        let number = segment.parse().map_err(|_| unknown_ticket(&segment))?;
        let conversation = if number >= FIRST_ID {
            ConversationRef::Id(ConversationId(number))
        } else {
            ConversationRef::External { source: SOURCE.to_owned(), external_id: segment }
        };
        Ok(Self { number, conversation })
    }

    /// What a use case's error says to a caller who knows tickets.
    fn fault(&self, error: Error) -> Fault {
        match error {
            Error::NotFound { .. } => unknown_ticket(&self.number.to_string()),
            error => error.into(),
        }
    }
}

fn unknown_ticket(number: &str) -> Fault {
    Fault::new(StatusCode::NOT_FOUND, format!("there is no ticket {}", json::shortened(number)))
}

/// The shape of every error.
pub fn error(fault: &Fault) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        success: bool,
        message: &'a str,
    }
    fault.respond(&Body { success: false, message: &fault.message })
}
