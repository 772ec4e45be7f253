//! One damaged record stops no background task: it is reported, and the others are processed. Damaged jobs and heads
//! are tested in `scoring_task`, damaged request records in `retry`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use plaudit::{
    background::index::index_next,
    clock::ManualClock,
    domain::{self, AuthorKind, ConversationId, KnownBy, PersonIdentity},
    proto::v1::ScoringProcess,
    service::{Call, Services, Settings, import},
    store::{
        Batch, Key, Keyspace, MemoryStore, Space, StoreError, WorkspaceId, directory::find_identity, events,
        keys, lease::LeasedTask, listing, records,
    },
};

use crate::{
    delete::{imported, number},
    harness::{Client, KEYS, Log, Plaudit, sample, soon},
};

const DAY: i64 = 24 * 60 * 60 * 1000;
const DAMAGED: Bytes = Bytes::from_static(b"\xffdamaged");
/// What is logged of a damaged lease, and of the mark up to which conversations are indexed.
const DAMAGED_LEASE: &str = "a lease is damaged";
const DAMAGED_MARK: &str = "how far conversations are indexed is damaged";

/// Writes below the server, as a failing disk would.
async fn damage(server: &Plaudit, key: Key) {
    server.store.commit(Batch { put: vec![(key, DAMAGED)], ..Batch::default() }).await.unwrap();
}

/// A person's entry in the directory.
async fn person(server: &Plaudit, identity: &PersonIdentity) -> Option<domain::Person> {
    let store: Arc<dyn Keyspace> = server.store.clone();
    find_identity(&Space::new(&store, WorkspaceId::FIRST), identity).await.unwrap()
}

/// The agent of the sample conversations.
fn agent() -> PersonIdentity {
    let known_by = KnownBy::ExternalId("t1".parse().unwrap());
    PersonIdentity { source: "test".parse().unwrap(), kind: AuthorKind::Teammate, known_by }
}

/// A server with an empty cache of people and a damaged entry in the directory: the record or the identity.
async fn with_damaged_agent(key: impl Fn(&domain::Person) -> Key) -> (Plaudit, Client) {
    let server = Plaudit::start().await;
    imported(&server.client().await, "first").await;
    let person = person(&server, &agent()).await.unwrap();
    damage(&server, key(&person)).await;
    let server = server.restart().await;
    let client = server.client().await;
    (server, client)
}

