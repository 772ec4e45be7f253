//! The scores that a rule can give, found by trying facts.

use super::{
    facts::{self, Fact, FactId, FactKind, Facts},
    rules::{Outcome, Rule, Scope, Variables},
};
use crate::domain::FactValue;

/// The outcomes that a rule was seen to give.
#[derive(Clone, Debug, PartialEq)]
pub enum ScoreRange {
    Bool {
        met: bool,
        missed: bool,
    },
    Number {
        low: f64,
        high: f64,
    },
    /// Something that is not a score.
    Other(&'static str),
}

/// The number of starting points for the climb: the first, the middle and the last value of each fact.
const STARTS: usize = 3;
const ROUNDS: usize = 2;

/// Climbs to the highest and the lowest outcome, one fact at a time. `None` if no facts give any.
///
/// This is a search, not a proof: a rule may reach more than is found here.
pub fn score_range(rule: &Rule) -> Option<ScoreRange> {
    let named: Vec<(FactId, Vec<Option<FactValue>>)> =
        rule.facts().iter().map(|id| (*id, candidates(facts::get(*id)))).collect();
    let mut seen: Option<ScoreRange> = None;
    for start in 0..STARTS {
        for upwards in [true, false] {
            climb(rule, &named, start, upwards, &mut seen);
        }
    }
    seen
}

fn climb(
    rule: &Rule,
    named: &[(FactId, Vec<Option<FactValue>>)],
    start: usize,
    upwards: bool,
    seen: &mut Option<ScoreRange>,
) {
    let place = |count: usize| (count - 1) * start / (STARTS - 1);
    let mut chosen: Vec<usize> = named.iter().map(|(_, values)| place(values.len())).collect();
    let mut best = outcome_of(rule, named, &chosen, seen);
    for _ in 0..ROUNDS {
        for fact in 0..named.len() {
            let mut best_value = chosen[fact];
            for value in 0..named[fact].1.len() {
                chosen[fact] = value;
                let reached = outcome_of(rule, named, &chosen, seen);
                let better = match (reached, best) {
                    (Some(reached), Some(best)) => {
                        if upwards {
                            reached > best
                        } else {
                            reached < best
                        }
                    }
                    (Some(_), None) => true,
                    (None, _) => false,
                };
                if better {
                    (best, best_value) = (reached, value);
                }
            }
            chosen[fact] = best_value;
        }
    }
}

/// The outcome as a number, also recorded in `seen`.
fn outcome_of(
    rule: &Rule,
    named: &[(FactId, Vec<Option<FactValue>>)],
    chosen: &[usize],
    seen: &mut Option<ScoreRange>,
) -> Option<f64> {
    let mut facts = Facts::absent();
    for ((id, values), choice) in named.iter().zip(chosen) {
        if let Some(value) = &values[*choice] {
            facts.set(*id, value.clone());
        }
    }
    let variables = Variables::of(&facts);
    match rule.evaluate(&Scope::new(&variables)).ok()? {
        Outcome::Bool(value) => {
            let (met, missed) = match seen {
                Some(ScoreRange::Bool { met, missed }) => (*met, *missed),
                _ => (false, false),
            };
            *seen = Some(ScoreRange::Bool { met: met || value, missed: missed || !value });
            Some(f64::from(u8::from(value)))
        }
        Outcome::Number(value) if !value.is_nan() => {
            let (low, high) = match seen {
                Some(ScoreRange::Number { low, high }) => (low.min(value), high.max(value)),
                _ => (value, value),
            };
            *seen = Some(ScoreRange::Number { low, high });
            Some(value)
        }
        other => {
            seen.get_or_insert(ScoreRange::Other(other.kind()));
            None
        }
    }
}

/// Values that a fact may have, in ascending order, including absent.
fn candidates(fact: &Fact) -> Vec<Option<FactValue>> {
    let numbers = |values: &[f64]| values.iter().map(|value| Some(FactValue::Number(*value))).collect();
    let integers = |values: &[i64]| values.iter().map(|value| Some(FactValue::Int(*value))).collect();
    let texts = |values: &str| {
        let values = values.split(", ").flat_map(|value| value.split(" or "));
        values.map(|value| Some(FactValue::Text(value.to_owned()))).collect()
    };
    let mut values: Vec<Option<FactValue>> = match (fact.kind, fact.unit) {
        (FactKind::Bool, _) => vec![Some(FactValue::Bool(false)), Some(FactValue::Bool(true))],
        (FactKind::Int, "seconds") => integers(&[0, 30, 300, 1_800, 3_600, 20_000, 100_000, 1_000_000]),
        (FactKind::Int, "words") => integers(&[0, 10, 50, 200, 1_000]),
        (FactKind::Int, _) => integers(&[0, 1, 2, 3, 5, 10, 30, 100]),
        (FactKind::Number, "0 to 1") => numbers(&[0.0, 0.25, 0.5, 0.75, 1.0]),
        (FactKind::Number, "-1 to 1" | "-2 to 2") => numbers(&[-1.0, -0.5, 0.0, 0.5, 1.0]),
        (FactKind::Number, "seconds") => numbers(&[0.0, 60.0, 3_600.0, 100_000.0, 1_000_000.0]),
        (FactKind::Number, _) => numbers(&[0.0, 5.0, 20.0, 50.0, 80.0, 100.0]),
        (FactKind::Text, "ISO 639-3 code") => texts("deu, eng, fra"),
        // The unit of any other text lists its values.
        (FactKind::Text, values) => texts(values),
    };
    values.push(None);
    values
}
