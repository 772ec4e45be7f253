//! Editing and deleting one message, and the effects on its conversation and scores.

use plaudit::{
    domain::AssessmentState,
    proto::v1::{
        Assessment, AuthorKind, DeleteMessageRequest, Message, MessageDirection, UnitKind,
        UpdateMessageRequest,
    },
    store::{Batch, Keyspace as _, records},
};
use prost_types::{FieldMask, Timestamp};
use tonic::Code;

use crate::{
    harness::{Client, Plaudit, assert_not_found, fault, fields, sample},
    store_message::{PARENT, store, words},
};

pub(crate) fn update(message: Message, paths: &[&str]) -> UpdateMessageRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let update_mask = Some(FieldMask { paths });
    UpdateMessageRequest { message: Some(message), update_mask, ..UpdateMessageRequest::default() }
}

pub(crate) fn delete(name: &str) -> DeleteMessageRequest {
    DeleteMessageRequest { name: name.to_owned(), ..DeleteMessageRequest::default() }
}

#[tokio::test]
async fn an_edit_changes_the_named_fields_and_the_conversation_is_rescored() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let html = Message {
        html_body: Some("<p>First".to_owned()),
        subject: Some("S".to_owned()),
        ..Message::default()
    };
    let stored = client.store(store(PARENT, html)).await.unwrap().message.unwrap();
    let before = client.scored(PARENT).await;
    server.clock.advance_millis(60_000);

    let html_body = Some("<p>Second</p><p>part".to_owned());
    let change = Message { html_body: html_body.clone(), ..stored.clone() };
    let changed = client.update_message(update(change.clone(), &["html_body"])).await.unwrap();
    let expected = Message {
        html_body,
        content: Some("Second\n\npart".to_owned()),
        update_time: Some(Timestamp { seconds: Plaudit::START.millis() / 1000 + 60, nanos: 0 }),
        etag: changed.etag.clone(),
        ..stored.clone()
    };
    assert_eq!(changed, expected);
    assert_eq!(client.messages(PARENT, 50).await, std::slice::from_ref(&changed));
    let after = client.scored(PARENT).await;
    assert_ne!((after.etag, after.update_time), (before.etag, before.update_time));

    // The etag of the first read is out of date.
    let stale = client.update_message(update(change, &["html_body"])).await.unwrap_err();
    assert_eq!(fault(&stale), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    // Changing the text leaves no body with a different text.
    let words = Message { content: Some("Third".to_owned()), ..changed };
    let third = client.update_message(update(words, &["content", "subject"])).await.unwrap();
    assert_eq!((third.content(), third.html_body.as_deref(), third.subject()), ("Third", None, "S"));
    // A change without effect makes no new version.
    let version = client.scored(PARENT).await.etag;
    assert_eq!(client.update_message(update(third.clone(), &["content"])).await.unwrap(), third);
    assert_eq!(client.conversation(PARENT).await.unwrap().etag, version);
}

#[tokio::test]
async fn an_imported_message_can_be_edited_and_deleted_too() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let large = (0..40).map(|place| sample::message(place, AuthorKind::Contact, &"words ".repeat(300)));
    for import in [sample::import("42"), sample::import_of("43", large.collect())] {
        let name = client.import(import).await.unwrap().conversation;
        let mut messages = client.messages(&name, 50).await;
        for place in [0, messages.len() - 1] {
            let change = Message { content: Some(format!("Edited {place}")), ..messages[place].clone() };
            messages[place] = client.update_message(update(change, &["content"])).await.unwrap();
        }
        assert_eq!(client.messages(&name, 3).await, messages);
        let subject = update(messages[0].clone(), &["subject", "html_body"]);
        let refused = client.update_message(subject).await.unwrap_err();
        assert_eq!(fields(&refused), ["message.html_body", "message.subject"]);
        while let Some(gone) = messages.pop() {
            client.delete_message(delete(&gone.name)).await.unwrap();
            assert_eq!(client.messages(&name, 3).await, messages);
        }
        let empty = client.scored(&name).await;
        assert_eq!(empty.message_count, 0);
        client.store(store(&name, words("Anew"))).await.unwrap();
        assert_eq!(client.messages(&name, 3).await.len(), 1);
    }
}

#[tokio::test]
async fn the_mask_and_the_names_are_checked() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let stored = client.store(store(PARENT, words("Hello"))).await.unwrap().message.unwrap();
    for (message, paths, named) in [
        (stored.clone(), &[][..], &["update_mask"][..]),
        (stored.clone(), &["name"], &["update_mask"]),
        (stored.clone(), &["*"], &["update_mask"]),
        (
            Message { author: None, create_time: None, ..stored.clone() },
            &["author", "create_time"],
            &["message.author.kind", "message.create_time"],
        ),
        (
            Message { name: "x".to_owned(), content: Some("x".repeat(256 * 1024 + 1)), ..stored.clone() },
            &["content"],
            &["message.name", "message.content"],
        ),
    ] {
        let refused = client.update_message(update(message, paths)).await.unwrap_err();
        assert_eq!(fields(&refused), named, "{paths:?}");
    }
    assert_eq!(fields(&client.delete_message(delete("messages/1")).await.unwrap_err()), ["name"]);
    for name in [format!("{PARENT}/messages/1"), "conversations/a:b/messages/1".to_owned()] {
        assert_not_found(&client.delete_message(delete(&name)).await.unwrap_err(), "message");
        let other = Message { name, etag: String::new(), ..stored.clone() };
        assert_not_found(&client.update_message(update(other, &["content"])).await.unwrap_err(), "message");
    }
}

