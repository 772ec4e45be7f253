//! Retried requests: without a key, with one, and concurrently.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::json;

use super::setup::{DECODING, INVALID, OFFER, Setup, fields_of, message_of, submit_path};

#[tokio::test]
async fn two_offers_make_two_ratings_and_one_key_makes_one() {
    let setup = Setup::start().await;
    let body = json!({ "ratingType": "Csat" });
    assert_ne!(setup.offered("Csat").await, setup.offered("Csat").await);
    let first = setup.send(OFFER, "key", &body).await;
    assert_eq!(first.status, 201, "{first:?}");
    setup.clock.advance_millis(5_000);
    let rating = first.json()["data"]["id"].as_str().unwrap().to_owned();
    setup.submit(&rating, &json!({ "ratingResult": { "value": 5 } })).await;
    // The same below the other prefix, and with ignored fields.
    let other = json!({ "ratingType": "Csat", "userId": null, "x": 1 });
    for (path, body) in [(OFFER.to_owned(), &body), (OFFER.replace("/beta", "/v1"), &other)] {
        let again = setup.send(&path, "key", body).await;
        assert_eq!((again.status, again.text()), (first.status, first.text()));
    }
    assert_eq!(setup.list().await.len(), 3);
    let reused = setup.send(OFFER, "key", &json!({ "ratingType": "Nps" })).await;
    assert_eq!(reused.status, 422);
    assert!(message_of(&reused).starts_with("Unprocessable Entity: "), "{reused:?}");
    assert_eq!(setup.list().await.len(), 3);
}

#[tokio::test]
async fn the_last_submission_stands_and_a_retry_does_not_count_as_later() {
    let setup = Setup::start().await;
    let rating = setup.offered("Csat").await;
    let body = |value| json!({ "ratingResult": { "value": value }, "comment": "c" });
    let first = setup.send(&submit_path(&rating), "key", &body(2)).await;
    setup.clock.advance_millis(5_000);
    assert_eq!(setup.submit(&rating, &body(4)).await.status, 201);
    assert_eq!(setup.list().await[0]["ratingScore"], 4);
    let again = setup.send(&submit_path(&rating), "key", &body(2)).await;
    assert_eq!((again.status, again.text()), (first.status, first.text()), "with its first time");
    assert_eq!(setup.list().await[0]["ratingScore"], 4);
    assert_eq!(setup.send(&submit_path(&rating), "key", &body(3)).await.status, 422);
    // Keys are per call: an offer may use the same one.
    assert_eq!(setup.send(OFFER, "key", &json!({ "ratingType": "Csat" })).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_concurrent_submissions_one_stands() {
    let setup = Setup::start().await;
    let rating = setup.offered("Nps").await;
    let submit = async |number: i64| {
        let comment = format!("value {}", number % 11);
        let body = json!({ "ratingResult": { "value": number % 11 }, "comment": comment });
        setup.submit(&rating, &body).await
    };
    let answers = join_all((0..64).map(submit)).await;
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    let list = setup.list().await;
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["ratingComment"], format!("value {}", list[0]["ratingScore"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_offers_with_one_key_all_get_the_same_answer() {
    let setup = Setup::start().await;
    let body = json!({ "ratingType": "Csat" });
    let answers = join_all((0..48).map(|_| setup.send(OFFER, "key", &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    assert_eq!(answers.iter().map(|answer| answer.text().to_owned()).collect::<HashSet<_>>().len(), 1);
    assert_eq!(setup.list().await.len(), 1);
}

#[tokio::test]
async fn an_invalid_key_is_400_together_with_all_other_violations() {
    let setup = Setup::start().await;
    let answer = setup.send(OFFER, "two words", &json!({ "ratingType": "Csat" })).await;
    assert_eq!(answer.status, 400);
    assert_eq!(fields_of(&message_of(&answer), INVALID), ["Idempotency-Key"]);
    let answer = setup.send(OFFER, "two words", &json!({})).await;
    assert_eq!(fields_of(&message_of(&answer), DECODING), ["Idempotency-Key", "ratingType"]);
    assert!(setup.list().await.is_empty());
}
