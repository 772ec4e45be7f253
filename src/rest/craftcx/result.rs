//! The response of `GET /v1/assess/{id}`: the state of an import and, once it is scored, its scores.

use serde::Serialize;
use serde_json::Number;

use crate::{
    domain::{
        AiInvolvement, Answer, AnswerSource, Assessment, AssessmentState, Author, Axis, Band, ConversationId,
        CriterionResult, Dimension, MessageId, Resolution, Totals, Unit, Words as _,
    },
    service::{assessment::ScoredImport, conversation::ScoringStatus},
};

use super::super::numbers::{tenths, thousandths};

/// The status of every receipt: only accepted imports have one.
pub const ACCEPTED: &str = "accepted";

/// The most assessments in one response. The rest, of very long conversations, can be read over gRPC.
pub const MAX_ASSESSMENTS: usize = 100;

/// The last four fields are absent until scoring is done; the first three of those are also absent without AXIS.
#[derive(Serialize)]
pub struct ImportResult {
    id: String,
    external_ticket_id: String,
    source: String,
    status: &'static str,
    conversation: String,
    scoring: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ai_involvement: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    axis: Option<AxisScore>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assessments: Option<Vec<AssessmentResult>>,
}

#[derive(Serialize)]
struct AxisScore {
    score: Number,
    band: &'static str,
    resolution_accuracy: DimensionScore,
    interaction_effort: DimensionScore,
    handoff_smoothness: DimensionScore,
}

#[derive(Serialize)]
struct DimensionScore {
    score: Number,
    reason: String,
}

#[derive(Serialize)]
struct AssessmentResult {
    name: String,
    scorecard: String,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    worklog: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assessee: Option<AuthorResult>,
    state: &'static str,
    totals: TotalsResult,
    summary: String,
    criteria: Vec<Criterion>,
}

#[derive(Serialize)]
struct AuthorResult {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Serialize)]
struct TotalsResult {
    scored_points: Number,
    used_max_points: Number,
    total_max_points: Number,
    percentage: Number,
}

#[derive(Serialize)]
struct Criterion {
    category_id: String,
    criterion_id: String,
    max_points: Number,
    applicable: bool,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    answer: Option<CriterionAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

#[derive(Serialize)]
struct CriterionAnswer {
    score: Number,
    reason: String,
    source: &'static str,
    evidence: Vec<EvidenceResult>,
}

#[derive(Serialize)]
struct EvidenceResult {
    message: String,
    fact: String,
}

pub fn to_json(import: ScoredImport) -> ImportResult {
    let ScoredImport { status, axis, assessments } = import;
    let is_done = matches!(status.scoring, ScoringStatus::Done | ScoringStatus::Off);
    let conversation = status.conversation;
    let shown = assessments.into_iter().map(assessment_to_json);
    ImportResult {
        id: status.receipt.to_string(),
        external_ticket_id: conversation.external_id.into(),
        source: conversation.source.into(),
        status: ACCEPTED,
        conversation: format!("conversations/{}", conversation.id),
        scoring: match status.scoring {
            ScoringStatus::Pending { .. } => "pending",
            // What was imported is scored; a message added later without scoring does not change that.
            ScoringStatus::Done | ScoringStatus::Off => "done",
            ScoringStatus::Failed { .. } => "failed",
        },
        resolution: axis.as_ref().map(|axis| resolution_name(axis.resolution)),
        ai_involvement: axis.as_ref().map(|axis| ai_involvement_name(axis.ai_involvement)),
        axis: axis.map(axis_to_json),
        assessments: is_done.then(|| shown.collect()),
    }
}

fn resolution_name(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Resolved => "Resolved",
        Resolution::Partial => "Partial",
        Resolution::NotResolved => "Not Resolved",
    }
}

fn ai_involvement_name(involvement: AiInvolvement) -> &'static str {
    match involvement {
        AiInvolvement::AiOnly => "AI only",
        AiInvolvement::AiAssisted => "AI assisted",
        AiInvolvement::NoAi => "no AI",
    }
}

fn axis_to_json(axis: Axis) -> AxisScore {
    let dimension = |dimension: Dimension| DimensionScore {
        score: thousandths(i64::from(dimension.score_milli)),
        reason: dimension.reason,
    };
    AxisScore {
        score: tenths(axis.score_tenths),
        band: match axis.band {
            Band::Poor => "Poor",
            Band::Fair => "Fair",
            Band::Excellent => "Excellent",
        },
        resolution_accuracy: dimension(axis.resolution_accuracy),
        interaction_effort: dimension(axis.interaction_effort),
        handoff_smoothness: dimension(axis.handoff_smoothness),
    }
}

