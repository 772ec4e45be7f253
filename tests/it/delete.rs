//! Deleting conversations and undeleting them.

use futures_util::future::join_all;
use plaudit::{
    domain::ConversationId,
    proto::v1::{
        Attachment, ConversationFilter, DeleteConversationRequest, ImportOutcome, ListAssessmentsRequest,
        ListConversationsRequest, Message, ScoringProcess, ScoringState, StoreMessageRequest,
        UndeleteConversationRequest,
    },
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    conflict::assert_unique,
    harness::{
        Client, KEYS, Plaudit, assert_not_found, fault, fields,
        sample::{self, with_policy},
    },
};

const DAY: i64 = 24 * 60 * 60 * 1000;

pub(crate) async fn start() -> (Plaudit, Client) {
    let server = Plaudit::start().await;
    let client = server.client().await;
    (server, client)
}

pub(crate) async fn imported(client: &Client, external_id: &str) -> String {
    let name = client.import(sample::import(external_id)).await.unwrap().conversation;
    client.scored(&name).await;
    name
}

pub(crate) fn number(name: &str) -> ConversationId {
    ConversationId(name.strip_prefix("conversations/").unwrap().parse().unwrap())
}

/// The names in an unfiltered list and in one by source.
async fn listed(client: &Client) -> [Vec<String>; 2] {
    let filter = ConversationFilter { source: "test".to_owned(), ..Default::default() };
    let mut lists =
        [None, Some(filter)].map(|filter| ListConversationsRequest { filter, ..Default::default() });
    let mut names = [Vec::new(), Vec::new()];
    for (names, request) in names.iter_mut().zip(&mut lists) {
        let page = client.list_conversations(request.clone()).await.unwrap();
        *names = page.conversations.into_iter().map(|conversation| conversation.name).collect();
    }
    names
}

pub(crate) async fn all_assessments(client: &Client) -> usize {
    let request = ListAssessmentsRequest { parent: "conversations/-".to_owned(), ..Default::default() };
    client.find_assessments(request).await.unwrap().assessments.len()
}

#[tokio::test]
async fn a_deleted_conversation_and_everything_in_it_cannot_be_found() {
    let (server, client) = start().await;
    let import = client.import(sample::import("42")).await.unwrap();
    let name = import.conversation.clone();
    let before = client.scored(&name).await;
    let other = imported(&client, "other").await;
    let assessment = client.assessments(&name, 50).await[0].name.clone();
    let receipt = import.import.strip_prefix("imports/").unwrap();
    let path = format!("/v1/assess/{receipt}");
    assert_eq!(server.http().get(&path).await.status, 200);

    let deleted = client.delete("conversations/test:42").await.unwrap();
    assert_eq!((&deleted.name, deleted.messages.len()), (&name, 0));
    assert_eq!(deleted.delete_time.unwrap().seconds, Plaudit::START.millis() / 1000);
    assert_eq!(deleted.purge_time.unwrap().seconds, (Plaudit::START.millis() + 30 * DAY) / 1000);
    assert_ne!(deleted.etag, before.etag);

    for name in [name.as_str(), "conversations/test:42"] {
        let mut refused: Vec<Status> = vec![
            client.conversation(name).await.unwrap_err(),
            client.view(name, 2).await.unwrap_err(),
            client.list_messages(name, 0, "").await.unwrap_err(),
            client.list_assessments(name, 0, "").await.unwrap_err(),
            client.delete(name).await.unwrap_err(),
        ];
        let conversation = plaudit::proto::v1::Conversation { name: name.to_owned(), ..Default::default() };
        let update = plaudit::proto::v1::UpdateConversationRequest {
            conversation: Some(conversation),
            ..Default::default()
        };
        refused.push(client.update(update).await.unwrap_err());
        refused.iter().for_each(|status| assert_not_found(status, "conversation"));
    }
    assert_not_found(&client.get_assessment(&assessment).await.unwrap_err(), "assessment");
    assert_not_found(&client.get_import(&import.import).await.unwrap_err(), "import");
    assert_eq!(server.http().get(&path).await.status, 404);
    assert_eq!(listed(&client).await, [vec![other.clone()], vec![other]]);
    assert_eq!(all_assessments(&client).await, 2, "those of the other conversation");
}

