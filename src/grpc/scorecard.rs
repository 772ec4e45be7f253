//! `ScorecardService` on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        Category, Criterion, Denominator, Evaluator, Knockout, ScorecardRevision, ScorecardState,
        ScoringType, UnitKind, Violations,
    },
    error::Error,
    proto::v1::{self, scorecard_service_server::ScorecardService},
    service::scorecard,
};

use super::{Edge, names, pages, times};

/// All scorecards are one list.
const LIST: &str = "scorecards";

#[tonic::async_trait]
impl ScorecardService for Edge {
    async fn get_scorecard(
        &self,
        request: Request<v1::GetScorecardRequest>,
    ) -> Result<Response<v1::Scorecard>, Status> {
        let (base, ordinal) = names::parse_scorecard("name", &request.get_ref().name).map_err(Error::from)?;
        let revision = scorecard::get_scorecard(&self.0, &base, ordinal).await?;
        Ok(Response::new(to_wire(revision)))
    }

    async fn list_scorecards(
        &self,
        request: Request<v1::ListScorecardsRequest>,
    ) -> Result<Response<v1::ListScorecardsResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let size = pages::size(request.page_size, &mut violations);
        let after = pages::place(&self.0, LIST, &request.page_token, &mut violations);
        violations.or(()).map_err(Error::from)?;
        let page = scorecard::list_scorecards(&self.0, after.as_deref(), size).await?;
        let bases: Vec<_> = page.revisions.iter().map(|revision| revision.revision.base.clone()).collect();
        let mut scorecards: Vec<_> = page.revisions.into_iter().map(to_wire).collect();
        let last = if pages::cut(&mut scorecards) {
            bases.into_iter().nth(scorecards.len() - 1)
        } else {
            page.last.filter(|_| page.has_more)
        };
        let next_page_token = last.map_or_else(String::new, |last| self.0.page_token(LIST, last));
        Ok(Response::new(v1::ListScorecardsResponse { scorecards, next_page_token }))
    }
}

fn to_wire(revision: ScorecardRevision) -> v1::Scorecard {
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
