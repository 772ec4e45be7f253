//! How far AXIS agrees with people, on the dialogues of `tests/cases/dialogues`. Run with `--nocapture` for the totals.
//!
//! `unseen.yaml` was written before the weights by someone who had not seen the rules. Its single failures are never printed:
//! whoever tunes by them has no measure left.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cases::{Dialogue, axis_if_any, dialogues, is_read, rank_correlation, read, transcript_of},
    *,
};

/// How a conversation ended, and what the reason of resolution accuracy says then: one of these is in it.
const OUTCOMES: &[(&str, &[&str])] = &[
    ("confirmed", &["The customer confirmed that it is settled"]),
    ("thanks", &["The customer parted with thanks or praise"]),
    ("wrote_again", &["The customer wrote again after the last answer"]),
    ("deed_then_silence", &["An agent said that something was done, and"]),
    (
        "answered_then_silence",
        &["The last request was answered", "The last answer says what is not possible"],
    ),
    (
        "empty_answer",
        &[
            "The last answer held nothing that settles the request",
            "An agent asked the customer for something",
            "got no more than a promise",
        ],
    ),
    ("open_request", &["The customer's last request got no"]),
    ("contradicted", &["The customer says that it is not solved"]),
    ("dissatisfied", &["The customer was dissatisfied at the end"]),
    ("gave_up", &["The customer gave up"]),
    ("wants_person", &["The customer asked for a person and got none"]),
    ("waits_after_handoff", &["who has not answered the customer yet", "nobody has taken over yet"]),
    ("nobody_answered", &["Nobody answered the customer"]),
    ("nothing_asked", &["The customer asked for nothing"]),
];

/// The least share of dialogues that must be right, or of pairs in the right order; the least rank correlation.
struct Floors {
    resolution: f64,
    band: f64,
    reason: f64,
    pairs: f64,
    correlation: f64,
}

/// A file's floors. They rise; some fell, when unhappy customers who fell silent stopped being Excellent and when German, left out by
/// mistake, was counted. Aims: of `seen` resolution and band 0.95, pairs 0.98; of `unseen` 0.8, 0.8 and 0.9.
struct File {
    name: &'static str,
    english: Floors,
    /// In the other languages that are read.
    other: Floors,
    /// Whether failures may be looked at one by one.
    prints_misses: bool,
}

const SEEN: File = File {
    name: "seen",
    english: Floors { resolution: 0.98, band: 0.98, reason: 0.92, pairs: 1.0, correlation: 0.885 },
    other: Floors { resolution: 1.0, band: 1.0, reason: 0.96, pairs: 1.0, correlation: 0.9 },
    prints_misses: true,
};

const UNSEEN: File = File {
    name: "unseen",
    english: Floors { resolution: 0.69, band: 0.74, reason: 0.62, pairs: 0.9, correlation: 0.72 },
    other: Floors { resolution: 0.79, band: 0.81, reason: 0.71, pairs: 0.79, correlation: 0.78 },
    prints_misses: false,
};

/// The least share of dialogues in languages that are never read of which nothing is said. Aim: 1.
const ABSENT_FLOOR: f64 = 1.0;

/// The least share of `respect.yaml` that is right. Aim: 1.
const RESPECT_FLOOR: f64 = 1.0;

struct Judged<'d> {
    dialogue: &'d Dialogue,
    axis: Option<Axis>,
}

impl Judged<'_> {
    fn is_resolution_right(&self) -> bool {
        self.axis.as_ref().is_some_and(|axis| contains(&self.dialogue.resolutions, axis.resolution.as_str()))
    }

    fn is_band_right(&self) -> bool {
        self.axis.as_ref().is_some_and(|axis| contains(&self.dialogue.bands, axis.band.as_str()))
    }

    fn is_reason_right(&self) -> bool {
        let Some(axis) = &self.axis else { return false };
        let outcomes = OUTCOMES.iter().filter(|(outcome, _)| contains(&self.dialogue.outcomes, outcome));
        outcomes.flat_map(|(_, parts)| *parts).any(|part| axis.resolution_accuracy.reason.contains(part))
    }

    fn score(&self) -> f64 {
        self.axis.as_ref().map_or(3.0, Axis::unrounded)
    }
}

fn contains(expected: &[String], value: &str) -> bool {
    expected.iter().any(|expected| expected == value)
}

