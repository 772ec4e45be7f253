//! The demo's output: what it read back, and calls to try next.

use std::net::SocketAddr;

use crate::proto::v1::{Assessment, AxisBand, Estimate, Resolution, SummarizeRatingsResponse, UnitKind};

use super::{Row, ticket::TicketAssessment};

pub struct Page {
    pub rows: Vec<Row>,
    pub ticket_id: String,
    pub ticket: Vec<TicketAssessment>,
    pub ratings: SummarizeRatingsResponse,
}

impl Page {
    pub fn text(&self, address: SocketAddr) -> String {
        let Self { rows, ticket_id, .. } = self;
        let new = rows.iter().filter(|row| row.was_new).count();
        let old = rows.len() - new;
        let width = rows.iter().map(|row| title(row).chars().count()).max().unwrap_or(0);
        let head = format!("{:<width$}  AXIS  band       resolution    service basics", "conversation");
        let lines: Vec<String> = rows.iter().map(|row| line(row, width)).collect();
        let lines = lines.join("\n");
        let ticket: Vec<String> = self.ticket.iter().map(ticket_line).collect();
        let ticket = ticket.join("\n");
        let ratings = ratings(&self.ratings);
        let conversation = rows.first().map_or("", |row| &row.conversation);
        let receipt = rows.first().map_or("", |row| row.import.trim_start_matches("imports/"));
        format!(
            r#"
{new} conversations imported, {old} already stored. Read back through the API:

{head}
{lines}

Ticket {ticket_id}, stored message by message, with each agent's work on it (GET /ticket/{ticket_id}/assessments):

agent  service basics  actions                SLA met  reopened  csat
{ticket}

{ratings}

Try next:
  grpcurl -plaintext {address} list
  grpcurl -plaintext -d '{{"parent":"{conversation}"}}' {address} plaudit.v1.AssessmentService/ListAssessments
  grpcurl -plaintext -d '{{"filter":{{"max_score":3}}}}' {address} plaudit.v1.ConversationService/ListConversations
  grpcurl -plaintext -d '{{}}' {address} plaudit.v1.RatingService/SummarizeRatings
  curl -s http://{address}/v1/assess/{receipt}
  curl -s http://{address}/v1/assess -H 'content-type: application/json' -d '{TICKET}'
  curl -s http://{address}/ticket/{ticket_id}/conversation/store -H 'content-type: application/json' -d '{MESSAGE}'
  curl -s http://{address}/beta/conversations/{number}/ratings

"#,
            number = conversation.trim_start_matches("conversations/"),
        )
    }
}

/// Request bodies to try with curl.
const TICKET: &str = r#"{"ticket_id":"t-1","messages":[{"external_id":"m-1","kind":"message","content":"Hello?","author":{"type":"contact"},"timestamp":1767603600000}]}"#;
const MESSAGE: &str = r#"{"from":"ben@example.com","bodyPlain":"It holds. Thank you!","process":"realtime"}"#;

fn title(row: &Row) -> String {
    format!("{} {}", row.conversation.trim_start_matches("conversations/"), row.about)
}

/// One conversation: its AXIS score, and the percentage of each worklog that could be scored; one with only notes has no points
/// to score.
fn line(row: &Row, width: usize) -> String {
    let axis = row.assessments.iter().find_map(|assessment| assessment.axis.as_ref());
    let (score, band, resolution) = match axis {
        Some(axis) => (format!("{:.1}", axis.score), band(axis.band()), resolution(axis.resolution())),
        None => ("-".to_owned(), "-", "-"),
    };
    let worklogs = row.assessments.iter().filter(|assessment| assessment.unit() == UnitKind::Worklog);
    let judged =
        worklogs.filter(|worklog| worklog.totals.is_some_and(|totals| totals.total_max_points > 0.0));
    let worklogs: Vec<String> = judged.map(worklog).collect();
    let title = title(row);
    format!("{title:<width$}  {score:>4}  {band:<9}  {resolution:<12}  {}", worklogs.join(", "))
}

fn worklog(assessment: &Assessment) -> String {
    let name = assessment.assessee.as_ref().and_then(|author| author.name.as_deref()).unwrap_or("?");
    let percentage = assessment.totals.unwrap_or_default().percentage;
    format!("{name} {percentage} %")
}

/// One agent's work on the ticket.
fn ticket_line(row: &TicketAssessment) -> String {
    let experience = &row.customer_experience;
    let yes_or_no = |is: bool| if is { "yes" } else { "no" };
    let agent = row.assessed_user;
    let percentage = format!("{} %", row.totals.percentage);
    let actions = row.worklog.action_list.join(", ");
    let sla_met = experience.sla_met.map_or("-", yes_or_no);
    let reopened = yes_or_no(experience.re_opened);
    let csat = experience.csat.as_ref();
    let csat = csat.map_or("-".to_owned(), |csat| format!("{} of {}", csat.answer_stars, csat.scale));
    format!("{agent:<5}  {percentage:<14}  {actions:<21}  {sla_met:<7}  {reopened:<8}  {csat}")
}

/// The rating summary, with 95 % confidence intervals.
fn ratings(summary: &SummarizeRatingsResponse) -> String {
    format!(
        "Customers: {} of {} answered ({}); mean CSAT {}; satisfied {}.",
        summary.answered_count,
        summary.offered_count,
        estimate(summary.response_rate.as_ref(), 100.0, " %"),
        estimate(summary.csat_mean.as_ref(), 1.0, ""),
        estimate(summary.csat_satisfied_share.as_ref(), 100.0, " %"),
    )
}

fn estimate(estimate: Option<&Estimate>, times: f64, unit: &str) -> String {
    let shown = |value: f64| {
        let value = (value * times * 10.0).round() / 10.0;
        format!("{value}{unit}")
    };
    let Some(value) = estimate.and_then(|estimate| estimate.value) else { return "-".to_owned() };
    match estimate.and_then(|estimate| estimate.interval) {
        Some(interval) => {
            format!("{}, 95 % interval {} to {}", shown(value), shown(interval.lower), shown(interval.upper))
        }
        None => shown(value),
    }
}

fn band(band: AxisBand) -> &'static str {
    match band {
        AxisBand::Unspecified => "-",
        AxisBand::Poor => "Poor",
        AxisBand::Fair => "Fair",
        AxisBand::Excellent => "Excellent",
    }
}

fn resolution(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Unspecified => "-",
        Resolution::Resolved => "Resolved",
        Resolution::Partial => "Partial",
        Resolution::NotResolved => "Not Resolved",
    }
}
