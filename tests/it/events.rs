//! `WatchEvents`: changes in order, from any position.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use plaudit::{
    assembly::assemble,
    clock::{Clock, ManualClock},
    domain,
    proto::v1::{ConflictPolicy, Event, EventKind, WatchEventsRequest, WatchEventsResponse},
    service::{
        Call, OwnedCall, Services, Settings,
        events::{Filter, Start, watch_events},
        import::{self, import_conversation},
        scoring::score_conversation,
    },
    store::{Batch, Direction, KeyRange, Keyspace, MemoryStore, SledOptions, SledStore, records},
};
use tonic::{Code, Streaming};

use crate::harness::{
    Client, Plaudit, TestServer, fault, fields,
    sample::{self, with_policy},
    soon,
};

pub fn from_oldest() -> WatchEventsRequest {
    WatchEventsRequest::default()
}

pub fn resuming(resume_token: &str) -> WatchEventsRequest {
    WatchEventsRequest { resume_token: resume_token.to_owned(), ..WatchEventsRequest::default() }
}

pub async fn next(events: &mut Streaming<WatchEventsResponse>) -> WatchEventsResponse {
    soon("an event", events.message()).await.expect("no error").expect("an event")
}

/// The next event and its token.
pub async fn next_event(events: &mut Streaming<WatchEventsResponse>) -> (Event, String) {
    loop {
        let WatchEventsResponse { event, resume_token } = next(events).await;
        assert!(!resume_token.is_empty());
        if let Some(event) = event {
            return (event, resume_token);
        }
    }
}

/// All events until the watcher is told that it has caught up, and the token for that position.
pub async fn caught_up(events: &mut Streaming<WatchEventsResponse>) -> (Vec<Event>, String) {
    let mut all = Vec::new();
    loop {
        let WatchEventsResponse { event, resume_token } = next(events).await;
        match event {
            Some(event) => all.push(event),
            None => return (all, resume_token),
        }
    }
}

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(Event::kind).collect()
}

/// Imports a conversation, waits for its scores, and returns its name.
async fn import(client: &Client, external_id: &str) -> String {
    let name = client.import(sample::import(external_id)).await.unwrap().conversation;
    client.scored(&name).await;
    name
}

#[tokio::test]
async fn a_watcher_catches_up_and_then_follows() {
    use EventKind::{AssessmentsScored, ConversationImported, MessagesAppended};
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = import(&client, "42").await;
    let mut events = client.watch(from_oldest()).await.unwrap();
    let (before, _) = caught_up(&mut events).await;
    assert_eq!(kinds(&before), [ConversationImported, AssessmentsScored]);
    let assessments = client.assessments(&name, 50).await;
    let names: Vec<_> = assessments.into_iter().map(|assessment| assessment.name).collect();
    assert_eq!(before[1].assessments, names);

    let more = with_policy(sample::import_of("42", sample::messages(3, 9)), ConflictPolicy::Append);
    client.import(more).await.unwrap();
    let (appended, _) = next_event(&mut events).await;
    let messages = client.messages(&name, 50).await;
    assert_eq!((appended.kind(), appended.message_count), (MessagesAppended, 8));
    assert_eq!(appended.message, messages[4].name);
    assert_eq!(next_event(&mut events).await.0.kind(), AssessmentsScored);
    assert!(before.iter().chain([&appended]).all(|event| event.conversation == name));
    assert_eq!(appended.event_time.unwrap().seconds * 1000, Plaudit::START.millis());
}

#[tokio::test]
async fn only_requested_kinds_are_sent() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let first = import(&client, "1").await;
    let second = import(&client, "2").await;
    let told = async |request: WatchEventsRequest| {
        let mut events = client.watch(request).await.unwrap();
        let (events, _) = caught_up(&mut events).await;
        events.into_iter().map(|event| (event.conversation.clone(), event.kind())).collect::<Vec<_>>()
    };
    let imported = |name: &String| (name.clone(), EventKind::ConversationImported);
    let scored = |name: &String| (name.clone(), EventKind::AssessmentsScored);
    let kind = EventKind::ConversationImported as i32;
    let of_kind = WatchEventsRequest { kinds: vec![kind, kind], ..from_oldest() };
    assert_eq!(told(of_kind).await, [imported(&first), imported(&second)]);
    for name in [second.as_str(), "conversations/test:2"] {
        let of_second = WatchEventsRequest { conversation: name.to_owned(), ..from_oldest() };
        assert_eq!(told(of_second).await, [imported(&second), scored(&second)]);
    }
    let rare = EventKind::ConversationPurged as i32;
    assert_eq!(told(WatchEventsRequest { kinds: vec![rare], ..from_oldest() }).await, []);
    assert_eq!(told(WatchEventsRequest { only_new: true, ..from_oldest() }).await, []);
}

#[tokio::test]
async fn only_new_starts_with_the_next_event() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    import(&client, "old").await;
    let mut events = client.watch(WatchEventsRequest { only_new: true, ..from_oldest() }).await.unwrap();
    caught_up(&mut events).await;
    let name = import(&client, "new").await;
    assert_eq!(next_event(&mut events).await.0.conversation, name);
}

