//! What the tests stand on: a server in this process ([`TestServer`]), one in a process of its own ([`ServerProcess`]),
//! callers for both edges, and a service that behaves badly on demand ([`Stub`]).

mod bare;
mod http;
mod log;
mod process;
mod server;
mod stub;

use std::{future::Future, time::Duration};

pub use bare::BareGrpc;
pub use http::{Answer, Http};
pub use log::Log;
pub use process::{ServerProcess, plaudit};
pub use server::TestServer;
pub use stub::Stub;

use tonic::Status;
use tonic_types::StatusExt as _;

/// Far beyond what anything here takes, so that only what hangs runs into it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for what must come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    soon(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// The reason in a status's `google.rpc.ErrorInfo`; its domain must be ours.
pub fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "plaudit");
    info.reason
}
