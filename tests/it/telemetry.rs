//! The access log: one line per call, with nothing that identifies a person.

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use plaudit::proto::v1::{GetScorecardRequest, scorecard_service_client::ScorecardServiceClient};
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tonic::Request;

use crate::harness::{Log, Stub, TestServer, until};

async fn the_call(log: &Log) -> Value {
    until("a line", || log.calls().len() == 1).await;
    log.calls().remove(0)
}

#[tokio::test]
async fn a_grpc_call_is_one_line() {
    let log = Log::capture();
    let server = TestServer::builder().grpc(Stub::new().routes()).start().await;
    let mut scorecards = ScorecardServiceClient::new(server.channel().await);
    let mut request = Request::new(GetScorecardRequest { name: "abc".into() });
    request.metadata_mut().insert("x-request-id", "mine".parse().unwrap());
    scorecards.get_scorecard(request).await.unwrap();
    let line = the_call(&log).await;
    assert_eq!(line["edge"], "grpc");
    assert_eq!(line["method"], "/plaudit.v1.ScorecardService/GetScorecard");
    assert_eq!(line["status"], "OK");
    assert_eq!(line["request_id"], "mine");
    assert_eq!((line["request_bytes"].as_u64(), line["response_bytes"].as_u64()), (Some(10), Some(10)));
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn a_grpc_error_is_logged_with_its_code() {
    let log = Log::capture();
    let server = TestServer::builder().grpc(Stub::new().routes()).start().await;
    let mut scorecards = ScorecardServiceClient::new(server.channel().await);
    scorecards.get_scorecard(GetScorecardRequest { name: "fail".into() }).await.unwrap_err();
    assert_eq!(the_call(&log).await["status"], "NOT_FOUND");
}

#[tokio::test]
async fn a_rest_line_has_the_route_template_and_not_the_ids() {
    let log = Log::capture();
    let nested = Router::new().route("/ticket/{ticketId}/store", get(async || "stored"));
    let server = TestServer::builder().rest(Router::new().nest("/api/mind", nested)).start().await;
    server.http().get("/api/mind/ticket/jane.doe@example.com/store?token=secret").await;
    let line = the_call(&log).await;
    assert_eq!((&line["edge"], &line["status"]), (&"rest".into(), &"200".into()));
    assert_eq!(line["method"], "GET /api/mind/ticket/{ticketId}/store");
    assert_eq!(line["response_bytes"], 6);
    assert!(!log.text().contains("jane") && !log.text().contains("secret"), "{}", log.text());
}

#[tokio::test]
async fn unknown_values_are_not_logged() {
    let log = Log::capture();
    let server = TestServer::builder().start().await;
    let http = server.http();
    http.send("JANE", "/jane", &[], "").await;
    http.send("POST", "/jane.Doe/Jane", &[("content-type", "application/grpc")], "").await;
    until("two lines", || log.calls().len() == 2).await;
    let [rest, grpc] = &log.calls()[..] else { panic!("{}", log.text()) };
    assert_eq!((&rest["method"], &rest["status"]), (&"OTHER unmatched".into(), &"404".into()));
    assert_eq!((&grpc["method"], &grpc["status"]), (&"unmatched".into(), &"UNIMPLEMENTED".into()));
    assert!(!log.text().to_lowercase().contains("jane"), "{}", log.text());
}

#[tokio::test]
async fn a_disconnecting_caller_leaves_a_line() {
    let log = Log::capture();
    let stub = Stub::new();
    let endless = async || {
        Body::from_stream(futures_util::stream::repeat(Ok::<_, std::convert::Infallible>("x")).then(
            async |item| {
                tokio::task::yield_now().await;
                item
            },
        ))
    };
    let rest = Router::new().route("/endless", get(endless));
    let server = TestServer::builder().grpc(stub.routes()).rest(rest).start().await;
    let mut scorecards = ScorecardServiceClient::new(server.channel().await);
    let call =
        tokio::spawn(
            async move { scorecards.get_scorecard(GetScorecardRequest { name: "slow".into() }).await },
        );
    stub.entered().await;
    call.abort();
    let line = the_call(&log).await;
    assert_eq!(line["status"], "CANCELLED");
    assert_eq!(line["method"], "/plaudit.v1.ScorecardService/GetScorecard");

    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    stream.readable().await.unwrap();
    drop(stream);
    until("another line", || log.calls().len() == 2).await;
    assert_eq!(log.calls()[1]["status"], "499");
}

#[tokio::test]
async fn a_caller_that_disconnects_while_sending_is_not_a_server_error() {
    let log = Log::capture();
    let server = TestServer::builder().grpc(Stub::new().routes()).start().await;
    let grpc = server.bare_grpc().await;
    let start = stream::iter([Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"\0\0")))]);
    let body = StreamBody::new(start.chain(stream::pending()));
    let body = tonic::body::Body::new(body);
    let mut call = Box::pin(grpc.send("/plaudit.v1.ScorecardService/GetScorecard", &[], body));
    assert!((&mut call).now_or_never().is_none());
    // It has begun once a later call on the same connection has ended.
    let mut scorecards =
        ScorecardServiceClient::with_origin(grpc.clone(), http::Uri::from_static("http://localhost"));
    scorecards.get_scorecard(GetScorecardRequest { name: "x".into() }).await.unwrap();
    drop(call);
    until("both lines", || log.calls().len() == 2).await;
    assert_eq!(log.calls()[1]["status"], "CANCELLED", "{}", log.text());
    assert!(!log.text().contains("ERROR"), "{}", log.text());
}

#[tokio::test]
async fn a_request_id_that_may_name_a_person_is_logged_as_its_hash() {
    let log = Log::capture();
    let server = TestServer::builder().start().await;
    let answer = server.http().send("GET", "/x", &[("x-request-id", "jane@example.com")], "").await;
    assert_eq!(answer.header("x-request-id"), "jane@example.com");
    let logged = the_call(&log).await["request_id"].as_str().unwrap().to_owned();
    let hash = blake3::hash(b"jane@example.com").to_hex();
    assert_eq!(logged, format!("blake3:{}", &hash[..16]));
    assert!(!log.text().contains("jane"), "{}", log.text());
}

#[tokio::test]
async fn a_panic_is_logged_with_the_request_id() {
    let log = Log::capture();
    let server = TestServer::builder().grpc(Stub::new().routes()).start().await;
    let mut scorecards = ScorecardServiceClient::new(server.channel().await);
    let mut request = Request::new(GetScorecardRequest { name: "panic".into() });
    request.metadata_mut().insert("x-request-id", "mine".parse().unwrap());
    scorecards.get_scorecard(request).await.unwrap_err();
    assert_eq!(the_call(&log).await["status"], "INTERNAL");
    let lines = log.lines();
    let error = lines.iter().find(|line| line["level"] == "ERROR").expect("an error");
    assert_eq!(error["span"]["request_id"], "mine", "{error}");
}
