//! What commands say. Nobody may be there to hear it: then the exit code tells alone.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use super::Failure;

/// Says something on standard error. What cannot be said there can be said nowhere.
pub(super) fn say(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints a result on standard output. That its reader has gone away is no failure of the command.
pub(super) fn print(text: impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("cannot write to standard output: {cause}")))
        }
        _ => Ok(()),
    }
}

/// Why output that is the command's whole purpose could not be written. Where its reader has gone away there is nothing to say.
pub(super) fn unwritten(what: impl Display, cause: &io::Error) -> Failure {
    if cause.kind() == io::ErrorKind::BrokenPipe {
        Failure::OutputClosed
    } else {
        Failure::Failed(format!("{what}: {cause}"))
    }
}
