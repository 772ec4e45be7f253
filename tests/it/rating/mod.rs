//! `RatingService`: offers, answers, lists and summaries.

mod defaults;
mod deleted;
mod earlier;
mod late;
mod lists;
mod once;
mod rules;
mod states;
mod summary;

use plaudit::proto::v1::{
    Author, AuthorKind, OfferRatingRequest, Rating, RatingAnswer, RatingQuestion, RatingState, RatingType,
    SubmitRatingRequest,
};
use prost_types::Timestamp;

use crate::harness::{Client, Plaudit, sample};

pub const CONVERSATION: &str = "conversations/test:42";

/// A server with one conversation, and that conversation's number.
pub async fn start() -> (Plaudit, Client, String) {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    client.scored(&name).await;
    (server, client, name)
}

/// An offer with these questions and nothing else.
pub fn offer(parent: &str, types: &[RatingType]) -> OfferRatingRequest {
    let question = |kind: &RatingType| RatingQuestion { r#type: (*kind).into(), ..RatingQuestion::default() };
    let rating = Rating { questions: types.iter().map(question).collect(), ..Rating::default() };
    OfferRatingRequest { parent: parent.to_owned(), rating: Some(rating), request_id: String::new() }
}

/// The same offer, changed.
pub fn offer_with(parent: &str, change: impl FnOnce(&mut Rating)) -> OfferRatingRequest {
    let mut request = offer(parent, &[RatingType::Csat]);
    change(request.rating.as_mut().unwrap());
    request
}

/// Values for questions by index.
pub fn submission(name: &str, values: &[(i32, i32)]) -> SubmitRatingRequest {
    let answer = |(question, value): &(i32, i32)| RatingAnswer {
        question: *question,
        value: Some(*value),
        ..RatingAnswer::default()
    };
    let answers = values.iter().map(answer).collect();
    SubmitRatingRequest { name: name.to_owned(), answers, ..SubmitRatingRequest::default() }
}

pub fn opt_out(name: &str, opts_out: bool) -> SubmitRatingRequest {
    SubmitRatingRequest { opt_out: Some(opts_out), ..submission(name, &[]) }
}

pub fn person(kind: AuthorKind, external_id: &str) -> Option<Author> {
    Some(Author { kind: kind.into(), external_id: Some(external_id.to_owned()), name: None })
}

/// Seconds after [`Plaudit::START`].
pub fn after_start(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: Plaudit::START.millis() / 1000 + seconds, nanos: 0 })
}

/// The values of a rating's answers.
pub fn values(rating: &Rating) -> Vec<Option<i32>> {
    rating.questions.iter().map(|question| question.answer.as_ref().and_then(|answer| answer.value)).collect()
}

/// The states of a rating's questions.
pub fn question_states(rating: &Rating) -> Vec<RatingState> {
    rating.questions.iter().map(RatingQuestion::state).collect()
}

/// A call's result and the fewest reads it took in several tries, since the worker's concurrent reads are counted too.
pub async fn undisturbed<T>(server: &Plaudit, call: impl AsyncFn() -> T) -> (T, usize) {
    let mut fewest = usize::MAX;
    for _ in 0..4 {
        server.store.take_reads();
        call().await;
        fewest = fewest.min(server.store.take_reads());
    }
    (call().await, fewest)
}
