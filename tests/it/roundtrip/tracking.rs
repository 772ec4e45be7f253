//! A source that resends a message after moving to another server: the tracking id identifies it there, too.

use plaudit::proto::v1::{
    Attachment, Author, AuthorKind, Channel, Conversation, ConversationPriority, ConversationStatus, Message,
    MessageDirection, StoreMessageRequest, UpdateConversationRequest, UpdateMessageRequest,
};
use prost_types::FieldMask;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{rich::at, run};
use crate::harness::{Client, ServerProcess};

const TICKET: &str = "conversations/enneo:7";

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn store(tracking_id: &str, message: Message) -> StoreMessageRequest {
    let message = Some(Message { tracking_id: text(tracking_id), ..message });
    StoreMessageRequest { parent: TICKET.to_owned(), message, ..Default::default() }
}

/// The source's requests, in order; some have no time, and most say something about the ticket.
fn requests() -> Vec<StoreMessageRequest> {
    let customer = Message {
        content: text("Where is it?"),
        customer_id: text("c"),
        agent_id: Some(23),
        ..Message::default()
    };
    let reply = Message {
        direction: MessageDirection::Out.into(),
        html_body: text("<p>On its way.</p>"),
        agent_id: Some(24),
        create_time: at(60),
        attachments: vec![Attachment {
            file_name: "a.txt".to_owned(),
            content: Some(b"a".to_vec()),
            ..Default::default()
        }],
        ..Message::default()
    };
    let note =
        Message { private: true, content: text("Call them."), create_time: at(120), ..Message::default() };
    let teammate = Author { kind: AuthorKind::Teammate.into(), external_id: text("25"), name: None };
    vec![
        StoreMessageRequest {
            status: ConversationStatus::Open.into(),
            priority: ConversationPriority::High.into(),
            tags: vec!["vip".to_owned(), "late".to_owned()],
            team: text("billing"),
            channel: Channel::WhatsApp.into(),
            due_time: at(1_000),
            first_response_due_time: at(500),
            ..store("t1", customer.clone())
        },
        // That was its status already.
        StoreMessageRequest { status: ConversationStatus::Open.into(), ..store("t2", reply) },
        StoreMessageRequest { status: ConversationStatus::Closed.into(), ..store("t3", note) },
        StoreMessageRequest {
            status: ConversationStatus::Open.into(),
            ..store("t4", Message { create_time: at(180), ..customer.clone() })
        },
        StoreMessageRequest { assignee: Some(teammate), ..store("t5", customer) },
    ]
}

fn of_enneo() -> Value {
    json!({
        "direction": "in", "from": "Jo <jo@example.org>", "subject": "Meter", "body": "<p>Hello?</p>", "status": "pending",
        "priority": "high", "externalConversationId": "abc", "rawData": { "a": [1, 2.50] }, "content": { "message": "Hi" },
    })
}

