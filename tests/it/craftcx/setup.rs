use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use plaudit::{
    background::{Background, SWEEP_EVERY},
    clock::ManualClock,
    domain::UnixMillis,
    rest,
    service::{Services, Settings},
    store::{
        Batch, Committed, Direction, Key, KeyRange, Keyspace, MemoryStore, Position, Readiness, Stats,
        StoreError, Value,
    },
};
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use crate::harness::{Answer, Http, TestServer};

/// A server with the real use cases over a store in memory and a clock that stands still.
pub struct Setup {
    pub server: TestServer,
    pub services: Arc<Services>,
    pub store: Arc<FaultyStore>,
    pub clock: Arc<ManualClock>,
    worker: Option<Background>,
}

impl Setup {
    /// Nothing is ever scored.
    pub async fn without_worker() -> Self {
        let store = Arc::new(FaultyStore::default());
        let clock = Arc::new(ManualClock::at(UnixMillis::clamped(1_800_000_000_000)));
        let services =
            Services::open(store.clone(), clock.clone(), Settings::default()).await.expect("opens");
        let services = Arc::new(services);
        let server = TestServer::builder()
            .rest(rest::router(services.clone(), &rest::Options::default()))
            .rest_error(rest::error)
            .start()
            .await;
        Self { server, services, store, clock, worker: None }
    }

    pub async fn start() -> Self {
        let mut setup = Self::without_worker().await;
        setup.worker = Some(Background::start(&setup.services, SWEEP_EVERY));
        setup
    }

    pub fn http(&self) -> Http {
        self.server.http()
    }

    pub async fn post(&self, body: &Json) -> Answer {
        self.http().post("/v1/assess", body.to_string()).await
    }

    pub async fn post_with(&self, headers: &[(&str, &str)], body: impl Into<bytes::Bytes>) -> Answer {
        self.http().send("POST", "/v1/assess", headers, body).await
    }

    pub async fn post_with_key(&self, key: &str, body: &Json) -> Answer {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.post_with(&headers, body.to_string()).await
    }

    /// Imports and returns the id.
    pub async fn import(&self, body: &Json) -> String {
        let answer = self.post(body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        id_of(&answer)
    }

    pub async fn get(&self, id: &str) -> Answer {
        self.http().get(&format!("/v1/assess/{id}")).await
    }

    /// Polls until the scoring is no longer pending.
    pub async fn scored(&self, id: &str) -> Json {
        crate::harness::soon("the scores", async {
            loop {
                let answer = self.get(id).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                if answer.json()["scoring"] != "pending" {
                    return answer.json();
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        })
        .await
    }
}

/// The documented request and answer.
pub fn documented() -> Json {
    serde_json::from_str(include_str!("../../cases/craftcx/assess.json")).expect("JSON")
}

/// The documented request's body.
pub fn sample() -> Json {
    documented()["request"]["json"].take()
}

/// The smallest valid body.
pub fn smallest(ticket_id: &str) -> Json {
    json!({ "ticket_id": ticket_id, "messages": [message("m1")] })
}

pub fn message(external_id: &str) -> Json {
    json!({
        "external_id": external_id, "kind": "message", "content": "Hello", "author": { "type": "contact" },
        "timestamp": 1_700_000_000_000_i64,
    })
}

/// The answer's id, which must have the documented format.
pub fn id_of(answer: &Answer) -> String {
    let body = answer.json();
    let id = body["id"].as_str().or(body["error"]["id"].as_str()).expect("an id").to_owned();
    let is_letter = |byte: u8| byte.is_ascii_lowercase();
    assert_eq!(id.len(), 24, "{id}");
    assert!(is_letter(id.as_bytes()[0]), "{id}");
    assert!(id.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit()), "{id}");
    id
}

/// An error in CraftCX's shape: its code and the paths of its fields.
pub fn error_of(answer: &Answer) -> (String, Vec<String>) {
    assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
    let body = answer.json();
    let error = &body["error"];
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    let fields = error["fields"].as_array().cloned().unwrap_or_default();
    let paths = fields.iter().map(|field| field["path"].as_str().expect("a path").to_owned()).collect();
    (error["code"].as_str().expect("a code").to_owned(), paths)
}

/// A store in memory that fails on demand.
#[derive(Default)]
pub struct FaultyStore {
    inner: MemoryStore,
    fault: AtomicU8,
}

/// How a store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    None = 0,
    /// Accepts no writes for the time being.
    Overloaded = 1,
    /// Has failed for good.
    Failed = 2,
    /// Finds its data damaged.
    Corrupt = 3,
}

impl FaultyStore {
    pub fn fail(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::SeqCst);
    }

    fn check(&self, is_write: bool) -> Result<(), StoreError> {
        let fault = self.fault.load(Ordering::SeqCst);
        match fault {
            fault if fault == Fault::Overloaded as u8 && is_write => Err(StoreError::Overloaded),
            fault if fault == Fault::Failed as u8 => {
                Err(StoreError::Failed("secret-disk-name is full".into()))
            }
            fault if fault == Fault::Corrupt as u8 => Err(StoreError::Corrupt("secret-key is odd".into())),
            _ => Ok(()),
        }
    }
}

impl Keyspace for FaultyStore {
    fn get(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Option<Value>>, StoreError>> {
        async move {
            self.check(false)?;
            self.inner.get(keys).await
        }
        .boxed()
    }

    fn scan_within(
        &self,
        range: KeyRange,
        limit: usize,
        max_bytes: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(Key, Value)>, StoreError>> {
        self.inner.scan_within(range, limit, max_bytes, direction)
    }

    fn scan_keys(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, std::result::Result<Vec<Key>, StoreError>> {
        self.inner.scan_keys(range, limit, direction)
    }

    fn is_exclusive(&self) -> bool {
        self.inner.is_exclusive()
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Committed, StoreError>> {
        async move {
            self.check(true)?;
            // Lets other tasks run in between, as an engine with a disk does.
            tokio::task::yield_now().await;
            self.inner.commit(batch).await
        }
        .boxed()
    }

    fn log(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Position, Value)>, StoreError>> {
        self.inner.log(after, limit)
    }

    fn newest(&self) -> watch::Receiver<Position> {
        self.inner.newest()
    }

    fn trim_log(&self, up_to: Position) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.inner.trim_log(up_to)
    }

    fn trimmed(&self) -> BoxFuture<'_, Result<Position, StoreError>> {
        self.inner.trimmed()
    }

    fn restore_log(&self, records: Vec<(Position, Value)>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.restore_log(records)
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        self.inner.stats()
    }

    fn readiness(&self) -> watch::Receiver<Readiness> {
        self.inner.readiness()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.close()
    }
}
