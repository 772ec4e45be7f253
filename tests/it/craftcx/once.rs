//! Retried requests: without a key, with one, and concurrently.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::setup::{Setup, error_of, id_of, sample, smallest};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_concurrent_identical_imports_exactly_one_is_accepted() {
    let setup = Setup::without_worker().await;
    let body = sample();
    let answers = join_all((0..64).map(|_| setup.post(&body))).await;
    let taken = answers.iter().filter(|answer| answer.status == 202).count();
    let refused = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((taken, refused), (1, 63));
    assert_eq!(answers.iter().map(id_of).collect::<HashSet<_>>().len(), 1);
}

#[tokio::test]
async fn a_retry_with_a_key_gets_the_first_answer() {
    let setup = Setup::without_worker().await;
    let first = setup.post_with_key("key-1", &sample()).await;
    assert_eq!(first.status, 202);
    for _ in 0..3 {
        let again = setup.post_with_key("key-1", &sample()).await;
        assert_eq!((again.status, again.text()), (first.status, first.text()));
    }
    // Without the key, or with another, it is a duplicate.
    assert_eq!(setup.post(&sample()).await.status, 409);
    assert_eq!(setup.post_with_key("key-2", &sample()).await.status, 409);
}

#[tokio::test]
async fn requests_are_compared_by_meaning() {
    let setup = Setup::without_worker().await;
    let first = setup.post_with_key("key", &smallest("t")).await;
    let mut other = smallest("t");
    other["source"] = json!("custom");
    other["subject"] = json!(null);
    other["unknown"] = json!([1]);
    other["messages"][0]["author"]["name"] = json!("");
    let headers = [("content-type", "application/json"), ("idempotency-key", "key")];
    let again = setup.post_with(&headers, serde_json::to_string_pretty(&other).unwrap()).await;
    assert_eq!((again.status, again.text()), (first.status, first.text()));
}

#[tokio::test]
async fn another_request_under_a_key_is_422_and_stores_nothing() {
    let setup = Setup::without_worker().await;
    let first = setup.post_with_key("key", &smallest("t")).await;
    let changes: [fn(&mut Value); 4] = [
        |body| body["ticket_id"] = json!("u"),
        |body| body["source"] = json!("zendesk"),
        |body| body["subject"] = json!("x"),
        |body| body["messages"][0]["timestamp"] = json!(1),
    ];
    for change in changes {
        let mut other = smallest("t");
        change(&mut other);
        let answer = setup.post_with_key("key", &other).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert_eq!(error_of(&answer), ("idempotency_key_reused".to_owned(), vec![]));
    }
    assert_eq!(setup.post(&smallest("u")).await.status, 202, "the refused one was not stored");
    assert_eq!(setup.post_with_key("key", &smallest("t")).await.text(), first.text());
}

#[tokio::test]
async fn a_refused_request_does_not_take_its_key() {
    let setup = Setup::without_worker().await;
    let mut body = smallest("t");
    body["messages"] = json!([]);
    assert_eq!(setup.post_with_key("key", &body).await.status, 400);
    assert_eq!(setup.post_with_key("key", &smallest("t")).await.status, 202);

    assert_eq!(setup.post_with_key("other", &smallest("t")).await.status, 409);
    assert_eq!(setup.post_with_key("other", &smallest("u")).await.status, 202);
}

#[tokio::test]
async fn a_key_is_forgotten_after_24_hours() {
    let setup = Setup::without_worker().await;
    let first = setup.post_with_key("key", &smallest("t")).await;
    setup.clock.advance_millis(DAY_MILLIS - 1);
    assert_eq!(setup.post_with_key("key", &smallest("t")).await.text(), first.text());
    setup.clock.advance_millis(1);
    assert_eq!(setup.post_with_key("key", &smallest("t")).await.status, 409);
    assert_eq!(setup.post_with_key("key", &smallest("u")).await.status, 202);
}

#[tokio::test]
async fn an_invalid_key_is_400_together_with_all_other_violations() {
    let setup = Setup::without_worker().await;
    let long = "x".repeat(129);
    for key in ["", "two words", "Schlüssel", "tab\there", &long] {
        let mut body = smallest("t");
        body["ticket_id"] = json!(7);
        let answer = setup.post_with_key(key, &body).await;
        assert_eq!(answer.status, 400, "{key}");
        assert_eq!(error_of(&answer).1, ["Idempotency-Key", "ticket_id"], "{key}");
    }
    let headers = [("content-type", "application/json"), ("idempotency-key", "a"), ("Idempotency-Key", "a")];
    let twice = setup.post_with(&headers, smallest("t").to_string()).await;
    assert_eq!((twice.status.as_u16(), error_of(&twice).1), (400, vec!["Idempotency-Key".to_owned()]));
    let longest = setup.post_with_key(&long[1..], &smallest("t")).await;
    assert_eq!(longest.status, 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_requests_with_one_key_all_get_the_same_answer() {
    let setup = Setup::without_worker().await;
    let body = sample();
    let answers = join_all((0..48).map(|_| setup.post_with_key("key", &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    assert_eq!(answers.iter().map(id_of).collect::<HashSet<_>>().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_concurrent_requests_with_one_key_one_wins_and_the_other_is_422() {
    let setup = Setup::without_worker().await;
    let bodies = [smallest("a"), smallest("b")];
    let sent = (0..48).map(|number| setup.post_with_key("key", &bodies[number % 2]));
    let answers = join_all(sent).await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 202);
    assert_eq!((taken.len(), refused.len()), (24, 24));
    assert!(refused.iter().all(|answer| answer.status == 422), "{refused:?}");
    assert_eq!(taken.iter().map(|answer| id_of(answer)).collect::<HashSet<_>>().len(), 1);
}
