//! The output of commands. If it cannot be written, the exit code alone reports the result.

use std::{
    borrow::Cow,
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
};

use super::Failure;

/// A text on one line, with what would command a terminal or turn the words after it escaped, as errors show it: `\u{1b}`.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            character if is_command(character) => shown.extend(character.escape_debug()),
            character => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// Control characters, the ends of lines, and the signs of Unicode that turn the direction of text.
fn is_command(character: char) -> bool {
    let turns = matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns || matches!(character, '\u{2028}' | '\u{2029}')
}

/// The lines of a text, each as [`visible`] has it.
fn visible_lines(text: impl Display) -> String {
    let text = text.to_string();
    let lines: Vec<_> = text.split('\n').map(visible).collect();
    lines.join("\n")
}

/// Writes a line to standard error; a failure to do so is ignored.
pub(super) fn say(text: impl Display) {
    let mut out = io::stderr();
    // Over what shows the progress there.
    let clear = if out.is_terminal() { "\r\x1b[K" } else { "" };
    let _ = writeln!(out, "{clear}{}", visible_lines(text));
}

/// Prints a result for people to standard output. A closed pipe is not a failure of the command.
pub(super) fn print(text: impl Display) -> Result<(), Failure> {
    print_data(visible_lines(text))
}

/// The same for programs: as it is.
pub(super) fn print_data(text: impl Display) -> Result<(), Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_a_terminal_is_shown_and_not_carried_out() {
        for (text, shown) in [
            ("\u{1b}[2J\u{7}", r"\u{1b}[2J\u{7}"),
            ("a\u{202e}b\u{2066}c", r"a\u{202e}b\u{2066}c"),
            ("\u{9b}2J two\nlines", r"\u{9b}2J two\nlines"),
            ("Grüße 👩\u{200d}💻, 你好 مرحبا\\n", "Grüße 👩\u{200d}💻, 你好 مرحبا\\n"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert_eq!(visible_lines("one\n\rtwo\n"), "one\n\\rtwo\n");
    }
}
