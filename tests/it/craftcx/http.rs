//! What all JSON requests have in common, in CraftCX's shape; and the answers for unknown paths.

use serde_json::{Value, json};

use super::setup::{Fault, Setup, error_of, sample, smallest};

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_415() {
    let setup = Setup::without_worker().await;
    let body = sample().to_string();
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/json; charset=iso-8859-1")],
        &[("content-type", "application/json"), ("content-type", "text/plain")],
        &[("content-type", "application/json"), ("content-encoding", "gzip")],
    ] {
        let answer = setup.post_with(headers, body.clone()).await;
        assert_eq!(answer.status, 415, "{headers:?}");
        assert_eq!(error_of(&answer).0, "unsupported_media_type");
    }
    for content_type in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"] {
        let body = smallest(content_type).to_string();
        let answer = setup.post_with(&[("content-type", content_type)], body).await;
        assert_eq!(answer.status, 202, "{content_type}: {answer:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_400_with_its_path() {
    let setup = Setup::without_worker().await;
    let deep = format!(r#"{{"ticket_id":{}{}}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
    let deep_objects = r#"{"a":"#.repeat(200_000);
    let many = format!(r#"{{"x":[{}0]}}"#, "0,".repeat(1_000_000));
    for (what, body) in [
        ("empty", &b""[..]),
        ("blank", b" \n"),
        ("half", br#"{"ticket_id":"#),
        ("followed", b"{} {}"),
        ("a number", b"7"),
        ("null", b"null"),
        ("an array", b"[]"),
        ("a string", b"\"{}\""),
        ("single quotes", b"{'ticket_id':'x'}"),
        ("a comment", b"{/* */}"),
        ("a trailing comma", br#"{"ticket_id":"x",}"#),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("no UTF-8", b"{\"ticket_id\":\"\xff\"}"),
        ("UTF-16", b"{\0}\0"),
        ("a lone leading surrogate", br#"{"ticket_id":"\ud83d"}"#),
        ("a lone trailing surrogate", br#"{"ticket_id":"\ude00"}"#),
        ("a surrogate in a name", br#"{"\ud83d":1}"#),
        ("a raw control character", b"{\"ticket_id\":\"a\nb\"}"),
        ("NaN", br#"{"ticket_id":NaN}"#),
        ("a number beyond floats", br#"{"ticket_id":1e999}"#),
        ("deep arrays", deep.as_bytes()),
        ("deep objects", deep_objects.as_bytes()),
        ("very many values", many.as_bytes()),
    ] {
        let answer = setup.http().post("/v1/assess", body.to_vec()).await;
        assert_eq!(answer.status, 400, "{what}");
        assert_eq!(error_of(&answer), ("invalid_request".to_owned(), vec!["$".to_owned()]), "{what}");
    }
}

#[tokio::test]
async fn escaped_pairs_and_zero_fractions_are_decoded() {
    let setup = Setup::without_worker().await;
    let body = smallest("x").to_string().replace("1700000000000", "1700000000000.0");
    let body = body.replace(r#""ticket_id":"x""#, r#""ticket_id":"\ud83d\ude00""#);
    let answer = setup.http().post("/v1/assess", body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.json()["external_ticket_id"], "😀");
}

#[tokio::test]
async fn a_fraction_is_not_an_integer_however_small() {
    let setup = Setup::without_worker().await;
    let post = async |timestamp: &str| {
        let body = smallest(timestamp).to_string().replace("1700000000000", timestamp);
        setup.http().post("/v1/assess", body).await
    };
    for whole in ["1.7e12", "1700000000000.000", "170000000000000e-2"] {
        assert_eq!(post(whole).await.status, 202, "{whole}");
    }
    for fraction in ["1700000000000.0000001", "17000000000000000001e-7", "0.9999999999999999999999"] {
        let answer = post(fraction).await;
        assert_eq!(answer.status, 400, "{fraction}");
        assert_eq!(error_of(&answer).1, ["messages[0].timestamp"], "{fraction}");
    }
}

#[tokio::test]
async fn a_body_over_4_mib_is_413_with_or_without_a_length() {
    const LIMIT: usize = 4 * 1024 * 1024;
    let setup = Setup::without_worker().await;
    let mut largest = smallest("large").to_string();
    largest.extend(std::iter::repeat_n(' ', LIMIT - largest.len()));
    let answer = setup.http().post("/v1/assess", largest.clone()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    largest.push(' ');
    let answer = setup.http().post("/v1/assess", largest.clone()).await;
    assert_eq!(answer.status, 413);
    assert_eq!(error_of(&answer).0, "payload_too_large");

    let head = format!(
        "POST /v1/assess HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\
         connection: close\r\n\r\n",
        setup.server.address()
    );
    let chunk = format!("{:x}\r\n{largest}\r\n0\r\n\r\n", largest.len());
    let answer = setup.http().raw((head + &chunk).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains(r#""code":"payload_too_large""#), "{answer}");
}

#[tokio::test]
async fn another_method_is_405_with_allow() {
    let setup = Setup::without_worker().await;
    let id = setup.import(&sample()).await;
    let one = format!("/v1/assess/{id}");
    for (method, path, allow) in [
        ("GET", "/v1/assess", "POST"),
        ("DELETE", "/v1/assess", "POST"),
        ("BREW", "/v1/assess", "POST"),
        ("POST", one.as_str(), "GET,HEAD"),
        ("PUT", one.as_str(), "GET,HEAD"),
    ] {
        let answer = setup.http().send(method, path, &[], "").await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
        assert_eq!(error_of(&answer).0, "method_not_allowed", "{method} {path}");
    }
    let head = setup.http().send("HEAD", "/v1/assess", &[], "").await;
    assert_eq!((head.status.as_u16(), head.header("allow"), head.body.len()), (405, "POST", 0));
}

#[tokio::test]
async fn options_names_the_methods_and_head_is_get_without_a_body() {
    let setup = Setup::without_worker().await;
    let id = setup.import(&sample()).await;
    let one = format!("/v1/assess/{id}");
    for (path, allow) in [("/v1/assess", "POST"), (one.as_str(), "GET,HEAD")] {
        let answer = setup.http().send("OPTIONS", path, &[], "").await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (204, allow), "{path}");
    }
    let get = setup.http().get(&one).await;
    let head = setup.http().send("HEAD", &one, &[], "").await;
    assert_eq!((head.status, head.body.len()), (get.status, 0));
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    assert_eq!(head.header("content-type"), "application/json");
}

#[tokio::test]
async fn an_unknown_path_is_404_in_the_shape_of_its_dialect() {
    let setup = Setup::without_worker().await;
    for path in [
        "/v1/assess/",
        "/v1/assess/a/b",
        "/v1/assessments",
        "/v1/assess/%ff",
        "/v1/assess/%2F",
        "/v1/asses",
        "/v1/",
    ] {
        let answer = setup.http().get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(error_of(&answer).0, "not_found", "{path}");
    }
    for path in ["/", "/v1", "/v1/conversations/1", "/beta/conversations/1/ratings", "/V1/assess"] {
        let answer = setup.http().get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        let Value::Object(body) = answer.json() else { panic!("{answer:?}") };
        assert_eq!(body.keys().collect::<Vec<_>>(), ["message"], "{path}");
    }
    let long = setup.http().get(&format!("/v1/assess/{}", "x".repeat(5000))).await;
    assert_eq!(long.status, 404);
    assert!(long.body.len() < 300, "{long:?}");
}

#[tokio::test]
async fn store_failures_are_reported_without_their_causes() {
    let setup = Setup::without_worker().await;
    let id = setup.import(&sample()).await;
    for (fault, status, code, retry_after) in [
        (Fault::Overloaded, 503, "overloaded", "1"),
        (Fault::Failed, 503, "unavailable", "1"),
        (Fault::Corrupt, 500, "internal", ""),
    ] {
        setup.store.fail(fault);
        let answer = setup.post(&smallest("other")).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(error_of(&answer), (code.to_owned(), vec![]));
        assert_eq!(answer.header("retry-after"), retry_after, "{fault:?}");
        assert!(!answer.text().contains("secret"), "{answer:?}");
        let answer = setup.get(&id).await;
        let expected = if fault == Fault::Overloaded { 200 } else { status };
        assert_eq!(answer.status, expected, "{answer:?}");
    }
    setup.store.fail(Fault::None);
    assert_eq!(setup.post(&smallest("other")).await.status, 202);
}

#[tokio::test]
async fn server_errors_have_the_dialects_shape() {
    let setup = Setup::without_worker().await;
    let evil = [("content-type", "application/json"), ("host", "evil.example")];
    let answer = setup.post_with(&evil, sample().to_string()).await;
    assert_eq!((answer.status.as_u16(), error_of(&answer).0.as_str()), (403, "forbidden"));
}

#[tokio::test]
async fn no_answer_is_cacheable_and_each_has_its_request_id() {
    let setup = Setup::without_worker().await;
    let id = setup.import(&sample()).await;
    for answer in [setup.post(&json!({})).await, setup.get(&id).await, setup.get("x").await] {
        assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
        assert!(!answer.header("x-request-id").is_empty(), "{answer:?}");
    }
}
