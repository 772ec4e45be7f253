//! Deciding: read, decide, commit; again, when something that was read has changed meanwhile.

use tokio::time::Instant;

use crate::{
    domain::ConversationId,
    error::Error,
    store::{Decision, Space},
};

/// How often something is decided anew when others change what it reads.
pub const ATTEMPTS: usize = 16;

/// A change of what is stored.
pub trait Decide: Sync {
    type Answer: Send;

    /// What it changes, by its resource name.
    fn subject(&self) -> String;

    /// One attempt: reads through the decision, and writes into it. It may be made several times, of which one is committed;
    /// an error is one only if nothing that was read has changed when it comes.
    fn decide(&self, decision: &mut Decision<'_>)
    -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// What was decided and committed.
pub struct Decided<T> {
    pub answer: T,
    /// The conversation that now waits for scoring.
    pub queued: Option<ConversationId>,
}

/// Decides until it is committed, or refused for good.
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
            // What was refused because of something that is no more may go through now.
            Err(refusal) => {
                if decision.still_stands().await? {
                    return Err(refusal);
                }
            }
        }
    }
    Err(Error::ConcurrentChange { what: what.subject() })
}
