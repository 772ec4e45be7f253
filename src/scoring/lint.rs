//! Weaknesses of a scorecard: parts that cannot work, and parts that work but mean little.

use super::{
    facts,
    rules::Rule,
    score_range::{ScoreRange, score_range},
    scorecard::{Scorecard, path, places},
};
use crate::domain::{
    Criterion, Evaluator, Knockout, ScorecardRevision, ScoringType, Violation, Violations, axis,
};

/// The fraction of a scale that may be unreachable without a finding.
const OUT_OF_REACH: f64 = 0.1;

/// Reports every weakness by the path of its field. An empty list means that the scorecard works as written.
pub fn lint(revision: &ScorecardRevision) -> Vec<Violation> {
    let mut found = Violations::default();
    check_structure(revision, &mut found);
    if let Err(faults) = Scorecard::compile(revision.clone()) {
        faults.iter().for_each(|fault| found.add(fault.field.clone(), fault.message.clone()));
    }
    for (category, place, criterion) in places(revision) {
        let path = path(category, place);
        check_criterion(criterion, &path, &mut found);
        check_reach(criterion, revision, &path, &mut found);
        check_divisors(criterion, revision, &path, &mut found);
    }
    found.iter().cloned().collect()
}

fn check_structure(revision: &ScorecardRevision, found: &mut Violations) {
    if places(revision).next().is_none() {
        found.add("categories", "has no criteria");
    }
    for (index, category) in revision.categories.iter().enumerate() {
        if category.criteria.is_empty() {
            found.add(format!("categories[{index}].criteria"), "has no criteria");
        }
    }
    if revision.revision.base == axis::SCORECARD {
        for id in [axis::RESOLUTION_ACCURACY, axis::INTERACTION_EFFORT, axis::HANDOFF_SMOOTHNESS] {
            if !places(revision).any(|(_, _, criterion)| criterion.id == id) {
                found.add(
                    "categories",
                    format!("has no criterion {id:?}, without which there is no AXIS score"),
                );
            }
        }
    }
}

fn check_criterion(criterion: &Criterion, path: &str, found: &mut Violations) {
    let mut weak = |field: &str, message: &str| found.add(format!("{path}.{field}"), message);
    if criterion.max_points.0 <= 0 {
        weak("max_points", "is 0, so the criterion counts nothing");
    }
    let has_rule = !criterion.rule.is_empty();
    match criterion.evaluator {
        Evaluator::Rule if !has_rule => weak("rule", "is empty, so the criterion is never scored"),
        Evaluator::Judge if criterion.prompt.is_empty() => {
            weak("prompt", "is empty, so there is nothing to ask")
        }
        Evaluator::Human if has_rule => weak("rule", "is not used: the evaluator is human"),
        _ => {}
    }
    if has_rule && criterion.evaluator != Evaluator::Human && criterion.reason.is_empty() {
        weak("reason", "is empty, so nobody learns why the score is what it is");
    }
    if questions(&criterion.prompt) > 1 {
        weak("prompt", "asks more than one question: make each a criterion of its own");
    }
    if criterion.knockout != Knockout::None
        && matches!(criterion.scoring_type, ScoringType::NumericScale { min } if min.0 > 0)
    {
        weak("knockout", "never acts: the scale begins above 0");
    }
}

/// How many questions a prompt asks, by question marks and by a second verb after `and`.
fn questions(prompt: &str) -> usize {
    const VERBS: [&str; 16] = [
        "is", "are", "was", "were", "do", "does", "did", "has", "have", "had", "can", "could", "will",
        "would", "should", "how",
    ];
    let marks = prompt.matches(['?', '\u{ff1f}']).count();
    let words: Vec<String> = prompt
        .split_whitespace()
        .map(|word| word.trim_matches(|character: char| !character.is_alphanumeric()).to_lowercase())
        .collect();
    let joined = words
        .windows(2)
        .filter(|pair| matches!(pair[0].as_str(), "and" | "or") && VERBS.contains(&pair[1].as_str()))
        .count();
    marks.max(1) + joined
}

fn check_divisors(criterion: &Criterion, revision: &ScorecardRevision, path: &str, found: &mut Violations) {
    for (field, source) in [("rule", &criterion.rule), ("applies_when", &criterion.applies_when)] {
        let Ok(rule) = Rule::compile(source, revision.unit) else { continue };
        for id in rule.unguarded_divisors() {
            let count = facts::get(id).name;
            found.add(
                format!("{path}.{field}"),
                format!(
                    "divides by {count}, which can be 0: write max({count}, 1), or {count} == 0 ? … : … to say what holds then"
                ),
            );
        }
    }
}

fn check_reach(criterion: &Criterion, revision: &ScorecardRevision, path: &str, found: &mut Violations) {
    if criterion.evaluator == Evaluator::Human || criterion.rule.is_empty() {
        return;
    }
    let Ok(rule) = Rule::compile(&criterion.rule, revision.unit) else { return };
    let mut weak = |message: String| found.add(format!("{path}.rule"), message);
    match (score_range(&rule), criterion.scoring_type) {
        (None, _) => weak("has no value, whatever the facts are".to_owned()),
        (Some(ScoreRange::Other(kind)), ScoringType::MetNotMet) => weak(format!("gives {kind}, not a bool")),
        (Some(ScoreRange::Other(kind)), ScoringType::NumericScale { .. }) => {
            weak(format!("gives {kind}, not a number"))
        }
        (Some(ScoreRange::Bool { met, missed }), ScoringType::MetNotMet) => {
            if !(met && missed) {
                weak(format!("is {met} whatever the facts are"));
            }
        }
        (Some(ScoreRange::Bool { .. }), ScoringType::NumericScale { .. }) => {
            weak("gives a bool, not a number".to_owned())
        }
        (Some(ScoreRange::Number { .. }), ScoringType::MetNotMet) => {
            weak("gives a number, not a bool".to_owned())
        }
        (Some(ScoreRange::Number { low, high }), ScoringType::NumericScale { min }) => {
            let (min, max) = (min.points(), criterion.max_points.points());
            let slack = (max - min) * OUT_OF_REACH;
            if low == high {
                weak(format!("is {low} whatever the facts are"));
            } else if high < max - slack {
                weak(format!("never gives more than {high:.2} of {max}"));
            } else if low > min + slack {
                weak(format!("never gives less than {low:.2}, the scale begins at {min}"));
            }
        }
    }
}
