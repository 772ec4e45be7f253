//! Optimistic concurrency: read, decide, commit, and start over when something that was read has changed.

use tokio::time::Instant;

use crate::{
    domain::ConversationId,
    error::Error,
    store::{Decision, Space},
};

/// How many times a decision is attempted before it fails with `ConcurrentChange`.
pub const ATTEMPTS: usize = 16;

/// A change to what is stored.
pub trait Decide: Sync {
    type Answer: Send;

    /// The resource name of what it changes, for errors.
    fn subject(&self) -> String;

    /// One attempt: reads through `decision` and writes into it. It may run several times; one attempt is committed. An error is
    /// returned to the caller only if everything that was read still stands.
    fn decide(&self, decision: &mut Decision<'_>)
    -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// A decision that was committed.
pub struct Decided<T> {
    pub answer: T,
    /// The conversation that now waits for scoring.
    pub queued: Option<ConversationId>,
}

/// Attempts a decision until it is committed or refused.
pub async fn until_committed<D: Decide>(
    space: Space<'_>,
    deadline: Option<Instant>,
    what: &D,
) -> Result<Decided<D::Answer>, Error> {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 && deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            break;
        }
        let mut decision = Decision::attempt(space, attempt);
        match what.decide(&mut decision).await {
            Ok(answer) => {
                let queued = decision.queued();
                if decision.commit().await? {
                    return Ok(Decided { answer, queued });
                }
            }
            Err(error @ (Error::Overloaded { .. } | Error::Unavailable(_))) => return Err(error),
            // The refusal may rest on something that has changed since.
            Err(refusal) => {
                if decision.still_stands().await? {
                    return Err(refusal);
                }
            }
        }
    }
    Err(Error::ConcurrentChange { what: what.subject() })
}
