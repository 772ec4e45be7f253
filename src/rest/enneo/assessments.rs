//! `GET /ticket/{ticketId}/assessments`.

use std::sync::Arc;

use axum::{
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};
use http::StatusCode;
use serde::Serialize;
use serde_json::Number;

use crate::{
    domain::{
        AssessmentState, Totals, UnixMillis,
        experience::Experience,
        work::{Action, Automation, Segment, Work},
    },
    rest::{
        answer::answer,
        fault::Fault,
        numbers::{tenths, thousandths},
        request,
    },
    service::{
        Services,
        ticket::{AiAgent, Csat, Progress, Row, TicketAssessments, get_ticket_assessments},
    },
};

use super::ticket::{Ticket, error};

/// Every key is always present, null where nothing is known.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AssessmentRow {
    id: u64,
    scorecard_id: u64,
    scorecard_base_id: u64,
    state: &'static str,
    assessed_user: Option<u64>,
    /// The reviewer. Always null: nobody can review yet.
    assessed_by_user: Option<u64>,
    ticket_id: u64,
    worklog_id: Option<u64>,
    created_at: String,
    modified_at: String,
    can_edit: bool,
    ai_summary: String,
    totals: TotalsPart,
    worklog: WorklogPart,
    ai_usage: AiUsagePart,
    time: TimePart,
    customer_experience: ExperiencePart,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TotalsPart {
    scored_points: Number,
    used_max_points: Number,
    total_max_points: Number,
    percentage: Number,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WorklogPart {
    user_id: Option<u64>,
    worklog_id: Option<u64>,
    last_interaction: Option<String>,
    ticket_id: u64,
    conversation_id: Option<u64>,
    action: Option<&'static str>,
    action_list: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AiUsagePart {
    automation_level: Option<u8>,
    automation_level_label: Option<&'static str>,
    ai_agents: Vec<AiAgentPart>,
}

#[derive(Serialize)]
struct AiAgentPart {
    id: Option<u64>,
    name: Option<String>,
    description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TimePart {
    duration: Option<i64>,
    duration_after_work: Option<i64>,
    segments: Vec<SegmentPart>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SegmentPart {
    user_time_tracking_id: u64,
    from: String,
    to: String,
    action_list: Vec<&'static str>,
    action_list_text: String,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExperiencePart {
    sla_met: Option<bool>,
    net_seconds_closed_after_sla: Option<i64>,
    #[serde(rename = "closingDateForSLA")]
    closing_date_for_sla: Option<String>,
    #[serde(rename = "dueDateForSLA")]
    due_date_for_sla: Option<String>,
    re_opened: bool,
    csat: Option<CsatPart>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct CsatPart {
    id: String,
    scale: u8,
    answer_stars: u8,
    answer_text: Option<String>,
}

pub async fn list(
    State(services): State<Arc<Services>>,
    ticket: Result<Path<String>, PathRejection>,
) -> Response {
    rows(&services, ticket).await.unwrap_or_else(|fault| error(&fault))
}

async fn rows(services: &Services, ticket: Result<Path<String>, PathRejection>) -> Result<Response, Fault> {
    let ticket = Ticket::of_path(services, ticket)?;
    let found = get_ticket_assessments(
        request::call(services),
        &ticket.conversation,
        services.settings().enneo_source,
    )
    .await;
    let TicketAssessments { rows, experience, csat } = found.map_err(|error| ticket.fault(error))?;
    let experience = experience_to_json(experience, csat);
    let rows: Vec<_> = rows.into_iter().map(|row| row_to_json(ticket.id, row, experience.clone())).collect();
    Ok(answer(StatusCode::OK, &rows))
}

fn row_to_json(ticket: u64, row: Row, customer_experience: ExperiencePart) -> AssessmentRow {
    let worklog_id = Some(row.worklog.0);
    let work = row.work.as_ref();
    AssessmentRow {
        id: row.assessment.id.0,
        scorecard_id: row.assessment.scorecard.revision_id,
        scorecard_base_id: row.assessment.scorecard.base_id,
        state: state_name(row.progress),
        assessed_user: row.assessee,
        assessed_by_user: None,
        ticket_id: ticket,
        worklog_id,
        created_at: iso(row.assessment.create_time),
        modified_at: iso(row.assessment.update_time),
        can_edit: row.progress.is_editable(),
        totals: totals_to_json(row.assessment.totals),
        worklog: WorklogPart {
            user_id: row.assessee,
            worklog_id,
            last_interaction: work.map(|work| iso(work.last_interaction)),
            ticket_id: ticket,
            conversation_id: work.map(|work| work.last_message.0),
            action: work.map(|work| action_name(work.last_action)),
            action_list: work.map_or_else(Vec::new, |work| action_names(&work.actions)),
        },
        ai_usage: ai_usage_to_json(work, row.ai_agents),
        time: time_to_json(work),
        ai_summary: row.assessment.summary,
        customer_experience,
    }
}

/// Times as Enneo documents them: in whole seconds.
fn iso(time: UnixMillis) -> String {
    time.whole_seconds().to_string()
}

fn state_name(progress: Progress) -> &'static str {
    match progress {
        Progress::AiInProgress => "aiInProgress",
        Progress::Failed | Progress::Is(AssessmentState::Error) => "error",
        Progress::Is(AssessmentState::Unprocessed) => "unprocessed",
        Progress::Is(AssessmentState::AiReady) => "aiReady",
        Progress::Is(AssessmentState::ReviewOngoing) => "reviewOngoing",
        Progress::Is(AssessmentState::ReviewedBySupervisor) => "reviewedBySupervisor",
        Progress::Is(AssessmentState::DiscussedWithAssessee) => "discussedWithAssessee",
        Progress::Is(AssessmentState::Deleted) => "deleted",
    }
}

fn totals_to_json(totals: Totals) -> TotalsPart {
    TotalsPart {
        scored_points: thousandths(totals.scored_points.0),
        used_max_points: thousandths(totals.used_max_points.0),
        total_max_points: thousandths(totals.total_max_points.0),
        percentage: tenths(totals.percentage_tenths),
    }
}

fn action_name(action: Action) -> &'static str {
    match action {
        Action::Reply => "reply",
        Action::InternalNote => "internal-note",
    }
}

fn action_names(actions: &[Action]) -> Vec<&'static str> {
    actions.iter().map(|action| action_name(*action)).collect()
}

fn ai_usage_to_json(work: Option<&Work>, agents: Vec<AiAgent>) -> AiUsagePart {
    // Level 4, dark processing with approval, cannot be recognized from a transcript.
    let level = work.map(|work| match work.automation {
        Automation::None => (0, "No AI"),
        Automation::Monitor => (1, "Monitor"),
        Automation::Assisted => (2, "Assisted"),
        Automation::SpecializedAgent => (3, "Specialized agent"),
        Automation::DarkProcessing => (5, "Dark processing"),
    });
    let said = |text: String| Some(text).filter(|text| !text.is_empty());
    let agent = |AiAgent { number, name, description }| AiAgentPart {
        id: number,
        name: said(name),
        description: said(description),
    };
    AiUsagePart {
        automation_level: level.map(|(level, _)| level),
        automation_level_label: level.map(|(_, label)| label),
        ai_agents: agents.into_iter().map(agent).collect(),
    }
}

fn time_to_json(work: Option<&Work>) -> TimePart {
    TimePart {
        duration: work.map(|work| work.duration_seconds),
        duration_after_work: work.map(|work| work.after_work_seconds),
        segments: work.map_or_else(Vec::new, |work| work.segments.iter().map(segment_to_json).collect()),
    }
}

fn segment_to_json(segment: &Segment) -> SegmentPart {
    let action_list = action_names(&segment.actions);
    SegmentPart {
        user_time_tracking_id: segment.first_message.0,
        from: iso(segment.from),
        to: iso(segment.to),
        action_list_text: action_list.join(", "),
        action_list,
    }
}

fn experience_to_json(experience: Experience, csat: Option<Csat>) -> ExperiencePart {
    let csat = csat.map(|csat| CsatPart {
        id: csat.id,
        scale: csat.scale,
        answer_stars: csat.answer,
        answer_text: csat.text,
    });
    ExperiencePart {
        sla_met: experience.sla_met,
        net_seconds_closed_after_sla: experience.net_seconds,
        closing_date_for_sla: experience.closed.map(iso),
        due_date_for_sla: experience.due.map(iso),
        re_opened: experience.reopened,
        csat,
    }
}
