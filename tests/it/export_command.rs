//! `plaudit export`: everything that a server holds, as lines that `plaudit import` reads back.

use std::path::Path;

use plaudit::proto::v1::ConflictPolicy;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    Client, ServerProcess, plaudit,
    sample::{self, with_policy, without_names},
};

/// Exit code, and what was printed.
fn run(folder: &Path, server: &ServerProcess, arguments: &[&str]) -> (Option<i32>, String) {
    let address = server.address().to_string();
    let output = plaudit(folder).args(arguments).args(["--server", &address]).output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn what_is_exported_is_all_that_there_is_and_can_be_imported_elsewhere() {
    let server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    let (_, counts) =
        client.import_all((0..30).map(|ticket| sample::import(&ticket.to_string())).collect()).await;
    assert_eq!(counts.created, 30);
    // More messages than a line takes, and more events than conversations.
    let long = sample::messages(0, 2000);
    client.import(sample::import_of("long", long)).await.unwrap();
    let more = with_policy(sample::import_of("long", sample::messages(2000, 500)), ConflictPolicy::Append);
    let long = client.import(more).await.unwrap().conversation;
    client.scored(&long).await;
    for ticket in 0..30 {
        client.scored(&format!("conversations/test:{ticket}")).await;
    }

    let folder = TempDir::new().unwrap();
    let (code, text) = run(folder.path(), &server, &["export", "all.jsonl"]);
    assert_eq!((code, text.as_str()), (Some(0), "exported 31 conversations in 33 lines\n"));
    let all = lines(&folder.path().join("all.jsonl"));
    for (ticket, line) in all[..30].iter().enumerate() {
        let name = line["conversation"]["name"].as_str().unwrap();
        assert_eq!(line["conversation"]["externalId"], json!(ticket.to_string()));
        assert_eq!(line["messages"].as_array().unwrap().len(), 4);
        assert_eq!(line["messages"][1]["author"]["kind"], "AUTHOR_KIND_TEAMMATE");
        let stored = client.assessments(name, 50).await;
        let exported = line["assessments"].as_array().unwrap();
        assert_eq!(exported.len(), stored.len());
        for (exported, stored) in exported.iter().zip(stored) {
            assert_eq!(exported["name"], json!(stored.name));
            assert_eq!(exported["criteria"].as_array().unwrap().len(), stored.criteria.len());
            assert_eq!(exported["facts"].as_array().unwrap().len(), stored.facts.len());
        }
    }
    let parts: Vec<_> = all[30..]
        .iter()
        .map(|line| (line["continues"] == true, line["messages"].as_array().unwrap().len()))
        .collect();
    assert_eq!(parts, [(false, 1000), (true, 1000), (true, 500)]);

    let other = ServerProcess::start();
    let (code, text) = run(folder.path(), &other, &["import", "all.jsonl"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(": 31 stored, 2 appended to, 0 there already, 0 bad"), "{text}");
    let there = Client::new(other.channel().await);
    for external_id in ["0", "29", "long"] {
        let name = format!("conversations/test:{external_id}");
        let (here, copied) = (client.messages(&name, 1000).await, there.messages(&name, 1000).await);
        assert_eq!(without_names(copied), without_names(here), "{name}");
        let (here, copied) = (client.scored(&name).await, there.scored(&name).await);
        assert_eq!((copied.subject, copied.message_count), (here.subject, here.message_count));
    }
    let (code, text) = run(folder.path(), &other, &["import", "all.jsonl"]);
    assert!(code == Some(0) && text.contains(": 0 stored, 33 there already, 0 bad"), "{text}");
}

#[tokio::test]
async fn an_export_to_standard_output_is_lines_alone_and_a_file_is_not_overwritten() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let (code, text) = run(folder.path(), &server, &["export", "-"]);
    assert_eq!((code, text.as_str()), (Some(0), "exported 0 conversations in 0 lines\n"));
    std::fs::write(folder.path().join("all.jsonl"), "mine").unwrap();
    let (code, text) = run(folder.path(), &server, &["export", "all.jsonl"]);
    assert!(code == Some(1) && text.contains("all.jsonl: File exists"), "{text}");
    assert_eq!(std::fs::read_to_string(folder.path().join("all.jsonl")).unwrap(), "mine");
}

#[tokio::test]
async fn a_line_of_an_export_that_is_not_right_is_reported_with_all_that_is_wrong() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let text = [
        json!({ "conversation": { "externalId": 5 } }),
        json!({ "conversation": { "source": "s" }, "messages": [{ "content": "x" }] }),
        json!({ "conversation": { "externalId": "1" }, "messages": [{ "kind": "MESSAGE_KIND_LETTER" }] }),
    ];
    let text = text.map(|line| line.to_string()).join("\n");
    std::fs::write(folder.path().join("t.jsonl"), text).unwrap();
    let (code, text) = run(folder.path(), &server, &["import", "t.jsonl"]);
    assert_eq!(code, Some(1), "{text}");
    for expected in [
        "t.jsonl:1: $: is not a line of an export: ",
        "t.jsonl:2: conversation.external_id: is required",
        "t.jsonl:2: messages[0].external_id: is required",
        "t.jsonl:2: messages[0].author.kind: is required",
        "t.jsonl:3: messages[0].kind: is required",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}
