//! Two or three sentences about a scored unit.

use super::{
    facts::{Role, View},
    template::rounded,
};
use crate::domain::{
    Axis, Criterion, CriterionResult, Language, ScorecardRevision, ScoringType, Totals,
    axis::SCORECARD as AXIS,
};

pub fn summary(
    view: &View,
    revision: &ScorecardRevision,
    criteria: &[CriterionResult],
    totals: &Totals,
    axis: Option<&Axis>,
) -> String {
    let unread = (axis.is_none() && revision.revision.base == AXIS).then(|| unread(view)).flatten();
    let mut sentences = vec![who_wrote(view)];
    sentences.push(unread.unwrap_or_else(|| result(revision, totals, axis)));
    sentences.extend(weakest(revision, criteria));
    sentences.join(" ")
}

/// "The customer wrote 3 messages, AI 2 and teammates 1, with 1 note, over 2 h."
fn who_wrote(view: &View) -> String {
    let customer = view.customer().count();
    let ai = view.replies().filter(|digest| digest.role == Role::Ai).count();
    let teammates = view.replies().count() - ai;
    let written = || view.digests.iter().filter(|digest| digest.automatic.is_none());
    let notes = written().filter(|digest| digest.is_note).count();
    let mut agents = Vec::new();
    if ai > 0 {
        agents.push(format!("AI {ai}"));
    }
    if teammates > 0 {
        agents.push(format!("teammates {teammates}"));
    }
    let replies = match agents.as_slice() {
        [] => ", nobody replied".to_owned(),
        agents => format!(", {}", agents.join(" and ")),
    };
    let notes = if notes == 0 { String::new() } else { format!(", with {}", counted(notes, "note")) };
    let times = written().map(|digest| digest.time_millis);
    let millis = times.clone().max().unwrap_or_default().saturating_sub(times.min().unwrap_or_default());
    format!(
        "The customer wrote {}{replies}{notes}, over {}.",
        counted(customer, "message"),
        duration(millis / 1000)
    )
}

/// Why nothing is said of the customer's words, if they wrote and cannot be read.
fn unread(view: &View) -> Option<String> {
    view.customer().next().filter(|_| !view.reads_customer())?;
    let reason = match view.customer_language {
        Some(language) => format!("The customer's language ({}) is not read", Language::name_of(language.0)),
        None => "The customer's language could not be told".to_owned(),
    };
    Some(format!("{reason}, so nothing is said of their words."))
}

fn result(revision: &ScorecardRevision, totals: &Totals, axis: Option<&Axis>) -> String {
    if let Some(axis) = axis {
        let (resolution, involvement) = (axis.resolution.as_str(), axis.ai_involvement.as_str());
        return format!(
            "{resolution}, {involvement}: AXIS {} ({}).",
            rounded(axis.score()),
            axis.band.as_str()
        );
    }
    if totals.used_max_points.0 == 0 {
        return format!("{}: nothing could be scored.", revision.label);
    }
    let (scored, total) = (totals.scored_points.points(), totals.total_max_points.points());
    let percentage = rounded(totals.percentage());
    format!("{}: {} of {} points ({percentage} %).", revision.label, rounded(scored), rounded(total))
}

/// Where the most points were lost, with the reason; `None` if none were lost.
fn weakest(revision: &ScorecardRevision, criteria: &[CriterionResult]) -> Option<String> {
    let all: Vec<&Criterion> = revision.categories.iter().flat_map(|category| &category.criteria).collect();
    let lost = criteria.iter().filter_map(|result| {
        let answer = result.answer()?;
        let criterion = all.iter().find(|criterion| criterion.id == result.criterion_id)?;
        // On a finely graded scale, losing a tenth is no weakness.
        let least =
            if criterion.scoring_type == ScoringType::MetNotMet { 1 } else { result.max_points.0 / 10 };
        let lost = result.max_points.0 - answer.score.0;
        (lost >= least.max(1)).then_some((lost, criterion, answer))
    });
    // The first of equals: `max_by_key` would return the last.
    let (_, criterion, answer) = lost.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    let reason = answer.reason.trim().trim_end_matches('.');
    Some(if reason.is_empty() {
        format!("Weakest: {}.", criterion.label)
    } else {
        format!("{}: {reason}.", criterion.label)
    })
}

fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// In the two largest relevant units: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub fn duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |big: i64, big_unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{big} {big_unit}"),
        _ => format!("{big} {big_unit} {small} {small_unit}"),
    };
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => pair(hours, "h", minutes % 60, "min"),
        _ => pair(days, "d", hours % 24, "h"),
    }
}
