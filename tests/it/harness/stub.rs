use std::sync::Arc;

use plaudit::proto::v1::{
    GetScorecardRequest, ListScorecardsRequest, ListScorecardsResponse, Scorecard,
    scorecard_service_server::{ScorecardService, ScorecardServiceServer},
};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, service::Routes};

/// A service that does what the `name` in a call says: `panic`, `slow` (waits for [`Stub::release`]), `fail`, `fault`;
/// otherwise it returns the name.
#[derive(Clone)]
pub struct Stub {
    entered: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

impl Stub {
    pub fn new() -> Self {
        Self { entered: Arc::new(Semaphore::new(0)), released: Arc::new(Semaphore::new(0)) }
    }

    pub fn routes(&self) -> Routes {
        // The server's own limit must hold whatever the service's is.
        Routes::new(ScorecardServiceServer::new(self.clone()).max_decoding_message_size(usize::MAX))
    }

    /// Waits until one more slow call is in progress.
    pub async fn entered(&self) {
        super::soon("a slow call", self.entered.acquire()).await.expect("it is never closed").forget();
    }

    /// Lets one slow call continue.
    pub fn release(&self) {
        self.released.add_permits(1);
    }

    /// The work of a slow call.
    pub async fn slow(&self) {
        self.entered.add_permits(1);
        self.released.acquire().await.expect("it is never closed").forget();
    }
}

#[tonic::async_trait]
impl ScorecardService for Stub {
    async fn get_scorecard(
        &self,
        request: Request<GetScorecardRequest>,
    ) -> Result<Response<Scorecard>, Status> {
        let name = request.into_inner().name;
        match name.as_str() {
            "panic" => panic!("asked to"),
            "slow" => self.slow().await,
            "fault" => return Err(Status::internal("a cause that is nobody's business")),
            "fail" => return Err(Status::not_found("asked to")),
            _ => {}
        }
        Ok(Response::new(Scorecard { name, ..Scorecard::default() }))
    }

    async fn list_scorecards(
        &self,
        _request: Request<ListScorecardsRequest>,
    ) -> Result<Response<ListScorecardsResponse>, Status> {
        Ok(Response::new(ListScorecardsResponse::default()))
    }
}
