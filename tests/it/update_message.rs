//! What `UpdateMessage` changes in a message besides its text, and the consequences.

use plaudit::{
    domain::AssessmentState,
    proto::v1::{
        Attachment, Author, AuthorKind, EventKind, Message, MessageDirection, MessageKind,
        StoreMessageRequest, UpdateMessageRequest, WatchEventsRequest,
    },
    store::{Batch, Keyspace as _, records},
};
use prost_types::FieldMask;
use tonic::Status;

use crate::harness::{Client, Plaudit, fault, fields, sample};

const TICKET: &str = "conversations/enneo:42";

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

async fn store(client: &Client, message: Message) -> Message {
    let parent = TICKET.to_owned();
    let request = StoreMessageRequest { parent, message: Some(message), ..StoreMessageRequest::default() };
    client.store(request).await.expect("a message").message.expect("it is answered")
}

fn update(message: Message, paths: &[&str]) -> UpdateMessageRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let update_mask = Some(FieldMask { paths });
    let message = Some(Message { etag: String::new(), ..message });
    UpdateMessageRequest { message, update_mask, ..UpdateMessageRequest::default() }
}

async fn change(client: &Client, message: Message, paths: &[&str]) -> Result<Message, Status> {
    client.update_message(update(message, paths)).await
}

fn by(direction: MessageDirection, content: &str) -> Message {
    Message { direction: direction.into(), content: text(content), agent_id: Some(23), ..Message::default() }
}

/// The last action of each agent on the ticket, as the Enneo dialect shows it.
async fn actions(server: &Plaudit) -> Vec<String> {
    let rows = server.http().get("/ticket/42/assessments").await.json();
    let action = |row: &serde_json::Value| row["worklog"]["action"].as_str().expect("an action").to_owned();
    rows.as_array().expect("rows").iter().map(action).collect()
}

#[tokio::test]
async fn visibility_to_the_customer_follows_from_direction_and_privacy() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let stored = store(&client, by(MessageDirection::Out, "It was lost.")).await;
    type Change = fn(&mut Message);
    let (out, inside) = (MessageDirection::Out, MessageDirection::Internal);
    let changes: [(Change, &[&str], MessageDirection, bool, MessageKind); 6] = [
        (|it| it.private = true, &["private"], out, true, MessageKind::Comment),
        // Unnamed fields stay.
        (|it| it.direction = 3, &["direction"], inside, true, MessageKind::Comment),
        (|it| it.private = false, &["private"], inside, false, MessageKind::Comment),
        (|it| it.direction = 2, &["direction"], out, false, MessageKind::Message),
        (|it| (it.direction, it.kind) = (3, 2), &["direction", "kind"], inside, false, MessageKind::Comment),
        (|it| (it.direction, it.kind) = (2, 1), &["kind", "direction"], out, false, MessageKind::Message),
    ];
    for (edit, paths, direction, private, kind) in changes {
        let mut message = Message { name: stored.name.clone(), ..Message::default() };
        edit(&mut message);
        let changed = change(&client, message, paths).await.expect("a change");
        assert_eq!(
            (changed.direction(), changed.private, changed.kind()),
            (direction, private, kind),
            "{paths:?}"
        );
        assert_eq!(client.messages(TICKET, 50).await, [changed]);
    }
    let now = client.messages(TICKET, 50).await.swap_remove(0);
    let (etag, update_time) = (now.etag.clone(), now.update_time);
    assert_eq!(now, Message { etag, update_time, ..stored.clone() }, "changed back");
    for (message, paths) in [
        (Message { kind: 2, ..stored.clone() }, &["kind"][..]),
        (Message { kind: 1, direction: 3, ..stored.clone() }, &["kind", "direction"]),
        (Message { kind: 1, private: true, ..stored.clone() }, &["kind", "private"]),
    ] {
        let refused = change(&client, message, paths).await.expect_err("kind contradicts direction");
        assert_eq!(fields(&refused), ["message.kind"], "{paths:?}");
    }
    assert_eq!(client.messages(TICKET, 50).await, [now]);
}

