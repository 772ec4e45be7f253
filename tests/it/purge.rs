//! The purge: after the retention period nothing of a deleted conversation is left.

use std::{collections::BTreeSet, time::Duration};

use plaudit::{
    domain::{self, ConversationId, Event, EventKind, KnownBy, Person, PersonId, PersonIdentity, UnixMillis},
    proto::v1::{Attachment, Author, AuthorKind, ImportOutcome, Message, RatingType, StoreMessageRequest},
    service::Settings,
    store::{Key, Keyspace as _, directory, records},
};

use crate::{
    delete::{all_assessments, imported, number, start},
    harness::{Client, KEYS, Plaudit, assert_not_found, put, sample, soon},
    rating::{offer, opt_out, submission},
};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Every pair whose key or value contains a conversation's number, except answers to requests.
async fn traces(server: &Plaudit, id: ConversationId) -> Vec<Key> {
    let bytes = id.0.to_be_bytes();
    // In a value, a number follows the marker of eight bytes; in a posting it is complemented.
    let complement = (!id.0).to_be_bytes();
    let mentions = |text: &[u8]| text.windows(8).any(|part| part == bytes || part == complement);
    // The indexing mark may hold any number.
    let pairs = server.store.dump().await.into_iter().filter(|(key, _)| key[0] != 0x84);
    pairs.filter(|(key, value)| mentions(key) || mentions(value)).map(|(key, _)| key).collect()
}

