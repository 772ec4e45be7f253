//! The rules for what an import contains beyond text, authors and times.

use plaudit::proto::v1::{
    Attachment, Author, AuthorKind, Channel, ConflictPolicy, Conversation, ConversationStatus,
    ImportConversationRequest, ImportOutcome, Message, MessageDirection, MessageKind, StatusChange,
    StoreMessageRequest,
};
use tonic::Status;
use tonic_types::StatusExt as _;

use super::rich::{at, full_message};
use crate::harness::{
    Plaudit, assert_not_found, fields,
    sample::{self, with_policy},
};

pub(super) const NAME: &str = "conversations/test:42";

pub(super) fn conversation(it: &mut ImportConversationRequest) -> &mut Conversation {
    it.conversation.as_mut().unwrap()
}

/// An import whose first message has every field.
fn detailed() -> ImportConversationRequest {
    let mut request = sample::import("42");
    let sample = request.messages[0].clone();
    request.messages[0] = Message {
        external_id: sample.external_id,
        kind: sample.kind,
        author: sample.author,
        ..full_message()
    };
    request
}

/// The fields in a status, each with its rule.
pub(super) fn rules(status: &Status) -> Vec<(String, String)> {
    let request = status.get_details_bad_request().unwrap_or_else(|| panic!("{status:?}"));
    request.field_violations.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

pub(super) fn change(status: ConversationStatus, seconds: i64, after_message: Option<i64>) -> StatusChange {
    StatusChange { status: status.into(), change_time: at(seconds), after_message }
}

#[tokio::test]
async fn a_message_keeps_all_its_details() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(detailed()).await.unwrap();
    let stored = client.messages(NAME, 50).await.swap_remove(0);
    let sent = detailed().messages.swap_remove(0);
    let without_files = |message: &Message| Message {
        name: String::new(),
        etag: String::new(),
        event_id: 0,
        attachments: Vec::new(),
        ..message.clone()
    };
    assert_eq!(without_files(&stored), without_files(&sent));
    let image = &stored.attachments[0];
    assert_eq!(
        (image.width, image.height, image.content_type.as_deref()),
        (Some(3), Some(2), Some("image/png"))
    );
    let path = image.download_path.as_deref().unwrap();
    assert_eq!(server.http().get(path).await.body, super::rich::PNG[..]);
    let found = client.conversation(NAME).await.unwrap();
    assert_eq!(found.channel(), Channel::Email, "a message with addresses implies the channel");
}

#[tokio::test]
async fn imported_messages_follow_the_rules_of_store_message() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    type Change = fn(&mut Message);
    let broken: &[(&str, Change)] = &[
        ("a direction that there is not", |it| it.direction = 9),
        ("a type of 513 bytes", |it| it.r#type = "t".repeat(513)),
        ("201 receivers", |it| it.to = vec!["a@b".to_owned(); 201]),
        ("a long receiver", |it| it.cc = vec!["a".repeat(513)]),
        ("a subject of 4097 bytes", |it| it.subject = Some("s".repeat(4097))),
        ("an HTML body of 262145 bytes", |it| it.html_body = Some("x".repeat(262_145))),
        ("raw data that is no object", |it| it.raw_data = Some("[1]".to_owned())),
        ("a sender that is no JSON", |it| it.sender = Some("{".to_owned())),
        ("101 intents", |it| it.intent_ids = vec![String::new(); 101]),
        ("a tracking id of 513 bytes", |it| it.tracking_id = Some("t".repeat(513))),
        ("a customer id of 513 bytes", |it| it.customer_id = Some("c".repeat(513))),
        ("an AI tool of 513 bytes", |it| it.ai_tool = Some("t".repeat(513))),
        ("an attachment from nowhere", |it| it.attachments[0].content = None),
        ("a URL of another kind", |it| it.attachments[1].source_url = Some("ftp://x".to_owned())),
        ("a file name of 513 bytes", |it| it.attachments[0].file_name = "f".repeat(513)),
        ("101 attachments", |it| it.attachments = vec![it.attachments[1].clone(); 101]),
        ("11 MiB of attachments", |it| it.attachments[0].content = Some(vec![0; 11 << 20])),
        ("an author's name of 513 bytes", |it| {
            it.author.as_mut().unwrap().name = Some("n".repeat(513));
        }),
    ];
    for (what, change) in broken {
        let mut request = detailed();
        change(&mut request.messages[0]);
        let message = request.messages[0].clone();
        let refused = rules(&client.import(request).await.expect_err(what));
        let store =
            StoreMessageRequest { parent: NAME.to_owned(), message: Some(message), ..Default::default() };
        let expected = rules(&client.store(store).await.expect_err(what)).into_iter();
        let expected: Vec<_> =
            expected.map(|(field, rule)| (field.replacen("message.", "messages[0].", 1), rule)).collect();
        assert_eq!(refused, expected, "{what}");
    }
    assert_not_found(&client.conversation(NAME).await.unwrap_err(), "conversation");
}

