//! When the caller of the call being answered stops waiting.

use tokio::time::Instant;

tokio::task_local! {
    static DEADLINE: Option<Instant>;
}

/// The deadline of the call that the current task answers; `None` if its caller set none. A stream outlives the task, so
/// whoever answers one asks at its start.
pub fn deadline() -> Option<Instant> {
    DEADLINE.try_with(|deadline| *deadline).unwrap_or_default()
}

/// Runs `call` with this deadline, without ending it there.
pub(super) async fn within<T>(deadline: Option<Instant>, call: impl Future<Output = T>) -> T {
    DEADLINE.scope(deadline, call).await
}
