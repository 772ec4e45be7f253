//! Logging: filter, format and output, and the panic hook.

mod buffer;

use std::{
    io::{self, IsTerminal as _},
    panic::PanicHookInfo,
    sync::OnceLock,
    time::Duration,
};

use serde::Deserialize;
use tracing::Subscriber;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
};

use buffer::Buffer;

/// The log buffer of the process; absent when lines are written directly.
static BUFFER: OnceLock<Buffer> = OnceLock::new();

/// The longest that a line is held back to be written together with others.
const LATEST: Duration = Duration::from_millis(100);
/// The longest that a flush waits for a stalled reader.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// The log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    Text,
    Json,
}

/// Sends the log of the process to standard error. `level` is a filter such as `info,plaudit::access=off`.
///
/// On a terminal each line is written directly. Elsewhere lines are batched, in order, for at most 100 ms, and written at once
/// from a warning on; whoever ends the process must call [`flush`].
pub fn init(level: &str, format: LogFormat) -> Result<(), InitError> {
    let filter = parse_level(level)?;
    let terminal = io::stderr().is_terminal();
    let json = match format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let set = match (json, terminal) {
        (true, true) => tracing::subscriber::set_global_default(json_lines(filter, io::stderr)),
        (false, true) => tracing::subscriber::set_global_default(text_lines(filter, io::stderr, true)),
        (true, false) => tracing::subscriber::set_global_default(json_lines(filter, buffer()?)),
        (false, false) => tracing::subscriber::set_global_default(text_lines(filter, buffer()?, false)),
    };
    set.map_err(|_| InitError::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn buffer() -> Result<Buffer, InitError> {
    let report_dropped =
        |lines: u64| tracing::warn!(lines, "the log was not read fast enough; some lines were dropped");
    let buffer = Buffer::start(io::stderr(), LATEST, report_dropped).map_err(InitError::Thread)?;
    Ok(BUFFER.get_or_init(|| buffer).clone())
}

/// Waits until everything logged so far is written, for at most one second.
pub fn flush() {
    if let Some(buffer) = BUFFER.get() {
        buffer.flush(FLUSH_WITHIN);
    }
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{0}")]
    Level(String),
    #[error("logging is already set up")]
    Twice,
    #[error("cannot start the log thread: {0}")]
    Thread(#[source] io::Error),
}

/// Parses a filter: a level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or several by module.
pub fn parse_level(level: &str) -> Result<Targets, InitError> {
    // The parser takes any other word for the name of a module: a misspelt level would silence everything else.
    let unknown = |part: &&str| !part.contains('=') && part.trim().parse::<LevelFilter>().is_err();
    if let Some(part) = level.split(',').find(unknown) {
        return Err(InitError::Level(format!("{part:?} is not a level")));
    }
    level.parse().map_err(|error: tracing_subscriber::filter::ParseError| InitError::Level(error.to_string()))
}

/// Human-readable lines; `colours` is for terminals.
pub fn text_lines<W>(filter: Targets, writer: W, colours: bool) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer).with_ansi(colours);
    tracing_subscriber::registry().with(filter).with(lines)
}

/// One JSON object per line.
pub fn json_lines<W>(filter: Targets, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer);
    tracing_subscriber::registry().with(filter).with(lines)
}

/// Logs a panic within the span of its call, so that the line has the request id.
///
/// Only a static message is logged: a formatted one may quote what a caller sent, and is logged at level `debug`.
fn log_panic(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let payload = info.payload();
    if let Some(message) = payload.downcast_ref::<&'static str>() {
        tracing::error!(location, message, "panic");
    } else {
        tracing::error!(location, "panic; its message is logged at level debug");
        if let Some(message) = payload.downcast_ref::<String>() {
            tracing::debug!(message, "panic");
        }
    }
    // The process may be about to end.
    flush();
}
