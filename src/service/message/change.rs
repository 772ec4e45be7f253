//! Editing and deleting one message. Either makes another version of its conversation, which is scored again.

use crate::{
    domain::{Conversation, ConversationRef, Event, EventKind, Message, MessageChange, MessageId, RequestId},
    error::{Error, ResourceKind},
    store::{
        Batch, StoreError, Stored, conversation, message, queue,
        records::{self, Request, RequestAnswer},
        request::Method,
    },
};

use super::{StoredMessage, attachment::put_changed_attachments, read_message};
use crate::service::{
    ATTEMPTS, Services,
    conversation::{ScoringStatus, resolve},
    once::{Begun, Once, foreign_answer},
};

/// Which message is meant, and as what it was read.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub parent: &'a ConversationRef,
    pub id: MessageId,
    /// Absent: as whatever it is.
    pub etag: Option<&'a str>,
}

impl Target<'_> {
    fn name(&self) -> String {
        format!("conversations/{}/messages/{}", self.parent, self.id)
    }

    fn not_found(&self) -> Error {
        Error::not_found(ResourceKind::Message, self.name())
    }

    fn content(&self) -> (String, u64, Option<&str>) {
        (self.parent.to_string(), self.id.0, self.etag)
    }
}

/// Changes one message. A change that changes nothing leaves everything as it is.
pub async fn update_message(
    services: &Services,
    target: Target<'_>,
    change: &MessageChange,
    request_id: Option<&RequestId>,
) -> Result<StoredMessage, Error> {
    let content = || match change.cleared() {
        cleared if cleared.is_empty() => records::encode(&(target.content(), change)).to_vec(),
        cleared => records::encode(&(target.content(), change, cleared)).to_vec(),
    };
    let once = Once::new(services, Method::UpdateMessage, request_id, content);
    for _ in 0..ATTEMPTS {
        let expired = match once.begin(services).await? {
            Begun::Answered(RequestAnswer::UpdateMessage { conversation, message }) => {
                return read_message(services, conversation, message).await;
            }
            Begun::Answered(_) => return Err(foreign_answer()),
            Begun::Fresh(expired) => expired,
        };
        let call = Call { services, target, once: &once };
        let attempt = call.change(expired, Some(change)).await;
        if let Some(Some(stored)) = once.unless_done(services, attempt).await? {
            return Ok(stored);
        }
    }
    Err(Error::ConcurrentChange { what: target.name() })
}

/// Deletes one message for good, with its attachments.
pub async fn delete_message(
    services: &Services,
    target: Target<'_>,
    request_id: Option<&RequestId>,
) -> Result<(), Error> {
    let content = || records::encode(&target.content()).to_vec();
    let once = Once::new(services, Method::DeleteMessage, request_id, content);
    for _ in 0..ATTEMPTS {
        let expired = match once.begin(services).await? {
            Begun::Answered(RequestAnswer::DeleteMessage { .. }) => return Ok(()),
            Begun::Answered(_) => return Err(foreign_answer()),
            Begun::Fresh(expired) => expired,
        };
        let call = Call { services, target, once: &once };
        let attempt = call.change(expired, None).await;
        if let Some(Some(_)) = once.unless_done(services, attempt).await? {
            return Ok(());
        }
    }
    Err(Error::ConcurrentChange { what: target.name() })
}

struct Call<'a> {
    services: &'a Services,
    target: Target<'a>,
    once: &'a Once<'a>,
}

impl Call<'_> {
    /// Changes the message, or deletes it when no change is given; answers it as it is then, or as it was. `None` when
    /// another write came first.
    async fn change(
        &self,
        expired: Option<Stored<Request>>,
        change: Option<&MessageChange>,
    ) -> Result<Option<StoredMessage>, Error> {
        let (services, store) = (self.services, &*self.services.store);
        let not_found = || self.target.not_found();
        let id = match resolve(services, self.target.parent).await {
            Err(Error::NotFound { .. }) => return Err(not_found()),
            resolved => resolved?,
        };
        let _turn = services.append_turns.take(id).await;
        let found = conversation::find(store, id).await?.ok_or_else(not_found)?;
        if found.head.value.conversation.delete_time.is_some() {
            return Err(not_found());
        }
        let (read, place) =
            message::find(store, &found.head.value, self.target.id).await?.ok_or_else(not_found)?;
        if self.target.etag.is_some_and(|etag| etag != services.message_etag(&read)) {
            let sent = self.target.etag.unwrap_or_default().to_owned();
            return Err(Error::EtagMismatch { name: self.target.name(), sent });
        }
        let now = services.clock.now();
        let changed = change.map(|change| change.apply(&read, now)).transpose()?;
        let mut batch = Batch::default();
        let mut stored = StoredMessage {
            conversation: found.head.value.conversation.clone(),
            scoring: crate::service::conversation::scoring_status(&found),
            message: changed.clone().unwrap_or_else(|| read.clone()),
        };
        if changed.as_ref() == Some(&read) {
            conversation::expect_head(&mut batch, id, found.head.raw);
            return self.commit(batch, expired, stored).await;
        }
        let conversation = &mut stored.conversation;
        conversation.version += 1;
        conversation.update_time = now;
        let kind = match &changed {
            Some(changed) => {
                put_changed_attachments(services, &mut batch, id, &read, changed).await?;
                EventKind::MessageUpdated { message: read.id }
            }
            None => {
                self.delete_rest(&mut batch, conversation, &read).await?;
                EventKind::MessageDeleted { message: read.id }
            }
        };
        batch.log.push(records::encode(&Event { conversation: id, time: now, kind }));
        queue::put_next(&mut batch, id, conversation.version, now, found.failure.as_ref());
        message::put_changed(&mut batch, found.head, conversation.clone(), place, read.id, changed);
        stored.scoring = ScoringStatus::Pending { failed_attempts: 0 };
        self.commit(batch, expired, stored).await
    }

    /// What goes with a message: its attachments, its tracking id, its place in the count.
    async fn delete_rest(
        &self,
        batch: &mut Batch,
        conversation: &mut Conversation,
        message: &Message,
    ) -> Result<(), Error> {
        conversation.message_count = conversation.message_count.saturating_sub(1);
        message::delete_attachments(batch, conversation.id, message);
        let tracking_id = message.details.as_ref().and_then(|details| details.tracking_id.as_deref());
        if let Some(tracking_id) = tracking_id {
            let store = &*self.services.store;
            message::delete_tracked(store, batch, conversation.id, tracking_id, message.id).await?;
        }
        Ok(())
    }

    async fn commit(
        &self,
        mut batch: Batch,
        expired: Option<Stored<Request>>,
        stored: StoredMessage,
    ) -> Result<Option<StoredMessage>, Error> {
        let is_change = !batch.log.is_empty();
        self.once.record(self.services, &mut batch, expired, self.answer(&stored));
        if !batch.put.is_empty() || !batch.delete.is_empty() {
            match self.services.store.commit(batch).await {
                Ok(_) => {}
                Err(StoreError::Conflict { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        if is_change {
            self.services.queue_changed.notify_one();
        }
        Ok(Some(stored))
    }

    fn answer(&self, stored: &StoredMessage) -> RequestAnswer {
        let (conversation, message) = (stored.conversation.id, stored.message.id);
        match self.once.method() {
            Method::DeleteMessage => RequestAnswer::DeleteMessage { conversation, message },
            _ => RequestAnswer::UpdateMessage { conversation, message },
        }
    }
}
