//! Deleting a conversation, and bringing it back until it is purged.

use crate::{
    domain::{ConversationId, ConversationRef, Event, EventKind, UnixMillis},
    error::Error,
    service::{Call, decide::Decide, idempotency::Mutation, listing::Update},
    store::{
        Decision, Reader as _, conversation, get_one, listing, queue,
        records::{self, Identity, RequestAnswer},
        request::Method,
    },
};

use super::{
    ConversationStatus, ScoringStatus, find_through, status_of,
    update::{as_it_is, check_version, find_with_deleted},
};

/// Deletes a conversation: only undeletion can find it, its scoring stops, and its external id is free. Its data stays until the
/// purge. `etag` as in an update.
pub async fn delete_conversation(
    call: Call<'_>,
    name: &ConversationRef,
    etag: &str,
) -> Result<ConversationStatus, Error> {
    call.carry_out(&Delete { call, name, etag }).await
}

struct Delete<'a> {
    call: Call<'a>,
    name: &'a ConversationRef,
    etag: &'a str,
}

impl Decide for Delete<'_> {
    type Answer = ConversationStatus;

    fn subject(&self) -> String {
        format!("conversations/{}", self.name)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<ConversationStatus, Error> {
        let found = find_through(&*decision, self.name).await?;
        check_version(&found.head.conversation, self.etag)?;
        let now = self.call.services.clock.now();
        let mut deleted = found.head.conversation.clone();
        let id = deleted.id;
        deleted.delete_time = Some(now);
        deleted.update_time = now;
        deleted.version += 1;
        if found.head.conversation.is_unscored() && found.job.is_none() {
            // If it is undeleted, its scoring is still off.
            deleted.unscored_version = Some(deleted.version);
        }
        conversation::delete_identity(decision, &deleted);
        queue::withdraw(decision, id).await?;
        listing::put_deletion(decision, now, id);
        let mut listing = Update::begin_with(decision, &found.head).await?;
        listing.follow(&deleted, true);
        listing.put(decision);
        conversation::put_changed(decision, found.head, deleted.clone());
        decision.log(&Event { conversation: id, time: now, kind: EventKind::ConversationDeleted });
        Ok(ConversationStatus { scoring: status_of(&deleted, None, None), conversation: deleted })
    }
}

impl Mutation for Delete<'_> {
    const METHOD: Method = Method::DeleteConversation;

    fn content(&self) -> Vec<u8> {
        records::encode(&(self.name.to_string(), self.etag)).to_vec()
    }

    fn record(&self, deleted: &ConversationStatus) -> RequestAnswer {
        RequestAnswer::DeleteConversation { conversation: deleted.conversation.id }
    }

    async fn replay(
        &self,
        record: RequestAnswer,
        _: UnixMillis,
    ) -> Result<Option<ConversationStatus>, Error> {
        let RequestAnswer::DeleteConversation { conversation } = record else { return Ok(None) };
        as_it_is(self.call, conversation).await.map(Some)
    }
}

/// Undeletes a conversation and queues the scoring that the deletion stopped, unless scoring was off. Refused while another
/// conversation has its external id.
pub async fn undelete_conversation(call: Call<'_>, id: ConversationId) -> Result<ConversationStatus, Error> {
    call.carry_out(&Undelete { call, id }).await
}

struct Undelete<'a> {
    call: Call<'a>,
    id: ConversationId,
}

impl Decide for Undelete<'_> {
    type Answer = ConversationStatus;

    fn subject(&self) -> String {
        format!("conversations/{}", self.id)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<ConversationStatus, Error> {
        let id = self.id;
        let found = find_with_deleted(&*decision, id).await?;
        let mut restored = found.head.conversation.clone();
        let Some(delete_time) = restored.delete_time.take() else {
            return Err(Error::NotDeleted { what: self.subject() });
        };
        let identity = decision.keys().identity(&restored.source, &restored.external_id);
        if let Some(taken) = get_one::<Identity>(&*decision, identity).await? {
            return Err(Error::IdentityTaken { what: self.subject(), by: taken.conversation });
        }
        let now = self.call.services.clock.now();
        let is_scored = !restored.is_unscored();
        restored.update_time = now;
        restored.version += 1;
        conversation::put_identity(decision, &restored);
        let scoring = if is_scored {
            queue::put_next(decision, id, restored.version, now).await?;
            ScoringStatus::Pending { failed_attempts: 0 }
        } else {
            restored.unscored_version = Some(restored.version);
            ScoringStatus::Off
        };
        listing::end_deletion(decision, delete_time, id);
        let mut listing = Update::begin_with(decision, &found.head).await?;
        listing.follow(&restored, !is_scored);
        listing.put(decision);
        conversation::put_changed(decision, found.head, restored.clone());
        decision.log(&Event { conversation: id, time: now, kind: EventKind::ConversationUndeleted });
        Ok(ConversationStatus { conversation: restored, scoring })
    }
}

impl Mutation for Undelete<'_> {
    const METHOD: Method = Method::UndeleteConversation;

    fn content(&self) -> Vec<u8> {
        self.id.0.to_be_bytes().to_vec()
    }

    fn record(&self, restored: &ConversationStatus) -> RequestAnswer {
        RequestAnswer::UndeleteConversation { conversation: restored.conversation.id }
    }

    async fn replay(
        &self,
        record: RequestAnswer,
        _: UnixMillis,
    ) -> Result<Option<ConversationStatus>, Error> {
        let RequestAnswer::UndeleteConversation { conversation } = record else { return Ok(None) };
        as_it_is(self.call, conversation).await.map(Some)
    }
}
