use plaudit::proto::v1::{
    Attachment, Author, AuthorKind, DeleteMessageRequest, Message, MessageDirection, MessageKind,
    StoreMessageRequest, UpdateMessageRequest,
};
use prost_types::FieldMask;

use super::{
    LONG_ID, NO_NANOS, NOT_A_KIND, Row, SPACED_ID, TOO_EARLY, TOO_LATE, assert_refused, bad_nanos, early,
    late, long, violations,
};
use crate::harness::{Client, Plaudit, assert_not_found};

const PARENT: &str = "conversations/chat:1";
const BODY: &str = "must be at most 262144 bytes long, is 262145";
const TEXT: &str = "must be at most 512 bytes long, is 513";
/// The first number is the conversation's, followed by those of the message, its event and its files.
const TWICE: &str = "must come once, number 5000000000000005 comes twice";
const RECEIVERS: &str = "must have at most 200 items, has 201";

const ROWS: &[Row<UpdateMessageRequest>] = &[
    (
        "the name of a conversation",
        |it| message(it).name = "conversations/1".into(),
        "message.name",
        "must look like `conversations/{conversation}/messages/{number}`, is \"conversations/1\"",
    ),
    (
        "a number with a leading zero",
        |it| message(it).name = "conversations/1/messages/07".into(),
        "message.name",
        "must look like `conversations/{conversation}/messages/{number}`, is \"conversations/1/messages/07\" (a number has no leading zeros)",
    ),
    (
        "no name",
        |it| message(it).name.clear(),
        "message.name",
        "must look like `conversations/{conversation}/messages/{number}`, is \"\"",
    ),
    ("a long request id", |it| it.request_id = "r".repeat(129), "request_id", LONG_ID),
    ("a space in the request id", |it| it.request_id = "a b".into(), "request_id", SPACED_ID),
    ("no mask", |it| it.update_mask = None, "update_mask", "is required: it names the fields that change"),
    (
        "a field that stays",
        |it| add_path(it, "tracking_id"),
        "update_mask",
        "must name fields among content, html_body, plain_body, clean_body, subject, direction, private, kind, author, create_time, ai_tool, attachments, automatic, names \"tracking_id\"",
    ),
    (
        "all fields at once",
        |it| add_path(it, "*"),
        "update_mask",
        "must name fields among content, html_body, plain_body, clean_body, subject, direction, private, kind, author, create_time, ai_tool, attachments, automatic, names \"*\"",
    ),
    ("a large content", |it| message(it).content = long(262_145), "message.content", BODY),
    ("a large HTML body", |it| message(it).html_body = long(262_145), "message.html_body", BODY),
    ("a large plain body", |it| message(it).plain_body = long(262_145), "message.plain_body", BODY),
    ("a large clean body", |it| message(it).clean_body = long(262_145), "message.clean_body", BODY),
    ("no direction", |it| message(it).direction = 0, "message.direction", "is required"),
    (
        "an unknown direction",
        |it| message(it).direction = 4,
        "message.direction",
        "must be one of MESSAGE_DIRECTION_IN, MESSAGE_DIRECTION_OUT, MESSAGE_DIRECTION_INTERNAL, is 4",
    ),
    ("no kind", |it| message(it).kind = 0, "message.kind", "is required"),
    (
        "an unknown kind",
        |it| message(it).kind = 3,
        "message.kind",
        "must be one of MESSAGE_KIND_MESSAGE, MESSAGE_KIND_COMMENT, is 3",
    ),
    (
        "the same file twice",
        |it| message(it).attachments[2].name = message(it).attachments[1].name.clone(),
        "message.attachments[2].name",
        TWICE,
    ),
    (
        "a file without a name of its own",
        |it| message(it).attachments[0].name = "attachments/1".into(),
        "message.attachments[0].name",
        "must look like `conversations/{conversation}/messages/{number}/attachments/{number}`, is \"attachments/1\"",
    ),
    (
        "a file's long name",
        |it| message(it).attachments[0].file_name = "f".repeat(513),
        "message.attachments[0].file_name",
        TEXT,
    ),
    (
        "another file",
        |it| message(it).attachments[0].content = Some(Vec::new()),
        "message.attachments[0].content",
        "must be absent: a file is neither added nor replaced",
    ),
    (
        "a long subject",
        |it| message(it).subject = long(4097),
        "message.subject",
        "must be at most 4096 bytes long, is 4097",
    ),
    ("a long AI tool", |it| message(it).ai_tool = long(513), "message.ai_tool", TEXT),
    ("no author", |it| message(it).author = None, "message.author.kind", "is required"),
    ("no kind of author", |it| author(it).kind = 0, "message.author.kind", "is required"),
    ("an unknown kind of author", |it| author(it).kind = 9, "message.author.kind", NOT_A_KIND),
    ("an author's long id", |it| author(it).external_id = long(513), "message.author.external_id", TEXT),
    ("an author's long name", |it| author(it).name = long(513), "message.author.name", TEXT),
    ("no time", |it| message(it).create_time = None, "message.create_time", "is required"),
    ("a time before 1970", |it| message(it).create_time = early(), "message.create_time", TOO_EARLY),
    ("a time after 9999", |it| message(it).create_time = late(), "message.create_time", TOO_LATE),
    ("nanos of a second", |it| message(it).create_time = bad_nanos(), "message.create_time", NO_NANOS),
];

