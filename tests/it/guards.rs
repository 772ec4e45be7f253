//! The checks before a call, and what happens to a call that fails unexpectedly.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    routing::{get, post},
};
use http::{Request as HttpRequest, StatusCode};
use plaudit::{
    proto::v1::{GetScorecardRequest, scorecard_service_client::ScorecardServiceClient},
    server::{ReadBodyError, RequestId, ServeError, bind, read_body},
    wire::MAX_REQUEST_BYTES,
};
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tonic::{Code, Request, transport::Endpoint};
use tonic_types::StatusExt as _;

use crate::harness::{Answer, Stub, TestServer, reason, soon};

fn named(name: impl Into<String>) -> GetScorecardRequest {
    GetScorecardRequest { name: name.into() }
}

#[tokio::test]
async fn a_page_that_rebinds_its_name_reaches_neither_edge() {
    let rest = Router::new().route("/hello", get(async || "hello"));
    let server = TestServer::builder()
        .grpc(Stub::new().routes())
        .rest(rest)
        .allow_host("plaudit.internal")
        .start()
        .await;
    let ask = async |host: &str| server.http().send("GET", "/hello", &[("host", host)], "").await;
    for host in ["evil.example", "evil.example:50051", "10.0.0.1", "localhost.evil.example"] {
        assert_eq!(ask(host).await.status, StatusCode::FORBIDDEN, "{host}");
    }
    for host in ["localhost", "127.0.0.7:1", "[::1]:50051", "plaudit.internal:50051"] {
        assert_eq!(ask(host).await.status, StatusCode::OK, "{host}");
    }
    let answer = server.http().raw(b"GET /hello HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 400"), "no name at all: {answer}");

    let call = async |origin: &str| {
        let channel = Endpoint::from_shared(format!("http://{}", server.address()))
            .unwrap()
            .origin(origin.parse().unwrap())
            .connect()
            .await
            .unwrap();
        ScorecardServiceClient::new(channel).get_scorecard(named("x")).await
    };
    let status = call("http://evil.example").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "HOST_NOT_ALLOWED"));
    call("http://plaudit.internal:1").await.unwrap();
    call("http://localhost:1").await.unwrap();
}

#[tokio::test]
async fn without_access_control_only_loopback_is_served() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused = bind(address.parse().unwrap()).await;
        assert!(matches!(refused, Err(ServeError::NotLoopback(_))), "{address}: {refused:?}");
    }
}

#[tokio::test]
async fn a_panic_fails_only_its_own_call() {
    fn dialect(path: &str, status: StatusCode, _: &str) -> http::Response<Body> {
        let mut response = http::Response::new(Body::from(format!("dialect of {path}")));
        *response.status_mut() = status;
        response
    }
    async fn panics() -> &'static str {
        panic!("asked to")
    }
    let stub = Stub::new();
    let rest = Router::new().route("/panic", get(panics)).route("/hello", get(async || "hello"));
    let server = TestServer::builder().grpc(stub.routes()).rest(rest).rest_error(dialect).start().await;

    let mut scorecards = ScorecardServiceClient::new(server.channel().await);
    let mut slow = scorecards.clone();
    let slow = tokio::spawn(async move { slow.get_scorecard(named("slow")).await });
    stub.entered().await;
    let status = scorecards.get_scorecard(named("panic")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "INTERNAL_FAULT"));
    assert!(!status.message().contains("asked to"), "the cause is not sent");
    stub.release();
    soon("the slow call", slow).await.unwrap().expect("its neighbour on the connection is unharmed");

    let answer = server.http().get("/panic").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.text(), "dialect of /panic");
    assert_eq!(server.http().get("/hello").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_call_ends_at_its_deadline() {
    let stub = Stub::new();
    let server = TestServer::builder().grpc(stub.routes()).start().await;
    let origin = http::Uri::from_static("http://localhost");
    let mut scorecards = ScorecardServiceClient::with_origin(server.bare_grpc().await, origin);

    let mut request = Request::new(named("slow"));
    request.set_timeout(Duration::from_millis(50));
    let status = soon("the deadline", scorecards.get_scorecard(request)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));

    let mut request = Request::new(named("x"));
    request.metadata_mut().insert("grpc-timeout", "1 minute".parse().unwrap());
    let status = scorecards.get_scorecard(request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "grpc-timeout");

    let mut request = Request::new(named("x"));
    request.set_timeout(Duration::from_secs(3600));
    scorecards.get_scorecard(request).await.expect("in good time");
}