#[tokio::test]
async fn direction_and_author_count_in_scores_rows_and_events() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    store(&client, by(MessageDirection::In, "Where is my order?")).await;
    let reply = store(&client, by(MessageDirection::Out, "It will come tomorrow. Anything else?")).await;
    let before = client.scored(TICKET).await;
    assert_eq!(actions(&server).await, ["reply"]);
    let scores = client.assessments(TICKET, 50).await;

    let note = Message { private: true, ..reply.clone() };
    let noted = change(&client, note, &["private"]).await.unwrap();
    let after = client.scored(TICKET).await;
    assert_ne!(after.etag, before.etag);
    assert_eq!(actions(&server).await, ["internal-note"]);
    let totals =
        |all: &[plaudit::proto::v1::Assessment]| all.iter().map(|one| one.totals).collect::<Vec<_>>();
    assert_ne!(totals(&client.assessments(TICKET, 50).await), totals(&scores));

    // When it came from the customer, both the direction and the author must be given.
    let customer = Author { kind: AuthorKind::Contact.into(), external_id: text("c"), name: None };
    let theirs = Message { direction: 1, private: false, author: Some(customer.clone()), ..noted };
    let theirs = change(&client, theirs, &["direction", "private", "author"]).await.unwrap();
    assert_eq!((theirs.direction(), theirs.author), (MessageDirection::In, Some(customer)));
    client.scored(TICKET).await;
    assert!(actions(&server).await.is_empty(), "no agent worked on it");

    let mut events = client.watch(WatchEventsRequest::default()).await.unwrap();
    let mut updates = 0;
    while let Some(event) = events.message().await.unwrap().and_then(|told| told.event) {
        updates += usize::from(event.kind() == EventKind::MessageUpdated && event.message == reply.name);
    }
    assert_eq!(updates, 2);
}

#[tokio::test]
async fn a_reviewed_assessment_is_marked_stale_by_a_new_direction() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    store(&client, by(MessageDirection::In, "Where is my order?")).await;
    let reply = store(&client, by(MessageDirection::Out, "It will come tomorrow.")).await;
    client.scored(TICKET).await;
    let mut batch = Batch::default();
    for (key, raw) in server.store.dump().await.into_iter().filter(|(key, _)| key[0] == 0x20) {
        let mut assessment: plaudit::domain::Assessment = records::decode(&key, &raw).unwrap();
        assessment.state = AssessmentState::ReviewedBySupervisor;
        batch.put.push((key, records::encode(&assessment)));
    }
    server.store.commit(batch).await.unwrap();
    for (direction, is_stale) in [(MessageDirection::Internal, true), (MessageDirection::Out, false)] {
        let message = Message { direction: direction.into(), ..reply.clone() };
        change(&client, message, &["direction"]).await.unwrap();
        client.scored(TICKET).await;
        let reviewed = client.assessments(TICKET, 50).await;
        assert!(!reviewed.is_empty() && reviewed.iter().all(|one| one.state == 5), "{reviewed:#?}");
        assert_eq!(reviewed.iter().any(|one| one.stale_time.is_some()), is_stale, "{direction:?}");
    }
}

#[tokio::test]
async fn an_imported_message_can_become_a_note_and_has_no_details_to_change() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    let stored = client.messages(&name, 50).await.swap_remove(1);
    for kind in [MessageKind::Comment, MessageKind::Message] {
        let message = Message { kind: kind.into(), ..stored.clone() };
        assert_eq!(change(&client, message, &["kind"]).await.unwrap().kind(), kind);
        assert_eq!(client.messages(&name, 50).await[1].kind(), kind);
    }
    let paths = ["private", "subject", "direction", "plain_body", "html_body", "clean_body", "attachments"];
    let message = Message { direction: 2, ..stored };
    let mut named = fields(&change(&client, message, &paths).await.unwrap_err());
    named.sort_unstable();
    let mut expected = paths.map(|path| format!("message.{path}"));
    expected.sort_unstable();
    assert_eq!(named, expected);
}

