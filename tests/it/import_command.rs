//! `plaudit import`: a JSON Lines file into a running server.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, ChildStderr, ChildStdin, Output, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    Client, ServerProcess, plaudit,
    sample::{self, without_names},
    soon, until,
};

/// A valid line.
fn line(ticket: &str) -> Value {
    json!({
        "ticket_id": ticket,
        "source": "file",
        "subject": "Order 4711",
        "messages": [
            {
                "external_id": "m1", "kind": "message", "content": "Where is my order?",
                "author": { "type": "contact", "external_id": "c1", "name": "Ada" },
                "timestamp": 1_764_579_600_000_i64,
            },
            {
                "external_id": "m2", "kind": "comment", "content": "It is late.",
                "author": { "type": "teammate" }, "timestamp": 1_764_579_660_500_i64, "ai_tool": "custom",
            },
        ],
    })
}

fn lines(tickets: std::ops::Range<usize>) -> String {
    tickets.fold(String::new(), |mut text, ticket| {
        writeln!(text, "{}", line(&ticket.to_string())).unwrap();
        text
    })
}

fn import(folder: &Path, server: &ServerProcess, arguments: &[&str]) -> Output {
    let address = server.address().to_string();
    plaudit(folder).args(["import", "--server", &address]).args(arguments).output().unwrap()
}

/// Exit code, standard output and standard error.
fn told(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// An import that runs while the test watches; killed when this is dropped.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    /// Taken by `ended`.
    errors: Option<ChildStderr>,
}

impl Running {
    /// Reads from a pipe that the test writes to.
    fn start(folder: &Path, server: &ServerProcess, arguments: &[&str]) -> Self {
        let address = server.address().to_string();
        let mut child = plaudit(folder)
            .args(["import", "-", "--server", &address])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, errors) = (child.stdin.take(), child.stderr.take());
        Self { child, input, errors }
    }

    fn write(&mut self, text: &str) {
        self.input.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    async fn ended(mut self) -> (Option<i32>, String, String) {
        self.input = None;
        let mut status = None;
        until("the import's end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        let (mut out, mut errors) = (String::new(), String::new());
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut out).unwrap();
        }
        self.errors.take().unwrap().read_to_string(&mut errors).unwrap();
        (status.unwrap().code(), out, errors)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have exited by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn is_stored(client: &Client, ticket: usize) -> bool {
    client.conversation(&format!("conversations/file:{ticket}")).await.is_ok()
}

async fn wait_for(client: &Client, ticket: usize) {
    soon("a line in the store", async {
        while !is_stored(client, ticket).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_is_stored_line_by_line_and_a_second_time_changes_nothing() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    // A byte order mark, a blank line, a Windows line ending, and no newline at the end.
    let text = format!("\u{feff}{}\r\n\n  \n{}\n{}", line("1"), line("2"), line("3"));
    std::fs::write(folder.path().join("tickets.jsonl"), text).unwrap();
    let (code, out, errors) = told(import(folder.path(), &server, &["tickets.jsonl"]));
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(out.starts_with("3 lines, ") && out.ends_with(": 3 stored, 0 there already, 0 bad\n"), "{out}");
    let client = Client::new(server.channel().await);
    let stored = client.conversation("conversations/file:1").await.unwrap();
    assert_eq!((stored.subject.as_deref(), stored.message_count), (Some("Order 4711"), 2));
    let messages = without_names(client.messages(&stored.name, 50).await);
    assert_eq!(messages[1].create_time.unwrap().nanos, 500_000_000);
    assert_eq!(messages[1].ai_tool.as_deref(), Some("custom"));
    assert_eq!(messages[0].author.as_ref().unwrap().name.as_deref(), Some("Ada"));

    let (code, out, _) = told(import(folder.path(), &server, &["tickets.jsonl"]));
    assert!(code == Some(0) && out.ends_with(": 0 stored, 3 there already, 0 bad\n"), "{out}");
}

#[tokio::test]
async fn bad_lines_are_reported_by_number_with_every_rule_and_skipped() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let mut bad = line("bad");
    bad["messages"][0]["kind"] = json!("letter");
    bad["messages"][1]["timestamp"] = json!("yesterday");
    bad["messages"][1]["author"] = json!({});
    let mut large = line("large");
    let text = "x".repeat(250_000);
    let message = |number: usize| {
        json!({ "external_id": number.to_string(), "kind": "message", "content": text,
            "author": { "type": "contact" }, "timestamp": 0 })
    };
    large["messages"] = (0..20).map(message).collect();
    let mut long = line("long");
    long["messages"] = (0..2000)
        .map(|number| {
            json!({ "external_id": number.to_string(), "kind": "message", "content": "",
                "author": { "type": "contact" }, "timestamp": 0 })
        })
        .collect();
    let text = format!("{}\n{bad}\n{}\n{{\n[]\n{large}\n{long}\n{}\n", line("1"), line("2"), json!({}));
    std::fs::write(folder.path().join("t.jsonl"), text).unwrap();
    let (code, out, errors) = told(import(folder.path(), &server, &["t.jsonl"]));
    assert_eq!(code, Some(1), "{errors}");
    assert!(out.ends_with(": 3 stored, 0 there already, 5 bad\n"), "{out}");
    for expected in [
        "t.jsonl:2: messages[0].kind: must be \"message\" or \"comment\", is the string \"letter\"",
        "t.jsonl:2: messages[1].timestamp: must be an integer",
        "t.jsonl:2: messages[1].author.type: is required",
        "t.jsonl:4: $: cannot be read as JSON",
        "t.jsonl:5: $: must be an object",
        "t.jsonl:6: $: must be at most 4194304 bytes as a request",
        "t.jsonl:8: ticket_id: is required",
        "t.jsonl:8: messages: is required",
        "5 lines were bad; all others are stored",
    ] {
        assert!(errors.contains(expected), "{expected} in {errors}");
    }
    assert!(!errors.contains("jsonl:1:") && !errors.contains("jsonl:3:") && !errors.contains("jsonl:7:"));
}

#[tokio::test]
async fn append_adds_what_is_new() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let mut more = line("1");
    more["messages"][0]["external_id"] = json!("m3");
    std::fs::write(folder.path().join("t.jsonl"), format!("{}\n{more}\n{more}\n", line("1"))).unwrap();
    let (code, out, errors) = told(import(folder.path(), &server, &["t.jsonl", "--on-conflict", "append"]));
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.ends_with(": 1 stored, 1 appended to, 1 there already, 0 bad\n"), "{out}");
    let client = Client::new(server.channel().await);
    assert_eq!(client.conversation("conversations/file:1").await.unwrap().message_count, 3);
}

