//! Lists by when a conversation was held, whenever it was imported.

use std::{collections::BTreeSet, sync::Arc};

use plaudit::{
    background::index::index_next,
    clock::ManualClock,
    domain::{
        AssessmentFilter, AssessmentTime, Author, AuthorKind, ConversationFilter, ConversationId,
        ConversationRef, ConversationTime, Held, Listing, MessageId, MessageKind, MessageUpdate,
        NewImportedMessage, TimeRange, UnixMillis,
    },
    service::{
        Call, Services, Settings,
        assessment::{AssessmentsOf, list_assessments},
        conversation::{Scope, list_conversations, list_messages},
        message::{Target, delete_message, update_message},
        scoring::score_now,
    },
    store::{
        Batch, Direction, Key, KeyRange, Keyspace, Value,
        records::{self, Backfill, Head},
    },
};

use super::fresh::{found, import, of_source, post_all, start};
use crate::harness::{KEYS, Plaudit, Watched};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// So many milliseconds before everything is imported.
fn ago(millis: i64) -> UnixMillis {
    Plaudit::START.plus_millis(-millis)
}

fn message(place: usize, time: UnixMillis, content: &str) -> NewImportedMessage {
    NewImportedMessage {
        external_id: place.to_string().parse().unwrap(),
        kind: MessageKind::Message,
        content: content.to_owned(),
        author: Author { kind: AuthorKind::Teammate, external_id: Some("t1".parse().unwrap()), name: None },
        create_time: time,
        update_time: None,
        ai_tool: None,
        details: None,
        is_automatic: false,
    }
}

fn written(times: &[UnixMillis], content: &str) -> Vec<NewImportedMessage> {
    times.iter().enumerate().map(|(place, time)| message(place, *time, content)).collect()
}

fn between(by: ConversationTime, start: UnixMillis, end: UnixMillis) -> ConversationFilter {
    let times = TimeRange { start: Some(start), end: Some(end) };
    ConversationFilter { times, by, ..ConversationFilter::default() }
}

/// What began, what was last written in, and what was stored within a day, so many days before the import.
async fn of_day(services: &Services, days: i64) -> [Vec<u64>; 3] {
    let (start, end) = (ago(days * DAY), ago((days - 1) * DAY));
    let mut all = Vec::new();
    for by in [ConversationTime::FirstMessage, ConversationTime::LastMessage, ConversationTime::Stored] {
        let numbers = found(services, &between(by, start, end), 3).await;
        assert_eq!(found(services, &between(by, start, end), 50).await, numbers, "{by:?}");
        all.push(numbers);
    }
    all.try_into().unwrap()
}

async fn assessments(services: &Services, filter: &AssessmentFilter, size: usize) -> Vec<u64> {
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let of = AssessmentsOf::All;
        let page = list_assessments(Call::new(services), of, filter, after, size).await.unwrap();
        numbers.extend(page.items.iter().map(|item| item.id.0));
        after = page.next_cursor();
        if after.is_none() {
            return numbers;
        }
    }
}

#[tokio::test]
async fn after_a_migration_conversations_are_found_by_when_they_were_held() {
    let (services, _) = start().await;
    let noon = |days: i64| ago(days * DAY - 12 * HOUR);
    let short = import(&services, "a", "short", written(&[noon(9), noon(9)], "Hello.")).await;
    let long = import(&services, "a", "long", written(&[noon(9), noon(5)], "Hello.")).await;
    let text = "word ".repeat(3000);
    let large = import(&services, "a", "large", written(&[noon(9), noon(6), noon(5)], &text)).await;
    let silent = import(&services, "a", "silent", Vec::new()).await;
    let is_right = async || {
        assert_eq!(of_day(&services, 9).await, [vec![large, long, short], vec![short], vec![]]);
        assert_eq!(of_day(&services, 6).await, [Vec::<u64>::new(), vec![], vec![]]);
        assert_eq!(of_day(&services, 5).await, [vec![], vec![large, long], vec![]]);
        let stored = vec![silent, large, long, short];
        assert_eq!(of_day(&services, 0).await, [vec![silent], vec![silent], stored]);
    };
    is_right().await;
    post_all(&services).await;
    is_right().await;
    for number in [short, long, large, silent] {
        score_now(Call::new(&services), ConversationId(number)).await.unwrap();
    }
    is_right().await;

    // Their assessments too, page by page; those of a deleted conversation are in none.
    let times = TimeRange { start: Some(ago(9 * DAY)), end: Some(ago(8 * DAY)) };
    let filter = AssessmentFilter { times, ..AssessmentFilter::default() };
    let mut expected = Vec::new();
    for number in [large, long, short] {
        let of = AssessmentsOf::One(ConversationId(number));
        let page = list_assessments(Call::new(&services), of, &filter, None, 50).await.unwrap();
        assert!(page.items.len() > 1);
        expected.extend(page.items.iter().map(|item| item.id.0));
    }
    for size in [1, 2, 50] {
        assert_eq!(assessments(&services, &filter, size).await, expected, "by {size}");
    }
    let scored = AssessmentFilter { by: AssessmentTime::Scored, ..filter.clone() };
    assert!(assessments(&services, &scored, 50).await.is_empty());
    let of = AssessmentsOf::One(ConversationId(silent));
    let page = list_assessments(Call::new(&services), of, &filter, None, 50).await.unwrap();
    assert!(page.items.is_empty() && page.next.is_none());
}

