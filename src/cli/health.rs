//! `plaudit health`: checks over gRPC whether a server is serving.

use tonic::{Code, transport::Channel};

use super::{
    Failure,
    connect::{DEFAULT_SERVER, ask_once, status_line},
    output::{print, say},
    settings::whole_numbers,
};
use crate::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

const AFTER_HELP: &str = "\
Says on standard error if the server has found its store damaged when it read it through (store.scrub_hours).

Exit codes: 0 serving, 1 not serving or unreachable, 2 wrong usage.

Examples:
  plaudit health
  plaudit health --server 127.0.0.1:9000
  plaudit health --service plaudit.v1.ImportService";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Health {
    /// The server's address.
    #[arg(long, value_name = "URL", env = "PLAUDIT_SERVER", hide_env_values = true, default_value = DEFAULT_SERVER)]
    server: String,
    /// One service instead of the whole server.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    service: String,
    /// How long to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, allow_negative_numbers = true, value_parser = whole_numbers(1..=3600))]
    timeout_seconds: u64,
}

impl Health {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (url, (status, damaged)) =
            ask_once(&self.server, self.timeout_seconds, async |channel| check(channel, self.service).await)?;
        print(format_args!("{}\n", status.as_str_name()))?;
        if let Some(places) = damaged {
            say(format_args!(
                "plaudit: {url}: its store is damaged in {places} or more places; what is not damaged is served. Copy the data directory, \
                 stop the server, and see what is lost: plaudit store check"
            ));
        }
        match status {
            ServingStatus::Serving => Ok(()),
            _ => Err(Failure::Failed(format!(
                "{url} responds but is not serving: its store has failed or it is shutting down"
            ))),
        }
    }
}

async fn check(channel: Channel, service: String) -> Result<(ServingStatus, Option<u64>), String> {
    match HealthClient::new(channel).check(HealthCheckRequest { service }).await {
        Ok(answer) => {
            let damaged = answer.metadata().get("plaudit-damaged-places");
            let damaged = damaged.and_then(|places| places.to_str().ok()?.parse().ok());
            Ok((answer.into_inner().status(), damaged))
        }
        Err(status) if status.code() == Code::NotFound => Err("it has no such service".to_owned()),
        Err(status) => Err(status_line(&status)),
    }
}
