//! Ratings that are imported again.

use plaudit::proto::v1::{
    ImportConversationRequest, ImportOutcome, Rating, RatingAnswer, RatingQuestion, RatingState, RatingType,
};

use tonic_types::StatusExt as _;

use super::{NAME, agent, append, at, changes_nothing, differences, differing};
use crate::{
    harness::Plaudit,
    rating::{offer, opt_out, submission, values},
};

const UUID: &str = "0b3c7a52-9a1e-8c55-9f00-0123456789ab";

fn answer(value: i32, seconds: i64) -> Option<RatingAnswer> {
    Some(RatingAnswer { value: Some(value), answer_time: at(seconds), ..RatingAnswer::default() })
}

/// An offer that expires after an hour, with these answers to its two questions.
fn rating(uuid: &str, answers: [Option<RatingAnswer>; 2]) -> Rating {
    let question = |answer| RatingQuestion { r#type: RatingType::Csat.into(), answer, ..Default::default() };
    Rating {
        name: format!("conversations/9/ratings/{uuid}"),
        questions: answers.into_iter().map(question).collect(),
        offer_time: at(0),
        expire_time: at(3_600),
        ..Rating::default()
    }
}

fn with(rating: Rating) -> ImportConversationRequest {
    ImportConversationRequest { ratings: vec![rating], ..append(|_| {}) }
}

#[tokio::test]
async fn answers_to_an_offer_that_is_stored_are_taken() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(with(rating(UUID, [None, None]))).await.unwrap();
    client.scored(NAME).await;
    let name = format!("{NAME}/ratings/{UUID}");
    assert_eq!(client.get_rating(&name).await.unwrap().state(), RatingState::Expired);

    let answered = with(rating(UUID, [answer(4, 60), None]));
    assert_eq!(client.import(answered.clone()).await.unwrap().outcome(), ImportOutcome::Updated);
    let stored = client.get_rating(&name).await.unwrap();
    assert_eq!((stored.state(), values(&stored)), (RatingState::Rated, vec![Some(4), None]));
    assert_eq!(stored.questions[0].answer.as_ref().unwrap().answer_time, at(60));
    assert_eq!(differences(&changes_nothing(&server, &client, answered).await), []);
    // What is not answered in the import is not unanswered here.
    let unanswered = with(rating(UUID, [None, None]));
    assert_eq!(differences(&changes_nothing(&server, &client, unanswered).await), []);

    // A later answer counts, an earlier one does not, and none that came too late.
    assert_eq!(
        client.import(with(rating(UUID, [answer(5, 90), answer(3, 3_600)]))).await.unwrap().differences.len(),
        1
    );
    let other =
        changes_nothing(&server, &client, with(rating(UUID, [answer(1, 80), answer(3, 3_600)]))).await;
    assert_eq!(
        differences(&other),
        [
            ("ratings[0].questions[0].answer", "5 at 2025-12-01T09:01:30Z", "1 at 2025-12-01T09:01:20Z"),
            ("ratings[0].questions[1].answer", "", "3 at 2025-12-01T10:00:00Z"),
        ]
    );
    let because = &other.differences[1].description;
    assert!(because.ends_with("the offer took no answers from 2025-12-01T10:00:00Z on"), "{because}");
    assert_eq!(values(&client.get_rating(&name).await.unwrap()), [Some(5), None]);
}

#[tokio::test]
async fn a_rating_that_was_offered_here_takes_answers_by_its_own_uuid() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(append(|_| {})).await.unwrap();
    client.scored(NAME).await;
    let mut offered = offer(NAME, &[RatingType::Csat]);
    offered.rating.as_mut().unwrap().offer_time = at(0);
    let own = client.offer_rating(offered).await.unwrap();
    let mut told = own.clone();
    told.questions[0].answer = answer(2, 60);
    assert_eq!(client.import(with(told.clone())).await.unwrap().outcome(), ImportOutcome::Updated);
    assert_eq!(values(&client.get_rating(&own.name).await.unwrap()), [Some(2)]);
    assert_eq!(differences(&changes_nothing(&server, &client, with(told)).await), []);
}

