//! `RatingService` on the wire.

mod list;
mod opt_out;

use tonic::{Request, Response, Status};

use crate::{
    domain::{Submission, Violations},
    error::Error,
    proto::v1,
    service::rating,
    wire::{
        fields::request_id_from_wire,
        names,
        rating::{answer_from_wire, draft_from_wire},
    },
};

use super::{edge::Edge, services::rating_service_server::RatingService};

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
        let rating = rating::offer_rating(self.call().with_request_id(request_id.as_ref()), &parent, &new);
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
        let submitted =
            rating::submit_rating(self.call().with_request_id(request_id.as_ref()), &name, &submission)
                .await?;
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
        let rating = rating::cancel_rating(self.call().with_request_id(request_id.as_ref()), &name).await?;
        Ok(Response::new(self.rating_to_wire(rating)))
    }

    async fn get_rating(
        &self,
        request: Request<v1::GetRatingRequest>,
    ) -> Result<Response<v1::Rating>, Status> {
        let name = names::parse_rating("name", &request.get_ref().name).map_err(Error::from)?;
        let rating = rating::get_rating(self.call(), &name).await?;
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

/// In this request the rating's fields are nested under `rating`.
fn renamed(violations: Violations) -> Error {
    Error::Invalid(violations.renamed(|field| match field {
        "parent" | "request_id" => field.to_owned(),
        _ => format!("rating.{field}"),
    }))
}
