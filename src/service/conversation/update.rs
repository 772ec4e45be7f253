//! Changing what is said of a conversation.

use crate::{
    domain::{Change, Conversation, ConversationId, ConversationRef, Event, EventKind, MessageId, RequestId},
    error::{Error, ResourceKind},
    scoring::facts::OF_DUE_DATE,
    service::{
        ATTEMPTS, Services,
        directory::announce_handling,
        listing::Update,
        once::{Begun, Once, foreign_answer},
    },
    store::{
        Batch, StoreError, Stored,
        conversation::{self, Found},
        queue,
        records::{self, Request, RequestAnswer},
        request::Method,
    },
};

use super::{ConversationStatus, scoring_status};

/// Carries changes out, all or none. `etag` is the one that the caller has seen; empty means any.
///
/// A new subject or status changes scores, so that a scoring is queued, as does a due date where a scorecard names what rests
/// on it; the rest does not. What changes nothing writes
/// nothing.
pub async fn update_conversation(
    services: &Services,
    name: &ConversationRef,
    etag: &str,
    changes: &[Change],
    request_id: Option<&RequestId>,
) -> Result<ConversationStatus, Error> {
    let content = || records::encode(&(name.to_string(), etag, changes)).to_vec();
    let once = Once::new(services, Method::UpdateConversation, request_id, content);
    for _ in 0..ATTEMPTS {
        let expired = match once.begin(services).await? {
            Begun::Answered(answer) => return answered(services, &answer).await,
            Begun::Fresh(expired) => expired,
        };
        let attempt = async {
            let found = super::find(services, name).await?;
            check_etag(&found.head.value.conversation, etag)?;
            attempt(services, found, changes, &once, expired).await
        };
        if let Some(Some(status)) = once.unless_done(services, attempt.await).await? {
            return Ok(status);
        }
    }
    Err(Error::ConcurrentChange { what: format!("conversations/{name}") })
}

/// One attempt; `None` when another write came first.
async fn attempt(
    services: &Services,
    found: Found,
    changes: &[Change],
    once: &Once<'_>,
    expired: Option<Stored<Request>>,
) -> Result<Option<ConversationStatus>, Error> {
    let now = services.clock.now();
    let before = found.head.value.conversation.clone();
    let mut changed = before.clone();
    // A number of its own tells which messages came before a change of the status.
    let is_status =
        |change: &Change| matches!(change, Change::Status(Some(status)) if before.handling.becomes(*status));
    let after_message = if changes.iter().any(is_status) { services.ids.take(1).await? } else { 0 };
    changes.iter().for_each(|change| change.clone().apply(&mut changed, now, MessageId(after_message)));
    changed.check_status_changes(&before, "status")?;
    let id = before.id;
    let mut batch = Batch::default();
    once.record(services, &mut batch, expired, RequestAnswer::UpdateConversation { conversation: id });
    if changed == before {
        conversation::expect_head(&mut batch, id, found.head.raw.clone());
        let is_written = batch.put.is_empty() || commit(services, batch).await?;
        return Ok(is_written.then(|| status(&found, before)));
    }
    changed.version += 1;
    changed.update_time = now;
    let moves_sla = changed.handling.due != before.handling.due && services.scorer().reads(&[OF_DUE_DATE]);
    let is_scored_again = changed.subject != before.subject
        || changed.handling.status != before.handling.status
        || changed.handling.status_changes.len() != before.handling.status_changes.len()
        || moves_sla;
    if before.is_unscored() && !is_scored_again {
        // Also for this version nothing has asked for a scoring.
        changed.unscored_version = Some(changed.version);
    }
    let mut listing = Update::begin_with(&*services.store, &found.head.value).await?;
    listing.follow(&changed, found.job.is_none() && !is_scored_again);
    listing.put(&mut batch);
    if is_scored_again {
        queue::put_next(&mut batch, id, changed.version, now, found.failure.as_ref());
    }
    let event = Event { conversation: id, time: now, kind: EventKind::ConversationUpdated };
    batch.log.push(records::encode(&event));
    let status = if is_scored_again {
        let scoring = super::ScoringStatus::Pending { failed_attempts: 0 };
        ConversationStatus { conversation: changed.clone(), scoring }
    } else {
        status(&found, changed.clone())
    };
    conversation::put_changed(&mut batch, found.head, changed);
    if !commit(services, batch).await? {
        return Ok(None);
    }
    if is_scored_again {
        services.queue_changed.notify_one();
    } else {
        announce_handling(services, &status.conversation).await;
    }
    Ok(Some(status))
}

fn status(found: &Found, conversation: Conversation) -> ConversationStatus {
    ConversationStatus { scoring: scoring_status(found), conversation }
}

/// Refuses a change that was decided on another version than the one that is stored.
pub(super) fn check_etag(conversation: &Conversation, etag: &str) -> Result<(), Error> {
    if etag.is_empty() || etag == conversation.version.to_string() {
        return Ok(());
    }
    Err(Error::EtagMismatch { name: format!("conversations/{}", conversation.id), sent: etag.to_owned() })
}

/// Whether the batch was written; false when another write came first.
pub(super) async fn commit(services: &Services, batch: Batch) -> Result<bool, Error> {
    match services.store.commit(batch).await {
        Ok(_) => Ok(true),
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The answer to a request that was carried out before: the conversation as it is now, deleted or not.
pub(super) async fn answered(
    services: &Services,
    answer: &RequestAnswer,
) -> Result<ConversationStatus, Error> {
    let (RequestAnswer::UpdateConversation { conversation: id }
    | RequestAnswer::DeleteConversation { conversation: id }
    | RequestAnswer::UndeleteConversation { conversation: id }) = answer
    else {
        return Err(foreign_answer());
    };
    found_with_deleted(services, *id).await.map(|found| {
        let conversation = found.head.value.conversation.clone();
        status(&found, conversation)
    })
}

/// A conversation, deleted or not.
pub(super) async fn found_with_deleted(services: &Services, id: ConversationId) -> Result<Found, Error> {
    let not_found = || Error::not_found(ResourceKind::Conversation, format!("conversations/{id}"));
    conversation::find_with_deleted(&*services.store, id).await?.ok_or_else(not_found)
}
