//! `plaudit import --on-conflict append` of what is stored already.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Client, ServerProcess, plaudit};

fn line(status: &str, words: &str) -> Value {
    json!({
        "conversation": {
            "source": "file", "externalId": "1", "status": format!("CONVERSATION_STATUS_{status}"),
            "updateTime": if status == "OPEN" { "2025-12-01T10:00:00Z" } else { "2025-12-02T10:00:00Z" },
        },
        "messages": [{
            "externalId": "m1", "kind": "MESSAGE_KIND_MESSAGE", "content": words,
            "author": { "kind": "AUTHOR_KIND_CONTACT", "externalId": "c1" }, "createTime": "2025-12-01T09:00:00Z",
        }],
    })
}

#[tokio::test]
async fn the_report_counts_and_names_what_was_taken_and_what_was_not() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let run = |lines: &[Value], arguments: &[&str]| {
        let text: Vec<String> = lines.iter().map(Value::to_string).collect();
        std::fs::write(folder.path().join("t.jsonl"), text.join("\n")).unwrap();
        let address = server.address().to_string();
        let ran = plaudit(folder.path())
            .args(["import", "t.jsonl", "--server", &address, "--on-conflict", "append"])
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (ran.status.code(), text(ran.stdout), text(ran.stderr))
    };
    let (open, closed) = (line("OPEN", "Hello?"), line("CLOSED", "Hello?"));
    let (code, out, errors) = run(&[open.clone(), closed.clone(), closed.clone()], &[]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.ends_with(": 1 stored, 1 updated, 1 there already, 0 bad\n"), "{out}");

    let (code, out, errors) = run(&[closed.clone(), open, line("CLOSED", "Hello!")], &[]);
    assert_eq!(code, Some(3), "{errors}");
    assert!(out.ends_with(": 0 stored, 1 there already, 2 differ, 0 bad\n"), "{out}");
    for expected in [
        "t.jsonl:2: conversation.status: stays closed, not open: what is stored is as of 2025-12-02T10:00:00Z",
        "t.jsonl:3: messages[0].content: stays \"Hello?\", not \"Hello!\": only an edit replaces it",
        "2 lines differ from what is stored and are not later; what is stored was kept",
    ] {
        assert!(errors.contains(expected), "{expected} in {errors}");
    }
    let client = Client::new(server.channel().await);
    let found = client.conversation("conversations/file:1").await.unwrap();
    assert_eq!((found.status, found.status_changes.len()), (3, 2));
}

#[tokio::test]
async fn a_whole_export_can_be_appended_again_and_again() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let client = Client::new(server.channel().await);
    crate::roundtrip::fill(&client, server.channel().await).await;
    let there = ServerProcess::start();
    let run = |server: &ServerProcess, arguments: &[&str]| {
        let address = server.address().to_string();
        let ran =
            plaudit(folder.path()).args(arguments).args(["--server", &address]).output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (ran.status.code(), text(&ran.stdout) + &text(&ran.stderr))
    };
    let (code, text) = run(&server, &["export", "a.jsonl", "--attachments"]);
    assert_eq!(code, Some(0), "{text}");
    for expected in
        [": 4 stored, 1 appended to, 0 there already, 0 bad", ": 0 stored, 5 there already, 0 bad"]
    {
        let (code, text) = run(&there, &["import", "a.jsonl", "--on-conflict", "append"]);
        assert!(code == Some(0) && text.contains(expected), "{code:?} {text}");
    }
}
