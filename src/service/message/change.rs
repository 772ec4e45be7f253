//! Updating and deleting a message. Both create a new version of the conversation, which is scored again.

use crate::{
    domain::{
        Conversation, ConversationId, ConversationRef, Event, EventKind, Held, Message, MessageId,
        MessageUpdate, UnixMillis,
    },
    error::{Error, ResourceKind},
    service::{
        Call, check_etag,
        conversation::{ScoringStatus, scoring_status},
        decide::Decide,
        idempotency::Mutation,
        listing,
    },
    store::{
        Decision, Reader as _, Scanner, StoreError, conversation, message, queue,
        records::{self, Head, RequestAnswer},
        request::Method,
    },
};

use super::{StoredMessage, attachment::put_changed_attachments};

/// The message to change, and the etag that the caller has seen.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub parent: &'a ConversationRef,
    pub id: MessageId,
    /// `None`: any.
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

/// Updates one message. An update that changes nothing writes nothing.
pub async fn update_message(
    call: Call<'_>,
    target: Target<'_>,
    change: &MessageUpdate,
) -> Result<StoredMessage, Error> {
    call.carry_out(&Update { call, target, change }).await
}

/// Deletes one message for good, with its attachments.
pub async fn delete_message(call: Call<'_>, target: Target<'_>) -> Result<(), Error> {
    call.carry_out(&Delete { call, target }).await.map(drop)
}

struct Update<'a> {
    call: Call<'a>,
    target: Target<'a>,
    change: &'a MessageUpdate,
}

impl Decide for Update<'_> {
    type Answer = StoredMessage;

    fn subject(&self) -> String {
        self.target.name()
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<StoredMessage, Error> {
        change(self.call, self.target, Some(self.change), decision).await
    }
}

impl Mutation for Update<'_> {
    const METHOD: Method = Method::UpdateMessage;

    fn content(&self) -> Vec<u8> {
        match self.change.cleared() {
            cleared if cleared.is_empty() => records::encode(&(self.target.content(), self.change)).to_vec(),
            cleared => records::encode(&(self.target.content(), self.change, cleared)).to_vec(),
        }
    }

    fn record(&self, stored: &StoredMessage) -> RequestAnswer {
        let (conversation, message) = (stored.conversation.id, stored.message.id);
        RequestAnswer::UpdateMessage { conversation, message }
    }

    /// The message as it is now.
    async fn replay(&self, record: RequestAnswer, _: UnixMillis) -> Result<Option<StoredMessage>, Error> {
        let RequestAnswer::UpdateMessage { conversation, message } = record else { return Ok(None) };
        let not_found = || self.target.not_found();
        let space = self.call.space();
        let found = conversation::find(&space, conversation).await?.ok_or_else(not_found)?;
        let (message, _) = message::find(&space, &found.head, message).await?.ok_or_else(not_found)?;
        let scoring = scoring_status(&found);
        Ok(Some(StoredMessage { conversation: found.head.conversation, scoring, message }))
    }
}

struct Delete<'a> {
    call: Call<'a>,
    target: Target<'a>,
}

impl Decide for Delete<'_> {
    type Answer = ConversationId;

    fn subject(&self) -> String {
        self.target.name()
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<ConversationId, Error> {
        let deleted = change(self.call, self.target, None, decision).await?;
        Ok(deleted.conversation.id)
    }
}

impl Mutation for Delete<'_> {
    const METHOD: Method = Method::DeleteMessage;

    fn content(&self) -> Vec<u8> {
        records::encode(&self.target.content()).to_vec()
    }

    fn record(&self, conversation: &ConversationId) -> RequestAnswer {
        RequestAnswer::DeleteMessage { conversation: *conversation, message: self.target.id }
    }

    async fn replay(&self, record: RequestAnswer, _: UnixMillis) -> Result<Option<ConversationId>, Error> {
        Ok(match record {
            RequestAnswer::DeleteMessage { conversation, .. } => Some(conversation),
            _ => None,
        })
    }
}

/// Changes the message, or deletes it if `change` is `None`. Returns the message as changed, or as it was before the deletion.
async fn change(
    call: Call<'_>,
    target: Target<'_>,
    change: Option<&MessageUpdate>,
    decision: &mut Decision<'_>,
) -> Result<StoredMessage, Error> {
    let not_found = || target.not_found();
    let id = conversation::resolve(&*decision, target.parent).await?.ok_or_else(not_found)?;
    decision.hold(call.services.append_locks.lock(id).await);
    let found = conversation::find(&*decision, id).await?.ok_or_else(not_found)?;
    let guarded = decision.guarded_by(&decision.keys().head(id));
    let (read, place) = message::find(&guarded, &found.head, target.id).await?.ok_or_else(not_found)?;
    check_etag(target.etag, || call.services.message_etag(&read), ResourceKind::Message, || target.name())?;
    let now = call.services.clock.now();
    let changed = change.map(|change| change.apply(&read, now)).transpose()?;
    let mut stored = StoredMessage {
        conversation: found.head.conversation.clone(),
        scoring: scoring_status(&found),
        message: changed.clone().unwrap_or_else(|| read.clone()),
    };
    if changed.as_ref() == Some(&read) {
        return Ok(stored);
    }
    let conversation = &mut stored.conversation;
    conversation.version += 1;
    conversation.update_time = now;
    conversation.held = held_after(&guarded, &found.head, &read, changed.as_ref()).await?;
    let kind = match &changed {
        Some(changed) => {
            put_changed_attachments(decision, id, &read, changed).await?;
            EventKind::MessageUpdated { message: read.id }
        }
        None => {
            delete_rest(decision, conversation, &read).await?;
            EventKind::MessageDeleted { message: read.id }
        }
    };
    decision.log(&Event { conversation: id, time: now, kind });
    queue::put_next(decision, id, conversation.version, now).await?;
    listing::put_moved(decision, &found.head.conversation, conversation).await?;
    message::put_changed(decision, found.head, conversation.clone(), place, read.id, changed);
    stored.scoring = ScoringStatus::Pending { failed_attempts: 0 };
    Ok(stored)
}

/// When the conversation was held once a message is changed, or deleted (`None`). All messages are looked at only where the first or
/// last of them moves.
async fn held_after(
    reader: &dyn Scanner,
    head: &Head,
    read: &Message,
    changed: Option<&Message>,
) -> Result<Option<Held>, StoreError> {
    let (before, after) = (Held::at(read.create_time), Held::of(changed));
    let known = head.conversation.held;
    if after == Some(before) {
        return Ok(known);
    }
    if let Some(held) = known
        && held.first < before.first
        && before.last < held.last
    {
        return Ok(Some(after.map_or(held, |after| held.and(after))));
    }
    let all = conversation::outline(reader, head.clone()).await?.messages;
    Ok(Held::of(all.iter().filter(|message| message.id != read.id).chain(changed)))
}

/// Deletes a message's attachments and tracking ids, and takes it off the count.
async fn delete_rest(
    decision: &mut Decision<'_>,
    conversation: &mut Conversation,
    message: &Message,
) -> Result<(), StoreError> {
    conversation.message_count = conversation.message_count.saturating_sub(1);
    message::delete_attachments(decision, conversation.id, message);
    let tracking_id = message.details.as_ref().and_then(|details| details.tracking_id.as_deref());
    match tracking_id {
        Some(tracking_id) => {
            message::delete_tracked(decision, conversation.id, tracking_id, message.id).await
        }
        None => Ok(()),
    }
}
