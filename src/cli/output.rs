//! The output of commands. If it cannot be written, the exit code alone reports the result.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
};

use super::Failure;

/// Writes a line to standard error; a failure to do so is ignored.
pub(super) fn say(text: impl Display) {
    let mut out = io::stderr();
    // Over what shows the progress there.
    let clear = if out.is_terminal() { "\r\x1b[K" } else { "" };
    let _ = writeln!(out, "{clear}{text}");
}

/// Prints a result to standard output. A closed pipe is not a failure of the command.
pub(super) fn print(text: impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("cannot write to standard output: {}", plain(&cause))))
        }
        _ => Ok(()),
    }
}

/// What the system says of an error, without its number.
pub(super) fn plain(cause: &io::Error) -> String {
    let told = cause.to_string();
    match (cause.raw_os_error(), told.rsplit_once(" (os error ")) {
        (Some(_), Some((words, _))) => words.to_owned(),
        _ => told,
    }
}

/// The failure to write output that is the command's whole purpose. A closed pipe needs no message.
pub(super) fn unwritten(what: impl Display, cause: &io::Error) -> Failure {
    if cause.kind() == io::ErrorKind::BrokenPipe {
        Failure::OutputClosed
    } else {
        Failure::Failed(format!("{what}: {}", plain(cause)))
    }
}

/// A number of things: `1 line`, `2 lines`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