fn share(right: usize, all: usize) -> f64 {
    if all == 0 { 1.0 } else { right as f64 / all as f64 }
}

/// What was measured over some dialogues of a file.
struct Agreement {
    dialogues: usize,
    pairs: usize,
    measured: Floors,
}

impl Agreement {
    fn of<'d>(judged: &[&Judged<'d>]) -> Self {
        let count = |is_right: fn(&Judged<'d>) -> bool| {
            share(judged.iter().filter(|one| is_right(one)).count(), judged.len())
        };
        let twins: Vec<(&Judged, &Judged)> =
            judged.iter().filter_map(|better| twin(better, judged)).collect();
        let ordered = twins.iter().filter(|(better, worse)| better.score() > worse.score()).count();
        let scores: Vec<f64> = judged.iter().map(|judged| judged.score()).collect();
        let expected: Vec<f64> = judged.iter().map(|judged| judged.dialogue.expected()).collect();
        Self {
            dialogues: judged.len(),
            pairs: twins.len(),
            measured: Floors {
                resolution: count(Judged::is_resolution_right),
                band: count(Judged::is_band_right),
                reason: count(Judged::is_reason_right),
                pairs: share(ordered, twins.len()),
                correlation: rank_correlation(&scores, &expected),
            },
        }
    }

    fn print(&self, file: &str, group: &str) {
        let Self { dialogues, pairs, measured } = self;
        println!(
            "{file} {group}: {dialogues} dialogues, resolution {:.3}, band {:.3}, reason {:.3}, {pairs} pairs {:.3}, \
             rank correlation {:.3}",
            measured.resolution, measured.band, measured.reason, measured.pairs, measured.correlation
        );
    }

    fn assert(&self, file: &str, group: &str, floors: &Floors) {
        let measured = &self.measured;
        for (what, measured, floor) in [
            ("resolution", measured.resolution, floors.resolution),
            ("band", measured.band, floors.band),
            ("reason", measured.reason, floors.reason),
            ("pairs", measured.pairs, floors.pairs),
            ("rank correlation", measured.correlation, floors.correlation),
        ] {
            assert!(measured >= floor, "{file} {group}: {what} is {measured:.3}, below {floor}");
        }
    }
}

fn twin<'j, 'd>(
    better: &'j Judged<'d>,
    judged: &[&'j Judged<'d>],
) -> Option<(&'j Judged<'d>, &'j Judged<'d>)> {
    let name = better.dialogue.pair.as_ref()?;
    let worse = judged.iter().find(|judged| judged.dialogue.name == *name);
    Some((better, worse.unwrap_or_else(|| panic!("{name} is a twin of nobody"))))
}

fn check(file: &File) {
    let every = all();
    let of_file = dialogues(file.name);
    let judged: Vec<Judged> =
        of_file.iter().map(|dialogue| Judged { dialogue, axis: axis_if_any(&dialogue.transcript) }).collect();
    let expected: Vec<&Judged> = judged.iter().filter(|judged| !judged.dialogue.expects_no_axis()).collect();
    let mut by_language: BTreeMap<&str, Vec<&Judged>> = BTreeMap::new();
    for judged in &expected {
        by_language.entry(judged.dialogue.language.as_str()).or_default().push(judged);
    }
    let languages: Vec<(&str, bool)> =
        by_language.keys().map(|language| (*language, is_read(language, &every))).collect();
    for (language, read) in &languages {
        let group =
            if *read { (*language).to_owned() } else { format!("{language} (not read yet, not asserted)") };
        Agreement::of(&by_language[language]).print(file.name, &group);
    }
    if file.prints_misses {
        expected.iter().for_each(|judged| print_miss(judged));
        expected.iter().filter_map(|better| twin(better, &expected)).for_each(print_disorder);
    }
    let english = Agreement::of(&by_language["en"]);
    let read: Vec<&Judged> = languages
        .iter()
        .filter(|(language, read)| *read && *language != "en")
        .flat_map(|(language, _)| by_language[language].iter().copied())
        .collect();
    Agreement::of(&expected).print(file.name, "all");
    english.assert(file.name, "en", &file.english);
    if read.is_empty() {
        println!("{}: no language but English is read yet", file.name);
    } else {
        let other = Agreement::of(&read);
        other.print(file.name, "other languages that are read");
        other.assert(file.name, "other languages that are read", &file.other);
    }
}

