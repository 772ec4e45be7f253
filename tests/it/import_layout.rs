//! What `plaudit import` says of files that are not as it expects, and in which order.

use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Client, ServerProcess, plaudit};

fn line(ticket: usize, timestamp: i64) -> Value {
    json!({ "ticket_id": ticket.to_string(), "source": "file", "messages": [
        { "external_id": "m", "kind": "message", "content": "Hello", "author": { "type": "contact" }, "timestamp": timestamp },
    ]})
}

const NOW: i64 = 1_764_579_600_000;

fn import(server: &ServerProcess, text: &str) -> (Option<i32>, String, String) {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("t.json"), text).unwrap();
    let address = server.address().to_string();
    let arguments = ["import", "t.json", "--server", &address];
    let Output { status, stdout, stderr } = plaudit(folder.path()).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_file_of_another_layout_is_refused_once_with_the_next_step() {
    let server = ServerProcess::start();
    let array = include_str!("../../demo/conversations.json");
    let object = serde_json::to_string_pretty(&line(1, NOW)).unwrap();
    for (text, step) in
        [(array, "jq -c '.[]' FILE"), (&object, "jq -c . FILE"), (&format!("\u{feff}{array}"), "jq")]
    {
        let (code, _, errors) = import(&server, text);
        assert_eq!(code, Some(2), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.starts_with("plaudit: t.json: ") && errors.contains(step), "{errors}");
    }
}

#[test]
fn bad_lines_are_reported_in_order() {
    let server = ServerProcess::start();
    // The server refuses every second one, for what only it knows; the others cannot be read at all.
    let mut text = String::new();
    for number in 1..=40 {
        match number % 4 {
            0 => text += "nonsense\n",
            2 => {
                let mut wrong = json!({ "conversation": { "externalId": "x", "source": "file" } });
                wrong["messages"] = json!([{ "externalId": "m" }]);
                text += &format!("{wrong}\n");
            }
            _ => text += &format!("{}\n", line(number, NOW)),
        }
    }
    let (code, out, errors) = import(&server, &text);
    assert_eq!(code, Some(1), "{errors}");
    assert!(out.ends_with(": 20 stored, 0 there already, 20 bad\n"), "{out}");
    let numbers = errors.lines().filter_map(|line| line.split(':').nth(1)?.parse().ok());
    let mut numbers: Vec<usize> = numbers.collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    numbers.dedup();
    assert_eq!(numbers.len(), 20, "{errors}");
    assert!(errors.contains("t.json:4: $: cannot be read as JSON: expected ident at column 2\n"), "{errors}");
}

#[test]
fn a_violation_names_the_key_that_the_file_has() {
    let server = ServerProcess::start();
    let mut numbered = line(0, NOW);
    numbered["source"] = json!("enneo");
    numbered["ticket_id"] = json!("5000000000000001");
    let exported = json!({
        "conversation": { "source": "file", "externalId": "" },
        "messages": [{
            "externalId": "m", "kind": "MESSAGE_KIND_MESSAGE", "author": { "kind": "AUTHOR_KIND_CONTACT" },
            "createTime": "1969-12-31T23:59:59Z", "rawData": "Auto-Submitted: auto-replied",
        }],
    });
    let person = json!({ "person": { "source": "file", "kind": "AUTHOR_KIND_TEAMMATE", "externalId": "1", "displayName": "\n" } });
    let (_, _, errors) = import(&server, &format!("{numbered}\n{exported}\n{person}\n"));
    for key in [
        "t.json:1: ticket_id: ",
        "t.json:2: conversation.externalId: ",
        "t.json:2: messages[0].createTime: ",
        "t.json:2: messages[0].rawData: must be a JSON object",
        "t.json:3: person.displayName: ",
    ] {
        assert!(errors.contains(key), "{key} in {errors}");
    }
}

#[test]
fn where_no_line_is_stored_nothing_is_said_of_others() {
    let server = ServerProcess::start();
    let (_, _, errors) = import(&server, "{}\n{}\n");
    assert!(errors.ends_with("plaudit: all 2 lines were bad; nothing is stored\n"), "{errors}");
    let (_, _, errors) = import(&server, "{}\n");
    assert!(errors.ends_with("plaudit: the only line was bad; nothing is stored\n"), "{errors}");
}

#[tokio::test]
async fn seconds_in_place_of_milliseconds_are_stored_with_a_warning() {
    let server = ServerProcess::start();
    let text = format!("{}\n{}\n{}\n", line(1, NOW), line(2, 1_700_000_000), line(3, 0));
    let (code, _, errors) = import(&server, &text);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(
        errors,
        "t.json:2: messages[0].timestamp: 1700000000 is stored as 1970-01-20T16:13:20Z, because it is read as \
         milliseconds; if it is seconds, write 1700000000000\n"
    );
    let client = Client::new(server.channel().await);
    assert!(client.conversation("conversations/file:2").await.is_ok());
}