#[tokio::test]
async fn messages_that_are_added_changed_and_deleted_move_their_conversation_at_once() {
    let (services, store) = start().await;
    let noon = |days: i64| ago(days * DAY - 12 * HOUR);
    let number = import(&services, "a", "1", written(&[noon(9)], "Hello.")).await;
    let id = ConversationId(number);
    let name = ConversationRef::Id(id);
    let mut place = 0;
    let mut add = async |time| {
        place += 1;
        import(&services, "a", "1", vec![message(place, time, "So.")]).await;
    };
    let is_held = async |first: i64, last: i64| {
        for days in 1..20 {
            let expect = |is: bool| if is { vec![number] } else { vec![] };
            let expected = [expect(days == first), expect(days == last), vec![]];
            assert_eq!(of_day(&services, days).await, expected, "{days} days ago");
        }
    };
    for is_posted in [false, true] {
        if is_posted {
            post_all(&services).await;
        }
        is_held(9, 9).await;
        add(noon(5)).await;
        is_held(9, 5).await;
        add(noon(12)).await;
        is_held(12, 5).await;
        store.take_committed();
        add(noon(7)).await;
        add(noon(5).plus_millis(60_000)).await;
        add(noon(5).plus_millis(-60_000)).await;
        // An append by somebody who is known, within an hour that is known, writes to no list.
        let lists: Vec<Key> =
            store.take_committed().into_iter().flat_map(written_keys).filter(is_of_lists).collect();
        assert!(lists.is_empty(), "{lists:02x?}");
        is_held(12, 5).await;
        let messages = list_messages(Call::new(&services), id, MessageId(0), 50).await.unwrap().messages;
        let at = |time| messages.iter().filter(move |message| message.create_time == time);
        let target = |id| Target { parent: &name, id, etag: None };
        for message in at(noon(5)).chain(at(noon(5).plus_millis(60_000))) {
            delete_message(Call::new(&services), target(message.id)).await.unwrap();
        }
        is_held(12, 5).await;
        let update = MessageUpdate { create_time: Some(noon(3)), ..MessageUpdate::default() };
        let [moved] = at(noon(5).plus_millis(-60_000)).collect::<Vec<_>>()[..] else { panic!("one") };
        update_message(Call::new(&services), target(moved.id), &update).await.unwrap();
        is_held(12, 3).await;
        for message in [moved].into_iter().chain(at(noon(12))) {
            delete_message(Call::new(&services), target(message.id)).await.unwrap();
        }
        is_held(9, 7).await;
        for message in at(noon(7)) {
            delete_message(Call::new(&services), target(message.id)).await.unwrap();
        }
        is_held(9, 9).await;
    }
    score_now(Call::new(&services), id).await.unwrap();
    is_held(9, 9).await;
}

fn written_keys(batch: Batch) -> Vec<Key> {
    batch.put.into_iter().map(|(key, _)| key).chain(batch.delete).collect()
}

fn is_of_lists(key: &Key) -> bool {
    (0x80..=0x85).contains(&key[0]) && key[0] != 0x83
}

async fn pairs(store: &Watched, kind: u8) -> Vec<(Key, Value)> {
    store.scan(KeyRange::prefix(vec![kind]), 100_000, Direction::Ascending).await.unwrap()
}

/// What lists keep.
async fn lists(store: &Watched) -> Vec<(Key, Value)> {
    let mut all = Vec::new();
    for kind in [0x80, 0x81, 0x82, 0x85] {
        all.extend(pairs(store, kind).await);
    }
    all
}

/// Leaves a store as the version before left it: nothing in it knows when a conversation was held, and every posting is placed by
/// when it was stored.
async fn as_it_was(store: &Watched) {
    let mut batch = Batch::default();
    for (key, raw) in pairs(store, 0x10).await {
        let mut head: Head = records::decode(&key, &raw).unwrap();
        head.conversation.held = None;
        batch.put.push((key, records::encode(&head)));
    }
    batch.delete = pairs(store, 0x85).await.into_iter().map(|(key, _)| key).collect();
    for (key, raw) in pairs(store, 0x80).await {
        let listing = Listing { held: None, ..records::decode(&key, &raw).unwrap() };
        let id = ConversationId(u64::from_be_bytes(*key.last_chunk().unwrap()));
        let postings = listing.postings();
        let postings = postings.iter().filter_map(|posting| KEYS.posting(posting, id));
        batch.put.extend(postings.map(|key| (key, Value::new())));
        batch.put.push((key, records::encode(&listing)));
    }
    let (key, raw) = pairs(store, 0x84).await.remove(0);
    let mark: Backfill = records::decode(&key, &raw).unwrap();
    batch
        .put
        .push((key, records::encode(&Backfill { newest: Some(Plaudit::START), by_held: false, ..mark })));
    store.commit(batch).await.unwrap();
}

