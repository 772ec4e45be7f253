//! Bringing conversations in, and telling what became of them.

mod append;
mod parts;

use crate::{
    domain::{
        Conversation, ConversationId, Event, EventKind, ImportOutcome, MessageId, NewConversation, RatingId,
        Receipt, RequestId, Violations,
    },
    error::{Error, ResourceKind},
    store::{
        Batch, Expect, StoreError, Stored, conversation, get_one, keys, queue,
        records::{self, Identity, Request, RequestAnswer},
        request::Method,
    },
};

use super::{
    ATTEMPTS, Services,
    conversation::{ScoringStatus, scoring_status},
    listing,
    once::{Begun, Once, foreign_answer},
};

/// What to do with a conversation that is stored already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    #[default]
    Reject,
    ReturnExisting,
    /// Append the messages whose external id is not stored yet.
    Append,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub receipt: Receipt,
    pub conversation: ConversationId,
    pub outcome: ImportOutcome,
    /// How many messages this call stored.
    pub stored_messages: u32,
}

/// What became of an import.
#[derive(Clone, Debug)]
pub struct ImportStatus {
    pub receipt: Receipt,
    pub conversation: Conversation,
    pub scoring: ScoringStatus,
}

/// Stores a conversation and queues its scoring, in one batch.
///
/// The usual import reads nothing but the record of its request, if it has an id: that the identity is free is an
/// expectation of its batch.
pub async fn import_conversation(
    services: &Services,
    new: &NewConversation,
    on_conflict: ConflictPolicy,
    request_id: Option<&RequestId>,
) -> Result<Imported, Error> {
    let content = || records::encode(&(new, on_conflict as u8)).to_vec();
    let once = Once::new(services, Method::ImportConversation, request_id, content);
    // A part of a conversation is not to begin one.
    let mut is_stored = new.append_after.is_some();
    for _ in 0..ATTEMPTS {
        // Looked up again after every conflict: the conflict may be this very request, sent twice.
        let expired = match once.begin(services).await? {
            Begun::Answered(answer) => return repeated(services, answer),
            Begun::Fresh(expired) => expired,
        };
        let done = if is_stored {
            meet_existing(services, new, on_conflict, &once, expired).await?
        } else {
            create(services, new, &once, expired).await?
        };
        match done {
            Some(imported) => return Ok(imported),
            None => is_stored = true,
        }
    }
    Err(Error::ConcurrentChange { what: format!("conversations/{}:{}", new.source, new.external_id) })
}

/// What became of the import with this receipt.
pub async fn get_import(services: &Services, receipt: &Receipt) -> Result<ImportStatus, Error> {
    let not_found = || Error::not_found(ResourceKind::Import, format!("imports/{receipt}"));
    let id = services.secrets.conversation_of(receipt).ok_or_else(not_found)?;
    let found = conversation::find(&*services.store, id).await?.ok_or_else(not_found)?;
    Ok(ImportStatus {
        receipt: receipt.clone(),
        scoring: scoring_status(&found),
        conversation: found.head.value.conversation,
    })
}

/// Stores a new conversation; `None` when another write came first.
async fn create(
    services: &Services,
    new: &NewConversation,
    once: &Once<'_>,
    expired: Option<Stored<Request>>,
) -> Result<Option<Imported>, Error> {
    let count = new.messages.len() as u32;
    let in_messages = parts::numbers_of(&new.messages);
    let numbers = 1 + in_messages + new.ratings.len() as u64;
    let (taken, now) = services.ids.take_for_conversation(numbers, || services.clock.now()).await?;
    let first = taken.number;
    let id = ConversationId(first);
    let mut conversation = Conversation {
        subject: new.subject.clone(),
        message_count: count,
        ..Conversation::new(id, new.source.clone(), new.external_id.clone(), now)
    };
    let mut batch = Batch::default();
    let messages = parts::number(&mut batch, id, new.messages.iter(), MessageId(first + 1));
    if let Some(handling) = &new.handling {
        conversation.handling = handling.begin(MessageId(first), &messages);
    }
    parts::guess_channel(&mut conversation, new.messages.iter());
    parts::put_tracked(services, &mut batch, id, new.messages.iter().zip(&messages)).await?;
    let ratings = new.ratings.iter();
    let first_rating = RatingId(first + 1 + in_messages);
    if parts::put_ratings(&mut batch, &conversation, ratings, first_rating, now) {
        listing::put_rated(services, &mut batch, id).await?;
    }
    conversation::put_new(&mut batch, conversation, messages);
    queue::put_first(&mut batch, id, 1, now);
    let event = Event { conversation: id, time: now, kind: EventKind::ConversationImported };
    batch.log.insert(0, records::encode(&event));
    let answer = answer_of(id, ImportOutcome::Created, count);
    once.record(services, &mut batch, expired, answer.clone());
    match services.commit_new(batch, taken).await {
        Ok(_) => {}
        Err(StoreError::Conflict { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    services.queue_changed.notify_one();
    repeated(services, answer).map(Some)
}

fn answer_of(conversation: ConversationId, outcome: ImportOutcome, stored_messages: u32) -> RequestAnswer {
    RequestAnswer::ImportConversation { conversation, outcome, stored_messages }
}

/// Does what the policy says with a conversation that is there; `None` when another write came first.
async fn meet_existing(
    services: &Services,
    new: &NewConversation,
    on_conflict: ConflictPolicy,
    once: &Once<'_>,
    expired: Option<Stored<Request>>,
) -> Result<Option<Imported>, Error> {
    let identity_key = keys::identity(&new.source, &new.external_id);
    let Some(identity) = get_one::<Identity>(&*services.store, identity_key.clone()).await? else {
        if new.append_after.is_some() {
            let rule = "must name the last message of a conversation that is stored; this one is not";
            return Err(Violations::one("append_after", rule).into());
        }
        return create(services, new, once, expired).await;
    };
    let id = identity.value.conversation;
    match on_conflict {
        ConflictPolicy::Reject => Err(Error::AlreadyImported {
            source_name: new.source.clone(),
            external_id: new.external_id.clone(),
            conversation: id,
            receipt: services.secrets.receipt(id),
        }),
        ConflictPolicy::ReturnExisting => {
            let batch = Batch { expect: vec![(identity_key, Expect::Is(identity.raw))], ..Batch::default() };
            commit(services, batch, once, expired, id, ImportOutcome::Existing, 0).await
        }
        ConflictPolicy::Append => {
            // One at a time, or of many that append to one conversation all but one would have to begin again.
            let _turn = services.append_turns.take(id).await;
            append::run(services, new, once, expired, id).await
        }
    }
}

/// Commits what was decided, with the record of the request; `None` when another write came first.
async fn commit(
    services: &Services,
    mut batch: Batch,
    once: &Once<'_>,
    expired: Option<Stored<Request>>,
    conversation: ConversationId,
    outcome: ImportOutcome,
    stored_messages: u32,
) -> Result<Option<Imported>, Error> {
    let is_new = outcome != ImportOutcome::Existing;
    let answer = answer_of(conversation, outcome, stored_messages);
    once.record(services, &mut batch, expired, answer.clone());
    if !batch.put.is_empty() {
        match services.store.commit(batch).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    if is_new {
        services.queue_changed.notify_one();
    }
    repeated(services, answer).map(Some)
}

fn repeated(services: &Services, answer: RequestAnswer) -> Result<Imported, Error> {
    let RequestAnswer::ImportConversation { conversation, outcome, stored_messages } = answer else {
        return Err(foreign_answer());
    };
    let receipt = services.secrets.receipt(conversation);
    Ok(Imported { receipt, conversation, outcome, stored_messages })
}
