//! A server in this process, for commands that are given a data directory instead of the address of a running server.

use std::path::Path;

use tokio::{sync::oneshot, task::JoinHandle};

use super::{Failure, connect::require_directory, serve};
use crate::{
    assembly::{self, Assembly, Close},
    config::{Config, Inputs, Settings},
    server::{self, Drained, ServeError},
};

/// A server for this process only, on an ephemeral loopback port.
pub(super) struct Local {
    url: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<Drained, ServeError>>,
    close: Close,
    config: Config,
}

impl Local {
    /// Opens the data directory and serves it. If another server is using it, the error says which.
    pub(super) async fn start(data: &Path) -> Result<Self, Failure> {
        let flags = vec![("data", data.display().to_string()), ("listen", "127.0.0.1:0".to_owned())];
        // The other settings as `serve` reads them: some affect scoring, such as how long a worklog may idle.
        let inputs = Inputs { file: None, environment: std::env::vars_os().collect(), flags };
        let usage = |cause: &dyn std::fmt::Display| Failure::Usage(cause.to_string());
        let config = Settings::read(&inputs).map_err(|cause| usage(&cause))?;
        let config = config.config().map_err(|cause| usage(&cause))?;
        require_directory(&config.data)?;
        let listener = server::bind(config.listen).await.map_err(Failure::failed)?;
        let address = listener.local_addr().map_err(Failure::failed)?;
        let Assembly { edges, store: readiness, close } =
            assembly::build(&config, address, false).await.map_err(Failure::failed)?;
        let (stop, stopped) = oneshot::channel();
        let options = serve::options(&config);
        let served = tokio::spawn(server::serve(listener, edges, options, readiness, async {
            // Also resolves when the sender is dropped.
            let _ = stopped.await;
        }));
        Ok(Self { url: format!("http://{address}"), stop, served, close, config })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Shuts down gracefully. Conversations still waiting are scored when a server next serves the directory.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        // The server has already ended if the store has failed, which is reported below.
        let _ = self.stop.send(());
        let served = self.served.await.map_err(Failure::failed)?;
        let closed = (self.close)(serve::drain(&self.config)).await;
        served.map_err(Failure::failed)?;
        closed.map_err(Failure::failed)
    }
}
