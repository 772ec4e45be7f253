//! `AssessmentService` on the wire.

use prost::bytes::Bytes;
use tonic::{Request, Response, Status};

use crate::{
    domain::Violations,
    error::Error,
    proto::v1,
    service::{
        assessment::{self, AssessmentsOf},
        conversation,
    },
    wire::{assessment::to_wire, filters, names},
};

use super::{
    edge::Edge,
    encoded::{EncodedAssessments, Encoder},
    pages,
    services::assessment_service_server::AssessmentService,
};

/// The edge with its cache of encoded assessments.
pub struct AssessmentEdge {
    edge: Edge,
    encoder: Encoder,
}

impl AssessmentEdge {
    pub fn new(edge: Edge) -> Self {
        Self { edge, encoder: Encoder::default() }
    }
}

#[tonic::async_trait]
impl AssessmentService for AssessmentEdge {
    async fn get_assessment(
        &self,
        request: Request<v1::GetAssessmentRequest>,
    ) -> Result<Response<v1::Assessment>, Status> {
        let (parent, id) = names::parse_assessment("name", &request.get_ref().name).map_err(Error::from)?;
        let assessment = assessment::get_assessment(self.edge.call(), &parent, id).await?;
        Ok(Response::new(to_wire(assessment)))
    }

    async fn list_assessments(
        &self,
        request: Request<v1::ListAssessmentsRequest>,
    ) -> Result<Response<EncodedAssessments>, Status> {
        let services = &self.edge.0;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let size = pages::size(request.page_size, &mut violations);
        let filter = filters::assessments(request.filter, &mut violations);
        let of = self.edge.assessments_of(&request.parent, &mut violations).await?;
        let Some(of) = of else { return Err(Error::from(violations).into()) };
        let arguments = || format!("assessments {of:?} {filter:?}");
        let after = pages::cursor(services, arguments, &request.page_token, &mut violations);
        violations.or(()).map_err(Error::from)?;
        let page = assessment::list_assessments(self.edge.call(), of, &filter, after, size).await?;
        let next = page.next_cursor();
        let cursors = page.cursors;
        let assessments = page.items.into_iter().map(|listed| self.encoder.encode(listed));
        let mut assessments = assessments.collect::<Result<Vec<_>, _>>()?;
        let next_page_token = pages::end(services, arguments, &mut assessments, Bytes::len, &cursors, next);
        Ok(Response::new(EncodedAssessments { assessments, next_page_token }))
    }
}

impl Edge {
    /// Resolves the parent of a list; `None` if it is malformed, which is noted. The parent is looked up before the page token
    /// is checked, because a token is valid for one conversation, whichever name the request uses for it.
    async fn assessments_of(
        &self,
        parent: &str,
        violations: &mut Violations,
    ) -> Result<Option<AssessmentsOf>, Error> {
        if parent == names::ALL_CONVERSATIONS {
            return Ok(Some(AssessmentsOf::All));
        }
        let Some(parent) = violations.take(names::parse_conversation("parent", parent)) else {
            return Ok(None);
        };
        conversation::resolve(self.call(), &parent).await.map(|id| Some(AssessmentsOf::One(id)))
    }
}
