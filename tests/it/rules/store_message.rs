use plaudit::proto::v1::{Attachment, Author, AuthorKind, Message, StoreMessageRequest};

use super::{
    LONG_ID, NO_NANOS, NOT_A_KIND, Row, SPACED_ID, TOO_EARLY, TOO_LATE, assert_refused, bad_nanos, early,
    late, long, violations,
};
use crate::harness::Plaudit;

const PARENT: &str = "conversations/chat:1";

const BODY: &str = "must be at most 262144 bytes long, is 262145";
const OBJECT: &str = "must be at most 65536 bytes long, is 65537";
const TEXT: &str = "must be at most 512 bytes long, is 513";
const RECEIVERS: &str = "must have at most 200 items, has 201";
const LIST: &str = "must have at most 100 items, has 101";
const WEB: &str = "must be a URL that begins with http:// or https://, without spaces, is \"";

const OF_CONVERSATION: &[Row<StoreMessageRequest>] = &[
    (
        "another collection",
        |it| it.parent = "tickets/1".into(),
        "parent",
        "must look like `conversations/{number}` or `conversations/{source}:{external id}` with both parts percent-encoded, is \"tickets/1\"",
    ),
    (
        "a line feed in the external id",
        |it| it.parent = "conversations/chat:a%0Ab".into(),
        "parent",
        "must not contain control characters, contains '\\n'",
    ),
    (
        "DEL in the source",
        |it| it.parent = "conversations/c%7F:1".into(),
        "parent",
        "must not contain control characters, contains '\\u{7f}'",
    ),
    ("a long request id", |it| it.request_id = "r".repeat(129), "request_id", LONG_ID),
    ("a space in the request id", |it| it.request_id = "a b".into(), "request_id", SPACED_ID),
    (
        "an unknown process",
        |it| it.process = 4,
        "process",
        "must be one of SCORING_PROCESS_BATCH, SCORING_PROCESS_REALTIME, SCORING_PROCESS_OFF, is 4",
    ),
    (
        "an unknown status",
        |it| it.status = 4,
        "status",
        "must be one of CONVERSATION_STATUS_OPEN, CONVERSATION_STATUS_PENDING, CONVERSATION_STATUS_CLOSED, is 4",
    ),
    (
        "a negative priority",
        |it| it.priority = -1,
        "priority",
        "must be one of CONVERSATION_PRIORITY_LOW, CONVERSATION_PRIORITY_MEDIUM, CONVERSATION_PRIORITY_HIGH, CONVERSATION_PRIORITY_URGENT, is -1",
    ),
    (
        "an unknown channel",
        |it| it.channel = 12,
        "channel",
        "must be one of CHANNEL_EMAIL, CHANNEL_WIDGET_CHAT, CHANNEL_WHATS_APP, CHANNEL_FACEBOOK_MESSENGER, CHANNEL_TWITTER, CHANNEL_MESSENGER, CHANNEL_SMS, CHANNEL_CONTACT_FORM, CHANNEL_CALLBACK, CHANNEL_PSTN_PHONE, CHANNEL_VOICEMAIL, is 12",
    ),
    (
        "a first reply before 1970",
        |it| it.first_response_due_time = early(),
        "first_response_due_time",
        TOO_EARLY,
    ),
    (
        "a first reply after 9999",
        |it| it.first_response_due_time = late(),
        "first_response_due_time",
        TOO_LATE,
    ),
    (
        "a first reply's nanos",
        |it| it.first_response_due_time = bad_nanos(),
        "first_response_due_time",
        NO_NANOS,
    ),
    ("due before 1970", |it| it.due_time = early(), "due_time", TOO_EARLY),
    ("due after 9999", |it| it.due_time = late(), "due_time", TOO_LATE),
    ("a due time's nanos", |it| it.due_time = bad_nanos(), "due_time", NO_NANOS),
    (
        "a customer in charge",
        |it| assignee(it).kind = 1,
        "assignee.kind",
        "must be a teammate or an AI agent, is contact",
    ),
    ("somebody in charge", |it| assignee(it).kind = 0, "assignee.kind", "is required"),
    ("an unknown kind in charge", |it| assignee(it).kind = 9, "assignee.kind", NOT_A_KIND),
    (
        "nobody in charge",
        |it| (assignee(it).external_id, assignee(it).name) = (None, None),
        "assignee.external_id",
        "is required where there is no name",
    ),
    ("an assignee's long id", |it| assignee(it).external_id = long(513), "assignee.external_id", TEXT),
    ("an assignee's long name", |it| assignee(it).name = long(513), "assignee.name", TEXT),
    ("101 tags", |it| it.tags = (0..101).map(|tag| tag.to_string()).collect(), "tags", LIST),
    ("an empty tag", |it| it.tags[1].clear(), "tags[1]", "must be 1 to 128 bytes long, is 0"),
    ("a long tag", |it| it.tags[1] = "é".repeat(65), "tags[1]", "must be 1 to 128 bytes long, is 130"),
    (
        "a line feed in a tag",
        |it| it.tags[1].push('\n'),
        "tags[1]",
        "must not contain control characters, contains '\\n'",
    ),
    (
        "a negative number of an agent",
        |it| message(it).agent_id = Some(-1),
        "message.agent_id",
        "must not be negative, is -1",
    ),
    ("an empty team", |it| it.team = long(0), "team", "must be 1 to 512 bytes long, is 0"),
    ("a long team", |it| it.team = long(513), "team", "must be 1 to 512 bytes long, is 513"),
];

