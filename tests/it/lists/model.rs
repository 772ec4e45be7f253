//! Lists compared with a simple model: all pages together equal filtering and sorting everything.

use plaudit::{
    domain::{
        AssessmentFilter, AssessmentState, AssessmentTime, Channel, ConversationFilter, ConversationTime,
        Status, TimeRange, UnixMillis,
    },
    service::{
        Call,
        assessment::{AssessmentsOf, list_assessments},
        conversation::{Scope, list_conversations},
        page::Cursor,
    },
};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select},
};

use super::{Told, services_with};

/// Of times: a few make an hour, by which conversations are placed in the order of their last messages.
const STEP: i64 = 1_200_000;
const HOUR: i64 = 3_600_000;

const STATES: [AssessmentState; 3] =
    [AssessmentState::AiReady, AssessmentState::ReviewOngoing, AssessmentState::Deleted];

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(str::to_owned)
}

fn status() -> impl Strategy<Value = Status> {
    select(&[Status::Open, Status::Pending, Status::Closed][..])
}

fn channel() -> impl Strategy<Value = Channel> {
    select(&[Channel::Email, Channel::Sms][..])
}

fn agents() -> impl Strategy<Value = String> {
    one_of(&["1", "10", "bot", "a b"])
}

fn told() -> impl Strategy<Value = Told> {
    let assessments =
        vec((select(&STATES[..]), select(&["axis", "other"][..]), option::of(agents()), 0..=1000_u32), 0..3);
    let held = option::weighted(0.7, (0..20_i64, 0..8_i64));
    (
        (0..20_i64, held, one_of(&["zendesk", "enneo"]), option::of(status()), option::of(channel())),
        (option::of(agents()), vec(agents(), 0..3), vec(one_of(&["vip", "vi", "late"]), 0..3)),
        (option::of(10..=50_u32), any::<bool>(), prop::bool::weighted(0.1), any::<bool>(), assessments),
    )
        .prop_map(|((time, held, source, status, channel), (assignee, writers, tags), rest)| {
            let (score_tenths, is_rated, is_deleted, waits_again, assessments) = rest;
            let number = 0;
            Told {
                number,
                time: time * STEP,
                held: held.map(|(first, length)| (first * STEP, (first + length) * STEP)),
                source,
                status,
                channel,
                assignee,
                writers,
                tags,
                score_tenths,
                is_rated,
                is_deleted,
                waits_again,
                assessments,
            }
        })
}

/// Numbers that grow with the times, with room for assessments in between.
fn numbered(mut told: Vec<Told>) -> Vec<Told> {
    told.sort_by_key(|told| told.time);
    for (place, told) in told.iter_mut().enumerate() {
        told.number = 1000 + 10 * place as u64;
    }
    told
}

fn times() -> impl Strategy<Value = TimeRange> {
    (option::of(0..20_i64), option::of(1..8_i64)).prop_map(|(start, length)| TimeRange {
        start: start.map(|start| UnixMillis::clamped(start * STEP)),
        end: length.map(|length| UnixMillis::clamped((start.unwrap_or(5) + length) * STEP)),
    })
}

fn contains(times: TimeRange, time: i64) -> bool {
    times.start.is_none_or(|start| time >= start.millis()) && times.end.is_none_or(|end| time < end.millis())
}

fn conversation_filter() -> impl Strategy<Value = ConversationFilter> {
    (
        option::weighted(0.3, one_of(&["zendesk", "enneo", "none"])),
        option::weighted(0.3, status()),
        option::weighted(0.3, channel()),
        option::weighted(0.3, agents()),
        vec(one_of(&["vip", "vi", "late"]), 0..3),
        times(),
        option::weighted(0.4, (10..=50_u32, 0..=40_u32)),
        option::weighted(0.3, any::<bool>()),
        select(
            &[ConversationTime::FirstMessage, ConversationTime::LastMessage, ConversationTime::Stored][..],
        ),
    )
        .prop_map(|(source, status, channel, agent, tags, times, score, is_rated, by)| {
            ConversationFilter {
                source,
                status,
                channel,
                agent,
                tags,
                times,
                by,
                score_tenths: score.map(|(least, more)| least..=(least + more).min(50)),
                is_rated,
            }
        })
}

fn time_of(by: ConversationTime, told: &Told) -> i64 {
    match by {
        ConversationTime::FirstMessage => told.held().0,
        ConversationTime::LastMessage => told.held().1,
        ConversationTime::Stored => told.time,
    }
}

/// The numbers of the conversations that match, in the order of the list: what is not posted, then by the filter's time.
fn listed(filter: &ConversationFilter, told: &[Told], posted: u64) -> Vec<u64> {
    let mut matching: Vec<&Told> = told.iter().filter(|told| lets_pass(filter, told)).collect();
    let place = |told: &Told| {
        let time = match filter.by {
            ConversationTime::LastMessage => time_of(filter.by, told) / HOUR,
            _ => time_of(filter.by, told),
        };
        let is_by_number = told.number >= posted || filter.is_empty();
        (told.number >= posted, if is_by_number { 0 } else { time }, told.number)
    };
    matching.sort_by_key(|told| std::cmp::Reverse(place(told)));
    matching.into_iter().map(|told| told.number).collect()
}