#[tokio::test]
async fn it_starts_from_the_given_line() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("t.jsonl"), format!("not JSON\n{}", lines(2..5))).unwrap();
    let (code, out, _) = told(import(folder.path(), &server, &["t.jsonl", "--from-line", "3"]));
    assert!(code == Some(0) && out.ends_with(": 2 stored, 0 there already, 0 bad\n"), "{out}");
    let client = Client::new(server.channel().await);
    assert!(!is_stored(&client, 2).await && is_stored(&client, 3).await && is_stored(&client, 4).await);

    // Teams before it are known to those who refer to them; no more is said of them.
    let team = |name: &str| json!({ "team": { "source": "file", "externalId": "t", "displayName": name } });
    let text = format!("{}\n{}\n{}", team("Billing"), team("\n"), lines(5..6));
    std::fs::write(folder.path().join("t.jsonl"), text).unwrap();
    let (code, out, errors) = told(import(folder.path(), &server, &["t.jsonl", "--from-line", "3"]));
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    assert!(out.starts_with("1 line, ") && out.ends_with(": 1 stored, 0 there already, 0 bad\n"), "{out}");
}

#[tokio::test]
async fn a_fatal_error_is_exit_code_2() {
    let mut server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("t.jsonl"), lines(0..3)).unwrap();
    for (arguments, expected) in [
        (&["none.jsonl"][..], "none.jsonl: No such file"),
        (&["."], "directory"),
        (&["t.jsonl", "--from-line", "0"], "--from-line"),
        (&["t.jsonl", "--wait-seconds", "-1"], "-1 is not in 0..=86400"),
        (&["t.jsonl", "--on-conflict", "perhaps"], "append"),
        (&["t.jsonl", "--server", "::no url::"], "cannot be used multiple times"),
    ] {
        let (code, _, errors) = told(import(folder.path(), &server, arguments));
        assert_eq!(code, Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    }
    server.kill();
    let (code, _, errors) = told(import(folder.path(), &server, &["t.jsonl"]));
    assert_eq!(code, Some(2));
    assert!(errors.contains("cannot connect") && errors.contains("refused"), "{errors}");
    assert!(
        errors.contains("; no line is imported. Resume with: plaudit import t.jsonl --from-line 1"),
        "{errors}"
    );
}

