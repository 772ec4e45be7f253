//! Requests whose bodies are late, partial or malformed.

use std::time::Duration;

use axum::{Router, body::Body as RestBody, routing::post};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, future::join_all, stream};
use http::{Request, StatusCode};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use plaudit::proto::health::{HealthCheckRequest, health_client::HealthClient};
use plaudit::{
    rest,
    server::{Drained, read_body},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Code, Status, body::Body};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};

use crate::harness::{Log, Stub, TestServer, fault, fields, soon, until};

const GET_SCORECARD: &str = "/plaudit.v1.ScorecardService/GetScorecard";
/// One byte out of a hundred.
const STALLED: &[u8] = b"POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx";

fn count() -> Router {
    async fn count(request: Request<RestBody>) -> (StatusCode, String) {
        match read_body(request.into_body(), 1000).await {
            Ok(body) => (StatusCode::OK, body.len().to_string()),
            Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
        }
    }
    Router::new().route("/count", post(count).get(async || "counted"))
}

/// Sends these bytes and then nothing more, without ending.
fn stalled(bytes: &'static [u8]) -> Body {
    let start = stream::iter([Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(bytes)))]);
    Body::new(StreamBody::new(start.chain(stream::pending())))
}

#[tokio::test]
async fn a_stalled_rest_body_is_answered_and_frees_its_slot() {
    let idle = Duration::from_millis(100);
    let server = TestServer::builder()
        .rest(count())
        .rest_error(rest::error)
        .max_connections(3)
        .body_idle(idle)
        .start();
    let server = server.await;
    let http = server.http();
    for answer in join_all((0..3).map(|_| http.raw(STALLED))).await {
        let head = answer.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 408 "), "{answer}");
        assert!(head.contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{answer}");
        assert!(answer.contains("did not arrive in time"), "{answer}");
    }
    assert_eq!(http.post("/count", "xx").await.text(), "2");
    HealthClient::new(server.channel().await).check(HealthCheckRequest::default()).await.unwrap();
}

#[tokio::test]
async fn a_slow_but_steady_body_may_take_longer_than_the_limit() {
    let idle = Duration::from_millis(1000);
    let server = TestServer::builder().rest(count()).body_idle(idle).start().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = b"POST /count HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";
    stream.write_all(head).await.unwrap();
    for _ in 0..5 {
        tokio::time::sleep(idle / 4).await;
        stream.write_all(b"x").await.unwrap();
    }
    let mut answer = String::new();
    soon("an answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n5"), "{answer}");
}

#[tokio::test]
async fn a_stalled_grpc_message_ends_its_call() {
    let idle = Duration::from_millis(100);
    let server = TestServer::builder().grpc(Stub::new().routes()).body_idle(idle).start().await;
    let grpc = server.bare_grpc().await;
    for start in [&b""[..], b"\0\0", b"\0\0\0\0\x05ab"] {
        let status = grpc.send(GET_SCORECARD, &[], stalled(start)).await;
        assert_eq!(fault(&status), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
        assert!(status.message().contains("did not arrive in time"), "{status:?}");
    }
}

#[tokio::test]
async fn a_stream_of_requests_may_pause_for_longer() {
    let idle = Duration::from_millis(50);
    let server = TestServer::builder().body_idle(idle).start().await;
    let question = || ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..ServerReflectionRequest::default()
    };
    let later = stream::once(async move {
        tokio::time::sleep(idle * 6).await;
        question()
    });
    let questions = stream::iter([question()]).chain(later);
    let mut client = ServerReflectionClient::new(server.channel().await);
    let mut answers = client.server_reflection_info(questions).await.unwrap().into_inner();
    for _ in 0..2 {
        soon("an answer", answers.message()).await.unwrap().expect("an answer");
    }
}

#[tokio::test]
async fn a_drain_answers_calls_with_incomplete_requests() {
    let log = Log::capture();
    let drain = Duration::from_millis(1500);
    let mut server =
        TestServer::builder().grpc(Stub::new().routes()).rest(count()).drain_within(drain).start().await;
    let http = server.http();
    let rest = tokio::spawn(async move { http.raw(STALLED).await });
    let grpc = server.bare_grpc().await;
    let mut grpc = Box::pin(grpc.send(GET_SCORECARD, &[], stalled(b"\0\0")));
    assert!((&mut grpc).now_or_never().is_none());
    // Both have begun once calls that came later have ended.
    server.http().get("/count").await;
    until("a later call", || log.calls().len() == 1).await;
    server.begin_stop();
    assert_eq!(fault(&grpc.await), (Code::Unavailable, "STORE_UNAVAILABLE".to_owned()));
    let answer = soon("an answer", rest).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(server.ended().await.unwrap(), Drained::default());
}