async fn until_purged(server: &Plaudit, id: ConversationId) {
    soon("the purge", async {
        while !traces(server, id).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A conversation with segments and with as many assessments as it has messages by agents.
async fn large(client: &Client, external_id: &str) -> String {
    let mut messages = sample::messages(0, 200);
    for (place, message) in messages.iter_mut().enumerate() {
        message.content = Some("word ".repeat(100));
        message.author.as_mut().unwrap().external_id = Some(format!("agent {place}"));
    }
    let name = client.import(sample::import_of(external_id, messages)).await.unwrap().conversation;
    client.scored(&name).await;
    name
}

#[tokio::test]
async fn after_the_retention_period_nothing_of_a_deleted_conversation_is_left() {
    let (server, client) = start().await;
    let name = large(&client, "large").await;
    let kept = imported(&client, "kept").await;
    let kept_pairs = traces(&server, number(&kept)).await;
    client.delete(&name).await.unwrap();
    server.clock.advance_millis(30 * DAY - 1);
    let server = server.restart().await;
    // A sweep now has nothing to do; the next one has.
    server.clock.advance_millis(1);
    assert!(!traces(&server, number(&name)).await.is_empty());
    let server = server.restart().await;
    until_purged(&server, number(&name)).await;
    let client = server.client().await;
    assert_not_found(&client.undelete(&name).await.unwrap_err(), "conversation");
    assert_eq!(traces(&server, number(&kept)).await, kept_pairs);
    assert_eq!(client.assessments(&kept, 50).await.len(), 2);
    assert_eq!(client.import(sample::import("large")).await.unwrap().outcome(), ImportOutcome::Created);
    let log = server.store.log(0, 1000).await.unwrap();
    let purged = log.iter().filter(|(_, raw)| {
        let event: Event = records::decode(&Vec::new(), raw).unwrap();
        event.kind == EventKind::ConversationPurged && event.conversation == number(&name)
    });
    assert_eq!(purged.count(), 1);
}

#[tokio::test]
async fn an_interrupted_purge_is_finished_after_the_next_start() {
    let (server, client) = start().await;
    let name = large(&client, "large").await;
    client.delete(&name).await.unwrap();
    let id = number(&name);
    server.clock.advance_millis(31 * DAY);
    let mut server = server;
    // The worker is held before each kind of batch in turn, and abandoned there, like a killed process.
    for subspace in [0x10, 0x12, 0x20, 0x21, 0x83] {
        let is_purge = move |batch: &plaudit::store::Batch| {
            batch.put.is_empty() && batch.delete.iter().any(|key| key[0] == subspace)
        };
        server = server.restart_holding(is_purge).await;
        assert!(!traces(&server, id).await.is_empty(), "{subspace:02x}");
        let client = server.client().await;
        assert_not_found(&client.conversation(&name).await.unwrap_err(), "conversation");
        assert_eq!(all_assessments(&client).await, 0);
        if subspace != 0x10 {
            assert_not_found(&client.undelete(&name).await.unwrap_err(), "conversation");
        }
    }
    let server = server.restart_within(Duration::ZERO).await;
    until_purged(&server, id).await;
}

#[tokio::test]
async fn how_long_deleted_conversations_are_kept_is_a_setting() {
    let settings = Settings { keep_deleted_days: 0, ..Settings::default() };
    let server = Plaudit::start_with(settings).await;
    let client = server.client().await;
    let name = imported(&client, "42").await;
    let deleted = client.delete(&name).await.unwrap();
    assert_eq!(deleted.purge_time, deleted.delete_time);
    let server = server.restart().await;
    until_purged(&server, number(&name)).await;
}

#[test]
fn deletion_keys_are_ordered_by_time() {
    let of = |time, id| KEYS.deletion(UnixMillis::clamped(time), ConversationId(id));
    assert!(of(1, 9) < of(2, 1) && of(2, 1) < of(2, 2));
}

/// Every stored pair, including the log, that contains these words.
async fn with_words(server: &Plaudit, words: &str) -> Vec<Key> {
    let has = |bytes: &[u8]| bytes.windows(words.len()).any(|part| part == words.as_bytes());
    let pairs = server.store.dump().await.into_iter();
    let mut found: Vec<Key> =
        pairs.filter(|(key, value)| has(key) || has(value)).map(|(key, _)| key).collect();
    let log = server.store.log(0, 1000).await.unwrap();
    found.extend(log.iter().filter(|(_, raw)| has(raw)).map(|(position, _)| position.to_be_bytes().to_vec()));
    found
}

#[tokio::test]
async fn a_purge_removes_customers_known_only_within_the_conversation() {
    const WORDS: &str = "Xaviera-Quint";
    let (server, client) = start().await;
    let words = || Some(WORDS.to_owned());
    let author = Author { kind: AuthorKind::Contact.into(), external_id: None, name: words() };
    let request = StoreMessageRequest {
        parent: format!("conversations/dixa:{WORDS}"),
        message: Some(Message {
            content: words(),
            author: Some(author.clone()),
            tracking_id: words(),
            attachments: vec![Attachment { content: Some(WORDS.into()), ..Attachment::default() }],
            ..Message::default()
        }),
        assignee: Some(Author {
            kind: AuthorKind::Teammate.into(),
            external_id: Some("t1".into()),
            name: None,
        }),
        tags: vec![WORDS.to_owned()],
        ..StoreMessageRequest::default()
    };
    let name = client.store(request).await.unwrap().conversation.unwrap().name;
    client.scored(&name).await;
    let rating = client.offer_rating(offer(&name, &[RatingType::Csat])).await.unwrap().name;
    let mut answer = submission(&rating, &[(0, 1)]);
    answer.answers[0].comment = words();
    client.submit_rating(answer).await.unwrap();
    client.submit_rating(opt_out(&rating, true)).await.unwrap();
    // Asking for the customer's number creates an entry for them.
    let known_by = KnownBy::NameIn { conversation: number(&name), name: WORDS.to_owned() };
    let identity =
        PersonIdentity { source: "dixa".parse().unwrap(), kind: domain::AuthorKind::Contact, known_by };
    let person = Person::first_seen(PersonId(7), identity, None, Plaudit::START);
    put(&server.store, |decision| directory::put_new_person(decision, &person)).await;
    let subspaces: BTreeSet<u8> = with_words(&server, WORDS).await.iter().map(|key| key[0]).collect();
    for expected in [0x10, 0x11, 0x13, 0x14, 0x60, 0x62, 0x70, 0x71, 0x80, 0x85] {
        assert!(subspaces.contains(&expected), "{expected:02x} is not in {subspaces:02x?}");
    }

    client.delete(&name).await.unwrap();
    server.clock.advance_millis(30 * DAY);
    let server = server.restart().await;
    until_purged(&server, number(&name)).await;
    assert_eq!(with_words(&server, WORDS).await, Vec::<Key>::new());
}

#[tokio::test]
async fn a_purge_does_not_read_the_bytes_it_deletes() {
    let (server, client) = start().await;
    let name = imported(&client, "42").await;
    for _ in 0..5 {
        let content = Some(vec![7; 2 * 1024 * 1024]);
        client
            .store(StoreMessageRequest {
                parent: name.clone(),
                message: Some(Message {
                    content: Some("word ".repeat(20_000)),
                    attachments: vec![Attachment { content, ..Attachment::default() }],
                    ..Message::default()
                }),
                ..StoreMessageRequest::default()
            })
            .await
            .unwrap();
    }
    client.scored(&name).await;
    client.delete(&name).await.unwrap();
    server.clock.advance_millis(30 * DAY);
    let server = server.restart().await;
    soon("the purge", async {
        while server.store.count(KEYS.attachments(number(&name))).await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let largest = server.store.take_largest_read();
    assert!(largest < 1024 * 1024, "{largest} bytes were read at once");
}