#[tokio::test]
async fn a_watcher_of_a_rare_kind_gets_a_token_from_near_the_end() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    for number in 0..100 {
        client.import(sample::import(&number.to_string())).await.unwrap();
    }
    client.scored("conversations/test:99").await;
    let rare = WatchEventsRequest { kinds: vec![EventKind::ScoringFailed as i32], ..from_oldest() };
    let (none, token) = caught_up(&mut client.watch(rare).await.unwrap()).await;
    assert_eq!(none, []);
    let imported = vec![EventKind::ConversationImported as i32];
    let mut events = client.watch(WatchEventsRequest { kinds: imported, ..resuming(&token) }).await.unwrap();
    assert_eq!(caught_up(&mut events).await.0, [], "every import precedes the token");
}

#[tokio::test]
async fn a_watcher_that_reconnects_misses_nothing_and_gets_nothing_twice() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let writer = tokio::spawn({
        let client = server.client().await;
        async move {
            for number in 0..150 {
                client.import(sample::import(&(number % 100).to_string())).await.ok();
            }
        }
    });
    let mut heard = Vec::new();
    let mut token = String::new();
    // 100 imports and 100 scorings.
    while heard.len() < 200 {
        let mut events = server.client().await.watch(resuming(&token)).await.unwrap();
        for _ in 0..17.min(200 - heard.len()) {
            let (event, after) = next_event(&mut events).await;
            heard.push(event);
            token = after;
        }
    }
    writer.await.unwrap();
    let server = server.restart().await;
    let client_after = server.client().await;
    drop(client);
    let (all, _) = caught_up(&mut client_after.watch(from_oldest()).await.unwrap()).await;
    assert_eq!(heard, all);
    let (rest, _) = caught_up(&mut client_after.watch(resuming(&token)).await.unwrap()).await;
    assert_eq!(rest, [], "the token is still valid after a restart");
    for conversation in all.iter().filter(|event| event.kind() == EventKind::ConversationImported) {
        let of_it: Vec<_> =
            all.iter().filter(|event| event.conversation == conversation.conversation).cloned().collect();
        assert_eq!(kinds(&of_it), [EventKind::ConversationImported, EventKind::AssessmentsScored]);
    }
}

#[tokio::test]
async fn an_invalid_watch_request_is_refused_by_field() {
    let server = Plaudit::start().await;
    let other = Plaudit::start().await;
    let client = server.client().await;
    let (_, foreign) = caught_up(&mut other.client().await.watch(from_oldest()).await.unwrap()).await;
    let (_, own) = caught_up(&mut client.watch(from_oldest()).await.unwrap()).await;
    for (request, named) in [
        (resuming("nonsense"), vec!["resume_token"]),
        (resuming(&foreign), vec!["resume_token"]),
        (resuming(&format!("{own}0")), vec!["resume_token"]),
        (WatchEventsRequest { only_new: true, ..resuming(&own) }, vec!["only_new"]),
        (WatchEventsRequest { kinds: vec![1, 0, 99], ..from_oldest() }, vec!["kinds[1]", "kinds[2]"]),
        (
            WatchEventsRequest { conversation: "tickets/1".to_owned(), ..resuming("x") },
            vec!["resume_token", "conversation"],
        ),
    ] {
        let refused = client.watch(request.clone()).await.expect_err("a refusal");
        assert_eq!(fields(&refused), named, "{request:?}");
    }
    let unknown = WatchEventsRequest { conversation: "conversations/test:none".to_owned(), ..from_oldest() };
    assert_eq!(client.watch(unknown).await.unwrap_err().code(), Code::NotFound);
}

/// A store with the same secret and another log.
async fn with_log(store: &dyn Keyspace, positions: &[u64]) -> Arc<MemoryStore> {
    let put = store.scan(KeyRange::all(), 10_000, Direction::Ascending).await.unwrap();
    let copy = MemoryStore::new();
    copy.commit(Batch { put, ..Batch::default() }).await.unwrap();
    let event = domain::Event {
        conversation: domain::ConversationId(5_000_000_000_000_001),
        time: Plaudit::START,
        kind: domain::EventKind::ConversationUpdated,
    };
    let records = positions.iter().map(|&position| (position, records::encode(&event)));
    copy.restore_log(records.collect()).await.unwrap();
    Arc::new(copy)
}

