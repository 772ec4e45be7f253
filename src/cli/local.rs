//! A server within the process, for commands that are given a data directory instead of a running server's address.

use std::path::Path;

use tokio::{sync::oneshot, task::JoinHandle};

use super::{Failure, serve};
use crate::{
    assembly::{self, Assembly, Close},
    config::{Config, Inputs, Settings},
    server::{self, Drained, ServeError},
};

/// A server that serves this process alone, on a port of its own of the loopback.
pub(super) struct Local {
    url: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<Drained, ServeError>>,
    close: Close,
    config: Config,
}

impl Local {
    /// Opens the data directory and serves it. Where a server holds it, the error says which.
    pub(super) async fn start(data: &Path) -> Result<Self, Failure> {
        let flags = vec![("data", data.display().to_string()), ("listen", "127.0.0.1:0".to_owned())];
        // The other settings as serve has them: how long a worklog idles decides how a conversation is scored.
        let inputs = Inputs { file: None, environment: std::env::vars_os().collect(), flags };
        let usage = |cause: &dyn std::fmt::Display| Failure::Usage(cause.to_string());
        let config = Settings::read(&inputs).map_err(|cause| usage(&cause))?;
        let config = config.config().map_err(|cause| usage(&cause))?;
        let listener = server::bind(config.listen).await.map_err(Failure::failed)?;
        let address = listener.local_addr().map_err(Failure::failed)?;
        let Assembly { edges, store_failure, close } =
            assembly::build(&config, address).await.map_err(Failure::failed)?;
        let (stop, stopped) = oneshot::channel();
        let options = serve::options(&config);
        let served = tokio::spawn(server::serve(listener, edges, options, store_failure, async {
            // It also ends when this process forgets the server.
            let _ = stopped.await;
        }));
        Ok(Self { url: format!("http://{address}"), stop, served, close, config })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it in order. What waits for its scoring is scored when a server next serves the directory.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        // It is gone already when the store has failed, which is told below.
        let _ = self.stop.send(());
        let served = self.served.await.map_err(Failure::failed)?;
        let closed = (self.close)(serve::drain(&self.config)).await;
        served.map_err(Failure::failed)?;
        closed.map_err(Failure::failed)
    }
}
