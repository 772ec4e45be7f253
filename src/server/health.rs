//! gRPC health and reflection, which the server adds to whatever services it is given.

use tonic::service::Routes;
use tonic_health::{ServingStatus, server::HealthReporter};

use super::methods::{DESCRIPTORS, Methods};

/// Tells the truth about every service, and about the server as a whole under the empty name.
#[derive(Clone, Debug)]
pub(super) struct Health {
    reporter: HealthReporter,
    names: Vec<String>,
}

impl Health {
    /// Adds health and reflection to the routes. All services serve from the start: the server is built when what they
    /// need is there.
    pub(super) async fn add(
        routes: Routes,
        methods: &Methods,
    ) -> Result<(Routes, Self), tonic_reflection::server::Error> {
        let (reporter, service) = tonic_health::server::health_reporter();
        let names: Vec<String> =
            std::iter::once(String::new()).chain(methods.services().iter().cloned()).collect();
        let health = Self { reporter, names };
        health.set(ServingStatus::Serving).await;
        let routes = routes
            .add_service(service)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
        Ok((routes, health))
    }

    pub(super) async fn stop_serving(&self) {
        self.set(ServingStatus::NotServing).await;
    }

    async fn set(&self, status: ServingStatus) {
        for name in &self.names {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    let builder = tonic_reflection::server::Builder::configure().include_reflection_service(false);
    DESCRIPTORS.into_iter().fold(builder, |builder, set| builder.register_encoded_file_descriptor_set(set))
}
