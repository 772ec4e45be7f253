//! A caller whose connection is cut before the answer retries the request: whatever happened to the first attempt, it
//! is carried out once.

mod cases;
mod twin;

use std::{fs, path::Path};

use plaudit::proto;
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

use self::{
    cases::{Again, CASES, begin},
    twin::{Outcome, Twin},
};
use crate::harness::Cut;

#[tokio::test]
async fn a_request_with_an_id_is_carried_out_once_wherever_its_connection_is_cut() {
    let (before, names) = begin().await;
    for case in CASES {
        let call = case.call(&names, "one");
        let once = Twin::beginning_as(&before).await;
        let answer = once.call(&call).await;
        assert!(matches!(answer, Outcome::Done(_)), "{}: {answer:?}", case.what);
        let expected = once.state().await;
        assert_ne!(expected, before, "{}: it does nothing", case.what);

        let twin = Twin::beginning_as(&before).await;
        let begun = twin.state().await;
        twin.call_cut(&call, Cut::InRequest).await;
        assert_eq!(twin.state().await, begun, "{}: half a request was carried out", case.what);
        twin.call_cut(&call, Cut::BeforeAnswer).await;
        for _ in 0..2 {
            assert_eq!(twin.call(&call).await, answer, "{}", case.what);
        }
        assert_eq!(twin.state().await, expected, "{}", case.what);

        let twin = Twin::beginning_as(&before).await;
        for _ in 0..4 {
            twin.call_cut(&call, Cut::AfterRequest).await;
        }
        let answer = twin.call(&call).await;
        assert!(matches!(answer, Outcome::Done(_)), "{}: {answer:?}", case.what);
        // Its numbers may differ: the first attempt may have taken some and ended before it wrote.
        assert_eq!(twin.state().await.shape(), expected.shape(), "{}", case.what);
    }
}

#[tokio::test]
async fn without_an_id_a_retry_finds_the_first_request_done_if_that_can_be_detected() {
    let (before, names) = begin().await;
    for case in CASES {
        let call = case.call(&names, "");
        let once = Twin::beginning_as(&before).await;
        let answer = once.call(&call).await;
        let expected = once.state().await;
        let twin = Twin::beginning_as(&before).await;
        twin.call_cut(&call, Cut::BeforeAnswer).await;
        assert_eq!(twin.state().await, expected, "{}: an answer came before its effect", case.what);
        let again = twin.call(&call).await;
        match &case.again {
            Again::Same => assert_eq!(again, answer, "{}", case.what),
            Again::Told => assert!(matches!(again, Outcome::Done(_)), "{}: {again:?}", case.what),
            Again::Refused(reason) => {
                assert_eq!(again, Outcome::Refused((*reason).to_owned()), "{}", case.what)
            }
            Again::Further => {
                assert!(matches!(again, Outcome::Done(_)), "{}: {again:?}", case.what);
                assert_ne!(twin.state().await, expected, "{}: it is told from the first one", case.what);
                continue;
            }
        }
        assert_eq!(twin.state().await, expected, "{}: it is duplicated", case.what);
    }
}

/// Whether a request can carry an id, itself or in what it wraps.
fn takes_an_id(request: &MessageDescriptor) -> bool {
    request.fields().any(|field| match field.kind() {
        Kind::Message(inner) => inner.name().ends_with("Request") && takes_an_id(&inner),
        _ => field.name() == "request_id",
    })
}

#[test]
fn every_call_that_takes_a_request_id_has_a_case() {
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).expect("descriptors");
    let calls = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let mutations = calls.filter(|call| takes_an_id(&call.input()));
    let mut wanted: Vec<_> =
        mutations.map(|call| format!("{}/{}", call.parent_service().name(), call.name())).collect();
    let mut tested: Vec<_> =
        CASES.iter().map(|case| case.what).filter(|what| !what.starts_with('/')).collect();
    wanted.sort_unstable();
    tested.sort_unstable();
    // Some methods have several cases.
    tested.dedup();
    assert_eq!(wanted, tested);
}

#[test]
fn every_post_of_the_rest_edge_has_a_case() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rest")];
    let mut posts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a source file");
            let routes = text.split(".route(\"").skip(1).filter_map(|rest| rest.split_once('"'));
            let of_posts = routes.filter(|(_, handlers)| {
                handlers.split(".route(").next().is_some_and(|handlers| handlers.contains("post("))
            });
            posts.extend(of_posts.map(|(route, _)| route.to_owned()));
        }
    }
    assert!(posts.len() > 4, "only {posts:?} were found");
    for route in posts {
        assert!(CASES.iter().any(|case| case.what.ends_with(&route)), "{route} has no case");
    }
}
