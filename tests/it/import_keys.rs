//! `plaudit import` of lines with keys and words that nobody knows.

use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Client, ServerProcess, plaudit};

/// As `POST /v1/assess` takes it.
fn assess(ticket: &str) -> Value {
    json!({ "ticket_id": ticket, "source": "file", "messages": [
        { "external_id": "m", "kind": "message", "content": "Hello", "author": { "type": "contact" },
            "timestamp": 1_764_579_600_000_i64 },
    ]})
}

/// As an export has it.
fn exported(ticket: &str) -> Value {
    json!({
        "conversation": { "source": "file", "externalId": ticket, "status": "CONVERSATION_STATUS_CLOSED" },
        "messages": [{
            "externalId": "m", "kind": "MESSAGE_KIND_MESSAGE", "content": "Hello",
            "author": { "kind": "AUTHOR_KIND_CONTACT" }, "createTime": "2026-01-01T00:00:00Z",
        }],
    })
}

fn import(server: &ServerProcess, lines: &[Value], more: &[&str]) -> (Option<i32>, String, String) {
    let folder = TempDir::new().unwrap();
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(folder.path().join("t.jsonl"), text.join("\n")).unwrap();
    let address = server.address().to_string();
    let arguments = [&["import", "t.jsonl", "--server", &address], more].concat();
    let Output { status, stdout, stderr } = plaudit(folder.path()).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A line with something changed.
fn with(mut line: Value, path: &str, value: Value) -> Value {
    *line
        .pointer_mut(path.rsplit_once('/').unwrap().0)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .entry(path.rsplit_once('/').unwrap().1)
        .or_insert(Value::Null) = value;
    line
}

#[tokio::test]
async fn what_nobody_knows_is_named_with_its_path_and_the_line_is_not_stored() {
    let server = ServerProcess::start();
    let cases = [
        (
            assess("1"),
            "/status",
            json!("closed"),
            r#"status: is an unknown key, with the string "closed"; known here: messages, source, ticket_id, subject, language"#,
        ),
        (assess("1"), "/status", json!("closed"), "plaudit export has it in conversation.status"),
        (assess("1"), "/tags", json!(["vip"]), "tags: is an unknown key, with an array of 1; "),
        (assess("1"), "/csat", json!(5), "csat: is an unknown key, with the number 5; known here: "),
        (
            assess("1"),
            "/subjekt",
            json!("x"),
            "subjekt: is an unknown key, with the string \"x\"; did you mean subject?",
        ),
        (
            assess("1"),
            "/messages/0/private",
            json!(true),
            "messages[0].private: is an unknown key, with the boolean true; ",
        ),
        (
            assess("1"),
            "/messages/0/author/email",
            json!("a@b.c"),
            "messages[0].author.email: is an unknown key, ",
        ),
        (
            assess("1"),
            "/messages/0/ai_tol",
            Value::Null,
            "messages[0].ai_tol: is an unknown key, with null; did you mean ai_tool?",
        ),
        (assess("1"), "/two\nlines", json!(1), r#""two\nlines": is an unknown key"#),
        (
            assess("1"),
            "/messages/0/kind",
            json!("MESSAGE_KIND_MESSAGE"),
            r#"messages[0].kind: must be "message" or "comment", is the string "MESSAGE_KIND_MESSAGE""#,
        ),
        (
            exported("1"),
            "/status",
            json!("closed"),
            "status: is an unknown key, with the string \"closed\"; known here: conversation, continues, messages, ratings, assessments; plaudit export has it in conversation.status",
        ),
        (exported("1"), "/onConflict", json!("x"), "onConflict: is an unknown key"),
        (
            exported("1"),
            "/conversation/csat",
            json!(5),
            "conversation.csat: is an unknown key, with the number 5; known here: name, source, ",
        ),
        (
            exported("1"),
            "/conversation/tag",
            json!(["x"]),
            "conversation.tag: is an unknown key, with an array of 1; did you mean tags?",
        ),
        (
            exported("1"),
            "/messages/0/timestamp",
            json!(1),
            "messages[0].timestamp: is an unknown key, with the number 1; ",
        ),
        (
            exported("1"),
            "/messages/0/kind",
            json!("message"),
            r#"messages[0].kind: must be one of MESSAGE_KIND_MESSAGE, MESSAGE_KIND_COMMENT, is the string "message"; did you mean MESSAGE_KIND_MESSAGE?"#,
        ),
        (
            exported("1"),
            "/messages/0/kind",
            json!(9),
            "messages[0].kind: must be one of MESSAGE_KIND_MESSAGE, MESSAGE_KIND_COMMENT, is the number 9",
        ),
        (
            exported("1"),
            "/messages/0/author/kind",
            json!("AUTHOR_KIND_AGENT"),
            "messages[0].author.kind: must be one of AUTHOR_KIND_",
        ),
        (
            exported("1"),
            "/conversation/status",
            json!("CONVERSATION_STATUS_CLOSE"),
            "did you mean CONVERSATION_STATUS_CLOSED?",
        ),
        (
            exported("1"),
            "/conversation/channel",
            json!("FAX"),
            "conversation.channel: must be one of CHANNEL_EMAIL, ",
        ),
        (
            exported("1"),
            "/conversation/externalId",
            json!(5),
            "conversation.externalId: must be a string, is the number 5",
        ),
        (
            exported("1"),
            "/messages/0/createTime",
            json!(1_764_579_600),
            "messages[0].createTime: must be a date and time in ISO 8601",
        ),
        (exported("1"), "/messages", json!({}), "messages: must be an array, is an object"),
        (
            exported("1"),
            "/messages/0/author",
            json!("Ada"),
            "messages[0].author: must be an object, is the string \"Ada\"",
        ),
        (
            exported("1"),
            "/continues",
            json!("yes"),
            "continues: must be true or false, is the string \"yes\"",
        ),
        (
            json!({ "team": { "displayName": "x", "nmae": 1 } }),
            "/team/nmae",
            json!(1),
            "team.nmae: is an unknown key, with the number 1; did you mean name?",
        ),
        (
            json!({ "person": { "source": "file", "externalId": "1" } }),
            "/person/kind",
            json!("agent"),
            "person.kind: must be one of ",
        ),
        (
            json!({ "person": { "source": "file" } }),
            "/subject",
            json!(1),
            "subject: is an unknown key, with the number 1; known here: person",
        ),
    ];
    let lines: Vec<Value> =
        cases.iter().map(|(line, path, value, _)| with(line.clone(), path, value.clone())).collect();
    let (code, out, errors) = import(&server, &lines, &["--list-bad", "100"]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(out.contains(&format!(": 0 stored, 0 there already, {} bad", cases.len())), "{out} {errors}");
    for (place, (.., expected)) in cases.iter().enumerate() {
        let number = place + 1;
        let told = errors.lines().filter(|line| line.starts_with(&format!("t.jsonl:{number}: ")));
        let told: Vec<&str> = told.collect();
        assert!(told.iter().any(|line| line.contains(expected)), "{number}: {expected}: {told:?}");
        assert!(
            !told.iter().any(|line| line.contains("is required") && !line.contains("externalId")),
            "{told:?}"
        );
    }
    assert!(Client::new(server.channel().await).conversation("conversations/file:1").await.is_err());
}

#[test]
fn everything_wrong_with_a_line_is_told_at_once() {
    let server = ServerProcess::start();
    let mut line = with(exported("1"), "/csat", json!(1));
    line = with(line, "/conversation/status", json!("done"));
    line = with(line, "/conversation/subject", json!(7));
    line = with(line, "/messages/0/kind", json!("letter"));
    let (_, _, errors) = import(&server, &[line], &[]);
    for path in ["csat", "conversation.status", "conversation.subject", "messages[0].kind"] {
        assert!(errors.contains(&format!("t.jsonl:1: {path}: ")), "{path}: {errors}");
    }
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let server = ServerProcess::start();
    let folder = TempDir::new().unwrap();
    let line = exported("1").to_string().replace("\"content\":", "\"content\":\"first\",\"content\":");
    std::fs::write(folder.path().join("t.jsonl"), line).unwrap();
    let address = server.address().to_string();
    let output = plaudit(folder.path()).args(["import", "t.jsonl", "--server", &address]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("t.jsonl:1: messages[0].content: must be given once in its object"), "{errors}");
}

#[tokio::test]
async fn lenient_ignores_what_nobody_knows_and_says_how_much() {
    let server = ServerProcess::start();
    let lines = [
        with(with(assess("1"), "/status", json!("closed")), "/csat", json!(5)),
        with(with(exported("2"), "/csat", json!(5)), "/conversation/channel", json!("FAX")),
        with(exported("3"), "/messages/0/csat", json!(5)),
        // A word that must be there is not ignored: the line would be stored as something else.
        with(exported("4"), "/messages/0/kind", json!("message")),
        with(assess("5"), "/messages/0/kind", json!("letter")),
        json!({ "person": { "source": "file", "externalId": "1", "kind": "agent" } }),
        json!({ "team": { "displayName": "Billing", "colour": "red" } }),
    ];
    let (code, out, errors) = import(&server, &lines, &["--lenient"]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(out.contains(": 3 stored, 0 there already, 3 bad, 1 about people"), "{out} {errors}");
    let told = "plaudit: ignored 6 unknown keys and words: csat (2, first in line 1), ";
    assert!(errors.contains(told), "{errors}");
    for path in [
        "status (line 1)",
        "conversation.channel (line 2)",
        "messages[].csat (line 3)",
        "team.colour (line 7)",
    ] {
        assert!(errors.contains(path), "{path}: {errors}");
    }
    for expected in [
        "t.jsonl:4: messages[0].kind: must be one of MESSAGE_KIND_MESSAGE, ",
        "t.jsonl:5: messages[0].kind: must be \"message\" or \"comment\", is the string \"letter\"",
        "t.jsonl:6: person.kind: must be one of ",
    ] {
        assert!(errors.contains(expected), "{expected}: {errors}");
    }
    assert!(!errors.contains("is required"), "{errors}");
    let client = Client::new(server.channel().await);
    assert_eq!(client.conversation("conversations/file:2").await.unwrap().channel, 0);
    assert!(client.conversation("conversations/file:3").await.is_ok());
}

#[test]
fn facts_of_a_file_read_its_lines_alike() {
    let folder = TempDir::new().unwrap();
    let lines =
        [with(assess("1"), "/csat", json!(5)), with(exported("2"), "/messages/0/kind", json!("message"))];
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(folder.path().join("t.jsonl"), text.join("\n")).unwrap();
    for (arguments, bad) in [
        (&["facts", "t.jsonl"][..], "2 lines were bad"),
        (&["facts", "--lenient", "t.jsonl"], "1 line was bad"),
    ] {
        let output = plaudit(folder.path()).args(arguments).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            errors.contains(bad) && errors.contains("t.jsonl:2: messages[0].kind: must be one of"),
            "{errors}"
        );
    }
}
