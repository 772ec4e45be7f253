//! `plaudit export`: everything a server holds, as lines that `plaudit import` reads back.

use std::path::Path;

use plaudit::{
    domain::{ConversationId, MessageId, RatingId, Status, StatusChange, UnixMillis},
    proto::v1::ConflictPolicy,
    store::{
        Batch, Keyspace as _,
        records::{self, Head, NextId},
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    Client, KEYS, Plaudit, ServerProcess, plaudit,
    sample::{self, with_policy, without_names},
};

/// The exit code and the output.
pub(crate) fn run(folder: &Path, server: &ServerProcess, arguments: &[&str]) -> (Option<i32>, String) {
    let address = server.address().to_string();
    let output = plaudit(folder).args(arguments).args(["--server", &address]).output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

pub(crate) fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn an_export_is_complete_and_can_be_imported_elsewhere() {
    let server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    let (_, counts) =
        client.import_all((0..30).map(|ticket| sample::import(&ticket.to_string())).collect()).await;
    assert_eq!(counts.created, 30);
    // More messages than fit in a line, and more events than conversations.
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
    let told = "exported 31 conversations, 2 people, 0 teams and 0 opt-outs in 35 lines\n";
    assert_eq!((code, text.as_str()), (Some(0), told));
    let all = lines(&folder.path().join("all.jsonl"));
    let (people, all) = all.split_at(2);
    assert_eq!(people[0]["person"]["displayName"], "Ada");
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
            assert!(exported.get("facts").is_none() && !stored.facts.is_empty());
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
    let told = ": 31 stored, 2 appended to, 0 there already, 0 bad, 2 about people, teams and opt-outs";
    assert!(text.contains(told), "{text}");
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
async fn an_export_prints_only_lines_to_standard_output_and_overwrites_no_file() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let (code, text) = run(folder.path(), &server, &["export", "-"]);
    let told = "exported 0 conversations, 0 people, 0 teams and 0 opt-outs in 0 lines\n";
    assert_eq!((code, text.as_str()), (Some(0), told));
    std::fs::write(folder.path().join("all.jsonl"), "mine").unwrap();
    let (code, text) = run(folder.path(), &server, &["export", "all.jsonl"]);
    assert!(code == Some(1) && text.contains("all.jsonl: this file exists already"), "{text}");
    assert!(!text.contains("os error"), "{text}");
    assert_eq!(std::fs::read_to_string(folder.path().join("all.jsonl")).unwrap(), "mine");
}

#[tokio::test]
async fn an_invalid_line_of_an_export_is_reported_with_all_violations() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let text = [
        json!({ "conversation": { "externalId": 5 } }),
        json!({ "conversation": { "source": "s" }, "messages": [{ "content": "x" }] }),
        json!({ "conversation": { "externalId": "1" }, "messages": [{ "kind": "MESSAGE_KIND_LETTER" }] }),
        json!({ "person": { "kind": "AUTHOR_KIND_CONTACT", "knownName": "Jo", "conversation": "conversations/7" } }),
        json!({ "person": { "kind": "AUTHOR_KIND_CONTACT", "source": "a", "knownName": "Jo", "conversation": "conversations/b:7" } }),
        json!({ "person": { "kind": "AUTHOR_KIND_CONTACT", "source": "b", "knownName": "Jo", "conversation": "conversations/b:7" } }),
        json!({ "person": { "kind": "AUTHOR_KIND_CONTACT" } }),
    ];
    let shape = "must look like `conversations/{source}:{external id}` with the customer's source, is";
    let text = text.map(|line| line.to_string()).join("\n");
    std::fs::write(folder.path().join("t.jsonl"), text).unwrap();
    let (code, text) = run(folder.path(), &server, &["import", "t.jsonl"]);
    assert_eq!(code, Some(1), "{text}");
    for expected in [
        "t.jsonl:1: conversation.externalId: must be a string, is the number 5",
        "t.jsonl:2: conversation.externalId: is required",
        "t.jsonl:2: messages[0].externalId: is required",
        "t.jsonl:2: messages[0].author.kind: is required",
        "t.jsonl:3: messages[0].kind: must be one of MESSAGE_KIND_MESSAGE, MESSAGE_KIND_COMMENT, is the string \"MESSAGE_KIND_LETTER\"",
        &format!("t.jsonl:4: person.conversation: {shape} \"conversations/7\""),
        &format!("t.jsonl:5: person.conversation: {shape} \"conversations/b:7\""),
        "t.jsonl:6: there is no conversations/b:7",
        "t.jsonl:7: person.externalId: is required unless knownName is given",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[tokio::test]
async fn an_export_whose_output_is_closed_ends_silently() {
    let server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    client.import_all((0..300).map(|ticket| sample::import(&ticket.to_string())).collect()).await;
    let folder = TempDir::new().unwrap();
    let address = server.address().to_string();
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let mut export = plaudit(folder.path());
    let output = export.args(["export", "-", "--server", &address]).stdout(write).output().unwrap();
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(1), &b""[..]));
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output =
        plaudit(folder.path()).args(["export", "-", "--server", &address]).stdout(full).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && errors.contains("-: No space left"), "{errors}");
}

