//! Removing old events: what watchers are then told, so that none misses events without knowing.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use plaudit::{
    background::trim::trim_events,
    clock::ManualClock,
    domain::{self, AssessmentId, ConversationId, FIRST_ID, UnixMillis},
    error::Error,
    proto::v1::{Event, EventKind},
    service::{
        OwnedCall, Services, Settings,
        events::{Filter, Start, Watch, watch_events},
    },
    store::{
        Batch, Keyspace, MAX_PAGE, MemoryStore, SledOptions, SledStore, events::put_cursor, keys, records,
    },
};
use tempfile::TempDir;
use tonic::{Code, Status};

use crate::{
    events::{caught_up, from_oldest, next, next_event, resuming},
    harness::{Client, Plaudit, ServerProcess, fault, plaudit, put, sample, soon},
};

const DAY: i64 = 24 * 60 * 60 * 1000;
const START: UnixMillis = Plaudit::START;

fn assert_lost(status: &Status) {
    assert_eq!(fault(status), (Code::FailedPrecondition, "EVENTS_LOST".to_owned()));
}

/// Imports a conversation and waits for its scores: two events.
async fn import(client: &Client, external_id: &str) -> String {
    let name = client.import(sample::import(external_id)).await.unwrap().conversation;
    client.scored(&name).await;
    name
}

/// Waits until the sweep at startup has left this many records in the log.
async fn until_left(server: &Plaudit, count: usize) {
    soon("the sweep", async {
        while server.store.log(0, MAX_PAGE).await.unwrap().len() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

fn about(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.conversation.as_str()).collect()
}

#[tokio::test]
async fn old_events_are_removed_and_recent_ones_stay() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let old = [import(&client, "old").await, import(&client, "as old").await];
    let mut events = client.watch(from_oldest()).await.unwrap();
    let (_, first) = next_event(&mut events).await;
    let (rest, last_old) = caught_up(&mut events).await;
    assert_eq!(about(&rest), [&old[0], &old[1], &old[1]]);
    server.clock.advance_millis(1);
    let young = import(&client, "young").await;
    let (_, first_young) = next_event(&mut events).await;
    server.clock.advance_millis(30 * DAY - 2);
    let server = server.restart().await;
    // Nothing is 30 days old yet.
    let (all, _) = caught_up(&mut server.client().await.watch(resuming(&first)).await.unwrap()).await;
    assert_eq!(about(&all), [&old[0], &old[1], &old[1], &young, &young]);

    server.clock.advance_millis(1);
    let mut server = server.restart().await;
    until_left(&server, 2).await;
    for _ in 0..2 {
        let client = server.client().await;
        let (kept, _) = caught_up(&mut client.watch(from_oldest()).await.unwrap()).await;
        assert_eq!(kept, all[3..]);
        assert_lost(&client.watch(resuming(&first)).await.unwrap_err());
        // A watcher that had seen all removed events has missed nothing.
        for (token, heard) in [(&last_old, 0), (&first_young, 1)] {
            let mut events = client.watch(resuming(token)).await.unwrap();
            assert_eq!(caught_up(&mut events).await.0, kept[heard..]);
        }
        assert_eq!(client.conversation(&old[0]).await.unwrap().name, old[0], "the conversation itself stays");
        server = server.restart().await;
    }
    let client = server.client().await;
    let mut events = client.watch(resuming(&last_old)).await.unwrap();
    assert_eq!(caught_up(&mut events).await.0, all[3..]);
    let new = import(&client, "new").await;
    assert_eq!(next_event(&mut events).await.0.conversation, new, "positions continue");
}

/// This many event records of one time, each about its own conversation, from `first` on.
fn records(time: UnixMillis, first: u64, count: u64) -> Vec<Bytes> {
    records_of(domain::EventKind::ConversationUpdated, time, first, count)
}

fn records_of(kind: domain::EventKind, time: UnixMillis, first: u64, count: u64) -> Vec<Bytes> {
    let conversations = (FIRST_ID + first..).take(count as usize).map(ConversationId);
    let events = conversations.map(|conversation| domain::Event { conversation, time, kind: kind.clone() });
    events.map(|event| records::encode(&event)).collect()
}

async fn append(store: &dyn Keyspace, log: Vec<Bytes>) {
    store.commit(Batch { log, ..Batch::default() }).await.unwrap();
}

async fn left(store: &dyn Keyspace) -> Vec<u64> {
    store.log(0, MAX_PAGE).await.unwrap().into_iter().map(|(position, _)| position).collect()
}

#[tokio::test]
async fn an_overtaken_watcher_is_told_so_and_skips_nothing_before() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    // Events of some 5 kB: more than a connection buffers for a client that does not read.
    let count = 2000;
    let kind = domain::EventKind::AssessmentsScored { assessments: vec![AssessmentId(FIRST_ID); 100] };
    append(&*server.store, records_of(kind, START, 0, count)).await;
    let mut slow = client.watch(from_oldest()).await.unwrap();
    let mut quick = server.client().await.watch(from_oldest()).await.unwrap();
    let (all, token) = caught_up(&mut quick).await;
    assert_eq!(all.len() as u64, count);
    while server.store.trim_log(count - 5).await.unwrap() > 0 {}

    let mut heard = 0;
    let ended = loop {
        match soon("an event or the end", slow.message()).await {
            Ok(told) => {
                let event = told.unwrap().event.unwrap();
                assert_eq!(event.conversation, format!("conversations/{}", FIRST_ID + heard));
                heard += 1;
            }
            Err(status) => break status,
        }
    };
    assert_lost(&ended);
    assert!(heard > 0 && heard < count - 5, "{heard}");
    // A watcher that has seen everything continues, in the same stream and by the token.
    append(&*server.store, records(START, count, 1)).await;
    let expected = format!("conversations/{}", FIRST_ID + count);
    assert_eq!(next_event(&mut quick).await.0.conversation, expected);
    let mut again = client.watch(resuming(&token)).await.unwrap();
    assert_eq!(next(&mut again).await.event.unwrap().conversation, expected);
}

