//! The documented call against the program as deployed: a separate process, on sled.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::setup::{documented, id_of, sample};
use crate::harness::{Answer, Client, Http, ServerProcess, soon};

async fn post(http: Http, body: &Value) -> Answer {
    http.post("/v1/assess", body.to_string()).await
}

/// Polls as a caller would, until the scoring is done.
async fn polled(http: Http, id: &str) -> Value {
    soon("the scores", async {
        loop {
            let answer = http.get(&format!("/v1/assess/{id}")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            if answer.json()["scoring"] != "pending" {
                return answer.json();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await
}

#[tokio::test]
async fn the_documented_import_is_accepted_once_and_scored_with_reasons() {
    let server = ServerProcess::start();
    let http = server.http();
    let taken = post(http, &sample()).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    let id = id_of(&taken);
    let mut expected = documented()["answer"]["json"].take();
    expected["id"] = json!(id);
    assert_eq!(taken.json(), expected);

    let repeat = post(http, &sample()).await;
    assert_eq!((repeat.status.as_u16(), id_of(&repeat)), (409, id.clone()), "{repeat:?}");

    let result = polled(http, &id).await;
    assert_eq!(result["scoring"], "done", "{result}");
    assert_eq!(
        (&result["resolution"], &result["ai_involvement"]),
        (&json!("Not Resolved"), &json!("AI assisted"))
    );
    for dimension in ["resolution_accuracy", "interaction_effort", "handoff_smoothness"] {
        let dimension = &result["axis"][dimension];
        assert!((1.0..=5.0).contains(&dimension["score"].as_f64().unwrap()), "{result}");
        assert!(!dimension["reason"].as_str().unwrap().is_empty(), "{result}");
    }
    // The acknowledged import survives, and so does the receipt.
    let server = server.restart();
    assert_eq!(polled(server.http(), &id).await, result);
    assert_eq!(post(server.http(), &sample()).await.status, 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_identical_imports_make_one_conversation_with_one_set_of_assessments() {
    let server = ServerProcess::start();
    let http = server.http();
    let body = sample();
    let answers = join_all((0..64).map(|_| post(http, &body))).await;
    let with_status = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with_status(202), with_status(409)), (1, 63));
    let ids: HashSet<_> = answers.iter().map(id_of).collect();
    assert_eq!(ids.len(), 1);

    let result = polled(http, ids.iter().next().expect("one")).await;
    let client = Client::new(server.channel().await);
    let stored = client.assessments("conversations/-", 50).await;
    // One for the conversation, one for the AI's work, and one for the teammate's, who wrote only a note.
    let kinds: HashSet<_> = stored.iter().map(|one| (&one.scorecard, &one.worklog)).collect();
    assert_eq!((stored.len(), kinds.len()), (3, 3), "{stored:?}");
    assert!(stored.iter().all(|one| one.name.starts_with(result["conversation"].as_str().unwrap())));
    assert_eq!(result["assessments"].as_array().map(Vec::len), Some(3));
}
