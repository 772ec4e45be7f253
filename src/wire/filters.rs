//! Filters of lists on the wire.

use std::ops::RangeInclusive;

use crate::{
    domain::{
        AgentFilter, AssessmentFilter, AssessmentState, AuthorDraft, ConversationFilter, Path, RatingFilter,
        RatingState, Side, TimeRange, Violations, Words, check_side, limits, rules,
    },
    proto::v1,
};

use super::{
    author::author_from_wire,
    enums::{choice, not_among, values},
    fields::present,
    names, times,
};

/// No filter takes a longer text; nothing that is stored has one where it counts.
const MAX_TEXT_BYTES: usize = limits::TEXT_BYTES;

pub fn conversations(
    filter: Option<v1::ConversationFilter>,
    violations: &mut Violations,
) -> ConversationFilter {
    let filter = filter.unwrap_or_default();
    violations.check("filter.tags", rules::items(filter.tags.len(), 0..=limits::FILTER_TAGS));
    let mut tags = filter.tags;
    tags.truncate(limits::FILTER_TAGS);
    for (index, tag) in tags.iter().enumerate() {
        violations.check(format!("filter.tags[{index}]"), rules::bytes(tag, 1..=limits::TAG_BYTES));
    }
    // In an order of their own, so that a token is good for the same tags in any.
    tags.sort_unstable();
    tags.dedup();
    let score = Bounds { fields: ["min_score", "max_score"], lowest: 1.0, highest: 5.0 };
    ConversationFilter {
        source: text("filter.source", filter.source, limits::SOURCE_BYTES, violations),
        status: choice("filter.status", filter.status, violations),
        channel: choice("filter.channel", filter.channel, violations),
        agent: text("filter.agent", filter.agent, MAX_TEXT_BYTES, violations),
        tags,
        times: times_between(filter.start_time.as_ref(), filter.end_time.as_ref(), violations),
        by: choice("filter.time", filter.time, violations).unwrap_or_default(),
        score_tenths: score.tenths(filter.min_score, filter.max_score, violations),
        is_rated: filter.rated,
    }
}

pub fn assessments(filter: Option<v1::AssessmentFilter>, violations: &mut Violations) -> AssessmentFilter {
    let filter = filter.unwrap_or_default();
    let scorecard = match filter.scorecard.as_str() {
        "" => None,
        name => violations.take(names::parse_scorecard("filter.scorecard", name)),
    };
    let percentage = Bounds { fields: ["min_percentage", "max_percentage"], lowest: 0.0, highest: 100.0 };
    AssessmentFilter {
        state: assessment_state(filter.state, violations),
        scorecard,
        assessee: text("filter.assessee", filter.assessee, MAX_TEXT_BYTES, violations),
        times: times_between(filter.start_time.as_ref(), filter.end_time.as_ref(), violations),
        by: choice("filter.time", filter.time, violations).unwrap_or_default(),
        percentage_tenths: percentage.tenths(filter.min_percentage, filter.max_percentage, violations),
    }
}

pub fn ratings(filter: v1::RatingFilter, violations: &mut Violations) -> RatingFilter {
    let mut states = Vec::new();
    for (index, state) in filter.states.into_iter().enumerate() {
        match RatingState::from_number(state) {
            Some(known) if states.contains(&known) => {}
            Some(known) => states.push(known),
            None => violations.add(format!("filter.states[{index}]"), not_among(RatingState::names(), state)),
        }
    }
    let mut time = |field: &str, time: Option<_>| times::bound(field, &time?, violations);
    let from = time("filter.start_time", filter.start_time);
    let until = time("filter.end_time", filter.end_time);
    if let (Some(from), Some(until)) = (from, until)
        && until <= from
    {
        violations.add("filter.end_time", "must be after start_time");
    }
    RatingFilter {
        states,
        agent: filter.agent.map(|agent| agent_from_wire(agent, violations)),
        channel: choice("filter.channel", filter.channel, violations),
        source: text("filter.source", filter.source, limits::SOURCE_BYTES, violations),
        from,
        until,
    }
}

fn agent_from_wire(agent: v1::Author, violations: &mut Violations) -> AgentFilter {
    let AuthorDraft { kind, external_id, name } = author_from_wire("filter.agent", agent, violations);
    check_side(kind, Side::Agent, Path::of("filter.agent"), violations);
    let (external_id, name) = (external_id.and_then(present), name.and_then(present));
    if external_id.is_none() && name.is_none() {
        violations.add("filter.agent.external_id", "is required where there is no name");
    }
    AgentFilter { kind, external_id, name }
}

