//! The CraftCX dialect: `POST /v1/assess` and `GET /v1/assess/{id}`. docs/rest-craftcx.md describes it.

mod result;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State, rejection::PathRejection},
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use serde::Serialize;

use crate::{
    domain::{ImportLimits, NewConversation, Receipt, Violations},
    error::Error,
    interchange::{craftcx::parse_conversation, json},
    service::{
        Services,
        assessment::get_scored_import,
        import::{ConflictPolicy, import_conversation},
    },
    wire::MAX_REQUEST_BYTES,
};

use super::{answer::answer, fault::Fault, request};

/// The limit of the documented API; the other limits are the domain's.
const MAX_MESSAGES: usize = 50;

pub fn routes() -> Router<Arc<Services>> {
    Router::new().route("/v1/assess", post(post_assess)).route("/v1/assess/{id}", get(get_assess))
}

async fn post_assess(State(services): State<Arc<Services>>, request: Request) -> Response {
    import(&services, request).await.unwrap_or_else(|fault| error(&fault))
}

async fn get_assess(
    State(services): State<Arc<Services>>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    // A path that cannot be decoded names no import.
    let id = id.map(|Path(id)| id).unwrap_or_default();
    find(&services, &id).await.unwrap_or_else(|fault| error(&fault))
}

async fn import(services: &Services, request: Request) -> Result<Response, Fault> {
    let (head, body) = request.into_parts();
    let body = request::read_json_body(&head.headers, body, MAX_REQUEST_BYTES).await?;
    let mut violations = Violations::default();
    let key = request::idempotency_key(&head.headers, &mut violations);
    let limits = ImportLimits { messages: MAX_MESSAGES, ..services.import_limits() };
    let new = violations.collect(parse_conversation(&body, limits))?;
    match import_conversation(
        request::call(services).with_request_id(key.as_ref()),
        &new,
        ConflictPolicy::Reject,
    )
    .await
    {
        Ok(imported) => Ok(accepted(&new, &imported.receipt)),
        Err(Error::AlreadyImported { receipt, .. }) => Ok(duplicate(&new, &receipt)),
        Err(error) => Err(error.into()),
    }
}

async fn find(services: &Services, id: &str) -> Result<Response, Fault> {
    let not_found = || {
        let message = format!(
            "there is no import with the id {}; send the `id` from the answer to POST /v1/assess, of {} characters",
            json::shown(id),
            Receipt::LENGTH
        );
        Fault::new(StatusCode::NOT_FOUND, message)
    };
    let receipt: Receipt = id.parse().map_err(|_| not_found())?;
    match get_scored_import(request::call(services), &receipt, result::MAX_ASSESSMENTS).await {
        Ok(import) => Ok(answer(StatusCode::OK, &result::to_json(import))),
        Err(Error::NotFound { .. }) => Err(not_found()),
        Err(error) => Err(error.into()),
    }
}

fn accepted(new: &NewConversation, receipt: &Receipt) -> Response {
    #[derive(Serialize)]
    struct Accepted<'a> {
        id: &'a str,
        external_ticket_id: &'a str,
        source: &'a str,
        status: &'static str,
    }
    let body = Accepted {
        id: receipt.as_str(),
        external_ticket_id: &new.external_id,
        source: &new.source,
        status: result::ACCEPTED,
    };
    answer(StatusCode::ACCEPTED, &body)
}

/// The body of an error: `{"error":{…}}`.
#[derive(Serialize)]
struct ErrorBody<T> {
    error: T,
}

fn duplicate(new: &NewConversation, receipt: &Receipt) -> Response {
    #[derive(Serialize)]
    struct Duplicate<'a> {
        code: &'static str,
        message: &'static str,
        source: &'a str,
        ticket_id: &'a str,
        id: &'a str,
    }
    let error = Duplicate {
        code: "duplicate_import",
        message: "this ticket has already been imported from this source; get it by its id",
        source: &new.source,
        ticket_id: &new.external_id,
        id: receipt.as_str(),
    };
    answer(StatusCode::CONFLICT, &ErrorBody { error })
}

/// The format of every other error.
pub fn error(fault: &Fault) -> Response {
    #[derive(Serialize)]
    struct Shown<'a> {
        code: &'static str,
        message: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fields: Vec<Field<'a>>,
    }
    #[derive(Serialize)]
    struct Field<'a> {
        path: &'a str,
        message: &'a str,
    }
    let fields = fault.violations.iter();
    let fields =
        fields.map(|violation| Field { path: &violation.field, message: &violation.message }).collect();
    let error = Shown { code: fault.code, message: &fault.message, fields };
    fault.respond(&ErrorBody { error })
}
