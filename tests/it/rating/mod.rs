//! `RatingService`: offers, answers, lists and sums.

mod defaults;
mod deleted;
mod earlier;
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

/// A server with one conversation, whose number is answered.
pub async fn start() -> (Plaudit, Client, String) {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    client.scored(&name).await;
    (server, client, name)
}

/// An offer of these questions, and nothing else said.
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

/// Values for questions by their places.
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
    Some(Timestamp { seconds: Plaudit::START.0 / 1000 + seconds, nanos: 0 })
}

/// The values of a rating's answers.
pub fn values(rating: &Rating) -> Vec<Option<i32>> {
    rating.questions.iter().map(|question| question.answer.as_ref().and_then(|answer| answer.value)).collect()
}

/// The states of a rating's questions.
pub fn question_states(rating: &Rating) -> Vec<RatingState> {
    rating.questions.iter().map(RatingQuestion::state).collect()
}

/// What a call answers and the fewest reads that it took in several tries: the worker's reads beside it are counted too.
pub async fn undisturbed<T>(server: &Plaudit, call: impl AsyncFn() -> T) -> (T, usize) {
    let mut fewest = usize::MAX;
    for _ in 0..4 {
        server.store.take_reads();
        call().await;
        fewest = fewest.min(server.store.take_reads());
    }
    (call().await, fewest)
}
