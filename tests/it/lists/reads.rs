//! No list reads more than four times its page size, even with 100,000 conversations stored, some of which are waiting
//! for the worker or deleted.

use std::ops::Range;

use plaudit::{
    domain::{
        AssessmentFilter, AssessmentState, AssessmentTime, Channel, ConversationFilter, ConversationTime,
        Status, TimeRange, UnixMillis,
    },
    service::{
        Call, Services,
        assessment::{AssessmentsOf, list_assessments},
        conversation::{Scope, list_conversations},
    },
};

use super::{Told, reads_of_others, services_with};
use crate::harness::Watched;

const CONVERSATIONS: u64 = 100_000;
const SIZE: usize = 50;
const FIRST: u64 = 5_000_000_000_000_001;
/// Conversations from this number on are waiting for the worker.
const POSTED: u64 = FIRST + 10 * (CONVERSATIONS - 120);
const DELETED: Range<u64> = 60_020..60_400;

/// The conversation at an index; filters match different shares of them.
fn told(place: u64) -> Told {
    Told {
        number: FIRST + 10 * place,
        time: 1_767_225_600_000 + 1000 * place as i64,
        source: if place.is_multiple_of(2) { "zendesk" } else { "enneo" }.to_owned(),
        status: place.is_multiple_of(10).then_some(Status::Open),
        writers: vec![format!("agent {}", place % 1000)],
        tags: match place {
            // In the oldest half and in the newest: walking one to find the other would take forever.
            20..10_020 => vec!["old".to_owned()],
            90_000..99_000 => vec!["new".to_owned()],
            50_000 => vec!["old".to_owned(), "new".to_owned()],
            _ if place.is_multiple_of(5000) => vec!["rare".to_owned()],
            _ => Vec::new(),
        },
        channel: (place % 4000 == 3).then_some(Channel::Sms),
        is_rated: place % 997 == 5,
        is_deleted: DELETED.contains(&place),
        waits_again: place.is_multiple_of(3),
        score_tenths: Some(if place.is_multiple_of(100) { 12 } else { 45 }),
        assessments: match place % 100 {
            0 => vec![(AssessmentState::ReviewOngoing, "axis", Some("agent 0".to_owned()), 300)],
            1 => vec![(AssessmentState::AiReady, "service-basics", Some("agent 1".to_owned()), 900)],
            _ => Vec::new(),
        },
        ..Told::default()
    }
}

#[tokio::test]
async fn no_page_over_100_000_conversations_reads_more_than_four_times_its_size() {
    let (services, store) = services_with((0..CONVERSATIONS).map(told), POSTED).await;
    let text = |text: &str| Some(text.to_owned());
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let all = ConversationFilter::default;
    let time = |place: u64| Some(UnixMillis::clamped(told(place).time));
    // Each with the number of matches, and how many pages they may take.
    let filters = [
        (all(), 100_000, 5),
        (ConversationFilter { source: text("zendesk"), ..all() }, 50_000, 5),
        (ConversationFilter { status: Some(Status::Open), ..all() }, 10_000, 5),
        (ConversationFilter { agent: text("agent 7"), ..all() }, 100, 3),
        (ConversationFilter { tags: tags(&["rare"]), ..all() }, 15, 1),
        (ConversationFilter { tags: tags(&["none"]), ..all() }, 0, 1),
        (ConversationFilter { score_tenths: Some(10..=20), ..all() }, 1000 - 3, 22),
        (ConversationFilter { tags: tags(&["rare"]), source: text("zendesk"), ..all() }, 15, 2),
        (ConversationFilter { source: text("enneo"), tags: tags(&["rare"]), ..all() }, 0, 2),
        (ConversationFilter { tags: tags(&["old", "new"]), ..all() }, 1, 4),
        (ConversationFilter { channel: Some(Channel::Sms), ..all() }, 25, 2),
        (ConversationFilter { is_rated: Some(true), ..all() }, 101, 4),
        (ConversationFilter { is_rated: Some(false), ..all() }, 99_000, 5),
        (ConversationFilter { is_rated: Some(false), agent: text("agent 7"), ..all() }, 100, 3),
        (ConversationFilter { status: Some(Status::Open), agent: text("agent 10"), ..all() }, 100, 4),
        (ConversationFilter { times: TimeRange { start: time(500), end: time(600) }, ..all() }, 100, 3),
        (
            ConversationFilter {
                agent: text("agent 7"),
                times: TimeRange { start: None, end: time(5_000) },
                ..all()
            },
            5,
            1,
        ),
        (ConversationFilter { by: ConversationTime::LastMessage, ..all() }, 100_000, 5),
        (
            ConversationFilter {
                times: TimeRange { start: time(500), end: time(600) },
                by: ConversationTime::LastMessage,
                ..all()
            },
            100,
            80,
        ),
        (
            ConversationFilter {
                times: TimeRange { start: time(500), end: time(600) },
                by: ConversationTime::Stored,
                ..all()
            },
            100,
            3,
        ),
    ];
    for (filter, expected, most_pages) in filters {
        for size in [SIZE, 7, 400] {
            let most_pages = (most_pages * SIZE).div_ceil(size) + 1;
            // For long lists a few pages suffice.
            let pages_walked = if expected > 2000 { 12 } else { most_pages };
            let list = Walked { scope: Scope::Kept, filter: &filter, size, most_pages: pages_walked };
            let (found, is_end) = list.walk(&services, &store).await;
            if expected > 2000 {
                assert!(found > 2 * size, "{found} of {filter:?} by {size}");
            } else {
                assert!(is_end, "more than {most_pages} pages of {filter:?} by {size}");
                assert_eq!(found, expected, "{filter:?} by {size}");
            }
        }
    }
    // Deleted conversations are found only through their heads; one of agent 100's 100 conversations is deleted.
    for (scope, expected) in [(Scope::Kept, 99), (Scope::WithDeleted, 100)] {
        let filter = ConversationFilter { agent: text("agent 100"), ..all() };
        let list = Walked { scope, filter: &filter, size: 400, most_pages: 70 };
        assert_eq!(list.walk(&services, &store).await, (expected, true), "{scope:?}");
    }
    assessments(&services, &store).await;
    reads_of_others::assert_bounded(&services, &store).await;
}

