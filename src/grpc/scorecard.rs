//! `ScorecardService` on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::Violations,
    error::Error,
    proto::v1,
    service::scorecard,
    wire::{names, scorecard::to_wire},
};

use super::{edge::Edge, pages, services::scorecard_service_server::ScorecardService};

/// All scorecards are one list.
const LIST: &str = "scorecards";

#[tonic::async_trait]
impl ScorecardService for Edge {
    async fn get_scorecard(
        &self,
        request: Request<v1::GetScorecardRequest>,
    ) -> Result<Response<v1::Scorecard>, Status> {
        let (base, ordinal) = names::parse_scorecard("name", &request.get_ref().name).map_err(Error::from)?;
        let revision = scorecard::get_scorecard(self.call(), &base, ordinal).await?;
        Ok(Response::new(to_wire(revision)))
    }

    async fn list_scorecards(
        &self,
        request: Request<v1::ListScorecardsRequest>,
    ) -> Result<Response<v1::ListScorecardsResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let size = pages::size(request.page_size, &mut violations);
        let after = pages::place(&self.0, LIST, &request.page_token, &mut violations);
        violations.or(()).map_err(Error::from)?;
        let page = scorecard::list_scorecards(self.call(), after.as_deref(), size).await?;
        let bases: Vec<_> = page.revisions.iter().map(|revision| revision.revision.base.clone()).collect();
        let mut scorecards: Vec<_> = page.revisions.into_iter().map(to_wire).collect();
        let last = if pages::cut(&mut scorecards) {
            bases.into_iter().nth(scorecards.len() - 1)
        } else {
            page.last.filter(|_| page.has_more)
        };
        let next_page_token = last.map_or_else(String::new, |last| self.0.page_token(LIST, last));
        Ok(Response::new(v1::ListScorecardsResponse { scorecards, next_page_token }))
    }
}
