//! Puts the parts together that `plaudit serve` runs: the store, the use cases, the edges, the workers.

use std::{net::SocketAddr, sync::Arc};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::{config::Config, server::Edges};

/// What a running server is made of, besides the server itself.
pub struct Assembly {
    pub edges: Edges,
    /// Tells the server that the store has failed.
    pub store_failure: watch::Receiver<Option<Arc<str>>>,
    /// Ends the workers, then closes the store. It is run when no call is left.
    pub close: Box<dyn FnOnce() -> BoxFuture<'static, Result<(), AssemblyError>> + Send>,
    /// Shows what the server does, on standard output, once it serves at the address. A failure ends the server.
    pub demo: Option<Demo>,
}

/// A demonstration against the running server.
pub type Demo = Box<dyn FnOnce(SocketAddr) -> BoxFuture<'static, Result<(), AssemblyError>> + Send>;

/// Why the parts could not be put together, or not be ended.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AssemblyError(pub String);

/// Opens the store that the settings name and builds everything on top of it.
///
/// With `demo` sample conversations are imported and scored once the server runs.
pub async fn build(_config: &Config, demo: bool) -> Result<Assembly, AssemblyError> {
    if demo {
        return Err(AssemblyError("this version has no demo yet".to_owned()));
    }
    let (_, store_failure) = watch::channel(None);
    Ok(Assembly {
        edges: Edges::default(),
        store_failure,
        close: Box::new(|| Box::pin(async { Ok(()) })),
        demo: None,
    })
}
