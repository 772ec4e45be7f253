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

fn import(server: &ServerProcess, file: impl AsRef<[u8]>) -> (Option<i32>, String, String) {
    import_with(server, file, &[])
}

fn import_with(
    server: &ServerProcess,
    file: impl AsRef<[u8]>,
    more: &[&str],
) -> (Option<i32>, String, String) {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("t.json"), file).unwrap();
    let address = server.address().to_string();
    let arguments = [&["import", "t.json", "--server", &address], more].concat();
    let Output { status, stdout, stderr } = plaudit(folder.path()).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_file_of_another_layout_is_refused_once_with_the_next_step() {
    let server = ServerProcess::start();
    let array = include_bytes!("../../demo/conversations.json");
    let object = serde_json::to_string_pretty(&line(1, NOW)).unwrap();
    let wrapped = serde_json::to_string_pretty(&json!({ "tickets": [line(1, NOW)] })).unwrap();
    let utf_16: Vec<u8> =
        format!("\u{feff}{}", line(1, NOW)).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let commas: String = (1..4).map(|number| format!("{},\n", line(number, NOW))).collect();
    for (bytes, step) in [
        (&array[..], "jq -c '.[]' t.json | plaudit import -"),
        (object.as_bytes(), "jq -c . t.json | plaudit import -"),
        (wrapped.as_bytes(), "jq -c '.tickets[]' t.json | plaudit import -"),
        (&[&b"\xef\xbb\xbf\n"[..], array].concat(), "jq -c '.[]'"),
        (&utf_16, "iconv -f UTF-16 -t UTF-8 t.json | plaudit import -"),
        (&utf_16[2..], "iconv -f UTF-16LE"),
        (b"id,subject\r\n1,Refund\r\n", "it looks like CSV"),
        (b"<?xml version=\"1.0\"?>\n<tickets/>\n", "it looks like XML"),
        (b"\x28\xb5\x2f\xfd\x04\x00rest", "zstdcat t.json | plaudit import -"),
        (b"PK\x03\x04rest", "unzip -p t.json"),
        (b"BZh91AY", "bzcat t.json"),
        (commas.as_bytes(), "commas between them"),
        (format!("{{\"tickets\":[{}]}}\n", line(1, NOW)).as_bytes(), "jq -c '.tickets[]' t.json"),
    ] {
        let (code, out, errors) = import(&server, bytes);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(
            errors.starts_with("plaudit: t.json: it looks like ") && errors.contains(step),
            "{step}: {errors}"
        );
    }
}

/// What looks wrong at the beginning may be a bad line all the same.
#[test]
fn a_bad_first_line_is_a_bad_line_if_lines_follow() {
    let server = ServerProcess::start();
    for first in ["{", "{\"ticket_id\": \"1\",", "id,subject", "nonsense", "---", "{]"] {
        let (code, out, errors) = import(&server, format!("\n{first}\n\n{}\n", line(1, NOW)));
        assert_eq!(code, Some(1), "{errors}");
        assert!(
            out.contains("2 lines") && errors.starts_with("t.json:2: $: cannot be read as JSON"),
            "{out} {errors}"
        );
    }
}

#[test]
fn lines_that_hold_lists_are_bad_lines_and_no_other_layout() {
    let server = ServerProcess::start();
    let other = r#"{"id":1,"comments":[{"text":"Hello"}]}"#;
    let (code, out, errors) = import(&server, format!("{other}\n{other}\n{}\n", line(1, NOW)));
    assert_eq!(code, Some(1), "{errors}");
    assert!(out.ends_with(": 1 stored, 0 there already, 2 bad\n"), "{out}");
    for told in ["t.json:1: comments: is an unknown key", "t.json:2: comments: is an unknown key"] {
        assert!(errors.contains(told), "{errors}");
    }
    assert!(!errors.contains("jq"), "{errors}");
}

