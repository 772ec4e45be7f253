//! The REST edge: the documented JSON endpoints of other products, one file per dialect. A dialect decodes, calls the use
//! case and encodes; it holds no rule of its own and knows no store.
//!
//! What all dialects do alike stands beside them: reading a request, and what went wrong before a dialect gives it its shape.
//! `interchange` reads JSON by path, and the documents that come by other ways too.

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

/// Every route of every dialect, and an answer in the fitting shape for every other request.
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

/// How a dialect shows what went wrong.
type Render = fn(&Fault) -> Response;

/// By the beginning of a path, whose callers come there. The table may grow; the first that fits is taken.
const DIALECTS: [(&str, Render); 5] = [
    ("/v1/assess", craftcx::error),
    ("/v1/conversations", dixa::error),
    ("/beta/", dixa::error),
    (enneo::PREFIXES[0], enneo::error),
    (enneo::PREFIXES[1], enneo::error),
];

/// An error that arises outside a handler, in the shape of the dialect whose prefix fits.
pub fn error(path: &str, status: StatusCode, message: &str) -> Response {
    render(path, &Fault::new(status, message))
}

fn render(path: &str, fault: &Fault) -> Response {
    let dialect = DIALECTS.iter().find(|(prefix, _)| path.starts_with(prefix));
    dialect.map_or(plain_error as Render, |(_, render)| *render)(fault)
}

async fn not_found(request: Request) -> Response {
    let path = request.uri().path();
    let message = format!("there is nothing at {}", json::shown(path));
    error(path, StatusCode::NOT_FOUND, &message)
}

/// For a path that is known. The router adds `Allow`.
async fn method_not_allowed(request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let method = json::shown(request.method().as_str());
    let message = format!("{method} is not possible here; the header Allow names what is");
    error(request.uri().path(), StatusCode::METHOD_NOT_ALLOWED, &message)
}
