//! Reports an import: invalid lines and progress on standard error, the result on standard output.

use std::{
    fmt::Display,
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::{
    Failure,
    output::{print, say},
};

/// How often progress is printed when standard error is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
const BAR: &str = "{wide_bar} {percent:>3} % {msg}, {eta} left";
const SPINNER: &str = "{spinner} {msg}, {elapsed}";

/// Counts of lines by outcome.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) stored: u64,
    pub(super) appended: u64,
    /// Nothing was added, but something newer was taken.
    pub(super) updated: u64,
    pub(super) there_already: u64,
    /// There already, but said otherwise in something that was not taken.
    pub(super) differing: u64,
    /// The same of those that were appended to or updated; not a count of further lines.
    pub(super) differing_in_part: u64,
    /// Invalid, or refused by the server.
    pub(super) bad: u64,
    /// About a team, a person or an opt-out.
    pub(super) directory: u64,
    /// Attachments stored without their bytes; not a count of lines.
    pub(super) without_bytes: u64,
}

impl Tally {
    fn lines(self) -> u64 {
        let known = self.appended + self.updated + self.there_already + self.differing;
        self.stored + known + self.bad + self.directory
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} stored, ", self.stored)?;
        if self.appended > 0 {
            write!(f, "{} appended to, ", self.appended)?;
        }
        if self.updated > 0 {
            write!(f, "{} updated, ", self.updated)?;
        }
        write!(f, "{} there already, ", self.there_already)?;
        if self.differing > 0 {
            write!(f, "{} differ, ", self.differing)?;
        }
        write!(f, "{} bad", self.bad)?;
        if self.directory > 0 {
            write!(f, ", {} about people, teams and opt-outs", self.directory)?;
        }
        Ok(())
    }
}

pub(super) struct Report {
    file: String,
    pub(super) tally: Tally,
    began: Instant,
    last_printed: Instant,
    size_bytes: Option<u64>,
    done_bytes: u64,
    /// Hidden when standard error is not a terminal.
    bar: ProgressBar,
    is_terminal: bool,
}

impl Report {
    pub(super) fn begin(file: &str, size_bytes: Option<u64>) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(size_bytes, target);
        let template = if size_bytes.is_some() { BAR } else { SPINNER };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let now = Instant::now();
        Self {
            file: file.to_owned(),
            tally: Tally::default(),
            began: now,
            last_printed: now,
            size_bytes,
            done_bytes: 0,
            bar,
            is_terminal,
        }
    }

    /// Reports one rule that a line breaks, or what is doubtful about it.
    pub(super) fn bad(&self, line: u64, what: impl Display) {
        self.say(&format!("{}:{line}: {what}", self.file));
    }

    /// Reports something about the import as a whole.
    pub(super) fn note(&self, what: impl Display) {
        self.say(&format!("plaudit: {what}"));
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| say(text));
    }

    /// Notes that everything up to this byte of the input is done.
    pub(super) fn advance(&mut self, done_bytes: u64) {
        self.done_bytes = self.done_bytes.max(done_bytes);
        if self.is_terminal {
            self.bar.set_position(self.done_bytes);
            self.bar.set_message(format!("{} lines, {}/s", self.tally.lines(), self.rate()));
        } else if self.last_printed.elapsed() >= LINE_EVERY {
            self.last_printed = Instant::now();
            let left = self.left().map_or_else(String::new, |left| format!(", {} left", HumanDuration(left)));
            self.note(format_args!("{} lines, {}/s{left}: {}", self.tally.lines(), self.rate(), self.tally));
        }
    }

    /// Lines per second.
    fn rate(&self) -> u64 {
        (self.tally.lines() as f64 / self.began.elapsed().as_secs_f64().max(0.001)) as u64
    }

    fn left(&self) -> Option<Duration> {
        let rest = self.size_bytes?.checked_sub(self.done_bytes)?;
        let factor = rest as f64 / self.done_bytes.max(1) as f64;
        Duration::try_from_secs_f64(self.began.elapsed().as_secs_f64() * factor).ok()
    }

    /// Prints the result to standard output.
    pub(super) fn end(&self) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        let Tally { without_bytes, .. } = self.tally;
        if without_bytes > 0 {
            let which = "attachments have no bytes in the file and are kept by name only; plaudit export --attachments includes them";
            self.note(format_args!("{without_bytes} {which}"));
        }
        print(format_args!("{} lines, {}/s: {}\n", self.tally.lines(), self.rate(), self.tally))
    }

    /// Whether there was nothing to import.
    pub(super) fn is_empty(&self) -> bool {
        self.tally.lines() == 0
    }

    /// The exit code of an import that reached its end.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        match self.tally.bad {
            0 => match self.tally.differing + self.tally.differing_in_part {
                0 => Ok(()),
                1 => Err(Failure::Incomplete(
                    "1 line says something otherwise than what is stored, and not later; that was kept as it is".to_owned(),
                )),
                lines => Err(Failure::Incomplete(format!(
                    "{lines} lines say something otherwise than what is stored, and not later; that was kept as it is"
                ))),
            },
            1 if self.tally.lines() == 1 => {
                Err(Failure::Failed("the only line was bad; nothing is stored".to_owned()))
            }
            bad if bad == self.tally.lines() => {
                Err(Failure::Failed(format!("all {bad} lines were bad; nothing is stored")))
            }
            1 => Err(Failure::Failed("1 line was bad; all others are stored".to_owned())),
            bad => Err(Failure::Failed(format!("{bad} lines were bad; all others are stored"))),
        }
    }
}
