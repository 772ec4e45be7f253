//! `plaudit health`: checks over gRPC whether a server is serving.

use std::time::Duration;

use tonic::{
    Code,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{
    Failure,
    connect::{DEFAULT_SERVER, endpoint, root_cause},
    output::print,
};

const AFTER_HELP: &str = "\
Exit codes: 0 serving, 1 not serving or unreachable, 2 wrong usage.

Examples:
  plaudit health
  plaudit health --server 127.0.0.1:9000
  plaudit health --service plaudit.v1.ImportService";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Health {
    /// The server's address.
    #[arg(long, value_name = "URL", env = "PLAUDIT_SERVER", default_value = DEFAULT_SERVER)]
    server: String,
    /// One service instead of the whole server.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    service: String,
    /// How long to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout_seconds: u64,
}

impl Health {
    pub(super) fn run(self) -> Result<(), Failure> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
        runtime.block_on(self.ask())
    }

    async fn ask(self) -> Result<(), Failure> {
        let endpoint = endpoint(&self.server)?;
        let url = endpoint.uri().to_string();
        let within = Duration::from_secs(self.timeout_seconds);
        let status = tokio::time::timeout(within, check(endpoint, self.service))
            .await
            .map_err(|_| Failure::Failed(format!("{url} did not answer within {} s", within.as_secs())))?
            .map_err(|cause| Failure::Failed(format!("{url}: {cause}")))?;
        print(format_args!("{}\n", status.as_str_name()))?;
        match status {
            ServingStatus::Serving => Ok(()),
            _ => Err(Failure::Failed(format!(
                "{url} responds but is not serving: its store has failed or it is shutting down"
            ))),
        }
    }
}

async fn check(endpoint: Endpoint, service: String) -> Result<ServingStatus, String> {
    let channel: Channel =
        endpoint.connect().await.map_err(|error| format!("cannot connect: {}", root_cause(&error)))?;
    let answer = HealthClient::new(channel).check(HealthCheckRequest { service }).await;
    match answer {
        Ok(answer) => Ok(answer.into_inner().status()),
        Err(status) if status.code() == Code::NotFound => Err("it has no such service".to_owned()),
        Err(status) => Err(format!("{}: {}", crate::server::code_name(status.code()), status.message())),
    }
}