const OF_TEXTS: &[Row<Message>] = &[
    ("a large content", |it| it.content = long(262_145), "content", BODY),
    ("a large HTML body", |it| it.html_body = long(262_145), "html_body", BODY),
    ("a large plain body", |it| it.plain_body = long(262_145), "plain_body", BODY),
    ("a large clean body", |it| it.clean_body = long(262_145), "clean_body", BODY),
    ("raw data that is no JSON", |it| it.raw_data = long(3), "raw_data", "must be a JSON object, is \"xxx\""),
    (
        "raw data that is a list",
        |it| it.raw_data = Some("[{}]".into()),
        "raw_data",
        "must be a JSON object, is \"[{}]\"",
    ),
    ("large raw data", |it| it.raw_data = object(262_145), "raw_data", BODY),
    (
        "a sender that is a text",
        |it| it.sender = Some("\"a\"".into()),
        "sender",
        "must be a JSON object, is \"\\\"a\\\"\"",
    ),
    ("a large sender", |it| it.sender = object(65_537), "sender", OBJECT),
    (
        "an empty sent content",
        |it| it.sent_content = long(0),
        "sent_content",
        "must be a JSON object, is \"\"",
    ),
    ("a large sent content", |it| it.sent_content = object(65_537), "sent_content", OBJECT),
    ("a long subject", |it| it.subject = long(4097), "subject", "must be at most 4096 bytes long, is 4097"),
    ("a long type", |it| it.r#type = "x".repeat(513), "type", TEXT),
    ("a long sender's address", |it| it.from_address = long(513), "from_address", TEXT),
    ("a long sender's name", |it| it.from_name = long(513), "from_name", TEXT),
    ("a long AI tool", |it| it.ai_tool = long(513), "ai_tool", TEXT),
    ("a long notification id", |it| it.crm_notification_id = long(513), "crm_notification_id", TEXT),
    ("a long contract id", |it| it.contract_id = long(513), "contract_id", TEXT),
    ("a long customer id", |it| it.customer_id = long(513), "customer_id", TEXT),
    ("a long tracking id", |it| it.tracking_id = long(513), "tracking_id", TEXT),
    (
        "an unknown direction",
        |it| it.direction = 4,
        "direction",
        "must be one of MESSAGE_DIRECTION_IN, MESSAGE_DIRECTION_OUT, MESSAGE_DIRECTION_INTERNAL, is 4",
    ),
    ("an unknown kind of author", |it| author(it).kind = 9, "author.kind", NOT_A_KIND),
    ("an author's long id", |it| author(it).external_id = long(513), "author.external_id", TEXT),
    ("an author's long name", |it| author(it).name = long(513), "author.name", TEXT),
    ("written before 1970", |it| it.create_time = early(), "create_time", TOO_EARLY),
    ("written after 9999", |it| it.create_time = late(), "create_time", TOO_LATE),
    ("nanos of a second", |it| it.create_time = bad_nanos(), "create_time", NO_NANOS),
];

const OF_LISTS: &[Row<Message>] = &[
    ("201 receivers", |it| it.to = vec![String::new(); 201], "to", RECEIVERS),
    ("201 receivers of a copy", |it| it.cc = vec![String::new(); 201], "cc", RECEIVERS),
    ("201 receivers of a blind copy", |it| it.bcc = vec![String::new(); 201], "bcc", RECEIVERS),
    ("a long receiver", |it| it.to = lines(3, 513), "to[2]", TEXT),
    ("a long receiver of a copy", |it| it.cc = lines(200, 513), "cc[199]", TEXT),
    ("a long receiver of a blind copy", |it| it.bcc = lines(1, 513), "bcc[0]", TEXT),
    ("101 intents", |it| it.intent_ids = vec![String::new(); 101], "intent_ids", LIST),
    ("a long intent", |it| it.intent_ids = lines(2, 513), "intent_ids[1]", TEXT),
    ("101 attachments", |it| it.attachments = vec![linked("http://a"); 101], "attachments", LIST),
    (
        "an attachment of nothing",
        |it| it.attachments[1] = Attachment::default(),
        "attachments[1]",
        "must have a URL or its bytes, has neither",
    ),
    (
        "a long file name",
        |it| it.attachments[1].file_name = "x".repeat(513),
        "attachments[1].file_name",
        TEXT,
    ),
    (
        "a long URL",
        |it| it.attachments[1] = linked(&format!("https://{}", "x".repeat(2041))),
        "attachments[1].source_url",
        "must be at most 2048 bytes long, is 2049",
    ),
    (
        "one byte above 10 MiB of attachments",
        |it| it.attachments = [5 * 1024 * 1024, 5 * 1024 * 1024 + 1].map(file).to_vec(),
        "attachments",
        "must have at most 10485760 bytes in all, have 10485761",
    ),
];

/// URLs that do not lead to the web.
const NO_URLS: [&str; 6] =
    ["file:///etc/passwd", "javascript:alert(1)", "https://", "//a", "http://a b", "http://a\nb"];

type Taken = (&'static str, fn(&mut StoreMessageRequest));

/// Changes just within the rules.
const TAKEN: &[Taken] = &[
    ("nothing in it", |it| it.message = Some(Message::default())),
    ("bodies of 256 KiB", |it| {
        message(it).content = long(262_144);
        message(it).html_body = long(262_144);
        message(it).plain_body = long(262_144);
        message(it).clean_body = long(262_144);
        message(it).raw_data = object(262_144);
        message(it).sender = object(65_536);
        message(it).sent_content = object(65_536);
    }),
    ("texts of 512 bytes", |it| {
        message(it).r#type = "x".repeat(512);
        message(it).from_address = long(512);
        message(it).from_name = long(512);
        message(it).customer_id = long(512);
        message(it).tracking_id = long(512);
        message(it).subject = long(4096);
        author(message(it)).external_id = long(512);
        assignee(it).name = long(512);
        it.team = long(512);
        it.tags = vec!["é".repeat(64)];
    }),
    ("lists at their limits", |it| {
        message(it).to = lines(200, 512);
        message(it).bcc = lines(200, 512);
        message(it).intent_ids = lines(100, 512);
        message(it).attachments = vec![linked(&format!("HTTPS://{}", "x".repeat(2040))); 100];
        it.tags = (0..100).map(|tag| tag.to_string()).collect();
    }),
    ("10 MiB of attachments", |it| message(it).attachments = vec![file(10 * 1024 * 1024)]),
    ("an assignee by name alone", |it| assignee(it).external_id = None),
    ("a content with every control character", |it| message(it).content = Some(('\0'..'\u{a0}').collect())),
];

fn message(request: &mut StoreMessageRequest) -> &mut Message {
    request.message.get_or_insert_default()
}

fn assignee(request: &mut StoreMessageRequest) -> &mut Author {
    request.assignee.as_mut().expect("the whole request has one")
}

fn author(message: &mut Message) -> &mut Author {
    message.author.as_mut().expect("the whole request has one")
}

/// A JSON object of this many bytes.
fn object(bytes: usize) -> Option<String> {
    Some(format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8)))
}