#[tokio::test]
async fn a_stream_ends_at_its_deadline_too() {
    use plaudit::proto::health::{HealthCheckRequest, health_client::HealthClient};
    let server = TestServer::builder().start().await;
    let mut request = Request::new(HealthCheckRequest::default());
    request.set_timeout(Duration::from_millis(100));
    let origin = http::Uri::from_static("http://localhost");
    let mut health = HealthClient::with_origin(server.bare_grpc().await, origin);
    let mut states = health.watch(request).await.unwrap().into_inner();
    assert!(soon("the state", states.message()).await.unwrap().is_some());
    let status = soon("the deadline", states.message()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
}

#[tokio::test]
async fn a_grpc_request_that_is_too_large_is_refused_with_the_limit() {
    let server = TestServer::builder().grpc(Stub::new().routes()).start().await;
    let mut scorecards =
        ScorecardServiceClient::new(server.channel().await).max_decoding_message_size(usize::MAX);
    // The field's tag and length take five bytes in addition to the text.
    let largest = "x".repeat(MAX_REQUEST_BYTES - 5);
    scorecards.get_scorecard(named(largest.clone())).await.expect("exactly the limit");

    let status = scorecards.get_scorecard(named(largest + "x")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "REQUEST_TOO_LARGE"));
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["limit_bytes"], MAX_REQUEST_BYTES.to_string());
    scorecards.get_scorecard(named("x")).await.expect("the connection goes on");
}

#[tokio::test]
async fn a_rest_body_that_is_too_large_is_left_to_the_dialect_to_refuse() {
    async fn count(request: HttpRequest<Body>) -> (StatusCode, String) {
        match read_body(request.into_body(), 1000).await {
            Ok(body) => (StatusCode::OK, body.len().to_string()),
            Err(ReadBodyError::TooLarge { limit_bytes }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, limit_bytes.to_string())
            }
            Err(ReadBodyError::Broken(_)) => (StatusCode::BAD_REQUEST, String::new()),
        }
    }
    let server = TestServer::builder().rest(Router::new().route("/count", post(count))).start().await;
    let sent = async |bytes: usize| server.http().post("/count", "x".repeat(bytes)).await;
    let told = |answer: Answer| (answer.status.as_u16(), answer.text().to_owned());
    assert_eq!(told(sent(1000).await), (200, "1000".to_owned()));
    assert_eq!(told(sent(1001).await), (413, "1000".to_owned()));
    let chunked =
        b"POST /count HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let mut bytes = chunked.to_vec();
    bytes.extend(format!("400\r\n{}\r\n0\r\n\r\n", "x".repeat(1024)).bytes());
    let answer = server.http().raw(&bytes).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "without a length: {answer}");
}

#[tokio::test]
async fn the_request_id_is_echoed_or_generated_on_both_edges() {
    async fn tell(request: HttpRequest<Body>) -> String {
        request.extensions().get::<RequestId>().unwrap().as_str().to_owned()
    }
    let server = TestServer::builder()
        .grpc(Stub::new().routes())
        .rest(Router::new().route("/tell", get(tell)))
        .start()
        .await;
    let with_id = async |id: &str| server.http().send("GET", "/tell", &[("x-request-id", id)], "").await;
    let answer = with_id("mine-1").await;
    assert_eq!((answer.header("x-request-id"), answer.text()), ("mine-1", "mine-1"));
    let made = with_id("not fit").await;
    assert_eq!(made.header("x-request-id"), made.text());
    assert_ne!(made.text(), "not fit");
    assert_ne!(made.text(), with_id("not fit").await.text());
    let missing = server.http().get("/nothing").await;
    assert!(!missing.header("x-request-id").is_empty(), "on errors too");

    let mut scorecards = ScorecardServiceClient::new(server.channel().await);
    let mut request = Request::new(named("x"));
    request.metadata_mut().insert("x-request-id", "mine-2".parse().unwrap());
    let answer = scorecards.get_scorecard(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "mine-2");
    let mut request = Request::new(named("panic"));
    request.metadata_mut().insert("x-request-id", "mine-3".parse().unwrap());
    let status = scorecards.get_scorecard(request).await.unwrap_err();
    assert_eq!(status.metadata().get("x-request-id").unwrap(), "mine-3");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let server = TestServer::builder().max_connections(1).start().await;
    let mut first = TcpStream::connect(server.address()).await.unwrap();
    let http = server.http();
    let second = tokio::spawn(async move { http.get("/x").await });
    // The first is being served: it gets an answer while the second gets none.
    tokio::io::AsyncWriteExt::write_all(&mut first, b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0];
    soon("an answer", first.read_exact(&mut byte)).await.unwrap();
    assert!(!second.is_finished());
    drop(first);
    assert_eq!(soon("the second's turn", second).await.unwrap().status, StatusCode::NOT_FOUND);
}
