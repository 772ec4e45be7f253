//! The Enneo dialect: what its tickets are asked for. docs/rest-enneo.md describes it.
//!
//! Every path stands below `/api/mind` and without it, as the document prints both.

mod answer;
mod assessments;
mod store;
mod ticket;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use crate::service::Services;

pub use ticket::error;

/// Where the paths begin; other paths get other dialects' errors.
pub const PREFIXES: [&str; 2] = ["/api/mind/", "/ticket/"];

pub fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/api/mind/ticket/{id}/conversation/store", post(store::post_store))
        .route("/ticket/{id}/conversation/store", post(store::post_store))
        .route("/api/mind/ticket/{id}/assessments", get(assessments::list))
        .route("/ticket/{id}/assessments", get(assessments::list))
}