#[tokio::test]
async fn rules_specific_to_imports_are_reported_too() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    type Change = fn(&mut ImportConversationRequest);
    let broken: &[(&str, Change, &[&str])] = &[
        ("a private message that is no comment", |it| it.messages[0].private = true, &["messages[0].kind"]),
        (
            "a reply that is a comment",
            |it| {
                it.messages[0].direction = MessageDirection::Out.into();
                it.messages[0].kind = MessageKind::Comment.into();
            },
            &["messages[0].kind"],
        ),
        (
            "details without a way, a kind and an author",
            |it| {
                let message = &mut it.messages[0];
                (message.direction, message.kind, message.author) = (0, 0, None);
            },
            &["messages[0].author.kind", "messages[0].kind"],
        ),
        (
            "details without any words",
            |it| {
                let message = &mut it.messages[0];
                message.content = None;
                (message.html_body, message.plain_body, message.clean_body) = (None, None, None);
            },
            &["messages[0].content"],
        ),
        ("no time", |it| it.messages[0].create_time = None, &["messages[0].create_time"]),
        ("a status that there is not", |it| conversation(it).status = 9, &["conversation.status"]),
        ("101 tags", |it| conversation(it).tags = vec!["t".to_owned(); 101], &["conversation.tags"]),
        ("an empty tag", |it| conversation(it).tags = vec![String::new()], &["conversation.tags[0]"]),
        (
            "a customer in charge",
            |it| {
                let kind = AuthorKind::Contact.into();
                let external_id = Some("c".to_owned());
                conversation(it).assignee = Some(Author { kind, external_id, ..Author::default() });
            },
            &["conversation.assignee.kind"],
        ),
        (
            "1001 changes of the status, the last of which is the status alone",
            |it| {
                let changes = (0..1000).map(|at| change(ConversationStatus::Open, at, None));
                conversation(it).status_changes = changes.collect();
                conversation(it).status = ConversationStatus::Closed.into();
            },
            &["conversation.status_changes"],
        ),
        (
            "a change of nothing at no time",
            |it| conversation(it).status_changes = vec![StatusChange::default()],
            &["conversation.status_changes[0].change_time", "conversation.status_changes[0].status"],
        ),
        (
            "a place among messages without numbers",
            |it| conversation(it).status_changes = vec![change(ConversationStatus::Open, 0, Some(7))],
            &["messages[0].name"],
        ),
        ("a place to append to without appending", |it| it.append_after = "m0".to_owned(), &["append_after"]),
    ];
    for (what, change, expected) in broken {
        let mut request = detailed();
        change(&mut request);
        assert_eq!(fields(&client.import(request).await.expect_err(what)), *expected, "{what}");
    }
    let many = |count: usize| Message {
        to: vec!["a@b".to_owned(); 200],
        ..sample::messages(count, 1).swap_remove(0)
    };
    let request = sample::import_of("42", (0..101).map(many).collect());
    assert_eq!(fields(&client.import(request).await.unwrap_err()), ["messages"]);
}