/// The use cases alone, over a store in memory.
async fn use_cases(keep_events_days: u64) -> (Arc<Services>, Arc<MemoryStore>, Arc<ManualClock>) {
    let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(ManualClock::at(START)));
    let settings = Settings { keep_events_days, ..Settings::default() };
    let services = Services::open(store.clone(), clock.clone(), settings).await.unwrap();
    (Arc::new(services), store, clock)
}

async fn watch(services: &Arc<Services>, start: Start) -> Result<Watch, Error> {
    let everything = Filter { conversation: None, kinds: Box::new(|_| true) };
    watch_events(OwnedCall::new(services.clone()), start, everything).await
}

#[tokio::test]
async fn a_watcher_of_the_oldest_events_gets_those_kept_at_its_start() {
    let (services, store, clock) = use_cases(1).await;
    append(&*store, records(START, 0, 10)).await;
    clock.advance_millis(DAY);
    append(&*store, records(services.now(), 10, 40)).await;
    assert_eq!(trim_events(&services).await.unwrap(), 10);
    let mut begun = watch(&services, Start::Oldest).await.unwrap();
    // Removed before the first was sent, and still sent.
    clock.advance_millis(DAY);
    assert_eq!(trim_events(&services).await.unwrap(), 39);
    for position in 11..=50 {
        assert_eq!(begun.next().await.unwrap().position, position);
    }
    assert_eq!(begun.next().await.unwrap().event, None);
}

#[tokio::test]
async fn a_watcher_without_matching_events_yields_after_each_page() {
    const PAGES: u64 = 100;
    let (services, store, _) = use_cases(1).await;
    append(&*store, records(START, 0, 64 * PAGES)).await;
    let nothing = Filter { conversation: None, kinds: Box::new(|_| false) };
    let mut watch = watch_events(OwnedCall::new(services), Start::Oldest, nothing).await.unwrap();
    let mut caught_up = std::pin::pin!(watch.next());
    let mut turns = 0;
    let told = std::future::poll_fn(|cx| {
        turns += 1;
        caught_up.as_mut().poll(cx)
    })
    .await
    .unwrap();
    assert_eq!((told.event, told.position), (None, 64 * PAGES));
    assert!(turns >= PAGES, "{PAGES} pages were read in {turns} turns of the task");
}

