//! The gRPC edge: decode, check the shape, call the use case, encode. It holds no rules and does not know the store.

#[doc(hidden)]
pub mod budget;
#[doc(hidden)]
pub mod codec;

mod assessment;
mod conversation;
mod directory;
mod edge;
mod encoded;
mod errors;
mod events;
mod export;
mod health;
mod import;
mod limits;
mod message;
mod methods;
pub(crate) mod pages;
mod queue;
mod rating;
mod refusals;
mod scorecard;
mod services;
mod status;

use std::sync::Arc;

use tonic::service::Routes;

use self::{
    assessment::AssessmentEdge,
    edge::Edge,
    health::{DamagedPlaces, Health},
    refusals::WORDING,
    services::{
        assessment_service_server::AssessmentServiceServer,
        conversation_service_server::ConversationServiceServer,
        directory_service_server::DirectoryServiceServer, event_service_server::EventServiceServer,
        export_service_server::ExportServiceServer, import_service_server::ImportServiceServer,
        queue_service_server::QueueServiceServer, rating_service_server::RatingServiceServer,
        scorecard_service_server::ScorecardServiceServer,
    },
};

use crate::{server::GrpcEdge, service::Services};

/// Every service of `proto/plaudit/v1`.
///
/// Request sizes are limited in `server`, where the bytes arrive and with a better error than the codec's.
pub fn routes(services: Arc<Services>) -> Routes {
    let edge = Edge(services);
    Routes::new(ImportServiceServer::new(edge.clone()).max_decoding_message_size(usize::MAX))
        .add_service(ConversationServiceServer::new(edge.clone()).max_decoding_message_size(usize::MAX))
        .add_service(ScorecardServiceServer::new(edge.clone()))
        .add_service(AssessmentServiceServer::new(AssessmentEdge::new(edge.clone())))
        .add_service(RatingServiceServer::new(edge.clone()))
        .add_service(DirectoryServiceServer::new(edge.clone()))
        .add_service(QueueServiceServer::new(edge.clone()))
        .add_service(ExportServiceServer::new(edge.clone()))
        .add_service(EventServiceServer::new(edge))
}

/// The edge for the server: `routes` with health and reflection, and what the server must know about their methods.
pub fn edge(routes: Routes, damaged_places: DamagedPlaces) -> Result<GrpcEdge, EdgeError> {
    let (methods, names) = methods::read().map_err(|cause| EdgeError(cause.to_string()))?;
    let (routes, health) =
        Health::add(routes, names, damaged_places).map_err(|cause| EdgeError(cause.to_string()))?;
    Ok(GrpcEdge {
        router: routes.prepare().into_axum_router(),
        methods,
        wording: WORDING,
        report_serving: Box::new(move |is_serving| health.report(is_serving)),
    })
}

#[derive(Debug, thiserror::Error)]
#[error("the descriptors of the API are damaged: {0}")]
pub struct EdgeError(String);
