//! The binary, as an operator meets it.

use std::process::Output;

use plaudit::proto::v1::GetScorecardRequest;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::{ServerProcess, plaudit, until};

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = TempDir::new().unwrap();
    plaudit(folder.path()).args(arguments).envs(environment.iter().copied()).output().unwrap()
}

fn told(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn it_says_where_it_listens_and_stops_in_order() {
    let mut server = ServerProcess::start();
    assert!(server.greeting.contains(env!("CARGO_PKG_VERSION")), "{}", server.greeting);
    assert_eq!(server.http().get("/nothing").await.status.as_u16(), 404);
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.log());

    let mut server = server.restart();
    server.signal(Signal::INT);
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    assert_eq!(server.log().matches("\"stopped\"").count(), 2, "{}", server.log());
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut server = ServerProcess::start();
    let mut grpc = tonic::client::Grpc::new(server.channel().await);
    grpc.ready().await.unwrap();
    // A call whose request never ends holds the drain.
    let call = tokio::spawn(async move {
        let path = http::uri::PathAndQuery::from_static("/grpc.health.v1.Health/Check");
        let codec = tonic_prost::ProstCodec::<GetScorecardRequest, GetScorecardRequest>::default();
        let never = futures_util::stream::pending::<GetScorecardRequest>();
        grpc.client_streaming(tonic::Request::new(never), path, codec).await
    });
    // There is no sign of a call that has begun; a call after it on the same server is one.
    server.http().get("/nothing").await;
    server.signal(Signal::TERM);
    until("the drain", || server.log().contains("\"draining\"")).await;
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(1), "{}", server.log());
    call.abort();
}

#[tokio::test]
async fn health_says_how_a_server_is_by_its_exit_code() {
    let mut server = ServerProcess::start();
    let url = format!("http://{}", server.address());
    let bare = server.address().to_string();
    assert_eq!(told(&run(&["health", "--server", &url], &[])), (Some(0), "SERVING\n".to_owned()));
    assert_eq!(told(&run(&["health"], &[("PLAUDIT_SERVER", &bare)])).0, Some(0));
    let (code, text) = told(&run(&["health", "--server", &bare, "--service", "nobody"], &[]));
    assert_eq!(code, Some(1));
    assert!(text.contains("no such service"), "{text}");

    server.terminate().await;
    let (code, text) = told(&run(&["health", "--server", &bare], &[]));
    assert_eq!(code, Some(1));
    assert!(text.contains(&bare) && text.contains("refused"), "{text}");
    assert_eq!(told(&run(&["health", "--server", "::not a url::"], &[])).0, Some(2));
}

#[test]
fn wrong_usage_and_wrong_settings_are_exit_code_2() {
    for (arguments, environment, expected) in [
        (&["serve", "--listen", "0.0.0.0:0"][..], &[][..], "loopback"),
        (&["serve", "--nonsense"], &[], "--nonsense"),
        (&["serve", "--drain-seconds", "-1"], &[], "drain_seconds must be"),
        (&["serve"], &[("PLAUDIT_LISTN", "x")], "PLAUDIT_LISTEN"),
        (&["config", "--config", "none.toml"], &[], "none.toml"),
        (&["nonsense"], &[], "nonsense"),
    ] {
        let (code, text) = told(&run(arguments, environment));
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_exit_code_1() {
    let server = ServerProcess::start();
    let taken = server.address().to_string();
    let (code, text) = told(&run(&["serve", "--listen", &taken], &[]));
    assert_eq!(code, Some(1));
    assert!(text.contains(&taken), "{text}");
}

#[test]
fn config_prints_toml_when_nobody_looks() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("plaudit.toml"), "drain_seconds = 7\n").unwrap();
    let output = plaudit(folder.path())
        .args(["config", "--log-level", "debug"])
        .env("PLAUDIT_SCORING_ATTEMPTS", "9")
        .output()
        .unwrap();
    let (code, text) = told(&output);
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "drain_seconds = 7 # plaudit.toml:1",
        "level = \"debug\" # --log-level",
        "attempts = 9 # PLAUDIT_SCORING_ATTEMPTS",
        "cache_mib = 128",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line} in {text}");
    }
}

#[test]
fn the_help_teaches() {
    let (code, text) = told(&run(&["serve", "--help"], &[]));
    assert_eq!(code, Some(0));
    for expected in
        ["PLAUDIT_STORE_CACHE_MIB", "--store-cache-mib", "default: 128", "Examples:", "Exit codes:"]
    {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}
