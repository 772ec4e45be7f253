//! What answers the calls that the server takes.

use axum::{Router, body::Body};
use futures_util::future::BoxFuture;
use http::{Response, StatusCode};

use super::{methods::Methods, refusal::Wording};

/// Renders an error of the server's own (403, 408, 500, 503) in the shape that callers of this path expect.
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
    /// Has its health service say NOT_SERVING; run when the server begins to drain.
    pub stop_serving: Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>,
}
