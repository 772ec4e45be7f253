//! Updating a conversation.

use crate::{
    domain::{
        Conversation, ConversationId, ConversationRef, Event, EventKind, FieldUpdate, MessageId, UnixMillis,
    },
    error::Error,
    scoring::facts::OF_DUE_DATE,
    service::{
        Call, check_etag, decide::Decide, directory::announce_handling, idempotency::Mutation,
        listing::Update,
    },
    store::{
        Decision, Reader,
        conversation::{self, Found},
        queue,
        records::{self, RequestAnswer},
        request::Method,
    },
};

use super::{ConversationStatus, ScoringStatus, find_through, scoring_status};

/// Applies all changes or none. `etag` is the one the caller has seen; empty means any.
///
/// A new subject, language or status affects scores and queues a scoring; so does a due date if a scorecard uses it. A change that
/// changes nothing writes nothing.
pub async fn update_conversation(
    call: Call<'_>,
    name: &ConversationRef,
    etag: &str,
    changes: &[FieldUpdate],
) -> Result<ConversationStatus, Error> {
    let status = call.carry_out(&UpdateConversation { call, name, etag, changes }).await?;
    if !matches!(status.scoring, ScoringStatus::Pending { .. }) {
        // No scoring will enter them into the directory.
        announce_handling(call, &status.conversation).await;
    }
    Ok(status)
}

struct UpdateConversation<'a> {
    call: Call<'a>,
    name: &'a ConversationRef,
    etag: &'a str,
    changes: &'a [FieldUpdate],
}

impl Decide for UpdateConversation<'_> {
    type Answer = ConversationStatus;

    fn subject(&self) -> String {
        format!("conversations/{}", self.name)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<ConversationStatus, Error> {
        let services = self.call.services;
        let found = find_through(&*decision, self.name).await?;
        check_version(&found.head.conversation, self.etag)?;
        let now = services.clock.now();
        let before = found.head.conversation.clone();
        let mut changed = self.apply(&before, now).await?;
        if changed == before {
            return Ok(status(&found, before));
        }
        changed.version += 1;
        changed.update_time = now;
        let is_scored_again = self.is_scored_again(&before, &changed);
        if before.is_unscored() && !is_scored_again {
            // Scoring stays off for the new version.
            changed.unscored_version = Some(changed.version);
        }
        let mut listing = Update::begin_with(decision, &found.head).await?;
        listing.follow(&changed, found.job.is_none() && !is_scored_again);
        listing.put(decision);
        decision.log(&Event { conversation: before.id, time: now, kind: EventKind::ConversationUpdated });
        let status = if is_scored_again {
            queue::put_next(decision, before.id, changed.version, now).await?;
            let scoring = ScoringStatus::Pending { failed_attempts: 0 };
            ConversationStatus { conversation: changed.clone(), scoring }
        } else {
            status(&found, changed.clone())
        };
        conversation::put_changed(decision, found.head, changed);
        Ok(status)
    }
}

impl UpdateConversation<'_> {
    async fn apply(&self, before: &Conversation, now: UnixMillis) -> Result<Conversation, Error> {
        // The id of a status change orders it among the messages.
        let is_status = |change: &FieldUpdate| matches!(change, FieldUpdate::Status(Some(status)) if before.handling.becomes(*status));
        let needs_number = self.changes.iter().any(is_status);
        let after_message = if needs_number { self.call.services.ids.take(1).await? } else { 0 };
        let mut changed = before.clone();
        for change in self.changes {
            change.clone().apply(&mut changed, now, MessageId(after_message));
        }
        changed.check_status_changes(before, "status")?;
        Ok(changed)
    }

    fn is_scored_again(&self, before: &Conversation, changed: &Conversation) -> bool {
        changed.subject != before.subject
            || changed.language != before.language
            || changed.handling.status != before.handling.status
            || changed.handling.status_changes.len() != before.handling.status_changes.len()
            || (changed.handling.due != before.handling.due
                && self.call.services.scorer().reads(&[OF_DUE_DATE]))
    }
}

impl Mutation for UpdateConversation<'_> {
    const METHOD: Method = Method::UpdateConversation;

    fn content(&self) -> Vec<u8> {
        records::encode(&(self.name.to_string(), self.etag, self.changes)).to_vec()
    }

    fn record(&self, status: &ConversationStatus) -> RequestAnswer {
        RequestAnswer::UpdateConversation { conversation: status.conversation.id }
    }

    async fn replay(
        &self,
        record: RequestAnswer,
        _: UnixMillis,
    ) -> Result<Option<ConversationStatus>, Error> {
        let RequestAnswer::UpdateConversation { conversation } = record else { return Ok(None) };
        as_it_is(self.call, conversation).await.map(Some)
    }
}

pub(super) fn status(found: &Found, conversation: Conversation) -> ConversationStatus {
    ConversationStatus { scoring: scoring_status(found), conversation }
}

/// Refuses a change based on an outdated version; an empty etag stands for any.
pub(super) fn check_version(conversation: &Conversation, etag: &str) -> Result<(), Error> {
    let sent = Some(etag).filter(|etag| !etag.is_empty());
    let name = || format!("conversations/{}", conversation.id);
    check_etag(sent, || conversation.version.to_string(), name)
}

/// Replays an answer: the conversation as it is now, deleted or not.
pub(super) async fn as_it_is(call: Call<'_>, id: ConversationId) -> Result<ConversationStatus, Error> {
    let found = find_with_deleted(&call.space(), id).await?;
    let conversation = found.head.conversation.clone();
    Ok(status(&found, conversation))
}

/// A conversation, deleted or not.
pub(super) async fn find_with_deleted(reader: &dyn Reader, id: ConversationId) -> Result<Found, Error> {
    let not_found = || Error::no_conversation(id);
    conversation::find_with_deleted(reader, id).await?.ok_or_else(not_found)
}
