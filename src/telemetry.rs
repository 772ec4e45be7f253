//! The log: what is written, in which form, and what becomes of a panic.

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
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
};

use buffer::Buffer;

/// Where the lines of the whole process wait; absent where they are written one by one.
static BUFFER: OnceLock<Buffer> = OnceLock::new();

/// How long a line waits at most for others to be written with.
const LATEST: Duration = Duration::from_millis(100);
/// How long the process waits for a reader of the log who stalls.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// The form of the log's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    Text,
    Json,
}

/// Sends the log of the whole process to standard error. `level` is a filter as in `info,plaudit::access=off`.
///
/// On a terminal each line is written by itself. Elsewhere lines are written together, in their order, at the latest
/// after 100 ms, and at once from a warning on; whoever ends the process calls [`flush`].
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
    let tell_dropped =
        |lines: u64| tracing::warn!(lines, "the log was not read fast enough; lines were dropped");
    let buffer = Buffer::start(io::stderr(), LATEST, tell_dropped).map_err(InitError::Thread)?;
    Ok(BUFFER.get_or_init(|| buffer).clone())
}

/// Waits until what was logged so far is written, for a second at most.
pub fn flush() {
    if let Some(buffer) = BUFFER.get() {
        buffer.flush(FLUSH_WITHIN);
    }
}

/// Why the log was not set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{0}")]
    Level(String),
    #[error("the log was set up before")]
    Twice,
    #[error("the log's thread does not start: {0}")]
    Thread(#[source] io::Error),
}

/// A filter: a level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or several for parts of the program.
pub fn parse_level(level: &str) -> Result<Targets, InitError> {
    level.parse().map_err(|error: tracing_subscriber::filter::ParseError| InitError::Level(error.to_string()))
}

/// Lines for people; `colours` is for terminals.
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

/// Writes a panic into the log, within the span of the call that it happened in, so that the line has the request id.
///
/// Only a fixed message is written: one made at run time may quote what a caller sent. It is there at level `debug`.
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
    // Nobody may be left to do it later.
    flush();
}
