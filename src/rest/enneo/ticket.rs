//! Tickets as paths name them, and what went wrong with one.

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

/// `{"success":false,"message":…}`: the shape of every error.
pub fn error(fault: &Fault) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        success: bool,
        message: &'a str,
    }
    fault.respond(&Body { success: false, message: &fault.message })
}

/// A ticket as a path names it.
pub struct Ticket {
    /// As callers write it.
    pub id: u64,
    pub conversation: ConversationRef,
}

impl Ticket {
    /// The number of a path: below ours it is one of the source's own, from there on it is a conversation's.
    pub fn of_path(services: &Services, path: Result<Path<String>, PathRejection>) -> Result<Self, Fault> {
        // A path that cannot be decoded holds no number either.
        let text = path.map(|Path(id)| id).unwrap_or_default();
        let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        if !is_canonical || text.is_empty() {
            let message = format!("ticketId: must be a positive integer, is {}", json::shown(&text));
            return Err(Fault::new(StatusCode::BAD_REQUEST, message));
        }
        // What no number of ours can be is not found, as a number of ours that is not given.
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

    /// What a use case's error says to a caller who knows tickets.
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