#[tokio::test]
async fn the_text_follows_from_the_named_bodies_and_no_other_body_contradicts_it() {
    // Content, clean, plain and HTML body; `-` means none.
    type Bodies = [&'static str; 4];
    type Row = (Bodies, &'static [&'static str], Bodies, Bodies);
    const ALL: Bodies = ["c", "c", "p", "<b>h"];
    const CLEAN: &[&str] = &["clean_body"];
    const PLAIN: &[&str] = &["plain_body"];
    const HTML: &[&str] = &["html_body"];
    let rows: [Row; 10] = [
        (ALL, CLEAN, ["", "C", "", ""], ["C", "C", "-", "-"]),
        (ALL, PLAIN, ["", "", "P", ""], ["P", "-", "P", "-"]),
        (ALL, HTML, ["", "", "", "<b>H"], ["H", "-", "-", "<b>H"]),
        (ALL, &["html_body", "plain_body"], ["", "", "P", "<b>H"], ["P", "-", "P", "<b>H"]),
        (ALL, &["content", "plain_body"], ["X", "", "P", ""], ["X", "-", "P", "-"]),
        // The same words with other markup leave the other bodies unchanged.
        (ALL, HTML, ["", "", "", "<i>c"], ["c", "c", "p", "<i>c"]),
        (ALL, CLEAN, ["", "-", "", ""], ["p", "-", "p", "<b>h"]),
        (ALL, &["plain_body", "clean_body"], ["", "-", "-", ""], ["h", "-", "-", "<b>h"]),
        (ALL, HTML, ["", "", "", "-"], ["c", "c", "p", "-"]),
        (["h", "-", "-", "<b>h"], HTML, ["", "", "", "-"], ["", "-", "-", "-"]),
    ];
    let server = Plaudit::start().await;
    let client = server.client().await;
    let some = |body: &str| (body != "-").then(|| body.to_owned());
    let message = |[content, clean, plain, html]: Bodies| Message {
        content: some(content),
        clean_body: some(clean),
        plain_body: some(plain),
        html_body: some(html),
        ..Message::default()
    };
    for (before, paths, said, after) in rows {
        let stored = store(&client, message(before)).await;
        let changed = change(&client, Message { name: stored.name, ..message(said) }, paths).await.unwrap();
        let found = [&changed.content, &changed.clean_body, &changed.plain_body, &changed.html_body];
        let found = found.map(|body| body.clone().unwrap_or_else(|| "-".to_owned()));
        assert_eq!(found, after, "{before:?} with {paths:?} {said:?}");
    }
}

#[tokio::test]
async fn clearing_other_fields_makes_another_request() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let stored = Message { plain_body: text("p"), clean_body: text("c"), ..by(MessageDirection::In, "p") };
    let name = store(&client, stored).await.name;
    let asked = |paths: &[&str]| UpdateMessageRequest {
        request_id: "one".to_owned(),
        ..update(Message { name: name.clone(), ..Message::default() }, paths)
    };
    let cleared = client.update_message(asked(&["clean_body"])).await.unwrap();
    assert_eq!((&cleared.clean_body, &cleared.plain_body), (&None, &text("p")));
    assert_eq!(client.update_message(asked(&["clean_body"])).await.unwrap(), cleared);
    let other = client.update_message(asked(&["plain_body", "clean_body"])).await.unwrap_err();
    assert_eq!(fault(&other).1, "REQUEST_ID_REUSED");
}

fn file(name: &str, content: &[u8]) -> Attachment {
    Attachment { file_name: name.to_owned(), content: Some(content.to_vec()), ..Attachment::default() }
}

/// With two files stored here and one elsewhere.
async fn with_files(client: &Client) -> Message {
    let by_url = Attachment {
        file_name: "manual.pdf".to_owned(),
        source_url: text("https://files.example/1"),
        ..Attachment::default()
    };
    let attachments = vec![file("a.txt", b"first"), by_url, file("b.txt", b"second")];
    store(client, Message { attachments, ..by(MessageDirection::In, "See here") }).await
}

