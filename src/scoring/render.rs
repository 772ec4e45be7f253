//! Scorecards as files: YAML out. What is read back is the same scorecard, and is written the same again.

use serde::Serialize;

use super::yaml::ScorecardFile;
use crate::domain::{
    Category, Criterion, Denominator, Evaluator, Knockout, MilliPoints, ScorecardRevision, ScorecardState,
    ScoringType, UnitKind,
};

/// The revision as a file that `yaml::parse` reads. Comments and line breaks of the text it once came from are not kept in
/// a revision, so they are not in it.
pub fn render(revision: &ScorecardRevision) -> String {
    write(&File {
        id: &revision.revision.base,
        label: &revision.label,
        description: &revision.description,
        state: revision.state,
        unit: revision.unit,
        applies_when: &revision.applies_when,
        denominator: revision.denominator,
        categories: CategoryFile::all(&revision.categories),
    })
}

/// What `render` writes of the revision that a file becomes.
pub(super) fn file(file: &ScorecardFile) -> String {
    write(&File {
        id: &file.id,
        label: &file.label,
        description: &file.description,
        state: file.state,
        unit: file.unit,
        applies_when: &file.applies_when,
        denominator: file.denominator,
        categories: CategoryFile::all(&file.categories),
    })
}

fn write(file: &File) -> String {
    serde_saphyr::to_string(file).expect("texts, numbers and lists always have a YAML form")
}

#[derive(Serialize)]
struct File<'r> {
    id: &'r str,
    label: &'r str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'r str,
    state: ScorecardState,
    unit: UnitKind,
    #[serde(skip_serializing_if = "str::is_empty")]
    applies_when: &'r str,
    denominator: Denominator,
    categories: Vec<CategoryFile<'r>>,
}

#[derive(Serialize)]
struct CategoryFile<'r> {
    id: &'r str,
    label: &'r str,
    criteria: Vec<CriterionFile<'r>>,
}

#[derive(Serialize)]
struct CriterionFile<'r> {
    id: &'r str,
    label: &'r str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'r str,
    max_points: f64,
    scoring_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    evaluator: Evaluator,
    #[serde(skip_serializing_if = "str::is_empty")]
    applies_when: &'r str,
    #[serde(skip_serializing_if = "str::is_empty")]
    rule: &'r str,
    knockout: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'r str,
    #[serde(skip_serializing_if = "str::is_empty")]
    prompt: &'r str,
}

impl<'r> CategoryFile<'r> {
    fn all(categories: &'r [Category]) -> Vec<Self> {
        let file = |category: &'r Category| Self {
            id: &category.id,
            label: &category.label,
            criteria: category.criteria.iter().map(CriterionFile::of).collect(),
        };
        categories.iter().map(file).collect()
    }
}

impl<'r> CriterionFile<'r> {
    fn of(criterion: &'r Criterion) -> Self {
        let (scoring_type, min) = match criterion.scoring_type {
            ScoringType::MetNotMet => ("met_not_met", None),
            ScoringType::NumericScale { min } => {
                ("numeric_scale", (min != MilliPoints(0)).then(|| min.points()))
            }
        };
        Self {
            id: &criterion.id,
            label: &criterion.label,
            description: &criterion.description,
            max_points: criterion.max_points.points(),
            scoring_type,
            min,
            evaluator: criterion.evaluator,
            applies_when: &criterion.applies_when,
            rule: &criterion.rule,
            knockout: match criterion.knockout {
                Knockout::None => "none",
                Knockout::Category => "category",
                Knockout::Assessment => "assessment",
            },
            reason: &criterion.reason,
            prompt: &criterion.prompt,
        }
    }
}