/// Stores the source's requests on a server, and returns the names of the messages there.
async fn send(server: &ServerProcess, client: &Client) -> Vec<String> {
    let mut names = Vec::new();
    for request in requests() {
        names.push(client.store(request).await.unwrap().message.unwrap().name);
    }
    let answer = server.http().post("/ticket/7/conversation/store", of_enneo().to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    names.push(answer.json()["conversationId"].to_string());
    names
}

/// A server on which a source stored its messages, and one to which an export transferred them.
async fn moved() -> (ServerProcess, Client) {
    let here = ServerProcess::start();
    let client = Client::new(here.channel().await);
    let sent = send(&here, &client).await;
    assert_eq!(send(&here, &client).await, sent, "on the first server all of them are known");
    let closed = Conversation { status: ConversationStatus::Closed.into(), ..named() };
    update(&client, closed, &["status"]).await;
    let folder = TempDir::new().unwrap();
    let (code, told) = run(folder.path(), &here, &["export", "a.jsonl", "--attachments"]);
    assert_eq!(code, Some(0), "{told}");
    let there = ServerProcess::start();
    let (code, told) = run(folder.path(), &there, &["import", "a.jsonl"]);
    assert_eq!(code, Some(0), "{told}");
    let copy = Client::new(there.channel().await);
    (there, copy)
}

fn named() -> Conversation {
    Conversation { name: TICKET.to_owned(), ..Conversation::default() }
}

async fn update(client: &Client, conversation: Conversation, paths: &[&str]) {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let request = UpdateConversationRequest {
        conversation: Some(conversation),
        update_mask: Some(FieldMask { paths }),
        ..Default::default()
    };
    client.update(request).await.unwrap();
}

#[tokio::test]
async fn messages_stored_with_ticket_changes_are_recognised_after_a_move() {
    let (there, copy) = moved().await;
    let before = copy.settled(TICKET).await;
    let stored = copy.messages(TICKET, 50).await;
    let names: Vec<&str> = stored.iter().map(|message| message.name.as_str()).collect();
    let again = send(&there, &copy).await;
    assert_eq!(again[..5], names[..5]);
    assert!(names[5].ends_with(&format!("/{}", again[5])), "{again:?} {names:?}");
    assert_eq!(copy.settled(TICKET).await, before, "nothing changed");
    assert_eq!(before.status(), ConversationStatus::Closed);
}

#[tokio::test]
async fn a_message_with_something_new_is_stored_after_a_move_too() {
    type Change = fn(&mut StoreMessageRequest);
    let news: [(&str, usize, Change); 11] = [
        ("other words", 0, |it| it.message.as_mut().unwrap().content = text("Where is mine?")),
        ("another time", 1, |it| it.message.as_mut().unwrap().create_time = at(61)),
        ("another file", 1, |it| it.message.as_mut().unwrap().attachments[0].content = Some(b"b".to_vec())),
        ("another author", 2, |it| it.message.as_mut().unwrap().agent_id = Some(26)),
        ("another status than it had then", 3, |it| it.status = ConversationStatus::Pending.into()),
        ("the status that was before it", 3, |it| it.status = ConversationStatus::Closed.into()),
        ("the status that came later", 4, |it| it.status = ConversationStatus::Closed.into()),
        ("a tag that the ticket has not", 0, |it| it.tags.push("new".to_owned())),
        ("another team", 0, |it| it.team = text("sales")),
        ("somebody else in charge", 0, |it| {
            it.assignee = Some(Author { kind: AuthorKind::Ai.into(), external_id: text("bot"), name: None });
        }),
        ("another date", 0, |it| it.due_time = at(1_001)),
    ];
    let (_there, copy) = moved().await;
    for (count, (what, place, change)) in (7..).zip(news) {
        let mut request = requests().swap_remove(place);
        change(&mut request);
        copy.store(request).await.unwrap();
        assert_eq!(copy.conversation(TICKET).await.unwrap().message_count, count, "{what}");
    }
}

#[tokio::test]
async fn a_message_edited_since_it_was_sent_is_not_recognised_after_a_move() {
    let (_there, copy) = moved().await;
    update(&copy, Conversation { priority: ConversationPriority::Low.into(), ..named() }, &["priority"])
        .await;
    let first = requests().swap_remove(0);
    let message = copy.store(first.clone()).await.unwrap().message.unwrap();
    assert_eq!(copy.messages(TICKET, 50).await.last().unwrap().name, message.name);
    // From now on it is recognised like messages stored here.
    assert_eq!(copy.store(first).await.unwrap().message.unwrap().name, message.name);
    // An edit here does not affect recognition.
    let second = copy.messages(TICKET, 50).await.swap_remove(1);
    let edited = Message { content: text("It left."), etag: String::new(), ..second.clone() };
    let mask = Some(FieldMask { paths: vec!["content".to_owned()] });
    let request = UpdateMessageRequest { message: Some(edited), update_mask: mask, ..Default::default() };
    copy.update_message(request).await.unwrap();
    let again = copy.store(requests().swap_remove(1)).await.unwrap().message.unwrap();
    assert_eq!((again.name, again.content), (second.name, text("It left.")));
}
