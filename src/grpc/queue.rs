//! `QueueService` on the wire.

use tonic::{Request, Response, Status};

use crate::{
    error::{Error, ResourceKind},
    proto::v1,
    service::queue::get_queue,
    wire::times,
};

use super::{edge::Edge, services::queue_service_server::QueueService};

/// The only queue.
const SCORING: &str = "queues/scoring";

#[tonic::async_trait]
impl QueueService for Edge {
    async fn get_queue(&self, request: Request<v1::GetQueueRequest>) -> Result<Response<v1::Queue>, Status> {
        let name = request.into_inner().name;
        if !name.is_empty() && name != SCORING {
            return Err(Error::not_found(ResourceKind::Queue, name).into());
        }
        let read_time = self.0.now();
        let queue = get_queue(self.call()).await?;
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        Ok(Response::new(v1::Queue {
            name: SCORING.to_owned(),
            waiting_count: count(queue.waiting.jobs),
            has_more_waiting: queue.waiting.more,
            oldest_create_time: queue.waiting.oldest.map(times::to_wire),
            failed_count: count(queue.failed),
            has_more_failed: queue.has_more_failed,
            read_time: Some(times::to_wire(read_time)),
        }))
    }
}