#[tokio::test]
async fn a_watcher_from_an_empty_log_has_missed_what_was_removed() {
    let (services, store, _) = use_cases(1).await;
    let mut begun = watch(&services, Start::Oldest).await.unwrap();
    assert_eq!(begun.next().await.unwrap().position, 0);
    append(&*store, records(START, 0, 2)).await;
    watch(&services, Start::After(0)).await.unwrap();
    assert_eq!(store.trim_log(1).await.unwrap(), 1);
    assert!(matches!(begun.next().await, Err(Error::EventsLost)));
    assert!(matches!(watch(&services, Start::After(0)).await, Err(Error::EventsLost)));
    let mut anew = watch(&services, Start::Oldest).await.unwrap();
    assert_eq!(anew.next().await.unwrap().position, 2);
}

#[tokio::test]
async fn event_retention_is_a_setting_and_0_keeps_events_forever() {
    for (days, age_millis, count) in [
        (30, 30 * DAY - 1, 0),
        (30, 30 * DAY, 9),
        (1, DAY, 9),
        (36_500, 36_500 * DAY - 1, 0),
        (0, 99_999 * DAY, 0),
    ] {
        let (services, store, clock) = use_cases(days).await;
        append(&*store, records(START, 0, 10)).await;
        clock.advance_millis(age_millis);
        assert_eq!(trim_events(&services).await.unwrap(), count, "{days} days, {age_millis} ms old");
        assert_eq!(trim_events(&services).await.unwrap(), 0);
        assert_eq!(left(&*store).await.len(), 10 - count, "the newest stays, however old it is");
    }
}

