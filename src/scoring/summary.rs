//! Two or three sentences about a scored unit.

use super::{
    facts::{Role, View},
    template::{percent, rounded},
};
use crate::domain::{
    Answer, Axis, Criterion, CriterionResult, Knockout, Language, ScorecardRevision, ScoringType, Totals,
    axis::SCORECARD as AXIS,
};

pub fn summary(
    view: &View,
    revision: &ScorecardRevision,
    criteria: &[CriterionResult],
    totals: &Totals,
    axis: Option<&Axis>,
) -> String {
    let customer = view.customer().next().filter(|_| !view.reads_customer()).map(|_| view.customer_language);
    let agents = view.replies().next().filter(|_| !view.reads_replies()).map(|_| view.agent_language);
    let mut sentences = vec![who_wrote(view)];
    // Without the customer's words there is no AXIS to tell.
    if axis.is_some() || revision.revision.base != AXIS || customer.is_none() {
        sentences.push(result(revision, totals, axis));
    }
    sentences.extend(unread(customer, agents));
    sentences.extend(knocked_out(revision, criteria).or_else(|| weakest(revision, criteria)));
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
    let wrote = match (customer, agents.as_slice()) {
        (0, []) => "Nobody wrote a message".to_owned(),
        (0, agents) => format!("The customer wrote no messages, {}", agents.join(" and ")),
        (_, []) => format!("The customer wrote {}, nobody replied", counted(customer, "message")),
        (_, agents) => {
            format!("The customer wrote {}, {}", counted(customer, "message"), agents.join(" and "))
        }
    };
    let notes = if notes == 0 { String::new() } else { format!(", with {}", counted(notes, "note")) };
    let times = written().map(|digest| digest.time_millis);
    let millis = times.clone().max().unwrap_or_default().saturating_sub(times.min().unwrap_or_default());
    let time = match millis / 1000 {
        0 => String::new(),
        seconds => format!(", over {}", duration(seconds)),
    };
    format!("{wrote}{notes}{time}.")
}

/// Why nothing is said of the words of those who wrote and cannot be read: the language of each, where it could be told.
fn unread(customer: Option<Option<Language>>, agents: Option<Option<Language>>) -> Option<String> {
    let because = |whose: &str, language: Option<Language>| match language {
        Some(language) => format!("The {whose} language ({}) is not read", Language::name_of(language.0)),
        None => format!("The {whose} language could not be told"),
    };
    let reason = match (customer, agents) {
        (None, None) => return None,
        (Some(language), None) => because("customer's", language),
        (None, Some(language)) => because("agents'", language),
        (Some(customer), Some(agents)) if customer == agents => {
            because("customer's and the agents'", customer)
        }
        (Some(customer), Some(agents)) => {
            let agents = because("agents'", agents);
            format!("{}, and t{}", because("customer's", customer), &agents[1..])
        }
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
    let percentage = percent(totals.percentage() / 100.0);
    format!("{}: {} of {} points ({percentage}).", revision.label, rounded(scored), rounded(total))
}

/// What took the points of the others: without it nobody understands the result.
fn knocked_out(revision: &ScorecardRevision, criteria: &[CriterionResult]) -> Option<String> {
    let answers = criteria.iter().filter_map(|result| {
        let answer = result.answer().filter(|answer| answer.score.0 <= 0)?;
        let all = revision.categories.iter();
        let mut all = all.flat_map(|category| category.criteria.iter().map(move |it| (category, it)));
        let (category, criterion) = all.find(|(_, criterion)| criterion.id == result.criterion_id)?;
        Some((category, criterion, answer))
    });
    let mut knocked_out = None;
    for (category, criterion, answer) in answers {
        let taken = match criterion.knockout {
            Knockout::None => continue,
            Knockout::Category => format!("{} takes all points of {}", criterion.label, category.label),
            Knockout::Assessment => format!("{} takes all points", criterion.label),
        };
        if criterion.knockout == Knockout::Assessment {
            return Some(with_reason(&taken, answer));
        }
        knocked_out.get_or_insert_with(|| with_reason(&taken, answer));
    }
    knocked_out
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
    let reasonless = answer.reason.trim().is_empty();
    Some(if reasonless {
        format!("Weakest: {}.", criterion.label)
    } else {
        with_reason(&criterion.label, answer)
    })
}

fn with_reason(text: &str, answer: &Answer) -> String {
    match answer.reason.trim().trim_end_matches('.') {
        "" => format!("{text}."),
        reason => format!("{text}: {reason}."),
    }
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