#[tokio::test]
async fn retried_edits_and_deletions_are_carried_out_once() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let message = Message { tracking_id: Some("t".to_owned()), ..words("Hello") };
    let stored = client.store(store(PARENT, message.clone())).await.unwrap().message.unwrap();
    let change = Message { content: Some("Changed".to_owned()), ..stored.clone() };
    let edit = UpdateMessageRequest { request_id: "one".to_owned(), ..update(change, &["content"]) };
    let edited = client.update_message(edit.clone()).await.unwrap();
    let version = client.scored(PARENT).await.etag;
    assert_eq!(client.update_message(edit.clone()).await.unwrap(), edited);
    let mut other = edit;
    other.message.as_mut().unwrap().content = None;
    let reused = client.update_message(other).await.unwrap_err();
    assert_eq!(fault(&reused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
    assert_eq!(client.conversation(PARENT).await.unwrap().etag, version);
    // The tracking id still identifies the stored message.
    assert_eq!(client.store(store(PARENT, message.clone())).await.unwrap().message.unwrap(), edited);

    let request = DeleteMessageRequest { request_id: "two".to_owned(), ..delete(&stored.name) };
    let mistaken = DeleteMessageRequest { etag: stored.etag.clone(), ..delete(&stored.name) };
    let mismatch = client.delete_message(mistaken).await.unwrap_err();
    assert_eq!(fault(&mismatch), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    for _ in 0..2 {
        client.delete_message(request.clone()).await.unwrap();
    }
    assert_not_found(&client.delete_message(delete(&stored.name)).await.unwrap_err(), "message");
    assert_eq!(client.conversation(PARENT).await.unwrap().message_count, 0);
    // It is gone, so the same content is a new message.
    let anew = client.store(store(PARENT, message)).await.unwrap().message.unwrap();
    assert_ne!(anew.name, stored.name);
}

fn of_unit(assessments: Vec<Assessment>, unit: UnitKind) -> Vec<Assessment> {
    assessments.into_iter().filter(|assessment| assessment.unit() == unit).collect()
}

/// As if a person had reviewed every assessment of a conversation.
async fn review_all(server: &Plaudit) {
    let mut batch = Batch::default();
    for (key, raw) in server.store.dump().await.into_iter().filter(|(key, _)| key[0] == 0x20) {
        let mut assessment: plaudit::domain::Assessment = records::decode(&key, &raw).unwrap();
        assessment.state = AssessmentState::ReviewedBySupervisor;
        batch.put.push((key, records::encode(&assessment)));
    }
    server.store.commit(batch).await.unwrap();
}

async fn said(client: &Client, direction: MessageDirection, text: &str) -> Message {
    let message = Message { direction: direction.into(), agent_id: Some(1), ..words(text) };
    client.store(store(PARENT, message)).await.unwrap().message.unwrap()
}

#[tokio::test]
async fn scores_and_evidence_come_from_the_remaining_messages() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    said(&client, MessageDirection::In, "Where is my order?").await;
    said(&client, MessageDirection::Out, "It will come tomorrow. Is there anything else I can do for you?")
        .await;
    let expected = client.scored(PARENT).await;
    let before = client.assessments(PARENT, 50).await;
    let rude = said(&client, MessageDirection::In, "This is terrible, I want to speak to a manager!").await;
    client.scored(PARENT).await;
    let names_it = |assessments: &[Assessment]| format!("{assessments:?}").contains(&rude.name);
    let with_it = client.assessments(PARENT, 50).await;
    assert!(names_it(&with_it), "{with_it:#?}");
    client.delete_message(delete(&rude.name)).await.unwrap();
    assert_eq!(client.scored(PARENT).await.message_count, expected.message_count);
    let after = client.assessments(PARENT, 50).await;
    assert!(!names_it(&after));
    let scores =
        |all: &[Assessment]| all.iter().map(|one| (one.totals, one.axis.clone())).collect::<Vec<_>>();
    assert_eq!(scores(&after), scores(&before));
    assert_ne!(scores(&with_it), scores(&before));
}

#[tokio::test]
async fn a_reviewed_assessment_is_stale_while_a_new_scoring_would_differ() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    said(&client, MessageDirection::In, "Where is my order?").await;
    let reply = said(&client, MessageDirection::Out, "It will come tomorrow.").await;
    client.scored(PARENT).await;
    review_all(&server).await;
    let reviewed = client.assessments(PARENT, 50).await;
    assert!(!reviewed.is_empty() && reviewed.iter().all(|assessment| assessment.stale_time.is_none()));

    server.clock.advance_millis(60_000);
    let rude = said(&client, MessageDirection::In, "This is terrible, I want to speak to a manager!").await;
    client.scored(PARENT).await;
    let marked = client.assessments(PARENT, 50).await;
    let stale_time = Some(Timestamp { seconds: Plaudit::START.millis() / 1000 + 60, nanos: 0 });
    assert_eq!(marked.len(), reviewed.len());
    for (now, then) in marked.iter().zip(&reviewed) {
        let (etag, update_time) = (now.etag.clone(), now.update_time);
        assert_eq!(
            now,
            &Assessment { stale_time, etag, update_time, ..then.clone() },
            "only the mark is new"
        );
    }
    client.delete_message(delete(&rude.name)).await.unwrap();
    client.scored(PARENT).await;
    let agreed = client.assessments(PARENT, 50).await;
    assert_eq!(agreed.len(), reviewed.len());
    assert!(agreed.iter().all(|assessment| assessment.stale_time.is_none()), "{agreed:#?}");

    // Without its only message the worklog is gone; its reviewed assessment stays, marked stale.
    client.delete_message(delete(&reply.name)).await.unwrap();
    client.scored(PARENT).await;
    let left = of_unit(client.assessments(PARENT, 50).await, UnitKind::Worklog);
    assert_eq!(left.len(), 1);
    assert!(left[0].stale_time.is_some());
}
