//! The states of an offer, and what each accepts.

use plaudit::proto::v1::{AuthorKind, Rating, RatingState, RatingType};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{
    CONVERSATION, after_start, offer, offer_with, opt_out, person, question_states, start, submission, values,
};
use crate::harness::{Client, fault, sample};

/// Asserts that it accepts no answers and reports its state.
async fn assert_closed(client: &Client, rating: &Rating, state: RatingState) {
    assert_eq!(client.get_rating(&rating.name).await.unwrap().state(), state);
    let refused = client.submit_rating(submission(&rating.name, &[(0, 1)])).await.unwrap_err();
    assert_eq!(fault(&refused), (Code::FailedPrecondition, "RATING_CLOSED".to_owned()));
    assert_eq!(refused.get_details_error_info().unwrap().metadata["state"], state.as_str_name());
    let failure = refused.get_details_precondition_failure().unwrap();
    assert_eq!(failure.violations[0].subject, rating.name);
}

#[tokio::test]
async fn a_survey_is_answered_in_parts_and_the_last_answer_stands() {
    let (server, client, _) = start().await;
    let types = [RatingType::Csat, RatingType::Nps, RatingType::Thumbs];
    let mut request = offer(CONVERSATION, &types);
    request.rating.as_mut().unwrap().questions[1].text = Some("Would you recommend us?".to_owned());
    request.rating.as_mut().unwrap().questions[1].language = Some("en-GB".to_owned());
    let rating = client.offer_rating(request).await.unwrap();
    assert_eq!(
        (rating.state(), question_states(&rating)),
        (RatingState::Offered, vec![RatingState::Offered; 3])
    );

    let partly = client.submit_rating(submission(&rating.name, &[(1, 9)])).await.unwrap();
    assert_eq!((partly.state(), values(&partly)), (RatingState::Rated, vec![None, Some(9), None]));
    let mixed = vec![RatingState::Offered, RatingState::Rated, RatingState::Offered];
    assert_eq!(question_states(&partly), mixed);

    server.clock.advance_millis(5000);
    let mut rest = submission(&rating.name, &[(2, 0), (0, 4)]);
    rest.answers[0].comment = Some("No.".to_owned());
    rest.answers[1].answer_time = after_start(-60);
    let whole = client.submit_rating(rest).await.unwrap();
    assert_eq!(values(&whole), [Some(4), Some(9), Some(0)]);
    let answer = |place: usize| whole.questions[place].answer.clone().unwrap();
    assert_eq!((answer(2).comment.as_deref(), answer(2).answer_time), (Some("No."), after_start(5)));
    assert_eq!((answer(0).answer_time, answer(1).answer_time), (after_start(-60), after_start(0)));
    assert_eq!(whole.questions[1].text.as_deref(), Some("Would you recommend us?"));

    let again = client.submit_rating(submission(&rating.name, &[(0, 1)])).await.unwrap();
    assert_eq!(values(&again), [Some(1), Some(9), Some(0)]);
    assert_eq!(again.etag, "4");
    assert_eq!(client.get_rating(&rating.name).await.unwrap(), again);
}

#[tokio::test]
async fn a_cancelled_offer_takes_no_answers_and_an_answered_one_is_not_cancelled() {
    let (_server, client, _) = start().await;
    let rating = client.offer_rating(offer(CONVERSATION, &[RatingType::Csat])).await.unwrap();
    let cancelled = client.cancel_rating(&rating.name, "").await.unwrap();
    assert_eq!((cancelled.state(), cancelled.cancel_time), (RatingState::Cancelled, after_start(0)));
    assert_closed(&client, &rating, RatingState::Cancelled).await;
    assert_eq!(client.cancel_rating(&rating.name, "").await.unwrap(), cancelled);

    let rated = client.offer_rating(offer(CONVERSATION, &[RatingType::Csat])).await.unwrap();
    client.submit_rating(submission(&rated.name, &[(0, 3)])).await.unwrap();
    let refused = client.cancel_rating(&rated.name, "").await.unwrap_err();
    assert_eq!(fault(&refused), (Code::FailedPrecondition, "RATING_CLOSED".to_owned()));
    assert_eq!(values(&client.get_rating(&rated.name).await.unwrap()), [Some(3)]);
}

