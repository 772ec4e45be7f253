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
            let plain = text.trim_start_matches('0');
            let next = match plain.is_empty()
                || plain.len() == text.len()
                || !plain.bytes().all(|byte| byte.is_ascii_digit())
            {
                true => String::new(),
                false => format!("; send {plain}"),
            };
            let message = format!(
                "ticketId: must be a positive whole number without leading zeros, is {}{next}",
                json::shown(&text)
            );
            return Err(Fault::new(StatusCode::BAD_REQUEST, message));
        }
        // A number too large for u64 is not found, like any number that has not been assigned.
        let id = text.parse().map_err(|_| none_of_ours(&text))?;
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
            Error::NotFound { kind: ResourceKind::Conversation, .. } => self.not_found(),
            error => error.into(),
        }
    }

    fn not_found(&self) -> Fault {
        match &self.conversation {
            ConversationRef::Id(id) => none_of_ours(&id.to_string()),
            ConversationRef::External { source, .. } => {
                let id = self.id;
                let message =
                    format!("there is no ticket {id}: nothing is stored for it in the source {source:?}");
                Fault::new(StatusCode::NOT_FOUND, message)
            }
        }
    }
}

/// For a number that only Plaudit issues.
fn none_of_ours(id: &str) -> Fault {
    let message = format!(
        "there is no ticket {}: numbers from {FIRST_ID} on are those that Plaudit has given to conversations, and none has this \
         one; send the ticket's id in your helpdesk, which is below",
        json::shown(id)
    );
    Fault::new(StatusCode::NOT_FOUND, message)
}
