//! The signals that stop a command.

use std::{sync::mpsc, thread};

use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};

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

    /// Ends the process at the first signal, once it is reported. For what writes to a pipe: its thread waits for whoever reads.
    pub(super) fn end_process(exit_code: i32, report: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
        let (told, listening) = mpsc::channel();
        thread::spawn(move || match Self::listen_here() {
            Ok((runtime, mut signals)) => {
                // Nobody has gone: they wait for this.
                let _ = told.send(Ok(()));
                runtime.block_on(signals.next());
                report();
                std::process::exit(exit_code);
            }
            Err(failure) => drop(told.send(Err(failure))),
        });
        listening.recv().unwrap_or_else(|cause| Err(Failure::failed(cause)))
    }

    /// On a thread of its own.
    fn listen_here() -> Result<(Runtime, Self), Failure> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
        let signals = runtime.block_on(async { Self::listen() })?;
        Ok((runtime, signals))
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
