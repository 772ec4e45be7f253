//! Ticket ids in paths, and ticket errors.

use axum::{
    extract::{Path, rejection::PathRejection},
    response::Response,
};
use http::StatusCode;
use serde::Serialize;

use crate::{
    domain::{ConversationId, ConversationRef, ExternalId, FIRST_ID, SourceName},
    error::{Error, ResourceKind},
    interchange::json,
    rest::fault::Fault,
    service::Services,
};

/// `{"success":false,"message":…}`: the format of every error.
pub fn error(fault: &Fault) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        success: bool,
        message: &'a str,
    }
    fault.respond(&Body { success: false, message: &fault.message })
}

pub struct Ticket {
    /// The number that the caller used.
    pub id: u64,
    pub conversation: ConversationRef,
}

impl Ticket {
    /// Parses a ticket id: below our own range it is an external id in the dialect's source, from there on a conversation's
    /// number.
    pub fn of_path(services: &Services, path: Result<Path<String>, PathRejection>) -> Result<Self, Fault> {
        // A path that cannot be decoded holds no number.
        let text = path.map(|Path(id)| id).unwrap_or_default();
        let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        if !is_canonical || text.is_empty() {
            let message = format!("ticketId: must be a positive integer, is {}", json::shown(&text));
            return Err(Fault::new(StatusCode::BAD_REQUEST, message));
        }
        // A number too large for u64 is not found, like any number that has not been assigned.
        let id = text.parse().map_err(|_| not_found(&text))?;
        let conversation = if id >= FIRST_ID {
            ConversationRef::Id(ConversationId(id))
        } else {
            ConversationRef::External {
                source: SourceName::mended(services.settings().enneo_source),
                external_id: ExternalId::of_number(id),
            }
        };
        Ok(Self { id, conversation })
    }

    /// Maps a use case's error to a fault in terms of tickets.
    pub fn fault(&self, error: Error) -> Fault {
        match error {
            Error::NotFound { kind: ResourceKind::Conversation, .. } => not_found(&self.id.to_string()),
            error => error.into(),
        }
    }
}

fn not_found(id: &str) -> Fault {
    Fault::new(StatusCode::NOT_FOUND, format!("there is no ticket {}", json::shown(id)))
}
