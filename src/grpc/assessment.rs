//! `AssessmentService` on the wire.

use prost::bytes::Bytes;
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        AiInvolvement, Answer, AnswerSource, Assessment, AssessmentState, Axis, Band, CriterionResult,
        Dimension, FactValue, Resolution, ScoredFact, Totals, Unit, Violations,
    },
    error::Error,
    proto::v1::{self, fact::Value},
    service::{
        assessment::{self, AssessmentsOf},
        conversation,
    },
};

use super::{
    Edge,
    conversation::author_to_wire,
    encoded::{EncodedAssessments, Encoder},
    filters,
    names::{self, MessageNames},
    pages, times,
};
use generated::assessment_service_server::AssessmentService;
pub use generated::assessment_service_server::AssessmentServiceServer;

/// The service as it is generated for [`EncodedAssessments`].
#[allow(missing_docs)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/encoded/plaudit.v1.rs"));
}

/// The edge with what it keeps of encoded assessments.
pub struct AssessmentEdge {
    edge: Edge,
    encoder: Encoder,
}

impl AssessmentEdge {
    pub fn new(edge: Edge) -> Self {
        Self { edge, encoder: Encoder::default() }
    }
}

#[tonic::async_trait]
impl AssessmentService for AssessmentEdge {
    async fn get_assessment(
        &self,
        request: Request<v1::GetAssessmentRequest>,
    ) -> Result<Response<v1::Assessment>, Status> {
        let (parent, id) = names::parse_assessment("name", &request.get_ref().name).map_err(Error::from)?;
        let assessment = assessment::get_assessment(&self.edge.0, &parent, id).await?;
        Ok(Response::new(to_wire(assessment)))
    }

    async fn list_assessments(
        &self,
        request: Request<v1::ListAssessmentsRequest>,
    ) -> Result<Response<EncodedAssessments>, Status> {
        let services = &self.edge.0;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let size = pages::size(request.page_size, &mut violations);
        let filter = filters::assessments(request.filter, &mut violations);
        let of = self.edge.assessments_of(&request.parent, &mut violations).await?;
        let Some(of) = of else { return Err(Error::from(violations).into()) };
        let arguments = || format!("assessments {of:?} {filter:?}");
        let after = pages::cursor(services, arguments, &request.page_token, &mut violations);
        violations.or(()).map_err(Error::from)?;
        let page = assessment::list_assessments(services, of, &filter, after, size).await?;
        let next = page.next_cursor();
        let cursors: Vec<_> = page.items.iter().map(|listed| page.cursor_at(listed.place)).collect();
        let assessments = page.items.into_iter().map(|listed| self.encoder.encode(listed));
        let mut assessments = assessments.collect::<Result<Vec<_>, _>>()?;
        let next_page_token = pages::end(services, arguments, &mut assessments, Bytes::len, &cursors, next);
        Ok(Response::new(EncodedAssessments { assessments, next_page_token }))
    }
}

impl Edge {
    /// What the parent of a list means; `None` when it is malformed, which is then noted. A token is good for one
    /// conversation, by whatever name, so that it is looked up before the token is.
    async fn assessments_of(
        &self,
        parent: &str,
        violations: &mut Violations,
    ) -> Result<Option<AssessmentsOf>, Error> {
        if parent == names::ALL_CONVERSATIONS {
            return Ok(Some(AssessmentsOf::All));
        }
        let Some(parent) = violations.take(names::parse_conversation("parent", parent)) else {
            return Ok(None);
        };
        conversation::resolve(&self.0, &parent).await.map(|id| Some(AssessmentsOf::One(id)))
    }
}

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
