//! `plaudit facts`: the facts of conversations in a file, without a server, and of a stored one.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    export_command::run,
    harness::{Client, ServerProcess, plaudit, sample},
};

const TICKET: &str = r#"{"ticket_id": "1", "messages": [
    {"external_id": "a", "kind": "message", "content": "Where is my order 5512?", "author": {"type": "contact"}, "timestamp": 1700000000000},
    {"external_id": "b", "kind": "message", "content": "It left our warehouse and will arrive tomorrow.", "author": {"type": "teammate"},
     "timestamp": 1700000600000}
]}"#;

fn facts(folder: &TempDir, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = plaudit(folder.path()).arg("facts").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn facts_of_a_file_need_no_server() {
    let folder = TempDir::new().unwrap();
    let line = TICKET.replace('\n', " ");
    std::fs::write(folder.path().join("tickets.jsonl"), format!("{line}\n\n{line}\n")).unwrap();
    let (code, page, complaint) = facts(&folder, &["tickets.jsonl"]);
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    assert!(page.starts_with("tickets.jsonl:1: 2 messages\n"), "{page}");
    assert!(page.contains("\ntickets.jsonl:3: 2 messages\n"), "{page}");
    assert!(page.contains("  first_response_seconds        600 seconds\n"), "{page}");
    assert!(page.contains("2. teammate: It left our warehouse and will arrive tomorrow."), "{page}");
    assert!(page.contains("  not known here  "), "{page}");

    let (code, page, _) = facts(&folder, &["--json", "--fact", "first_response_seconds", "tickets.jsonl"]);
    let found: Value = serde_json::from_str(page.lines().next().unwrap()).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(found["conversation"], "tickets.jsonl:1");
    assert_eq!(found["facts"].as_array().unwrap().len(), 1);
    assert_eq!(found["facts"][0]["value"], 600);
    assert_eq!(found["facts"][0]["unit"], "seconds");
    let externals: Vec<&Value> =
        found["facts"][0]["evidence"].as_array().unwrap().iter().map(|it| &it["externalId"]).collect();
    assert_eq!(externals, [&json!("a"), &json!("b")]);
}

#[test]
fn what_is_wrong_is_named() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("bad.jsonl"), r#"{"ticket_id": "1", "messages": [{}]}"#).unwrap();
    let (code, _, complaint) = facts(&folder, &["bad.jsonl"]);
    assert_eq!(code, Some(1));
    assert!(complaint.starts_with("bad.jsonl:1: messages[0]."), "{complaint}");
    let (code, _, complaint) = facts(&folder, &["missing.jsonl"]);
    assert_eq!(code, Some(1));
    assert!(complaint.contains("missing.jsonl"), "{complaint}");
    let (code, _, complaint) = facts(&folder, &["--fact", "nonsense", "bad.jsonl"]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("plaudit facts --list"), "{complaint}");
}

#[test]
fn a_file_of_another_layout_is_refused_with_the_next_step() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("t.json"), include_str!("../../demo/conversations.json")).unwrap();
    let (code, _, complaint) = facts(&folder, &["t.json"]);
    assert_eq!(code, Some(1));
    assert!(
        complaint.starts_with("plaudit: t.json: it looks like a JSON array, ")
            && complaint.contains("jq -c '.[]' t.json | plaudit facts -"),
        "{complaint}"
    );
}

#[test]
fn every_bad_line_is_named_and_the_others_are_told() {
    let folder = TempDir::new().unwrap();
    let line = TICKET.replace('\n', " ");
    std::fs::write(folder.path().join("t.jsonl"), format!("{line}\n{{}}\n{line}\n[]\n{line}\n")).unwrap();
    let (code, page, complaint) = facts(&folder, &["t.jsonl"]);
    assert_eq!(code, Some(1));
    for told in ["t.jsonl:1: 2 messages", "t.jsonl:3: 2 messages", "t.jsonl:5: 2 messages"] {
        assert!(page.contains(told), "{told} in {page}");
    }
    for told in ["t.jsonl:2: ticket_id: is required", "t.jsonl:4: $: must be an object", "2 lines were bad"] {
        assert!(complaint.contains(told), "{told} in {complaint}");
    }
}

#[test]
fn a_word_that_is_ignored_is_named_where_its_conversation_continues() {
    let folder = TempDir::new().unwrap();
    let part = |message: &str, kind: &str, continues: &str| {
        format!(
            r#"{{{continues}"conversation": {{"source": "s", "externalId": "1"}}, "messages": [{{"externalId": "{message}", "kind": "{kind}", "content": "Hello", "author": {{"kind": "AUTHOR_KIND_CONTACT"}}, "createTime": "2026-01-01T00:00:00Z"}}]}}"#
        )
    };
    let lines = [part("a", "MESSAGE_KIND_MESSAGE", ""), part("b", "letter", r#""continues": true, "#)];
    std::fs::write(folder.path().join("t.jsonl"), lines.join("\n")).unwrap();
    let (code, _, complaint) = facts(&folder, &["--lenient", "t.jsonl"]);
    assert_eq!(code, Some(1), "{complaint}");
    assert!(complaint.starts_with("t.jsonl:1: messages[1].kind: must be one of"), "{complaint}");
    assert!(complaint.contains("letter"), "{complaint}");
}

#[test]
fn the_sample_file_of_the_repository_is_read() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("t.jsonl"), include_str!("../../demo/tickets.jsonl")).unwrap();
    let (code, page, complaint) = facts(&folder, &["--fact", "outcome", "t.jsonl"]);
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    assert!(page.contains("t.jsonl:3: "), "{page}");
}

