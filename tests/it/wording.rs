//! What a stranger is told: each message names the field, the value, the rule and the next step.

use http::StatusCode;
use plaudit::{
    domain::FIRST_ID,
    proto::v1::{GetConversationRequest, RatingType, conversation_service_client::ConversationServiceClient},
};
use tonic::{Code, body::Body};

use crate::{
    harness::{Answer, Plaudit, fault, sample, soon},
    rating::offer,
};

fn assert_told(answer: &Answer, status: StatusCode, words: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.text());
    for word in words {
        // As a reader sees it.
        let text = answer.text().replace("\\\"", "\"");
        assert!(text.contains(word), "{word:?} in {text}");
    }
}

#[tokio::test]
async fn a_path_that_names_nothing_is_told_what_there_is() {
    let server = Plaudit::start().await;
    let http = server.http();
    for path in ["/", "/v1/assess/", "/ticket", "/ticket/42", "/api/mind/", "/v2/assess"] {
        let answer = http.get(path).await;
        assert_told(&answer, StatusCode::NOT_FOUND, &["/v1/assess", "/ticket/{id}/conversation/store"]);
        assert!(answer.text().contains(&format!("\\\"{path}\\\"")), "{}", answer.text());
    }
    for path in ["/plaudit.v1.ImportService/GetImport", "/grpc.health.v1.Health/Check"] {
        assert_told(
            &http.post(path, "{}").await,
            StatusCode::NOT_FOUND,
            &["gRPC", "application/grpc", "HTTP/2"],
        );
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_told_those_that_it_takes() {
    let server = Plaudit::start().await;
    for (method, path, allowed) in [
        ("PUT", "/v1/assess", "POST"),
        ("DELETE", "/v1/assess/abc", "GET,HEAD"),
        ("GET", "/ticket/42/conversation/store", "POST"),
        ("PATCH", "/api/mind/ticket/42/assessments", "GET,HEAD"),
        ("POST", "/v1/conversations/42/ratings", "GET,HEAD"),
        ("GET", "/beta/conversations/42/ratings/offer", "POST"),
    ] {
        let answer = server.http().send(method, path, &[], "").await;
        assert_told(
            &answer,
            StatusCode::METHOD_NOT_ALLOWED,
            &[method, &format!("use {}", allowed.replace(',', " or "))],
        );
        assert_eq!(answer.header("allow"), allowed);
        assert_eq!(answer.header("content-type"), "application/json");
    }
    assert_eq!(server.http().send("OPTIONS", "/v1/assess", &[], "").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_request_without_a_host_is_told_to_name_one() {
    let server = Plaudit::start().await;
    let answer = server.http().raw(b"GET /v1/assess/x HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 400 "), "{answer}");
    for word in ["names no host", "Host", "localhost", "allowed_hosts"] {
        assert!(answer.contains(word), "{answer}");
    }
    let answer = server
        .http()
        .raw(b"GET /v1/assess/x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("allowed_hosts"), "{answer}");
}

#[tokio::test]
async fn an_id_in_a_path_is_told_whose_it_is() {
    let server = Plaudit::start().await;
    let http = server.http();
    let ours = FIRST_ID + 1_000_000;
    let first = FIRST_ID.to_string();
    for number in [ours.to_string(), "99999999999999999999999".to_owned()] {
        let answer = http.get(&format!("/ticket/{number}/assessments")).await;
        assert_told(&answer, StatusCode::NOT_FOUND, &[&number, &first, "your helpdesk"]);
        let message = r#"{"direction":"in","bodyPlain":"Hello"}"#;
        let answer = http.post(&format!("/ticket/{number}/conversation/store"), message).await;
        assert_told(&answer, StatusCode::NOT_FOUND, &[&number, &first, "your helpdesk"]);
    }
    let answer = http.get(&format!("/v1/conversations/{ours}/ratings")).await;
    assert_told(&answer, StatusCode::NOT_FOUND, &[&ours.to_string(), &first, "Dixa"]);
    let answer = http.get("/v1/conversations/99999999999999999999/ratings").await;
    assert_told(&answer, StatusCode::NOT_FOUND, &["99999999999999999999", &first]);
    let answer = http.get("/v1/conversations/42/ratings").await;
    assert_told(&answer, StatusCode::NOT_FOUND, &["no conversation", "42", "dixa", "import it first"]);
    let answer = http.get("/ticket/42/assessments").await;
    assert_told(&answer, StatusCode::NOT_FOUND, &["no ticket 42", "nothing is stored", "enneo"]);

    let answer = http.get("/ticket/0042/assessments").await;
    assert_told(&answer, StatusCode::BAD_REQUEST, &["ticketId", "0042", "without leading zeros", "send 42"]);
    let answer = http.get("/ticket/4-2/assessments").await;
    assert_told(&answer, StatusCode::BAD_REQUEST, &["ticketId", "4-2", "positive"]);

    // The same over gRPC, where a number of another system is not known either.
    let get = async |name: &str| {
        let request = GetConversationRequest { name: name.to_owned(), ..Default::default() };
        ConversationServiceClient::new(server.channel().await).get_conversation(request).await.unwrap_err()
    };
    let unknown = get("conversations/42").await;
    assert_eq!(unknown.code(), Code::NotFound);
    for word in ["conversations/42", &first, "conversations/{source}:42"] {
        assert!(unknown.message().contains(word), "{unknown:?}");
    }
    let padded = get("conversations/0042").await;
    assert!(padded.message().contains("no leading zeros"), "{padded:?}");
    assert_eq!(
        get(&format!("conversations/{ours}")).await.message(),
        format!("there is no conversations/{ours}")
    );
}

#[tokio::test]
async fn the_value_of_an_answer_is_told_its_range() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("1")).await.unwrap().conversation;
    let rating = client.offer_rating(offer(&name, &[RatingType::Nps])).await.unwrap().name;
    let uuid = rating.rsplit('/').next().unwrap();
    let number = name.rsplit('/').next().unwrap();
    let path = format!("/v1/conversations/{number}/ratings/{uuid}/submit");
    for (value, kind, words) in [
        ("6.5", r#","_type":"Nps""#, &["ratingResult.value", "6.5", "whole number", "0 to 10 for Nps"][..]),
        (
            r#""4""#,
            r#","_type":"Csat""#,
            &["ratingResult.value", "\"4\"", "1 to 5 for Csat", "without quotes"],
        ),
        ("true", r#","_type":"ThumbsUpOrDown""#, &["true", "0 to 1 for ThumbsUpOrDown"]),
        ("6.5", "", &["6.5", "1 to 5 for Csat", "0 to 10 for Nps", "0 to 1 for ThumbsUpOrDown"]),
        ("1e300", r#","_type":"Nps""#, &["0 to 10 for Nps"]),
        ("11", r#","_type":"Nps""#, &["ratingResult.value", "0 to 10", "11"]),
    ] {
        let body = format!(r#"{{"ratingResult":{{"value":{value}{kind}}}}}"#);
        let answer = server.http().post(&path, body).await;
        assert_told(&answer, StatusCode::BAD_REQUEST, words);
        assert!(!answer.text().contains("2^53"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_value_in_quotes_or_without_is_told_so() {
    let server = Plaudit::start().await;
    let answer = server.http().post("/v1/assess", r#"{"ticket_id":42,"messages":[]}"#).await;
    assert_told(&answer, StatusCode::BAD_REQUEST, &["ticket_id", "the number 42", "in quotes"]);
    let message = r#"{"direction":"in","bodyPlain":"Hello","private":"true","agentId":"7"}"#;
    let answer = server.http().post("/ticket/42/conversation/store", message).await;
    assert_told(
        &answer,
        StatusCode::BAD_REQUEST,
        &[
            "private",
            "true or false",
            "without quotes",
            "agentId",
            "the string \"7\" (send it without quotes)",
        ],
    );
}

#[tokio::test]
async fn a_call_that_nobody_knows_is_named_with_how_to_find_those_that_there_are() {
    let server = Plaudit::start().await;
    let grpc = server.bare_grpc().await;
    for path in ["/plaudit.v1.ImportService/Nothing", "/nobody.v1.Service/Get", "/"] {
        let body = Body::new(http_body_util::Full::from(&b"\0\0\0\0\0"[..]));
        let status = soon("an answer", grpc.send(path, &[], body)).await;
        assert_eq!(fault(&status), (Code::Unimplemented, "UNKNOWN_METHOD".to_owned()), "{path}");
        for word in [path, "reflection", "grpcurl"] {
            assert!(status.message().contains(word), "{status:?}");
        }
    }
}
