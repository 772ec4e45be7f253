//! What `ImportConversation` accepts and refuses, and what `GetImport` returns.

use plaudit::{
    proto::v1::{AuthorKind, ImportConversationRequest, ImportOutcome, Message, MessageKind, ScoringState},
    wire::MAX_REQUEST_BYTES,
};
use prost::Message as _;
use prost_types::Timestamp;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::harness::{
    Plaudit, assert_not_found, fault, fields,
    sample::{self, without_names},
};

type Change = fn(&mut ImportConversationRequest);

/// Changes that break one rule, and the fields reported for them.
const REFUSED: &[(&str, Change, &[&str])] = &[
    ("no conversation", |it| it.conversation = None, &["conversation.external_id"]),
    ("a source of 129 bytes", |it| conversation(it).source = "s".repeat(129), &["conversation.source"]),
    (
        "a source of 65 letters, 130 bytes",
        |it| conversation(it).source = "é".repeat(65),
        &["conversation.source"],
    ),
    (
        "a control character in the source",
        |it| conversation(it).source = "a\u{1}".into(),
        &["conversation.source"],
    ),
    ("no external id", |it| conversation(it).external_id.clear(), &["conversation.external_id"]),
    (
        "an external id of 513 bytes",
        |it| conversation(it).external_id = "e".repeat(513),
        &["conversation.external_id"],
    ),
    (
        "a line feed in the external id",
        |it| conversation(it).external_id.push('\n'),
        &["conversation.external_id"],
    ),
    ("a NUL in the external id", |it| conversation(it).external_id.push('\0'), &["conversation.external_id"]),
    (
        "DEL in the external id",
        |it| conversation(it).external_id.push('\u{7f}'),
        &["conversation.external_id"],
    ),
    (
        "NEL in the external id",
        |it| conversation(it).external_id.push('\u{85}'),
        &["conversation.external_id"],
    ),
    (
        "a subject of 4097 bytes",
        |it| conversation(it).subject = Some("s".repeat(4097)),
        &["conversation.subject"],
    ),
    ("no messages", |it| it.messages.clear(), &["messages"]),
    ("2001 messages", |it| it.messages = sample::messages(0, 2001), &["messages"]),
    ("no external id of a message", |it| it.messages[1].external_id.clear(), &["messages[1].external_id"]),
    (
        "a message's external id of 513 bytes",
        |it| it.messages[3].external_id = "e".repeat(513),
        &["messages[3].external_id"],
    ),
    (
        "a tab in a message's external id",
        |it| it.messages[0].external_id.push('\t'),
        &["messages[0].external_id"],
    ),
    ("an external id twice", |it| it.messages[2].external_id = "m0".into(), &["messages[2].external_id"]),
    (
        "an external id twice, and both messages wrong besides",
        |it| {
            it.messages[0].content = None;
            it.messages[2].external_id = "m0".into();
            it.messages[2].kind = 0;
        },
        &["messages[0].content", "messages[2].external_id", "messages[2].kind"],
    ),
    ("no kind", |it| it.messages[0].kind = 0, &["messages[0].kind"]),
    ("an unknown kind", |it| it.messages[0].kind = 99, &["messages[0].kind"]),
    ("a negative kind", |it| it.messages[0].kind = -1, &["messages[0].kind"]),
    ("no content", |it| it.messages[2].content = None, &["messages[2].content"]),
    (
        "a content of 262145 bytes",
        |it| it.messages[2].content = Some("c".repeat(262_145)),
        &["messages[2].content"],
    ),
    ("no author", |it| it.messages[0].author = None, &["messages[0].author.kind"]),
    ("no kind of author", |it| author(it).kind = 0, &["messages[0].author.kind"]),
    ("an unknown kind of author", |it| author(it).kind = 77, &["messages[0].author.kind"]),
    (
        "an author's id of 513 bytes",
        |it| author(it).external_id = Some("i".repeat(513)),
        &["messages[0].author.external_id"],
    ),
    (
        "a line feed in the author's id",
        |it| author(it).external_id = Some("cus\n1".into()),
        &["messages[0].author.external_id"],
    ),
    (
        "an author's name of 513 bytes",
        |it| author(it).name = Some("n".repeat(513)),
        &["messages[0].author.name"],
    ),
    (
        "an AI tool of 513 bytes",
        |it| it.messages[0].ai_tool = Some("t".repeat(513)),
        &["messages[0].ai_tool"],
    ),
    ("no time", |it| it.messages[0].create_time = None, &["messages[0].create_time"]),
    ("negative nanos", |it| written_at(it, 5, -1), &["messages[0].create_time"]),
    ("a whole second of nanos", |it| written_at(it, 5, 1_000_000_000), &["messages[0].create_time"]),
    ("a time before 1970", |it| written_at(it, -1, 999_999_999), &["messages[0].create_time"]),
    ("a time after 9999", |it| written_at(it, 253_402_300_800, 0), &["messages[0].create_time"]),
    ("the last second there is", |it| written_at(it, i64::MAX, 0), &["messages[0].create_time"]),
    ("the first second there is", |it| written_at(it, i64::MIN, 0), &["messages[0].create_time"]),
    ("an unknown policy", |it| it.on_conflict = 9, &["on_conflict"]),
    ("a request id of 129 characters", |it| it.request_id = "r".repeat(129), &["request_id"]),
    ("a space in the request id", |it| it.request_id = "a b".into(), &["request_id"]),
    ("a control character in the request id", |it| it.request_id = "a\u{7f}".into(), &["request_id"]),
    ("a letter beyond ASCII in the request id", |it| it.request_id = "é".into(), &["request_id"]),
];

