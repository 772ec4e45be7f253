//! The queue of scoring, seen from outside: what waits, and who is told of what is new.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::{
    domain::ConversationId,
    error::Error,
    store::queue::{self, Depth},
};

use super::Call;

/// The most conversations that are remembered as fresh. Further ones are scored in the turn of the queue.
const MOST_FRESH: usize = 1024;
/// A count of the queue ends about here, so that asking for it costs little.
const MOST_COUNTED: usize = 100_000;

/// In which turn a conversation is scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// Soon: somebody may be waiting for it.
    #[default]
    Fresh,
    /// In the turn of the queue: it is one of many.
    Bulk,
    /// At once, by the caller.
    Caller,
}

/// Tells the scoring task of what was queued. The durable queue is the truth; this says where to look first.
#[derive(Debug, Default)]
pub struct QueueSignal {
    fresh: Mutex<VecDeque<ConversationId>>,
    changed: Notify,
}

impl QueueSignal {
    /// That a conversation was queued.
    pub fn queued(&self, conversation: ConversationId, lane: Lane) {
        match lane {
            Lane::Caller => return,
            Lane::Bulk => {}
            Lane::Fresh => {
                let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
                if fresh.len() < MOST_FRESH {
                    fresh.push_back(conversation);
                }
            }
        }
        self.changed.notify_one();
    }

    /// Has the queue looked through.
    pub fn notify(&self) {
        self.changed.notify_one();
    }

    /// The conversation that has been fresh for longest.
    pub fn next_fresh(&self) -> Option<ConversationId> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Waits until something is queued.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// How the queue of scoring stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueStatus {
    /// What waits for its scoring, also between two attempts.
    pub waiting: Depth,
    /// Conversations whose scoring was given up.
    pub failed: usize,
    /// Whether more are than were counted.
    pub has_more_failed: bool,
}

/// Counts what waits and what was given up.
pub async fn get_queue(call: Call<'_>) -> Result<QueueStatus, Error> {
    let waiting = queue::depth(&call.space(), MOST_COUNTED).await?;
    let (failed, has_more_failed) = queue::count_failures(&call.space(), MOST_COUNTED).await?;
    Ok(QueueStatus { waiting, failed, has_more_failed })
}
