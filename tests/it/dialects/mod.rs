//! One conversation under different names: what the three dialects say about the same thing.

mod identity;
mod moves;
mod numbers;

use serde_json::{Value, json};

use crate::harness::{Answer, Plaudit};

/// Posts, expects this status, and returns the answer's body.
async fn posted(server: &Plaudit, path: &str, body: &Value, status: u16) -> Value {
    let answer: Answer = server.http().post(path, body.to_string()).await;
    assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
    answer.json()
}

async fn got(server: &Plaudit, path: &str) -> Value {
    let answer = server.http().get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// A CraftCX body: a customer asks, and an agent answers ten minutes later.
fn transcript(source: &str, ticket: &str, agent: &Value) -> Value {
    let message = |id: &str, author: &Value, content: &str, minute: i64| {
        json!({
            "external_id": id, "kind": "message", "content": content, "author": author,
            "timestamp": 1_764_579_600_000_i64 + minute * 60_000,
        })
    };
    let customer = json!({ "type": "contact", "external_id": "cus_1", "name": "Ada" });
    json!({
        "source": source, "ticket_id": ticket, "messages": [
            message("m1", &customer, "Where is my order?", 0),
            message("m2", agent, "It left our warehouse yesterday.", 10),
        ],
    })
}

/// Imports, waits for the scoring, and returns our number.
async fn imported(server: &Plaudit, body: &Value) -> u64 {
    let id = posted(server, "/v1/assess", body, 202).await["id"].take();
    let path = format!("/v1/assess/{}", id.as_str().expect("a receipt"));
    let name = got(server, &path).await["conversation"].take();
    let name = name.as_str().expect("a name").to_owned();
    server.client().await.scored(&name).await;
    name.strip_prefix("conversations/").and_then(|number| number.parse().ok()).expect("a number")
}

#[tokio::test]
async fn a_key_that_stands_twice_is_refused_by_its_path_and_nothing_is_stored() {
    let server = Plaudit::start().await;
    let messages = r#"[{"external_id":"1","author":{"type":"contact","type":"ai"},"content":"Hi","timestamp":1700000000000}]"#;
    for (path, body, at) in [
        ("/v1/assess", format!(r#"{{"ticket_id":"t","messages":{messages}}}"#), "messages[0].author.type"),
        ("/ticket/7/conversation/store", r#"{"body":"One","body":"Two"}"#.to_owned(), "body"),
        (
            "/beta/conversations/7/ratings/offer",
            r#"{"ratingType":"Csat","ratingType":"Nps"}"#.to_owned(),
            "ratingType",
        ),
    ] {
        let answer = server.http().post(path, body).await;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.contains(at) && text.contains("must be given once"), "{path}: {text}");
    }
    assert_eq!(server.http().get("/ticket/7/assessments").await.status, 404);
}
