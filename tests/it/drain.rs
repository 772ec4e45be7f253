//! How the server shuts down: in order, within its time limit, and with honest answers.

use std::{process::Command, time::Duration};

use axum::{Router, routing::get};
use plaudit::{
    proto::{
        health::{
            HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
            health_client::HealthClient,
        },
        v1::{AuthorKind, GetScorecardRequest, scorecard_service_client::ScorecardServiceClient},
    },
    server::{Drained, ServeError},
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tonic::{Code, Streaming, transport::Channel};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;

use crate::{
    harness::{Client, ENGINES, ServerProcess, Stub, TestServer, fault, reason, sample, soon},
    store::copy_all,
};

async fn watch(server: &TestServer) -> Streaming<HealthCheckResponse> {
    watch_on(server.channel().await).await
}

async fn watch_on(channel: Channel) -> Streaming<HealthCheckResponse> {
    let mut health = HealthClient::new(channel);
    let mut states = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    let first = soon("the first state", states.message()).await.unwrap().unwrap();
    assert_eq!(first.status, ServingStatus::Serving as i32);
    states
}

/// NOT_SERVING, then the end of the stream.
async fn assert_told_and_ended(mut states: Streaming<HealthCheckResponse>) {
    let state = soon("the last state", states.message()).await.unwrap().unwrap();
    assert_eq!(state.status, ServingStatus::NotServing as i32);
    let status = soon("the end of the stream", states.message()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
}

#[tokio::test]
async fn running_calls_may_finish_and_watchers_are_ended() {
    let stub = Stub::new();
    let worker = stub.clone();
    let rest = Router::new().route(
        "/slow",
        get(async move || {
            worker.slow().await;
            "done"
        }),
    );
    let mut server = TestServer::builder().grpc(stub.routes()).rest(rest).start().await;
    let states = watch(&server).await;
    let questions = futures_util::stream::pending();
    let mut reflection = ServerReflectionClient::new(server.channel().await);
    let mut reflection = reflection.server_reflection_info(questions).await.unwrap().into_inner();

    let mut scorecards = ScorecardServiceClient::new(server.channel().await);
    let slow =
        tokio::spawn(
            async move { scorecards.get_scorecard(GetScorecardRequest { name: "slow".into() }).await },
        );
    stub.entered().await;
    let http = server.http();
    let slow_rest = tokio::spawn(async move { http.get("/slow").await });
    stub.entered().await;
    // Neither a connection that has sent nothing nor an idle one delays the drain.
    let _silent = TcpStream::connect(server.address()).await.unwrap();
    let _idle = server.channel().await;
    let mut idle_http_1 = TcpStream::connect(server.address()).await.unwrap();
    idle_http_1.write_all(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    soon("its answer", idle_http_1.readable()).await.unwrap();

    server.begin_stop();
    assert_told_and_ended(states).await;
    let status = soon("the end of reflection", reflection.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    // Not at once: a process that another test starts holds a copy of the listener until it has executed its own
    // program.
    soon("the refusal of further connections", async {
        while TcpStream::connect(server.address()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(!slow.is_finished() && !slow_rest.is_finished());

    stub.release();
    stub.release();
    soon("the gRPC call", slow).await.unwrap().expect("it ended in peace");
    assert_eq!(soon("the REST call", slow_rest).await.unwrap().text(), "done");
    assert_eq!(server.ended().await.unwrap(), Drained::default());
}

#[tokio::test]
async fn calls_that_outlast_the_drain_are_cut_and_counted() {
    let stub = Stub::new();
    let server =
        TestServer::builder().grpc(stub.routes()).drain_within(Duration::from_millis(100)).start().await;
    let mut scorecards = ScorecardServiceClient::new(server.channel().await);
    let slow =
        tokio::spawn(
            async move { scorecards.get_scorecard(GetScorecardRequest { name: "slow".into() }).await },
        );
    stub.entered().await;
    assert_eq!(server.stop().await.unwrap(), Drained { cut_calls: 1, cut_connections: 1 });
    soon("the cut call", slow).await.unwrap().expect_err("it was cut");
}

#[tokio::test]
async fn a_failed_store_ends_the_server_with_an_error() {
    let stub = Stub::new();
    let server = TestServer::builder().grpc(stub.routes()).start().await;
    let states = watch(&server).await;
    server.fail_store("the disk is gone");
    assert_told_and_ended(states).await;
    match server.ended().await {
        Err(ServeError::StoreFailed(cause)) => assert_eq!(&*cause, "the disk is gone"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn during_a_drain_open_connections_are_told_not_serving() {
    let stub = Stub::new();
    let mut server = TestServer::builder().grpc(stub.routes()).start().await;
    let states = watch(&server).await;
    let mut scorecards = ScorecardServiceClient::new(server.channel().await);
    let slow =
        tokio::spawn(
            async move { scorecards.get_scorecard(GetScorecardRequest { name: "slow".into() }).await },
        );
    stub.entered().await;
    server.begin_stop();
    assert_told_and_ended(states).await;
    // A store that fails now still counts, although a stop was requested first.
    server.fail_store("the disk is gone");
    stub.release();
    soon("the slow call", slow).await.unwrap().unwrap();
    assert!(matches!(server.ended().await, Err(ServeError::StoreFailed(_))));
}

/// The real program, on a disk without room for its data file to grow.
#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_ends_the_program_and_keeps_what_was_acknowledged() {
    for engine in ENGINES {
        fill_the_disk(engine).await;
    }
}

#[cfg(unix)]
async fn fill_the_disk(engine: &str) {
    // Created while there is room.
    let mut server = ServerProcess::start_on(engine);
    assert_eq!(server.terminate().await.code(), Some(0));
    let folder = TempDir::new().unwrap();
    copy_all(&server.data(), &folder.path().join("data"));
    let mut command = Command::new("sh");
    // Files are limited to 16 MiB; with the signal ignored, a write beyond that fails as on a full disk.
    let limited = "trap '' XFSZ; ulimit -f 32768; exec \"$0\" \"$@\"";
    command.current_dir(folder.path()).args(["-c", limited, env!("CARGO_BIN_EXE_plaudit")]);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data", "data", "--log-format", "json"]);
    let mut server = ServerProcess::start_as(command, folder);
    let states = watch_on(server.channel().await).await;
    let client = Client::new(server.channel().await);

    let content = "word ".repeat(40_000);
    let large = |number: usize| {
        let message = sample::message(0, AuthorKind::Contact, &content);
        sample::import_of(&number.to_string(), vec![message])
    };
    let mut answered = Vec::new();
    let status = loop {
        assert!(answered.len() < 1000, "the disk never filled up");
        match client.import(large(answered.len())).await {
            Ok(answer) => answered.push(answer.conversation),
            Err(status) => break status,
        }
    };
    // If the worker hit the full disk first, the server may have closed the connection before this call was sent.
    let was_gone = std::error::Error::source(&status).is_some();
    assert!(was_gone || fault(&status) == (Code::Unavailable, "STORE_UNAVAILABLE".to_owned()), "{status:?}");
    assert!(answered.len() > 10, "{} answered", answered.len());
    assert_told_and_ended(states).await;
    assert_eq!(server.ended().await.code(), Some(1), "{}", server.log());
    assert!(server.log().contains("the store has failed"), "{}", server.log());

    // On a disk with room.
    let server = server.restart();
    let client = Client::new(server.channel().await);
    for name in answered {
        assert_eq!(client.conversation(&name).await.unwrap().message_count, 1, "{name}");
    }
}
