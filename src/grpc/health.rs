//! gRPC health and reflection.

use std::sync::Arc;

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::sync::watch;
use tonic::{Request, Response, Status, service::Routes};

use super::{methods::DESCRIPTORS, status::unknown_service};
use crate::proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
    health_check_response::ServingStatus,
    health_server::{Health as HealthApi, HealthServer},
};

/// Reports the health of every service and, under the empty name, of the whole server. They share one state: each service
/// needs the store and the port, and nothing else can fail.
#[derive(Clone)]
pub struct Health {
    names: Arc<[String]>,
    state: Arc<watch::Sender<ServingStatus>>,
    damaged_places: DamagedPlaces,
}

/// How many places of the store are known to be damaged.
pub type DamagedPlaces = Arc<dyn Fn() -> u64 + Send + Sync>;

/// In the answer of a check: how many places of the store are known to be damaged. The status does not say it, since the server serves
/// what is not damaged.
const DAMAGED_PLACES: &str = "plaudit-damaged-places";

impl Health {
    /// Adds health and reflection to the routes. All services report SERVING from the start: the server is built only once
    /// everything they need exists.
    pub fn add(
        routes: Routes,
        names: Vec<String>,
        damaged_places: DamagedPlaces,
    ) -> Result<(Routes, Self), tonic_reflection::server::Error> {
        let names = std::iter::once(String::new()).chain(names).collect();
        let health =
            Self { names, state: Arc::new(watch::Sender::new(ServingStatus::Serving)), damaged_places };
        let routes = routes
            .add_service(HealthServer::new(health.clone()))
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
        Ok((routes, health))
    }

    pub fn report(&self, is_serving: bool) {
        let now = if is_serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.state.send_if_modified(|state| std::mem::replace(state, now) != now);
    }

    fn knows(&self, service: &str) -> bool {
        self.names.iter().any(|name| name == service)
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl HealthApi for Health {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = &request.get_ref().service;
        if !self.knows(service) {
            return Err(unknown_service(service));
        }
        let mut answer = Response::new(response(*self.state.borrow()));
        let places = (self.damaged_places)();
        if places > 0 {
            answer.metadata_mut().insert(DAMAGED_PLACES, places.into());
        }
        Ok(answer)
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        let state = *self.state.borrow();
        let statuses = self.names.iter().map(|name| (name.clone(), response(state))).collect();
        Ok(Response::new(HealthListResponse { statuses }))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        if !self.knows(&request.get_ref().service) {
            // No service is added while the server runs, so nothing else will ever be said.
            let unknown = stream::iter([Ok(response(ServingStatus::ServiceUnknown))]);
            return Ok(Response::new(unknown.chain(stream::pending()).boxed()));
        }
        let states = stream::unfold((self.state.subscribe(), true), async |(mut state, is_first)| {
            if !is_first {
                // An error means that the server is gone, which ends the stream too.
                state.changed().await.ok()?;
            }
            let now = *state.borrow_and_update();
            Some((Ok(response(now)), (state, false)))
        });
        Ok(Response::new(states.boxed()))
    }
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    let builder = tonic_reflection::server::Builder::configure().include_reflection_service(false);
    DESCRIPTORS.into_iter().fold(builder, |builder, set| builder.register_encoded_file_descriptor_set(set))
}
