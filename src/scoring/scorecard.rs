//! A scorecard revision with its rules compiled.

use std::collections::HashSet;

use super::{
    facts::{self, FactId, Facts},
    rules::{Outcome, Rule, Scope},
    template::Template,
};
use crate::domain::{
    Answer, AnswerSource, Criterion, CriterionResult, Evaluator, Evidence, MilliPoints, ScorecardRevision,
    ScoringType, UnixMillis, Violations, axis,
};

/// How many messages an answer cites per fact; the fact itself has more.
const EVIDENCE_PER_FACT: usize = 5;

/// A revision that is ready to score with.
#[derive(Debug)]
pub struct Scorecard {
    pub(super) revision: ScorecardRevision,
    filter: Option<Rule>,
    /// In the revision's order.
    criteria: Vec<CompiledCriterion>,
    facts: Vec<FactId>,
}

#[derive(Debug)]
struct CompiledCriterion {
    category: usize,
    place: usize,
    applies_when: Option<Rule>,
    /// Absent: only a person can answer.
    rule: Option<Rule>,
    reason: Template,
}

impl Scorecard {
    /// Compiles every expression of a revision.
    ///
    /// # Errors
    /// Reports every id that comes twice and every expression that cannot be compiled, by the path of its field.
    pub fn compile(revision: ScorecardRevision) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        check_ids(&revision, &mut violations);
        let unit = revision.unit;
        let mut compile = |source: &str, field: String| {
            let rule = (!source.trim().is_empty()).then(|| Rule::compile(source, unit))?;
            rule.map_err(|fault| violations.add(field, fault)).ok()
        };
        let filter = compile(&revision.applies_when, "applies_when".to_owned());
        let mut parts = Vec::new();
        for (category, place, criterion) in places(&revision) {
            let field = |name: &str| format!("{}.{name}", path(category, place));
            let applies_when = compile(&criterion.applies_when, field("applies_when"));
            let rule = match criterion.evaluator {
                Evaluator::Rule | Evaluator::Judge => compile(&criterion.rule, field("rule")),
                Evaluator::Human => None,
            };
            parts.push((category, place, applies_when, rule));
        }
        let mut criteria = Vec::with_capacity(parts.len());
        for (category, place, applies_when, rule) in parts {
            let source = &revision.categories[category].criteria[place].reason;
            match Template::compile(source, unit) {
                Ok(reason) => {
                    criteria.push(CompiledCriterion { category, place, applies_when, rule, reason })
                }
                Err(fault) => violations.add(format!("{}.reason", path(category, place)), fault),
            }
        }
        let facts = named_facts(&revision, filter.as_ref(), &criteria);
        violations.or(Self { revision, filter, criteria, facts })
    }

    pub fn revision(&self) -> &ScorecardRevision {
        &self.revision
    }

    /// The facts that its expressions use, in alphabetical order.
    pub fn facts(&self) -> &[FactId] {
        &self.facts
    }

    /// Whether it is the built-in scorecard that gives an AXIS score.
    pub fn is_axis(&self) -> bool {
        self.revision.revision.base == axis::SCORECARD
    }

    /// Whether its filter accepts a unit; a filter that cannot be evaluated does not.
    pub(super) fn applies(&self, scope: &Scope) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.evaluate(scope) == Ok(Outcome::Bool(true)))
    }

    /// The system's answer to every criterion.
    pub(super) fn answers(&self, facts: &Facts, scope: &mut Scope, now: UnixMillis) -> Vec<CriterionResult> {
        self.criteria.iter().map(|compiled| self.answer(compiled, facts, scope, now)).collect()
    }

    fn answer(
        &self,
        compiled: &CompiledCriterion,
        facts: &Facts,
        scope: &mut Scope,
        now: UnixMillis,
    ) -> CriterionResult {
        let category = &self.revision.categories[compiled.category];
        let criterion = &category.criteria[compiled.place];
        let mut result = CriterionResult {
            category_id: category.id.clone(),
            criterion_id: criterion.id.clone(),
            max_points: criterion.max_points,
            applicable: true,
            system: None,
            human: None,
            failure: None,
        };
        match compiled.applies_when.as_ref().map(|rule| rule.evaluate(scope)) {
            None | Some(Ok(Outcome::Bool(true))) => {}
            Some(Ok(Outcome::Bool(false))) => {
                result.applicable = false;
                return result;
            }
            Some(Ok(other)) => {
                result.failure = Some(format!("applies_when gives {}, not a bool", other.kind()));
                return result;
            }
            Some(Err(fault)) => {
                result.failure = Some(format!("applies_when: {fault}"));
                return result;
            }
        }
        let Some(rule) = &compiled.rule else { return result };
        match rule.evaluate(scope).and_then(|outcome| points(criterion, &outcome)) {
            Ok(score) => {
                scope.set_score(score.points());
                result.system = Some(Answer {
                    score,
                    reason: compiled.reason.render(scope),
                    evidence: evidence(rule, facts),
                    source: AnswerSource::Rule,
                    time: now,
                });
            }
            Err(fault) => result.failure = Some(format!("rule: {fault}")),
        }
        result
    }
}

