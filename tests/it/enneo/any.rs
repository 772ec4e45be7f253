//! Whatever is sent, the answer is 200 or a client error, as JSON in Enneo's shape.

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
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::setup::{path, sample};

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

    fn post(&self, path: &str, body: impl Into<Body>) -> (u16, Value) {
        let request = Request::post(path).header("content-type", "application/json");
        let request = request.body(body.into()).expect("a request");
        self.runtime.block_on(async {
            let answer = self.router.clone().oneshot(request).await.expect("an answer");
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await.expect("a body").to_bytes();
            (status, serde_json::from_slice(&body).expect("JSON"))
        })
    }
}

fn check((status, body): (u16, Value)) -> Result<(), TestCaseError> {
    match status {
        200 => prop_assert!(body["success"] == json!(true) && body["eventId"].is_u64(), "{body}"),
        400 | 404 => prop_assert!(body["success"] == json!(false) && body["message"].is_string(), "{body}"),
        _ => prop_assert!(false, "{status} {body}"),
    }
    Ok(())
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            "in|out|internal|open|false",
            "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}",
            "[A-Za-z0-9+/_=-]{0,20}",
            ".*"
        ]
        .prop_map(Value::from),
        prop::collection::vec(".{0,5}", 0..4).prop_map(Value::from),
        Just(json!({ "message": "x", "name": "y" })),
        Just(json!([{ "name": "x", "base64": "iVBORw0KGgoAAAAN" }, {}])),
    ]
}

#[test]
fn any_value_in_any_field_is_answered() {
    let edge = Edge::new();
    let fields: Vec<String> = sample().as_object().unwrap().keys().cloned().collect();
    proptest!(|(changes in prop::collection::vec((prop::sample::select(fields), any_value()), 1..4))| {
        let mut body = sample();
        for (field, value) in changes {
            body[field] = value;
        }
        check(edge.post(&path(1), body.to_string()))?;
    });
}

#[test]
fn the_documented_request_truncated_or_corrupted_anywhere_is_answered() {
    let edge = Edge::new();
    let text = sample().to_string().into_bytes();
    proptest!(|(at in 0..text.len(), byte in any::<u8>(), is_cut in any::<bool>())| {
        let mut body = text.clone();
        if is_cut { body.truncate(at) } else { body[at] = byte }
        check(edge.post(&path(1), body))?;
    });
}

#[test]
fn any_path_and_query_is_answered() {
    let edge = Edge::new();
    proptest!(|(id in "[0-9]{1,20}|(%[0-9a-f]{2}){1,9}|[!-.:-~&&[^?#%]]{1,9}", query in "(process=)?[a-z&=%0-9]{0,9}")| {
        let path = format!("{}?{query}", path(id));
        prop_assume!(path.parse::<http::Uri>().is_ok());
        check(edge.post(&path, "{}"))?;
    });
}
