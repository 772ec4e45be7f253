//! Deleting a conversation, and bringing it back until it is purged.

use crate::{
    domain::{ConversationId, ConversationRef, Event, EventKind, RequestId},
    error::Error,
    service::{
        ATTEMPTS, Services,
        listing::Update,
        once::{Begun, Once},
    },
    store::{
        Batch, Stored, conversation,
        conversation::Found,
        get_one, keys, listing, queue,
        records::{self, Identity, Request, RequestAnswer},
        request::Method,
    },
};

use super::{
    ConversationStatus, ScoringStatus,
    update::{answered, check_etag, commit, found_with_deleted},
};

/// Deletes a conversation: from here on only its undeletion finds it, its scoring has stopped, and its identity is free.
/// What belongs to it stays where it is until the purge. `etag` as in an update.
pub async fn delete_conversation(
    services: &Services,
    name: &ConversationRef,
    etag: &str,
    request_id: Option<&RequestId>,
) -> Result<ConversationStatus, Error> {
    let content = || records::encode(&(name.to_string(), etag)).to_vec();
    let once = Once::new(services, Method::DeleteConversation, request_id, content);
    for _ in 0..ATTEMPTS {
        let expired = match once.begin(services).await? {
            Begun::Answered(answer) => return answered(services, &answer).await,
            Begun::Fresh(expired) => expired,
        };
        let attempt = async {
            let found = super::find(services, name).await?;
            check_etag(&found.head.value.conversation, etag)?;
            delete(services, found, &once, expired).await
        };
        if let Some(Some(status)) = once.unless_done(services, attempt.await).await? {
            return Ok(status);
        }
    }
    Err(Error::ConcurrentChange { what: format!("conversations/{name}") })
}

/// One attempt; `None` when another write came first.
async fn delete(
    services: &Services,
    found: Found,
    once: &Once<'_>,
    expired: Option<Stored<Request>>,
) -> Result<Option<ConversationStatus>, Error> {
    let now = services.clock.now();
    let mut deleted = found.head.value.conversation.clone();
    let id = deleted.id;
    deleted.delete_time = Some(now);
    deleted.update_time = now;
    deleted.version += 1;
    if found.head.value.conversation.is_unscored() && found.job.is_none() {
        // Brought back it is what it was: nothing has asked for a scoring.
        deleted.unscored_version = Some(deleted.version);
    }
    let mut batch = Batch::default();
    once.record(services, &mut batch, expired, RequestAnswer::DeleteConversation { conversation: id });
    conversation::delete_identity(&mut batch, &deleted);
    queue::withdraw(&mut batch, id, found.job.as_ref(), found.failure.as_ref());
    listing::put_deletion(&mut batch, now, id);
    let mut listing = Update::begin_with(&*services.store, &found.head.value).await?;
    listing.follow(&deleted, true);
    listing.put(&mut batch);
    conversation::put_changed(&mut batch, found.head, deleted.clone());
    let event = Event { conversation: id, time: now, kind: EventKind::ConversationDeleted };
    batch.log.push(records::encode(&event));
    let status = ConversationStatus { conversation: deleted, scoring: ScoringStatus::Done };
    Ok(commit(services, batch).await?.then_some(status))
}

/// Brings a deleted conversation back and queues its scoring, which the deletion stopped, unless none was wanted. Refused while
/// another conversation has its identity.
pub async fn undelete_conversation(
    services: &Services,
    id: ConversationId,
    request_id: Option<&RequestId>,
) -> Result<ConversationStatus, Error> {
    let once = Once::new(services, Method::UndeleteConversation, request_id, || id.0.to_be_bytes().to_vec());
    for _ in 0..ATTEMPTS {
        let expired = match once.begin(services).await? {
            Begun::Answered(answer) => return answered(services, &answer).await,
            Begun::Fresh(expired) => expired,
        };
        let attempt = async {
            let found = found_with_deleted(services, id).await?;
            undelete(services, found, &once, expired).await
        };
        if let Some(Some(status)) = once.unless_done(services, attempt.await).await? {
            return Ok(status);
        }
    }
    Err(Error::ConcurrentChange { what: format!("conversations/{id}") })
}

/// One attempt; `None` when another write came first.
async fn undelete(
    services: &Services,
    found: Found,
    once: &Once<'_>,
    expired: Option<Stored<Request>>,
) -> Result<Option<ConversationStatus>, Error> {
    let mut restored = found.head.value.conversation.clone();
    let id = restored.id;
    let what = || format!("conversations/{id}");
    let Some(delete_time) = restored.delete_time.take() else {
        return Err(Error::NotDeleted { what: what() });
    };
    let identity = keys::identity(&restored.source, &restored.external_id);
    if let Some(taken) = get_one::<Identity>(&*services.store, identity).await? {
        return Err(Error::IdentityTaken { what: what(), by: taken.value.conversation });
    }
    let now = services.clock.now();
    let is_scored = !restored.is_unscored();
    restored.update_time = now;
    restored.version += 1;
    let mut batch = Batch::default();
    once.record(services, &mut batch, expired, RequestAnswer::UndeleteConversation { conversation: id });
    conversation::put_identity(&mut batch, &restored);
    if is_scored {
        queue::put_next(&mut batch, id, restored.version, now, found.failure.as_ref());
    } else {
        restored.unscored_version = Some(restored.version);
    }
    listing::end_deletion(&mut batch, delete_time, id);
    let mut listing = Update::begin_with(&*services.store, &found.head.value).await?;
    listing.follow(&restored, !is_scored);
    listing.put(&mut batch);
    conversation::put_changed(&mut batch, found.head, restored.clone());
    let event = Event { conversation: id, time: now, kind: EventKind::ConversationUndeleted };
    batch.log.push(records::encode(&event));
    if !commit(services, batch).await? {
        return Ok(None);
    }
    services.queue_changed.notify_one();
    let scoring = if is_scored { ScoringStatus::Pending { failed_attempts: 0 } } else { ScoringStatus::Off };
    Ok(Some(ConversationStatus { conversation: restored, scoring }))
}
