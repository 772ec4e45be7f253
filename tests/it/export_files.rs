//! The files that `plaudit export` and `plaudit store dump` write: whole or not there, and what is in them.

use std::{
    io::Read as _,
    path::Path,
    process::{Child, Output, Stdio},
};

use plaudit::proto::v1::{ListPeopleRequest, directory_service_client::DirectoryServiceClient};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    export_command::{lines, run},
    harness::{Client, ServerProcess, plaudit, sample, soon, until},
};

fn names(folder: &Path) -> Vec<String> {
    let found = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An export that waits for its server, which has stopped answering.
async fn waiting(folder: &Path, server: &ServerProcess) -> Child {
    server.signal(Signal::STOP);
    let mut command = plaudit(folder);
    command.args(["export", "all.jsonl", "--server", &server.address().to_string()]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the beginning of the file", || names(folder) == ["all.jsonl.part"]).await;
    child
}

async fn ended(mut child: Child) -> (Option<i32>, String) {
    until("the export's end", || child.try_wait().unwrap().is_some()).await;
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn an_interrupted_export_leaves_nothing_and_can_be_run_again() {
    let server = ServerProcess::start();
    Client::new(server.channel().await).import(sample::import("1")).await.unwrap();
    let folder = TempDir::new().unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        let child = waiting(folder.path(), &server).await;
        // The same again would write the same file.
        let (code, text) = run(folder.path(), &server, &["export", "all.jsonl"]);
        assert!(code == Some(1) && text.contains("all.jsonl.part: another command is writing it"), "{text}");
        kill_process(Pid::from_child(&child), signal).unwrap();
        let told = "plaudit: interrupted: all.jsonl is not written; run the same command again\n".to_owned();
        assert_eq!(ended(child).await, (Some(1), told));
        assert_eq!(names(folder.path()), [""; 0]);
        server.signal(Signal::CONT);
    }
    let (code, text) = run(folder.path(), &server, &["export", "all.jsonl"]);
    assert_eq!((code, names(folder.path())), (Some(0), vec!["all.jsonl".to_owned()]), "{text}");
}

#[tokio::test]
async fn an_export_to_a_pipe_says_that_it_was_interrupted() {
    let server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    // More than a pipe holds.
    client.import_all((0..300).map(|ticket| sample::import(&ticket.to_string())).collect()).await;
    let folder = TempDir::new().unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        let mut command = plaudit(folder.path());
        command.args(["export", "-", "--server", &server.address().to_string()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0]).unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let told = "plaudit: interrupted: the export on standard output is incomplete\n".to_owned();
        assert_eq!(ended(child).await, (Some(1), told));
        drop(out);
    }
}

#[tokio::test]
async fn a_server_that_dies_during_an_export_is_told_in_plain_words() {
    let mut server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let child = waiting(folder.path(), &server).await;
    server.kill();
    let step = "all.jsonl is not written; run the same command again";
    let told = format!("plaudit: the connection to the server was lost: {step}\n");
    assert_eq!(ended(child).await, (Some(1), told));
    assert_eq!(names(folder.path()), [""; 0]);
    let (code, text) = run(folder.path(), &server, &["export", "all.jsonl"]);
    assert!(code == Some(1) && text.contains("cannot connect to") && !text.contains("os error"), "{text}");
}

#[tokio::test]
async fn what_a_killed_command_left_is_begun_anew() {
    let mut server = ServerProcess::start();
    Client::new(server.channel().await).import(sample::import("1")).await.unwrap();
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("all.jsonl.part"), "{\"half\"".repeat(10_000)).unwrap();
    let (code, text) = run(folder.path(), &server, &["export", "all.jsonl"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("plaudit: all.jsonl.part is what an earlier run left unfinished; "), "{text}");
    assert_eq!(names(folder.path()), ["all.jsonl"]);
    assert!(
        lines(&folder.path().join("all.jsonl")).iter().any(|line| line["conversation"]["externalId"] == "1")
    );

    let data = server.data().display().to_string();
    assert_eq!(server.terminate().await.code(), Some(0));
    std::fs::write(folder.path().join("one.dump.part"), "half a dump").unwrap();
    let dump = |file: &str| {
        let output = plaudit(folder.path()).args(["store", "dump", file, "--data", &data]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = dump("one.dump");
    assert!(
        code == Some(0) && text.contains("one.dump.part is what an earlier run left unfinished"),
        "{text}"
    );
    assert_eq!(names(folder.path()), ["all.jsonl", "one.dump"]);
    let (code, text) = dump("one.dump");
    assert!(code == Some(1) && text.contains("one.dump: this file exists already"), "{text}");
    let (code, text) = dump("none/one.dump");
    let step = "none/one.dump: there is no folder none; make it first, or name a file in another";
    assert!(code == Some(1) && text.contains(step), "{text}");
}

#[tokio::test]
async fn an_export_has_the_assessments_that_are_asked_for() {
    let server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    client.import(sample::import("1")).await.unwrap();
    client.scored("conversations/test:1").await;
    let folder = TempDir::new().unwrap();
    let exported = |file: &str, more: &[&str]| {
        let (code, text) = run(folder.path(), &server, &[&["export", file], more].concat());
        assert_eq!(code, Some(0), "{text}");
        let line = lines(&folder.path().join(file)).pop().unwrap();
        (line["conversation"].clone(), line["messages"].clone(), line["assessments"].clone())
    };
    let (conversation, messages, assessments) = exported("default", &[]);
    let stored = client.assessments("conversations/test:1", 50).await;
    let all = assessments.as_array().unwrap();
    assert!(all.len() == stored.len() && !all.is_empty() && all.iter().all(|it| it.get("facts").is_none()));
    let without = exported("without", &["--without", "assessments"]);
    assert_eq!((&without.0, &without.1), (&conversation, &messages));
    assert!(without.2.is_null());
    let with = exported("with", &["--with", "facts"]);
    for (mut exported, stored) in with.2.as_array().unwrap().clone().into_iter().zip(&stored) {
        assert_eq!(exported["facts"].as_array().unwrap().len(), stored.facts.len());
        exported.as_object_mut().unwrap().remove("facts");
        assert!(all.contains(&exported));
    }
    let (code, text) =
        run(folder.path(), &server, &["export", "both", "--with", "facts", "--without", "assessments"]);
    assert!(code == Some(2) && text.contains("cannot be used with"), "{text}");
}

/// The lines of the access log since the last call of this.
fn calls(server: &ServerProcess, seen: &mut usize) -> Vec<String> {
    let log = server.log();
    let calls: Vec<String> = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|line| line["target"] == "plaudit::access" || line["message"] == "call")
        .filter_map(|line| {
            let method = line["method"].as_str().or_else(|| line["fields"]["method"].as_str())?;
            Some(method.to_owned())
        })
        .collect();
    let new = calls[*seen..].to_vec();
    *seen = calls.len();
    new
}

/// More than the calls that an export makes.
const CUSTOMERS: usize = 12;

#[tokio::test]
async fn an_export_and_an_import_are_few_lines_in_the_access_log() {
    let server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    // Customers are known by their names, within their conversations.
    let imports = (0..CUSTOMERS).map(|ticket| {
        let mut import = sample::import(&ticket.to_string());
        for author in import.messages.iter_mut().filter_map(|message| message.author.as_mut()) {
            author.external_id = None;
            author.name = Some(format!("Person {ticket}"));
        }
        import
    });
    let (_, counts) = client.import_all(imports.collect()).await;
    assert_eq!(counts.created, CUSTOMERS as i64);
    for ticket in 0..CUSTOMERS {
        client.scored(&format!("conversations/test:{ticket}")).await;
    }
    let folder = TempDir::new().unwrap();
    // They join the directory after the scoring.
    let mut directory = DirectoryServiceClient::new(server.channel().await);
    let mut asked = 0;
    soon("the customers", async {
        let request = ListPeopleRequest { page_size: 1000, ..Default::default() };
        loop {
            asked += 1;
            if directory.list_people(request.clone()).await.unwrap().get_ref().people.len() >= CUSTOMERS {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    let (mut seen, mut before) = (0, Vec::new());
    until("the lines of the calls so far", || {
        before.extend(calls(&server, &mut seen));
        before.iter().filter(|method| method.ends_with("ListPeople")).count() == asked
    })
    .await;
    let (code, text) = run(folder.path(), &server, &["export", "all.jsonl"]);
    assert_eq!(code, Some(0), "{text}");
    let people =
        lines(&folder.path().join("all.jsonl")).iter().filter(|line| line.get("person").is_some()).count();
    let mut made = Vec::new();
    until("the export's lines", || {
        made.extend(calls(&server, &mut seen));
        made.iter().any(|method| method.ends_with("ListOptOuts"))
    })
    .await;
    assert!(people >= CUSTOMERS, "{people}");
    assert!(made.len() <= 6, "{made:?}");
    assert_eq!(made.iter().filter(|method| method.ends_with("ExportConversations")).count(), 1, "{made:?}");

    let other = ServerProcess::start();
    let (code, text) = run(folder.path(), &other, &["import", "all.jsonl", "--lenient"]);
    assert_eq!(code, Some(0), "{text}");
    let mut seen = 0;
    let mut made = Vec::new();
    until("the import's lines", || {
        made.extend(calls(&other, &mut seen));
        made.iter().any(|method| method.ends_with("ImportConversations"))
    })
    .await;
    assert_eq!(made.iter().filter(|method| method.contains("ImportService")).count(), 1, "{made:?}");
}
