//! Retried and concurrent requests.

use futures_util::future::join_all;
use plaudit::{
    proto::v1::{AuthorKind, ConflictPolicy, RatingState, RatingType},
    store::{Direction, Keyspace as _},
};
use tonic::Code;

use super::{CONVERSATION, after_start, offer, offer_with, opt_out, person, start, submission, values};
use crate::harness::{
    KEYS, Plaudit, fault,
    sample::{self, with_policy},
};

async fn stored_ratings(server: &Plaudit) -> usize {
    let by_conversation = server.store.dump().await.iter().filter(|(key, _)| key[0] == 0x60).count();
    assert_eq!(server.store.count(KEYS.ratings_by_time()).await, by_conversation);
    by_conversation
}

#[tokio::test]
async fn without_an_id_two_offers_make_two_ratings_and_with_one_they_make_one() {
    let (server, client, name) = start().await;
    let plain = offer(&name, &[RatingType::Csat]);
    let first = client.offer_rating(plain.clone()).await.unwrap();
    assert_ne!(client.offer_rating(plain.clone()).await.unwrap().name, first.name);
    assert_eq!(stored_ratings(&server).await, 2);

    let mut with_id = plain;
    with_id.request_id = "offer".to_owned();
    let offered = client.offer_rating(with_id.clone()).await.unwrap();
    server.clock.advance_millis(5000);
    client.submit_rating(submission(&offered.name, &[(0, 5)])).await.unwrap();
    // The first result again, although it has been answered since; the conversation may be named differently.
    let mut otherwise = with_id.clone();
    otherwise.parent = CONVERSATION.to_owned();
    for request in [with_id.clone(), otherwise] {
        assert_eq!(client.offer_rating(request).await.unwrap(), offered);
    }
    assert_eq!(stored_ratings(&server).await, 3);
    with_id.rating.as_mut().unwrap().offer_time = after_start(0);
    let reused = client.offer_rating(with_id).await.unwrap_err();
    assert_eq!(fault(&reused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test]
async fn retried_submissions_and_cancellations_change_nothing_even_after_a_restart() {
    let (server, client, name) = start().await;
    let rated = client.offer_rating(offer(&name, &[RatingType::Csat])).await.unwrap().name;
    let cancelled = client.offer_rating(offer(&name, &[RatingType::Csat])).await.unwrap().name;
    let mut first = submission(&rated, &[(0, 1)]);
    first.request_id = "one".to_owned();
    client.submit_rating(first.clone()).await.unwrap();
    let second = client.submit_rating(submission(&rated, &[(0, 5)])).await.unwrap();
    let withdrawn = client.cancel_rating(&cancelled, "two").await.unwrap();
    let before = server.store.dump().await;

    server.clock.advance_millis(1000);
    assert_eq!(client.submit_rating(first.clone()).await.unwrap(), second, "the later answer stands");
    assert_eq!(client.cancel_rating(&cancelled, "two").await.unwrap(), withdrawn);
    let mut other = first.clone();
    other.answers[0].value = Some(2);
    let reused = client.submit_rating(other).await.unwrap_err();
    assert_eq!(fault(&reused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
    let reused = client.cancel_rating(&rated, "two").await.unwrap_err();
    assert_eq!(fault(&reused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
    assert_eq!(server.store.dump().await, before);

    let server = server.restart().await;
    let client = server.client().await;
    assert_eq!(client.submit_rating(first).await.unwrap(), second);
    assert_eq!(client.get_rating(&cancelled).await.unwrap(), withdrawn);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_concurrent_submissions_one_stands_whole() {
    let (server, client, name) = start().await;
    let types = [RatingType::Nps, RatingType::Nps];
    let rating = client.offer_rating(offer(&name, &types)).await.unwrap().name;
    let submit = async |number: i32| {
        // Both answers of a submission are equal.
        let value = number % 11;
        let request = submission(&rating, &[(0, value), (1, value)]);
        server.client().await.submit_rating(request).await.expect("an answer")
    };
    let answers = join_all((0..64).map(submit)).await;
    assert!(answers.iter().all(|answer| values(answer)[0] == values(answer)[1]));
    let mut etags: Vec<u32> = answers.iter().map(|answer| answer.etag.parse().unwrap()).collect();
    etags.sort_unstable();
    assert_eq!(etags, (2..66).collect::<Vec<_>>(), "each was carried out once");
    let last = answers.iter().find(|answer| answer.etag == "65").unwrap();
    assert_eq!(client.get_rating(&rating).await.unwrap(), *last);
    assert_eq!(client.ratings("conversations/-", 50).await, std::slice::from_ref(last));
    // The entries read by summaries agree.
    let summary = client.summarize_ratings(Default::default()).await.unwrap();
    let mean = summary.net_promoter_score.unwrap();
    assert_eq!((summary.offered_count, summary.answered_count, mean.n), (1, 1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_copies_of_an_offer_make_one_rating() {
    let (server, _client, name) = start().await;
    let mut request = offer(&name, &[RatingType::Csat]);
    request.request_id = "one".to_owned();
    let copies = (0..48).map(async |_| server.client().await.offer_rating(request.clone()).await.unwrap());
    let answers = join_all(copies).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(stored_ratings(&server).await, 1);
}

#[tokio::test]
async fn a_message_arriving_meanwhile_does_not_restart_an_offer() {
    let (server, client, name) = start().await;
    let gate = server.store.hold(|batch| batch.put.iter().any(|(key, _)| key[0] == 0x60));
    let offering = tokio::spawn({
        let (client, request) = (server.client().await, offer(&name, &[RatingType::Csat]));
        async move { client.offer_rating(request).await }
    });
    gate.arrived().await;
    let reply = sample::message(7, AuthorKind::Ai, "I take over.");
    client.import(with_policy(sample::import_of("42", vec![reply]), ConflictPolicy::Append)).await.unwrap();
    gate.open();
    let rating = offering.await.unwrap().unwrap();
    assert_eq!(rating.agent.unwrap().external_id.as_deref(), Some("t1"), "as it was when it was offered");
    assert_eq!(stored_ratings(&server).await, 1);
}

#[tokio::test]
async fn an_opt_out_arriving_meanwhile_restarts_an_offer() {
    let (server, client, name) = start().await;
    let first = client.offer_rating(offer(&name, &[RatingType::Csat])).await.unwrap().name;
    let is_offer =
        |batch: &plaudit::store::Batch| batch.put.iter().filter(|(key, _)| key[0] == 0x60).count() == 1;
    let gate = server.store.hold(is_offer);
    let offering = tokio::spawn({
        let (client, request) = (server.client().await, offer(&name, &[RatingType::Nps]));
        async move { client.offer_rating(request).await }
    });
    gate.arrived().await;
    client.submit_rating(opt_out(&first, true)).await.unwrap();
    gate.open();
    assert_eq!(offering.await.unwrap().unwrap().state(), RatingState::Unscheduled);
}

#[tokio::test]
async fn changes_to_ratings_are_logged() {
    let (server, client, name) = start().await;
    let before = server.store.log(0, 100).await.unwrap().len();
    let one = client.offer_rating(offer(&name, &[RatingType::Csat])).await.unwrap().name;
    let request = offer_with(&name, |rating| rating.agent = person(AuthorKind::Ai, "a"));
    let two = client.offer_rating(request).await.unwrap().name;
    client.submit_rating(submission(&one, &[(0, 5)])).await.unwrap();
    client.cancel_rating(&two, "").await.unwrap();
    client.cancel_rating(&two, "").await.unwrap();
    let log = server.store.log(0, 100).await.unwrap();
    let kinds = log[before..].iter().map(|(_, raw)| {
        let event: plaudit::domain::Event = plaudit::store::records::decode(&vec![], raw).unwrap();
        format!("{:?}", event.kind).split(' ').next().unwrap().to_owned()
    });
    let expected = ["RatingOffered", "RatingOffered", "RatingSubmitted", "RatingCancelled"];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
    let entries = server.store.scan(KEYS.ratings_by_time(), 9, Direction::Ascending).await.unwrap();
    assert_eq!(entries.len(), 2);
}
