//! The gRPC edge: decode, check shape, call the use case, encode. It holds no rule of its own and knows no store.

mod assessment;
mod bounds;
mod bulk;
mod codec;
mod conversation;
mod directory;
mod edge;
mod encoded;
mod errors;
mod events;
mod fields;
mod import;
mod message;
pub(crate) mod pages;
mod queue;
mod rating;
mod scorecard;

use std::sync::Arc;

pub use codec::BoundedCodec;
pub use encoded::EncodedAssessments;
use tonic::service::Routes;

use self::{
    assessment::{AssessmentEdge, AssessmentServiceServer},
    edge::Edge,
};

use crate::{
    proto::v1::{
        conversation_service_server::ConversationServiceServer,
        directory_service_server::DirectoryServiceServer, event_service_server::EventServiceServer,
        import_service_server::ImportServiceServer, queue_service_server::QueueServiceServer,
        rating_service_server::RatingServiceServer, scorecard_service_server::ScorecardServiceServer,
    },
    service::Services,
};

/// Every service of `proto/plaudit/v1`.
///
/// A request's size is bounded where its bytes come in, with a better error than the codec has: see `server`.
pub fn routes(services: Arc<Services>) -> Routes {
    let edge = Edge(services);
    Routes::new(ImportServiceServer::new(edge.clone()).max_decoding_message_size(usize::MAX))
        .add_service(ConversationServiceServer::new(edge.clone()).max_decoding_message_size(usize::MAX))
        .add_service(ScorecardServiceServer::new(edge.clone()))
        .add_service(AssessmentServiceServer::new(AssessmentEdge::new(edge.clone())))
        .add_service(RatingServiceServer::new(edge.clone()))
        .add_service(DirectoryServiceServer::new(edge.clone()))
        .add_service(QueueServiceServer::new(edge.clone()))
        .add_service(EventServiceServer::new(edge))
}