/// Texts of which the last has this many bytes.
fn lines(count: usize, bytes: usize) -> Vec<String> {
    let mut lines = vec!["a@b.example".to_owned(); count];
    lines[count - 1] = "x".repeat(bytes);
    lines
}

fn linked(url: &str) -> Attachment {
    Attachment { source_url: Some(url.to_owned()), ..Attachment::default() }
}

fn file(bytes: usize) -> Attachment {
    Attachment { content: Some(vec![7; bytes]), ..Attachment::default() }
}

/// A valid request with every field set.
fn whole() -> StoreMessageRequest {
    let agent = || Author {
        kind: AuthorKind::Teammate.into(),
        external_id: Some("t1".to_owned()),
        name: Some("Tom".to_owned()),
    };
    let message = Message {
        content: Some("Hello".to_owned()),
        author: Some(agent()),
        attachments: vec![file(1), file(2)],
        ..Message::default()
    };
    StoreMessageRequest {
        parent: PARENT.to_owned(),
        message: Some(message),
        assignee: Some(agent()),
        tags: vec!["a".to_owned(), "b".to_owned()],
        ..StoreMessageRequest::default()
    }
}

#[tokio::test]
async fn a_broken_rule_of_a_stored_message_is_reported_by_field_and_nothing_is_stored() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    server.store.take_committed();
    for (what, change, field, said) in OF_CONVERSATION {
        let mut request = whole();
        change(&mut request);
        assert_refused(what, &client.store(request).await.expect_err(what), field, said);
    }
    for (what, change, field, said) in OF_TEXTS.iter().chain(OF_LISTS) {
        let mut request = whole();
        change(message(&mut request));
        let refused = client.store(request).await.expect_err(what);
        assert_refused(what, &refused, &format!("message.{field}"), said);
    }
    for url in NO_URLS {
        let mut request = whole();
        message(&mut request).attachments[0] = linked(url);
        let refused = violations(&client.store(request).await.expect_err(url));
        assert_eq!(refused[0].0, "message.attachments[0].source_url");
        assert_eq!(
            (refused.len(), refused[0].1.as_str()),
            (1, format!("{WEB}{}\"", url.escape_debug()).as_str())
        );
    }
    assert!(server.store.take_committed().is_empty());
}