#[tokio::test]
async fn a_file_can_be_removed_or_renamed() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let stored = with_files(&client).await;
    client.scored(TICKET).await;
    let [a, manual, b] = <[Attachment; 3]>::try_from(stored.attachments.clone()).unwrap();
    let attachments = vec![
        Attachment { file_name: "invoice.txt".to_owned(), ..b.clone() },
        Attachment { file_name: "guide.pdf".to_owned(), name: manual.name.clone(), ..Attachment::default() },
    ];
    let message = Message { attachments: attachments.clone(), ..stored.clone() };
    let changed = change(&client, message.clone(), &["attachments"]).await.unwrap();
    let guide = Attachment { file_name: "guide.pdf".to_owned(), ..manual };
    assert_eq!(changed.attachments, [attachments[0].clone(), guide]);
    assert_eq!(client.messages(TICKET, 50).await, std::slice::from_ref(&changed));
    assert_eq!(changed.content, stored.content);
    let gone = server.http().get(a.download_path()).await;
    assert_eq!(gone.status, 404);
    let served = server.http().get(b.download_path()).await;
    assert_eq!((served.status.as_u16(), &served.body[..]), (200, &b"second"[..]));
    assert!(served.header("content-disposition").contains("invoice.txt"), "{served:?}");
    let keys = server.store.dump().await.into_iter().filter(|(key, _)| key[0] == 0x14).count();
    assert_eq!(keys, 1, "a file that is left out is deleted");

    // Repeating it changes nothing; a name that is not given stays.
    assert_eq!(change(&client, message, &["attachments"]).await.unwrap(), changed);
    let unnamed = |file: &Attachment| Attachment { file_name: String::new(), ..file.clone() };
    let attachments = changed.attachments.iter().map(unnamed).collect();
    let same = Message { attachments, ..changed.clone() };
    assert_eq!(change(&client, same, &["attachments"]).await.unwrap(), changed);
    let none = Message { attachments: Vec::new(), ..changed.clone() };
    assert!(change(&client, none, &["attachments"]).await.unwrap().attachments.is_empty());
    assert_eq!(server.http().get(b.download_path()).await.status, 404);
    client.scored(TICKET).await;
}

#[tokio::test]
async fn new_files_and_those_of_other_messages_are_refused_and_nothing_changes() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let (stored, other) = (with_files(&client).await, with_files(&client).await);
    client.scored(TICKET).await;
    let before = server.store.dump().await;
    let [a, manual, _] = <[Attachment; 3]>::try_from(stored.attachments.clone()).unwrap();
    let theirs = other.attachments[0].name.rsplit('/').next().unwrap();
    let pretended = Attachment { name: format!("{}/attachments/{theirs}", stored.name), ..a.clone() };
    let elsewhere = Attachment { source_url: text("https://files.example/2"), ..manual };
    let here = Attachment { source_url: text("https://files.example/1"), ..a.clone() };
    for (attachment, field) in [
        (other.attachments[0].clone(), "message.attachments[1].name"),
        (pretended, "message.attachments[1].name"),
        (elsewhere, "message.attachments[1].source_url"),
        (file("new.txt", b"x"), "message.attachments[1].name"),
    ] {
        let message = Message { attachments: vec![a.clone(), attachment], ..stored.clone() };
        let refused = change(&client, message, &["attachments"]).await.expect_err(field);
        assert!(fields(&refused).contains(&field.to_owned()), "{refused:?}");
    }
    let message = Message { attachments: vec![here], ..stored.clone() };
    let refused = change(&client, message, &["attachments"]).await.unwrap_err();
    assert_eq!(fields(&refused), ["message.attachments[0].source_url"]);
    assert_eq!(server.store.dump().await, before);
    let stale = UpdateMessageRequest {
        message: Some(Message { etag: "old".to_owned(), attachments: Vec::new(), ..stored }),
        ..update(Message::default(), &["attachments"])
    };
    let mismatch = client.update_message(stale).await.unwrap_err();
    assert_eq!(fault(&mismatch).1, "ETAG_MISMATCH");
    assert_eq!(server.store.dump().await, before);
}

#[tokio::test]
async fn naming_an_unchanged_body_changes_nothing() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let words = store(&client, by(MessageDirection::In, "Only words")).await;
    let absent = change(&client, words.clone(), &["clean_body", "plain_body", "html_body"]).await;
    assert_eq!(absent.unwrap(), words);
    let bodies =
        Message { clean_body: text("c"), plain_body: text("c\n> quoted"), html_body: text("<b>c"), ..words };
    let quoted = store(&client, Message { content: None, name: String::new(), ..bodies }).await;
    let subject = Message { subject: text("s"), ..quoted.clone() };
    let changed = change(&client, subject.clone(), &["subject", "plain_body"]).await.unwrap();
    let Message { etag, update_time, .. } = changed.clone();
    assert_eq!(changed, Message { etag, update_time, ..subject });
    let parts = [&changed.content, &changed.clean_body, &changed.html_body];
    assert_eq!(parts, [&text("c"), &text("c"), &text("<b>c")]);
}
