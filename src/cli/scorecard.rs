//! `plaudit scorecard`: scorecards as files.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    Failure, is_dash,
    output::{counted, plain, print, say},
};
use crate::{
    domain::{RevisionRef, ScorecardRevision, UnixMillis, Violation},
    scoring::{Scorecard, facts, lint, yaml},
};

/// How wide a line of names may be.
const COLUMNS: usize = 100;

const AFTER_HELP: &str = "\
Reads each file as docs/scoring.md describes it, compiles its rules, and names by the path of its field every error, with which nothing \
can be scored (an unknown fact), and everything weak, which works but says little (a rule that is always true, points that no \
conversation can get). No server is needed, and none learns of the scorecard: a server scores with the built-in ones.

Exit codes: 0 nothing was found, 1 something was found or a file cannot be read, 2 wrong usage.

Examples:
  plaudit scorecard check tidy.yaml
  git show HEAD:tidy.yaml | plaudit scorecard check -
  plaudit facts --scorecard tidy.yaml tickets.jsonl    what it comes to";

#[derive(Debug, clap::Args)]
pub(super) struct ScorecardCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check scorecards: their form, their rules, and what works but says little.
    Check(Check),
}

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
struct Check {
    /// The scorecards, as YAML; - is standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl ScorecardCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Command::Check(Check { files }) = self.command;
        let (mut wrong, mut weak) = (0, 0);
        for file in &files {
            match check(file) {
                Checked::Sound(description) => print(description)?,
                Checked::Weak(lines) => {
                    weak += 1;
                    lines.iter().for_each(say);
                }
                Checked::Wrong(lines) => {
                    wrong += 1;
                    lines.iter().for_each(say);
                }
            }
        }
        let told = match (wrong, weak, files.len()) {
            (0, 0, _) => return Ok(()),
            (1, _, 1) => "the scorecard cannot be used".to_owned(),
            (_, 1, 1) => "the scorecard can be used, but has weak places".to_owned(),
            (wrong, 0, all) => format!("{wrong} of {all} scorecards cannot be used"),
            (0, 1, all) => format!("1 of {all} scorecards has weak places"),
            (0, weak, all) => format!("{weak} of {all} scorecards have weak places"),
            (wrong, 1, all) => format!("{wrong} of {all} scorecards cannot be used, 1 has weak places"),
            (wrong, weak, all) => {
                format!("{wrong} of {all} scorecards cannot be used, {weak} have weak places")
            }
        };
        Err(Failure::Failed(told))
    }
}

/// What was found in a scorecard, as lines.
enum Checked {
    Sound(String),
    /// It can be used.
    Weak(Vec<String>),
    Wrong(Vec<String>),
}

fn check(file: &Path) -> Checked {
    let revision = match read(file) {
        Ok(revision) => revision,
        Err(lines) => return Checked::Wrong(lines),
    };
    let weak = lint(&revision);
    let criteria: usize = revision.categories.iter().map(|category| category.criteria.len()).sum();
    let (shown, id) = (shown(file), revision.revision.base.clone());
    let scorecard = match Scorecard::compile(revision) {
        Ok(scorecard) => scorecard,
        Err(errors) => {
            let is_error = |found: &Violation| errors.iter().any(|error| error.field == found.field);
            let mut lines = named(file, ERROR, errors.iter());
            lines.extend(named(file, WEAK, weak.iter().filter(|found| !is_error(found))));
            return Checked::Wrong(lines);
        }
    };
    if !weak.is_empty() {
        return Checked::Weak(named(file, WEAK, &weak));
    }
    let names = scorecard.facts().iter().map(|id| facts::get(*id).name);
    let criteria = counted(criteria as u64, "criterion", "criteria");
    let (facts, lines) = (counted(scorecard.facts().len() as u64, "fact", "facts"), wrapped(names));
    Checked::Sound(format!("{shown}: no faults in {id}: {criteria}, by {facts}:\n{lines}"))
}

/// Names in indented lines that a terminal holds.
fn wrapped<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const INDENT: &str = "  ";
    let (mut lines, mut line) = (String::new(), INDENT.to_owned());
    let mut names = names.peekable();
    while let Some(name) = names.next() {
        line += name;
        if names.peek().is_none_or(|next| line.len() + ", ,".len() + next.len() > COLUMNS) {
            let comma = if names.peek().is_some() { "," } else { "" };
            lines += &format!("{line}{comma}\n");
            INDENT.clone_into(&mut line);
        } else {
            line += ", ";
        }
    }
    lines
}

/// A scorecard to score with.
pub(super) fn load(file: &Path) -> Result<Scorecard, Failure> {
    let compiled = read(file).and_then(|revision| {
        Scorecard::compile(revision).map_err(|errors| named(file, ERROR, errors.iter()))
    });
    compiled.map_err(|lines| {
        lines.iter().for_each(say);
        let shown = shown(file);
        Failure::Failed(format!(
            "cannot score with {shown}; plaudit scorecard check {shown} also names what is weak"
        ))
    })
}

/// What a file says, as the first revision of its scorecard; or a line for each error in it.
fn read(file: &Path) -> Result<ScorecardRevision, Vec<String>> {
    let mut text = String::new();
    // A byte more than a scorecard may have shows that it is too long.
    let most = yaml::MAX_YAML_BYTES as u64 + 1;
    let input: io::Result<Box<dyn Read>> = if is_dash(file) {
        Ok(Box::new(io::stdin()))
    } else {
        File::open(file).map(|file| Box::new(file) as Box<dyn Read>)
    };
    input
        .and_then(|input| input.take(most).read_to_string(&mut text))
        .map_err(|cause| vec![format!("{}: {}", shown(file), plain(&cause))])?;
    let parsed = yaml::parse(&text).map_err(|errors| named(file, ERROR, errors.iter()))?;
    let revision = RevisionRef { base: parsed.id.clone(), base_id: 0, ordinal: 1, revision_id: 0 };
    Ok(parsed.into_revision(revision, UnixMillis::MIN))
}

/// What a line calls the file.
fn shown(file: &Path) -> String {
    if is_dash(file) { "standard input".to_owned() } else { file.display().to_string() }
}

/// With this nothing can be scored.
const ERROR: &str = "error";
/// This works, but says little.
const WEAK: &str = "weak";

fn named<'a>(file: &Path, kind: &str, found: impl IntoIterator<Item = &'a Violation>) -> Vec<String> {
    let shown = shown(file);
    let line = |violation: &Violation| format!("{shown}: {kind}: {}: {}", violation.field, violation.message);
    found.into_iter().map(line).collect()
}
