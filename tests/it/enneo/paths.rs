//! The conversation that a path id means, and the answers if there is none.

use serde_json::json;

use super::setup::{error_of, path, sample, stored};
use crate::harness::{Plaudit, sample as imported};

#[tokio::test]
async fn a_ticket_is_the_same_below_both_prefixes_and_as_the_conversation_of_its_source() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    for base in ["/api/mind", ""] {
        let path = format!("{base}/ticket/8821/conversation/store");
        let answer = server.http().post(&path, "{}").await;
        assert_eq!((answer.status.as_u16(), &answer.json()["ticketId"]), (200, &json!(8821)), "{answer:?}");
    }
    let conversation = client.scored("conversations/enneo:8821").await;
    assert_eq!((conversation.message_count, conversation.source.as_str()), (2, "enneo"));
}

#[tokio::test]
async fn a_number_of_ours_means_the_conversation_whatever_its_source() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(imported::import("42")).await.unwrap().conversation;
    let number = name.strip_prefix("conversations/").unwrap();
    let answer = server.http().post(&path(number), sample().to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["ticketId"].to_string(), number);
    assert_eq!(client.scored("conversations/test:42").await.message_count, 5);
}

#[tokio::test]
async fn a_transcript_of_another_dialect_is_the_same_ticket() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let message = json!({
        "external_id": "m1", "kind": "message", "content": "Hello", "author": { "type": "contact" },
        "timestamp": 1_700_000_000_000_i64,
    });
    let body = json!({ "source": "enneo", "ticket_id": "8821", "messages": [message] });
    assert_eq!(server.http().post("/v1/assess", body.to_string()).await.status, 202);
    stored(&server, &sample()).await;
    assert_eq!(client.scored("conversations/enneo:8821").await.message_count, 2);
    // In the other direction it exists already.
    let mut other = body.clone();
    other["ticket_id"] = json!("7");
    assert_eq!(server.http().post(&path(7), "{}").await.status, 200);
    assert_eq!(server.http().post("/v1/assess", other.to_string()).await.status, 409);
}

#[tokio::test]
async fn a_non_positive_id_is_400_and_an_unissued_number_of_ours_is_404() {
    let server = Plaudit::start().await;
    for id in ["0", "0042", "-1", "+1", "1.0", "abc", "%31%20", "1e3", "%ff", "٣"] {
        let id = id.replace('٣', "%D9%A3");
        let answer = server.http().post(&path(&id), "{}").await;
        assert_eq!(answer.status, 400, "{id}");
        assert!(error_of(&answer).contains("ticketId"), "{id}");
    }
    for id in ["5000000000000001", "5999999999999999", "9007199254740993", "18446744073709551616"] {
        let answer = server.http().post(&path(id), "{}").await;
        assert_eq!(answer.status, 404, "{id}");
        assert!(error_of(&answer).contains(id));
    }
    for id in ["1", "5000000000000000"] {
        let answer = server.http().post(&path(id), "{}").await;
        assert_eq!((answer.status.as_u16(), answer.json()["ticketId"].to_string()), (200, id.to_owned()));
    }
}
