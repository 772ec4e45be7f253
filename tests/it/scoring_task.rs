//! What happens when scoring fails: it is retried with growing delays, given up in the end, and blocks nothing else.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use plaudit::{
    clock::ManualClock,
    domain::{self, Author, ConversationId, MessageKind, NewConversation, NewImportedMessage, worklog},
    proto::v1::{AuthorKind, ConflictPolicy, ImportOutcome, Scoring, ScoringState},
    service::{Call, Services, Settings, import, scoring::record_failed_attempt},
    store::{
        Batch, Key, Keyspace, MemoryStore, Space, WorkspaceId, get_one,
        records::{self, Job},
    },
};
use tonic::Code;

use crate::{
    conflict::assert_unique,
    harness::{
        Client, KEYS, Log, Plaudit, fault,
        sample::{self, with_policy},
        soon,
    },
};

/// Bytes that are not a valid record.
const DAMAGED: Bytes = Bytes::from_static(b"\xffdamaged");
const ATTEMPTS: u32 = 3;

async fn start() -> (Plaudit, Client) {
    let server = Plaudit::start_with(Settings { scoring_attempts: ATTEMPTS, ..Settings::default() }).await;
    let client = server.client().await;
    (server, client)
}

/// A scored conversation whose messages are stored outside its head.
async fn scored(client: &Client) -> (String, ConversationId) {
    let large = sample::message(0, AuthorKind::Contact, &"word ".repeat(4000));
    let name = client.import(sample::import_of("sick", vec![large])).await.unwrap().conversation;
    client.scored(&name).await;
    let number = name.strip_prefix("conversations/").unwrap().parse().unwrap();
    (name, ConversationId(number))
}

/// Writes below the server, as a failing disk would.
async fn put(server: &Plaudit, pairs: impl IntoIterator<Item = (Key, Bytes)>) {
    let batch = Batch { put: pairs.into_iter().collect(), ..Batch::default() };
    server.store.commit(batch).await.unwrap();
}

fn job(id: ConversationId) -> (Key, Bytes) {
    let job = Job { version: 1, failed_attempts: 0, not_before: Plaudit::START, create_time: Plaudit::START };
    (KEYS.job(id), records::encode(&job))
}

async fn value(server: &Plaudit, key: Key) -> Option<Bytes> {
    server.store.get(vec![key]).await.unwrap().pop().flatten()
}

async fn segment(server: &Plaudit) -> (Key, Bytes) {
    let is_segment = |(key, _): &(Key, Bytes)| key[0] == 0x12;
    server.store.dump().await.into_iter().find(is_segment).expect("a segment")
}

/// Imports another conversation and has it scored, which also makes the worker look at the queue.
async fn another_is_scored(client: &Client, external_id: &str) {
    let name = client.import(sample::import(external_id)).await.unwrap().conversation;
    client.scored(&name).await;
}