fn assessment_state(state: i32, violations: &mut Violations) -> Option<AssessmentState> {
    match v1::AssessmentState::try_from(state) {
        Ok(v1::AssessmentState::Unspecified) => None,
        Ok(v1::AssessmentState::Unprocessed) => Some(AssessmentState::Unprocessed),
        Ok(v1::AssessmentState::AiReady) => Some(AssessmentState::AiReady),
        Ok(v1::AssessmentState::ReviewOngoing) => Some(AssessmentState::ReviewOngoing),
        Ok(v1::AssessmentState::ReviewedBySupervisor) => Some(AssessmentState::ReviewedBySupervisor),
        Ok(v1::AssessmentState::DiscussedWithAssessee) => Some(AssessmentState::DiscussedWithAssessee),
        Ok(v1::AssessmentState::Error) => Some(AssessmentState::Error),
        Ok(v1::AssessmentState::Deleted) => Some(AssessmentState::Deleted),
        Ok(v1::AssessmentState::AiInProgress) => {
            let rule = "must be a state that is stored, is ASSESSMENT_STATE_AI_IN_PROGRESS, which is derived";
            violations.add("filter.state", rule);
            None
        }
        Err(_) => {
            let stored =
                values().filter(|known: &v1::AssessmentState| *known != v1::AssessmentState::AiInProgress);
            let known = stored.map(|known| known.as_str_name());
            violations.add("filter.state", not_among(known, state));
            None
        }
    }
}

/// An empty text asks for nothing.
fn text(field: &str, text: String, most: usize, violations: &mut Violations) -> Option<String> {
    violations.check(field, rules::bytes(&text, 0..=most));
    present(text)
}

fn times_between(
    start: Option<&prost_types::Timestamp>,
    end: Option<&prost_types::Timestamp>,
    violations: &mut Violations,
) -> TimeRange {
    let start = start.and_then(|time| times::bound("filter.start_time", time, violations));
    let end = end.and_then(|time| times::bound("filter.end_time", time, violations));
    if let (Some(start), Some(end)) = (start, end)
        && start >= end
    {
        violations.add("filter.end_time", "must be after start_time");
    }
    TimeRange { start, end }
}

/// The two ends of a range of numbers, and what each may be.
struct Bounds {
    fields: [&'static str; 2],
    lowest: f64,
    highest: f64,
}

impl Bounds {
    /// The tenths that lie within; `None` when neither end was given.
    fn tenths(
        &self,
        min: Option<f64>,
        max: Option<f64>,
        violations: &mut Violations,
    ) -> Option<RangeInclusive<u32>> {
        let [min_field, max_field] = self.fields;
        let mut is_within = true;
        for (field, given) in [(min_field, min), (max_field, max)] {
            if let Some(value) = given
                && !(self.lowest..=self.highest).contains(&value)
            {
                let rule = format!("must be {} to {}, is {value}", self.lowest, self.highest);
                violations.add(format!("filter.{field}"), rule);
                is_within = false;
            }
        }
        if !is_within {
            return None;
        }
        let (least, most) = (min.unwrap_or(self.lowest), max.unwrap_or(self.highest));
        if least > most {
            violations.add(format!("filter.{max_field}"), format!("must be at least {min_field}, is {most}"));
            return None;
        }
        // A tenth as a double is off by less than this.
        const SLACK: f64 = 1e-6;
        let tenths = (least * 10.0 - SLACK).ceil() as u32..=(most * 10.0 + SLACK).floor() as u32;
        (min.is_some() || max.is_some()).then_some(tenths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_the_tenths_between_its_ends() {
        let score = Bounds { fields: ["min_score", "max_score"], lowest: 1.0, highest: 5.0 };
        let mut violations = Violations::default();
        let mut tenths = |min, max| score.tenths(min, max, &mut violations);
        assert_eq!(tenths(None, None), None);
        for tenth in 10..=50 {
            let value = f64::from(tenth) / 10.0;
            assert_eq!(tenths(Some(value), Some(value)), Some(tenth..=tenth));
        }
        assert_eq!(tenths(Some(2.95), None), Some(30..=50));
        assert_eq!(tenths(None, Some(2.95)), Some(10..=29));
        assert!(tenths(Some(2.95), Some(2.96)).is_some_and(|range| range.is_empty()));
        assert!(violations.is_empty());
    }
}
