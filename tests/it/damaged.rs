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
        listing, records,
    },
};

use crate::{
    delete::{imported, number},
    harness::{Client, KEYS, Plaudit, sample, soon},
};

const DAY: i64 = 24 * 60 * 60 * 1000;
const DAMAGED: Bytes = Bytes::from_static(b"\xffdamaged");

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

#[tokio::test]
async fn a_conversation_that_cannot_be_indexed_does_not_stop_others() {
    let damages: [fn(ConversationId) -> Key; 2] = [|id| KEYS.listing(id), |id| KEYS.head(id)];
    for damaged in damages {
        let store: Arc<dyn Keyspace> = Arc::new(MemoryStore::new());
        let clock = Arc::new(ManualClock::at(Plaudit::START));
        let services = Services::open(store.clone(), clock, Settings::default()).await.unwrap();
        let mut imported = Vec::new();
        for external_id in ["first", "second"] {
            let new = domain::NewConversation::new("test".parse().unwrap(), external_id.parse().unwrap());
            let policy = import::ConflictPolicy::Reject;
            let stored = import::import_conversation(Call::new(&services), &new, policy).await.unwrap();
            imported.push(stored.conversation);
        }
        let put = vec![(damaged(imported[0]), DAMAGED)];
        store.commit(Batch { put, ..Batch::default() }).await.unwrap();
        while index_next(Call::new(&services)).await.unwrap() {}
        assert!(
            listing::find(&Space::new(&store, WorkspaceId::FIRST), imported[1])
                .await
                .unwrap()
                .unwrap()
                .is_indexed
        );
    }
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