#[tokio::test]
async fn a_caller_that_closes_its_side_after_its_request_gets_its_answer() {
    let server = TestServer::builder().rest(count()).start().await;
    for (request, expected) in [
        (&b"GET /count HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], "counted"),
        (b"POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nxxx", "3"),
    ] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        soon("an answer", stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(expected), "{answer:?}");
    }
}

#[tokio::test]
async fn a_badly_framed_grpc_request_is_the_callers_fault() {
    let server = TestServer::builder().grpc(Stub::new().routes()).start().await;
    let grpc = server.bare_grpc().await;
    let send = async |bytes: &'static [u8]| -> Status {
        grpc.send(GET_SCORECARD, &[], Body::new(Full::from(bytes))).await
    };
    for (bytes, told) in [
        (&b""[..], "without a message"),
        (b"\0\0\0", "in the middle of a message"),
        (b"\0\0\0\0\x05ab", "in the middle of a message"),
        (b"\x01\0\0\0\0", "flags"),
        (b"\xff\0\0\0\0", "flags"),
    ] {
        let status = send(bytes).await;
        assert_eq!(fields(&status), ["$"], "{bytes:?}");
        assert!(status.message().contains(told), "{status:?}");
    }
    assert_eq!(send(b"\0\0\0\0\0").await.code(), Code::Ok);
}

/// Far more than the system buffers for a client that does not read.
const LARGE: usize = 20 * 1024 * 1024;

fn large(head: &str) -> Vec<u8> {
    let mut request =
        head.replace("LENGTH", &LARGE.to_string()).replace("HEX", &format!("{LARGE:x}")).into_bytes();
    request.resize(request.len() + LARGE, b'x');
    request
}

#[tokio::test]
async fn a_caller_that_writes_everything_before_reading_learns_why_it_was_refused() {
    let server = TestServer::builder().grpc(Stub::new().routes()).rest(count()).start().await;
    let http = server.http();
    for (head, expected) in [
        ("POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: LENGTH\r\n\r\n", "400 "),
        ("POST /count HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nHEX\r\n", "400 "),
        ("POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: LENGTH\r\n\r\n", "404 "),
        ("POST /count HTTP/1.1\r\nHost: evil.example\r\nContent-Length: LENGTH\r\n\r\n", "403 "),
        (
            "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/grpc\r\nContent-Length: LENGTH\r\n\r\n",
            "200 ",
        ),
        // Two that are refused by the HTTP library.
        ("no request at all\r\n\r\n", "400 "),
        ("GET /count HTTP/1.1\r\nHost: localhost\r\nX: ", "431 "),
    ] {
        let answer = http.raw(&large(head)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{head:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_caller_that_never_closes_does_not_hold_the_server() {
    let server = TestServer::builder().rest(count()).max_connections(1).start().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut answer = Vec::new();
    soon("the answer and the end of the server's side", stream.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 404 "));
    // It keeps its side open and sends nothing; its slot is free for another all the same.
    assert_eq!(server.http().get("/count").await.text(), "counted");
}

#[tokio::test]
async fn over_http_2_a_refusal_ends_only_its_request() {
    let server = TestServer::builder().rest(count()).start().await;
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    for (body, expected) in
        [(LARGE, StatusCode::BAD_REQUEST), (3, StatusCode::OK), (LARGE, StatusCode::BAD_REQUEST)]
    {
        let request =
            Request::post("http://localhost/count").body(Full::new(Bytes::from(vec![b'x'; body]))).unwrap();
        let answer = soon("an answer", sender.send_request(request)).await.unwrap();
        assert_eq!(answer.status(), expected);
    }
}

#[tokio::test]
async fn non_http_input_logs_one_line_without_its_content() {
    let server = TestServer::builder().rest(count()).start().await;
    let http = server.http();
    let long_path =
        format!("GET /jane@example.com/{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(40_000));
    let long_header = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: jane{}\r\n\r\n", "x".repeat(40_000));
    let many_headers = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "jane: x\r\n".repeat(101));
    for (sent, status) in [
        ("jane@example.com\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\njane example: x\r\n\r\n", 400),
        (&long_path, 431),
        (&long_header, 431),
        (&many_headers, 431),
    ] {
        let log = Log::capture();
        let answer = http.raw(sent.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{sent:.40}: {answer}");
        until("its line", || !log.lines().is_empty()).await;
        let lines = log.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["level"], "INFO");
        assert!(lines[0]["message"].as_str().unwrap().contains("could not be read"), "{lines:?}");
        assert!(!log.text().contains("jane"), "{lines:?}");
    }
}