#[tokio::test]
async fn messages_just_within_the_rules_are_stored() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    for (number, (what, change)) in TAKEN.iter().enumerate() {
        let mut request = whole();
        change(&mut request);
        request.parent = format!("conversations/chat:{number}");
        client.store(request).await.expect(what);
    }
}

#[tokio::test]
async fn every_field_is_reported_when_a_stored_message_breaks_every_rule() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    // The number of items in a list is checked before any of them is read.
    let of_counts =
        ["tags", "message.to", "message.cc", "message.bcc", "message.intent_ids", "message.attachments"];
    for is_counted in [false, true] {
        let mut request = whole();
        let mut expected: Vec<String> = Vec::new();
        for (_, change, field, _) in OF_CONVERSATION {
            if of_counts.contains(field) == is_counted {
                change(&mut request);
                expected.push((*field).to_owned());
            }
        }
        for (what, change, field, _) in OF_TEXTS.iter().chain(OF_LISTS) {
            let field = format!("message.{field}");
            if of_counts.contains(&field.as_str()) == is_counted && !what.contains("MiB") {
                change(message(&mut request));
                expected.push(field);
            }
        }
        let refused = client.store(request).await.expect_err("every rule is broken");
        let mut named: Vec<String> = violations(&refused).into_iter().map(|(field, _)| field).collect();
        // Where two rows concern one field the later one applies, and a removed attachment has no other violation.
        expected.retain(|field| !field.starts_with("message.attachments[1]"));
        named.retain(|field| !field.starts_with("message.attachments[1]"));
        expected.sort_unstable();
        expected.dedup();
        named.sort_unstable();
        assert_eq!(named, expected);
    }
}

#[tokio::test]
async fn the_limit_on_tags_applies_across_messages() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let tagged = |range: std::ops::Range<usize>| StoreMessageRequest {
        tags: range.map(|tag| tag.to_string()).collect(),
        ..whole()
    };
    client.store(tagged(0..60)).await.expect("60 tags");
    let refused = client.store(tagged(50..101)).await.expect_err("101 tags in all");
    assert_refused(
        "101 tags",
        &refused,
        "tags",
        "must leave the conversation with at most 100 tags, it would have 101",
    );
    let full =
        client.store(tagged(50..100)).await.expect("100 tags in all").conversation.expect("it is answered");
    assert_eq!((full.tags.len(), full.message_count), (100, 2));
    client.store(tagged(0..100)).await.expect("tags that it has");
}

#[tokio::test]
async fn a_message_is_not_stored_where_none_is_sent() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let request = StoreMessageRequest { message: None, ..whole() };
    let refused = client.store(request).await.expect_err("there is none");
    assert_refused("no message", &refused, "message", "is required");
}
