//! Scorecards between the domain and the API.

use crate::{
    domain::{
        Category, Criterion, Denominator, Evaluator, Knockout, ScorecardRevision, ScorecardState,
        ScoringType, UnitKind,
    },
    proto::v1,
};

use super::{names, times};

pub fn to_wire(revision: ScorecardRevision) -> v1::Scorecard {
    let state = match revision.state {
        ScorecardState::Draft => v1::ScorecardState::Draft,
        ScorecardState::Active => v1::ScorecardState::Active,
        ScorecardState::Retired => v1::ScorecardState::Retired,
        ScorecardState::Deleted => v1::ScorecardState::Deleted,
    };
    let unit = match revision.unit {
        UnitKind::Conversation => v1::UnitKind::Conversation,
        UnitKind::Worklog => v1::UnitKind::Worklog,
    };
    let denominator = match revision.denominator {
        Denominator::Total => v1::Denominator::Total,
        Denominator::Used => v1::Denominator::Used,
    };
    v1::Scorecard {
        name: names::revision(&revision.revision),
        base_id: revision.revision.base_id as i64,
        revision_id: revision.revision.revision_id as i64,
        label: revision.label,
        description: revision.description,
        state: state.into(),
        unit: unit.into(),
        applies_when: revision.applies_when,
        denominator: denominator.into(),
        categories: revision.categories.into_iter().map(category_to_wire).collect(),
        create_time: Some(times::to_wire(revision.create_time)),
    }
}

fn category_to_wire(category: Category) -> v1::Category {
    let criteria = category.criteria.into_iter().map(criterion_to_wire).collect();
    v1::Category { id: category.id, label: category.label, criteria }
}

fn criterion_to_wire(criterion: Criterion) -> v1::Criterion {
    let (scoring_type, min_points) = match criterion.scoring_type {
        ScoringType::MetNotMet => (v1::ScoringType::MetNotMet, 0.0),
        ScoringType::NumericScale { min } => (v1::ScoringType::NumericScale, min.points()),
    };
    let evaluator = match criterion.evaluator {
        Evaluator::Rule => v1::Evaluator::Rule,
        Evaluator::Judge => v1::Evaluator::Judge,
        Evaluator::Human => v1::Evaluator::Human,
    };
    let knockout = match criterion.knockout {
        Knockout::None => v1::Knockout::None,
        Knockout::Category => v1::Knockout::Category,
        Knockout::Assessment => v1::Knockout::Assessment,
    };
    v1::Criterion {
        id: criterion.id,
        label: criterion.label,
        description: criterion.description,
        max_points: criterion.max_points.points(),
        scoring_type: scoring_type.into(),
        min_points,
        evaluator: evaluator.into(),
        rule: criterion.rule,
        applies_when: criterion.applies_when,
        knockout: knockout.into(),
        reason: criterion.reason,
        prompt: criterion.prompt,
    }
}
