//! What all JSON requests have in common, in Enneo's shape.

use serde_json::json;

use super::setup::{error_of, path, sample};
use crate::harness::Plaudit;

#[tokio::test]
async fn every_error_outside_the_fields_has_the_dialects_shape() {
    let server = Plaudit::start().await;
    let http = server.http();
    let json_type = [("content-type", "application/json")];
    for prefix in ["/api/mind", ""] {
        let path = format!("{prefix}/ticket/1/conversation/store");
        let unknown = format!("{prefix}/ticket/1/nothing");
        for (method, path, headers, body, status) in [
            ("GET", &path, &json_type[..], "", 405),
            ("DELETE", &path, &json_type, "", 405),
            ("GET", &unknown, &json_type, "", 404),
            ("POST", &path, &[], "{}", 415),
            ("POST", &path, &[("content-type", "text/plain")], "{}", 415),
            ("POST", &path, &json_type, "", 400),
            ("POST", &path, &json_type, "[]", 400),
            ("POST", &path, &json_type, "{\"a\":", 400),
        ] {
            let answer = http.send(method, path, headers, body).await;
            assert_eq!(answer.status, status, "{method} {path} {body:?}");
            error_of(&answer);
            assert_eq!(answer.header("allow") == "POST", status == 405, "{answer:?}");
        }
    }
    let answer = http.send("POST", &path(1), &[("host", "evil.example"), json_type[0]], "{}").await;
    assert_eq!(answer.status, 403);
    error_of(&answer);
}

#[tokio::test]
async fn a_body_may_have_16_mib_and_no_more() {
    const LIMIT: usize = 16 * 1024 * 1024;
    let server = Plaudit::start().await;
    let mut body = sample().to_string();
    body.extend(std::iter::repeat_n(' ', LIMIT - body.len()));
    assert_eq!(server.http().post(&path(1), body.clone()).await.status, 200);
    body.push(' ');
    let answer = server.http().post(&path(1), body).await;
    assert_eq!(answer.status, 413);
    error_of(&answer);
}

#[tokio::test]
async fn a_key_reused_for_another_request_is_422() {
    let server = Plaudit::start().await;
    let first = super::setup::post_with_key(&server, "key", &sample()).await;
    assert_eq!(first.status, 200);
    for field in ["body", "status", "process", "externalConversationId"] {
        let mut body = sample();
        body[field] = if field == "status" { json!("closed") } else { json!("false") };
        let answer = super::setup::post_with_key(&server, "key", &body).await;
        assert_eq!(answer.status, 422, "{field}");
        error_of(&answer);
    }
    let answer = super::setup::post_with_key(&server, "", &sample()).await;
    assert_eq!(answer.status, 400);
    assert!(error_of(&answer).contains("Idempotency-Key"));
}
