//! A request with an id is carried out once within 24 hours, however often it is sent.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use plaudit::{
    background::Background,
    clock::ManualClock,
    domain::ConversationId,
    proto::v1::{
        Attachment, ConflictPolicy, CreateTeamRequest, DeleteMessageRequest, DeleteTeamRequest,
        ImportConversationRequest, ImportOutcome, Message, ScoringProcess, StoreMessageRequest, Team,
        UpdateMessageRequest, directory_service_client::DirectoryServiceClient,
    },
    service::{Call, Services, Settings},
    store::{
        Batch, Direction, Keyspace, MemoryStore, Space, WorkspaceId, records,
        request::{self, Method, RequestKey},
    },
};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{
    conflict::assert_unique,
    harness::{
        KEYS, Log, Plaudit, assert_not_found, fault,
        sample::{self, with_id, with_policy},
        soon,
    },
};

const HOUR: i64 = 60 * 60 * 1000;

#[tokio::test]
async fn a_retried_request_gets_the_first_answer_even_after_a_restart() {
    let mut server = Plaudit::start().await;
    let client = server.client().await;
    let created = with_id(sample::import("42"), "one");
    let existing = with_id(with_policy(sample::import("42"), ConflictPolicy::ReturnExisting), "two");
    let more = with_policy(sample::import_of("42", sample::messages(3, 9)), ConflictPolicy::Append);
    let appended = with_id(more.clone(), "three");
    let repeated = with_id(more, "four");
    let requests = [created, existing, appended, repeated];
    let mut answers = Vec::new();
    for request in &requests {
        answers.push(client.import(request.clone()).await.unwrap());
    }
    let outcomes: Vec<_> = answers.iter().map(|answer| (answer.outcome(), answer.stored_messages)).collect();
    let expected = [
        (ImportOutcome::Created, 4),
        (ImportOutcome::Existing, 0),
        (ImportOutcome::Appended, 8),
        (ImportOutcome::Existing, 0),
    ];
    assert_eq!(outcomes, expected);

    assert_eq!(answers.len(), requests.len());
    for _ in 0..2 {
        let client = server.client().await;
        let before = client.scored(&answers[0].conversation).await;
        for (request, answer) in requests.iter().zip(&answers) {
            assert_eq!(&client.import(request.clone()).await.unwrap(), answer);
        }
        assert_eq!(client.conversation(&before.name).await.unwrap(), before);
        server = server.restart().await;
    }
}

#[tokio::test]
async fn reusing_an_id_for_other_content_is_refused() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let request = with_id(sample::import("42"), "one");
    let name = client.import(request.clone()).await.unwrap().conversation;
    client.scored(&name).await;
    let before = server.store.dump().await;
    let changes: [fn(&mut ImportConversationRequest); 7] = [
        |it| it.conversation.as_mut().unwrap().external_id = "43".to_owned(),
        |it| it.conversation.as_mut().unwrap().source = "other".to_owned(),
        |it| it.conversation.as_mut().unwrap().subject = None,
        |it| it.on_conflict = ConflictPolicy::Append.into(),
        |it| it.messages.truncate(3),
        |it| it.messages[0].content.as_mut().unwrap().push('.'),
        |it| it.messages[3].author.as_mut().unwrap().name = None,
    ];
    for change in changes {
        let mut other = request.clone();
        change(&mut other);
        let status = client.import(other).await.unwrap_err();
        assert_eq!(fault(&status), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "request_id");
        assert!(status.message().contains("one"), "{}", status.message());
    }
    assert_eq!(server.store.dump().await, before);
    // The same request, expressed differently, is still the same.
    let mut same = request.clone();
    same.on_conflict = ConflictPolicy::Reject.into();
    same.conversation.as_mut().unwrap().message_count = 9;
    assert_eq!(client.import(same).await.unwrap().conversation, name);
}

#[tokio::test]
async fn a_request_that_failed_may_be_corrected_under_the_same_id() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(sample::import("42")).await.unwrap();
    let refused = with_id(sample::import("42"), "one");
    for _ in 0..2 {
        let status = client.import(refused.clone()).await.unwrap_err();
        assert_eq!(fault(&status), (Code::AlreadyExists, "DUPLICATE_IMPORT".to_owned()));
        for way in ["on_conflict CONFLICT_POLICY_APPEND", "CONFLICT_POLICY_RETURN_EXISTING"] {
            assert!(status.message().contains(way), "{status:?}");
        }
    }
    let corrected = with_id(sample::import("43"), "one");
    assert_eq!(client.import(corrected).await.unwrap().outcome(), ImportOutcome::Created);
}