#[tokio::test]
async fn derived_fields_can_be_omitted() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut request = sample::import("42");
    let html =
        |it: &mut Message| (it.content, it.html_body) = (None, Some("<p>See <b>this</b></p>".to_owned()));
    html(&mut request.messages[0]);
    let note = &mut request.messages[1];
    (note.kind, note.private, note.direction) = (0, true, MessageDirection::Out.into());
    let reply = &mut request.messages[3];
    (reply.author, reply.agent_id, reply.direction) = (None, Some(23), MessageDirection::Out.into());
    client.import(request).await.unwrap();
    let stored = client.messages(NAME, 50).await;
    assert_eq!(
        (stored[0].content.as_deref(), stored[0].direction()),
        (Some("See this"), MessageDirection::In)
    );
    assert_eq!(stored[1].kind(), MessageKind::Comment);
    assert_eq!(stored[2].direction(), MessageDirection::Unspecified, "the plain message is unchanged");
    let author = stored[3].author.as_ref().unwrap();
    assert_eq!((author.kind(), author.external_id.as_deref()), (AuthorKind::Teammate, Some("23")));
}

#[tokio::test]
async fn a_message_imported_with_its_tracking_id_is_recognised_when_stored_again() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut request = detailed();
    request.messages[0].author = None;
    client.import(request).await.unwrap();
    let again = StoreMessageRequest {
        parent: NAME.to_owned(),
        message: Some(full_message()),
        ..StoreMessageRequest::default()
    };
    let known = client.store(again.clone()).await.unwrap().message.unwrap();
    assert_eq!(known.external_id, "m0");
    let other = Message { content: Some("Something else.".to_owned()), ..full_message() };
    client.store(StoreMessageRequest { message: Some(other), ..again }).await.unwrap();
    assert_eq!(client.conversation(NAME).await.unwrap().message_count, 5);
}

#[tokio::test]
async fn status_changes_are_placed_by_number_or_by_time() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let (open, closed) = (ConversationStatus::Open, ConversationStatus::Closed);
    // The sample's messages are a minute apart.
    let history = [
        ("by time", vec![change(closed, 90, None), change(open, 121, None)], [2, 3]),
        ("time that goes back", vec![change(closed, 121, None), change(open, 0, None)], [3, 3]),
        ("by number", vec![change(closed, 9_000, Some(19)), change(open, 0, Some(35))], [1, 3]),
        ("before and after all", vec![change(closed, 0, Some(3)), change(open, 0, Some(99))], [0, 4]),
    ];
    for (what, changes, places) in history {
        let mut request = sample::import(what);
        for (place, message) in request.messages.iter_mut().enumerate() {
            message.name = format!("conversations/1/messages/{}", 10 + 10 * place);
        }
        conversation(&mut request).status_changes = changes.clone();
        conversation(&mut request).status = open.into();
        let name = client.import(request).await.unwrap().conversation;
        let found = client.conversation(&name).await.unwrap();
        let messages = client.messages(&name, 50).await;
        let number = |name: &str| name.rsplit('/').next().unwrap().parse::<i64>().unwrap();
        let before = |change: &StatusChange| {
            messages.iter().filter(|message| number(&message.name) <= change.after_message.unwrap()).count()
        };
        assert_eq!(found.status_changes.iter().map(before).collect::<Vec<_>>(), places, "{what}");
        let told = |changes: &[StatusChange]| {
            changes.iter().map(|change| (change.status, change.change_time)).collect::<Vec<_>>()
        };
        assert_eq!(told(&found.status_changes), told(&changes), "{what}");
    }
}

#[tokio::test]
async fn a_status_without_a_history_is_that_of_the_last_message() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut request = sample::import("42");
    conversation(&mut request).status = ConversationStatus::Closed.into();
    client.import(request).await.unwrap();
    let found = client.conversation(NAME).await.unwrap();
    assert_eq!(found.status(), ConversationStatus::Closed);
    let last = client.messages(NAME, 50).await.pop().unwrap();
    assert_eq!(found.status_changes.len(), 1);
    assert_eq!(found.status_changes[0].change_time, last.create_time);
}

