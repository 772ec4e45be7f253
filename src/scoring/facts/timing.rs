//! How long things took, in whole seconds, cut off; which of several took longest is decided by the milliseconds. Times are
//! the source's; where they go back a duration cannot be known.

use super::{Fact, FactKind, Found, Scope, View};

pub const FACTS: &[Fact] = &[
    Fact {
        name: "first_response_seconds",
        unit: "seconds",
        kind: FactKind::Int,
        doc: "From the customer's first message to the first public reply after it; in a worklog that takes over an open request, \
              from the last message or note of the agent before. Absent before there is one.",
        scope: Scope::Both,
        compute: |view| {
            let asked = match view.inherited {
                Some(inherited) => inherited.left,
                None => view.customer().next()?,
            };
            // Ids ascend.
            let mut after = view.public().skip_while(|digest| digest.id <= asked.id);
            let answered = after.find(|digest| digest.is_reply())?;
            let millis = answered.time_millis.checked_sub(asked.time_millis)?;
            (millis >= 0).then(|| Found::int(millis / 1000, [asked, answered]))
        },
    },
    Fact {
        name: "median_wait_seconds",
        unit: "seconds",
        kind: FactKind::Number,
        doc: "Median of the customer's waits. Absent without one.",
        scope: Scope::Both,
        compute: |view| {
            let mut waits = view.waits();
            waits.sort_by_key(|wait| wait.millis);
            let (low, high) = (waits.get(waits.len().checked_sub(1)? / 2)?, waits.get(waits.len() / 2)?);
            let median = (low.millis / 1000 + high.millis / 1000) as f64 / 2.0;
            Some(Found::number(median, [low.asked, low.until]))
        },
    },
    Fact {
        name: "longest_wait_seconds",
        unit: "seconds",
        kind: FactKind::Int,
        doc: "The longest of the customer's waits. A wait goes from the first message that is no thanks, parting word or \
              acknowledgement to the reply that is more than a holding line, or to the customer's word that it is settled; one \
              that nothing ended counts as far as the last message. Absent without one.",
        scope: Scope::Both,
        compute: |view| {
            let longest = view.waits().into_iter().max_by_key(|wait| wait.millis)?;
            Some(Found::int(longest.millis / 1000, [longest.asked, longest.until]))
        },
    },
    Fact {
        name: "duration_seconds",
        unit: "seconds",
        kind: FactKind::Int,
        doc: "From the earliest to the latest message or note that a person or an AI wrote.",
        scope: Scope::Both,
        compute: |view| {
            let written = view.digests.iter().filter(|digest| digest.automatic.is_none());
            let first = written.clone().min_by_key(|digest| digest.time_millis)?;
            let last = written.max_by_key(|digest| digest.time_millis)?;
            Some(Found::int(last.time_millis.saturating_sub(first.time_millis) / 1000, [first, last]))
        },
    },
    Fact {
        name: "work_after_last_customer_seconds",
        unit: "seconds",
        kind: FactKind::Int,
        doc: "From the customer's last message to the last message or note of an agent after it. Absent when none came \
              after.",
        scope: Scope::Both,
        compute: |view| {
            let asked = view.customer().next_back()?;
            let after = view.digests.iter().skip_while(|digest| digest.id != asked.id).skip(1);
            let after = after.filter(|digest| digest.automatic.is_none());
            let last = after.max_by_key(|digest| digest.time_millis)?;
            let millis = last.time_millis.checked_sub(asked.time_millis)?;
            (millis >= 0).then(|| Found::int(millis / 1000, [asked, last]))
        },
    },
    Fact {
        name: "handoff_gap_seconds",
        unit: "seconds",
        kind: FactKind::Int,
        doc: "From the AI's last message to the teammate's first public one, the longest where there were several \
              handoffs. Absent without a handoff, or while the teammate has not written to the customer.",
        scope: Scope::Conversation,
        compute: handoff_gap,
    },
];

fn handoff_gap(view: &View) -> Option<Found> {
    let gaps = view.handoffs().into_iter().filter_map(|handoff| {
        let answer = view.digests[handoff.to_position..].iter().find(|digest| digest.is_reply())?;
        let millis = answer.time_millis.checked_sub(handoff.from.time_millis)?;
        (millis >= 0).then_some((millis, handoff.from, answer))
    });
    let (millis, from, answer) = gaps.max_by_key(|gap| gap.0)?;
    Some(Found::int(millis / 1000, [from, answer]))
}