/// Lists with too many items are not even read.
const COUNTS: &[Row<UpdateMessageRequest>] = &[
    ("201 receivers", |it| message(it).to = vec![String::new(); 201], "message.to", RECEIVERS),
    ("201 receivers of a copy", |it| message(it).cc = vec![String::new(); 201], "message.cc", RECEIVERS),
    ("201 of a blind copy", |it| message(it).bcc = vec![String::new(); 201], "message.bcc", RECEIVERS),
    (
        "101 intents",
        |it| message(it).intent_ids = vec![String::new(); 101],
        "message.intent_ids",
        "must have at most 100 items, has 101",
    ),
    (
        "101 attachments",
        |it| message(it).attachments = vec![Default::default(); 101],
        "message.attachments",
        "must have at most 100 items, has 101",
    ),
];

fn message(request: &mut UpdateMessageRequest) -> &mut Message {
    request.message.as_mut().expect("the whole request has one")
}

fn author(request: &mut UpdateMessageRequest) -> &mut Author {
    message(request).author.as_mut().expect("the whole request has one")
}

fn add_path(request: &mut UpdateMessageRequest, path: &str) {
    request.update_mask.get_or_insert_default().paths.push(path.to_owned());
}

fn file(name: &str) -> Attachment {
    Attachment { file_name: name.to_owned(), content: Some(b"x".to_vec()), ..Attachment::default() }
}

async fn stored(client: &Client) -> Message {
    let request = StoreMessageRequest {
        parent: PARENT.to_owned(),
        message: Some(Message {
            content: Some("Hello".to_owned()),
            attachments: ["a", "b", "c"].map(file).to_vec(),
            ..Message::default()
        }),
        ..StoreMessageRequest::default()
    };
    client.store(request).await.expect("a message").message.expect("it is answered")
}

/// A change of everything that can be changed.
fn whole(stored: &Message) -> UpdateMessageRequest {
    let author = Author {
        kind: AuthorKind::Ai.into(),
        external_id: Some("bot".to_owned()),
        name: Some("Bot".to_owned()),
    };
    let text = Some("Changed".to_owned());
    let message = Message {
        name: stored.name.clone(),
        content: text.clone(),
        html_body: text.clone(),
        plain_body: text.clone(),
        clean_body: text.clone(),
        subject: text.clone(),
        direction: MessageDirection::Out.into(),
        private: true,
        kind: MessageKind::Comment.into(),
        attachments: stored.attachments.clone(),
        author: Some(author),
        create_time: stored.create_time,
        ai_tool: text,
        ..Message::default()
    };
    let paths = [
        "content",
        "html_body",
        "plain_body",
        "clean_body",
        "subject",
        "direction",
        "private",
        "kind",
        "attachments",
        "author",
        "create_time",
        "ai_tool",
    ];
    let update_mask = Some(FieldMask { paths: paths.map(str::to_owned).to_vec() });
    UpdateMessageRequest { message: Some(message), update_mask, request_id: String::new() }
}

