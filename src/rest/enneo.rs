//! The Enneo dialect: its ticket endpoints. docs/rest-enneo.md describes it.
//!
//! Every path exists with and without the prefix `/api/mind`, as Enneo documents both.

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

/// The path prefixes that get this dialect's errors.
pub const PREFIXES: [&str; 2] = ["/api/mind/", "/ticket/"];

pub fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/api/mind/ticket/{id}/conversation/store", post(store::post_store))
        .route("/ticket/{id}/conversation/store", post(store::post_store))
        .route("/api/mind/ticket/{id}/assessments", get(assessments::list))
        .route("/ticket/{id}/assessments", get(assessments::list))
}
