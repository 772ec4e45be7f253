//! No list reads more than four times its page, also with 100,000 conversations stored.

use plaudit::{
    domain::{AssessmentFilter, AssessmentState, ConversationFilter, Status, TimeRange, UnixMillis},
    service::{
        assessment::{AssessmentsOf, list_assessments},
        conversation::list_conversations,
    },
};

use super::{Told, services_with};

const CONVERSATIONS: u64 = 100_000;
const SIZE: usize = 50;
const FIRST: u64 = 5_000_000_000_000_001;

/// The conversation at a place, with what filters ask for in different shares of all.
fn told(place: u64) -> Told {
    Told {
        number: FIRST + 10 * place,
        time: 1_767_225_600_000 + 1000 * place as i64,
        source: if place.is_multiple_of(2) { "zendesk" } else { "enneo" }.to_owned(),
        status: place.is_multiple_of(10).then_some(Status::Open),
        writers: vec![format!("agent {}", place % 1000)],
        tags: match place {
            // In the oldest half and in the newest: walking either to meet the other would take for ever.
            20..10_020 => vec!["old".to_owned()],
            90_000..99_000 => vec!["new".to_owned()],
            50_000 => vec!["old".to_owned(), "new".to_owned()],
            _ if place.is_multiple_of(5000) => vec!["rare".to_owned()],
            _ => Vec::new(),
        },
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
async fn no_page_reads_more_than_four_times_what_was_asked_for_of_100_000_conversations() {
    let (services, store) = services_with((0..CONVERSATIONS).map(told)).await;
    let text = |text: &str| Some(text.to_owned());
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let all = ConversationFilter::default;
    let time = |place: u64| Some(UnixMillis(told(place).time));
    // With each the number that is found in all, and how many pages that may take.
    let filters = [
        (all(), 100_000, 5),
        (ConversationFilter { source: text("zendesk"), ..all() }, 50_000, 5),
        (ConversationFilter { status: Some(Status::Open), ..all() }, 10_000, 5),
        (ConversationFilter { agent: text("agent 7"), ..all() }, 100, 3),
        (ConversationFilter { tags: tags(&["rare"]), ..all() }, 15, 1),
        (ConversationFilter { tags: tags(&["none"]), ..all() }, 0, 1),
        (ConversationFilter { score_tenths: Some(10..=20), ..all() }, 1000, 21),
        (ConversationFilter { tags: tags(&["rare"]), source: text("zendesk"), ..all() }, 15, 2),
        (ConversationFilter { source: text("enneo"), tags: tags(&["rare"]), ..all() }, 0, 2),
        (ConversationFilter { tags: tags(&["old", "new"]), ..all() }, 1, 3),
        (ConversationFilter { status: Some(Status::Open), agent: text("agent 10"), ..all() }, 100, 4),
        (ConversationFilter { created: TimeRange { start: time(500), end: time(600) }, ..all() }, 100, 3),
        (
            ConversationFilter {
                agent: text("agent 7"),
                created: TimeRange { start: None, end: time(5_000) },
                ..all()
            },
            5,
            1,
        ),
    ];
    for (filter, expected, most_pages) in filters {
        let (mut found, mut pages, mut after) = (0, 0, None);
        loop {
            store.take_reads();
            let page = list_conversations(&services, &filter, after, SIZE).await.unwrap();
            let reads = store.take_reads();
            assert!(reads <= 4 * SIZE, "{reads} reads for {} items of {filter:?}", page.items.len());
            found += page.items.len();
            pages += 1;
            after = page.next;
            // Of those that are long a few pages will do.
            if after.is_none() || (expected > 2000 && pages == most_pages) {
                break;
            }
        }
        assert!(pages <= most_pages, "{pages} pages of {filter:?}");
        assert_eq!(
            found,
            expected.min(if expected > 2000 { most_pages * SIZE } else { expected }),
            "{filter:?}"
        );
    }
    assessments(&services, &store).await;
}

async fn assessments(services: &plaudit::service::Services, store: &crate::harness::Watched) {
    let all = AssessmentFilter::default;
    let axis = Some(("axis".to_owned(), None));
    let filters = [
        (all(), 2000),
        (AssessmentFilter { state: Some(AssessmentState::ReviewOngoing), ..all() }, 1000),
        (AssessmentFilter { state: Some(AssessmentState::AiReady), ..all() }, 1000),
        (AssessmentFilter { state: Some(AssessmentState::Error), ..all() }, 0),
        (AssessmentFilter { scorecard: axis.clone(), assessee: Some("agent 0".to_owned()), ..all() }, 1000),
        (AssessmentFilter { scorecard: axis, assessee: Some("agent 1".to_owned()), ..all() }, 0),
        (AssessmentFilter { percentage_tenths: Some(0..=500), ..all() }, 1000),
    ];
    for (filter, expected) in filters {
        let (mut found, mut after) = (0, None);
        loop {
            store.take_reads();
            let page = list_assessments(services, AssessmentsOf::All, &filter, after, SIZE).await.unwrap();
            let reads = store.take_reads();
            assert!(reads <= 4 * SIZE, "{reads} reads for {} items of {filter:?}", page.items.len());
            found += page.items.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{filter:?}");
    }
}
