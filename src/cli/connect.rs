//! How commands reach a running server.

use tonic::transport::Endpoint;

use super::Failure;

/// What `--server` means: a URL, or `host:port` alone.
pub(super) fn endpoint(server: &str) -> Result<Endpoint, Failure> {
    let url = if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
    Endpoint::from_shared(url.clone())
        .map_err(|_| Failure::Usage(format!("{url} is not a URL such as http://127.0.0.1:50051")))
}

/// The innermost cause, which says what happened: `Connection refused`.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
