//! The REST edge: the documented JSON endpoints of other products, one module per dialect. A dialect decodes, calls the use
//! case and encodes; it holds no rules and does not know the store.
//!
//! What the dialects share is beside them: reading requests, and faults before a dialect renders them. `interchange` reads JSON
//! by path, and documents that also arrive by other ways.

mod answer;
mod attachment;
mod craftcx;
mod dixa;
mod enneo;
mod fault;
mod numbers;
mod options;
mod request;

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode};

use crate::{interchange::json, service::Services};

use fault::{Fault, plain_error};

pub use options::Options;

/// Every route of every dialect, and a fallback that answers in the matching dialect's format.
pub fn router(services: Arc<Services>, options: &Options) -> Router {
    Router::new()
        .merge(craftcx::routes())
        .merge(enneo::routes())
        .merge(attachment::routes())
        .merge(dixa::routes(Arc::clone(&services), options))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(services)
}

/// How a dialect renders an error.
type Render = fn(&Fault) -> Response;

/// Path prefixes and their dialects. The first match wins. Below `/v1` only Dixa's paths are another's than CraftCX's.
const DIALECTS: [(&str, Render); 5] = [
    ("/v1/conversations", dixa::error),
    ("/v1/", craftcx::error),
    ("/beta/", dixa::error),
    (enneo::PREFIXES[0], enneo::error),
    (enneo::PREFIXES[1], enneo::error),
];

/// An error from outside a handler, in the format of the dialect whose prefix matches.
pub fn error(path: &str, status: StatusCode, message: &str) -> Response {
    render(path, &Fault::new(status, message))
}

fn render(path: &str, fault: &Fault) -> Response {
    let dialect = DIALECTS.iter().find(|(prefix, _)| path.starts_with(prefix));
    dialect.map_or(plain_error as Render, |(_, render)| *render)(fault)
}

/// What there is, for whoever asked for something else.
const PATHS: &str = "there are POST /v1/assess and GET /v1/assess/{id} (CraftCX), POST /ticket/{id}/conversation/store and \
     GET /ticket/{id}/assessments (Enneo), GET /v1/conversations/{id}/ratings, POST …/ratings/offer and POST \
     …/ratings/{rating}/submit (Dixa); health is asked over gRPC, as `plaudit health` does";

async fn not_found(request: Request) -> Response {
    let path = request.uri().path();
    let next = if is_grpc_path(path) {
        "gRPC calls need HTTP/2 and Content-Type: application/grpc, as grpcurl and the generated clients send them"
    } else {
        PATHS
    };
    let message = format!("there is nothing at {}; {next}", json::shown(path));
    error(path, StatusCode::NOT_FOUND, &message)
}

/// `/package.Service/Method`.
fn is_grpc_path(path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    let service = segments.next().unwrap_or_default();
    service.contains('.')
        && segments.next().is_some_and(|method| !method.is_empty())
        && segments.next().is_none()
}

/// For a known path. The router adds `Allow`; the message says the same.
async fn method_not_allowed(request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let path = request.uri().path();
    let takes_posts =
        path == "/v1/assess" || ["/store", "/offer", "/submit"].iter().any(|end| path.ends_with(end));
    let allowed = if takes_posts { "POST" } else { "GET or HEAD" };
    let method = json::shown(request.method().as_str());
    error(path, StatusCode::METHOD_NOT_ALLOWED, &format!("{method} is not allowed here; use {allowed}"))
}
