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
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(Error::DeadlineExceeded);
        }
        let mut decision = Decision::attempt(space, attempt);
        match what.decide(&mut decision).await {
            Ok(answer) => {
                let queued = decision.queued();
                if decision.commit().await? {
                    return Ok(Decided { answer, queued });
                }
            }
            Err(error @ (Error::Overloaded { .. } | Error::Unavailable { .. })) => return Err(error),
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

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::store::{
        Batch, Key, Keyspace, MemoryStore, Reader as _, WorkspaceId, get_one,
        records::{self, Identity},
    };

    /// Reads an identity and replaces it, but another writer is faster each time; the first attempt takes until the deadline.
    struct Overtaken {
        store: Arc<dyn Keyspace>,
        key: Key,
        attempts: AtomicUsize,
        deadline: Option<Instant>,
    }

    impl Decide for Overtaken {
        type Answer = ();

        fn subject(&self) -> String {
            "conversations/1".to_owned()
        }

        async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
            get_one::<Identity>(&*decision, self.key.clone()).await?;
            decision.replace(self.key.clone(), &Identity { conversation: ConversationId(0) });
            let attempts = self.attempts.fetch_add(1, Ordering::SeqCst) + 1;
            let others = records::encode(&Identity { conversation: ConversationId(attempts as u64) });
            self.store.commit(Batch { put: vec![(self.key.clone(), others)], ..Batch::default() }).await?;
            if let Some(deadline) = self.deadline {
                tokio::time::sleep_until(deadline).await;
            }
            Ok(())
        }
    }

    /// The error, how many attempts there were, and what is stored.
    async fn overtaken(time_left: Option<std::time::Duration>) -> (Error, usize, u64) {
        let store: Arc<dyn Keyspace> = Arc::new(MemoryStore::new());
        let space = Space::new(&store, WorkspaceId::FIRST);
        let deadline = time_left.map(|left| Instant::now() + left);
        let key = space.keys().head(ConversationId(1));
        let attempts = AtomicUsize::new(0);
        let what = Overtaken { store: Arc::clone(&store), key: key.clone(), attempts, deadline };
        let Err(error) = until_committed(space, deadline, &what).await else { panic!("it is committed") };
        let stored: Option<Identity> = get_one(&space, key).await.unwrap();
        (error, what.attempts.into_inner(), stored.map_or(0, |stored| stored.conversation.0))
    }

    #[tokio::test]
    async fn nothing_is_attempted_after_the_deadline() {
        let (error, attempts, stored) = overtaken(Some(std::time::Duration::from_millis(10))).await;
        assert!(matches!(error, Error::DeadlineExceeded), "{error}");
        assert_eq!((attempts, stored), (1, 1), "what the other writer wrote");
        let (error, attempts, stored) = overtaken(Some(std::time::Duration::ZERO)).await;
        assert!(matches!(error, Error::DeadlineExceeded), "{error}");
        assert_eq!((attempts, stored), (0, 0));
        let (error, attempts, _) = overtaken(None).await;
        assert!(matches!(error, Error::ConcurrentChange { .. }), "{error}");
        assert_eq!(attempts, ATTEMPTS);
    }
}
