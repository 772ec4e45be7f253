//! The signals that stop a command.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failure;

/// SIGINT and SIGTERM.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::failed);
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Resolves at the first signal. A second one exits the process with this code, after it was reported.
    pub(super) async fn first(mut self, exit_code: i32, report: impl FnOnce() + Send + 'static) {
        self.next().await;
        tokio::spawn(async move {
            self.next().await;
            report();
            std::process::exit(exit_code);
        });
    }
}
