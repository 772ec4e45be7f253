use std::sync::Arc;

use plaudit::{
    clock::ManualClock,
    domain::UnixMillis,
    rest::{self, Options},
    service::{Services, Settings},
};
use serde_json::{Value as Json, json};

use crate::{
    craftcx::setup::FaultyStore,
    harness::{Answer, Http, TestServer},
};

/// A server with the real use cases over a store in memory and a clock that stands still. It has conversation 1234 of
/// source `dixa`.
pub struct Setup {
    pub server: TestServer,
    pub services: Arc<Services>,
    pub store: Arc<FaultyStore>,
    pub clock: Arc<ManualClock>,
}

/// The initial time of the clock: 2027-01-15T08:00:00Z.
pub const START: UnixMillis = UnixMillis::clamped(1_800_000_000_000);

impl Setup {
    pub async fn start() -> Self {
        Self::start_with(Settings::default(), Options::default()).await
    }

    pub async fn start_with(settings: Settings, options: Options) -> Self {
        let store = Arc::new(FaultyStore::default());
        let clock = Arc::new(ManualClock::at(START));
        let services = Services::open(store.clone(), clock.clone(), settings).await.expect("opens");
        let services = Arc::new(services);
        let router = rest::router(services.clone(), &options);
        let server = TestServer::builder().rest(router).rest_error(rest::error).start().await;
        let setup = Self { server, services, store, clock };
        setup.import("dixa", "1234").await;
        setup
    }

    pub fn http(&self) -> Http {
        self.server.http()
    }

    /// Stores a conversation between the customer `cus_1` and the teammate `tea_1`; returns its number.
    pub async fn import(&self, source: &str, ticket: &str) -> String {
        self.import_by(source, ticket, json!({ "type": "contact", "external_id": "cus_1", "name": "Ada" }))
            .await
    }

    /// The same with another customer.
    pub async fn import_by(&self, source: &str, ticket: &str, customer: Json) -> String {
        let message = |id: &str, author: Json| {
            json!({
                "external_id": id, "kind": "message", "content": "Hello", "author": author,
                "timestamp": 1_700_000_000_000_i64,
            })
        };
        let teammate = json!({ "type": "teammate", "external_id": "tea_1", "name": "Tom" });
        let messages = [message("m1", customer), message("m2", teammate)];
        let body = json!({ "source": source, "ticket_id": ticket, "messages": messages });
        let answer = self.http().post("/v1/assess", body.to_string()).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        let name = self.http().get(&format!("/v1/assess/{id}")).await.json()["conversation"].take();
        name.as_str().unwrap().strip_prefix("conversations/").unwrap().to_owned()
    }

    pub async fn offer(&self, body: &Json) -> Answer {
        self.http().post(OFFER, body.to_string()).await
    }

    /// Makes an offer and returns the rating's id.
    pub async fn offered(&self, rating_type: &str) -> String {
        let answer = self.offer(&json!({ "ratingType": rating_type })).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["data"]["id"].as_str().unwrap().to_owned()
    }

    pub async fn submit(&self, rating: &str, body: &Json) -> Answer {
        self.http().post(&submit_path(rating), body.to_string()).await
    }

    pub async fn send(&self, path: &str, key: &str, body: &Json) -> Answer {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.http().send("POST", path, &headers, body.to_string()).await
    }

    /// The list of conversation 1234.
    pub async fn list(&self) -> Vec<Json> {
        let answer = self.http().get(LIST).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut body = answer.json();
        assert_eq!(body.as_object().unwrap().len(), 1);
        body["data"].take().as_array().unwrap().clone()
    }
}

pub const OFFER: &str = "/beta/conversations/1234/ratings/offer";
pub const LIST: &str = "/beta/conversations/1234/ratings";

pub fn submit_path(rating: &str) -> String {
    format!("/beta/conversations/1234/ratings/{rating}/submit")
}

pub const DECODING: &str = "Decoding failure in request: ";
pub const INVALID: &str = "Invalid value in request: ";
pub const NOT_FOUND: &str = "The requested resource could not be found: ";

/// An error in Dixa's shape: its message.
pub fn message_of(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
    let body = answer.json();
    assert_eq!(body.as_object().map(|fields| fields.len()), Some(1), "{body}");
    body["message"].as_str().expect("a message").to_owned()
}

/// The fields named in a message after its fixed text.
pub fn fields_of(message: &str, fixed: &str) -> Vec<String> {
    let detail = message.strip_prefix(fixed).unwrap_or_else(|| panic!("{fixed:?} is not before {message:?}"));
    detail.split("; ").map(|part| part.split(": ").next().unwrap().to_owned()).collect()
}