fn lets_pass(filter: &ConversationFilter, told: &Told) -> bool {
    let agent = |agent: &String| told.writers.contains(agent) || told.assignee.as_ref() == Some(agent);
    !told.is_deleted
        && filter.source.as_ref().is_none_or(|source| *source == told.source)
        && filter.status.is_none_or(|status| told.status == Some(status))
        && filter.channel.is_none_or(|channel| told.channel == Some(channel))
        && filter.agent.as_ref().is_none_or(agent)
        && filter.tags.iter().all(|tag| told.tags.contains(tag))
        && contains(filter.times, time_of(filter.by, told))
        && filter
            .score_tenths
            .as_ref()
            .is_none_or(|range| told.score_tenths.is_some_and(|score| range.contains(&score)))
        && filter.is_rated.is_none_or(|rated| told.is_rated == rated)
}

fn assessment_filter() -> impl Strategy<Value = AssessmentFilter> {
    (
        option::weighted(0.4, select(&STATES[..])),
        option::weighted(0.4, (one_of(&["axis", "other", "none"]), option::weighted(0.3, 1..3_u32))),
        option::weighted(0.4, agents()),
        times(),
        option::weighted(0.4, (0..=1000_u32, 0..=1000_u32)),
        select(&[AssessmentTime::Conversation, AssessmentTime::Scored][..]),
    )
        .prop_map(|(state, scorecard, assessee, times, percentage, by)| AssessmentFilter {
            state,
            scorecard,
            assessee,
            times,
            by,
            percentage_tenths: percentage.map(|(least, more)| least..=least + more),
        })
}

/// The numbers of the assessments that match a filter.
fn assessments_of(filter: &AssessmentFilter, told: &Told) -> Vec<u64> {
    let is_scored = filter.by == AssessmentTime::Scored;
    let passes =
        |(place, (state, scorecard, assessee, percentage)): (usize, &(_, &str, Option<String>, u32))| {
            let passes = filter.state.is_none_or(|wanted| wanted == *state)
                && filter.scorecard.as_ref().is_none_or(|(base, ordinal)| {
                    base == scorecard && ordinal.is_none_or(|ordinal| ordinal == 1)
                })
                && filter.assessee.as_ref().is_none_or(|wanted| assessee.as_ref() == Some(wanted))
                && contains(filter.times, if is_scored { told.time } else { told.held().0 })
                && filter.percentage_tenths.as_ref().is_none_or(|range| range.contains(percentage));
            passes.then_some(told.number + 1 + place as u64)
        };
    told.assessments.iter().enumerate().filter_map(passes).collect()
}

/// All pages of a list; each holds at most as many items as requested and reads at most four times as many.
async fn every_page(
    size: usize,
    reads: impl Fn() -> usize,
    mut page: impl AsyncFnMut(Option<Cursor>) -> (Vec<u64>, Option<Cursor>),
) -> Vec<u64> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        reads();
        let (items, next) = page(after).await;
        let read = reads();
        assert!(items.len() <= size && read <= 4 * size, "{} items of {size} by {read} reads", items.len());
        all.extend(items);
        match next {
            None => return all,
            // It must have advanced, or it would never end.
            Some(_) => assert_ne!(next, after),
        }
        after = next;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn all_pages_of_conversations_together_match_the_filter(
        told in vec(told(), 0..60), filters in vec(conversation_filter(), 1..5), size in 1..12_usize,
        posted in 0..60_u64,
    ) {
        let told = numbered(told);
        // Some of those that are not posted are already scored or rated.
        let posted = 1000 + 10 * posted;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (services, store) = services_with(told.clone().into_iter(), posted).await;
            for filter in filters.iter().chain([&ConversationFilter::default()]) {
                let listed = every_page(size, || store.take_reads(), async |after| {
                    let page = list_conversations(Call::new(&services), Scope::Kept, filter, after, size).await.unwrap();
                    (page.items.iter().map(|item| item.conversation.id.0).collect(), page.next_cursor())
                });
                assert_eq!(listed.await, self::listed(filter, &told, posted), "{filter:?}");
            }
        });
    }

    #[test]
    fn all_pages_of_assessments_together_match_the_filter(
        told in vec(told(), 0..40), filters in vec(assessment_filter(), 1..5), size in 1..12_usize, one in any::<Index>(),
    ) {
        let (told, posted) = (numbered(told), u64::MAX);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (services, store) = services_with(told.clone().into_iter(), posted).await;
            for filter in filters.iter().chain([&AssessmentFilter::default()]) {
                let list = async |of| {
                    every_page(size, || store.take_reads(), async |after| {
                        let page = list_assessments(Call::new(&services), of, filter, after, size).await.unwrap();
                        (page.items.iter().map(|assessment| assessment.id.0).collect(), page.next_cursor())
                    })
                    .await
                };
                let shown = || told.iter().filter(|told| !told.is_deleted);
                let is_by_conversation =
                    filter.by == AssessmentTime::Conversation && filter.times != TimeRange::default();
                // Those of one conversation ascending, or all newest first.
                let place = |told: &Told, number: u64| match is_by_conversation {
                    true => (told.held().0, told.number, u64::MAX - number),
                    false => (told.time, number, 0),
                };
                let mut expected: Vec<(_, u64)> = shown()
                    .flat_map(|told| {
                        let numbers = assessments_of(filter, told).into_iter();
                        numbers.map(move |number| (place(told, number), number))
                    })
                    .collect();
                expected.sort_unstable_by(|a, b| b.cmp(a));
                let expected: Vec<u64> = expected.into_iter().map(|(_, number)| number).collect();
                assert_eq!(list(AssessmentsOf::All).await, expected, "{filter:?}");
                if shown().count() > 0 {
                    let told = shown().nth(one.index(shown().count())).unwrap();
                    let of = AssessmentsOf::One(told.conversation().id);
                    assert_eq!(list(of).await, assessments_of(filter, told), "{filter:?}");
                }
            }
        });
    }
}