#[tokio::test]
async fn an_undeleted_conversation_is_restored_and_scored_again() {
    let (server, client) = start().await;
    let import = client.import(sample::import("42")).await.unwrap();
    let name = import.conversation.clone();
    let before = client.scored(&name).await;
    let assessments = client.assessments(&name, 50).await;
    client.delete(&name).await.unwrap();
    server.clock.advance_millis(29 * DAY);
    let server = server.restart().await;
    let client = server.client().await;
    let restored = client.undelete(&name).await.unwrap();
    assert_eq!((restored.delete_time, restored.purge_time), (None, None));
    assert_eq!(restored.scoring.as_ref().unwrap().state(), ScoringState::Pending);
    let after = client.scored(&name).await;
    assert_eq!(
        plaudit::proto::v1::Conversation {
            etag: before.etag.clone(),
            update_time: before.update_time,
            ..after
        },
        before
    );
    assert_eq!(client.assessments("conversations/test:42", 50).await, assessments);
    assert_eq!(listed(&client).await, [vec![name.clone()], vec![name.clone()]]);
    assert_eq!(all_assessments(&client).await, 2);
    assert_eq!(client.get_import(&import.import).await.unwrap().conversation, name);

    // Its retention does not continue from the first deletion.
    client.delete(&name).await.unwrap();
    server.clock.advance_millis(29 * DAY);
    let server = server.restart().await;
    server.client().await.undelete(&name).await.unwrap();
}

#[tokio::test]
async fn a_deleted_identity_can_be_reused_which_rules_out_undeletion() {
    let (_server, client) = start().await;
    let old = imported(&client, "42").await;
    client.delete(&old).await.unwrap();
    let new = client.import(sample::import("42")).await.unwrap();
    assert_eq!(new.outcome(), ImportOutcome::Created);
    assert_ne!(new.conversation, old);
    client.scored(&new.conversation).await;
    assert_eq!(client.conversation("conversations/test:42").await.unwrap().name, new.conversation);

    let status = client.undelete(&old).await.unwrap_err();
    assert_eq!(fault(&status), (Code::AlreadyExists, "IDENTITY_TAKEN".to_owned()));
    assert_eq!(status.get_details_error_info().unwrap().metadata["conversation"], new.conversation);
    assert_not_found(&client.conversation(&old).await.unwrap_err(), "conversation");
    client.delete(&new.conversation).await.unwrap();
    client.undelete(&old).await.unwrap();
    assert_eq!(client.conversation("conversations/test:42").await.unwrap().name, old);
    let status = client.undelete(&new.conversation).await.unwrap_err();
    assert_eq!(fault(&status), (Code::AlreadyExists, "IDENTITY_TAKEN".to_owned()));
}