/// Pages of a list, up to a maximum.
struct Walked<'a> {
    scope: Scope,
    filter: &'a ConversationFilter,
    size: usize,
    most_pages: usize,
}

impl Walked<'_> {
    /// How many items they hold, and whether that is all.
    async fn walk(&self, services: &Services, store: &Watched) -> (usize, bool) {
        let Self { scope, filter, size, most_pages } = *self;
        let (mut found, mut after) = (0, None);
        for _ in 0..most_pages {
            store.take_reads();
            let page = list_conversations(Call::new(services), scope, filter, after, size).await.unwrap();
            let reads = store.take_reads();
            assert!(reads <= 4 * size, "{reads} reads for {} items of {filter:?}", page.items.len());
            found += page.items.len();
            after = page.next_cursor();
            if after.is_none() {
                return (found, true);
            }
        }
        (found, false)
    }
}

async fn assessments(services: &Services, store: &Watched) {
    let all = AssessmentFilter::default;
    let axis = Some(("axis".to_owned(), None));
    let time = |place: u64| Some(UnixMillis::clamped(told(place).time));
    let times = TimeRange { start: time(1000), end: time(2000) };
    let filters = [
        (all(), 2000 - 6),
        (AssessmentFilter { state: Some(AssessmentState::ReviewOngoing), ..all() }, 1000 - 3),
        (AssessmentFilter { state: Some(AssessmentState::AiReady), ..all() }, 1000 - 3),
        (AssessmentFilter { state: Some(AssessmentState::Error), ..all() }, 0),
        (
            AssessmentFilter { scorecard: axis.clone(), assessee: Some("agent 0".to_owned()), ..all() },
            1000 - 3,
        ),
        (AssessmentFilter { scorecard: axis, assessee: Some("agent 1".to_owned()), ..all() }, 0),
        (AssessmentFilter { percentage_tenths: Some(0..=500), ..all() }, 1000 - 3),
        (AssessmentFilter { times, ..all() }, 20),
        (AssessmentFilter { times, state: Some(AssessmentState::ReviewOngoing), ..all() }, 10),
        (AssessmentFilter { times, assessee: Some("agent 0".to_owned()), ..all() }, 10),
        (AssessmentFilter { times, by: AssessmentTime::Scored, ..all() }, 20),
    ];
    for (filter, expected) in filters {
        let (mut found, mut after) = (0, None);
        loop {
            store.take_reads();
            let page = list_assessments(Call::new(services), AssessmentsOf::All, &filter, after, SIZE)
                .await
                .unwrap();
            let reads = store.take_reads();
            assert!(reads <= 4 * SIZE, "{reads} reads for {} items of {filter:?}", page.items.len());
            found += page.items.len();
            after = page.next_cursor();
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{filter:?}");
    }
}
