//! Bringing conversations in, and telling what became of them.

use std::collections::HashSet;

use crate::{
    domain::{
        Conversation, ConversationId, Event, EventKind, ImportLimits, ImportOutcome, Message, MessageId,
        NewConversation, NewMessage, Receipt, RequestId, Violations,
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
    let mut is_stored = false;
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
    let taken = services.ids.take_for_conversation(1 + u64::from(count), || services.clock.now()).await?;
    let (taken, now) = taken;
    let first = taken.number;
    let id = ConversationId(first);
    let conversation = Conversation {
        subject: new.subject.clone(),
        message_count: count,
        ..Conversation::new(id, new.source.clone(), new.external_id.clone(), now)
    };
    let mut batch = Batch::default();
    conversation::put_new(&mut batch, conversation, numbered(new.messages.iter(), MessageId(first + 1)));
    queue::put_first(&mut batch, id, 1, now);
    let event = Event { conversation: id, time: now, kind: EventKind::ConversationImported };
    batch.log.push(records::encode(&event));
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
            append(services, new, once, expired, id).await
        }
    }
}

/// Appends the messages whose external id is not stored yet; `None` when another write came first.
async fn append(
    services: &Services,
    new: &NewConversation,
    once: &Once<'_>,
    expired: Option<Stored<Request>>,
    id: ConversationId,
) -> Result<Option<Imported>, Error> {
    let Some(found) = conversation::find(&*services.store, id).await? else { return Ok(None) };
    let stored = conversation::transcript(&*services.store, found.head.value.clone()).await?;
    // A message that was stored singly is known by the id under which the source tracks it.
    let tracked =
        |message: &'_ Message| message.details.as_ref().and_then(|details| details.tracking_id.clone());
    let ids =
        stored.messages.iter().flat_map(|message| [Some(message.external_id.clone()), tracked(message)]);
    let known: HashSet<String> = ids.flatten().collect();
    let unseen = || new.messages.iter().filter(|message| !known.contains(message.external_id.as_str()));
    let count = unseen().count() as u32;
    if count == 0 {
        let mut batch = Batch::default();
        conversation::expect_head(&mut batch, id, found.head.raw);
        return commit(services, batch, once, expired, id, ImportOutcome::Existing, 0).await;
    }
    let total = stored.messages.len() + count as usize;
    if total > ImportLimits::CONVERSATION_MESSAGES {
        let most = ImportLimits::CONVERSATION_MESSAGES;
        let rule = format!("must leave the conversation with at most {most} messages, it would have {total}");
        return Err(Violations::one("messages", rule).into());
    }
    let now = services.clock.now();
    let first = MessageId(services.ids.take(u64::from(count)).await?);
    let appended = numbered(unseen(), first);
    let before = stored.conversation;
    let mut changed = before.clone();
    changed.version += 1;
    changed.message_count = changed.message_count.saturating_add(count);
    changed.update_time = now;
    let mut batch = Batch::default();
    queue::put_next(&mut batch, id, changed.version, now, found.failure.as_ref());
    listing::put_appended(services, &mut batch, &before, &changed, &appended).await?;
    conversation::put_appended(&mut batch, found.head, changed, appended);
    let event = Event { conversation: id, time: now, kind: EventKind::MessagesAppended { first, count } };
    batch.log.push(records::encode(&event));
    commit(services, batch, once, expired, id, ImportOutcome::Appended, count).await
}

fn numbered<'a>(messages: impl Iterator<Item = &'a NewMessage>, first: MessageId) -> Vec<Message> {
    let numbered = messages.zip(first.0..).map(|(message, id)| Message {
        id: MessageId(id),
        external_id: message.external_id.clone(),
        kind: message.kind,
        content: message.content.clone(),
        author: message.author.clone(),
        create_time: message.create_time,
        ai_tool: message.ai_tool.clone(),
        details: None,
        update_time: None,
    });
    numbered.collect()
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
    let answer = answer_of(conversation, outcome, stored_messages);
    once.record(services, &mut batch, expired, answer.clone());
    if !batch.put.is_empty() {
        match services.store.commit(batch).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    if stored_messages > 0 {
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
