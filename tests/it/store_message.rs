//! `StoreMessage`: what is kept of a message, and the effect on its conversation.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use plaudit::{
    proto::v1::{
        Attachment, Author, AuthorKind, Channel, ConversationPriority, ConversationStatus, Message,
        MessageDirection, MessageKind, ScoringProcess, ScoringState, StoreMessageRequest,
        conversation_service_client::ConversationServiceClient,
    },
    service::Settings,
};
use prost_types::Timestamp;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

use crate::{
    harness::{KEYS, Plaudit, assert_not_found, fault, fields, sample},
    message_edits::{delete, update},
};

pub(crate) const PARENT: &str = "conversations/chat:room%201";

pub(crate) fn store(parent: &str, message: Message) -> StoreMessageRequest {
    let parent = parent.to_owned();
    StoreMessageRequest { parent, message: Some(message), ..StoreMessageRequest::default() }
}

pub(crate) fn words(content: &str) -> Message {
    Message { content: Some(content.to_owned()), ..Message::default() }
}

pub(crate) fn agent(name: &str) -> Author {
    Author { kind: AuthorKind::Teammate.into(), external_id: Some(name.to_owned()), name: None }
}

#[tokio::test]
async fn a_message_keeps_everything_that_was_sent() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let text = |text: &str| Some(text.to_owned());
    let texts = |text: &str| vec![text.to_owned()];
    let sent = Message {
        content: text("The words."),
        author: Some(Author { kind: AuthorKind::Ai.into(), external_id: text("bot"), name: text("Helper") }),
        create_time: Some(Timestamp { seconds: sample::BEGIN_SECONDS, nanos: 5_000_000 }),
        ai_tool: text("helper"),
        automatic: true,
        direction: MessageDirection::Out.into(),
        private: true,
        r#type: "note".to_owned(),
        from_address: text("a@b.c"),
        from_name: text("Ada"),
        to: texts("B <b@b.c>"),
        cc: texts("c@b.c"),
        bcc: texts("d@b.c"),
        subject: text("Order"),
        html_body: text("<p>The words"),
        plain_body: text("The words, plain"),
        clean_body: text("The words, clean"),
        raw_data: text("{\"z\":1,\"a\":2}"),
        sender: text("{}"),
        sent_content: text("{\"message\":\"x\"}"),
        intent_ids: texts("meter"),
        crm_notification_id: text("crm"),
        contract_id: text("contract"),
        customer_id: text("customer"),
        subchannel_id: Some(-4),
        tracking_id: text("t1"),
        agent_id: Some(7),
        ..Message::default()
    };
    let request = StoreMessageRequest {
        status: ConversationStatus::Pending.into(),
        priority: ConversationPriority::Urgent.into(),
        due_time: Some(Timestamp { seconds: 5, nanos: 0 }),
        assignee: Some(agent("t1")),
        tags: ["vip", "refund", "vip"].map(str::to_owned).into(),
        team: text("billing"),
        channel: Channel::WhatsApp.into(),
        ..store(PARENT, sent.clone())
    };
    let answer = client.store(request).await.unwrap();
    let stored = answer.message.unwrap();
    let given = Message {
        name: stored.name.clone(),
        external_id: stored.external_id.clone(),
        kind: MessageKind::Comment.into(),
        etag: stored.etag.clone(),
        event_id: stored.event_id,
        ..sent
    };
    assert_eq!(stored, given);
    assert_eq!(client.messages(PARENT, 50).await, [stored]);

    let conversation = answer.conversation.unwrap();
    assert_eq!(conversation.status(), ConversationStatus::Pending);
    assert_eq!(conversation.priority(), ConversationPriority::Urgent);
    assert_eq!((conversation.channel(), conversation.team.as_deref()), (Channel::WhatsApp, Some("billing")));
    assert_eq!(conversation.tags, ["vip", "refund"]);
    assert_eq!((conversation.assignee.clone(), conversation.subchannel_id), (Some(agent("t1")), Some(-4)));
    assert_eq!((conversation.external_id.as_str(), conversation.source.as_str()), ("room 1", "chat"));
    let scored = client.scored(PARENT).await;
    assert_eq!(plaudit::proto::v1::Conversation { scoring: scored.scoring.clone(), ..conversation }, scored);
}