#[tokio::test]
async fn a_part_is_appended_only_to_the_part_before_it() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let part = |from: usize, after: &str| ImportConversationRequest {
        append_after: after.to_owned(),
        ..with_policy(sample::import_of("42", sample::messages(from, 3)), ConflictPolicy::Append)
    };
    assert_eq!(fields(&client.import(part(4, "m3")).await.unwrap_err()), ["append_after"]);
    client.import(sample::import("42")).await.unwrap();
    assert_eq!(fields(&client.import(part(4, "m9")).await.unwrap_err()), ["append_after"]);
    assert_eq!(client.import(part(4, "m3")).await.unwrap().outcome(), ImportOutcome::Appended);
    assert_eq!(client.import(part(4, "m3")).await.unwrap().outcome(), ImportOutcome::Existing);
    assert_eq!(fields(&client.import(part(5, "m3")).await.unwrap_err()), ["append_after"]);
    assert_eq!(client.conversation(NAME).await.unwrap().message_count, 7);
}

#[tokio::test]
async fn an_append_takes_the_status_changes_placed_among_its_messages() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let (open, closed) = (ConversationStatus::Open, ConversationStatus::Closed);
    let mut first = sample::import("42");
    conversation(&mut first).status_changes = vec![change(closed, 61, None)];
    conversation(&mut first).status = closed.into();
    client.import(first).await.unwrap();
    let mut whole = with_policy(sample::import_of("42", sample::messages(0, 6)), ConflictPolicy::Append);
    conversation(&mut whole).status_changes =
        vec![change(closed, 61, None), change(open, 241, None), change(closed, 400, None)];
    conversation(&mut whole).status = closed.into();
    for _ in 0..2 {
        client.import(whole.clone()).await.unwrap();
        let found = client.conversation(NAME).await.unwrap();
        let statuses: Vec<_> = found.status_changes.iter().map(StatusChange::status).collect();
        assert_eq!((statuses, found.status()), (vec![closed, open, closed], closed));
    }
}

#[tokio::test]
async fn a_conversation_without_messages_is_imported_if_intended() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let empty = ImportConversationRequest { without_messages: true, ..sample::import_of("42", Vec::new()) };
    client.import(empty).await.unwrap();
    let found = client.settled(NAME).await;
    assert_eq!((found.message_count, found.subject.as_deref()), (0, Some("Order 4711")));
}

#[tokio::test]
async fn an_attachment_may_come_without_bytes_if_intended() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut request = detailed();
    let file = &mut request.messages[0].attachments[0];
    *file = Attachment {
        content: None,
        content_missing: true,
        size_bytes: Some(29),
        content_type: Some("image/png".to_owned()),
        ..file.clone()
    };
    client.import(request.clone()).await.unwrap();
    let stored = client.messages(NAME, 50).await.swap_remove(0).attachments.swap_remove(0);
    assert!(stored.content_missing && stored.download_path.is_none(), "{stored:?}");
    assert_eq!((stored.size_bytes, stored.content_type.as_deref()), (Some(29), Some("image/png")));
    let message = request.messages.swap_remove(0);
    let store = StoreMessageRequest { parent: NAME.to_owned(), message: Some(message), ..Default::default() };
    assert_eq!(fields(&client.store(store).await.unwrap_err()), ["message.attachments[0]"]);
}

#[tokio::test]
async fn an_import_with_attachments_may_be_larger_than_one_without() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut request = detailed();
    request.messages[0].attachments[0].content = Some(vec![7; 9 << 20]);
    client.import(request.clone()).await.unwrap();
    conversation(&mut request).external_id = "43".to_owned();
    let (results, counts) = client.import_all(vec![request]).await;
    assert_eq!((counts.created, counts.failed), (1, 0), "{results:?}");
}