#[tokio::test]
async fn an_interrupt_finishes_pending_lines_and_says_where_to_resume() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let mut import = Running::start(folder.path(), &server, &[]);
    import.write(&lines(0..50));
    let client = Client::new(server.channel().await);
    wait_for(&client, 49).await;
    import.interrupt();
    let (code, out, errors) = import.ended().await;
    assert_eq!(code, Some(2), "{errors}");
    assert!(out.starts_with("50 lines, "), "{out}");
    assert!(errors.contains("interrupted; every line before 51 is done"), "{errors}");
    assert!(errors.contains("plaudit import - --from-line 51"), "{errors}");
}

#[tokio::test]
async fn a_server_that_is_killed_and_restarted_gets_every_line_once() {
    let mut server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let mut import = Running::start(folder.path(), &server, &[]);
    let mut next = 0;
    for round in 0..4 {
        // These lines are in flight when the server is killed.
        import.write(&lines(next..next + 300));
        next += 300;
        let client = Client::new(server.channel().await);
        wait_for(&client, next - 300 + 40 * round).await;
        if round % 2 == 0 {
            server.kill();
        } else {
            assert_eq!(server.terminate().await.code(), Some(0), "{}", server.log());
        }
        server = server.restart_there();
    }
    let (code, out, errors) = import.ended().await;
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.starts_with("1200 lines, ") && out.ends_with(" 0 bad\n"), "{out}");
    assert!(errors.contains("retrying in"), "{errors}");
    let client = Client::new(server.channel().await);
    for ticket in 0..next {
        let name = format!("conversations/file:{ticket}");
        assert_eq!(client.conversation(&name).await.unwrap().message_count, 2, "{name}");
    }
    // Importing the same file again changes nothing.
    std::fs::write(folder.path().join("t.jsonl"), lines(0..next)).unwrap();
    let (code, out, _) = told(self::import(folder.path(), &server, &["t.jsonl"]));
    assert!(code == Some(0) && out.ends_with(": 0 stored, 1200 there already, 0 bad\n"), "{out}");
}

#[tokio::test]
async fn waiting_for_a_missing_server_has_a_limit() {
    let mut server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let mut import = Running::start(folder.path(), &server, &["--wait-seconds", "1"]);
    import.write(&lines(0..10));
    wait_for(&Client::new(server.channel().await), 9).await;
    server.kill();
    let (code, _, errors) = import.ended().await;
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("cannot connect") && errors.contains("Resume with"), "{errors}");
}

#[test]
fn its_help_describes_lines_and_exit_codes() {
    let folder = TempDir::new().unwrap();
    let (code, out, _) = told(plaudit(folder.path()).args(["import", "--help"]).output().unwrap());
    assert_eq!(code, Some(0));
    for expected in ["docs/rest-craftcx.md", "Exit codes:", "--from-line", "--on-conflict", "PLAUDIT_SERVER"]
    {
        assert!(out.contains(expected), "{expected} in {out}");
    }
}

/// The parts of a conversation, as written by an export.
fn parts(count: usize) -> Vec<Value> {
    let message = |number: usize| {
        json!({ "externalId": format!("m{number}"), "kind": "MESSAGE_KIND_MESSAGE", "content": "Hello.",
            "author": { "kind": "AUTHOR_KIND_CONTACT" }, "createTime": "2026-01-01T00:00:00Z" })
    };
    let part = |part: usize| {
        json!({ "conversation": { "source": "test", "externalId": "42" }, "continues": part > 0,
            "messages": (4 * part..4 * part + 4).map(message).collect::<Vec<_>>() })
    };
    (0..count).map(part).collect()
}

fn write(folder: &Path, lines: &[Value]) {
    let text: Vec<_> = lines.iter().map(Value::to_string).collect();
    std::fs::write(folder.join("t.jsonl"), text.join("\n")).unwrap();
}

#[tokio::test]
async fn a_continuation_is_appended_only_to_the_part_before_it() {
    let server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    let folder = TempDir::new().unwrap();
    let name = "conversations/test:42";
    let refused = |lines: &[Value], arguments: &[&str], bad: &[u64]| {
        write(folder.path(), lines);
        let (code, out, errors) = told(import(folder.path(), &server, &[&["t.jsonl"], arguments].concat()));
        assert_eq!(code, Some(1), "{out} {errors}");
        for line in bad {
            assert!(errors.contains(&format!("t.jsonl:{line}: ")), "{line} in {errors}");
        }
    };
    let whole = parts(3);
    // The first part is invalid, so the others have nothing to continue.
    let mut bad = parts(3);
    bad[0]["messages"][0]["kind"] = json!(0);
    refused(&bad, &[], &[1, 2, 3]);
    let mut unread = parts(2);
    unread[0]["messages"][0]["content"] = json!(5);
    refused(&unread, &[], &[1, 2]);
    // A part in between is missing, or belongs to another conversation.
    refused(&[whole[1].clone()], &[], &[1]);
    let mut other = whole[0].clone();
    other["conversation"]["externalId"] = json!("43");
    refused(&[other, whole[1].clone()], &[], &[2]);
    assert!(client.conversation(name).await.is_err());
    // Another conversation has that name and ends differently.
    client.import(sample::import_of("42", sample::messages(0, 3))).await.unwrap();
    refused(&whole, &[], &[2, 3]);
    refused(&whole, &["--from-line", "2"], &[2, 3]);
    assert_eq!(client.conversation(name).await.unwrap().message_count, 3);
}

