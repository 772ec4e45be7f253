//! A store that cannot be used for now, as while its database fails over: callers are told what became of their writes, health
//! says so, and everything goes on by itself when it is back.

use plaudit::{
    proto::{
        health::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient},
        v1::ImportOutcome,
    },
    store::Outcome,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::harness::{Plaudit, RETRY_AFTER, sample, soon};

/// The outcome that the caller is told, with how long to wait.
fn told(status: &Status) -> String {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(!format!("{status:?}").contains("secret"), "{status:?}");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.reason, "STORE_UNAVAILABLE");
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(RETRY_AFTER));
    info.metadata["outcome"].clone()
}

#[tokio::test]
async fn while_the_store_is_away_health_says_so_and_what_was_refused_is_not_written() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let first = client.import(sample::import("1")).await.unwrap();
    let (stored, receipt) = (first.conversation, first.import.replace("imports/", ""));
    let mut health = HealthClient::new(server.channel().await);
    let mut states = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    let mut state = async || soon("a state", states.message()).await.unwrap().unwrap().status();
    assert_eq!(state().await, ServingStatus::Serving);

    server.store.go_away(Outcome::NothingWritten);
    assert_eq!(state().await, ServingStatus::NotServing);
    let request = sample::with_id(sample::import("2"), "two");
    assert_eq!(told(&client.import(request.clone()).await.unwrap_err()), "nothing_written");
    assert_eq!(told(&client.conversation(&stored).await.unwrap_err()), "nothing_written");
    let answer = server.http().get(&format!("/v1/assess/{receipt}")).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "2"), "{answer:?}");

    // The server has neither stopped nor forgotten its tasks.
    server.store.come_back();
    assert_eq!(state().await, ServingStatus::Serving);
    let imported = client.import(request).await.unwrap();
    assert_eq!(imported.outcome(), ImportOutcome::Created);
    client.scored(&stored).await;
    client.scored(&imported.conversation).await;
}

#[tokio::test]
async fn a_write_whose_outcome_is_unknown_is_carried_out_once() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    // What a first call needs is stored, so that the import is the next commit.
    client.scored(&client.import(sample::import("1")).await.unwrap().conversation).await;
    let request = sample::with_id(sample::import("2"), "two");
    let gate = server.store.hold(|batch| batch.put.iter().any(|(key, _)| key[0] == 0x11));
    let call = tokio::spawn({
        let (client, request) = (server.client().await, request.clone());
        async move { client.import(request).await }
    });
    gate.arrived().await;
    server.store.go_away(Outcome::Unknown);
    gate.open();
    let unknown = soon("the call", call).await.unwrap().unwrap_err();
    assert_eq!(told(&unknown), "unknown");
    assert!(unknown.message().contains("same request id"), "{}", unknown.message());

    server.store.come_back();
    let again = client.import(request).await.unwrap();
    assert_eq!(again.outcome(), ImportOutcome::Created, "the answer to the first call");
    client.scored(&again.conversation).await;
    assert_eq!(client.conversation("conversations/test:2").await.unwrap().name, again.conversation);
}