#[tokio::test]
async fn a_number_names_only_an_existing_conversation() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let unknown = client.store(store("conversations/5000000000000777", words("x"))).await.unwrap_err();
    assert_not_found(&unknown, "conversation");
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    client.store(store(&name, words("One more."))).await.unwrap();
    let messages = client.messages(&name, 2).await;
    assert_eq!((messages.len(), messages[4].content()), (5, "One more."));
    assert_eq!(
        (messages[0].direction(), messages[4].direction()),
        (MessageDirection::Unspecified, MessageDirection::In)
    );
}

#[tokio::test]
async fn all_violations_are_reported_at_once_and_nothing_is_stored() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let long = |bytes: usize| Some("x".repeat(bytes));
    let message = Message {
        content: long(256 * 1024 + 1),
        subject: long(4097),
        direction: 9,
        raw_data: long(3),
        to: vec!["x".repeat(513)],
        create_time: Some(Timestamp { seconds: 0, nanos: -1 }),
        author: Some(Author { kind: 9, external_id: Some("cus\n1".to_owned()), ..Author::default() }),
        attachments: vec![
            Attachment::default(),
            Attachment { source_url: Some("file:///etc/passwd".to_owned()), ..Attachment::default() },
            Attachment { content: Some(vec![0; 10 * 1024 * 1024 + 1]), ..Attachment::default() },
        ],
        ..Message::default()
    };
    let request = StoreMessageRequest {
        status: 9,
        priority: -1,
        channel: 99,
        process: 9,
        tags: vec![String::new()],
        assignee: Some(Author { kind: AuthorKind::Contact.into(), ..Author::default() }),
        due_time: Some(Timestamp { seconds: i64::MAX, nanos: 0 }),
        request_id: "no spaces".to_owned(),
        ..store("tickets/1", message)
    };
    let refused = client.store(request).await.unwrap_err();
    let named: HashSet<_> = fields(&refused).into_iter().collect();
    let expected = [
        "parent",
        "request_id",
        "process",
        "status",
        "priority",
        "channel",
        "tags[0]",
        "assignee.kind",
        "assignee.external_id",
        "due_time",
        "message.content",
        "message.subject",
        "message.direction",
        "message.raw_data",
        "message.to[0]",
        "message.create_time",
        "message.author.kind",
        "message.author.external_id",
        "message.attachments",
        "message.attachments[0]",
        "message.attachments[1].source_url",
    ];
    assert_eq!(named, expected.into_iter().map(str::to_owned).collect());
    assert_eq!(server.store.count(KEYS.requests()).await, 0);
}

#[tokio::test]
async fn a_retried_request_gets_the_first_answer_even_after_a_restart() {
    let mut server = Plaudit::start().await;
    let request = StoreMessageRequest { request_id: "one".to_owned(), ..store(PARENT, words("Hello")) };
    let client = server.client().await;
    let first = client.store(request.clone()).await.unwrap().message;
    for _ in 0..2 {
        let client = server.client().await;
        assert_eq!(client.store(request.clone()).await.unwrap().message, first);
        let changes: [fn(&mut StoreMessageRequest); 4] = [
            |it| it.parent.push('x'),
            |it| it.process = ScoringProcess::Off.into(),
            |it| it.team = Some("x".to_owned()),
            |it| it.message.as_mut().unwrap().private = true,
        ];
        for change in changes {
            let mut other = request.clone();
            change(&mut other);
            let refused = client.store(other).await.unwrap_err();
            assert_eq!(fault(&refused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
        }
        assert_eq!(client.scored(PARENT).await.message_count, 1);
        server = server.restart().await;
    }
}

#[tokio::test]
async fn sixty_four_concurrent_stores_all_arrive_in_order_of_their_numbers() {
    let server = Plaudit::start().await;
    let stored = async |number: usize| {
        let client = server.client().await;
        client.store(store(PARENT, words(&format!("Message {number}")))).await.map(|answer| answer.message)
    };
    let answers = join_all((0..64).map(stored)).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let client = server.client().await;
    assert_eq!(client.scored(PARENT).await.message_count, 64);
    let names: Vec<_> = client.messages(PARENT, 7).await.into_iter().map(|message| message.name).collect();
    let mut sorted = names.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((names.len(), &names), (64, &sorted));
}

#[tokio::test]
async fn concurrent_copies_of_a_request_get_one_answer() {
    let server = Plaudit::start().await;
    let request = StoreMessageRequest { request_id: "one".to_owned(), ..store(PARENT, words("Hello")) };
    let copy = async |_| server.client().await.store(request.clone()).await.map(|answer| answer.message);
    let answers = join_all((0..48).map(copy)).await;
    assert!(answers.iter().all(|answer| answer.as_ref().ok() == answers[0].as_ref().ok()), "{answers:?}");
    assert!(answers[0].is_ok());
    assert_eq!(server.client().await.scored(PARENT).await.message_count, 1);
}

#[tokio::test]
async fn a_request_may_have_16_mib_and_other_methods_still_4() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let with_bytes = |count: usize| {
        let attachment = Attachment { content: Some(vec![7; count]), ..Attachment::default() };
        store(PARENT, Message { attachments: vec![attachment], ..words("See here") })
    };
    let stored = client.store(with_bytes(10 * 1024 * 1024)).await.unwrap().message.unwrap();
    assert_eq!(stored.attachments[0].size_bytes, Some(10 * 1024 * 1024));
    let too_large = (Code::ResourceExhausted, "REQUEST_TOO_LARGE".to_owned());
    assert_eq!(fault(&client.store(with_bytes(16 * 1024 * 1024)).await.unwrap_err()), too_large);
    let change = Message { content: Some("x".repeat(4 * 1024 * 1024)), ..stored };
    assert_eq!(fault(&client.update_message(update(change, &["content"])).await.unwrap_err()), too_large);
}

#[tokio::test]
async fn an_attachment_has_a_name_and_a_path_and_its_bytes_are_not_returned() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let content = b"GIF89a\x03\x00\x02\x00\x80\x00\x00\x00".to_vec();
    let attachment =
        Attachment { file_name: "a.gif".to_owned(), content: Some(content.clone()), ..Attachment::default() };
    let message = Message { attachments: vec![attachment], ..words("See here") };
    let stored = client.store(store(PARENT, message)).await.unwrap().message.unwrap();
    let attachment = stored.attachments[0].clone();
    assert!(attachment.name.starts_with(&format!("{}/attachments/", stored.name)), "{attachment:?}");
    assert_eq!((attachment.content.clone(), attachment.size_bytes), (None, Some(14)));
    assert_eq!(
        (attachment.content_type(), attachment.width, attachment.height),
        ("image/gif", Some(3), Some(2))
    );
    let file = server.http().get(attachment.download_path()).await;
    assert_eq!(file.body, content);

    client.delete_message(delete(&stored.name)).await.unwrap();
    assert_eq!(server.http().get(attachment.download_path()).await.status, 404);
}