#[tokio::test]
async fn an_import_resumes_in_the_middle_of_a_conversation() {
    let server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    let folder = TempDir::new().unwrap();
    write(folder.path(), &parts(1));
    assert_eq!(told(import(folder.path(), &server, &["t.jsonl"])).0, Some(0));
    write(folder.path(), &parts(3));
    let (code, out, errors) = told(import(folder.path(), &server, &["t.jsonl", "--from-line", "2"]));
    assert!(code == Some(0) && out.contains(": 0 stored, 2 appended to, "), "{out} {errors}");
    assert_eq!(client.conversation("conversations/test:42").await.unwrap().message_count, 12);
    let (code, out, _) = told(import(folder.path(), &server, &["t.jsonl"]));
    assert!(code == Some(0) && out.ends_with(": 0 stored, 3 there already, 0 bad\n"), "{out}");
}

#[tokio::test]
async fn an_import_continues_when_its_output_is_not_read() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let address = server.address().to_string();
    std::fs::write(folder.path().join("t.jsonl"), format!("nonsense\n{}", lines(0..3))).unwrap();
    let command = || {
        let mut command = plaudit(folder.path());
        command.args(["import", "t.jsonl", "--server", &address]);
        command
    };
    let closed = || {
        let (_, write) = std::io::pipe().unwrap();
        write
    };
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let status = command().stdout(closed()).stderr(closed()).status().unwrap();
    assert_eq!(status.code(), Some(1), "a line is bad, as the exit code shows");
    assert!(is_stored(&Client::new(server.channel().await), 2).await);
    assert_eq!(command().stderr(full()).output().unwrap().status.code(), Some(1));
    // A result that cannot be written although it is wanted is reported.
    let output = command().args(["--from-line", "2"]).stdout(full()).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(2) && errors.contains("cannot write to standard output"),
        "{errors}"
    );
}

#[tokio::test]
async fn the_resume_command_repeats_all_arguments() {
    let mut server = ServerProcess::start();
    server.kill();
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("my file"), lines(0..3)).unwrap();
    let more = ["my file", "--on-conflict", "append", "--wait-seconds", "1"];
    let (code, _, errors) = told(import(folder.path(), &server, &more));
    let address = server.address();
    let hint = format!(
        "Resume with: plaudit import 'my file' --from-line 1 --server {address} --on-conflict append --wait-seconds 1"
    );
    assert!(code == Some(2) && errors.contains(&hint), "{errors}");
}

#[tokio::test]
async fn a_first_line_after_the_end_is_reported() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("t.jsonl"), lines(0..3)).unwrap();
    let (code, _, errors) = told(import(folder.path(), &server, &["t.jsonl", "--from-line", "4"]));
    assert_eq!(code, Some(0));
    assert!(errors.contains("nothing to import from line 4 on: t.jsonl ends before"), "{errors}");
}

#[tokio::test]
async fn an_interrupted_wait_says_that_everything_is_imported() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let mut import = Running::start(folder.path(), &server, &["--wait"]);
    // More than are scored before the import ends.
    for number in 0..2_000 {
        import.write(&format!("{}\n", line(&number.to_string())));
    }
    import.input = None;
    let mut out = BufReader::new(import.child.stdout.take().unwrap());
    let mut summary = String::new();
    out.read_line(&mut summary).unwrap();
    assert!(summary.ends_with(": 2000 stored, 0 there already, 0 bad\n"), "{summary}");
    // What is not scored by now stays so.
    server.signal(Signal::STOP);
    import.interrupt();
    let (code, _, errors) = import.ended().await;
    server.signal(Signal::CONT);
    assert_eq!(code, Some(3), "{errors}");
    assert!(
        errors.contains("stopped waiting; every line is imported, and the server continues scoring"),
        "{errors}"
    );
}