/// Changes just within the rules.
const TAKEN: &[(&str, Change)] = &[
    ("a source of 128 bytes", |it| conversation(it).source = "é".repeat(64)),
    ("an external id of 512 bytes", |it| conversation(it).external_id = "ü/:%".repeat(102) + "ab"),
    ("no subject", |it| conversation(it).subject = None),
    ("an empty subject", |it| conversation(it).subject = Some(String::new())),
    ("a subject of 4096 bytes with lines", |it| conversation(it).subject = Some("s\n".repeat(2048))),
    ("a subject on an import that has output-only fields", |it| {
        conversation(it).message_count = 77;
        it.messages[0].name = "conversations/1/messages/1".into();
    }),
    ("one message", |it| it.messages.truncate(1)),
    ("2000 messages", |it| it.messages = sample::messages(0, 2000)),
    ("a message's external id of 512 bytes", |it| it.messages[0].external_id = "ä".repeat(256)),
    ("an empty content", |it| it.messages[0].content = Some(String::new())),
    ("a content of 262144 bytes", |it| it.messages[0].content = Some("w ".repeat(131_072))),
    ("a content with controls and emoji", |it| it.messages[0].content = Some("\0\r\n\t🙂\u{202e}".into())),
    ("every kind of message and author", |it| {
        it.messages[0].kind = MessageKind::Comment.into();
        it.messages[1].author.as_mut().unwrap().kind = AuthorKind::Ai.into();
    }),
    ("an author without id and name", |it| {
        author(it).external_id = None;
        author(it).name = None;
    }),
    ("an author's id, name and tool of 512 bytes", |it| {
        author(it).external_id = Some("i".repeat(512));
        author(it).name = Some("n".repeat(512));
        it.messages[0].ai_tool = Some("t".repeat(512));
    }),
    ("the first moment", |it| written_at(it, 0, 0)),
    ("the last millisecond", |it| written_at(it, 253_402_300_799, 999_000_000)),
    ("times that go back", |it| {
        it.messages.iter_mut().rev().enumerate().for_each(|(second, message)| {
            message.create_time = Some(Timestamp { seconds: second as i64, nanos: 0 });
        })
    }),
    ("a request id of 128 visible characters", |it| it.request_id = "!~".repeat(64)),
];

fn conversation(it: &mut ImportConversationRequest) -> &mut plaudit::proto::v1::Conversation {
    it.conversation.as_mut().unwrap()
}

fn author(it: &mut ImportConversationRequest) -> &mut plaudit::proto::v1::Author {
    it.messages[0].author.as_mut().unwrap()
}

fn written_at(it: &mut ImportConversationRequest, seconds: i64, nanos: i32) {
    it.messages[0].create_time = Some(Timestamp { seconds, nanos });
}

#[tokio::test]
async fn a_broken_rule_is_reported_by_field_and_nothing_is_stored() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    server.store.take_committed();
    for (what, change, expected) in REFUSED {
        let mut request = sample::import("refused");
        change(&mut request);
        let status = client.import(request).await.expect_err(what);
        assert_eq!(fields(&status), *expected, "{what}: {status:?}");
        let committed = server.store.take_committed();
        assert!(committed.is_empty(), "{what} was stored: {committed:?}");
    }
    assert_not_found(&client.conversation("conversations/test:refused").await.unwrap_err(), "conversation");
}