#[tokio::test]
async fn an_expired_offer_takes_no_answers_and_keeps_those_it_has() {
    let (server, client, _) = start().await;
    let expiring = |types: &[RatingType]| {
        let mut request = offer(CONVERSATION, types);
        request.rating.as_mut().unwrap().expire_time = after_start(60);
        request
    };
    let unanswered = client.offer_rating(expiring(&[RatingType::Csat])).await.unwrap();
    let partly = client.offer_rating(expiring(&[RatingType::Csat, RatingType::Csat])).await.unwrap();
    server.clock.advance_millis(59_999);
    client.submit_rating(submission(&partly.name, &[(1, 5)])).await.unwrap();
    server.clock.advance_millis(1);
    assert_closed(&client, &unanswered, RatingState::Expired).await;
    let refused = client.submit_rating(submission(&partly.name, &[(0, 5)])).await.unwrap_err();
    assert_eq!(refused.get_details_error_info().unwrap().metadata["state"], "RATING_STATE_EXPIRED");
    let partly = client.get_rating(&partly.name).await.unwrap();
    assert_eq!((partly.state(), values(&partly)), (RatingState::Rated, vec![None, Some(5)]));
    assert_eq!(question_states(&partly), [RatingState::Expired, RatingState::Rated]);
}

#[tokio::test]
async fn a_scheduled_offer_begins_at_its_time() {
    let (server, client, _) = start().await;
    let request = offer_with(CONVERSATION, |rating| rating.schedule_time = after_start(60));
    let rating = client.offer_rating(request).await.unwrap();
    assert_eq!((rating.offer_time, rating.schedule_time), (after_start(60), after_start(60)));
    assert_closed(&client, &rating, RatingState::Scheduled).await;
    server.clock.advance_millis(60_000);
    let rated = client.submit_rating(submission(&rating.name, &[(0, 5)])).await.unwrap();
    assert_eq!(rated.state(), RatingState::Rated);
    // If an offer time lies in the future because clocks differ, the customer was still asked.
    let ahead = offer_with(CONVERSATION, |rating| rating.offer_time = after_start(600));
    assert_eq!(client.offer_rating(ahead).await.unwrap().state(), RatingState::Offered);
}

#[tokio::test]
async fn a_customer_who_opted_out_is_not_asked_until_they_opt_back_in() {
    let (_server, client, _) = start().await;
    let first = client.offer_rating(offer(CONVERSATION, &[RatingType::Csat])).await.unwrap();
    let out = client.submit_rating(opt_out(&first.name, true)).await.unwrap();
    assert_eq!((out.state(), out.opt_out_time), (RatingState::OptedOut, after_start(0)));
    assert_closed(&client, &first, RatingState::OptedOut).await;

    // In every conversation of the source, and only them.
    client.import(sample::import("43")).await.unwrap();
    let elsewhere = client.offer_rating(offer("conversations/test:43", &[RatingType::Nps])).await.unwrap();
    assert_eq!(elsewhere.state(), RatingState::Unscheduled);
    assert_closed(&client, &elsewhere, RatingState::Unscheduled).await;
    let other = offer_with(CONVERSATION, |rating| rating.user = person(AuthorKind::Contact, "c2"));
    assert_eq!(client.offer_rating(other).await.unwrap().state(), RatingState::Offered);
    let mut import = sample::import("42");
    import.conversation.as_mut().unwrap().source = "other".to_owned();
    client.import(import).await.unwrap();
    let other_source =
        client.offer_rating(offer("conversations/other:42", &[RatingType::Csat])).await.unwrap();
    assert_eq!(other_source.state(), RatingState::Offered);

    let back = client.submit_rating(opt_out(&first.name, false)).await.unwrap();
    assert_eq!((back.state(), back.opt_out_time), (RatingState::Offered, None));
    let again = client.offer_rating(offer(CONVERSATION, &[RatingType::Csat])).await.unwrap();
    assert_eq!(again.state(), RatingState::Offered);
}

#[tokio::test]
async fn a_customer_without_an_id_opts_out_of_their_conversation() {
    let (_server, client, _) = start().await;
    for id in ["a", "b"] {
        let mut messages = sample::import("42").messages;
        for message in &mut messages {
            message.author.as_mut().unwrap().external_id = None;
        }
        client.import(sample::import_of(id, messages)).await.unwrap();
    }
    let offered = async |id: &str| {
        client.offer_rating(offer(&format!("conversations/test:{id}"), &[RatingType::Csat])).await.unwrap()
    };
    let first = offered("a").await;
    let with_answer = {
        let mut request = submission(&first.name, &[(0, 2)]);
        request.opt_out = Some(true);
        request
    };
    let rated = client.submit_rating(with_answer).await.unwrap();
    assert_eq!((rated.state(), values(&rated)), (RatingState::Rated, vec![Some(2)]));
    assert_eq!(offered("a").await.state(), RatingState::Unscheduled);
    assert_eq!(offered("b").await.state(), RatingState::Offered);
}