#[tokio::test]
async fn withdrawals_and_opt_outs_are_taken_unless_something_newer_is_here() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let uuid = |digit: char| format!("0b3c7a52-9a1e-8c55-9f00-0123456789a{digit}");
    let name = |digit: char| format!("{NAME}/ratings/{}", uuid(digit));
    let all = |change: fn(&mut Rating)| {
        let ratings = ['1', '2', '3'].map(|digit| {
            let mut rating = rating(&uuid(digit), [None, None]);
            change(&mut rating);
            rating
        });
        ImportConversationRequest { ratings: ratings.to_vec(), ..append(|_| {}) }
    };
    let never_expiring = |it: &mut Rating| it.expire_time = None;
    client.import(all(never_expiring)).await.unwrap();
    client.scored(NAME).await;
    client.submit_rating(submission(&name('2'), &[(0, 5)])).await.unwrap();
    client.submit_rating(opt_out(&name('3'), true)).await.unwrap();
    client.submit_rating(opt_out(&name('3'), false)).await.unwrap();

    let opted_out = |it: &mut Rating| (it.expire_time, it.opt_out_time) = (None, at(30));
    let answer = client.import(all(opted_out)).await.unwrap();
    assert_eq!(answer.outcome(), ImportOutcome::Updated);
    assert_eq!(differing(&answer), ["ratings[1].opt_out_time", "ratings[2].opt_out_time"]);
    assert_eq!(client.get_rating(&name('1')).await.unwrap().state(), RatingState::OptedOut);
    assert_eq!(client.get_rating(&name('3')).await.unwrap().state(), RatingState::Offered);

    let cancelled = |it: &mut Rating| (it.expire_time, it.cancel_time) = (None, at(40));
    let answer = client.import(all(cancelled)).await.unwrap();
    assert_eq!(differing(&answer), ["ratings[1].cancel_time"]);
    assert_eq!(client.get_rating(&name('3')).await.unwrap().state(), RatingState::Cancelled);
    assert_eq!(
        differing(&changes_nothing(&server, &client, all(cancelled)).await),
        ["ratings[1].cancel_time"]
    );
    let late = changes_nothing(&server, &client, {
        let mut told = rating(&uuid('3'), [super::ratings::answer(5, 10), None]);
        told.expire_time = None;
        with(told)
    })
    .await;
    assert_eq!(differing(&late), ["ratings[0].questions[0].answer"]);
    assert!(
        late.differences[0].description.ends_with("the offer is cancelled and takes no answers"),
        "{late:?}"
    );
}

#[tokio::test]
async fn what_is_fixed_with_the_offer_is_named() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(with(rating(UUID, [None, None]))).await.unwrap();
    client.scored(NAME).await;
    let mut other = rating(UUID, [None, None]);
    other.offer_time = at(1);
    other.expire_time = at(7_200);
    other.agent = agent("t9");
    other.questions.pop();
    let answer = changes_nothing(&server, &client, with(other)).await;
    assert_eq!(
        differing(&answer),
        ["offer_time", "expire_time", "agent", "questions"].map(|field| format!("ratings[0].{field}"))
    );
    // Whoever follows from the conversation may be somebody else by now.
    let mut moved = with(rating(UUID, [None, None]));
    super::conversation(&mut moved).assignee = agent("t9");
    let answer = client.import(moved).await.unwrap();
    assert_eq!((answer.outcome(), differences(&answer)), (ImportOutcome::Updated, vec![]));
}

#[tokio::test]
async fn an_opt_out_in_the_future_is_named_as_such() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(with(rating(UUID, [None, None]))).await.unwrap();
    client.scored(NAME).await;
    for (change, field) in [
        ((|it, time| it.opt_out_time = time) as fn(&mut Rating, _), "opt_out_time"),
        (|it, time| it.cancel_time = time, "cancel_time"),
    ] {
        let mut ahead = rating(UUID, [None, None]);
        change(&mut ahead, at(365 * 86_400));
        let answer = changes_nothing(&server, &client, with(ahead)).await;
        assert_eq!(differing(&answer), [format!("ratings[0].{field}")]);
        let because = &answer.differences[0].description;
        assert!(because.ends_with("it is in the future by the server's clock"), "{because}");
    }
}

#[tokio::test]
async fn what_has_happened_to_a_new_rating_is_not_in_the_future() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    // The server's clock shows 2026-01-01, a month after `at(0)`.
    let ahead = at(86_400 * 31);
    let mut cancelled = rating("0b3c7a52-9a1e-8c55-9f00-0123456789ac", [None, None]);
    cancelled.cancel_time = ahead;
    let answer = RatingAnswer { value: Some(4), answer_time: ahead, ..RatingAnswer::default() };
    let mut both = with(rating(UUID, [None, Some(answer)]));
    both.ratings.push(cancelled);
    let refused = async |request: ImportConversationRequest| {
        let status = client.import(request).await.unwrap_err();
        let violations = status.get_details_bad_request().unwrap().field_violations;
        for violation in &violations {
            let rule =
                "must be at most 5 minutes later than the server's clock, which shows 2026-01-01T00:00:00Z";
            assert!(violation.description.starts_with(rule), "{}", violation.description);
        }
        violations.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
    };
    let expected = ["ratings[0].questions[1].answer.answer_time", "ratings[1].cancel_time"];
    assert_eq!(refused(both.clone()).await, expected);
    assert!(client.conversation(NAME).await.is_err());
    // Nor when they come to a conversation that is there.
    client.import(append(|_| {})).await.unwrap();
    assert_eq!(refused(both.clone()).await, expected);
    // A scheduled one is offered when it is due.
    let mut scheduled = rating(UUID, [None, None]);
    (scheduled.offer_time, scheduled.schedule_time, scheduled.expire_time) = (ahead, ahead, None);
    client.import(with(scheduled)).await.unwrap();
}