#[tokio::test]
async fn a_broken_rule_of_a_changed_message_is_reported_by_field_and_nothing_changes() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let stored = stored(&client).await;
    client.scored(PARENT).await;
    let before = server.store.dump().await;
    for (what, change, field, said) in ROWS.iter().chain(COUNTS) {
        let mut request = whole(&stored);
        change(&mut request);
        assert_refused(what, &client.update_message(request).await.expect_err(what), field, said);
    }
    for rows in [ROWS, COUNTS] {
        let mut request = whole(&stored);
        rows.iter()
            .filter(|(_, _, _, said)| !said.starts_with("is required"))
            .for_each(|(_, change, ..)| change(&mut request));
        let refused = client.update_message(request).await.expect_err("every rule is broken");
        let mut named: Vec<String> = violations(&refused).into_iter().map(|(field, _)| field).collect();
        let mut expected: Vec<String> = rows.iter().map(|(_, _, field, _)| (*field).to_owned()).collect();
        named.sort_unstable();
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(named, expected);
    }
    assert_eq!(server.store.dump().await, before);
    client.update_message(whole(&stored)).await.expect("it breaks no rule");
}

#[tokio::test]
async fn a_star_names_nothing_and_rules_come_in_the_order_of_the_request() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let stored = stored(&client).await;
    let mut request = UpdateMessageRequest {
        message: Some(Message { name: stored.name.clone(), ..Message::default() }),
        update_mask: Some(FieldMask { paths: vec!["*".to_owned()] }),
        request_id: String::new(),
    };
    let named = |status| violations(&status).into_iter().map(|(field, _)| field).collect::<Vec<_>>();
    assert_eq!(named(client.update_message(request).await.unwrap_err()), ["update_mask"]);
    request = whole(&stored);
    request.request_id = "a b".to_owned();
    add_path(&mut request, "*");
    message(&mut request).create_time = None;
    message(&mut request).kind = 9;
    message(&mut request).ai_tool = long(513);
    message(&mut request).subject = long(4097);
    let expected = [
        "message.subject",
        "message.kind",
        "message.create_time",
        "message.ai_tool",
        "update_mask",
        "request_id",
    ];
    assert_eq!(named(client.update_message(request).await.unwrap_err()), expected);
}

#[tokio::test]
async fn a_message_is_changed_and_deleted_only_under_its_own_conversation() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let stored = stored(&client).await;
    let other = StoreMessageRequest {
        parent: "conversations/chat:2".to_owned(),
        message: Some(Message::default()),
        ..Default::default()
    };
    let other = client.store(other).await.unwrap().conversation.unwrap().name;
    let (own, number) = stored.name.split_once("/messages/").unwrap();
    let unknown = format!("{own}/messages/7");
    for name in
        [format!("{other}/messages/{number}"), format!("conversations/chat:3/messages/{number}"), unknown]
    {
        let mut request = whole(&stored);
        message(&mut request).name.clone_from(&name);
        // Attachments of another message have a violation of their own.
        message(&mut request).attachments.clear();
        assert_not_found(&client.update_message(request).await.expect_err(&name), "message");
        let request = DeleteMessageRequest { name, ..DeleteMessageRequest::default() };
        assert_not_found(&client.delete_message(request).await.expect_err("no such message"), "message");
    }
    let request = DeleteMessageRequest {
        name: "messages/1".to_owned(),
        request_id: "a b".to_owned(),
        ..Default::default()
    };
    let named: Vec<_> = violations(&client.delete_message(request).await.expect_err("two rules are broken"));
    let shape = "must look like `conversations/{conversation}/messages/{number}`, is \"messages/1\"";
    assert_eq!(
        named,
        [("request_id", SPACED_ID), ("name", shape)].map(|(field, said)| (field.to_owned(), said.to_owned()))
    );
    client.delete(PARENT).await.unwrap();
    assert_not_found(&client.update_message(whole(&stored)).await.expect_err("it is deleted"), "message");
}
