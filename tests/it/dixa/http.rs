//! What all JSON requests have in common, in Dixa's shape; and the answers for unknown paths.

use serde_json::json;

use super::setup::{DECODING, LIST, NOT_FOUND, OFFER, Setup, fields_of, message_of};
use crate::craftcx::setup::{Fault, error_of};

#[tokio::test]
async fn a_body_has_to_be_json_and_not_large() {
    let setup = Setup::start().await;
    let body = r#"{"ratingType":"Csat"}"#;
    for headers in [&[][..], &[("content-type", "text/plain")]] {
        let answer = setup.http().send("POST", OFFER, headers, body).await;
        assert_eq!(answer.status, 415, "{headers:?}");
        assert!(message_of(&answer).starts_with("Unsupported Media Type: "), "{answer:?}");
    }
    for broken in ["", "{", "null", "7", "{\"ratingType\":\"\\ud83d\"}"] {
        let answer = setup.http().post(OFFER, broken).await;
        assert_eq!(answer.status, 400, "{broken}");
        assert_eq!(fields_of(&message_of(&answer), DECODING)[0], "$", "{broken}");
    }
    let answer = setup.http().post(OFFER, format!("{body}{}", " ".repeat(4 * 1024 * 1024))).await;
    assert_eq!(answer.status, 413);
    assert!(message_of(&answer).starts_with("Payload Too Large: "), "{answer:?}");
}

#[tokio::test]
async fn any_authorization_is_accepted() {
    let setup = Setup::start().await;
    for value in ["the-bare-key", "Bearer the-key", "Basic eDp5", ""] {
        let answer = setup.http().send("GET", LIST, &[("authorization", value)], "").await;
        assert_eq!(answer.status, 200, "{value}");
    }
}

#[tokio::test]
async fn another_method_is_405_with_allow() {
    let setup = Setup::start().await;
    for (method, path, allow) in
        [("GET", OFFER, "POST"), ("POST", LIST, "GET,HEAD"), ("PATCH", LIST, "GET,HEAD")]
    {
        let answer = setup.http().send(method, path, &[], "").await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, allow), "{method} {path}");
        assert!(message_of(&answer).starts_with("Method Not Allowed: "), "{answer:?}");
    }
}

#[tokio::test]
async fn an_unknown_path_has_the_shape_of_the_dialect_whose_prefix_fits() {
    let setup = Setup::start().await;
    for path in [
        "/v1/conversations",
        "/v1/conversations/1234",
        "/v1/conversations/1234/ratings/",
        "/beta/conversations/1234/notes",
        "/beta/x",
    ] {
        let answer = setup.http().get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(message_of(&answer).starts_with(NOT_FOUND), "{answer:?}");
    }
    for path in ["/v1/assess/x", "/v1/x"] {
        let craftcx = setup.http().get(path).await;
        assert_eq!(error_of(&craftcx).0, "not_found", "{path}");
    }
    let nobodys = setup.http().get("/x").await;
    assert!(message_of(&nobodys).starts_with("there is nothing at"), "{nobodys:?}");
}

#[tokio::test]
async fn store_failures_are_reported_without_their_causes() {
    let setup = Setup::start().await;
    let body = json!({ "ratingType": "Csat" });
    for (fault, status, fixed) in [
        (Fault::Overloaded, 503, "Service Unavailable: "),
        (Fault::Failed, 503, "Service Unavailable: "),
        (Fault::Corrupt, 500, "Internal Server Error: "),
    ] {
        setup.store.fail(fault);
        let answer = setup.offer(&body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(message_of(&answer).starts_with(fixed) && !answer.text().contains("secret"), "{answer:?}");
    }
    setup.store.fail(Fault::None);
    assert_eq!(setup.offer(&body).await.status, 201);
}

#[tokio::test]
async fn server_errors_have_the_dialects_shape() {
    let setup = Setup::start().await;
    let answer = setup.http().send("GET", LIST, &[("host", "evil.example")], "").await;
    assert_eq!(answer.status, 403);
    assert!(message_of(&answer).starts_with("Forbidden: "), "{answer:?}");
    assert_eq!(setup.http().get(LIST).await.header("cache-control"), "no-store");
}
