//! What had to be said twice.

use super::{Fact, FactKind, Found, Scope, View};
use crate::scoring::text::{Signal, overlap};

pub const FACTS: &[Fact] = &[
    Fact {
        name: "repeated_customer_messages",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Requests in which the customer says again what one of the 50 messages before said, in the same or nearly \
              the same words.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.customer().filter(|digest| digest.repeats.is_some()))),
    },
    Fact {
        name: "repeated_after_handoff",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Requests after a handoff that say again what was said before it. Absent without a handoff.",
        scope: Scope::Conversation,
        compute: |view| {
            let handoffs = view.handoffs();
            let first = view.start + handoffs.first()?.to_position;
            let later = view.digests.iter().skip(handoffs.first()?.to_position);
            let again = later.filter(|digest| {
                digest.is_customer() && digest.repeats.is_some_and(|earlier| earlier < first)
            });
            Some(Found::count(again))
        },
    },
    Fact {
        name: "repeated_agent_answers",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Public messages of agents that hardly differ from one of the 50 replies before.",
        scope: Scope::Both,
        compute: |view| Some(Found::count(view.replies().filter(|digest| digest.repeats.is_some()))),
    },
    Fact {
        name: "corrections",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages in which the customer says that an answer missed the point, did not work, or had been given \
              already. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            let answered =
                view.digests.iter().position(super::Digest::is_reply).unwrap_or(view.digests.len());
            view.reads_customer().then_some(())?;
            let later = view.digests[answered..].iter();
            let corrects = |digest: &&super::Digest| {
                digest.is_customer()
                    && digest.reading.signals.has_any(&[Signal::Correction, Signal::Unsolved])
            };
            Some(Found::count(later.filter(corrects)))
        },
    },
    Fact {
        name: "answer_coverage_ratio",
        unit: "0 to 1",
        kind: FactKind::Number,
        doc: "How much of the customer's requests is taken up in the replies that follow them directly, by content \
              words; the mean over requests. Absent without a request that was replied to, or where the two sides do not write \
              the same language that can be read.",
        scope: Scope::Both,
        compute: answer_coverage,
    },
];

fn answer_coverage(view: &View) -> Option<Found> {
    let same = view.customer_language.is_some() && view.customer_language == view.agent_language;
    (same && view.reads_customer() && view.reads_replies()).then_some(())?;
    let (mut sum, mut count, mut evidence) = (0.0, 0, Vec::new());
    let public: Vec<&super::Digest> = view.public().collect();
    for (position, request) in public.iter().enumerate().filter(|(_, digest)| digest.is_request()) {
        let replies = public[position + 1..].iter().take_while(|digest| digest.is_reply());
        let coverages = replies.filter_map(|reply| overlap(&request.reading.sketch, &reply.reading.sketch));
        if let Some(best) = coverages.reduce(f64::max) {
            sum += best;
            count += 1;
            evidence.push(*request);
        }
    }
    (count > 0).then(|| Found::number(sum / f64::from(count), evidence))
}
