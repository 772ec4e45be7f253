//! Assessments between the domain and the API.

use crate::{
    domain::{
        AiInvolvement, Answer, AnswerSource, Assessment, AssessmentState, Axis, Band, CriterionResult,
        Dimension, FactValue, Resolution, ScoredFact, Totals, Unit,
    },
    proto::v1::{self, fact::Value},
};

use super::{
    author::author_to_wire,
    names::{self, MessageNames},
    times,
};

pub fn to_wire(assessment: Assessment) -> v1::Assessment {
    let conversation = assessment.conversation;
    let (unit, worklog) = match assessment.unit {
        Unit::Conversation => (v1::UnitKind::Conversation, String::new()),
        Unit::Worklog { first_message } => {
            (v1::UnitKind::Worklog, names::message(conversation, first_message))
        }
    };
    let names = MessageNames::of(conversation);
    let criteria = assessment.criteria.into_iter().map(|criterion| criterion_to_wire(&names, criterion));
    let facts = assessment.facts.into_iter().map(|fact| fact_to_wire(&names, fact));
    v1::Assessment {
        name: names::assessment(conversation, assessment.id),
        unit: unit.into(),
        worklog,
        assessee: assessment.assessee.map(author_to_wire),
        scorecard: names::revision(&assessment.scorecard),
        state: state_to_wire(assessment.state).into(),
        totals: Some(totals_to_wire(assessment.totals)),
        axis: assessment.axis.map(axis_to_wire),
        summary: assessment.summary,
        criteria: criteria.collect(),
        facts: facts.collect(),
        create_time: Some(times::to_wire(assessment.create_time)),
        update_time: Some(times::to_wire(assessment.update_time)),
        etag: assessment.version.to_string(),
        stale_time: assessment.stale_time.map(times::to_wire),
    }
}

fn state_to_wire(state: AssessmentState) -> v1::AssessmentState {
    match state {
        AssessmentState::Unprocessed => v1::AssessmentState::Unprocessed,
        AssessmentState::AiReady => v1::AssessmentState::AiReady,
        AssessmentState::ReviewOngoing => v1::AssessmentState::ReviewOngoing,
        AssessmentState::ReviewedBySupervisor => v1::AssessmentState::ReviewedBySupervisor,
        AssessmentState::DiscussedWithAssessee => v1::AssessmentState::DiscussedWithAssessee,
        AssessmentState::Error => v1::AssessmentState::Error,
        AssessmentState::Deleted => v1::AssessmentState::Deleted,
    }
}

fn totals_to_wire(totals: Totals) -> v1::Totals {
    v1::Totals {
        scored_points: totals.scored_points.points(),
        used_max_points: totals.used_max_points.points(),
        total_max_points: totals.total_max_points.points(),
        percentage: f64::from(totals.percentage_tenths) / 10.0,
        normalized: totals.normalized(),
    }
}

fn axis_to_wire(axis: Axis) -> v1::Axis {
    let dimension = |dimension: Dimension| v1::AxisDimension {
        score: f64::from(dimension.score_milli) / 1000.0,
        reason: dimension.reason,
    };
    let band = match axis.band {
        Band::Poor => v1::AxisBand::Poor,
        Band::Fair => v1::AxisBand::Fair,
        Band::Excellent => v1::AxisBand::Excellent,
    };
    let resolution = match axis.resolution {
        Resolution::Resolved => v1::Resolution::Resolved,
        Resolution::Partial => v1::Resolution::Partial,
        Resolution::NotResolved => v1::Resolution::NotResolved,
    };
    let ai_involvement = match axis.ai_involvement {
        AiInvolvement::AiOnly => v1::AiInvolvement::AiOnly,
        AiInvolvement::AiAssisted => v1::AiInvolvement::AiAssisted,
        AiInvolvement::NoAi => v1::AiInvolvement::NoAi,
    };
    v1::Axis {
        score: f64::from(axis.score_tenths) / 10.0,
        band: band.into(),
        resolution_accuracy: Some(dimension(axis.resolution_accuracy)),
        interaction_effort: Some(dimension(axis.interaction_effort)),
        handoff_smoothness: Some(dimension(axis.handoff_smoothness)),
        resolution: resolution.into(),
        ai_involvement: ai_involvement.into(),
    }
}

fn criterion_to_wire(names: &MessageNames, criterion: CriterionResult) -> v1::CriterionResult {
    v1::CriterionResult {
        category_id: criterion.category_id,
        criterion_id: criterion.criterion_id,
        max_points: criterion.max_points.points(),
        applicable: criterion.applicable,
        system: criterion.system.map(|answer| answer_to_wire(names, answer)),
        human: criterion.human.map(|answer| answer_to_wire(names, answer)),
        failure: criterion.failure.unwrap_or_default(),
    }
}

fn answer_to_wire(names: &MessageNames, answer: Answer) -> v1::Answer {
    let source = match answer.source {
        AnswerSource::Rule => v1::AnswerSource::Rule,
    };
    let evidence = answer
        .evidence
        .into_iter()
        .map(|evidence| v1::Evidence { message: names.name(evidence.message), fact: evidence.fact });
    v1::Answer {
        score: answer.score.points(),
        reason: answer.reason,
        evidence: evidence.collect(),
        source: source.into(),
        create_time: Some(times::to_wire(answer.time)),
    }
}

fn fact_to_wire(names: &MessageNames, fact: ScoredFact) -> v1::Fact {
    let value = match fact.value {
        FactValue::Bool(value) => Value::BoolValue(value),
        FactValue::Int(value) => Value::IntValue(value),
        FactValue::Number(value) => Value::NumberValue(value),
        FactValue::Text(value) => Value::TextValue(value),
    };
    let messages = fact.evidence.into_iter().map(|id| names.name(id)).collect();
    v1::Fact { name: fact.name, value: Some(value), messages }
}
