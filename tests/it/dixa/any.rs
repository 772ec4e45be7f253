//! Whatever is sent, the answer is the documented one or a client error, in Dixa's shape.

use std::sync::Arc;

use axum::{Router, body::Body};
use http::Request;
use http_body_util::BodyExt as _;
use plaudit::{
    clock::SystemClock,
    domain::{Author, AuthorKind, MessageKind, NewConversation, NewImportedMessage, UnixMillis},
    rest,
    service::{
        Call, Services, Settings,
        import::{ConflictPolicy, import_conversation},
    },
    store::MemoryStore,
};
use proptest::prelude::*;
use serde_json::{Map, Value};
use tower::ServiceExt as _;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1_i64..12).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof!["Csat", "Nps", "ThumbsUpOrDown", "20[0-9]{2}-0[1-9]-1[0-9]T1[0-9]:0[0-9]:0[0-9]Z", ".*"]
            .prop_map(Value::from),
    ];
    let name = prop_oneof![
        "ratingType",
        "userId",
        "agentId",
        "offeredAt",
        "ratingResult",
        "value",
        "_type",
        "comment",
        "submittedAt",
        ".{0,5}",
    ];
    leaf.prop_recursive(4, 30, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

struct Edge {
    runtime: tokio::runtime::Runtime,
    router: Router,
}

impl Edge {
    /// With conversation 1.
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let store = Arc::new(MemoryStore::new());
        let services = runtime.block_on(async {
            let opened = Services::open(store, Arc::new(SystemClock), Settings::default()).await;
            let services = opened.expect("opens");
            let message = |id: &str, kind| NewImportedMessage {
                external_id: id.parse().expect("an id"),
                kind: MessageKind::Message,
                content: String::new(),
                author: Author { kind, external_id: None, name: None },
                create_time: UnixMillis::clamped(0),
                ai_tool: None,
                details: None,
                is_automatic: false,
                update_time: None,
            };
            let new = NewConversation {
                messages: vec![message("1", AuthorKind::Contact), message("2", AuthorKind::Ai)],
                ..NewConversation::new("dixa".parse().expect("a source"), "1".parse().expect("an id"))
            };
            import_conversation(Call::new(&services), &new, ConflictPolicy::Reject)
                .await
                .expect("is imported");
            services
        });
        Self { runtime, router: rest::router(Arc::new(services), &rest::Options::default()) }
    }

    fn send(&self, request: Request<Body>) -> (u16, Value) {
        self.runtime.block_on(async {
            let answer = self.router.clone().oneshot(request).await.expect("an answer");
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await.expect("a body").to_bytes();
            (status, serde_json::from_slice(&body).expect("JSON"))
        })
    }

    fn post(&self, path: &str, body: impl Into<Body>) -> (u16, Value) {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(body.into()).expect("a request"))
    }

    fn offered(&self, kind: &str) -> String {
        let (status, body) = self.post(OFFER, format!(r#"{{"ratingType":"{kind}"}}"#));
        assert_eq!(status, 201, "{body}");
        body["data"]["id"].as_str().expect("an id").to_owned()
    }
}

const OFFER: &str = "/v1/conversations/1/ratings/offer";

fn check((status, body): (u16, Value), id: &str) -> Result<(), TestCaseError> {
    match status {
        201 => prop_assert!(body["data"][id].is_string(), "{body}"),
        400 => prop_assert!(
            body["message"].as_str().is_some_and(|text| text.contains(" in request: ")),
            "{body}"
        ),
        _ => prop_assert!(false, "{status} {body}"),
    }
    Ok(())
}

#[test]
fn any_offer_and_any_submission_is_answered() {
    let edge = Edge::new();
    let rating = edge.offered("Nps");
    let submit = format!("/v1/conversations/1/ratings/{rating}/submit");
    proptest!(|(body in any_json())| {
        check(edge.post(OFFER, body.to_string()), "id")?;
        check(edge.post(&submit, body.to_string()), "ratingId")?;
    });
}

#[test]
fn any_bytes_are_answered() {
    let edge = Edge::new();
    proptest!(|(body in prop::collection::vec(any::<u8>(), 0..100))| check(edge.post(OFFER, body), "id")?);
}

#[test]
fn any_path_is_answered() {
    let edge = Edge::new();
    proptest!(|(id in "([!-~]{0,20}|[0-9]{1,25}|(%[0-9a-f]{2}){0,6})", rating in "([!-~]{0,40}|[0-9a-f-]{36})")| {
        for path in [
            format!("/v1/conversations/{id}/ratings"),
            format!("/beta/conversations/{id}/ratings/{rating}/submit"),
        ] {
            let Ok(request) = Request::get(path).body(Body::empty()) else { return Ok(()) };
            let (status, body) = edge.send(request);
            prop_assert!([200, 400, 404, 405].contains(&status), "{status} {body}");
            prop_assert!(body["message"].is_string() || body["data"].is_array(), "{body}");
        }
    });
}
