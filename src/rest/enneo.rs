//! The Enneo dialect: what its tickets are asked for. docs/rest-enneo.md describes it.
//!
//! Every path stands below `/api/mind` and without it, as the document prints both.

mod answer;
mod assessments;
mod store;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, rejection::PathRejection},
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use serde::Serialize;

use crate::{
    domain::{ConversationId, ConversationRef, ExternalId, FIRST_ID, SourceName},
    error::{Error, ResourceKind},
    interchange::json,
    service::Services,
};

use super::fault::Fault;

/// Where the paths begin; other paths get other dialects' errors.
pub const PREFIXES: [&str; 2] = ["/api/mind/", "/ticket/"];

pub fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/api/mind/ticket/{id}/conversation/store", post(store::post_store))
        .route("/ticket/{id}/conversation/store", post(store::post_store))
        .route("/api/mind/ticket/{id}/assessments", get(assessments::list))
        .route("/ticket/{id}/assessments", get(assessments::list))
}

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
struct Ticket {
    /// As callers write it.
    id: u64,
    conversation: ConversationRef,
}

impl Ticket {
    /// The number of a path: below ours it is one of the source's own, from there on it is a conversation's.
    fn of_path(services: &Services, path: Result<Path<String>, PathRejection>) -> Result<Self, Fault> {
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
    fn fault(&self, error: Error) -> Fault {
        match error {
            Error::NotFound { kind: ResourceKind::Conversation, .. } => not_found(&self.id.to_string()),
            error => error.into(),
        }
    }
}

fn not_found(id: &str) -> Fault {
    Fault::new(StatusCode::NOT_FOUND, format!("there is no ticket {}", json::shown(id)))
}