#[tokio::test]
async fn values_just_within_the_rules_are_stored_as_sent() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    for (number, (what, change)) in TAKEN.iter().enumerate() {
        let mut request = sample::import(&format!("taken {number}"));
        change(&mut request);
        let answer = client.import(request.clone()).await.expect(what);
        assert_eq!(answer.outcome(), ImportOutcome::Created, "{what}");
        assert_eq!(answer.stored_messages as usize, request.messages.len(), "{what}");

        let sent = request.conversation.unwrap();
        let found = client.scored(&answer.conversation).await;
        assert_eq!(
            (&found.source, &found.external_id, &found.subject, found.message_count),
            (&sent.source, &sent.external_id, &sent.subject, answer.stored_messages),
            "{what}"
        );
        let stored = client.messages(&answer.conversation, 1000).await;
        assert_eq!(without_names(stored), without_names(request.messages), "{what}");
    }
}

#[tokio::test]
async fn a_conversation_without_a_source_gets_the_source_custom() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut request = sample::import("1");
    conversation(&mut request).source.clear();
    let answer = client.import(request).await.unwrap();
    let found = client.conversation("conversations/custom:1").await.unwrap();
    assert_eq!((found.name, found.source.as_str()), (answer.conversation, "custom"));
}

#[tokio::test]
async fn times_are_kept_to_the_millisecond() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut request = sample::import("1");
    written_at(&mut request, 7, 123_999_999);
    let answer = client.import(request).await.unwrap();
    let first = client.messages(&answer.conversation, 1).await.swap_remove(0);
    assert_eq!(first.create_time, Some(Timestamp { seconds: 7, nanos: 123_000_000 }));
}

#[tokio::test]
async fn an_invalid_time_is_reported_as_it_was_sent() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    for seconds in [1_i64 << 62, i64::MIN, 253_402_300_800] {
        let mut request = sample::import("1");
        written_at(&mut request, seconds, 0);
        let status = client.import(request).await.unwrap_err();
        let told = &status.get_details_bad_request().unwrap().field_violations[0].description;
        assert!(told.contains(&format!(", is {seconds}")), "{told}");
    }
}

#[tokio::test]
async fn many_violations_are_reported_at_once() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut request = sample::import("");
    conversation(&mut request).source = "\n".into();
    conversation(&mut request).subject = Some("s".repeat(5000));
    request.request_id = "a b".into();
    request.on_conflict = 9;
    request.messages[0] = Message::default();
    request.messages[1].kind = 9;
    request.messages[3].external_id = "m2".into();
    let mut named = fields(&client.import(request).await.unwrap_err());
    named.sort();
    let expected = [
        "conversation.external_id",
        "conversation.source",
        "conversation.subject",
        "messages[0].author.kind",
        "messages[0].content",
        "messages[0].create_time",
        "messages[0].external_id",
        "messages[0].kind",
        "messages[1].kind",
        "messages[3].external_id",
        "on_conflict",
        "request_id",
    ];
    assert_eq!(named, expected);
}

#[tokio::test]
async fn the_answer_to_an_entirely_invalid_request_stays_readable() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let wrong = Message { external_id: "\u{85}ä".repeat(200), kind: 99, ..Message::default() };
    let request = sample::import_of("1", vec![wrong; 2000]);
    let status = client.import(request).await.unwrap_err();
    let named = fields(&status);
    assert!(named.len() >= 20, "{named:?}");
    assert_eq!(named[0], "messages[0].kind");
    // For each message the external id, kind, content, author and time.
    let wrong = 5 * 2000;
    let further = status.get_details_error_info().unwrap().metadata["further_violations"].parse();
    assert_eq!(further, Ok(wrong - named.len()));
    let told = status.message().rsplit_once("; and ").expect("that there is more").1;
    let told: usize = told.strip_suffix(" more").unwrap().parse().unwrap();
    assert!(told > wrong - named.len() && told < wrong, "{}", status.message());
}

#[tokio::test]
async fn a_refusal_of_usual_size_names_every_violation_in_its_text() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let wrong = Message { external_id: "m".to_owned(), kind: 99, ..Message::default() };
    let request = sample::import_of("1", vec![wrong; 5]);
    let status = client.import(request).await.unwrap_err();
    let named = fields(&status);
    assert!(named.len() >= 18, "{named:?}");
    for field in named {
        assert!(status.message().contains(&format!("{field}: ")), "{field} in {status:?}");
    }
    assert!(!status.message().contains(" more"), "{status:?}");
}

