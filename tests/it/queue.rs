//! The scoring queue: its fairness, its status, and imports that wait for it.

use std::sync::Arc;

use plaudit::{
    background::{Background, SWEEP_EVERY},
    clock::ManualClock,
    domain::{Author, AuthorKind, MessageKind, NewConversation, NewImportedMessage},
    proto::v1::{GetQueueRequest, queue_service_client::QueueServiceClient},
    service::{
        Call, OwnedCall, Services, Settings,
        bulk::{Bulk, Import, Item},
        import::{ConflictPolicy, import_conversation},
    },
    store::{Batch, Keyspace as _, MemoryStore},
};
use tonic::Code;

use crate::harness::{KEYS, Plaudit, ServerProcess, Watched, fault, plaudit, sample, soon};

fn new(external_id: &str) -> NewConversation {
    let message = NewImportedMessage {
        external_id: "1".parse().unwrap(),
        kind: MessageKind::Message,
        content: "Hello, where is my order?".to_owned(),
        author: Author { kind: AuthorKind::Contact, external_id: None, name: None },
        create_time: Plaudit::START,
        ai_tool: None,
        details: None,
        is_automatic: false,
        update_time: None,
    };
    let named = NewConversation::new("test".parse().unwrap(), external_id.parse().unwrap());
    NewConversation { messages: vec![message], ..named }
}

/// The use cases, with this many conversations of a bulk import that nothing scores yet.
async fn with_backlog(count: usize) -> (Arc<Services>, Arc<Watched>) {
    let store = Arc::new(Watched::new(Arc::new(MemoryStore::new())));
    let clock = Arc::new(ManualClock::at(Plaudit::START));
    let services = Arc::new(Services::open(store.clone(), clock, Settings::default()).await.unwrap());
    let mut bulk = Bulk::new(OwnedCall::new(services.clone()));
    for number in 0..count {
        while !bulk.has_room() {
            bulk.next().await.unwrap().outcome.unwrap();
        }
        let import = Import {
            new: new(&format!("bulk {number}")),
            on_conflict: ConflictPolicy::Reject,
            request_id: None,
        };
        bulk.take(Item { number: number as i64, size_bytes: 1, import: Ok(import) });
    }
    while let Some(decided) = bulk.next().await {
        decided.outcome.unwrap();
    }
    assert_eq!(store.count(KEYS.jobs()).await, count);
    (services, store)
}

#[tokio::test]
async fn fresh_conversations_and_a_bulk_import_are_scored_in_turn() {
    const BACKLOG: usize = 2000;
    const FRESH: usize = 50;
    let (services, store) = with_backlog(BACKLOG).await;
    let background = Background::start(&services, SWEEP_EVERY);
    let mut fresh = Vec::new();
    for number in 0..FRESH {
        let new = new(&format!("fresh {number}"));
        let imported = import_conversation(Call::new(&services), &new, ConflictPolicy::Reject).await.unwrap();
        fresh.push(KEYS.job(imported.conversation));
    }
    soon("the fresh ones", async {
        while store.get(fresh.clone()).await.unwrap().iter().any(Option::is_some) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let left = store.count(KEYS.jobs()).await;
    assert!(left > BACKLOG / 2, "{left} of the backlog are left");
    // In turn: about one of the backlog is scored per fresh one, apart from the first of those in flight.
    assert!(left < BACKLOG - FRESH / 2, "{left} of the backlog are left");
    background.stop().await;
}

#[tokio::test]
async fn the_queue_reports_what_is_waiting_its_age_and_what_was_given_up() {
    let server = Plaudit::start().await;
    let gate = server.store.hold_each(|batch: &Batch| batch.delete.iter().any(|key| key[0] == 0x40));
    let client = server.client().await;
    client.import(sample::import("1")).await.unwrap();
    client.import(sample::import("2")).await.unwrap();
    server.clock.advance_millis(5000);
    let mut queue = QueueServiceClient::new(server.channel().await);
    let ask = |name: &str| GetQueueRequest { name: name.to_owned() };
    let told = queue.get_queue(ask("queues/scoring")).await.unwrap().into_inner();
    assert_eq!((told.name.as_str(), told.waiting_count, told.has_more_waiting), ("queues/scoring", 2, false));
    let (oldest, now) = (told.oldest_create_time.unwrap(), told.read_time.unwrap());
    assert_eq!(now.seconds - oldest.seconds, 5);
    assert_eq!((told.failed_count, told.has_more_failed), (0, false));
    gate.open();
    for name in ["conversations/test:1", "conversations/test:2"] {
        client.scored(name).await;
    }
    let failed = KEYS.scoring_failure(plaudit::domain::ConversationId(1));
    server
        .store
        .commit(Batch { put: vec![(failed, bytes::Bytes::new())], ..Batch::default() })
        .await
        .unwrap();
    let told = queue.get_queue(ask("")).await.unwrap().into_inner();
    assert_eq!((told.waiting_count, told.oldest_create_time, told.failed_count), (0, None, 1));
    let status = queue.get_queue(ask("queues/other")).await.unwrap_err();
    assert_eq!(fault(&status), (Code::NotFound, "RESOURCE_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn a_waiting_import_returns_once_everything_is_scored() {
    let server = ServerProcess::start();
    let lines: String = (0..50)
        .map(|number| {
            let author = r#"{ "type": "contact" }"#;
            let message = format!(
                r#"{{ "external_id": "m1", "kind": "message", "content": "Where is my order?", "author": {author}, "timestamp": 1764579600000 }}"#
            );
            format!("{{ \"ticket_id\": \"{number}\", \"source\": \"file\", \"messages\": [{message}] }}\n")
        })
        .collect();
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("tickets.jsonl"), lines).unwrap();
    let url = format!("http://{}", server.address());
    let run = |arguments: &[&str]| {
        let output = plaudit(folder.path()).args(arguments).args(["--server", &url]).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), text)
    };
    let (code, text) = run(&["import", "tickets.jsonl", "--wait"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(run(&["queue"]), (Some(0), "nothing waits for scoring\n".to_owned()));
}
