pub fn router(_: std::sync::Arc<crate::service::Services>) -> axum::Router {
    crate::server::Edges::default().rest
}
pub use crate::server::json_error as error;
