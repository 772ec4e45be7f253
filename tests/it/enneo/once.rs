//! Retried requests: with a key, with a tracking id, and concurrently.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::setup::{CONVERSATION, post, post_with_key, sample, stored};
use crate::harness::Plaudit;

fn without_tracking_id() -> Value {
    let mut body = sample();
    body["externalConversationId"] = json!(null);
    body
}

#[tokio::test]
async fn a_retry_with_a_key_gets_the_first_answer_and_stores_nothing() {
    let server = Plaudit::start().await;
    let mut body = without_tracking_id();
    for process in ["batch", "realtime", "false"] {
        body["process"] = json!(process);
        let first = post_with_key(&server, process, &body).await;
        assert_eq!(first.status, 200);
        for _ in 0..3 {
            let again = post_with_key(&server, process, &body).await;
            assert_eq!((again.status, again.text()), (first.status, first.text()));
        }
    }
    assert_eq!(server.client().await.conversation(CONVERSATION).await.unwrap().message_count, 3);
}

#[tokio::test]
async fn a_tracking_id_with_known_content_returns_the_stored_message_and_with_other_content_stores() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let first = stored(&server, &sample()).await;
    assert_eq!(stored(&server, &sample()).await, first);
    // Fields about the call are not part of the message's content.
    let mut realtime = sample();
    realtime["process"] = json!("realtime");
    assert_eq!(stored(&server, &realtime).await, first);
    let mut ids = HashSet::from([first["conversationId"].to_string()]);
    for (field, value) in
        [("body", json!("another")), ("status", json!("closed")), ("to", json!([])), ("rawData", json!({}))]
    {
        let mut other = sample();
        other[field] = value;
        let second = stored(&server, &other).await;
        assert!(ids.insert(second["conversationId"].to_string()), "{field}");
        assert_eq!(stored(&server, &other).await, second);
        assert_eq!(stored(&server, &sample()).await, first, "after {field}");
    }
    let messages = client.messages(CONVERSATION, 50).await;
    assert_eq!(messages.len(), 5);
    let external_ids: HashSet<_> = messages.iter().map(|message| &message.external_id).collect();
    assert_eq!(external_ids.len(), 5);
    assert!(messages.iter().all(|message| message.tracking_id.as_deref() == Some("abc-123")));
    // On another ticket it is another message.
    let elsewhere = server.http().post(&super::setup::path(1), sample().to_string()).await.json();
    assert_ne!(elsewhere["conversationId"], first["conversationId"]);
}

#[tokio::test]
async fn without_a_tracking_id_each_request_is_a_new_interaction() {
    let server = Plaudit::start().await;
    let first = stored(&server, &without_tracking_id()).await;
    let second = stored(&server, &without_tracking_id()).await;
    assert_ne!(first["conversationId"], second["conversationId"]);
    assert_ne!(first["eventId"], second["eventId"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_stores_on_a_new_ticket_all_arrive_and_one_per_tracking_id() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let numbered = |number: usize| json!({ "body": format!("Message {number}") });
    let bodies: Vec<_> = (0..64).map(numbered).collect();
    let answers = join_all(bodies.iter().map(|body| post(&server, body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let conversation = client.scored(CONVERSATION).await;
    assert_eq!(conversation.message_count, 64);
    let messages = client.messages(CONVERSATION, 50).await;
    let texts: HashSet<_> = messages.iter().map(|message| message.content().to_owned()).collect();
    assert_eq!((messages.len(), texts.len()), (64, 64));

    let body = sample();
    let answers = join_all((0..64).map(|_| post(&server, &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let ids: HashSet<_> = answers.iter().map(|answer| answer.json()["conversationId"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(client.scored(CONVERSATION).await.message_count, 65);
}
