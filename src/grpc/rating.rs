//! `RatingService` on the wire.

mod encode;
mod list;
mod opt_out;

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        AuthorDraft, ImportedRatingDraft, NewAnswer, PersonDraft, QuestionDraft, QuestionRef, RatingDraft,
        Submission, Violations,
    },
    error::Error,
    proto::v1::{self, rating_service_server::RatingService},
    service::rating,
};

use super::{
    Edge,
    handling::{channel_from_wire, choice},
    import::author_from_wire,
    names,
    requests::request_id_from_wire,
    times,
};

pub use encode::state_to_wire;

#[tonic::async_trait]
impl RatingService for Edge {
    async fn offer_rating(
        &self,
        request: Request<v1::OfferRatingRequest>,
    ) -> Result<Response<v1::Rating>, Status> {
        let request = request.into_inner();
        let parent = names::parse_conversation("parent", &request.parent);
        let mut violations = parent.as_ref().err().cloned().unwrap_or_default();
        let request_id = request_id_from_wire(&request.request_id, &mut violations);
        let draft = draft_from_wire(request.rating.unwrap_or_default(), &mut violations);
        let new = draft.check(violations).map_err(renamed)?;
        let parent = parent.map_err(Error::from)?;
        let rating = rating::offer_rating(&self.0, &parent, &new, request_id.as_ref());
        let rating = rating.await.map_err(|error| match error {
            Error::Invalid(violations) => renamed(violations),
            other => other,
        })?;
        Ok(Response::new(self.rating_to_wire(rating)))
    }

    async fn submit_rating(
        &self,
        request: Request<v1::SubmitRatingRequest>,
    ) -> Result<Response<v1::Rating>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let request_id = request_id_from_wire(&request.request_id, &mut violations);
        let answers = request.answers.into_iter().enumerate();
        let answers =
            answers.map(|(index, answer)| answer_from_wire(index, answer, &mut violations)).collect();
        let name = violations.collect(names::parse_rating("name", &request.name)).map_err(Error::from)?;
        let submission = Submission { answers, opt_out: request.opt_out };
        let submitted = rating::submit_rating(&self.0, &name, &submission, request_id.as_ref()).await?;
        Ok(Response::new(self.rating_to_wire(submitted.rating)))
    }

    async fn cancel_rating(
        &self,
        request: Request<v1::CancelRatingRequest>,
    ) -> Result<Response<v1::Rating>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let request_id = request_id_from_wire(&request.request_id, &mut violations);
        let name = violations.collect(names::parse_rating("name", &request.name)).map_err(Error::from)?;
        let rating = rating::cancel_rating(&self.0, &name, request_id.as_ref()).await?;
        Ok(Response::new(self.rating_to_wire(rating)))
    }

    async fn get_rating(
        &self,
        request: Request<v1::GetRatingRequest>,
    ) -> Result<Response<v1::Rating>, Status> {
        let name = names::parse_rating("name", &request.get_ref().name).map_err(Error::from)?;
        let rating = rating::get_rating(&self.0, &name).await?;
        Ok(Response::new(self.rating_to_wire(rating)))
    }

    async fn list_ratings(
        &self,
        request: Request<v1::ListRatingsRequest>,
    ) -> Result<Response<v1::ListRatingsResponse>, Status> {
        self.list(request.into_inner()).await.map(Response::new).map_err(Status::from)
    }

    async fn list_opt_outs(
        &self,
        request: Request<v1::ListOptOutsRequest>,
    ) -> Result<Response<v1::ListOptOutsResponse>, Status> {
        self.opt_outs(request.into_inner()).await.map(Response::new).map_err(Status::from)
    }

    async fn create_opt_out(
        &self,
        request: Request<v1::CreateOptOutRequest>,
    ) -> Result<Response<v1::OptOut>, Status> {
        self.opt_out(request.into_inner()).await.map(Response::new).map_err(Status::from)
    }

    async fn summarize_ratings(
        &self,
        request: Request<v1::SummarizeRatingsRequest>,
    ) -> Result<Response<v1::SummarizeRatingsResponse>, Status> {
        self.summarize(request.into_inner()).await.map(Response::new).map_err(Status::from)
    }
}

/// The rating stands one level down in its request.
fn renamed(violations: Violations) -> Error {
    Error::Invalid(violations.renamed(|field| match field {
        "parent" | "request_id" => field.to_owned(),
        _ => format!("rating.{field}"),
    }))
}