#[tokio::test]
async fn a_damaged_directory_entry_stops_neither_scoring_nor_other_entries() {
    let entries: [fn(&domain::Person) -> Key; 2] =
        [|person| KEYS.person(person.id), |person| KEYS.person_identity(&person.identity)];
    for entry in entries {
        let (server, client) = with_damaged_agent(entry).await;
        // With a name, for which the damaged record is read.
        let mut both = sample::import("both");
        both.messages[0].author.as_mut().unwrap().external_id = Some("another".to_owned());
        let name = client.import(both).await.unwrap().conversation;
        client.scored(&name).await;
        let known_by = KnownBy::ExternalId("another".parse().unwrap());
        let other = PersonIdentity { source: "test".parse().unwrap(), kind: AuthorKind::Contact, known_by };
        assert!(person(&server, &other).await.is_some());

        // People whom no scoring meets.
        let mut messages = sample::import("off").messages;
        for message in &mut messages[..2] {
            let request = plaudit::proto::v1::StoreMessageRequest {
                parent: "conversations/test:off".to_owned(),
                message: Some(plaudit::proto::v1::Message {
                    content: message.content.take(),
                    author: message.author.take().map(|author| plaudit::proto::v1::Author {
                        external_id: author
                            .external_id
                            .map(|id| if id == "c1" { "third".to_owned() } else { id }),
                        ..author
                    }),
                    ..Default::default()
                }),
                process: ScoringProcess::Off.into(),
                ..Default::default()
            };
            client.store(request).await.unwrap();
        }
        let known_by = KnownBy::ExternalId("third".parse().unwrap());
        let third = PersonIdentity { source: "test".parse().unwrap(), kind: AuthorKind::Contact, known_by };
        soon("the third", async {
            while person(&server, &third).await.is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}

/// A process without background tasks.
async fn process(store: &Arc<dyn Keyspace>) -> Services {
    let clock = Arc::new(ManualClock::at(Plaudit::START));
    Services::open(store.clone(), clock, Settings::default()).await.unwrap()
}

async fn import(services: &Services, external_id: &str) -> ConversationId {
    let new = domain::NewConversation::new("test".parse().unwrap(), external_id.parse().unwrap());
    let policy = import::ConflictPolicy::Reject;
    import::import_conversation(Call::new(services), &new, policy).await.unwrap().conversation
}

async fn damage_in(store: &Arc<dyn Keyspace>, key: Key) {
    store.commit(Batch { put: vec![(key, DAMAGED)], ..Batch::default() }).await.unwrap();
}

async fn index_all(services: &Services) {
    while index_next(Call::new(services)).await.unwrap() {}
}

async fn is_indexed(store: &Arc<dyn Keyspace>, id: ConversationId) -> bool {
    let listing = listing::find(&Space::new(store, WorkspaceId::FIRST), id).await.unwrap();
    listing.is_some_and(|listing| listing.is_indexed)
}

/// Up to where conversations are indexed, as it is stored.
async fn stored_mark(store: &Arc<dyn Keyspace>) -> ConversationId {
    let mark = listing::find_backfill(&Space::new(store, WorkspaceId::FIRST)).await.unwrap();
    mark.and_then(|mark| mark.next).expect("a mark")
}

fn errors(log: &Log, message: &str) -> usize {
    let lines = log.lines();
    let is_it = |line: &&serde_json::Value| line["level"] == "ERROR" && line.to_string().contains(message);
    lines.iter().filter(is_it).count()
}

#[tokio::test]
async fn a_conversation_that_cannot_be_indexed_does_not_stop_others() {
    let damages: [fn(ConversationId) -> Key; 2] = [|id| KEYS.listing(id), |id| KEYS.head(id)];
    for damaged in damages {
        let store: Arc<dyn Keyspace> = Arc::new(MemoryStore::new());
        let services = process(&store).await;
        let (first, second) = (import(&services, "first").await, import(&services, "second").await);
        damage_in(&store, damaged(first)).await;
        index_all(&services).await;
        assert!(is_indexed(&store, second).await);
    }
}

#[tokio::test]
async fn a_lease_that_is_damaged_while_it_is_held_is_acquired_again() {
    let log = Log::capture();
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.scored(&imported(&client, "before").await).await;
    damage(&server, keys::lease(LeasedTask::Scoring as u8)).await;
    client.scored(&imported(&client, "after").await).await;
    assert_eq!(errors(&log, DAMAGED_LEASE), 1);

    for store in [MemoryStore::new(), MemoryStore::shared()] {
        let log = Log::capture();
        let store: Arc<dyn Keyspace> = Arc::new(store);
        let services = process(&store).await;
        import(&services, "before").await;
        index_all(&services).await;
        damage_in(&store, keys::lease(LeasedTask::Index as u8)).await;
        let after = import(&services, "after").await;
        index_all(&services).await;
        assert!(is_indexed(&store, after).await);
        assert_eq!(errors(&log, DAMAGED_LEASE), 1);
    }
}

#[tokio::test]
async fn a_lease_and_a_mark_that_are_damaged_at_the_start_are_replaced() {
    let log = Log::capture();
    let store: Arc<dyn Keyspace> = Arc::new(MemoryStore::new());
    let services = process(&store).await;
    let before = import(&services, "before").await;
    index_all(&services).await;
    for key in [keys::lease(LeasedTask::Index as u8), KEYS.backfill()] {
        damage_in(&store, key).await;
    }
    for _ in 0..2 {
        let services = process(&store).await;
        // There is nothing to index, but the mark is stored all the same: the next start does not begin anew.
        index_all(&services).await;
        assert!(stored_mark(&store).await > before);
    }
    assert_eq!((errors(&log, DAMAGED_LEASE), errors(&log, DAMAGED_MARK)), (1, 1));
}

#[tokio::test]
async fn a_mark_that_is_damaged_while_processes_share_it_is_stored_again() {
    let log = Log::capture();
    let store: Arc<dyn Keyspace> = Arc::new(MemoryStore::shared());
    let (first, second) = (process(&store).await, process(&store).await);
    let before = import(&first, "before").await;
    index_all(&first).await;
    index_all(&second).await;
    damage_in(&store, KEYS.backfill()).await;
    for _ in 0..3 {
        // Only the first has the lease.
        index_all(&second).await;
    }
    assert_eq!(errors(&log, DAMAGED_MARK), 1);
    index_all(&first).await;
    assert!(stored_mark(&store).await > before);
    index_all(&second).await;
    assert_eq!(errors(&log, DAMAGED_MARK), 2, "one for each process");
}

#[tokio::test]
async fn an_unreadable_deleted_conversation_is_purged_and_does_not_stop_others() {
    let damages: [fn(ConversationId) -> Key; 4] = [
        |id| KEYS.head(id),
        |id| KEYS.listing(id),
        |id| KEYS.assessment_index(id),
        |_| vec![0x83, 0, 0, 0, 1, 0, 0],
    ];
    for damaged in damages {
        let server = Plaudit::start().await;
        let client = server.client().await;
        let (first, second) = (imported(&client, "first").await, imported(&client, "second").await);
        for name in [&first, &second] {
            client.delete(name).await.unwrap();
        }
        damage(&server, damaged(number(&first))).await;
        server.clock.advance_millis(31 * DAY);
        let server = server.restart().await;
        for name in [first, second] {
            soon("the purge", async {
                while server.store.count(KEYS.assessments(number(&name))).await > 0
                    || server.store.get(vec![KEYS.head(number(&name))]).await.unwrap() != [None]
                {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
        }
    }
}

#[tokio::test]
async fn an_unreadable_log_record_is_removed_with_those_after_it() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    for external_id in ["1", "2", "3"] {
        imported(&client, external_id).await;
    }
    server.store.damage_log_at(3);
    assert!(matches!(server.store.log(0, 10).await, Err(StoreError::Corrupt(_))));
    let page = events::page(&*server.store, 0, 10).await.unwrap();
    assert_eq!(page.iter().map(|(position, _)| *position).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(page.iter().filter(|(_, record)| record.is_none()).count(), 1);
    let first = records::decode::<domain::Event>(&Key::new(), page[0].1.as_ref().unwrap()).unwrap();
    assert_eq!(first.kind, domain::EventKind::ConversationImported);
    server.clock.advance_millis(31 * DAY);
    let services = Services::open(server.store.clone(), server.clock.clone(), Settings::default());
    let services = services.await.unwrap();
    assert_eq!(plaudit::background::trim::trim_events(&services).await.unwrap(), 5, "the newest one stays");
}
