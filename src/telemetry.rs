//! The log: what is written, in which form, and what becomes of a panic.

use std::{
    io::{self, IsTerminal as _},
    panic::PanicHookInfo,
};

use serde::Deserialize;
use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

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
pub fn init(level: &str, format: LogFormat) -> Result<(), InitError> {
    let terminal = io::stderr().is_terminal();
    let json = match format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let set = if json {
        tracing::subscriber::set_global_default(json_lines(parse_level(level)?, io::stderr))
    } else {
        tracing::subscriber::set_global_default(text_lines(parse_level(level)?, io::stderr, terminal))
    };
    set.map_err(|_| InitError::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Why the log was not set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{0}")]
    Level(String),
    #[error("the log was set up before")]
    Twice,
}

/// A filter: a level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or several for parts of the program.
pub fn parse_level(level: &str) -> Result<EnvFilter, InitError> {
    EnvFilter::try_new(level).map_err(|error| InitError::Level(error.to_string()))
}

/// Lines for people; `colours` is for terminals.
pub fn text_lines<W>(filter: EnvFilter, writer: W, colours: bool) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(colours).finish()
}

/// One JSON object per line.
pub fn json_lines<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(writer)
        .finish()
}

/// Writes a panic into the log, within the span of the call that it happened in, so that the line has the request id.
///
/// Only a fixed message is written: one made at run time may quote what a caller sent. It is there at level `debug`.
fn log_panic(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let payload = info.payload();
    if let Some(message) = payload.downcast_ref::<&'static str>() {
        tracing::error!(location, message, "panic");
        return;
    }
    tracing::error!(location, "panic; its message is logged at level debug");
    if let Some(message) = payload.downcast_ref::<String>() {
        tracing::debug!(message, "panic");
    }
}