#[tokio::test]
async fn the_headers_of_a_refusal_are_below_8_kib() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    for external_id in ["x", "\u{85}ä%"] {
        let wrong = Message { external_id: external_id.repeat(200), kind: 99, ..Message::default() };
        let status = client.import(sample::import_of("1", vec![wrong; 500])).await.unwrap_err();
        let mut headers = http::HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum::<usize>();
        assert!(bytes < 7800, "{bytes}");
    }
}

#[tokio::test]
async fn a_request_of_four_mebibytes_is_accepted_and_one_byte_more_is_not() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let status = client.import(import_of_bytes("larger", MAX_REQUEST_BYTES + 1)).await.unwrap_err();
    assert_eq!(fault(&status), (Code::ResourceExhausted, "REQUEST_TOO_LARGE".to_owned()));
    assert_eq!(status.get_details_error_info().unwrap().metadata["limit_bytes"], "4194304");
    assert!(status.message().contains("4194304"), "{}", status.message());
    assert_not_found(&client.conversation("conversations/test:larger").await.unwrap_err(), "conversation");

    let largest = import_of_bytes("largest", MAX_REQUEST_BYTES);
    let answer = client.import(largest.clone()).await.unwrap();
    let stored = client.messages(&answer.conversation, 0).await;
    assert_eq!(without_names(stored), largest.messages);
    client.scored(&answer.conversation).await;
}

/// A request of exactly this many bytes on the wire.
fn import_of_bytes(external_id: &str, bytes: usize) -> ImportConversationRequest {
    let mut request = sample::import_of(external_id, sample::messages(0, 20));
    let most = (bytes - request.encoded_len()) / 20 - 100;
    for message in &mut request.messages {
        message.content = Some("w ".repeat(most / 2));
    }
    let missing = bytes - request.encoded_len();
    request.messages[0].content.as_mut().unwrap().push_str(&"x".repeat(missing));
    assert_eq!(request.encoded_len(), bytes);
    request
}

#[tokio::test]
async fn an_import_reports_its_progress() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let answer = client.import(sample::import("7")).await.unwrap();
    let receipt = answer.import.strip_prefix("imports/").unwrap();
    assert!(
        receipt.len() == 24 && receipt.starts_with(|first: char| first.is_ascii_lowercase()),
        "{receipt}"
    );
    let conversation = client.scored(&answer.conversation).await;

    let import = client.get_import(&answer.import).await.unwrap();
    assert_eq!((import.name.as_str(), &import.conversation), (answer.import.as_str(), &answer.conversation));
    assert_eq!((import.source.as_str(), import.external_id.as_str()), ("test", "7"));
    assert_eq!(import.create_time, conversation.create_time);
    assert_eq!(import.scoring.unwrap().state(), ScoringState::Done);
    assert!(!client.assessments(&answer.conversation, 50).await.is_empty());
}

#[tokio::test]
async fn an_unknown_receipt_is_not_found_and_a_malformed_one_is_refused() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let known = client.import(sample::import("7")).await.unwrap().import;
    for malformed in [
        "",
        "imports",
        "imports/",
        "imports/short",
        &known.to_uppercase(),
        &format!("{known}0"),
        "7",
        &known[8..],
    ] {
        assert_eq!(fields(&client.get_import(malformed).await.unwrap_err()), ["name"], "{malformed:?}");
    }
    let last = if known.ends_with('a') { "b" } else { "a" };
    for unknown in [format!("imports/{}", "a".repeat(24)), format!("{}{last}", &known[..known.len() - 1])] {
        assert_not_found(&client.get_import(&unknown).await.unwrap_err(), "import");
    }
}

#[tokio::test]
async fn no_read_waits_for_scoring() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    // Held before the scores are committed, so that the conversation can be read while it waits.
    let gate = server.store.hold(|batch| !batch.delete.is_empty());
    let answer = client.import(sample::import("7")).await.unwrap();
    gate.arrived().await;
    let import = client.get_import(&answer.import).await.unwrap();
    assert_eq!(import.scoring.unwrap().state(), ScoringState::Pending);
    let found = client.conversation(&answer.conversation).await.unwrap();
    assert_eq!(found.scoring.unwrap().state(), ScoringState::Pending);
    assert!(client.assessments(&answer.conversation, 50).await.is_empty());
    gate.open();
    client.scored(&answer.conversation).await;
}
