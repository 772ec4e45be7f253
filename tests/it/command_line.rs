//! The binary as an operator uses it.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener},
    process::Output,
};

use futures_util::FutureExt as _;
use plaudit::proto::health::{HealthCheckRequest, health_client::HealthClient};
use plaudit::proto::v1::{
    Author, AuthorKind, Conversation, GetImportRequest, GetScorecardRequest, ImportConversationRequest,
    Message, MessageKind, import_service_client::ImportServiceClient,
};
use rustix::process::Signal;
use tempfile::TempDir;
use tonic::Request;

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
async fn it_prints_its_address_and_stops_cleanly() {
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
    let channel = server.channel().await;
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    // A call whose request never ends delays the drain.
    let path = http::uri::PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    let codec = tonic_prost::ProstCodec::<GetScorecardRequest, GetScorecardRequest>::default();
    let never = Request::new(futures_util::stream::pending::<GetScorecardRequest>());
    let mut call = Box::pin(grpc.client_streaming(never, path, codec));
    assert!((&mut call).now_or_never().is_none());
    // It has begun once a later call on the same connection is answered.
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
    server.signal(Signal::TERM);
    until("the drain", || server.log().contains("\"draining\"")).await;
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(1), "{}", server.log());
    assert!(server.log().contains("second signal"), "{}", server.log());
}

#[tokio::test]
async fn health_reports_the_state_of_a_server_by_its_exit_code() {
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
    assert!(
        text.contains(&bare) && text.contains("refused; start a server with plaudit serve, or"),
        "{text}"
    );
    assert_eq!(told(&run(&["health", "--server", "::not a url::"], &[])).0, Some(2));
}

#[test]
fn invalid_usage_and_invalid_settings_are_exit_code_2() {
    for (arguments, environment, expected) in [
        (&["serve", "--listen", "0.0.0.0:0"][..], &[][..], "loopback"),
        (&["serve", "--nonsense"], &[], "--nonsense"),
        (&["serve", "--drain-seconds", "-1"], &[], "drain_seconds must be"),
        (&["serve"], &[("PLAUDIT_LISTN", "x")], "PLAUDIT_LISTEN"),
        (&["config", "--config", "none.toml"], &[], "none.toml"),
        (&["config", "--listen", "0.0.0.0:1"], &[], "must be a loopback address"),
        (&["config"], &[("PLAUDIT_LISTEN", "[::]:1")], "must be a loopback address"),
        (&["health", "--server", "127.0.0.1:99999"], &[], "must have a port from 1 to 65535, has \"99999\""),
        (
            &["queue"],
            &[("PLAUDIT_SERVER", "http://127.0.0.1:0")],
            "must have a port from 1 to 65535, has \"0\"",
        ),
        (&["health", "--timeout-seconds", "-1"], &[], "-1 is not in 1..=3600"),
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
    assert!(text.contains(&taken) && text.contains("--listen 127.0.0.1:PORT"), "{text}");
}

/// What answers each connection with these bytes, whatever it is sent.
fn another_program(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut connections = Vec::new();
        for mut connection in listener.incoming().map_while(Result::ok) {
            let _ = connection.write_all(answer);
            // It stays open.
            connections.push(connection);
        }
    });
    address
}

#[test]
fn a_file_in_place_of_the_data_directory_is_told() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("t.jsonl"), "{}\n").unwrap();
    for command in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["import", "t.jsonl"],
        &["export", "-"],
        &["store", "dump", "t.dump"],
    ] {
        let output = plaudit(folder.path()).args(command).args(["--data", "t.jsonl"]).output().unwrap();
        let (code, text) = told(&output);
        assert_eq!(code, Some(if command == ["import", "t.jsonl"] { 2 } else { 1 }), "{text}");
        let expected = "plaudit: t.jsonl: it is a file, not a directory; name a directory with --data\n";
        assert!(text.ends_with(expected), "{command:?}: {text}");
    }
}

/// The same of what ends each connection at once.
#[test]
fn a_port_that_says_nothing_is_told() {
    let folder = TempDir::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    for command in [&["health"][..], &["queue"], &["export", "-"], &["facts", "conversations/test:1"]] {
        let output = plaudit(folder.path()).args(command).args(["--server", &address]).output().unwrap();
        let (_, text) = told(&output);
        assert!(text.contains("ends each connection without a word"), "{command:?}: {text}");
    }
}

#[test]
fn another_program_on_the_port_is_told_from_a_lost_connection() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("t.jsonl"), "{}\n").unwrap();
    for answer in [&b"SSH-2.0-OpenSSH_9.9\r\n"[..], b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"]
    {
        let address = another_program(answer).to_string();
        for command in [
            &["health"][..],
            &["queue"],
            &["import", "t.jsonl"],
            &["export", "-"],
            &["facts", "conversations/test:1"],
        ] {
            let output = plaudit(folder.path()).args(command).args(["--server", &address]).output().unwrap();
            let (_, text) = told(&output);
            assert!(text.contains("what answers there is not a Plaudit server; name"), "{command:?}: {text}");
        }
    }
}

