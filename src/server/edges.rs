//! What the server hands its calls to.

use axum::{Router, body::Body};
use http::{Response, StatusCode};

use super::{methods::Methods, refusal::Wording};

/// Renders an error of the server itself (403, 408, 500, 503) in the format that callers of this path expect.
pub type RestError = fn(path: &str, status: StatusCode, message: &str) -> Response<Body>;

pub struct Edges {
    pub grpc: GrpcEdge,
    pub rest: Router,
    pub rest_error: RestError,
}

pub struct GrpcEdge {
    pub router: Router,
    pub methods: Methods,
    pub wording: Wording,
    /// Makes the health service report SERVING, or NOT_SERVING.
    pub report_serving: Box<dyn Fn(bool) + Send + Sync>,
}
