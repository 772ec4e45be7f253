//! Answers that were given in time and are delivered late.

use plaudit::{
    proto::v1::{Rating, RatingState, RatingType, SubmitRatingRequest},
    service::Settings,
};
use prost_types::Timestamp;
use serde_json::json;
use tonic::{Code, Status};

use super::{CONVERSATION, after_start, offer_with, opt_out, start, submission, values};
use crate::harness::{Client, Plaudit, fault, sample};

const HOUR: i64 = 3_600;

/// An answer that says when it was given.
fn given(name: &str, values: &[(i32, i32)], time: Option<Timestamp>) -> SubmitRatingRequest {
    let mut request = submission(name, values);
    request.answers.iter_mut().for_each(|answer| answer.answer_time = time);
    request
}

/// An offer that expires after an hour.
async fn expiring(client: &Client) -> Rating {
    let request = offer_with(CONVERSATION, |rating| rating.expire_time = after_start(HOUR));
    client.offer_rating(request).await.unwrap()
}

fn assert_closed(refused: &Status, message: &str) {
    assert_eq!(fault(refused), (Code::FailedPrecondition, "RATING_CLOSED".to_owned()));
    assert!(refused.message().contains(message), "{}", refused.message());
}

#[tokio::test]
async fn an_answer_in_time_is_taken_for_three_days_after_the_offer_expired() {
    let (server, client, _) = start().await;
    let rating = expiring(&client).await;
    let window = "it has taken no answers since 2026-01-01T01:00:00Z; one that was given before, and says when, is taken until \
                  2026-01-04T01:00:00Z (ratings.late_delivery_hours)";
    server.clock.advance_millis(HOUR * 1000);
    assert_eq!(client.get_rating(&rating.name).await.unwrap().state(), RatingState::Expired);
    for late in [None, after_start(HOUR), after_start(HOUR + 60)] {
        assert_closed(&client.submit_rating(given(&rating.name, &[(0, 4)], late)).await.unwrap_err(), window);
    }
    server.clock.advance_millis(72 * HOUR * 1000);
    let before = client.summarize_ratings(Default::default()).await.unwrap();
    assert_eq!((before.offered_count, before.answered_count), (1, 0));
    let in_time = given(&rating.name, &[(0, 4)], after_start(HOUR - 1));
    let rated = client.submit_rating(in_time.clone()).await.unwrap();
    assert_eq!((rated.state(), values(&rated)), (RatingState::Rated, vec![Some(4)]));
    assert_eq!(rated.questions[0].answer.as_ref().unwrap().answer_time, after_start(HOUR - 1));
    let after = client.summarize_ratings(Default::default()).await.unwrap();
    assert_eq!((after.offered_count, after.answered_count), (1, 1));
    server.clock.advance_millis(1);
    let over = window.replace("is taken until", "was taken until");
    assert_closed(&client.submit_rating(in_time).await.unwrap_err(), &over);
    assert_eq!(values(&client.get_rating(&rating.name).await.unwrap()), [Some(4)]);
}

#[tokio::test]
async fn a_survey_is_completed_late_only_with_answers_in_time() {
    let (server, client, _) = start().await;
    let request = offer_with(CONVERSATION, |rating| {
        rating.questions.push(rating.questions[0].clone());
        rating.expire_time = after_start(HOUR);
    });
    let rating = client.offer_rating(request).await.unwrap();
    client.submit_rating(submission(&rating.name, &[(0, 5)])).await.unwrap();
    server.clock.advance_millis(2 * HOUR * 1000);
    let mut mixed = given(&rating.name, &[(0, 1), (1, 1)], after_start(60));
    mixed.answers[1].answer_time = after_start(HOUR);
    assert_closed(&client.submit_rating(mixed).await.unwrap_err(), "is expired");
    assert_eq!(values(&client.get_rating(&rating.name).await.unwrap()), [Some(5), None]);
    let late = client.submit_rating(given(&rating.name, &[(1, 3)], after_start(60))).await.unwrap();
    assert_eq!(values(&late), [Some(5), Some(3)]);
}

