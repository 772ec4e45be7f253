//! The test harness: a server in this process ([`TestServer`]), alone or with everything behind it ([`Plaudit`]), one
//! in a separate process ([`ServerProcess`]), callers for both edges, a proxy that cuts their connections ([`Proxy`]),
//! and a service that misbehaves on demand ([`Stub`]).

pub mod sample;

mod bare;
mod client;
mod http;
mod log;
mod process;
mod proxy;
mod ratings;
mod server;
mod stub;
mod watched;
mod whole;

use std::{future::Future, sync::Arc, time::Duration};

pub use bare::BareGrpc;
pub use client::{Client, bulk_item};
pub use http::{Answer, Http};
pub use log::Log;
pub use process::{ENGINES, ServerProcess, engine, plaudit};
pub use proxy::{Cut, Proxy};
pub use server::TestServer;
pub use stub::Stub;
pub use watched::{RETRY_AFTER, Watched};
pub use whole::Plaudit;

use plaudit::store::{Decision, Keys, Keyspace, Space, WorkspaceId};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The keys of the only workspace.
pub const KEYS: Keys = Keys::of(WorkspaceId::FIRST);
/// Writes to a store through a decision.
pub async fn put<T: Keyspace>(store: &Arc<T>, decide: impl FnOnce(&mut Decision<'_>)) {
    let store: Arc<dyn Keyspace> = store.clone();
    let mut decision = Decision::new(Space::new(&store, WorkspaceId::FIRST));
    decide(&mut decision);
    assert!(decision.commit().await.expect("the store takes it"), "it is not as expected");
}

/// Far longer than anything here takes, so that only something that hangs times out.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that must happen.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("timed out waiting for {what}"),
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

/// The same of an error that may be the connection's.
pub fn reason_if_any(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

/// The code and the reason of an error.
pub fn fault(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

/// The fields that an INVALID_ARGUMENT names, in order. Each comes with a rule.
pub fn fields(status: &Status) -> Vec<String> {
    assert_eq!(fault(status), (Code::InvalidArgument, "INVALID_FIELDS".to_owned()), "{status:?}");
    let request = status.get_details_bad_request().unwrap_or_else(|| panic!("no BadRequest in {status:?}"));
    assert!(request.field_violations.iter().all(|violation| !violation.description.is_empty()));
    request.field_violations.into_iter().map(|violation| violation.field).collect()
}

/// Asserts a NOT_FOUND that names the kind of the missing resource.
pub fn assert_not_found(status: &Status, kind: &str) {
    assert_eq!(fault(status), (Code::NotFound, "RESOURCE_NOT_FOUND".to_owned()), "{status:?}");
    let resource =
        status.get_details_resource_info().unwrap_or_else(|| panic!("no ResourceInfo in {status:?}"));
    assert_eq!(resource.resource_type, kind);
    let collection = match kind {
        "assessment" | "rating" => format!("/{kind}s/"),
        "person" => "people/".to_owned(),
        kind => format!("{kind}s/"),
    };
    assert!(resource.resource_name.contains(&collection), "{resource:?}");
}
