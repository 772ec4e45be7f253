//! `plaudit import`: imports JSON Lines into a server through `ImportConversations`.

mod directory;
mod form;
mod input;
mod layout;
mod lines;
mod report;
mod session;
mod wait;

use std::{path::PathBuf, time::Duration};

use tonic::transport::Endpoint;

use super::{
    Failure,
    connect::{Target, quoted},
    is_dash,
    output::{plain, say},
    settings::whole_numbers,
    signals::Signals,
};
use crate::proto::v1::ConflictPolicy;
pub(super) use crate::wire::export::Lines;

#[cfg(feature = "fuzzing")]
pub use lines::read_import;

pub(super) use self::form::Form;
pub(super) use self::input::open;
pub(super) use self::lines::{Line, Reading, Work, broken, read};
use self::{
    input::Input,
    report::Report,
    session::{Session, Stop},
};

const AFTER_HELP: &str = "\
Each line is one conversation, either as the body of POST /v1/assess (docs/rest-craftcx.md) with up to 2000 messages, or as \
plaudit export writes it (docs/export.md); blank lines are skipped. A gzip file is read as it is; any other kind of \
file is refused with the command that makes lines of it. An invalid line is skipped and reported as FILE:LINE: FIELD: RULE, once for each rule that it breaks; \
beyond --list-bad such lines are only counted. A key or a word that is not known makes a line invalid, unless --lenient is given. \
A conversation that is already stored is left as it is, so importing a file twice stores \
nothing twice. What a file says of people and teams replaces what is stored. If the server goes away, the import waits for it. \
SIGINT stops it after the lines in flight. Whenever it can be resumed, it prints the command for that. If its output cannot \
be written, the import continues and the exit code reports the result; an output that was closed (>&-) is one that nobody wants to read.

With --on-conflict append, what a line has that is newer than what is stored is taken, too; what it says otherwise without being newer \
is kept as stored and reported as FILE:LINE: FIELD: what stays, and why. docs/export.md says what counts as newer.

Exit codes: 0 every conversation is stored, or was already; 1 some lines were invalid, all others are stored, or, with --wait, some \
conversations could not be scored; 2 the import could not continue or could not write its result, or wrong usage; 3 every conversation \
is stored, but some lines differ from what is stored and are not later, or, with --wait, the waiting ended before all was scored.

Examples:
  plaudit import tickets.jsonl
  plaudit import tickets.jsonl.gz
  plaudit import tickets.jsonl --from-line 120001
  jq -c '.[]' tickets.json | plaudit import -
  zstdcat tickets.jsonl.zst | plaudit import - --server 127.0.0.1:9000
  plaudit import tickets.jsonl --on-conflict append
  plaudit import tickets.jsonl --wait     come back when all of it is scored
  plaudit import everything.jsonl --data /var/lib/plaudit-new";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Import {
    /// The file; - is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    target: Target,
    /// What to do with a conversation that is already stored.
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = OnConflict::Skip)]
    on_conflict: OnConflict,
    /// Start at this line: those before it are neither checked nor counted.
    #[arg(long, value_name = "LINE", default_value_t = 1, allow_negative_numbers = true, value_parser = whole_numbers(1..))]
    from_line: u64,
    /// Import lines without the keys and words in them that are not known, and say how many were ignored and where.
    #[arg(long)]
    lenient: bool,
    /// How many invalid lines to report; further ones are only counted.
    #[arg(long, value_name = "LINES", default_value_t = LIST_BAD, allow_negative_numbers = true, value_parser = whole_numbers(0..))]
    list_bad: u64,
    /// How long to wait for a server that has gone away.
    #[arg(long, value_name = "SECONDS", default_value_t = WAIT_SECONDS, allow_negative_numbers = true, value_parser = whole_numbers(0..=86_400))]
    wait_seconds: u64,
    /// Wait until everything is scored; plaudit queue shows the progress.
    #[arg(long)]
    wait: bool,
}

const WAIT_SECONDS: u64 = 60;
const LIST_BAD: u64 = 20;

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum OnConflict {
    /// Leave it as it is.
    Skip,
    /// Append the messages that it does not have yet, and take what is newer.
    Append,
}

impl OnConflict {
    fn policy(self) -> ConflictPolicy {
        match self {
            Self::Skip => ConflictPolicy::Reject,
            Self::Append => ConflictPolicy::Append,
        }
    }
}