/// An answer is known by the id of its criterion.
fn check_ids(revision: &ScorecardRevision, violations: &mut Violations) {
    let mut categories = HashSet::new();
    for (index, category) in revision.categories.iter().enumerate() {
        if !categories.insert(&category.id) {
            let rule = format!("must be unique, {:?} comes twice", category.id);
            violations.add(format!("categories[{index}].id"), rule);
        }
    }
    let mut criteria = HashSet::new();
    for (category, place, criterion) in places(revision) {
        if !criteria.insert(&criterion.id) {
            let rule = format!("must be unique in the scorecard, {:?} comes twice", criterion.id);
            violations.add(format!("{}.id", path(category, place)), rule);
        }
    }
}

/// The points for a rule's outcome.
///
/// # Errors
/// Says why there are none: the outcome has the wrong type, or is NaN.
fn points(criterion: &Criterion, outcome: &Outcome) -> Result<MilliPoints, String> {
    match (criterion.scoring_type, outcome) {
        (ScoringType::MetNotMet, Outcome::Bool(met)) => {
            Ok(if *met { criterion.max_points } else { MilliPoints(0) })
        }
        (ScoringType::MetNotMet, other) => Err(format!("gives {}, not a bool", other.kind())),
        (ScoringType::NumericScale { min }, Outcome::Number(number)) => {
            // Infinities are clamped; only NaN has no place on a scale.
            let max = criterion.max_points;
            let held = number.clamp(min.points().min(max.points()), max.points());
            MilliPoints::from_points(held).ok_or_else(|| "gives NaN, not a number".to_owned())
        }
        (ScoringType::NumericScale { .. }, other) => Err(format!("gives {}, not a number", other.kind())),
    }
}

fn evidence(rule: &Rule, facts: &Facts) -> Vec<Evidence> {
    let named = rule.facts().iter().filter_map(|id| Some((facts::get(*id).name, facts.get(*id)?)));
    named
        .flat_map(|(name, found)| {
            let messages = found.evidence.iter().take(EVIDENCE_PER_FACT);
            messages.map(|message| Evidence { message: *message, fact: name.to_owned() })
        })
        .collect()
}

fn named_facts(
    revision: &ScorecardRevision,
    filter: Option<&Rule>,
    criteria: &[CompiledCriterion],
) -> Vec<FactId> {
    let rules = criteria.iter().flat_map(|compiled| [compiled.applies_when.as_ref(), compiled.rule.as_ref()]);
    let mut named: Vec<FactId> = rules.chain([filter]).flatten().flat_map(Rule::facts).copied().collect();
    named.extend(criteria.iter().flat_map(|compiled| compiled.reason.facts()));
    if revision.revision.base == axis::SCORECARD {
        named.extend(axis::FACTS.iter().filter_map(|name| facts::find(name)));
    }
    named.sort_unstable();
    named.dedup();
    named
}

/// Every criterion with the index of its category and its own.
pub(super) fn places(revision: &ScorecardRevision) -> impl Iterator<Item = (usize, usize, &Criterion)> {
    revision.categories.iter().enumerate().flat_map(|(category, owner)| {
        owner.criteria.iter().enumerate().map(move |(place, criterion)| (category, place, criterion))
    })
}

pub(super) fn path(category: usize, place: usize) -> String {
    format!("categories[{category}].criteria[{place}]")
}