fn print_miss(judged: &Judged) {
    let mut wrong = Vec::new();
    let mut note = |is_right: bool, what: &'static str| wrong.extend((!is_right).then_some(what));
    note(judged.is_resolution_right(), "resolution");
    note(judged.is_band_right(), "band");
    note(judged.is_reason_right(), "reason");
    if wrong.is_empty() {
        return;
    }
    let found = judged.axis.as_ref().map_or("no AXIS".to_owned(), |axis| {
        let (resolution, band) = (axis.resolution.as_str(), axis.band.as_str());
        format!("{resolution}, {band} {:.2}: {}", axis.unrounded(), axis.resolution_accuracy.reason)
    });
    let Dialogue { name, resolutions, bands, outcomes, .. } = judged.dialogue;
    println!("  {name}: {} of {resolutions:?} {bands:?} {outcomes:?}: {found}", wrong.join(", "));
}

fn print_disorder((better, worse): (&Judged, &Judged)) {
    let (high, low) = (better.score(), worse.score());
    if high <= low {
        println!("  {} {high:.2} is not above {} {low:.2}", better.dialogue.name, worse.dialogue.name);
    }
}

fn all() -> Vec<Dialogue> {
    let mut every = dialogues("seen");
    every.extend(dialogues("unseen"));
    every
}

#[test]
fn axis_agrees_with_people_on_dialogues_written_with_the_rules() {
    check(&SEEN);
}

#[test]
fn axis_agrees_with_people_on_dialogues_written_without_the_rules() {
    check(&UNSEEN);
}

#[test]
fn where_a_language_is_not_read_there_is_no_axis() {
    let every = all();
    let foreign: Vec<&Dialogue> = every.iter().filter(|dialogue| dialogue.expects_no_axis()).collect();
    let absent = foreign.iter().filter(|dialogue| axis_if_any(&dialogue.transcript).is_none()).count();
    println!("no AXIS of {absent} of {} dialogues in languages that are not read", foreign.len());
    assert!(share(absent, foreign.len()) >= ABSENT_FLOOR);
    let languages: BTreeSet<&str> = foreign.iter().map(|dialogue| dialogue.language.as_str()).collect();
    let read: Vec<_> = languages.iter().filter(|language| is_read(language, &every)).collect();
    assert!(read.is_empty(), "{read:?} are taken for languages that are read");
}

#[test]
fn the_knockout_of_respect_is_certain() {
    let mut right = 0;
    let cases = read("dialogues/respect");
    for case in &cases {
        let expected = matches!(case["knocked_out"].to_string().trim_matches('"'), "yes" | "true");
        let transcript = transcript_of(&case["lines"]);
        let scored = SCORER.with(|scorer| scorer.score(&transcript, UnixMillis::clamped(7)));
        let respect =
            scored.iter().flat_map(|scored| &scored.criteria).filter(|it| it.criterion_id == "respect");
        let knocked_out = respect.filter_map(|result| result.answer()).any(|answer| answer.score.0 == 0);
        if knocked_out == expected {
            right += 1;
        } else {
            println!("  respect: {} is knocked out: {knocked_out}", case["name"]);
        }
    }
    println!("respect: {right} of {} right", cases.len());
    assert!(share(right, cases.len()) >= RESPECT_FLOOR);
}

#[test]
fn the_dialogues_are_well_formed() {
    let every = all();
    let known: Vec<&str> = OUTCOMES.iter().map(|(outcome, _)| *outcome).chain(["not_read"]).collect();
    let mut names = BTreeSet::new();
    for dialogue in &every {
        let Dialogue { name, outcomes, .. } = dialogue;
        assert!(names.insert(name), "{name} is there twice");
        assert!(outcomes.iter().all(|outcome| known.contains(&outcome.as_str())), "{name}: {outcomes:?}");
        assert_eq!(dialogue.resolutions.is_empty(), dialogue.bands.is_empty(), "{name}");
        if let Some(pair) = &dialogue.pair {
            let worse = every.iter().find(|other| other.name == *pair);
            let worse = worse.unwrap_or_else(|| panic!("{name} has no twin {pair}"));
            assert!(worse.expected() < dialogue.expected(), "{pair} is not expected to be worse than {name}");
        }
    }
}