#[tokio::test]
async fn concurrent_copies_of_a_request_get_one_answer() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(sample::import_of("old", sample::messages(0, 2))).await.unwrap();
    let append = with_policy(sample::import_of("old", sample::messages(0, 9)), ConflictPolicy::Append);
    for request in [with_id(sample::import("new"), "one"), with_id(append, "two")] {
        let import = async |_| server.client().await.import(request.clone()).await.expect("an answer");
        let answers = join_all((0..64).map(import)).await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_ne!(answers[0].outcome(), ImportOutcome::Existing);
        let conversation = client.scored(&answers[0].conversation).await;
        let messages = client.messages(&conversation.name, 50).await;
        assert_eq!(messages.len(), request.messages.len());
        assert_unique(&client.assessments(&conversation.name, 50).await);
    }
    let heads = server.store.dump().await.into_iter().filter(|(key, _)| key[0] == 0x10).count();
    assert_eq!(heads, 2);
}

#[tokio::test]
async fn an_id_is_remembered_for_24_hours_then_freed_and_swept() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let request = with_id(sample::import("42"), "one");
    let answer = client.import(request.clone()).await.unwrap();
    client.import(with_id(sample::import("43"), "two")).await.unwrap();
    server.clock.advance_millis(23 * HOUR);
    let server = server.restart().await;
    let client = server.client().await;
    assert_eq!(client.import(request.clone()).await.unwrap(), answer);
    let reused = client.import(with_id(sample::import("44"), "one")).await.unwrap_err();
    assert_eq!(fault(&reused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
    assert_eq!(server.store.count(KEYS.requests()).await, 2);

    server.clock.advance_millis(2 * HOUR);
    // Even before the sweep the id is free, for the same content too.
    let again = client.import(request).await.unwrap_err();
    assert_eq!(fault(&again), (Code::AlreadyExists, "DUPLICATE_IMPORT".to_owned()));
    let other = client.import(with_id(sample::import("44"), "one")).await.unwrap();
    assert_eq!(other.outcome(), ImportOutcome::Created);
    let server = server.restart().await;
    soon("the sweep", async {
        while server.store.count(KEYS.requests()).await > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let client = server.client().await;
    assert_eq!(
        client.import(with_id(sample::import("44"), "one")).await.unwrap(),
        other,
        "the recent one stays"
    );
}

#[tokio::test]
async fn retrying_the_creation_of_a_deleted_team_is_not_found() {
    let server = Plaudit::start().await;
    let mut directory = DirectoryServiceClient::new(server.channel().await);
    let team = Some(Team { display_name: "Night".to_owned(), ..Team::default() });
    let request = CreateTeamRequest { team, request_id: "one".to_owned() };
    let name = directory.create_team(request.clone()).await.unwrap().into_inner().name;
    directory.delete_team(DeleteTeamRequest { name, ..Default::default() }).await.unwrap();
    assert_not_found(&directory.create_team(request).await.unwrap_err(), "team");
    assert_eq!(server.store.dump().await.iter().filter(|(key, _)| key[0] == 0x72).count(), 0);
}

#[tokio::test]
async fn a_running_worker_sweeps_on_schedule() {
    let store: Arc<dyn Keyspace> = Arc::new(MemoryStore::new());
    let clock = Arc::new(ManualClock::at(Plaudit::START));
    let services = Services::open(store.clone(), clock.clone(), Settings::default()).await.unwrap();
    let services = Arc::new(services);
    let background = Background::start(&services, Duration::from_millis(10));
    let new = plaudit::domain::NewConversation::new("test".parse().unwrap(), "42".parse().unwrap());
    let policy = plaudit::service::import::ConflictPolicy::Reject;
    let id = "one".parse().unwrap();
    plaudit::service::import::import_conversation(
        Call::new(&services).with_request_id(Some(&id)),
        &new,
        policy,
    )
    .await
    .unwrap();
    let count = async || store.scan(KEYS.requests(), 10, Direction::Ascending).await.unwrap().len();
    assert_eq!(count().await, 1);
    clock.advance_millis(24 * HOUR);
    soon("the sweep", async {
        while count().await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    background.stop().await;
}

#[tokio::test]
async fn a_damaged_record_is_removed_and_does_not_stop_the_sweep() {
    let store: Arc<dyn Keyspace> = Arc::new(MemoryStore::new());
    // In key order: damaged, expired, damaged, recent.
    let record = |create_time| {
        let (conversation, outcome) = (ConversationId(1), plaudit::domain::ImportOutcome::Created);
        let answer = records::RequestAnswer::ImportConversation { conversation, outcome, stored_messages: 1 };
        records::encode(&records::Request { fingerprint: [0; 32], create_time, answer })
    };
    let young = Plaudit::START.plus_millis(-HOUR);
    let old = Plaudit::START.plus_millis(-25 * HOUR);
    let damaged = || Bytes::from_static(b"\xffdamaged");
    let key = |id| RequestKey { caller: "", method: Method::ImportConversation, request_id: id }.key(KEYS);
    let put = vec![
        (key("a"), damaged()),
        (key("b"), record(old)),
        (key("c"), damaged()),
        (key("d"), record(young)),
    ];
    store.commit(Batch { put, ..Batch::default() }).await.unwrap();
    let log = Log::capture();
    assert_eq!(request::sweep(Space::new(&store, WorkspaceId::FIRST), Plaudit::START).await.unwrap(), 3);
    let left = store.scan(KEYS.requests(), 10, Direction::Ascending).await.unwrap();
    assert_eq!(left.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), [key("d")]);
    let told = log.lines().into_iter().filter(|line| line["level"] == "ERROR").count();
    assert_eq!(told, 2, "{}", log.text());
}

fn stored(request_id: &str) -> StoreMessageRequest {
    StoreMessageRequest {
        parent: "conversations/enneo:42".to_owned(),
        message: Some(Message {
            content: Some("Where is it?".to_owned()),
            attachments: vec![Attachment { content: Some(b"bytes".to_vec()), ..Attachment::default() }],
            ..Message::default()
        }),
        process: ScoringProcess::Off.into(),
        request_id: request_id.to_owned(),
        ..StoreMessageRequest::default()
    }
}

#[tokio::test]
async fn a_retried_message_gets_the_first_answer_whatever_happened_to_it() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let first = client.store(stored("one")).await.unwrap();
    let (message, conversation) = (first.message.unwrap(), first.conversation.unwrap().name);
    let again = async || {
        let answer = client.store(stored("one")).await.unwrap();
        assert_eq!(answer.message.as_ref(), Some(&message));
        let now = answer.conversation.unwrap();
        assert_eq!(now.name, conversation);
        now
    };
    server.clock.advance_millis(1000);
    again().await;
    let edit = UpdateMessageRequest {
        message: Some(Message {
            content: Some("Edited".to_owned()),
            name: message.name.clone(),
            ..Message::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["content".to_owned()] }),
        request_id: "two".to_owned(),
    };
    client.update_message(edit.clone()).await.unwrap();
    again().await;
    let delete = DeleteMessageRequest { name: message.name.clone(), ..DeleteMessageRequest::default() };
    client.delete_message(delete).await.unwrap();
    assert_eq!(again().await.message_count, 0);
    assert_not_found(&client.update_message(edit).await.unwrap_err(), "message");
    client.delete(&conversation).await.unwrap();
    assert!(again().await.delete_time.is_some());
    assert_eq!(server.store.count(KEYS.jobs()).await, 0);
    // A message stored later under the same name goes to another conversation.
    assert_ne!(client.store(stored("three")).await.unwrap().conversation.unwrap().name, conversation);
    again().await;
}

#[tokio::test]
async fn a_retried_message_gets_the_first_answer_after_its_conversation_is_purged() {
    let server = Plaudit::start_with(Settings { keep_deleted_days: 0, ..Settings::default() }).await;
    let client = server.client().await;
    let first = client.store(stored("one")).await.unwrap();
    let name = first.conversation.unwrap().name;
    client.delete(&name).await.unwrap();
    let server = server.restart().await;
    soon("the purge", async {
        while server.store.count(KEYS.heads_between(ConversationId(0), None)).await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let again = server.client().await.store(stored("one")).await.unwrap();
    assert_eq!((again.message, again.conversation.unwrap().name), (first.message, name));
}