impl Import {
    pub(super) fn run(self) -> Result<(), Failure> {
        let runtime = self.target.runtime()?;
        let outcome = runtime.block_on(self.import());
        // Do not wait for the reading thread: a read of standard input may never return.
        runtime.shutdown_background();
        outcome
    }

    async fn import(self) -> Result<(), Failure> {
        let signals = Signals::listen()?;
        let name = if is_dash(&self.file) { "-".to_owned() } else { self.file.display().to_string() };
        let input = input::open(&self.file, "import")
            .map_err(|cause| Failure::Stopped(format!("{name}: {}", plain(&cause))))?;
        let reached = self.target.reach().await.map_err(|failure| match failure {
            Failure::Failed(cause) => Failure::Stopped(cause),
            other => other,
        })?;
        let outcome = self.import_into(reached.endpoint.clone(), input, &name, signals).await;
        let left = reached.leave().await;
        outcome.and(left)
    }

    async fn import_into(
        &self,
        endpoint: Endpoint,
        input: Input,
        name: &str,
        signals: Signals,
    ) -> Result<(), Failure> {
        let records = Lines::load().map_err(Failure::failed)?;
        let mut report = Report::begin(name, input.size_bytes, self.list_bad);
        let reading =
            Reading { first: self.from_line, policy: self.on_conflict.policy(), is_lenient: self.lenient };
        let lines = lines::read(input, records, reading);
        let wait = Duration::from_secs(self.wait_seconds);
        let mut session = Session::new(endpoint.clone(), wait, lines, self.from_line, &mut report);
        let killed = || say("plaudit: killed by a second signal; import the same lines again");
        let outcome = session.run(signals.first(2, killed)).await;
        let next_line = session.next_line();
        let ended = report.end(outcome.is_ok());
        match outcome {
            Ok(()) => {
                if self.from_line > 1 && report.is_empty() {
                    let line = self.from_line;
                    report.note(format_args!("nothing to import from line {line} on: {name} ends before it"));
                }
                ended.map_err(|failure| match failure {
                    Failure::Failed(cause) => Failure::Stopped(format!("{cause}; every line is imported")),
                    other => other,
                })?;
                let waited = match self.wait {
                    true => wait::until_scored(&endpoint, wait, &report).await,
                    false => Ok(()),
                };
                match (waited, report.verdict()) {
                    // Bad lines weigh more than scores that may still come.
                    (Err(Failure::Incomplete(unknown)), Err(bad @ Failure::Failed(_))) => {
                        report.note(unknown);
                        Err(bad)
                    }
                    (waited, verdict) => waited.and(verdict),
                }
            }
            Err(stop) => Err(Failure::Stopped(self.how_to_resume(name, &stop, next_line))),
        }
    }

    /// The message that ends with the command to resume the import, including every flag that is not the default.
    fn how_to_resume(&self, name: &str, stop: &Stop, next_line: u64) -> String {
        if let Stop::Input(cause) = stop
            && cause.kind() == std::io::ErrorKind::InvalidData
        {
            // Not a line of it can be read, now or later.
            return format!("{name}: {cause}");
        }
        if let Stop::Input(cause) = stop
            && cause.kind() == input::UNUSABLE
        {
            return format!(
                "{name}: {cause}; {}. The file is not whole: get it again, and import that; what is stored already is not stored twice",
                self.told_done(next_line)
            );
        }
        let mut command = format!("plaudit import {} --from-line {next_line}", quoted(name));
        command += &self.target.flags();
        if matches!(self.on_conflict, OnConflict::Append) {
            command += " --on-conflict append";
        }
        if self.lenient {
            command += " --lenient";
        }
        if self.list_bad != LIST_BAD {
            command += &format!(" --list-bad {}", self.list_bad);
        }
        if self.wait {
            command += " --wait";
        }
        if self.wait_seconds != WAIT_SECONDS {
            command += &format!(" --wait-seconds {}", self.wait_seconds);
        }
        format!("{stop}; {}. Resume with: {command}", self.told_done(next_line))
    }

    fn told_done(&self, next_line: u64) -> String {
        if next_line == self.from_line {
            "no line is imported".to_owned()
        } else {
            format!("every line before {next_line} is done")
        }
    }
}
