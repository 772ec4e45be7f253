use serde_json::Value;

use crate::harness::{Answer, Plaudit};

/// The documented request.
pub fn sample() -> Value {
    serde_json::from_str(include_str!("../../cases/enneo/conversation-store-request.json")).expect("JSON")
}

/// The documented answer.
pub fn documented_answer() -> Value {
    serde_json::from_str(include_str!("../../cases/enneo/conversation-store-answer.json")).expect("JSON")
}

pub fn path(ticket: impl std::fmt::Display) -> String {
    format!("/api/mind/ticket/{ticket}/conversation/store")
}

/// Stores on ticket 8821.
pub async fn post(server: &Plaudit, body: &Value) -> Answer {
    server.http().post(&path(8821), body.to_string()).await
}

/// The same with an `Idempotency-Key`.
pub async fn post_with_key(server: &Plaudit, key: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    server.http().send("POST", &path(8821), &headers, body.to_string()).await
}

/// The body of a 200.
pub async fn stored(server: &Plaudit, body: &Value) -> Value {
    let answer = post(server, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The message of an error in Enneo's shape.
pub fn error_of(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
    let body = answer.json();
    let fields = body.as_object().expect("an object");
    assert_eq!((fields.len(), &body["success"]), (2, &Value::Bool(false)), "{body}");
    body["message"].as_str().filter(|message| !message.is_empty()).expect("a message").to_owned()
}

/// The name of ticket 8821 in gRPC.
pub const CONVERSATION: &str = "conversations/enneo:8821";
