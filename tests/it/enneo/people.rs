//! The numbers for people in the answer to a store.

use plaudit::store::{Batch, Direction, KeyRange, Keyspace as _};
use serde_json::{Value, json};

use super::{
    setup::{CONVERSATION, stored},
    ticket::rows,
};
use crate::harness::Plaudit;

const OURS: u64 = 5_000_000_000_000_000;

/// `sender.id` of the answer.
async fn sender_of(server: &Plaudit, body: &Value) -> u64 {
    let answer = stored(server, body).await;
    let id = &answer["conversation"]["sender"]["id"];
    id.as_u64().unwrap_or_else(|| panic!("{body}: sender.id is {id}"))
}

#[tokio::test]
async fn numbers_from_the_source_are_kept_and_everybody_else_gets_one_of_ours() {
    let server = Plaudit::start().await;
    for (body, number) in [
        (json!({ "customerId": "77" }), 77),
        (json!({ "direction": "out", "agentId": 24 }), 24),
        (json!({ "private": true, "agentId": 24 }), 24),
        (json!({ "sender": { "id": 9 }, "customerId": "abc" }), 9),
        (json!({ "sender": { "id": "9" }, "customerId": "abc" }), 9),
        (json!({ "sender": { "id": "abc" }, "customerId": "77" }), 77),
    ] {
        assert_eq!(sender_of(&server, &body).await, number, "{body}");
    }
    let mut numbers = Vec::new();
    for body in [
        json!({}),
        json!({ "customerId": "abc" }),
        json!({ "customerId": "077" }),
        json!({ "from": "jane@x.com" }),
        json!({ "from": "june@x.com" }),
        json!({ "direction": "out" }),
        json!({ "direction": "out", "from": "jane@x.com" }),
    ] {
        let number = sender_of(&server, &body).await;
        assert!(number > OURS, "{body}: {number}");
        assert_eq!(sender_of(&server, &body).await, number, "{body}: one person, one number");
        numbers.push(number);
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 7, "seven people: {numbers:?}");
}

#[tokio::test]
async fn an_address_is_the_same_however_it_is_written() {
    let server = Plaudit::start().await;
    let jane = sender_of(&server, &json!({ "from": "jane@x.com" })).await;
    for from in ["Jane@X.com", "Jane <jane@x.com>", "\"Customer, Jane\" <JANE@x.com>"] {
        assert_eq!(sender_of(&server, &json!({ "from": from })).await, jane, "{from}");
    }
    assert_eq!(sender_of(&server, &json!({ "sender": { "email": "Jane <jane@x.com>" } })).await, jane);
    let body = json!({ "from": "Jane <Jane@x.com>" });
    let answer = stored(&server, &body).await["conversation"].take();
    assert_eq!((&answer["fromEmail"], &answer["fromEmailName"]), (&json!("Jane@x.com"), &json!("Jane")));
    assert_eq!(
        (&answer["sender"]["email"], &answer["sender"]["name"]),
        (&json!("Jane@x.com"), &json!("Jane"))
    );
    let named = stored(&server, &json!({ "from": "Jane <jane@x.com>", "fromName": "J." })).await;
    assert_eq!(named["conversation"]["fromEmailName"], "J.");
}

#[tokio::test]
async fn agents_without_a_number_are_told_apart_by_address() {
    let server = Plaudit::start().await;
    let mut senders = Vec::new();
    for from in ["tom@company.com", "kim@company.com"] {
        let body = json!({ "direction": "out", "from": from, "body": "Hello", "process": "realtime" });
        senders.push(json!(sender_of(&server, &body).await));
    }
    let rows = rows(&server.http().get("/ticket/8821/assessments").await);
    let assessed: Vec<Value> = rows.iter().map(|row| row["assessedUser"].clone()).collect();
    assert_eq!(assessed, senders);
}

#[tokio::test]
async fn an_agents_number_matches_the_assessments_on_any_ticket() {
    let server = Plaudit::start().await;
    for (direction, agent) in
        [("out", json!(24)), ("internal", json!(24)), ("in", json!(24)), ("in", json!(null))]
    {
        let body = json!({ "direction": direction, "agentId": agent });
        assert_eq!(stored(&server, &body).await["conversation"]["agentId"], agent, "{direction}");
    }
    assert_eq!(stored(&server, &json!({ "direction": "out" })).await["conversation"]["agentId"], Value::Null);
}

#[tokio::test]
async fn known_people_cost_no_writes() {
    let server = Plaudit::start().await;
    let writes_people = |batch: &Batch| batch.put.iter().any(|(key, _)| matches!(key[0], 0x70 | 0x71));
    let body = json!({ "customerId": "abc", "body": "Hello" });
    stored(&server, &body).await;
    server.client().await.settled(CONVERSATION).await;
    assert!(server.store.take_committed().iter().any(writes_people), "the first time");
    stored(&server, &body).await;
    server.client().await.settled(CONVERSATION).await;
    assert!(!server.store.take_committed().iter().any(writes_people), "the second time");
    stored(&server, &json!({ "customerId": "78", "process": false })).await;
    let committed = server.store.take_committed();
    assert!(!writes_people(&committed[0]) && committed.len() <= 2, "the message, and then the person");
}

#[tokio::test]
async fn reading_assessments_creates_nobody() {
    const IDENTITIES: u8 = 0x71;
    let server = Plaudit::start().await;
    let body =
        json!({ "direction": "out", "from": "tom@company.com", "body": "Hello", "process": "realtime" });
    stored(&server, &body).await;
    let assessed = async |server: &Plaudit| {
        rows(&server.http().get("/ticket/8821/assessments").await)[0]["assessedUser"].clone()
    };
    assert!(assessed(&server).await.as_u64().is_some_and(|number| number > OURS));
    // As if nobody had entered the directory, on a server with an empty cache.
    let everybody =
        server.store.scan(KeyRange::prefix(vec![IDENTITIES]), 10, Direction::Ascending).await.unwrap();
    let delete = everybody.into_iter().map(|(key, _)| key).collect();
    server.store.commit(Batch { delete, ..Batch::default() }).await.unwrap();
    let server = server.restart().await;
    server.store.take_committed();
    assert_eq!(assessed(&server).await, Value::Null);
    let mut written = server.store.take_committed().into_iter().flat_map(|batch| batch.put);
    assert!(written.all(|(key, _)| key[0] != IDENTITIES));
}
