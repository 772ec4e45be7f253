//! Every rule and limit of the request's fields, one per row.

use serde_json::{Value, json};

use super::setup::{Setup, error_of, message, sample};

/// A change to the documented request, and the paths of what is then wrong with it: none means 202.
type Row = (&'static str, fn(&mut Value), &'static [&'static str]);

const TICKET: &[Row] = &[
    ("the documented request", |_| {}, &[]),
    ("ticket_id is required", |body| remove(body, "/ticket_id"), &["ticket_id"]),
    ("a required field may not be null", |body| body["ticket_id"] = json!(null), &["ticket_id"]),
    ("ticket_id is not empty", |body| body["ticket_id"] = json!(""), &["ticket_id"]),
    ("ticket_id is a string", |body| body["ticket_id"] = json!(123), &["ticket_id"]),
    ("ticket_id has at most 512 bytes", |body| body["ticket_id"] = json!("x".repeat(513)), &["ticket_id"]),
    ("ticket_id may have 512 bytes", |body| body["ticket_id"] = json!("x".repeat(512)), &[]),
    ("ticket_id holds no control characters", |body| body["ticket_id"] = json!("a\nb"), &["ticket_id"]),
    ("ticket_id may be any other text", |body| body["ticket_id"] = json!("Ä/€ 😀:%2F?"), &[]),
    ("source may be absent, as it is in the documented request", |_| (), &[]),
    ("null is absent", |body| body["source"] = json!(null), &[]),
    ("source is not empty", |body| body["source"] = json!(""), &["source"]),
    ("source is a string", |body| body["source"] = json!(["zendesk"]), &["source"]),
    ("source may have 128 bytes", |body| body["source"] = json!("x".repeat(128)), &[]),
    ("source has at most 128 bytes", |body| body["source"] = json!("x".repeat(129)), &["source"]),
    ("source holds no control characters", |body| body["source"] = json!("\u{0}"), &["source"]),
    ("subject is a string", |body| body["subject"] = json!({}), &["subject"]),
    ("language is known", |body| body["language"] = json!("xx"), &["language"]),
    ("language is a tag", |body| body["language"] = json!("de_DE"), &["language"]),
    ("language is a string", |body| body["language"] = json!(["de"]), &["language"]),
    ("language may be a tag", |body| body["language"] = json!("pt-BR"), &[]),
    ("language may be empty", |body| body["language"] = json!(""), &[]),
    ("subject may be empty", |body| body["subject"] = json!(""), &[]),
    ("subject may be null", |body| body["subject"] = json!(null), &[]),
    ("subject may have 4 KiB", |body| body["subject"] = json!("x".repeat(4096)), &[]),
    ("subject has at most 4 KiB", |body| body["subject"] = json!("x".repeat(4097)), &["subject"]),
    ("unknown fields are ignored", |body| body["priority"] = json!({ "a": [1, 2.5, null] }), &[]),
];

const MESSAGES: &[Row] = &[
    ("messages is required", |body| remove(body, "/messages"), &["messages"]),
    ("messages may not be null", |body| body["messages"] = json!(null), &["messages"]),
    ("messages is an array", |body| body["messages"] = json!({ "0": {} }), &["messages"]),
    ("there is at least one message", |body| body["messages"] = json!([]), &["messages"]),
    ("there may be 50 messages", |body| body["messages"] = messages(50), &[]),
    ("there are at most 50 messages", |body| body["messages"] = messages(51), &["messages"]),
    ("a message is an object", |body| body["messages"][1] = json!("hi"), &["messages[1]"]),
    ("a message is not null", |body| body["messages"][1] = json!(null), &["messages[1]"]),
    (
        "of an empty message all required fields are named",
        |body| body["messages"][2] = json!({}),
        &[
            "messages[2].author",
            "messages[2].external_id",
            "messages[2].kind",
            "messages[2].content",
            "messages[2].timestamp",
        ],
    ),
    ("external_id is required", |body| remove(body, "/messages/0/external_id"), &["messages[0].external_id"]),
    (
        "external_id is a string",
        |body| body["messages"][0]["external_id"] = json!(1),
        &["messages[0].external_id"],
    ),
    (
        "external_id is not empty",
        |body| body["messages"][0]["external_id"] = json!(""),
        &["messages[0].external_id"],
    ),
    (
        "external_id has at most 512 bytes",
        |body| body["messages"][0]["external_id"] = json!("x".repeat(513)),
        &["messages[0].external_id"],
    ),
    (
        "external_id comes once in a request",
        |body| body["messages"][2]["external_id"] = json!("msg_1"),
        &["messages[2].external_id"],
    ),
    (
        "external_id comes once, whatever else is wrong with its message",
        |body| {
            body["messages"][2]["external_id"] = json!("msg_1");
            remove(body, "/messages/0/content");
            body["messages"][2]["kind"] = json!("note");
        },
        &["messages[0].content", "messages[2].external_id", "messages[2].kind"],
    ),
    ("kind is required", |body| remove(body, "/messages/0/kind"), &["messages[0].kind"]),
    ("kind may be comment", |body| body["messages"][0]["kind"] = json!("comment"), &[]),
    ("kind is one of two", |body| body["messages"][0]["kind"] = json!("note"), &["messages[0].kind"]),
    ("kind counts its case", |body| body["messages"][0]["kind"] = json!("Message"), &["messages[0].kind"]),
    ("kind is a string", |body| body["messages"][0]["kind"] = json!(1), &["messages[0].kind"]),
    ("content is required", |body| remove(body, "/messages/0/content"), &["messages[0].content"]),
    ("content may be empty", |body| body["messages"][0]["content"] = json!(""), &[]),
    ("content may hold control characters", |body| body["messages"][0]["content"] = json!("a\u{0}\n"), &[]),
    ("content is a string", |body| body["messages"][0]["content"] = json!(true), &["messages[0].content"]),
    ("content may have 256 KiB", |body| body["messages"][0]["content"] = json!("x".repeat(262_144)), &[]),
    (
        "content has at most 256 KiB",
        |body| body["messages"][0]["content"] = json!("x".repeat(262_145)),
        &["messages[0].content"],
    ),
    ("ai_tool may be absent", |body| remove(body, "/messages/1/ai_tool"), &[]),
    ("ai_tool may be null", |body| body["messages"][1]["ai_tool"] = json!(null), &[]),
    ("ai_tool is a string", |body| body["messages"][1]["ai_tool"] = json!(1), &["messages[1].ai_tool"]),
    (
        "ai_tool has at most 512 bytes",
        |body| body["messages"][1]["ai_tool"] = json!("x".repeat(513)),
        &["messages[1].ai_tool"],
    ),
    (
        "automatic is true or false",
        |body| body["messages"][1]["automatic"] = json!("yes"),
        &["messages[1].automatic"],
    ),
    ("automatic may be given", |body| body["messages"][1]["automatic"] = json!(true), &[]),
];

const AUTHORS: &[Row] = &[
    ("author is required", |body| remove(body, "/messages/0/author"), &["messages[0].author"]),
    ("author may not be null", |body| body["messages"][0]["author"] = json!(null), &["messages[0].author"]),
    ("author is an object", |body| body["messages"][0]["author"] = json!("Jane"), &["messages[0].author"]),
    ("type is required", |body| remove(body, "/messages/0/author/type"), &["messages[0].author.type"]),
    (
        "type is one of three",
        |body| body["messages"][0]["author"]["type"] = json!("agent"),
        &["messages[0].author.type"],
    ),
    ("the author's id may be absent", |body| remove(body, "/messages/0/author/external_id"), &[]),
    ("the author's name may be absent", |body| remove(body, "/messages/0/author/name"), &[]),
    (
        "the author's id and name may be null",
        |body| body["messages"][0]["author"] = json!({ "type": "ai", "external_id": null, "name": null }),
        &[],
    ),
    (
        "the author's id and name are strings",
        |body| body["messages"][0]["author"] = json!({ "type": "ai", "external_id": 7, "name": ["x"] }),
        &["messages[0].author.external_id", "messages[0].author.name"],
    ),
    (
        "the author's id holds no control characters",
        |body| body["messages"][0]["author"]["external_id"] = json!("cus\n123"),
        &["messages[0].author.external_id"],
    ),
    (
        "the author's id and name have at most 512 bytes",
        |body| {
            let long = "x".repeat(513);
            body["messages"][0]["author"] = json!({ "type": "ai", "external_id": long, "name": long });
        },
        &["messages[0].author.external_id", "messages[0].author.name"],
    ),
];

const TIMESTAMPS: &[Row] = &[
    ("timestamp is required", |body| remove(body, "/messages/0/timestamp"), &["messages[0].timestamp"]),
    ("timestamp is a number", |body| set_time(body, json!("1700000000000")), &["messages[0].timestamp"]),
    ("timestamp is whole", |body| set_time(body, json!(1.5)), &["messages[0].timestamp"]),
    ("timestamp may be written with a zero fraction", |body| set_time(body, json!(1.7e12)), &[]),
    ("timestamp may be 0", |body| set_time(body, json!(0)), &[]),
    ("timestamp is not before 1970", |body| set_time(body, json!(-1)), &["messages[0].timestamp"]),
    ("timestamp may be the end of 9999", |body| set_time(body, json!(253_402_300_799_999_i64)), &[]),
    (
        "timestamp is not after 9999",
        |body| set_time(body, json!(253_402_300_800_000_i64)),
        &["messages[0].timestamp"],
    ),
    ("timestamp is exact", |body| set_time(body, json!(u64::MAX)), &["messages[0].timestamp"]),
    ("timestamp is finite", |body| set_time(body, json!(1e300)), &["messages[0].timestamp"]),
    ("timestamps may go back", |body| body["messages"][2]["timestamp"] = json!(1), &[]),
];

const TOGETHER: &[Row] = &[
    (
        "all violations are told at once",
        |body| {
            body["source"] = json!(7);
            body["ticket_id"] = json!("");
            body["subject"] = json!(false);
            body["messages"][0]["kind"] = json!("x");
            body["messages"][1]["author"]["type"] = json!("x");
            set_time(body, json!(-5));
            remove(body, "/messages/2/content");
        },
        &[
            "source",
            "ticket_id",
            "subject",
            "messages[0].kind",
            "messages[1].author.type",
            "messages[0].timestamp",
            "messages[2].content",
        ],
    ),
    (
        "too many messages do not hide what is wrong with the first",
        |body| {
            body["messages"] = messages(60);
            body["messages"][0]["kind"] = json!(null);
            body["messages"][55]["kind"] = json!(null);
        },
        &["messages", "messages[0].kind"],
    ),
    (
        "what cannot be read is named once, with nothing below it",
        |body| {
            body["messages"][0] = json!(7);
            body["messages"][1]["author"] = json!(7);
        },
        &["messages[0]", "messages[1].author"],
    ),
];

fn remove(body: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("a place of the body");
    parent.remove(name).expect("a field of it");
}

fn set_time(body: &mut Value, time: Value) {
    body["messages"][0]["timestamp"] = time;
}

fn messages(count: usize) -> Value {
    (0..count).map(|number| message(&format!("m{number}"))).collect()
}

#[tokio::test]
async fn every_rule_holds_and_names_its_field() {
    let setup = Setup::without_worker().await;
    let tables = [TICKET, MESSAGES, AUTHORS, TIMESTAMPS, TOGETHER];
    for (number, (rule, change, wrong)) in tables.into_iter().flatten().enumerate() {
        let mut body = sample();
        body["ticket_id"] = json!(format!("ticket {number}"));
        change(&mut body);
        let answer = setup.post(&body).await;
        if wrong.is_empty() {
            assert_eq!(answer.status, 202, "{rule}: {answer:?}");
            continue;
        }
        assert_eq!(answer.status, 400, "{rule}: {answer:?}");
        let (code, mut paths) = error_of(&answer);
        assert_eq!(code, "invalid_request", "{rule}");
        let mut wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        paths.sort_unstable();
        wrong.sort_unstable();
        assert_eq!(paths, wrong, "{rule}: {answer:?}");
    }
}

#[tokio::test]
async fn a_violation_says_what_was_expected_and_what_was_received() {
    let setup = Setup::without_worker().await;
    let mut body = sample();
    body["ticket_id"] = json!(123);
    body["source"] = json!({});
    body["subject"] = json!([1, 2]);
    body["messages"][0]["kind"] = json!("y".repeat(100));
    body["messages"][0]["timestamp"] = json!("soon");
    body["messages"][1]["timestamp"] = json!(-1);
    let answer = setup.post(&body).await.json();
    let fields = answer["error"]["fields"].as_array().unwrap().iter();
    let mut said: Vec<_> = fields
        .map(|field| format!("{}: {}", field["path"].as_str().unwrap(), field["message"].as_str().unwrap()))
        .collect();
    said.sort_unstable();
    let kind =
        format!("messages[0].kind: must be \"message\" or \"comment\", is the string {:?}…", "y".repeat(60));
    let expected = [
        kind.as_str(),
        "messages[0].timestamp: must be an integer from 0 to 253402300799999 (milliseconds since 1970-01-01, to the end \
         of 9999), is the string \"soon\"",
        "messages[1].timestamp: must be an integer from 0 to 253402300799999 (milliseconds since 1970-01-01, to the end \
         of 9999), is the number -1",
        "source: must be a string, is an object",
        "subject: must be a string, is an array of 2",
        "ticket_id: must be a string, is the number 123 (send it in quotes)",
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn an_answer_names_a_hundred_fields_and_how_many_more_there_are() {
    let setup = Setup::without_worker().await;
    // Each message lacks five fields.
    let body = json!({ "ticket_id": "t", "messages": vec![json!({ "author": {} }); 50] });
    let answer = setup.post(&body).await;
    let (_, paths) = error_of(&answer);
    assert_eq!(paths.len(), 100);
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.ends_with("; and 150 more"), "{message}");
}

#[tokio::test]
async fn a_key_that_comes_twice_is_named_beside_all_else() {
    let setup = Setup::without_worker().await;
    let mut body = sample();
    body["messages"][0]["kind"] = json!("letter");
    body["messages"][1]["timestamp"] = json!("soon");
    let twice = body.to_string().replacen('{', r#"{"ticket_id": 1, "#, 1);
    let answer = setup.post_with(&[("content-type", "application/json")], twice).await;
    let (_, mut paths) = error_of(&answer);
    paths.sort_unstable();
    assert_eq!(paths, ["messages[0].kind", "messages[1].timestamp", "ticket_id"]);
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("ticket_id: must be given once in its object, is given twice"), "{message}");
}