#[tokio::test]
async fn a_store_of_the_version_before_is_found_right_from_the_start() {
    let (services, store) = start().await;
    let text = "word ".repeat(3000);
    let mut numbers = Vec::new();
    for place in 0..60_i64 {
        // Every tenth is so large that its head does not hold its messages.
        let content = if place % 10 == 0 { &text } else { "Hello." };
        let begun = ago((10 + place % 6) * DAY - HOUR);
        let times = [begun, begun.plus_millis(HOUR), begun.plus_millis(2 * DAY)];
        numbers.push(import(&services, "a", &place.to_string(), written(&times, content)).await);
    }
    post_all(&services).await;
    for number in &numbers {
        score_now(Call::new(&services), ConversationId(*number)).await.unwrap();
    }
    let before = lists(&store).await;
    let of = |filter: fn(i64) -> bool| -> BTreeSet<u64> {
        let places = (0..).zip(&numbers);
        places.filter(|(place, _)| filter(*place)).map(|(_, number)| *number).collect()
    };
    as_it_was(&store).await;
    let clock = Arc::new(ManualClock::at(Plaudit::START));
    let below: Arc<dyn Keyspace> = store.clone();
    let services = Services::open(below, clock, Settings::default()).await.unwrap();

    let is_right = async || {
        let [began, ended, stored] = of_day(&services, 12).await;
        assert_eq!(began.into_iter().collect::<BTreeSet<_>>(), of(|place| place % 6 == 2));
        assert_eq!(ended.into_iter().collect::<BTreeSet<_>>(), of(|place| place % 6 == 4));
        assert!(stored.is_empty());
        let all = of(|_| true);
        assert_eq!(found(&services, &of_source("a"), 50).await.into_iter().collect::<BTreeSet<_>>(), all);
        let times = TimeRange { start: Some(ago(12 * DAY)), end: Some(ago(11 * DAY)) };
        let filter = AssessmentFilter { times, ..AssessmentFilter::default() };
        let listed = assessments(&services, &filter, 7).await;
        assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len());
        assert_eq!(listed.len(), before.iter().filter(|(key, _)| is_first_term(key)).count() / 6);
    };
    is_right().await;
    let mut parts = 0;
    while index_next(Call::new(&services)).await.unwrap() {
        is_right().await;
        parts += 1;
    }
    assert!(parts > 0, "all in one part");
    is_right().await;
    assert_eq!(lists(&store).await, before);
    // What a conversation shows: when it was held.
    let page =
        list_conversations(Call::new(&services), Scope::Kept, &of_source("a"), None, 50).await.unwrap();
    let held = |item: &plaudit::domain::Conversation| item.held.unwrap();
    assert!(
        page.items
            .iter()
            .map(|item| held(&item.conversation))
            .all(|Held { first, last }| { last.millis_since(first) == 2 * DAY })
    );
}

#[tokio::test]
async fn in_a_store_of_the_version_before_the_first_messages_may_be_in_the_head() {
    let (services, store) = start().await;
    let noon = |days: i64| ago(days * DAY - 12 * HOUR);
    // The one that was added later is in a segment.
    let number = import(&services, "a", "1", written(&[noon(40), noon(40)], "Hello.")).await;
    import(&services, "a", "1", vec![message(2, noon(5), "So.")]).await;
    post_all(&services).await;
    score_now(Call::new(&services), ConversationId(number)).await.unwrap();
    as_it_was(&store).await;
    let below: Arc<dyn Keyspace> = store.clone();
    let clock = Arc::new(ManualClock::at(Plaudit::START));
    let services = Services::open(below, clock, Settings::default()).await.unwrap();
    let is_right = async || {
        assert_eq!(of_day(&services, 40).await, [vec![number], vec![], vec![]]);
        assert_eq!(of_day(&services, 5).await, [vec![], vec![number], vec![]]);
        for (days, is_found) in [(40, true), (5, false)] {
            let times = TimeRange { start: Some(ago(days * DAY)), end: Some(ago((days - 1) * DAY)) };
            let filter = AssessmentFilter { times, ..AssessmentFilter::default() };
            assert_eq!(!assessments(&services, &filter, 50).await.is_empty(), is_found, "{days}");
            let of = AssessmentsOf::One(ConversationId(number));
            let page = list_assessments(Call::new(&services), of, &filter, None, 50).await.unwrap();
            assert_eq!(!page.items.is_empty(), is_found, "{days}");
        }
    };
    is_right().await;
    post_all(&services).await;
    is_right().await;
}

/// Whether a key posts an assessment under the term of all.
fn is_first_term(key: &Key) -> bool {
    key[0] == 0x82 && key[5] == 0
}
