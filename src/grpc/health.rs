//! gRPC health and reflection.

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tonic::{Request, Response, Status, service::Routes};
use tonic_health::{
    ServingStatus,
    pb::{
        HealthCheckRequest, HealthCheckResponse,
        health_check_response::ServingStatus as WireStatus,
        health_server::{Health as HealthApi, HealthServer},
    },
    server::{HealthReporter, HealthService},
};

use super::{methods::DESCRIPTORS, status::unknown_service};

/// Reports the health of every service and, under the empty name, of the whole server.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    names: Vec<String>,
}

impl Health {
    /// Adds health and reflection to the routes. All services report SERVING from the start: the server is built only once
    /// everything they need exists.
    pub async fn add(
        routes: Routes,
        services: Vec<String>,
    ) -> Result<(Routes, Self), tonic_reflection::server::Error> {
        let reporter = HealthReporter::new();
        let service = HealthServer::new(Named(HealthService::from_health_reporter(reporter.clone())));
        let names = std::iter::once(String::new()).chain(services).collect();
        let health = Self { reporter, names };
        health.set(ServingStatus::Serving).await;
        let routes = routes
            .add_service(service)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
        Ok((routes, health))
    }

    pub async fn stop_serving(&self) {
        self.set(ServingStatus::NotServing).await;
    }

    async fn set(&self, status: ServingStatus) {
        for name in &self.names {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

/// tonic's health service, except that NOT_FOUND names the service, and that watching an unknown one follows the protocol:
/// SERVICE_UNKNOWN, and the stream stays open.
struct Named(HealthService);

#[tonic::async_trait]
impl HealthApi for Named {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.get_ref().service.clone();
        self.0.check(request).await.map_err(|_| unknown_service(&service))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(match self.0.watch(request).await {
            Ok(states) => states.into_inner().boxed(),
            Err(_not_found) => {
                // No service is added while the server runs, so nothing else will ever be said.
                let unknown = HealthCheckResponse { status: WireStatus::ServiceUnknown.into() };
                stream::iter([Ok(unknown)]).chain(stream::pending()).boxed()
            }
        }))
    }
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    let builder = tonic_reflection::server::Builder::configure().include_reflection_service(false);
    DESCRIPTORS.into_iter().fold(builder, |builder, set| builder.register_encoded_file_descriptor_set(set))
}
