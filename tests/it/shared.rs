//! Several processes on one store: work is done once, lists are complete in each, and a process that is gone is
//! replaced.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use plaudit::{
    background::{Background, SWEEP_EVERY, index::index_next, purge::purge_deleted},
    clock::ManualClock,
    domain::{
        ConversationFilter, ConversationId, ConversationRef, Event, EventKind, NewConversation,
        NewImportedMessage,
    },
    service::{
        Call, Services, Settings,
        conversation::{Scope, delete_conversation, list_conversations},
        import::{ConflictPolicy, import_conversation},
        scoring::score_now,
    },
    store::{
        Batch, Direction, Key, Keyspace, MAX_PAGE, MemoryStore, keys,
        lease::{LeasedTask, TERM_MILLIS},
        records::{self, Lease},
    },
};

use crate::harness::{KEYS, Log, Plaudit, Watched, soon};

/// A process: the use cases with their own caches.
async fn process(store: &Arc<Watched>, clock: &Arc<ManualClock>) -> Arc<Services> {
    let services = Services::open(store.clone(), clock.clone(), Settings::default()).await.unwrap();
    Arc::new(services)
}

fn shared() -> (Arc<Watched>, Arc<ManualClock>) {
    let store = Arc::new(Watched::new(Arc::new(MemoryStore::shared())));
    (store, Arc::new(ManualClock::at(Plaudit::START)))
}

fn new(external_id: &str) -> NewConversation {
    let author = plaudit::domain::Author {
        kind: plaudit::domain::AuthorKind::Teammate,
        external_id: Some("t1".parse().unwrap()),
        name: None,
    };
    let message = NewImportedMessage {
        external_id: "1".parse().unwrap(),
        kind: plaudit::domain::MessageKind::Message,
        content: "Hello! It will arrive tomorrow.".to_owned(),
        author,
        create_time: Plaudit::START,
        ai_tool: None,
        details: None,
        is_automatic: false,
        update_time: None,
    };
    let named = NewConversation::new("test".parse().unwrap(), external_id.parse().unwrap());
    NewConversation { messages: vec![message], ..named }
}

async fn import(services: &Services, external_id: &str) -> ConversationId {
    let new = new(external_id);
    import_conversation(Call::new(services), &new, ConflictPolicy::Reject).await.unwrap().conversation
}

/// Everything that a filter finds, page by page.
async fn listed(services: &Services) -> Vec<u64> {
    let filter = ConversationFilter { source: Some("test".to_owned()), ..ConversationFilter::default() };
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let page = list_conversations(Call::new(services), Scope::Kept, &filter, after, 7).await.unwrap();
        numbers.extend(page.items.iter().map(|item| item.conversation.id.0));
        after = page.next_cursor();
        if after.is_none() {
            numbers.sort_unstable();
            return numbers;
        }
    }
}

