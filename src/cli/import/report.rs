//! Reports an import: invalid lines and progress on standard error, the result on standard output.

use std::{
    collections::BTreeMap,
    fmt::Display,
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::{
    Failure,
    output::{counted, print, say, visible},
};
use crate::domain::Violation;

/// How often progress is printed when standard error is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Not as wide as the terminal: the `^C` that it echoes would begin another line, and the bar would stay above it.
const BAR: &str = "{bar:30} {percent:>3} % {msg}, {eta} left";
const SPINNER: &str = "{spinner} {msg}, {elapsed}";
/// How many lines with messages in the wrong order are named.
const NAMED_REVERSED: usize = 5;
/// How many keys are named that were ignored.
const NAMED_IGNORED: usize = 10;
/// How many such keys are told apart: a file may be anything.
const MAX_IGNORED: usize = 1000;

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
    /// Lines of which something was not taken.
    fn all_differing(self) -> u64 {
        self.differing + self.differing_in_part
    }

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

/// `1`, `1 and 2`, `1, 2 and 3`.
fn listed(items: &[String]) -> String {
    match items {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        items => items.concat(),
    }
}

/// A path for all items of its lists: `messages[].csat` for `messages[3].csat`.
fn without_places(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut is_place = false;
    for character in path.chars() {
        is_place &= character != ']';
        if !(is_place && character.is_ascii_digit()) {
            plain.push(character);
        }
        is_place |= character == '[';
    }
    plain
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
    /// How many bad lines are listed.
    list_bad: u64,
    /// How often each unknown key or word was ignored and in which line first, by its path without places in lists.
    ignored: BTreeMap<String, (u64, u64)>,
    reversed: u64,
    /// The first of them.
    reversed_lines: Vec<u64>,
}

impl Report {
    pub(super) fn begin(file: &str, size_bytes: Option<u64>, list_bad: u64) -> Self {
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
            list_bad,
            ignored: BTreeMap::new(),
            reversed: 0,
            reversed_lines: Vec::new(),
        }
    }

    /// Counts a bad line and reports the rules that it breaks, if not enough are listed already.
    pub(super) fn bad(&mut self, line: u64, rules: &[String]) {
        self.tally.bad += 1;
        if self.tally.bad <= self.list_bad {
            self.list(line, rules);
        }
    }

    /// Reports what of a line was not taken, if not enough such lines are listed already. It is counted among them.
    pub(super) fn differing(&self, line: u64, differences: &[String]) {
        if self.tally.all_differing() <= self.list_bad {
            self.list(line, differences);
        }
    }

    fn list(&self, line: u64, what: &[String]) {
        what.iter().for_each(|one| self.say(&format!("{}:{line}: {one}", visible(&self.file))));
    }

    /// Counts what an imported line was read without.
    pub(super) fn ignored(&mut self, line: u64, ignored: &[Violation]) {
        for Violation { field, .. } in ignored {
            let path = without_places(field);
            let path = if self.ignored.len() < MAX_IGNORED || self.ignored.contains_key(&path) {
                path
            } else {
                "others".to_owned()
            };
            self.ignored.entry(path).or_insert((0, line)).0 += 1;
        }
    }

    /// Counts an imported line whose messages go backwards.
    pub(super) fn reversed(&mut self, line: u64) {
        self.reversed += 1;
        if self.reversed_lines.len() < NAMED_REVERSED {
            self.reversed_lines.push(line);
        }
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
            self.bar.set_message(format!("{}, {}/s", self.counted_lines(), self.rate()));
        } else if self.last_printed.elapsed() >= LINE_EVERY {
            self.last_printed = Instant::now();
            let left = self.left().map_or_else(String::new, |left| format!(", {} left", HumanDuration(left)));
            self.note(format_args!("{}, {}/s{left}: {}", self.counted_lines(), self.rate(), self.tally));
        }
    }

    fn counted_lines(&self) -> String {
        counted(self.tally.lines(), "line", "lines")
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

    /// Prints the result to standard output. An import that stopped before its first line has none.
    pub(super) fn end(&self, is_whole: bool) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        let Tally { without_bytes, .. } = self.tally;
        if without_bytes > 0 {
            let count = counted(
                without_bytes,
                "attachment has no bytes in the file and is",
                "attachments have no bytes in the file and are",
            );
            self.note(format_args!("{count} kept by name only; plaudit export --attachments includes them"));
        }
        self.notes();
        if self.is_empty() && !is_whole {
            return Ok(());
        }
        print(format_args!("{}, {}/s: {}\n", self.counted_lines(), self.rate(), self.tally))
    }

    /// What is said of many lines at once.
    fn notes(&self) {
        for (count, what) in [(self.tally.bad, "bad"), (self.tally.all_differing(), "differing")] {
            let unlisted = count.saturating_sub(self.list_bad);
            if unlisted > 0 {
                let more = format!("more {what} ");
                let lines = counted(unlisted, &(more.clone() + "line is"), &(more + "lines are"));
                self.note(format_args!("{lines} not listed; --list-bad {count} lists all"));
            }
        }
        let ignored: u64 = self.ignored.values().map(|(count, _)| count).sum();
        if ignored > 0 {
            let mut named: Vec<_> = self.ignored.iter().collect();
            named.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
            let rest = if named.len() > NAMED_IGNORED { ", …" } else { "" };
            let place = |(path, (count, line)): &(&String, &(u64, u64))| match count {
                1 => format!("{path} (line {line})"),
                _ => format!("{path} ({count}, first in line {line})"),
            };
            let named: Vec<String> = named.iter().take(NAMED_IGNORED).map(place).collect();
            let keys = counted(ignored, "unknown key or word", "unknown keys and words");
            self.note(format_args!("ignored {keys}: {}{rest}", named.join(", ")));
        }
        if self.reversed > 0 {
            self.note(self.told_reversed());
        }
    }

    /// Which lines go backwards, and how to mend what is stored of them.
    fn told_reversed(&self) -> String {
        let lines: Vec<String> = self.reversed_lines.iter().map(u64::to_string).collect();
        let more = self.reversed - lines.len() as u64;
        let (named, are, they, their) = match (self.reversed, more) {
            (1, _) => (format!("line {}", listed(&lines)), "is", "it", "its conversation"),
            (_, 0) => (format!("lines {}", listed(&lines)), "are", "they", "their conversations"),
            _ => {
                (format!("lines {} and {more} more", lines.join(", ")), "are", "they", "their conversations")
            }
        };
        let picked: String = lines.iter().map(|line| format!("{line}p;")).collect();
        let picked = picked.trim_end_matches(';');
        let sent = if self.reversed == 1 { "the line" } else { "these lines" };
        let others = if more > 0 { ", and so on" } else { "" };
        format!(
            "warning: the messages of {named} go from the newest to the oldest; {they} {are} stored in that order, and waits and \
             endings are computed from it. Another import does not change what is stored: delete {their} (DeleteConversation), \
             then import {sent} the other way round: sed -n '{picked}' FILE | jq -c '.messages |= reverse' | plaudit import -{others}"
        )
    }

    /// Whether there was nothing to import.
    pub(super) fn is_empty(&self) -> bool {
        self.tally.lines() == 0
    }

    /// The exit code of an import that reached its end.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        match self.tally.bad {
            0 => match self.tally.all_differing() {
                0 => Ok(()),
                lines => {
                    let (lines, are) = (
                        counted(lines, "line differs", "lines differ"),
                        if lines == 1 { "is" } else { "are" },
                    );
                    let rule =
                        format!("{lines} from what is stored and {are} not later; what is stored was kept");
                    Err(Failure::Incomplete(rule))
                }
            },
            2 if self.tally.lines() == 2 => {
                Err(Failure::Failed("both lines were bad; nothing is stored".to_owned()))
            }
            1 if self.tally.lines() == 1 => {
                Err(Failure::Failed("the only line was bad; nothing is stored".to_owned()))
            }
            bad if bad == self.tally.lines() => {
                Err(Failure::Failed(format!("all {bad} lines were bad; nothing is stored")))
            }
            bad => {
                let bad = counted(bad, "line was", "lines were");
                Err(Failure::Failed(format!("{bad} bad; all others are stored")))
            }
        }
    }
}
