//! `plaudit serve`: from the settings to a running server, and its shutdown.

use std::{io::Write as _, net::SocketAddr, thread, time::Duration};

use clap::builder::UnknownArgumentValueParser;
use tokio::sync::oneshot;

use super::{
    Failure,
    connect::require_directory,
    demo,
    settings::{All, SettingFlags},
    signals::Signals,
};
use crate::{
    assembly::{self, Assembly},
    config::Config,
    server::{self, BODY_IDLE, Drained, Options, ServeError},
    telemetry,
};

/// The start of the line on standard output that announces the listening address, which follows it, then a space.
pub const SERVING_LINE: &str = "listening on ";

/// Where a demo keeps its data.
const DEMO_DATA: &str = "plaudit-demo-data";

const AFTER_HELP: &str = "\
Once ready, it prints a line to standard output: listening on 127.0.0.1:50051 (…). The log goes to standard error. SIGINT and \
SIGTERM shut it down gracefully: health reports NOT_SERVING, no new calls are accepted, calls in flight and then running scoring get \
up to drain_seconds to finish, and the store is synced and closed. A second signal stops it immediately.

Exit codes: 0 shut down gracefully, 1 failed (also: the store failed, or a second signal), 2 wrong usage or settings.

Examples:
  plaudit serve
  plaudit serve --demo
  plaudit serve --listen 127.0.0.1:0 --data /tmp/try
  plaudit serve --config /etc/plaudit.toml --log-format json";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Serve {
    /// Import sample conversations, score them and print the results; the server keeps running. Its data is in ./plaudit-demo-data
    /// unless --data names another directory, which must hold no other conversations.
    #[arg(long)]
    demo: bool,
    /// Say once that the clock is right after the server was off for more than a week, or after the clock was wrong: until
    /// then nothing that has expired is removed (docs/operations.md).
    #[arg(long)]
    yes_the_clock_is_right: bool,
    // Flags that people try: named to point at the one that there is.
    #[arg(long, hide = true, value_parser = listen_instead())]
    port: Option<String>,
    #[arg(long, hide = true, value_parser = listen_instead())]
    host: Option<String>,
    #[command(flatten)]
    settings: SettingFlags<All>,
}

fn listen_instead() -> UnknownArgumentValueParser {
    UnknownArgumentValueParser::suggest("address and port are one flag, as in --listen 127.0.0.1:50051")
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failure> {
        let has_own_data = self.demo && !self.settings.has("data");
        let mut config = self.settings.config()?;
        if has_own_data {
            // Not where the settings say: there the samples would join what somebody keeps.
            config.data = DEMO_DATA.into();
        }
        telemetry::init(&config.log.level, config.log.format).map_err(Failure::failed)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(async_threads())
            .enable_all()
            .build()
            .map_err(Failure::failed)?;
        let outcome = runtime.block_on(serve(&config, self.demo, self.yes_the_clock_is_right));
        // Nothing is left to wait for: all calls have ended and the store is closed.
        runtime.shutdown_background();
        outcome
    }
}

/// One thread per processor, because scoring and the store have threads of their own; but at least two, so that one busy thread
/// does not block health checks.
fn async_threads() -> usize {
    thread::available_parallelism().map_or(2, |count| count.get().max(2))
}

async fn serve(config: &Config, demo: bool, clock_is_right: bool) -> Result<(), Failure> {
    let signals = Signals::listen()?;
    // Bind first: a server started twice by mistake fails before it touches the data.
    let listener = server::bind(config.listen).await.map_err(refused)?;
    let address = listener.local_addr().map_err(Failure::failed)?;
    require_directory(&config.data)?;
    let Assembly { edges, store: readiness, close } =
        assembly::build(config, address, clock_is_right).await.map_err(Failure::failed)?;
    announce(config, address);
    let (stop, mut demo_shown) = stop_and_demo(signals, demo.then_some(address));
    let served = server::serve(listener, edges, options(config), readiness, stop).await;
    let closed = close(drain(config)).await;
    let Drained { cut_calls, .. } = served.map_err(Failure::failed)?;
    closed.map_err(Failure::failed)?;
    tracing::info!(cut_calls, "stopped");
    demo_shown.try_recv().map_or(Ok(()), Err)
}

/// What stops the server: a signal, or a demo that failed, in which case the receiver holds the cause.
fn stop_and_demo(
    signals: Signals,
    demo: Option<SocketAddr>,
) -> (impl Future<Output = ()> + Send, oneshot::Receiver<Failure>) {
    let (failed, failure) = oneshot::channel();
    let stop = async move {
        let show = async move {
            let Some(address) = demo else { return std::future::pending().await };
            match demo::show(address).await {
                Ok(()) => std::future::pending().await,
                // The receiver is ignored if a signal came first.
                Err(cause) => drop(failed.send(Failure::failed(cause))),
            }
        };
        tokio::select! {
            () = show => {}
            () = signals.first(1, || {
                tracing::error!("a second signal: stopping immediately");
                telemetry::flush();
            }) => {}
        }
    };
    (stop, failure)
}

fn refused(error: ServeError) -> Failure {
    match error {
        ServeError::NotLoopback(_) => Failure::Usage(error.to_string()),
        _ => Failure::failed(error),
    }
}

pub(super) fn drain(config: &Config) -> Duration {
    Duration::from_secs(config.drain_seconds)
}

pub(super) fn options(config: &Config) -> Options {
    Options {
        drain: drain(config),
        body_idle: BODY_IDLE,
        max_connections: config.limits.connections,
        max_streams_per_connection: config.limits.streams_per_connection,
        allowed_hosts: config.allowed_hosts.clone(),
    }
}

/// Connections queue in the listener from `bind` on, so a client that reads this line can connect at once.
fn announce(config: &Config, address: SocketAddr) {
    let version = env!("CARGO_PKG_VERSION");
    let data = config.data.display();
    let mut out = std::io::stdout().lock();
    // A closed standard output does not stop the server.
    let _ = writeln!(
        out,
        "{SERVING_LINE}{address} (plaudit {version}, data in {data}, loopback only: no access control)"
    )
    .and_then(|()| out.flush());
    tracing::info!(%address, version, data = %data, "serving");
}