fn draft_from_wire(rating: v1::Rating, violations: &mut Violations) -> RatingDraft {
    let mut time = |field: &str, time: Option<_>| times::checked(field, &time?, violations);
    let offer_time = time("offer_time", rating.offer_time);
    let schedule_time = time("schedule_time", rating.schedule_time);
    let expire_time = time("expire_time", rating.expire_time);
    let questions = rating.questions.into_iter().enumerate();
    RatingDraft {
        user: rating.user.map(|user| person_from_wire("user", user, violations)),
        agent: rating.agent.map(|agent| person_from_wire("agent", agent, violations)),
        questions: questions
            .map(|(index, question)| question_from_wire(index, question, violations))
            .collect(),
        offer_time,
        schedule_time,
        expire_time,
    }
}

fn person_from_wire(field: &str, author: v1::Author, violations: &mut Violations) -> PersonDraft {
    let AuthorDraft { kind, external_id, name } = author_from_wire(field, author, violations);
    PersonDraft { kind, external_id, name }
}

fn question_from_wire(
    index: usize,
    question: v1::RatingQuestion,
    violations: &mut Violations,
) -> QuestionDraft {
    let field = format!("questions[{index}].type");
    let kind = choice(&field, &encode::TYPES, question.r#type, violations);
    QuestionDraft { kind, text: question.text, language: question.language }
}

/// A rating that an import brings along. What is wrong with it is named below `ratings[index]`.
pub fn imported_from_wire(
    index: usize,
    rating: v1::Rating,
    violations: &mut Violations,
) -> ImportedRatingDraft {
    let mut found = Violations::default();
    let mut time = |field: &str, time: Option<_>| times::checked(field, &time?, &mut found);
    let offer_time = time("offer_time", rating.offer_time);
    let schedule_time = time("schedule_time", rating.schedule_time);
    let expire_time = time("expire_time", rating.expire_time);
    let cancel_time = time("cancel_time", rating.cancel_time);
    let opt_out_time = time("opt_out_time", rating.opt_out_time);
    let is_named = !rating.name.is_empty();
    let name = is_named.then(|| names::parse_rating("name", &rating.name));
    let questions = rating.questions.into_iter().enumerate();
    let questions = questions.map(|(place, mut question)| {
        let answer = question.answer.take();
        (
            question_from_wire(place, question, &mut found),
            answer.map(|answer| imported_answer(place, answer, &mut found)),
        )
    });
    let questions = questions.collect();
    let draft = ImportedRatingDraft {
        uuid: name.and_then(|name| found.take(name)).map(|name| name.uuid),
        user: rating.user.map(|user| author_from_wire("user", user, &mut found)),
        agent: rating.agent.map(|agent| author_from_wire("agent", agent, &mut found)),
        questions,
        offer_time,
        schedule_time,
        expire_time,
        cancel_time,
        opt_out_time,
        withheld: rating.state == v1::RatingState::Unscheduled as i32,
        channel: channel_from_wire("channel", rating.channel, &mut found),
    };
    violations.take(found.or(()).map_err(|found| found.renamed(|field| format!("ratings[{index}].{field}"))));
    draft
}

fn imported_answer(place: usize, answer: v1::RatingAnswer, violations: &mut Violations) -> NewAnswer {
    let field = format!("questions[{place}].answer.answer_time");
    let time = answer.answer_time.as_ref();
    NewAnswer {
        // It stands with its question.
        question: QuestionRef::Place(place as u64),
        value: answer.value.map(i64::from),
        comment: answer.comment,
        time: time.and_then(|time| times::checked(&field, time, violations)),
    }
}

fn answer_from_wire(index: usize, answer: v1::RatingAnswer, violations: &mut Violations) -> NewAnswer {
    let field = |name: &str| format!("answers[{index}].{name}");
    let place = u64::try_from(answer.question).unwrap_or_else(|_| {
        violations.add(field("question"), format!("must not be negative, is {}", answer.question));
        0
    });
    NewAnswer {
        question: QuestionRef::Place(place),
        value: answer.value.map(i64::from),
        comment: answer.comment,
        time: answer
            .answer_time
            .as_ref()
            .and_then(|time| times::checked(&field("answer_time"), time, violations)),
    }
}