#[test]
fn bad_lines_beyond_a_limit_are_counted() {
    let server = ServerProcess::start();
    let text = format!("{}\n{}", line(1, NOW), "nonsense\n".repeat(2200));
    let (code, out, errors) = import(&server, &text);
    assert_eq!(code, Some(1), "{errors}");
    assert!(out.ends_with(": 1 stored, 0 there already, 2200 bad\n"), "{out}");
    let listed = errors.lines().filter(|line| line.starts_with("t.json:")).count();
    assert_eq!((listed, errors.lines().count()), (20, 22), "{errors}");
    assert!(
        errors.contains("plaudit: 2180 more bad lines are not listed; --list-bad 2200 lists all\n"),
        "{errors}"
    );
    let (_, _, errors) = import_with(&server, &text, &["--list-bad", "2199"]);
    assert!(errors.contains("t.json:2200: ") && errors.contains("1 more bad line is not listed"), "{errors}");
    let (_, _, errors) = import_with(&server, &text, &["--list-bad", "0"]);
    assert_eq!(errors.lines().filter(|line| line.starts_with("t.json:")).count(), 0, "{errors}");
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
    let (_, _, errors) = import(&server, format!("{numbered}\n{exported}\n{person}\n"));
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
    assert!(errors.ends_with("plaudit: both lines were bad; nothing is stored\n"), "{errors}");
    let (_, _, errors) = import(&server, "{}\n");
    assert!(errors.ends_with("plaudit: the only line was bad; nothing is stored\n"), "{errors}");
}

#[tokio::test]
async fn a_number_that_looks_like_seconds_is_refused() {
    let server = ServerProcess::start();
    let text = format!("{}\n{}\n{}\n", line(1, NOW), line(2, 1_700_000_000), line(3, 0));
    let (code, _, errors) = import(&server, &text);
    assert_eq!(code, Some(1), "{errors}");
    assert_eq!(
        errors,
        "t.json:2: messages[0].timestamp: must be milliseconds since 1970-01-01, is the number 1700000000: it looks like seconds \
         (2023-11-14T22:13:20Z); write 1700000000000\nplaudit: 1 line was bad; all others are stored\n"
    );
    let client = Client::new(server.channel().await);
    assert!(client.conversation("conversations/file:2").await.is_err());
    assert!(client.conversation("conversations/file:3").await.is_ok());
}

#[test]
fn messages_that_go_backwards_are_told_once() {
    let server = ServerProcess::start();
    let with = |ticket: usize, times: &[i64]| {
        let mut line = line(ticket, 0);
        let message = line["messages"][0].clone();
        let messages = times.iter().enumerate().map(|(place, time)| {
            let mut message = message.clone();
            message["external_id"] = json!(place.to_string());
            message["timestamp"] = json!(NOW + time);
            message
        });
        line["messages"] = messages.collect();
        line
    };
    let mut text = String::new();
    for (ticket, times) in
        [&[0, 5, 9][..], &[9, 5, 0], &[9, 9, 0], &[9, 0, 5], &[5, 5], &[5]].iter().enumerate()
    {
        text += &format!("{}\n", with(ticket, times));
    }
    let (code, _, errors) = import(&server, &text);
    assert_eq!((code, errors.lines().count()), (Some(0), 1), "{errors}");
    let expected = "plaudit: warning: the messages of lines 2 and 3 go from the newest to the oldest; they are stored in that order, ";
    let step = ": sed -n '2p;3p' FILE | jq -c '.messages |= reverse' | plaudit import -\n";
    assert!(errors.starts_with(expected) && errors.ends_with(step), "{errors}");
    let many: String = (10..30).map(|ticket| format!("{}\n", with(ticket, &[9, 0]))).collect();
    let (_, _, errors) = import(&server, &many);
    assert!(errors.contains("the messages of lines 1, 2, 3, 4, 5 and 15 more go"), "{errors}");
    // What is there already is as it was.
    let (_, _, errors) = import(&server, &text);
    assert_eq!(errors, "");
}
