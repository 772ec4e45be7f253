//! An export of everything, imported elsewhere and exported again.

use plaudit::proto::v1::SummarizeRatingsRequest;
use serde_json::Value;
use tempfile::TempDir;

use super::{
    lines, neutral, remove,
    rich::{self, PNG, TICKET},
    run,
};
use crate::harness::{Client, ServerProcess};

const CONVERSATIONS: [&str; 4] =
    [TICKET, "conversations/enneo:43", "conversations/test:long", "conversations/test:named"];

async fn rich_server() -> (ServerProcess, Client) {
    let server = ServerProcess::start();
    let channel = server.channel().await;
    let client = Client::new(channel.clone());
    rich::fill(&client, channel).await;
    (server, client)
}

async fn settle(client: &Client) {
    for name in CONVERSATIONS {
        client.settled(name).await;
    }
}

/// The Enneo dialect's rows about the agents' work, without our numbers and the server's times.
async fn ticket_assessments(server: &ServerProcess) -> Vec<Value> {
    let answer = server.http().get("/ticket/42/assessments").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let rows = answer.json();
    let mut rows = rows.as_array().unwrap().clone();
    // Rows come in the order in which assessments were created, which differs for a copy scored between two of its
    // parts.
    rows.sort_by_key(|row| row["worklog"]["lastInteraction"].to_string());
    let rows = rows.into_iter().map(|mut row| {
        remove(&mut row, &["id", "worklogId", "createdAt", "modifiedAt"]);
        remove(&mut row["worklog"], &["worklogId", "conversationId", "userId"]);
        let segments = row["time"]["segments"].as_array_mut().unwrap();
        segments.iter_mut().for_each(|segment| remove(segment, &["userTimeTrackingId"]));
        let ais = row["aiUsage"]["aiAgents"].as_array_mut().unwrap();
        ais.iter_mut().for_each(|ai| remove(ai, &["id"]));
        if row["assessedUser"].as_u64().unwrap() > 1_000_000 {
            remove(&mut row, &["assessedUser"]);
        }
        row
    });
    rows.collect()
}

#[tokio::test]
async fn export_and_import_transfer_everything_in_a_store() {
    let (here, client) = rich_server().await;
    let folder = TempDir::new().unwrap();
    let (code, text) = run(folder.path(), &here, &["export", "a.jsonl", "--attachments"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("exported 4 conversations, "), "{text}");

    let there = ServerProcess::start();
    let (code, text) = run(folder.path(), &there, &["import", "a.jsonl"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(": 4 stored, 1 appended to, 0 there already, 0 bad, "), "{text}");
    let copy = Client::new(there.channel().await);
    settle(&copy).await;

    let (code, text) = run(folder.path(), &there, &["export", "b.jsonl", "--attachments"]);
    assert_eq!(code, Some(0), "{text}");
    let file = |name: &str| lines(&folder.path().join(name));
    let (a, b) = (file("a.jsonl"), file("b.jsonl"));
    assert_eq!(a.len(), b.len());
    let by_name = a.iter().filter(|line| line["person"]["conversation"].is_string());
    let by_name: Vec<_> =
        by_name.map(|line| line["person"]["displayName"].as_str().unwrap_or_default()).collect();
    assert_eq!(by_name, ["Ada M.", "Somebody", "A: b/c", "Ada L."]);
    for (here, there) in a.into_iter().zip(b.iter().cloned()) {
        let (here, there) = (neutral(here), neutral(there));
        assert_eq!(
            serde_json::to_string_pretty(&there).unwrap(),
            serde_json::to_string_pretty(&here).unwrap()
        );
    }
    let rows = ticket_assessments(&here).await;
    assert!(rows.len() == 3 && rows[0]["customerExperience"]["reOpened"] == true, "{rows:?}");
    assert_eq!(ticket_assessments(&there).await, rows);
    let all = SummarizeRatingsRequest::default();
    let summary = client.summarize_ratings(all.clone()).await.unwrap();
    assert!(summary.answered_count == 2 && summary.offered_count > 3, "{summary:?}");
    assert_eq!(copy.summarize_ratings(all).await.unwrap(), summary);

    let (code, text) = run(folder.path(), &there, &["import", "a.jsonl"]);
    assert!(code == Some(0) && text.contains(": 0 stored, 5 there already, 0 bad"), "{text}");
    run(folder.path(), &there, &["export", "c.jsonl", "--attachments"]);
    assert_eq!(file("c.jsonl"), b, "importing the same file again duplicates nothing");
}

#[tokio::test]
async fn an_attachment_is_imported_with_its_bytes_if_exported_else_by_name() {
    let (here, client) = rich_server().await;
    let folder = TempDir::new().unwrap();
    let (_, text) = run(folder.path(), &here, &["export", "whole.jsonl", "--attachments"]);
    assert!(!text.contains("without the bytes"), "{text}");
    let (code, text) = run(folder.path(), &here, &["export", "names.jsonl"]);
    assert!(code == Some(0) && text.contains("without the bytes of 2 attachments"), "{text}");
    let stored = client.messages(TICKET, 50).await;
    for (file, has_bytes) in [("whole.jsonl", true), ("names.jsonl", false)] {
        let there = ServerProcess::start();
        let (code, text) = run(folder.path(), &there, &["import", file]);
        assert_eq!(code, Some(0), "{text}");
        assert_eq!(text.contains("2 attachments have no bytes"), !has_bytes, "{text}");
        let copied = Client::new(there.channel().await).messages(TICKET, 50).await;
        let (here_files, files) = (&stored[0].attachments, &copied[0].attachments);
        assert_eq!(files.len(), 3);
        for (before, file) in here_files.iter().zip(files) {
            let told = |file: &plaudit::proto::v1::Attachment| {
                (
                    file.file_name.clone(),
                    file.source_url.clone(),
                    file.size_bytes,
                    file.content_type.clone(),
                    file.width,
                )
            };
            assert_eq!(told(file), told(before));
            assert_eq!(file.content_missing, !has_bytes && file.source_url.is_none());
            assert_eq!(file.download_path.is_some(), has_bytes && file.source_url.is_none());
        }
        if let Some(path) = &files[0].download_path {
            let answer = there.http().get(path).await;
            assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &PNG[..]));
        }
    }
}