fn assessment_to_json(assessment: Assessment) -> AssessmentResult {
    let conversation = assessment.conversation;
    let (unit, worklog) = match assessment.unit {
        Unit::Conversation => ("conversation", None),
        Unit::Worklog { first_message } => ("worklog", Some(message_name(conversation, first_message))),
    };
    let criteria =
        assessment.criteria.into_iter().map(|criterion| criterion_to_json(conversation, criterion));
    AssessmentResult {
        name: format!("conversations/{conversation}/assessments/{}", assessment.id),
        scorecard: format!(
            "scorecards/{}/revisions/{}",
            assessment.scorecard.base, assessment.scorecard.ordinal
        ),
        unit,
        worklog,
        assessee: assessment.assessee.map(author_to_json),
        state: state_name(assessment.state),
        totals: totals_to_json(assessment.totals),
        summary: assessment.summary,
        criteria: criteria.collect(),
    }
}

fn message_name(conversation: ConversationId, message: MessageId) -> String {
    format!("conversations/{conversation}/messages/{message}")
}

fn author_to_json(author: Author) -> AuthorResult {
    let external_id = author.external_id.map(String::from);
    AuthorResult { r#type: author.kind.word(), external_id, name: author.name }
}

fn state_name(state: AssessmentState) -> &'static str {
    match state {
        AssessmentState::Unprocessed => "unprocessed",
        AssessmentState::AiReady => "ai_ready",
        AssessmentState::ReviewOngoing => "review_ongoing",
        AssessmentState::ReviewedBySupervisor => "reviewed_by_supervisor",
        AssessmentState::DiscussedWithAssessee => "discussed_with_assessee",
        AssessmentState::Error => "error",
        AssessmentState::Deleted => "deleted",
    }
}

fn totals_to_json(totals: Totals) -> TotalsResult {
    TotalsResult {
        scored_points: thousandths(totals.scored_points.0),
        used_max_points: thousandths(totals.used_max_points.0),
        total_max_points: thousandths(totals.total_max_points.0),
        percentage: tenths(totals.percentage_tenths),
    }
}

/// The effective answer: the human one if there is one.
fn criterion_to_json(conversation: ConversationId, criterion: CriterionResult) -> Criterion {
    let answer = criterion.human.or(criterion.system);
    Criterion {
        category_id: criterion.category_id,
        criterion_id: criterion.criterion_id,
        max_points: thousandths(criterion.max_points.0),
        applicable: criterion.applicable,
        failure: criterion.failure.filter(|_| answer.is_none()),
        answer: answer.map(|answer| answer_to_json(conversation, answer)),
    }
}

fn answer_to_json(conversation: ConversationId, answer: Answer) -> CriterionAnswer {
    let evidence = answer.evidence.into_iter().map(|evidence| EvidenceResult {
        message: message_name(conversation, evidence.message),
        fact: evidence.fact,
    });
    CriterionAnswer {
        score: thousandths(answer.score.0),
        reason: answer.reason,
        source: match answer.source {
            AnswerSource::Rule => "rule",
        },
        evidence: evidence.collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use crate::domain::{MilliPoints, UnixMillis};

    use super::*;

    fn answer(score: i64, reason: &str) -> Answer {
        let (score, reason) = (MilliPoints(score), reason.to_owned());
        Answer {
            score,
            reason,
            evidence: Vec::new(),
            source: AnswerSource::Rule,
            time: UnixMillis::clamped(0),
        }
    }

    fn criterion(system: Option<Answer>, human: Option<Answer>, failure: Option<&str>) -> serde_json::Value {
        let result = CriterionResult {
            category_id: "tone".to_owned(),
            criterion_id: "greeting".to_owned(),
            max_points: MilliPoints(2500),
            applicable: true,
            system,
            human,
            failure: failure.map(str::to_owned),
        };
        to_value(criterion_to_json(ConversationId(1), result)).unwrap()
    }

    #[test]
    fn a_human_answer_takes_precedence() {
        let both = criterion(Some(answer(0, "rule")), Some(answer(2500, "person")), None);
        assert_eq!((&both["score"], &both["reason"]), (&json!(2.5), &json!("person")));
    }

    #[test]
    fn a_criterion_without_an_answer_has_no_score_and_says_why() {
        let failed = criterion(None, None, Some("no such fact"));
        let expected = json!({
            "category_id": "tone", "criterion_id": "greeting", "max_points": 2.5, "applicable": true,
            "failure": "no such fact",
        });
        assert_eq!(failed, expected);
    }
}