#[test]
fn what_was_meant_as_a_stored_conversation_gets_its_name() {
    let folder = TempDir::new().unwrap();
    for name in ["4711", "zendesk:4711"] {
        let (code, _, complaint) = facts(&folder, &[name]);
        assert_eq!(code, Some(1));
        assert!(complaint.contains(&format!("write conversations/{name}\n")), "{complaint}");
    }
}

#[test]
fn the_list_says_what_facts_mean() {
    let folder = TempDir::new().unwrap();
    let (code, list, _) = facts(&folder, &["--list", "--fact", "first_response_seconds"]);
    assert_eq!(code, Some(0));
    assert!(list.contains("first_response_seconds") && list.contains("(seconds)"), "{list}");
    assert_eq!(list.lines().count(), 1);
}

#[tokio::test]
async fn facts_of_a_stored_conversation_are_those_of_its_export() {
    let server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    let name = client.import(sample::import("one")).await.unwrap().conversation;
    client.scored(&name).await;
    let folder = TempDir::new().unwrap();
    let (code, stored) = run(folder.path(), &server, &["facts", "--json", "conversations/test:one"]);
    assert_eq!(code, Some(0), "{stored}");
    let (code, by_number) = run(folder.path(), &server, &["facts", "--json", &name]);
    assert_eq!(code, Some(0), "{by_number}");
    run(folder.path(), &server, &["export", "all.jsonl"]);
    let (code, exported) = run(folder.path(), &server, &["facts", "--json", "all.jsonl"]);
    assert_eq!(code, Some(0), "{exported}");
    let of = |text: &str| serde_json::from_str::<Value>(text).unwrap()["facts"].clone();
    assert!(of(&stored).as_array().unwrap().len() > 30);
    assert_eq!(of(&stored), of(&by_number));
    assert_eq!(of(&stored), of(&exported));

    let (code, complaint) = run(folder.path(), &server, &["facts", "conversations/test:two"]);
    assert_eq!(code, Some(1));
    assert!(complaint.starts_with("plaudit: conversations/test:two: "), "{complaint}");
}

#[test]
fn what_commands_a_terminal_is_shown_as_text_and_kept_as_data() {
    let folder = TempDir::new().unwrap();
    let file = "a\u{1b}[31mb.jsonl";
    let line = TICKET.replace('\n', " ").replace("Where is", r"\u001b[2J\u0007 \u202eWhere is");
    std::fs::write(folder.path().join(file), format!("{line}\n{{}}\n")).unwrap();
    let (_, page, complaint) = facts(&folder, &["--fact", "first_response_seconds", file]);
    for told in [&page, &complaint] {
        assert!(!told.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{told:?}");
        assert!(told.starts_with(r"a\u{1b}[31mb.jsonl:"), "{told}");
    }
    assert!(page.contains(r"customer: \u{1b}[2J\u{7} \u{202e}Where is my order"), "{page}");
    let (_, json, _) = facts(&folder, &["--json", "--fact", "first_response_seconds", file]);
    let found: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(found["conversation"], format!("{file}:1"));
    let content = found["facts"][0]["evidence"][0]["content"].as_str().unwrap();
    assert!(content.starts_with("\u{1b}[2J\u{7} \u{202e}Where"), "{content:?}");
}

#[test]
fn a_fact_that_was_probably_meant_is_named() {
    let folder = TempDir::new().unwrap();
    let (code, _, complaint) = facts(&folder, &["--fact", "outcom", "t.jsonl"]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("did you mean outcome? plaudit facts --list"), "{complaint}");
}

#[test]
fn text_in_another_encoding_is_told_with_the_next_step() {
    let folder = TempDir::new().unwrap();
    let line = TICKET.replace('\n', " ").replace("Where is", "Gr\u{fc}\u{df}e");
    let latin: Vec<u8> = line.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
    std::fs::write(folder.path().join("t.jsonl"), latin).unwrap();
    let (_, _, complaint) = facts(&folder, &["t.jsonl"]);
    let column = line.find('\u{fc}').unwrap() + 1;
    let told = format!(
        "t.jsonl:1: $: cannot be read as JSON: it is not UTF-8 text at column {column}; if it is Latin-1, "
    );
    assert!(complaint.starts_with(&told) && complaint.contains("iconv -f latin1 -t utf-8"), "{complaint}");
}