/// A webhook is retried for days, and may bring what the customer has answered anew since.
#[tokio::test]
async fn an_answer_that_arrives_late_replaces_none_that_was_given_after_it() {
    let (server, client, _) = start().await;
    let rating = expiring(&client).await;
    let stored = async || {
        let rating = client.get_rating(&rating.name).await.unwrap();
        let answer = rating.questions[0].answer.clone().unwrap();
        (answer.value, answer.answer_time)
    };
    server.clock.advance_millis(3_000 * 1000);
    client.submit_rating(given(&rating.name, &[(0, 5)], after_start(3_000))).await.unwrap();
    server.clock.advance_millis(2 * HOUR * 1000);
    for earlier in [600, 3_000] {
        let answer = client.submit_rating(given(&rating.name, &[(0, 1)], after_start(earlier))).await;
        assert_eq!(values(&answer.unwrap()), [Some(5)]);
        assert_eq!(stored().await, (Some(5), after_start(3_000)));
    }
    client.submit_rating(given(&rating.name, &[(0, 3)], after_start(3_100))).await.unwrap();
    assert_eq!(stored().await, (Some(3), after_start(3_100)));
}

#[tokio::test]
async fn the_window_is_a_setting() {
    for (hours, is_taken) in [(0, false), (1, true)] {
        let server =
            Plaudit::start_with(Settings { late_delivery_hours: hours, ..Settings::default() }).await;
        let client = server.client().await;
        client.import(sample::import("42")).await.unwrap();
        let rating = expiring(&client).await;
        server.clock.advance_millis(2 * HOUR * 1000);
        let answer = client.submit_rating(given(&rating.name, &[(0, 4)], after_start(60))).await;
        assert_eq!(answer.is_ok(), is_taken, "{hours}");
        if let Err(refused) = answer {
            assert!(
                refused.message().ends_with("it has taken no answers since 2026-01-01T01:00:00Z"),
                "{refused:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_before_an_opt_out_is_taken_and_the_opt_out_stays() {
    let (server, client, _) = start().await;
    let rating = expiring(&client).await;
    server.clock.advance_millis(600 * 1000);
    client.submit_rating(opt_out(&rating.name, true)).await.unwrap();
    server.clock.advance_millis(HOUR * 1000);
    let since = "it has taken no answers since 2026-01-01T00:10:00Z";
    for late in [None, after_start(600), after_start(700)] {
        assert_closed(&client.submit_rating(given(&rating.name, &[(0, 4)], late)).await.unwrap_err(), since);
    }
    let rated = client.submit_rating(given(&rating.name, &[(0, 4)], after_start(599))).await.unwrap();
    assert_eq!((rated.state(), rated.opt_out_time), (RatingState::Rated, after_start(600)));
    let next = client.offer_rating(offer_with(CONVERSATION, |_| {})).await.unwrap();
    assert_eq!(next.state(), RatingState::Unscheduled);
}

#[tokio::test]
async fn a_cancelled_offer_takes_no_answer_however_early() {
    let (server, client, _) = start().await;
    let rating = expiring(&client).await;
    server.clock.advance_millis(600 * 1000);
    client.cancel_rating(&rating.name, "").await.unwrap();
    let early = given(&rating.name, &[(0, 4)], after_start(60));
    assert_closed(&client.submit_rating(early).await.unwrap_err(), "is cancelled: it takes no answers");
}

#[tokio::test]
async fn the_dixa_dialect_goes_by_the_time_of_the_submission() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut ticket = sample::import("1234");
    ticket.conversation.as_mut().unwrap().source = "dixa".to_owned();
    client.import(ticket).await.unwrap();
    let request = offer_with("conversations/dixa:1234", |rating| {
        rating.questions[0].r#type = RatingType::Csat.into();
        rating.expire_time = after_start(HOUR);
    });
    let rating = client.offer_rating(request).await.unwrap();
    let uuid = rating.name.rsplit('/').next().unwrap();
    let path = format!("/v1/conversations/1234/ratings/{uuid}/submit");
    server.clock.advance_millis(2 * HOUR * 1000);
    let submit = async |time: Option<&str>| {
        let body = json!({ "ratingResult": { "value": 4 }, "submittedAt": time });
        server.http().post(&path, body.to_string()).await
    };
    for late in [None, Some("2026-01-01T01:00:00Z")] {
        let refused = submit(late).await;
        assert_eq!(refused.status, 409, "{refused:?}");
        assert!(refused.text().contains("is taken until 2026-01-04T01:00:00Z"), "{refused:?}");
    }
    let taken = submit(Some("2026-01-01T00:59:59Z")).await;
    assert_eq!(taken.status, 201, "{taken:?}");
    let listed = server.http().get("/v1/conversations/1234/ratings").await.json();
    assert_eq!(listed["data"][0]["ratingStatus"], "Rated");
    assert_eq!(listed["data"][0]["timestamps"]["rated_at"], "2026-01-01T00:59:59Z");
}
