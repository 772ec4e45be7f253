//! `plaudit scorecard`: scorecards as files.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{
    Failure,
    output::{counted, plain, print, say},
};
use crate::{
    domain::{RevisionRef, ScorecardRevision, UnixMillis, Violation},
    scoring::{Scorecard, facts, lint, yaml},
};

/// How wide a line of names may be.
const COLUMNS: usize = 100;

const AFTER_HELP: &str = "\
Reads each file as docs/scoring.md describes it, compiles its rules, and names everything that is wrong or says little, by the path of its \
field: an unknown fact, a rule that is always true, points that no conversation can get. No server is needed, and none learns of the \
scorecard: a server scores with the built-in ones.

Exit codes: 0 nothing was found, 1 something was found or a file cannot be read, 2 wrong usage.

Examples:
  plaudit scorecard check tidy.yaml
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
    /// The scorecards, as YAML.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl ScorecardCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Command::Check(Check { files }) = self.command;
        let mut bad = 0;
        for file in &files {
            match check(file) {
                Ok(line) => print(line)?,
                Err(found) => {
                    bad += 1;
                    found.iter().for_each(say);
                }
            }
        }
        match (bad, files.len()) {
            (0, _) => Ok(()),
            (1, 1) => Err(Failure::Failed("the scorecard has faults".to_owned())),
            (bad, all) => Err(Failure::Failed(format!("{bad} of {all} scorecards have faults"))),
        }
    }
}

/// A line about a scorecard in which nothing was found, or all that was.
fn check(file: &Path) -> Result<String, Vec<String>> {
    let revision = read(file)?;
    let found = lint(&revision);
    if !found.is_empty() {
        return Err(named(file, &found));
    }
    let criteria: usize = revision.categories.iter().map(|category| category.criteria.len()).sum();
    let (shown, id) = (file.display(), revision.revision.base.clone());
    let scorecard = Scorecard::compile(revision).map_err(|faults| named(file, faults.iter()))?;
    let names = scorecard.facts().iter().map(|id| facts::get(*id).name);
    let criteria = counted(criteria as u64, "criterion", "criteria");
    let (facts, lines) = (counted(scorecard.facts().len() as u64, "fact", "facts"), wrapped(names));
    Ok(format!("{shown}: no faults in {id}: {criteria}, by {facts}:\n{lines}"))
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
    let compiled = read(file)
        .and_then(|revision| Scorecard::compile(revision).map_err(|faults| named(file, faults.iter())));
    compiled.map_err(|found| {
        found.iter().for_each(say);
        let shown = file.display();
        Failure::Failed(format!(
            "cannot score with {shown}; plaudit scorecard check {shown} also names what is weak"
        ))
    })
}

/// What a file says, as the first revision of its scorecard.
fn read(file: &Path) -> Result<ScorecardRevision, Vec<String>> {
    let about = |cause: &io::Error| vec![format!("{}: {}", file.display(), plain(cause))];
    let mut text = String::new();
    // A byte more than a scorecard may have shows that it is too long.
    let most = yaml::MAX_YAML_BYTES as u64 + 1;
    File::open(file)
        .and_then(|file| file.take(most).read_to_string(&mut text))
        .map_err(|cause| about(&cause))?;
    let parsed = yaml::parse(&text).map_err(|violations| named(file, violations.iter()))?;
    let revision = RevisionRef { base: parsed.id.clone(), base_id: 0, ordinal: 1, revision_id: 0 };
    Ok(parsed.into_revision(revision, UnixMillis::MIN))
}

fn named<'a>(file: &Path, found: impl IntoIterator<Item = &'a Violation>) -> Vec<String> {
    let shown = file.display();
    let line = |violation: &Violation| format!("{shown}: {}: {}", violation.field, violation.message);
    found.into_iter().map(line).collect()
}