#[test]
fn an_address_that_would_not_be_used_as_written_is_refused() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("t.jsonl"), "").unwrap();
    for (address, step) in [
        ("https://127.0.0.1:50051", "write http://127.0.0.1:50051"),
        ("ftp://x", "write http://x"),
        ("http://127.0.0.1:50051/api", "leave out /api"),
    ] {
        for command in [
            &["health"][..],
            &["queue"],
            &["import", "t.jsonl"],
            &["export", "-"],
            &["facts", "conversations/1"],
        ] {
            let output = plaudit(folder.path()).args(command).args(["--server", address]).output().unwrap();
            let (code, text) = told(&output);
            assert_eq!(code, Some(2), "{command:?} {text}");
            assert!(text.contains(address) && text.contains(step), "{command:?} {text}");
        }
    }
}

#[test]
fn a_server_and_a_directory_cannot_both_be_the_target() {
    for command in [&["import", "t.jsonl"][..], &["export", "-"], &["facts", "conversations/1"]] {
        let both = [command, &["--server", "127.0.0.1:1", "--data", "none"]].concat();
        let (code, text) = told(&run(&both, &[]));
        assert_eq!(code, Some(2), "{command:?} {text}");
        assert!(text.contains("cannot be used with") && text.contains("--data <DIR>"), "{text}");
    }
    // What is set for all commands gives way to what is said for one.
    let (_, text) = told(&run(&["export", "-", "--data", "none"], &[("PLAUDIT_SERVER", "127.0.0.1:1")]));
    assert!(text.contains("there is no store in none"), "{text}");
    let (_, text) = told(&run(&["export", "-"], &[("PLAUDIT_SERVER", "ftp://x")]));
    assert!(text.contains("ftp://x"), "{text}");
}

#[test]
fn flags_that_people_try_name_the_one_that_there_is() {
    for flag in ["--port", "--host"] {
        let (code, text) = told(&run(&["serve", flag, "9000"], &[]));
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(flag) && text.contains("--listen 127.0.0.1:50051"), "{text}");
    }
}

#[test]
fn config_prints_toml_when_not_on_a_terminal() {
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
        "cache_mib = 16",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line} in {text}");
    }
}

#[tokio::test]
async fn a_store_can_be_dumped_loaded_and_served_again() {
    let mut server = ServerProcess::start();
    let imported = ImportServiceClient::new(server.channel().await)
        .import_conversation(conversation())
        .await
        .unwrap()
        .into_inner();
    let folder = server.data().parent().unwrap().to_owned();
    let store = |arguments: &[&str]| told(&plaudit(&folder).arg("store").args(arguments).output().unwrap());

    let (code, text) = store(&["dump", "--data", "data", "one.dump"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("in use") && text.contains(&server.address().to_string()), "{text}");

    server.terminate().await;
    for (arguments, expected) in [
        (["dump", "--data", "data", "one.dump"], Some(0)),
        (["dump", "--data", "data", "one.dump"], Some(1)),
        (["dump", "--data", "nothing", "other.dump"], Some(1)),
        (["load", "--data", "copy", "one.dump"], Some(0)),
        (["load", "--data", "copy", "one.dump"], Some(1)),
        (["dump", "--data", "copy", "two.dump"], Some(0)),
    ] {
        let (code, text) = store(&arguments);
        assert_eq!(code, expected, "{arguments:?}: {text}");
    }
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(read("one.dump") == read("two.dump"), "dumping a loaded store gives the same bytes");

    std::fs::rename(server.data(), folder.join("old")).unwrap();
    std::fs::rename(folder.join("copy"), server.data()).unwrap();
    let server = server.restart();
    let request = GetImportRequest { name: imported.import };
    let import = ImportServiceClient::new(server.channel().await).get_import(request).await.unwrap();
    assert_eq!(import.get_ref().conversation, imported.conversation);
}

fn conversation() -> ImportConversationRequest {
    let message = Message {
        external_id: "m-1".into(),
        kind: MessageKind::Message.into(),
        content: Some("Where is my order?".into()),
        author: Some(Author { kind: AuthorKind::Contact.into(), ..Author::default() }),
        create_time: Some(prost_types::Timestamp { seconds: 1_767_603_600, nanos: 0 }),
        ..Message::default()
    };
    ImportConversationRequest {
        conversation: Some(Conversation { external_id: "t-1".into(), ..Conversation::default() }),
        messages: vec![message],
        ..ImportConversationRequest::default()
    }
}

#[test]
fn the_help_has_settings_examples_and_exit_codes() {
    let (code, text) = told(&run(&["serve", "--help"], &[]));
    assert_eq!(code, Some(0));
    for expected in
        ["PLAUDIT_STORE_CACHE_MIB", "--store-cache-mib", "default: 16", "Examples:", "Exit codes:"]
    {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn a_command_offers_only_the_settings_it_reads() {
    for direction in ["dump", "load"] {
        let (code, text) = told(&run(&["store", direction, "--help"], &[]));
        assert_eq!(code, Some(0));
        for read in ["--config", "--data", "--store-cache-mib"] {
            assert!(text.contains(read), "{read} in {text}");
        }
        for other in ["--listen", "--limits-connections", "--scoring-threads", "--store-queue-batches"] {
            assert!(!text.contains(other), "{other} in {text}");
        }
    }
    let (code, text) = told(&run(&["store", "dump", "--listen", "127.0.0.1:1", "x.dump"], &[]));
    assert_eq!(code, Some(2), "{text}");
}