async fn until_scored(store: &Watched) {
    soon("the scores", async {
        while store.count(KEYS.jobs()).await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

async fn lease(store: &Watched, task: LeasedTask) -> Lease {
    let key: Key = keys::lease(task as u8);
    let raw = store.get(vec![key.clone()]).await.unwrap().pop().flatten().expect("a lease");
    records::decode(&key, &raw).unwrap()
}

/// How often each conversation was scored.
async fn scorings(store: &Watched) -> BTreeMap<u64, usize> {
    let mut scorings = BTreeMap::new();
    for (_, raw) in store.log(0, MAX_PAGE).await.unwrap() {
        let event: Event = records::decode(&Key::new(), &raw).unwrap();
        if matches!(event.kind, EventKind::AssessmentsScored { .. }) {
            *scorings.entry(event.conversation.0).or_default() += 1;
        }
    }
    scorings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_scoring_and_lists_and_one_replaces_the_other() {
    let (store, clock) = shared();
    let first = process(&store, &clock).await;
    let tasks_of_first = Background::start(&first, SWEEP_EVERY);
    let mut numbers = vec![import(&first, "0").await.0];
    until_scored(&store).await;
    assert_eq!(lease(&store, LeasedTask::Scoring).await.epoch, 1);

    let second = process(&store, &clock).await;
    let tasks_of_second = Background::start(&second, SWEEP_EVERY);
    for number in 1..60 {
        let services = if number % 2 == 0 { &first } else { &second };
        numbers.push(import(services, &number.to_string()).await.0);
        if number % 10 == 0 {
            numbers.sort_unstable();
            assert_eq!([listed(&first).await, listed(&second).await], [numbers.clone(), numbers.clone()]);
        }
    }
    numbers.sort_unstable();
    until_scored(&store).await;
    let once: BTreeMap<u64, usize> = numbers.iter().map(|number| (*number, 1)).collect();
    assert_eq!(scorings(&store).await, once);
    assert_eq!(store.count(KEYS.jobs()).await, 0);
    let held = lease(&store, LeasedTask::Scoring).await;
    assert_eq!(held.epoch, 1, "they take turns holding it");

    // Like a killed process: its leases are not released.
    drop(tasks_of_first);
    let waiting = import(&second, "after").await;
    numbers.push(waiting.0);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(store.count(KEYS.jobs()).await, 1, "the lease has not expired");
    assert_eq!(listed(&second).await, numbers, "lists do not wait for the lease");
    clock.advance_millis(TERM_MILLIS + 1);
    until_scored(&store).await;
    let taken_over = lease(&store, LeasedTask::Scoring).await;
    assert_eq!(taken_over.epoch, 2);
    assert_ne!(taken_over.holder, held.holder);
    assert_eq!([listed(&first).await, listed(&second).await], [numbers.clone(), numbers.clone()]);

    // A process that stops releases its leases at once.
    tasks_of_second.stop().await;
    let tasks_of_first = Background::start(&first, SWEEP_EVERY);
    import(&second, "handed over").await;
    until_scored(&store).await;
    assert_eq!(lease(&store, LeasedTask::Scoring).await.epoch, 3);
    tasks_of_first.stop().await;
}

/// Indexes until nothing is left to index.
async fn index_all(services: &Services) {
    while index_next(Call::new(services)).await.unwrap() {}
}

async fn is_indexed(store: &Watched, id: ConversationId) -> bool {
    store.get(vec![KEYS.listing(id)]).await.unwrap() != [None]
}

#[tokio::test]
async fn a_number_held_by_another_process_holds_the_mark_back_until_that_process_is_gone() {
    let (store, clock) = shared();
    let (slow, other) = (process(&store, &clock).await, process(&store, &clock).await);
    let gate = store.hold(|batch| batch.put.iter().any(|(key, _)| *key == KEYS.identity("test", "slow")));
    let late = {
        let slow = slow.clone();
        tokio::spawn(async move { import(&slow, "slow").await })
    };
    gate.arrived().await;
    let quick = import(&other, "quick").await;
    index_all(&other).await;
    assert!(!is_indexed(&store, quick).await, "a lower number may still be stored");
    assert_eq!(listed(&other).await, [quick.0]);

    clock.advance_millis(TERM_MILLIS + 1);
    index_all(&other).await;
    assert!(is_indexed(&store, quick).await, "nothing holds it back any more");
    gate.open();
    let late = late.await.unwrap();
    assert!(late > quick, "it was given another number: the old one lies below the mark");
    for services in [&slow, &other] {
        assert_eq!(listed(services).await, [quick.0, late.0]);
    }
}

#[tokio::test]
async fn a_server_with_its_own_store_takes_over_at_once_and_its_predecessor_does_nothing_more() {
    let store = Arc::new(Watched::new(Arc::new(MemoryStore::new())));
    let clock = Arc::new(ManualClock::at(Plaudit::START));
    let before = process(&store, &clock).await;
    let id = import(&before, "1").await;
    index_all(&before).await;
    assert!(is_indexed(&store, id).await);
    let after = process(&store, &clock).await;
    let id = import(&after, "2").await;
    index_all(&after).await;
    assert!(is_indexed(&store, id).await, "it waits for no other process");
    assert_eq!(lease(&store, LeasedTask::Index).await.epoch, 2);
    let id = import(&before, "3").await;
    index_all(&before).await;
    assert!(!is_indexed(&store, id).await, "it was replaced");
    assert_eq!(lease(&store, LeasedTask::Index).await.epoch, 2);
    // On an unshared store, processes leave only leases behind.
    assert_eq!(store.count(keys::all_open_numbers()).await, 0);
}

#[tokio::test]
async fn a_conversation_purged_while_it_is_indexed_is_neither_damaged_nor_in_the_way() {
    let log = Log::capture();
    let store = Arc::new(Watched::new(Arc::new(MemoryStore::new())));
    let clock = Arc::new(ManualClock::at(Plaudit::START));
    let before = process(&store, &clock).await;
    let (purged, next) = (import(&before, "purged").await, import(&before, "next").await);
    score_now(Call::new(&before), purged).await.unwrap();
    // As a version without lists would have left it.
    store.commit(Batch { delete: vec![KEYS.listing(purged)], ..Batch::default() }).await.unwrap();
    let services = process(&store, &clock).await;

    let assessments =
        store.scan_keys(KEYS.assessments(purged), MAX_PAGE, Direction::Ascending).await.unwrap();
    let gate = store.hold_get(move |keys| keys.iter().any(|key| assessments.contains(key)));
    tokio::join!(index_all(&services), async {
        gate.arrived().await;
        let call = Call::new(&services);
        delete_conversation(call, &ConversationRef::Id(purged), "").await.unwrap();
        clock.advance_millis(31 * 24 * 60 * 60 * 1000);
        assert_eq!(purge_deleted(call).await.unwrap(), 1);
        gate.open();
    });
    assert!(!is_indexed(&store, purged).await);
    assert!(is_indexed(&store, next).await);
    assert!(!log.text().contains("ERROR"), "{}", log.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_server_writes_nothing() {
    for store in [MemoryStore::new(), MemoryStore::shared()] {
        let store = Arc::new(Watched::new(Arc::new(store)));
        let clock = Arc::new(ManualClock::at(Plaudit::START));
        let services = process(&store, &clock).await;
        let background = Background::start(&services, Duration::from_millis(10));
        import(&services, "1").await;
        until_scored(&store).await;
        soon("the index", async {
            while store.get(vec![keys::lease(LeasedTask::Index as u8)]).await.unwrap() == [None] {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        store.take_committed();
        store.take_leases();
        clock.advance_millis(10 * TERM_MILLIS);
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!((store.take_committed(), store.take_leases()), (Vec::new(), 0));
        background.stop().await;
    }
}
