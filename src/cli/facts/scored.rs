//! What a scorecard comes to, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::page::author;
use crate::{
    cli::output::{counted, visible},
    domain::{CriterionResult, MessageId, MilliPoints, Totals, Transcript, Unit},
    scoring::Scored,
};

const NAME_WIDTH: usize = 32;

/// Each unit that was scored, with its criteria.
pub fn page(place: &str, transcript: &Transcript, scored: &[Scored]) -> String {
    let count = transcript.messages.len();
    let place = visible(place);
    let mut page = format!("{place}: {}\n", counted(count as u64, "message", "messages"));
    if scored.is_empty() {
        page.push_str("  the scorecard applies to nothing here\n");
    }
    for unit in scored {
        let Totals { scored_points, total_max_points, .. } = unit.totals;
        let (points, most) = (points(scored_points), points(total_max_points));
        let percentage = f64::from(unit.totals.percentage_tenths) / 10.0;
        line(
            &mut page,
            &format!("  {}: {points} of {most} points, {percentage} %", unit_name(transcript, unit)),
        );
        for criterion in &unit.criteria {
            line(&mut page, &format!("    {:NAME_WIDTH$}  {}", name(criterion), said(criterion)));
        }
        line(&mut page, &format!("    {}", unit.summary));
    }
    page.push('\n');
    page
}

/// The same for programs.
pub fn to_json(place: &str, transcript: &Transcript, scored: &[Scored]) -> Value {
    let units: Vec<Value> = scored.iter().map(|unit| unit_to_json(transcript, unit)).collect();
    json!({ "conversation": place, "units": units })
}

fn unit_to_json(transcript: &Transcript, unit: &Scored) -> Value {
    let criteria: Vec<Value> = unit.criteria.iter().map(|it| criterion_to_json(transcript, it)).collect();
    let first_message = match unit.unit {
        Unit::Conversation => None,
        Unit::Worklog { first_message } => place_of(transcript, first_message),
    };
    let assessee = unit.assessee.as_ref();
    json!({
        "scorecard": unit.scorecard.base,
        "unit": if first_message.is_some() { "worklog" } else { "conversation" },
        "firstMessage": first_message,
        "assessee": assessee.and_then(|agent| agent.listed_as()),
        "scoredPoints": unit.totals.scored_points.points(),
        "usedMaxPoints": unit.totals.used_max_points.points(),
        "totalMaxPoints": unit.totals.total_max_points.points(),
        "percentage": f64::from(unit.totals.percentage_tenths) / 10.0,
        "summary": unit.summary,
        "criteria": criteria,
    })
}

fn criterion_to_json(transcript: &Transcript, criterion: &CriterionResult) -> Value {
    let answer = criterion.answer();
    let evidence: Vec<Value> = answer
        .into_iter()
        .flat_map(|answer| &answer.evidence)
        .map(|it| json!({ "message": place_of(transcript, it.message), "fact": it.fact }))
        .collect();
    json!({
        "category": criterion.category_id,
        "criterion": criterion.criterion_id,
        "maxPoints": criterion.max_points.points(),
        "applicable": criterion.applicable,
        "score": answer.map(|answer| answer.score.points()),
        "reason": answer.map(|answer| &answer.reason),
        "failure": criterion.failure,
        "evidence": evidence,
    })
}

fn line(page: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(page, "{}", text.trim_end());
}

/// "service-basics, the work of teammate t1 from message 2 on"
fn unit_name(transcript: &Transcript, unit: &Scored) -> String {
    let base = &unit.scorecard.base;
    let Unit::Worklog { first_message } = unit.unit else { return base.clone() };
    let first = transcript.messages.iter().find(|message| message.id == first_message);
    let who = first.map_or("agent", author).trim_end_matches(" note");
    let known = unit.assessee.as_ref().and_then(|agent| agent.listed_as());
    let who = known.map_or_else(|| who.to_owned(), |known| format!("{who} {known}"));
    let from = place_of(transcript, first_message).unwrap_or_default();
    format!("{base}, the work of {who} from message {from} on")
}

/// A message's place in the transcript, from 1 on.
fn place_of(transcript: &Transcript, id: MessageId) -> Option<usize> {
    transcript.messages.iter().position(|message| message.id == id).map(|place| place + 1)
}

fn name(criterion: &CriterionResult) -> String {
    format!("{}/{}", criterion.category_id, criterion.criterion_id)
}

fn said(criterion: &CriterionResult) -> String {
    let most = points(criterion.max_points);
    match (criterion.answer(), &criterion.failure) {
        _ if !criterion.applicable => "does not apply".to_owned(),
        (Some(answer), _) => format!("{} of {most}  {}", points(answer.score), answer.reason),
        (None, Some(failure)) => format!("not scored: {failure}"),
        (None, None) => "not scored: it has no rule that this program answers".to_owned(),
    }
}

fn points(points: MilliPoints) -> String {
    points.points().to_string()
}