#[tokio::test]
async fn a_token_before_or_beyond_the_log_is_refused() {
    let start = async |store: Arc<MemoryStore>| {
        let clock = Arc::new(ManualClock::at(Plaudit::START));
        let assembled =
            assemble(store, clock, Settings::default(), &plaudit::rest::Options::default()).await.unwrap();
        let server = TestServer::builder().edges(assembled.edges).start().await;
        let client = Client::new(server.channel().await);
        // Background tasks stop when their closer is dropped.
        ((server, assembled.close), client)
    };
    let store = Arc::new(MemoryStore::new());
    let (_server, client) = start(store.clone()).await;
    import(&client, "42").await;
    let (all, token) = caught_up(&mut client.watch(from_oldest()).await.unwrap()).await;
    assert_eq!(all.len(), 2);
    for (positions, is_lost) in [
        (&[1, 2, 3][..], false),
        // Gaps are not a loss: the token's own position is there, or the one after it.
        (&[2, 50], false),
        (&[3], false),
        (&[50], true),
        (&[1], true),
        (&[], true),
    ] {
        let (_server, client) = start(with_log(&*store, positions).await).await;
        match client.watch(resuming(&token)).await {
            Ok(mut events) => {
                assert!(!is_lost, "{positions:?}");
                let later = positions.iter().filter(|position| **position > 2).count();
                assert_eq!(caught_up(&mut events).await.0.len(), later, "{positions:?}");
            }
            Err(status) => {
                assert!(is_lost, "{positions:?}: {status:?}");
                assert_eq!(fault(&status), (Code::FailedPrecondition, "EVENTS_LOST".to_owned()));
            }
        }
    }
}

#[tokio::test]
async fn a_drain_ends_watchers_and_tells_them_to_reconnect() {
    let mut server = Plaudit::start().await;
    let client = server.client().await;
    import(&client, "42").await;
    let mut events = client.watch(from_oldest()).await.unwrap();
    let (_, token) = caught_up(&mut events).await;
    server.begin_stop();
    let status = soon("the end", events.message()).await.unwrap_err();
    assert_eq!(fault(&status), (Code::Unavailable, "STORE_UNAVAILABLE".to_owned()));
    let server = server.restart().await;
    let client = server.client().await;
    let mut events = client.watch(resuming(&token)).await.unwrap();
    let name = import(&client, "43").await;
    assert_eq!(next_event(&mut events).await.0.conversation, name);
}

#[tokio::test]
async fn a_watcher_that_does_not_read_delays_nothing() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut events = client.watch(from_oldest()).await.unwrap();
    let imports = (0..2000).map(|number| sample::import(&number.to_string())).collect();
    let (_, counts) = client.import_all(imports).await;
    assert_eq!(counts.created, 2000);
    let mut imported = 0;
    while imported < 2000 {
        imported += usize::from(next_event(&mut events).await.0.kind() == EventKind::ConversationImported);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_receives_something_every_30_seconds() {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(ManualClock::at(Plaudit::START));
    let services = Arc::new(Services::open(store.clone(), clock, Settings::default()).await.unwrap());
    let nothing = Filter { conversation: None, kinds: Box::new(|_| false) };
    let mut watch = watch_events(OwnedCall::new(services), Start::Oldest, nothing).await.unwrap();
    assert_eq!(watch.next().await.unwrap().position, 0);
    let event = domain::Event {
        conversation: domain::ConversationId(5_000_000_000_000_001),
        time: Plaudit::START,
        kind: domain::EventKind::ConversationUpdated,
    };
    for round in 1..=3 {
        let log = vec![records::encode(&event)];
        store.commit(Batch { log, ..Batch::default() }).await.unwrap();
        let begun = tokio::time::Instant::now();
        let told = watch.next().await.unwrap();
        assert_eq!((told.event, told.position), (None, round));
        assert_eq!(begun.elapsed().as_secs(), 30);
    }
}

/// A clock that goes on by a second with every look at it.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> domain::UnixMillis {
        Plaudit::START.plus_millis(self.0.fetch_add(1, Ordering::SeqCst) * 1000)
    }
}

#[tokio::test]
async fn the_event_of_a_scoring_has_the_time_at_which_it_was_stored() {
    let clock = Arc::new(Ticking(AtomicI64::new(0)));
    let store = Arc::new(MemoryStore::new());
    let services = Services::open(store, clock.clone(), Settings::default()).await.unwrap();
    let services = Arc::new(services);
    let call = Call::new(&services);
    let new = domain::NewConversation::new("test".parse().unwrap(), "1".parse().unwrap());
    let imported = import_conversation(call, &new, import::ConflictPolicy::Reject).await.unwrap();
    score_conversation(call, imported.conversation).await.unwrap();
    let last = clock.now().plus_millis(-1000);
    let all = Filter { conversation: None, kinds: Box::new(|_| true) };
    let mut watch = watch_events(OwnedCall::new(services.clone()), Start::Oldest, all).await.unwrap();
    let (first, second) = (watch.next().await.unwrap(), watch.next().await.unwrap());
    let (first, second) = (first.event.unwrap(), second.event.unwrap());
    assert!(first.time < second.time);
    assert_eq!(second.time, last, "computing takes a while");
}

#[tokio::test]
async fn the_newest_position_is_known_after_a_reopening() {
    let folder = tempfile::TempDir::new().unwrap();
    for round in 0..2_u64 {
        let store = SledStore::open(folder.path(), SledOptions::default()).unwrap();
        let mut newest = store.newest();
        assert_eq!(*newest.borrow_and_update(), round);
        let log = vec![bytes::Bytes::from_static(b"x")];
        store.commit(Batch { log, ..Batch::default() }).await.unwrap();
        tokio::time::timeout(Duration::from_secs(5), newest.changed()).await.unwrap().unwrap();
        assert_eq!(*newest.borrow(), round + 1);
        store.close().await.unwrap();
    }
}