#[tokio::test]
async fn the_log_is_read_up_to_the_first_recent_event_however_many_are_old() {
    let (services, store, clock) = use_cases(30).await;
    append(&*store, records(START, 0, 5000)).await;
    clock.advance_millis(30 * DAY);
    append(&*store, records(services.now(), 5000, 1000)).await;
    // An old event follows recent ones, as clocks are not perfect.
    append(&*store, records(START, 6000, 1)).await;
    append(&*store, records(services.now(), 6001, 1)).await;
    assert_eq!(trim_events(&services).await.unwrap(), 5000);
    assert_eq!(left(&*store).await, (5001..=6002).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_record_of_unknown_age_is_removed_with_the_next_old_one() {
    let (services, store, clock) = use_cases(30).await;
    let unknown = || {
        let from_the_future = records(START.plus_millis(900 * DAY), 0, 1);
        let mut log = vec![Bytes::from_static(b"\xffdamaged"), Bytes::new()];
        log.extend(from_the_future);
        // More than are read at once.
        log.extend(vec![Bytes::from_static(b"\x01\xff"); 600]);
        log
    };
    append(&*store, unknown()).await;
    append(&*store, records(START, 0, 1)).await;
    append(&*store, unknown()).await;
    append(&*store, records(START.plus_millis(1), 0, 2)).await;
    append(&*store, unknown()).await;
    clock.advance_millis(30 * DAY);
    assert_eq!(trim_events(&services).await.unwrap(), 604);
    assert_eq!(trim_events(&services).await.unwrap(), 0, "whatever precedes a recent event may be recent");
    clock.advance_millis(1);
    assert_eq!(trim_events(&services).await.unwrap(), 605);
    // No readable record follows the remaining ones.
    assert_eq!(trim_events(&services).await.unwrap(), 0);
    assert_eq!(left(&*store).await.len(), 603);
}

#[tokio::test]
async fn events_unread_by_a_durable_consumer_are_kept() {
    let (services, store, clock) = use_cases(30).await;
    append(&*store, records(START, 0, 600)).await;
    clock.advance_millis(31 * DAY);
    let note = async |consumer, position| {
        put(&store, |decision| put_cursor(decision, consumer, position)).await;
    };
    note("slow", 100).await;
    note("fast", 500).await;
    assert_eq!(trim_events(&services).await.unwrap(), 100);
    assert_eq!(left(&*store).await, (101..=600).collect::<Vec<_>>());
    note("slow", 550).await;
    assert_eq!(trim_events(&services).await.unwrap(), 400);
    // Its position is unknown.
    store
        .commit(Batch { put: vec![(keys::cursor("slow"), Bytes::new())], ..Batch::default() })
        .await
        .unwrap();
    assert_eq!(trim_events(&services).await.unwrap(), 0);
    // The consumer is removed.
    let delete = vec![keys::cursor("slow"), keys::cursor("fast")];
    store.commit(Batch { delete, ..Batch::default() }).await.unwrap();
    assert_eq!(trim_events(&services).await.unwrap(), 99, "the newest one stays");
}

/// A folder whose data directory contains only events: this many of 1980, and three of 2001.
async fn folder_with_old_events(of_1980: u64) -> TempDir {
    let folder = TempDir::new().unwrap();
    let store = SledStore::open(&folder.path().join("data"), SledOptions::default()).unwrap();
    append(&store, records(UnixMillis::clamped(320_000_000_000), 0, of_1980)).await;
    append(&store, records(UnixMillis::clamped(1_000_000_000_000), of_1980, 3)).await;
    store.close().await.unwrap();
    folder
}

#[tokio::test]
async fn the_program_removes_old_events_according_to_its_settings() {
    let folder = folder_with_old_events(500).await;
    let mut command = plaudit(folder.path());
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", "data", "--log-format", "json"];
    // By its events the store was last used long ago, so the clock has to be confirmed.
    command.args(arguments).args(["--events-keep-days", "12000", "--yes-the-clock-is-right"]);
    let server = ServerProcess::start_as(command, folder);
    let line = soon("the sweep", async {
        loop {
            let log = server.log();
            match log.lines().find(|line| line.contains("removed old events from the log")) {
                Some(line) => break serde_json::from_str::<serde_json::Value>(line).unwrap(),
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    });
    assert_eq!(line.await["trimmed"], 500);
    let client = Client::new(server.channel().await);
    let (kept, _) = caught_up(&mut client.watch(from_oldest()).await.unwrap()).await;
    assert_eq!(kept.len(), 3);
}

#[tokio::test]
async fn a_killed_program_resumes_removing_old_events_after_its_next_start() {
    let old = 5000;
    // By its events the store was last used long ago, so the clock has to be confirmed.
    let server = ServerProcess::start_in(folder_with_old_events(old).await);
    let mut server = server.restart_with(&["--yes-the-clock-is-right"]);
    // At whatever point it is.
    server.kill();
    let mut server = server.restart();
    let client = Client::new(server.channel().await);
    let newest = format!("conversations/{}", FIRST_ID + old + 2);
    let (mut events, token) = soon("the sweep", async {
        loop {
            let mut events = client.watch(from_oldest()).await.unwrap();
            let told = next(&mut events).await;
            if told.event.unwrap().conversation == newest {
                break (events, told.resume_token);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    caught_up(&mut events).await;
    import(&client, "42").await;
    assert_eq!(next_event(&mut events).await.0.kind(), EventKind::ConversationImported);
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.log());
    let server = server.restart();
    let client = Client::new(server.channel().await);
    let (all, _) = caught_up(&mut client.watch(resuming(&token)).await.unwrap()).await;
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn a_stopping_server_does_not_wait_for_its_sweep() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = import(&client, "42").await;
    client.delete(&name).await.unwrap();
    server.clock.advance_millis(31 * DAY);
    // The purge waits before its first commit, which is never made.
    let server = server.restart_holding(|batch| batch.put.is_empty() && !batch.delete.is_empty()).await;
    let (begun, patience) = (Instant::now(), Duration::from_secs(20));
    let server = server.restart_within(patience).await;
    assert!(begun.elapsed() < patience);
    let mut events = server.client().await.watch(from_oldest()).await.unwrap();
    soon("the purge", async {
        while next_event(&mut events).await.0.kind() != EventKind::ConversationPurged {}
    })
    .await;
}

fn exported(folder: &Path, data: &str) -> String {
    let output = plaudit(folder).args(["export", "-", "--data", data]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn conversations_without_events_are_still_exported() {
    let mut server = ServerProcess::start();
    let client = Client::new(server.channel().await);
    for external_id in ["1", "2", "3"] {
        import(&client, external_id).await;
    }
    assert_eq!(server.terminate().await.code(), Some(0));
    let (folder, data) = (TempDir::new().unwrap(), server.data());
    let before = exported(folder.path(), &data.display().to_string());
    assert_eq!(before.matches("{\"conversation\"").count(), 3);
    let store = SledStore::open(&data, SledOptions::default()).unwrap();
    assert_eq!(store.trim_log(1000).await.unwrap(), 5);
    store.close().await.unwrap();
    drop(store);
    assert_eq!(exported(folder.path(), &data.display().to_string()), before);
}