#[tokio::test]
async fn realtime_ends_at_the_callers_deadline_and_names_what_is_stored() {
    let server = Plaudit::start_with(Settings { realtime_seconds: 30, ..Settings::default() }).await;
    let client = server.client().await;
    let realtime = |parent: &str| StoreMessageRequest {
        process: ScoringProcess::Realtime.into(),
        ..store(parent, words("Hello"))
    };
    let scored = client.store(realtime("conversations/chat:1")).await.unwrap();
    assert_eq!(scored.conversation.unwrap().scoring.unwrap().state(), ScoringState::Done);

    // The worker may get there before the call and score the same version: neither may finish.
    let gate = server.store.hold_each(|batch| batch.delete.iter().any(|key| key[0] == 0x40));
    let mut request = Request::new(StoreMessageRequest { request_id: "one".to_owned(), ..realtime(PARENT) });
    request.set_timeout(Duration::from_secs(1));
    let mut conversations = ConversationServiceClient::new(server.channel().await);
    let late = conversations.store_message(request).await.unwrap_err();
    assert_eq!(fault(&late), (Code::DeadlineExceeded, "SCORING_UNFINISHED".to_owned()), "{late:?}");
    let named = late.get_details_error_info().unwrap().metadata["message"].clone();
    gate.open();
    let messages = client.messages(PARENT, 50).await;
    assert_eq!(messages.iter().map(|message| &message.name).collect::<Vec<_>>(), [&named]);
    // Sent again, it waits for the scores of the same message.
    let again = StoreMessageRequest { request_id: "one".to_owned(), ..realtime(PARENT) };
    let answer = client.store(again).await.unwrap();
    assert_eq!(answer.message.unwrap().name, named);
    assert_eq!(answer.conversation.unwrap().scoring.unwrap().state(), ScoringState::Done);
}

#[tokio::test]
async fn an_append_recognises_a_stored_message_by_its_tracking_id() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let message = Message { tracking_id: Some("m1".to_owned()), ..words("Hello") };
    client.store(store("conversations/test:42", message)).await.unwrap();
    let append = sample::with_policy(
        sample::import_of("42", sample::messages(0, 3)),
        plaudit::proto::v1::ConflictPolicy::Append,
    );
    assert_eq!(client.import(append).await.unwrap().stored_messages, 2);
}