#[tokio::test]
async fn undeletion_needs_a_deleted_conversation_and_a_valid_name() {
    let (_server, client) = start().await;
    let name = imported(&client, "42").await;
    let status = client.undelete(&name).await.unwrap_err();
    assert_eq!(fault(&status), (Code::AlreadyExists, "NOT_DELETED".to_owned()));
    assert_not_found(&client.undelete("conversations/7").await.unwrap_err(), "conversation");
    for wrong in ["", "conversations/test:42", "conversations/-", "conversations/042", "imports/1"] {
        assert_eq!(fields(&client.undelete(wrong).await.unwrap_err()), ["name"], "{wrong}");
    }
    for wrong in ["", "conversations/", "conversations/-", "tickets/1"] {
        assert_eq!(fields(&client.delete(wrong).await.unwrap_err()), ["name"], "{wrong}");
    }
    let all_wrong = DeleteConversationRequest {
        name: "x".to_owned(),
        request_id: "a b".to_owned(),
        ..Default::default()
    };
    assert_eq!(fields(&client.delete_by(all_wrong).await.unwrap_err()), ["request_id", "name"]);
    let stale = DeleteConversationRequest { name: name.clone(), etag: "7".to_owned(), ..Default::default() };
    let status = client.delete_by(stale).await.unwrap_err();
    assert_eq!(fault(&status), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    let etag = client.conversation(&name).await.unwrap().etag;
    client.delete_by(DeleteConversationRequest { name, etag, ..Default::default() }).await.unwrap();
}

#[tokio::test]
async fn retried_deletions_and_undeletions_are_carried_out_once() {
    let (server, client) = start().await;
    let name = imported(&client, "42").await;
    let delete =
        DeleteConversationRequest { name: name.clone(), request_id: "one".to_owned(), ..Default::default() };
    let copies = join_all((0..16).map(|_| client.delete_by(delete.clone()))).await;
    let answers: Vec<_> = copies.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let server = server.restart().await;
    let client = server.client().await;
    assert_eq!(client.delete_by(delete.clone()).await.unwrap(), answers[0]);

    let undelete = UndeleteConversationRequest { name: name.clone(), request_id: "two".to_owned() };
    let copies = join_all((0..16).map(|_| client.undelete_by(undelete.clone()))).await;
    assert!(copies.into_iter().all(|answer| answer.unwrap().name == name));
    let now = client.scored(&name).await;
    assert_eq!(client.undelete_by(undelete.clone()).await.unwrap(), now);
    // The first deletion, retried late, does not delete again.
    assert_eq!(client.delete_by(delete.clone()).await.unwrap(), now);
    assert_unique(&client.assessments(&name, 50).await);
    let other = imported(&client, "43").await;
    let reused =
        client.delete_by(DeleteConversationRequest { name: other.clone(), ..delete }).await.unwrap_err();
    assert_eq!(fault(&reused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
    let reused =
        client.undelete_by(UndeleteConversationRequest { name: other, ..undelete }).await.unwrap_err();
    assert_eq!(fault(&reused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test]
async fn a_deletion_stops_a_scoring_in_progress() {
    let (server, client) = start().await;
    // The commit that would store the scores.
    let gate = server.store.hold(|batch| batch.put.iter().any(|(key, _)| key[0] == 0x20));
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    gate.arrived().await;
    client.delete(&name).await.unwrap();
    assert_eq!(server.store.count(KEYS.jobs()).await, 0);
    gate.open();
    // Once the worker has scored another conversation, it is done with the first.
    imported(&client, "another").await;
    assert_eq!(server.store.count(KEYS.assessments(number(&name))).await, 0);
    client.undelete(&name).await.unwrap();
    client.scored(&name).await;
    assert_eq!(client.assessments(&name, 50).await.len(), 2);
}

#[tokio::test]
async fn a_concurrent_import_comes_before_or_after_a_deletion() {
    let (_server, client) = start().await;
    for round in 0..20 {
        let external_id = format!("round {round}");
        let first = client.import(sample::import(&external_id)).await.unwrap().conversation;
        let append = with_policy(
            sample::import_of(&external_id, sample::messages(9, 1)),
            plaudit::proto::v1::ConflictPolicy::Append,
        );
        let (deleted, appended) = tokio::join!(client.delete(&first), client.import(append));
        deleted.unwrap();
        let appended = appended.unwrap();
        match appended.outcome() {
            ImportOutcome::Appended => assert_eq!(appended.conversation, first),
            ImportOutcome::Created => {
                assert_ne!(appended.conversation, first);
                assert_eq!(client.scored(&appended.conversation).await.message_count, 1);
            }
            outcome => panic!("{outcome:?}"),
        }
        assert_not_found(&client.conversation(&first).await.unwrap_err(), "conversation");
    }
}

#[tokio::test]
async fn a_conversation_without_scoring_is_restored_without_it() {
    let (server, client) = start().await;
    let store = |process: ScoringProcess| StoreMessageRequest {
        parent: "conversations/test:42".to_owned(),
        message: Some(Message { content: Some("Hello?".to_owned()), ..Message::default() }),
        process: process.into(),
        ..StoreMessageRequest::default()
    };
    let name = client.store(store(ScoringProcess::Off)).await.unwrap().conversation.unwrap().name;
    for _ in 0..2 {
        client.delete(&name).await.unwrap();
        let restored = client.undelete(&name).await.unwrap();
        assert_eq!(restored.scoring.unwrap().state(), ScoringState::Off);
        assert_eq!(client.conversation(&name).await.unwrap().scoring.unwrap().state(), ScoringState::Off);
        assert_eq!(server.store.count(KEYS.jobs()).await, 0);
        assert_eq!(listed(&client).await, [vec![name.clone()], vec![name.clone()]]);
    }
    // From the first message that requests scoring on, it is scored, also after a deletion and undeletion.
    client.store(store(ScoringProcess::Batch)).await.unwrap();
    client.scored(&name).await;
    client.delete(&name).await.unwrap();
    let restored = client.undelete(&name).await.unwrap();
    assert_eq!(restored.scoring.unwrap().state(), ScoringState::Pending);
    assert_eq!(client.scored(&name).await.scoring.unwrap().state(), ScoringState::Done);
}

#[tokio::test]
async fn attachments_of_a_deleted_conversation_are_not_served() {
    let (server, client) = start().await;
    let attachment = Attachment { content: Some(b"marked".to_vec()), ..Attachment::default() };
    let request = StoreMessageRequest {
        parent: "conversations/test:42".to_owned(),
        message: Some(Message {
            content: Some("See there.".to_owned()),
            attachments: vec![attachment],
            ..Message::default()
        }),
        ..StoreMessageRequest::default()
    };
    let message = client.store(request).await.unwrap().message.unwrap();
    let path = message.attachments[0].download_path.clone().unwrap();
    let status = async || server.http().get(&path).await.status.as_u16();
    assert_eq!(status().await, 200);
    client.delete("conversations/test:42").await.unwrap();
    assert_eq!(status().await, 404);
    let name = message.name.split_once("/messages/").unwrap().0;
    client.undelete(name).await.unwrap();
    assert_eq!(status().await, 200);
}