async fn attempts_failed(client: &Client, name: &str, attempts: u32) -> Scoring {
    soon("the attempt", async {
        loop {
            let scoring = client.conversation(name).await.unwrap().scoring.unwrap();
            if scoring.failed_attempts as u32 >= attempts {
                return scoring;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_failing_scoring_is_retried_later_given_up_and_blocks_nothing() {
    let (server, client) = start().await;
    let (name, id) = scored(&client).await;
    let (segment, whole) = segment(&server).await;
    put(&server, [(segment.clone(), DAMAGED), job(id)]).await;

    for attempt in 1..ATTEMPTS {
        another_is_scored(&client, &format!("before attempt {attempt}")).await;
        let scoring = attempts_failed(&client, &name, attempt).await;
        assert_eq!((scoring.state(), scoring.failed_attempts as u32), (ScoringState::Pending, attempt));
        let waiting: Job =
            records::decode(&KEYS.job(id), &value(&server, KEYS.job(id)).await.unwrap()).unwrap();
        let now = Plaudit::START.millis() + i64::from(attempt - 1) * 10_000;
        let longest = 1000 << (attempt - 1);
        let wait = waiting.not_before.millis() - now;
        assert!(wait > longest / 2 && wait <= longest, "attempt {attempt} is followed by {wait} ms");
        // Its time has not come, whatever else happens.
        another_is_scored(&client, &format!("after attempt {attempt}")).await;
        assert_eq!(attempts_failed(&client, &name, attempt).await.failed_attempts as u32, attempt);
        server.clock.advance_millis(10_000);
    }
    another_is_scored(&client, "the last").await;
    let scoring = client.settled(&name).await.scoring.unwrap();
    assert_eq!((scoring.state(), scoring.failed_attempts as u32), (ScoringState::Failed, ATTEMPTS));
    assert!(scoring.failure.contains("scoring failed") && !scoring.failure.contains("word"), "{scoring:?}");
    assert_eq!(server.store.count(KEYS.jobs()).await, 0);

    // It stays given up across a restart, until the conversation changes.
    put(&server, [(segment, whole)]).await;
    let server = server.restart().await;
    let client = server.client().await;
    assert_eq!(client.conversation(&name).await.unwrap().scoring.unwrap(), scoring);
    let more = vec![sample::message(1, AuthorKind::Teammate, "Hello! It will arrive tomorrow.")];
    client.import(with_policy(sample::import_of("sick", more), ConflictPolicy::Append)).await.unwrap();
    let healed = client.scored(&name).await.scoring.unwrap();
    assert_eq!((healed.failed_attempts, healed.failure.as_str()), (0, ""));
    assert_unique(&client.assessments(&name, 50).await);
}

#[tokio::test]
async fn a_conversation_with_a_damaged_head_is_given_up_too() {
    let (server, client) = start().await;
    let (name, id) = scored(&client).await;
    put(&server, [(KEYS.head(id), DAMAGED), job(id)]).await;
    for attempt in 1..=ATTEMPTS {
        another_is_scored(&client, &format!("before attempt {attempt}")).await;
        soon("the attempt", async {
            while let Some(job) = value(&server, KEYS.job(id)).await
                && records::decode::<Job>(&KEYS.job(id), &job).unwrap().failed_attempts < attempt
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        server.clock.advance_millis(10_000);
    }
    assert_eq!(value(&server, KEYS.job(id)).await, None);
    assert!(value(&server, KEYS.scoring_failure(id)).await.is_some());
    let status = client.conversation(&name).await.unwrap_err();
    assert_eq!(fault(&status), (Code::DataLoss, "DATA_DAMAGED".to_owned()));
    assert!(!status.message().contains("ff64"), "no bytes of the store are sent: {status:?}");
}

#[tokio::test]
async fn a_job_without_its_conversation_is_given_up_too() {
    let (server, client) = start().await;
    let lost = ConversationId(5_000_000_000_000_777);
    put(&server, [job(lost)]).await;
    for attempt in 1..=ATTEMPTS {
        another_is_scored(&client, &format!("before attempt {attempt}")).await;
        soon("the attempt", async {
            while let Some(job) = value(&server, KEYS.job(lost)).await
                && records::decode::<Job>(&KEYS.job(lost), &job).unwrap().failed_attempts < attempt
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        server.clock.advance_millis(10_000);
    }
    assert_eq!(value(&server, KEYS.job(lost)).await, None);
}

#[tokio::test]
async fn a_damaged_job_is_given_up_and_blocks_nothing() {
    let log = Log::capture();
    let (server, client) = start().await;
    let (name, id) = scored(&client).await;
    put(&server, [(KEYS.job(id), DAMAGED)]).await;
    another_is_scored(&client, "another").await;
    soon("its end", async {
        while value(&server, KEYS.job(id)).await.is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let found = client.settled(&name).await;
    assert_eq!(found.scoring.unwrap().state(), ScoringState::Failed);
    let reported = log.lines().into_iter().filter(|line| line["level"] == "ERROR").count();
    assert_eq!(reported, 1, "{}", log.text());
}

#[tokio::test]
async fn an_append_during_the_last_attempt_leaves_no_failure_behind() {
    let (server, client) = start().await;
    let (name, id) = scored(&client).await;
    let index = KEYS.assessment_index(id);
    let whole = value(&server, index.clone()).await.unwrap();
    let (key, _) = job(id);
    let last = Job {
        version: 1,
        failed_attempts: ATTEMPTS - 1,
        not_before: Plaudit::START.plus_millis(1000),
        create_time: Plaudit::START,
    };
    put(&server, [(index.clone(), DAMAGED), (key, records::encode(&last))]).await;

    // The append has decided on what it read, and is held before its commit while the last attempt fails.
    let gate = server.store.hold(|batch| batch.put.iter().any(|(key, _)| key[0] == 0x12));
    let append = {
        let more = vec![sample::message(1, AuthorKind::Teammate, "Hello! It will arrive tomorrow.")];
        let request = with_policy(sample::import_of("sick", more), ConflictPolicy::Append);
        let client = server.client().await;
        tokio::spawn(async move { client.import(request).await })
    };
    gate.arrived().await;
    server.clock.advance_millis(2000);
    another_is_scored(&client, "another").await;
    assert_eq!(client.settled(&name).await.scoring.unwrap().state(), ScoringState::Failed);
    put(&server, [(index, whole)]).await;
    gate.open();
    let answer = append.await.unwrap().unwrap();
    assert_eq!(answer.outcome(), ImportOutcome::Appended);
    client.scored(&name).await;
}

#[tokio::test]
async fn shutdown_waits_for_scoring_only_so_long_and_keeps_the_job() {
    let server = Plaudit::start().await;
    // The commit that completes the job.
    let gate = server.store.hold(|batch| !batch.delete.is_empty());
    let imported = server.client().await.import(sample::import("slow")).await.unwrap();
    gate.arrived().await;
    let server = server.restart_within(Duration::from_millis(50)).await;
    server.client().await.scored(&imported.conversation).await;
}

#[tokio::test]
async fn a_version_stored_while_an_attempt_fails_starts_afresh() {
    let store: Arc<dyn Keyspace> = Arc::new(MemoryStore::new());
    let clock = Arc::new(ManualClock::at(Plaudit::START));
    let services = Services::open(store.clone(), clock, Settings::default()).await.unwrap();
    let new = |messages: usize| NewConversation {
        messages: (0..messages)
            .map(|place| NewImportedMessage {
                external_id: place.to_string().parse().unwrap(),
                kind: MessageKind::Message,
                content: "Hello.".to_owned(),
                author: Author { kind: domain::AuthorKind::Contact, external_id: None, name: None },
                create_time: Plaudit::START,
                ai_tool: None,
                details: None,
                is_automatic: false,
                update_time: None,
            })
            .collect(),
        ..NewConversation::new("test".parse().unwrap(), "42".parse().unwrap())
    };
    let import = async |messages: usize| {
        let policy = import::ConflictPolicy::Append;
        import::import_conversation(Call::new(&services), &new(messages), policy).await.unwrap().conversation
    };
    let id = import(1).await;
    let job = async || {
        get_one::<Job>(&Space::new(&store, WorkspaceId::FIRST), KEYS.job(id)).await.unwrap().unwrap()
    };
    let tried = job().await;
    import(2).await;
    let fresh = job().await;
    assert_eq!((fresh.version, fresh.failed_attempts), (2, 0));
    record_failed_attempt(Call::new(&services), id, &tried).await.unwrap();
    assert_eq!(job().await, fresh, "the attempt was at another version");
    record_failed_attempt(Call::new(&services), id, &fresh).await.unwrap();
    assert_eq!(job().await.failed_attempts, 1);
}

#[tokio::test]
async fn a_conversation_that_changes_hands_thousands_of_times_is_scored() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut messages = sample::messages(0, 2 * worklog::MAX_WORKLOGS + 200);
    for (place, message) in messages.iter_mut().enumerate() {
        let agent = if place % 2 == 0 { "a" } else { "b" };
        message.author = Some(plaudit::proto::v1::Author {
            kind: AuthorKind::Teammate.into(),
            external_id: Some(agent.repeat(512)),
            name: Some(agent.repeat(512)),
        });
    }
    let rest = messages.split_off(messages.len() / 2);
    let name = client.import(sample::import_of("changes hands", messages)).await.unwrap().conversation;
    client
        .import(with_policy(sample::import_of("changes hands", rest), ConflictPolicy::Append))
        .await
        .unwrap();
    client.scored(&name).await;
    let number = name.strip_prefix("conversations/").unwrap().parse().unwrap();
    let assessments = server.store.count(KEYS.assessments(ConversationId(number))).await;
    let of_whole = 1;
    assert_eq!(assessments, of_whole + worklog::MAX_WORKLOGS);
}
