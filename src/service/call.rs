//! The context of a call: services, caller, workspace, request id and deadline.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    domain::RequestId,
    error::{Error, Outcome},
    store::{Keys, Space, WorkspaceId},
};

use super::{
    Services,
    decide::{self, Decide},
    idempotency::{Mutation, Once},
    queue::Lane,
};

/// Who calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Caller {
    /// Anyone who can reach the server; there is no authentication yet.
    #[default]
    Nobody,
}

impl Caller {
    /// How request keys encode it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "",
        }
    }
}

/// A call that outlives the request that opened it, for streams.
#[derive(Clone)]
pub struct OwnedCall {
    pub services: Arc<Services>,
    pub caller: Caller,
    pub workspace: WorkspaceId,
    pub deadline: Option<Instant>,
}

impl OwnedCall {
    /// As [`Call::new`].
    pub fn new(services: Arc<Services>) -> Self {
        Self { services, caller: Caller::Nobody, workspace: WorkspaceId::FIRST, deadline: None }
    }

    pub fn call(&self) -> Call<'_> {
        let Self { services, caller, workspace, deadline } = self;
        Call { caller: *caller, workspace: *workspace, deadline: *deadline, ..Call::new(services) }
    }
}

/// The first argument of every use case. Each edge builds it in one place.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub services: &'a Services,
    pub caller: Caller,
    pub workspace: WorkspaceId,
    /// Makes a mutation idempotent for 24 hours.
    pub request_id: Option<&'a RequestId>,
    /// When the caller stops waiting: nothing is attempted after it.
    pub deadline: Option<Instant>,
    /// In which turn what it queues is scored.
    pub lane: Lane,
}

impl<'a> Call<'a> {
    /// An anonymous call in the only workspace.
    pub fn new(services: &'a Services) -> Self {
        Self {
            services,
            caller: Caller::Nobody,
            workspace: WorkspaceId::FIRST,
            request_id: None,
            deadline: None,
            lane: Lane::Fresh,
        }
    }

    pub fn with_request_id(self, request_id: Option<&'a RequestId>) -> Self {
        Self { request_id, ..self }
    }

    /// The stored data of the call's workspace.
    pub(crate) fn space(&self) -> Space<'a> {
        Space::new(&self.services.store, self.workspace)
    }

    /// The keys of the call's workspace.
    pub(crate) fn keys(&self) -> Keys {
        Keys::of(self.workspace)
    }

    /// Decides and commits; see [`Decide`]. Wakes the scoring task if the commit queued a job.
    pub(super) async fn decide<D: Decide>(&self, what: &D) -> Result<D::Answer, Error> {
        let decided =
            decide::until_committed(self.space(), self.deadline, what).await.inspect_err(|error| {
                if matches!(error, Error::Unavailable { outcome: Outcome::Unknown, .. }) {
                    // A job may have been queued.
                    self.services.queue_changed.notify();
                }
            })?;
        if let Some(conversation) = decided.queued {
            self.services.queue_changed.queued(conversation, self.lane);
        }
        Ok(decided.answer)
    }

    /// Carries out a mutation, at most once per request id.
    pub(super) async fn carry_out<M: Mutation>(&self, mutation: &M) -> Result<M::Answer, Error> {
        match self.request_id {
            None => self.decide(mutation).await,
            Some(request_id) => self.decide(&Once::new(self, request_id, mutation)).await,
        }
    }
}
