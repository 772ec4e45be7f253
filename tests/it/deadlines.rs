//! Calls whose deadline passes while others change the same conversation.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use plaudit::proto::{
    health::{HealthCheckRequest, health_client::HealthClient},
    v1::{ScoringProcess, StoreMessageRequest, conversation_service_client::ConversationServiceClient},
};
use tonic::{Code, Request};

use crate::{
    harness::{Plaudit, fault, sample},
    store_message::{store, words},
};

/// As many as show that one was cut off at any place; a machine under load needs fewer tries.
const EXCEEDED: usize = 20;
const MOST_TRIES: usize = 2000;

#[tokio::test]
async fn a_call_that_only_reads_is_not_said_to_have_written() {
    let server = Plaudit::start().await;
    let origin = http::Uri::from_static("http://localhost");
    let mut health = HealthClient::with_origin(server.bare_grpc().await, origin);
    let mut watch = Request::new(HealthCheckRequest::default());
    watch.set_timeout(Duration::from_millis(50));
    let mut states = health.watch(watch).await.unwrap().into_inner();
    states.message().await.unwrap().expect("the state");
    let status = states.message().await.unwrap_err();
    assert_eq!(fault(&status), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    assert_eq!(status.message(), "the call's deadline has passed");
}

#[tokio::test]
async fn what_exceeded_its_deadline_under_contention_is_carried_out_once_when_it_is_retried() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    let request = |id: &str| StoreMessageRequest {
        request_id: id.to_owned(),
        process: ScoringProcess::Off.into(),
        ..store(&name, words(id))
    };
    let is_over = AtomicBool::new(false);
    let others = join_all((0..4).map(async |writer| {
        let client = server.client().await;
        let mut stored = Vec::new();
        while !is_over.load(Ordering::SeqCst) {
            let id = format!("writer-{writer}-{}", stored.len());
            match client.store(request(&id)).await {
                Ok(_) => stored.push(id),
                Err(status) => assert_eq!(fault(&status), (Code::Aborted, "CONCURRENT_CHANGE".to_owned())),
            }
        }
        stored
    }));
    let hurried = async {
        let origin = http::Uri::from_static("http://localhost");
        let mut calls = ConversationServiceClient::with_origin(server.bare_grpc().await, origin);
        let (mut sent, mut exceeded) = (Vec::new(), 0);
        while exceeded < EXCEEDED && sent.len() < MOST_TRIES {
            let id = format!("hurried-{}", sent.len());
            let mut call = Request::new(request(&id));
            // From before anything is read to about when it is committed.
            call.set_timeout(Duration::from_micros(sent.len() as u64 % 40 * 100));
            if let Err(status) = calls.store_message(call).await {
                let expected = (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned());
                assert_eq!(fault(&status), expected, "{status:?}");
                exceeded += 1;
            }
            sent.push(id);
        }
        is_over.store(true, Ordering::SeqCst);
        assert_eq!(exceeded, EXCEEDED, "of {}", sent.len());
        sent
    };
    let (mut expected, others) = tokio::join!(hurried, others);
    for id in &expected {
        let first = client.store(request(id)).await.unwrap().message;
        assert_eq!(client.store(request(id)).await.unwrap().message, first);
    }
    expected.extend(others.into_iter().flatten());
    expected.extend(sample::import("42").messages.into_iter().filter_map(|message| message.content));
    expected.sort();
    let mut stored: Vec<_> =
        client.messages(&name, 1000).await.into_iter().filter_map(|it| it.content).collect();
    stored.sort();
    assert_eq!(stored, expected, "each once");
    assert_eq!(client.conversation(&name).await.unwrap().message_count as usize, expected.len());
}
