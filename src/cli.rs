//! The command line, one file per command.

mod config;
mod connect;
mod demo;
mod export;
mod facts;
mod health;
mod import;
mod local;
mod output;
mod queue;
mod scorecard;
mod serve;
mod settings;
mod signals;
mod store;
mod whole_file;

#[cfg(feature = "fuzzing")]
pub use import::read_import;

use std::{path::Path, process::ExitCode};

use clap::{Parser, Subcommand};

use self::output::say;
use crate::telemetry;

pub use serve::SERVING_LINE;

/// Why a command failed, with its exit code.
#[derive(Debug)]
pub enum Failure {
    /// Exit code 1: the command failed.
    Failed(String),
    /// Exit code 2: the command line or a setting is wrong.
    Usage(String),
    /// Exit code 2: the command stopped before the end; the message says where to resume.
    Stopped(String),
    /// Exit code 3: the result is incomplete; what is missing was reported on standard error.
    Incomplete(String),
    /// Exit code 1, without a message: the reader of the output has closed it.
    OutputClosed,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage or settings; import and export have more: see their --help.

Examples:
  plaudit serve                                 serve on 127.0.0.1:50051, data in ./plaudit-data
  plaudit serve --data /var/lib/plaudit         keep the data elsewhere
  PLAUDIT_LOG_LEVEL=debug plaudit serve         any setting can come from the environment
  plaudit health                                is it serving? exit code 0 or 1
  plaudit import tickets.jsonl                  import conversations, one JSON object per line
  plaudit queue                                 how far behind is scoring?
  plaudit facts conversations/zendesk:4711      what is its score based on?
  plaudit scorecard check tidy.yaml             does a scorecard as a file say what it means?
  plaudit export everything.jsonl               export everything, to read or to import elsewhere
  plaudit store dump backup.dump                back up the store to one file, while the server is stopped
  plaudit config                                the effective settings and where each comes from
  grpcurl -plaintext localhost:50051 list       what the API offers";

/// A self-hosted conversation-quality server: it stores support conversations and scores them against rubrics.
#[derive(Debug, Parser)]
#[command(name = "plaudit", version, after_help = AFTER_HELP, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Serve),
    /// Check whether a running server is serving.
    Health(health::Health),
    /// Import conversations from a JSON Lines file into a running server.
    Import(import::Import),
    /// Show how far scoring is behind on a running server.
    Queue(queue::QueueCommand),
    /// Export everything that a running server holds as JSON Lines.
    Export(export::Export),
    /// Print the facts that a conversation is scored by, and the messages they rest on.
    Facts(facts::FactsCommand),
    /// Check your own scorecards.
    Scorecard(scorecard::ScorecardCommand),
    /// Print the effective settings and where each comes from.
    Config(config::Config),
    /// Dump a store to a file, or load one from it; the server must be stopped.
    Store(store::Store),
}

/// Whether a file is named by a dash: standard input, or standard output.
fn is_dash(file: &Path) -> bool {
    file == Path::new("-")
}

/// Runs the command that was given.
pub fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Health(health) => health.run(),
        Command::Import(import) => import.run(),
        Command::Queue(queue) => queue.run(),
        Command::Export(export) => export.run(),
        Command::Facts(facts) => facts.run(),
        Command::Scorecard(scorecard) => scorecard.run(),
        Command::Config(config) => config.run(),
        Command::Store(store) => store.run(),
    };
    // Before anything else is written to standard error, and before the process exits.
    telemetry::flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(message)) => {
            say(format_args!("plaudit: {message}"));
            ExitCode::from(1)
        }
        Err(Failure::OutputClosed) => ExitCode::from(1),
        Err(Failure::Incomplete(message)) => {
            say(format_args!("plaudit: {message}"));
            ExitCode::from(3)
        }
        Err(Failure::Usage(message) | Failure::Stopped(message)) => {
            say(format_args!("plaudit: {message}"));
            ExitCode::from(2)
        }
    }
}

impl Failure {
    fn failed(cause: impl std::fmt::Display) -> Self {
        Self::Failed(cause.to_string())
    }
}
