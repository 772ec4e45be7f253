//! The other lists of a store with 100,000 conversations: ratings, messages, people, teams, assessments of one
//! conversation.

use plaudit::{
    domain::{
        Assessment, AssessmentFilter, AssessmentId, AssessmentState, Author, AuthorKind, Channel,
        Conversation, ConversationId, Course, KnownBy, Message, MessageId, MessageKind, NewTeam, Person,
        PersonId, PersonIdentity, Rating, RatingFilter, RatingId, RatingQuestion, RatingType, Team, TeamId,
        UnixMillis,
    },
    service::{
        Call, Services,
        assessment::{AssessmentsOf, list_assessments},
        conversation::list_messages,
        directory::{PeopleFilter, list_people, list_teams},
        rating::{list_ratings, list_ratings_of},
    },
    store::{Decision, assessment, conversation, directory, rating},
};

use super::{Told, agent};
use crate::harness::{Watched, put};

const OWNER: ConversationId = ConversationId(5_000_000_000_000_000 + 100);
const TIME: UnixMillis = UnixMillis::clamped(1_767_225_600_000);
const MANY: u64 = 900;
const SIZES: [usize; 4] = [5, 50, 200, 1000];

/// One conversation with many items of each kind.
fn put_all(decision: &mut Decision<'_>) {
    let told =
        Told { number: OWNER.0, time: TIME.millis(), source: "other".parse().unwrap(), ..Told::default() };
    let messages: Vec<Message> = (1..=MANY).map(message).collect();
    let conversation = Conversation { message_count: MANY as u32, ..told.conversation() };
    conversation::put_new(decision, conversation, messages);
    let one = Told {
        number: OWNER.0,
        time: TIME.millis(),
        assessments: vec![(AssessmentState::AiReady, "other", None, 500)],
        ..Told::default()
    };
    for number in 1..=MANY {
        let first = one.assessments().next().expect("there is one");
        assessment::put_new(decision, &Assessment { id: AssessmentId(OWNER.0 + number), ..first });
        rating::put_new(decision, &rating_of(number));
        let known_by = KnownBy::ExternalId(format!("p{number:04}").parse().unwrap());
        let identity =
            PersonIdentity { source: "other".parse().unwrap(), kind: AuthorKind::Teammate, known_by };
        directory::put_new_person(decision, &Person::first_seen(PersonId(number), identity, None, TIME));
        let new = NewTeam {
            identity: None,
            display_name: number.to_string().parse().unwrap(),
            description: String::new(),
        };
        directory::put_new_team(decision, &Team::new(TeamId(number), new, TIME));
    }
}

/// So long that a segment holds only a few.
fn message(number: u64) -> Message {
    Message {
        id: MessageId(OWNER.0 + number),
        external_id: number.to_string().parse().unwrap(),
        kind: MessageKind::Message,
        content: "word ".repeat(1500),
        author: agent("a".to_owned()),
        create_time: TIME,
        ai_tool: None,
        details: None,
        is_automatic: false,
        update_time: None,
    }
}

/// One in a hundred is from another channel.
fn rating_of(number: u64) -> Rating {
    let question = RatingQuestion { kind: RatingType::Csat, text: None, language: None, answer: None };
    Rating {
        imported_uuid: None,
        id: RatingId(OWNER.0 + number),
        conversation: OWNER,
        user: Author { kind: AuthorKind::Contact, external_id: Some("c".parse().unwrap()), name: None },
        agent: agent("a".to_owned()),
        source: "other".parse().unwrap(),
        channel: if number.is_multiple_of(100) { Channel::Sms } else { Channel::Email },
        offer_time: UnixMillis::clamped(TIME.millis() + number as i64),
        course: Course::default(),
        questions: vec![question],
        version: 1,
        create_time: TIME,
        update_time: TIME,
    }
}

/// Walks all pages of a list with several page sizes, checking the reads per page and the number of items.
async fn walk<A>(
    what: &str,
    expected: u64,
    store: &Watched,
    page: impl AsyncFn(Option<A>, usize) -> (usize, Option<A>),
) {
    for size in SIZES {
        let (mut found, mut after) = (0, None);
        loop {
            store.take_reads();
            let (items, next) = page(after, size).await;
            let reads = store.take_reads();
            assert!(reads <= 4 * size, "{reads} reads for {items} {what} by {size}");
            found += items;
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found as u64, expected, "{what} by {size}");
    }
}

pub async fn assert_bounded(services: &Services, store: &std::sync::Arc<Watched>) {
    put(store, put_all).await;
    store.take_committed();
    walk("messages", MANY, store, async |after, size| {
        let page =
            list_messages(Call::new(services), OWNER, after.unwrap_or(MessageId(0)), size).await.unwrap();
        (page.messages.len(), page.messages.last().map(|message| message.id).filter(|_| page.has_more))
    })
    .await;
    walk("assessments", MANY, store, async |after, size| {
        let (of, filter) = (AssessmentsOf::One(OWNER), AssessmentFilter::default());
        let page = list_assessments(Call::new(services), of, &filter, after, size).await.unwrap();
        (page.items.len(), page.next_cursor())
    })
    .await;
    let sms = RatingFilter { channel: Some(Channel::Sms), ..RatingFilter::default() };
    for (filter, expected) in [(RatingFilter::default(), MANY), (sms, 9)] {
        walk("ratings of one", expected, store, async |after, size| {
            let after = after.unwrap_or(RatingId(0));
            let page = list_ratings_of(Call::new(services), OWNER, &filter, after, size).await.unwrap();
            (page.ratings.len(), page.next)
        })
        .await;
        walk("ratings of all", expected, store, async |after, size| {
            let page = list_ratings(Call::new(services), &filter, after, size).await.unwrap();
            (page.ratings.len(), page.next)
        })
        .await;
    }
    walk("people", MANY, store, async |after, size| {
        let filter = PeopleFilter::Of { kind: None, source: None };
        let page = list_people(Call::new(services), &filter, after.as_ref(), size).await.unwrap();
        let last = page.people.last().map(|(place, _)| place.clone());
        (page.people.len(), last.filter(|_| page.has_more))
    })
    .await;
    walk("teams", MANY, store, async |after, size| {
        let page = list_teams(Call::new(services), after.unwrap_or(TeamId(0)), size).await.unwrap();
        (page.teams.len(), page.teams.last().map(|team| team.id).filter(|_| page.has_more))
    })
    .await;
}
