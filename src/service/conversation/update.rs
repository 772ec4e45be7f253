//! Updating a conversation.

use crate::{
    domain::{
        Conversation, ConversationId, ConversationRef, Event, EventKind, FieldUpdate, MessageId, Status,
        UnixMillis, Violations,
    },
    error::{Error, ResourceKind},
    scoring::{facts::OF_DUE_DATE, written},
    service::{
        Call, check_etag, decide::Decide, directory::announce_handling, idempotency::Mutation,
        listing::Update,
    },
    store::{
        Decision, Reader, authors,
        conversation::{self, Found},
        queue,
        records::{self, Head, RequestAnswer},
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
        let mut changed = self.apply(decision, &found.head, now).await?;
        if changed == before {
            return Ok(status(&found, before));
        }
        changed.version += 1;
        changed.update_time = now;
        changed.told_time = Some(now);
        let is_scored_again = is_scored_again(self.call, &before, &changed);
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
    async fn apply(
        &self,
        decision: &Decision<'_>,
        head: &Head,
        now: UnixMillis,
    ) -> Result<Conversation, Error> {
        let before = &head.conversation;
        let mut changed = before.clone();
        for change in self.changes {
            let (after_message, has_customer_written) = self.place(decision, head, change, now).await?;
            change.clone().apply(&mut changed, now, after_message);
            // Only of a new change, and only after a closing, is anything found that was written later.
            changed.handling.customer_wrote_since |= has_customer_written;
        }
        changed.check_status_changes(before, "status")?;
        Ok(changed)
    }

    /// The place of a status change among the messages, and whether the customer themselves wrote after it, if it is a closing.
    /// Other changes have no place.
    async fn place(
        &self,
        decision: &Decision<'_>,
        head: &Head,
        change: &FieldUpdate,
        now: UnixMillis,
    ) -> Result<(MessageId, bool), Error> {
        let handling = &head.conversation.handling;
        match change {
            // Whatever is stored has arrived before it.
            FieldUpdate::Status(Some(status)) if handling.becomes(*status) => {
                Ok((MessageId(self.call.services.ids.take(1).await?), false))
            }
            FieldUpdate::StatusAt(status, time) => {
                let rule = handling.check_status_time(*status, *time, now);
                rule.map_err(|rule| Violations::one("status_time", rule))?;
                if !handling.becomes(*status) {
                    return Ok((MessageId(0), false));
                }
                place_by_time(decision, head, *status, *time).await
            }
            _ => Ok((MessageId(0), false)),
        }
    }
}

/// Where a status change of this time belongs among the messages, and whether the customer themselves wrote after it, if it is a
/// closing. It never belongs before the last change.
async fn place_by_time(
    decision: &Decision<'_>,
    head: &Head,
    status: Status,
    time: UnixMillis,
) -> Result<(MessageId, bool), Error> {
    let conversation = &head.conversation;
    // A number lower than those of the messages.
    let first = MessageId(conversation.id.0);
    let floor = conversation.handling.status_changes.last().map_or(first, |last| last.after_message);
    let guarded = decision.guarded_by(&decision.keys().head(conversation.id));
    let mut has_customer_written = false;
    let place = authors::place_of(&guarded, head, time, floor, |later| {
        has_customer_written |= later.is_by_customer(written::is_automatic);
    })
    .await?;
    Ok((place, has_customer_written && status == Status::Closed))
}

/// Whether a change of what is said about a conversation changes what is scored.
pub(in crate::service) fn is_scored_again(
    call: Call<'_>,
    before: &Conversation,
    changed: &Conversation,
) -> bool {
    changed.subject != before.subject
        || changed.language != before.language
        || changed.handling.status != before.handling.status
        || changed.handling.status_changes.len() != before.handling.status_changes.len()
        || (changed.handling.due != before.handling.due && call.services.scorer().reads(&[OF_DUE_DATE]))
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
    check_etag(sent, || conversation.version.to_string(), ResourceKind::Conversation, name)
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
