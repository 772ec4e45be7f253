//! Whatever is sent, the answer is 202 or a client error, as JSON in CraftCX's shape.

use std::sync::Arc;

use axum::{Router, body::Body};
use http::Request;
use http_body_util::BodyExt as _;
use plaudit::{
    clock::SystemClock,
    rest,
    service::{Services, Settings},
    store::MemoryStore,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use super::setup::sample;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof!["message", "comment", "ai", "contact", ".*"].prop_map(Value::from),
    ];
    let name = prop_oneof![
        "ticket_id",
        "messages",
        "source",
        "subject",
        "language",
        "external_id",
        "kind",
        "content",
        "author",
        "type",
        "timestamp",
        "ai_tool",
        ".{0,5}",
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Every place in a value, as JSON pointers.
fn places(value: &Value, here: String, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, format!("{here}/{index}"), found))
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| places(field, format!("{here}/{name}"), found));
        }
        _ => {}
    }
    found.push(here);
}

struct Edge {
    runtime: tokio::runtime::Runtime,
    router: Router,
}

impl Edge {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let store = Arc::new(MemoryStore::new());
        let services = runtime.block_on(Services::open(store, Arc::new(SystemClock), Settings::default()));
        Self { runtime, router: rest::router(Arc::new(services.expect("opens")), &rest::Options::default()) }
    }

    fn send(&self, request: Request<Body>) -> (u16, Value) {
        self.runtime.block_on(async {
            let answer = self.router.clone().oneshot(request).await.expect("an answer");
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await.expect("a body").to_bytes();
            (status, serde_json::from_slice(&body).expect("JSON"))
        })
    }

    fn post(&self, body: impl Into<Body>) -> (u16, Value) {
        let request = Request::post("/v1/assess").header("content-type", "application/json");
        self.send(request.body(body.into()).expect("a request"))
    }
}

/// 202 and 409 have an id, 400 at least one field with its path.
fn check((status, body): (u16, Value)) -> Result<(), TestCaseError> {
    match status {
        202 => prop_assert!(body["id"].is_string(), "{body}"),
        409 => prop_assert!(body["error"]["id"].is_string(), "{body}"),
        400 => {
            prop_assert_eq!(&body["error"]["code"], &json!("invalid_request"));
            let fields = body["error"]["fields"].as_array().cloned().unwrap_or_default();
            prop_assert!(!fields.is_empty(), "{body}");
            for field in fields {
                prop_assert!(field["path"].as_str().is_some_and(|path| !path.is_empty()), "{body}");
            }
        }
        _ => prop_assert!(false, "{status} {body}"),
    }
    Ok(())
}

#[test]
fn any_json_is_answered() {
    let edge = Edge::new();
    proptest!(|(body in any_json())| check(edge.post(body.to_string()))?);
}

#[test]
fn the_documented_request_with_any_value_anywhere_is_answered() {
    let edge = Edge::new();
    let mut all = Vec::new();
    places(&sample(), String::new(), &mut all);
    proptest!(|(place in prop::sample::select(all), value in any_json())| {
        let mut body = sample();
        *body.pointer_mut(&place).expect("a place of it") = value;
        check(edge.post(body.to_string()))?;
    });
}

#[test]
fn any_bytes_are_answered() {
    let edge = Edge::new();
    proptest!(|(body in prop::collection::vec(any::<u8>(), 0..200))| check(edge.post(body))?);
}

#[test]
fn the_documented_request_truncated_or_corrupted_anywhere_is_answered() {
    let edge = Edge::new();
    let text = sample().to_string().into_bytes();
    proptest!(|(at in 0..text.len(), byte in any::<u8>(), is_cut in any::<bool>())| {
        let mut body = text.clone();
        if is_cut { body.truncate(at) } else { body[at] = byte }
        check(edge.post(body))?;
    });
}

#[test]
fn any_id_is_answered() {
    let edge = Edge::new();
    proptest!(|(id in prop_oneof!["[a-z][a-z0-9]{23}", "[!-~]{0,40}", "(%[0-9a-f]{2}){0,9}"])| {
        let Ok(request) = Request::get(format!("/v1/assess/{id}")).body(Body::empty()) else { return Ok(()) };
        let (status, body) = edge.send(request);
        // Without an id, as before a `?`, it is the other path.
        prop_assert!([404, 405].contains(&status), "{status} {body}");
        prop_assert!(body["error"]["code"].is_string(), "{body}");
    });
}
