//! A clock that is wrong removes nothing for good: sweeps ask first whether the time is plausible.

use std::time::Duration;

use plaudit::{
    clock::Clock as _,
    service::Settings,
    store::{self, Batch, Keyspace as _, MAX_PAGE, keys, records, records::ClockMark},
};

use crate::{
    delete::{imported, number, start},
    harness::{Client, KEYS, Log, Plaudit, ServerProcess, assert_not_found, sample, soon, until},
};
const DAY: i64 = 24 * 60 * 60 * 1000;
const DOUBT: &str = "nothing that has expired is removed";

async fn until_doubted(log: &Log) -> String {
    until("the doubt", || log.text().contains(DOUBT)).await;
    log.text()
}

async fn mark(server: &Plaudit) -> ClockMark {
    let key = keys::clock_mark();
    let raw = server.store.get(vec![key.clone()]).await.unwrap().pop().flatten().expect("a mark");
    records::decode(&key, &raw).unwrap()
}

async fn events(server: &Plaudit) -> usize {
    server.store.log(0, MAX_PAGE).await.unwrap().len()
}

async fn requests(server: &Plaudit) -> usize {
    server.store.count(KEYS.requests()).await
}

async fn until_purged(server: &Plaudit, name: &str) {
    let head = KEYS.head(number(name));
    soon("the purge", async {
        while server.store.get(vec![head.clone()]).await.unwrap() != [None] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A server with something that each sweep removes after its time.
async fn with_something_to_remove() -> (Plaudit, String) {
    let (server, client) = start().await;
    let deleted = imported(&client, "deleted").await;
    client.delete(&deleted).await.unwrap();
    let mut import = sample::import("kept");
    import.request_id = "one".to_owned();
    client.scored(&client.import(import).await.unwrap().conversation).await;
    assert_eq!(requests(&server).await, 1);
    (server, deleted)
}

#[tokio::test]
async fn a_start_with_the_clock_a_month_ahead_removes_nothing() {
    let (server, deleted) = with_something_to_remove().await;
    let before = events(&server).await;
    server.clock.advance_millis(31 * DAY);
    // Twice: what is stored at the wrong time is no proof of it.
    let mut server = server;
    for round in ["first", "second"] {
        let log = Log::capture();
        server = server.restart_with(Settings::default()).await;
        let told = until_doubted(&log).await;
        assert!(told.contains("744 hours ahead of"), "{told}");
        assert!(told.contains("--yes-the-clock-is-right"), "{told}");
        imported(&server.client().await, round).await;
    }
    assert!(events(&server).await > before);
    assert_eq!(requests(&server).await, 1);

    server.clock.advance_millis(-31 * DAY);
    let log = Log::capture();
    let server = server.restart_with(Settings::default()).await;
    let client = server.client().await;
    client.undelete(&deleted).await.unwrap();
    assert!(!log.text().contains(DOUBT), "{}", log.text());
}

#[tokio::test]
async fn a_server_that_was_off_for_two_months_goes_on_once_the_clock_is_confirmed() {
    let (server, deleted) = with_something_to_remove().await;
    server.clock.advance_millis(60 * DAY);
    let server = server.restart_with(Settings { clock_is_right: true, ..Settings::default() }).await;
    until_purged(&server, &deleted).await;
    soon("the other sweeps", async {
        while requests(&server).await > 0 || events(&server).await > 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(mark(&server).await.trusted, server.clock.now());
    // The next start needs no word.
    server.clock.advance_millis(7 * DAY);
    let log = Log::capture();
    let server = server.restart_with(Settings::default()).await;
    assert_eq!(mark(&server).await.trusted, server.clock.now());
    assert!(!log.text().contains(DOUBT), "{}", log.text());
}

/// Deleted while the clock was two months behind, it looks two months old when the clock is right again.
#[tokio::test]
async fn what_was_deleted_while_the_clock_was_behind_is_kept_for_its_whole_time() {
    let (server, client) = start().await;
    let name = imported(&client, "42").await;
    server.clock.advance_millis(-60 * DAY);
    let log = Log::capture();
    let server = server.restart_with(Settings::default()).await;
    assert!(until_doubted(&log).await.contains("1440 hours behind"), "{}", log.text());
    server.client().await.delete(&name).await.unwrap();

    server.clock.advance_millis(60 * DAY);
    let returned = server.clock.now();
    let mut server = server.restart_with(Settings::default()).await;
    assert_eq!(mark(&server).await.returned, Some(returned));
    for week in ["1", "2", "3", "4"] {
        server.clock.advance_millis(7 * DAY);
        server = server.restart_with(Settings::default()).await;
        imported(&server.client().await, week).await;
        assert_ne!(server.store.get(vec![KEYS.head(number(&name))]).await.unwrap(), [None], "week {week}");
    }
    server.clock.advance_millis(2 * DAY);
    let server = server.restart_with(Settings::default()).await;
    until_purged(&server, &name).await;
    assert_not_found(&server.client().await.undelete(&name).await.unwrap_err(), "conversation");
}

/// A store of an earlier build has no mark: its newest event says when it was last written.
#[tokio::test]
async fn a_store_without_a_mark_is_judged_by_its_newest_event() {
    for damage in [None, Some(bytes::Bytes::from_static(b"\xffdamaged"))] {
        let (server, deleted) = with_something_to_remove().await;
        let key = keys::clock_mark();
        let batch = match damage {
            None => Batch { delete: vec![key], ..Batch::default() },
            Some(damage) => Batch { put: vec![(key, damage)], ..Batch::default() },
        };
        server.store.commit(batch).await.unwrap();
        server.clock.advance_millis(31 * DAY);
        let newest = server.store.log(0, MAX_PAGE).await.unwrap().pop().unwrap().1;
        let newest: plaudit::domain::Event = records::decode(&Vec::new(), &newest).unwrap();
        let log = Log::capture();
        let server = server.restart_with(Settings::default()).await;
        until_doubted(&log).await;
        assert_eq!(mark(&server).await.trusted, newest.time);
        server.client().await.undelete(&deleted).await.unwrap();
    }
}

/// The real program, the real clock: the store says that it was last used in the past, or will be in the future.
#[tokio::test]
async fn the_flag_of_serve_confirms_the_clock() {
    for days in [40, -40] {
        let server = ServerProcess::start_with(&["--deletion-keep-days", "0"]);
        let client = Client::new(server.channel().await);
        let name = imported(&client, "42").await;
        client.delete(&name).await.unwrap();
        let server = after_marking(server, days).await;
        until("the doubt", || server.log().contains(DOUBT)).await;
        Client::new(server.channel().await).undelete(&name).await.unwrap();
        Client::new(server.channel().await).delete(&name).await.unwrap();

        let server = server.restart_with(&["--deletion-keep-days", "0", "--yes-the-clock-is-right"]);
        until("the purge", || server.log().contains("purged deleted conversations")).await;
        let doubts = server.log().matches(DOUBT).count();
        let server = server.restart_with(&["--deletion-keep-days", "0"]);
        let client = Client::new(server.channel().await);
        let name = imported(&client, "43").await;
        client.delete(&name).await.unwrap();
        let server = server.restart();
        until("another purge", || server.log().matches("purged deleted conversations").count() == 2).await;
        assert_eq!(server.log().matches(DOUBT).count(), doubts, "{}", server.log());
    }
}

/// Restarts it on a store that was last used this many days ago.
async fn after_marking(mut server: ServerProcess, days: i64) -> ServerProcess {
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.log());
    let store = store::open(store::AUTO, &server.data(), store::Options::default()).unwrap();
    let now = plaudit::clock::SystemClock.now();
    let mark = ClockMark { trusted: now.plus_millis(-days * DAY), is_behind: false, returned: None };
    let put = vec![(keys::clock_mark(), records::encode(&mark))];
    store.commit(Batch { put, ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    server.restart()
}