#[tokio::test]
async fn an_unserved_directory_is_exported_and_imported_without_a_server() {
    let mut server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    client.import(sample::import("42")).await.unwrap();
    client.scored("conversations/test:42").await;
    let folder = TempDir::new().unwrap();
    let data = server.data().display().to_string();
    let run = |arguments: &[&str]| {
        let output = plaudit(folder.path()).args(arguments).output().unwrap();
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    // While it is being served, the error names the server.
    let holder = server.address().to_string();
    let (code, text) = run(&["export", "all.jsonl", "--data", &data]);
    assert!(code == Some(1) && text.contains(&holder), "{text}");
    let (code, text) = run(&["export", "all.jsonl", "--data", "none"]);
    assert!(code == Some(1) && text.contains("there is no store in none"), "{text}");

    assert_eq!(server.terminate().await.code(), Some(0));
    let (code, text) = run(&["export", "all.jsonl", "--data", &data]);
    assert!(code == Some(0) && text.starts_with("exported 1 conversation, "), "{text}");
    let (code, text) = run(&["import", "all.jsonl", "--data", "other"]);
    assert!(code == Some(0) && text.contains(": 1 stored, "), "{text}");
    let (code, text) = run(&["import", "all.jsonl", "--data", "other"]);
    assert!(code == Some(0) && text.contains(": 0 stored, 1 there already, 0 bad"), "{text}");
}

/// A time as an earlier version stored it, possibly out of range.
fn stored_time(millis: i64) -> UnixMillis {
    minicbor::decode(&minicbor::to_vec(millis).unwrap()).unwrap()
}

/// Times before 1970 and outside the calendar, as an earlier version accepted them, and an unreadable rating.
#[tokio::test]
async fn an_export_names_what_it_changes_and_leaves_out_and_goes_on() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut names = Vec::new();
    for ticket in 0..4 {
        names.push(client.import(sample::import(&ticket.to_string())).await.unwrap().conversation);
    }
    let number = |name: &str| ConversationId(name.rsplit('/').next().unwrap().parse().unwrap());
    let key = KEYS.head(number(&names[1]));
    let stored = server.store.get(vec![key.clone()]).await.unwrap().remove(0).unwrap();
    let mut head: Head = records::decode(&key, &stored).unwrap();
    let change = |millis| StatusChange {
        status: Status::Closed,
        time: stored_time(millis),
        after_message: MessageId(1),
    };
    head.conversation.handling.status_changes = vec![change(-1_500), change(300_000_000_000_000)];
    let put = vec![
        (key, records::encode(&head)),
        (KEYS.rating(number(&names[2]), RatingId(7)), records::encode(&NextId { id: 1 })),
    ];
    server.store.commit(Batch { put, ..Batch::default() }).await.unwrap();

    let changes = client.conversation(&names[1]).await.unwrap().status_changes;
    let times: Vec<_> = changes.iter().map(|change| change.change_time.unwrap().to_string()).collect();
    assert_eq!(times, ["1969-12-31T23:59:58.500Z", "9999-12-31T23:59:59.999999999Z"]);

    let folder = TempDir::new().unwrap();
    let mut command = plaudit(folder.path());
    command.args(["export", "all.jsonl", "--server", &server.address().to_string()]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{told}");
    let all = lines(&folder.path().join("all.jsonl"));
    let exported: Vec<_> = all.iter().filter_map(|line| line["conversation"]["name"].as_str()).collect();
    assert_eq!(exported, [&names[0], &names[1], &names[2], &names[3]]);
    let line = 1 + all.iter().position(|line| line["conversation"]["name"] == json!(names[1])).unwrap();
    let changed = |place, written| {
        let field = format!("conversation.statusChanges[{place}].changeTime of {}", names[1]);
        let cause = "an earlier version stored it out of range";
        format!("plaudit: changed {field} in line {line}: {cause}; written as {written}")
    };
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(told[0], changed(0, "1970-01-01T00:00:00Z"));
    assert_eq!(told[1], changed(1, "9999-12-31T23:59:59.999Z"));
    assert!(told[2].starts_with(&format!("plaudit: left out the ratings of {}: ", names[2])), "{told:?}");
    assert_eq!(told.last(), Some(&"plaudit: 1 record left out and 2 times changed; see above"));

    let other = ServerProcess::start();
    let (code, text) = run(folder.path(), &other, &["import", "all.jsonl"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = run(folder.path(), &other, &["export", "again.jsonl"]);
    assert_eq!(code, Some(0), "what was changed is in range now: {text}");
}
