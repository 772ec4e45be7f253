//! Importing conversations, and the status of an import.

mod append;
mod parts;

use crate::{
    domain::{
        Conversation, ConversationId, Event, EventKind, ImportOutcome, MessageId, NewConversation, RatingId,
        Receipt, UnixMillis, Violations, append::Differences,
    },
    error::{Error, ResourceKind},
    scoring::written,
    store::{
        Decision, Reader as _, conversation, get_one, queue,
        records::{self, Identity, RequestAnswer},
        request::Method,
    },
};

use super::{
    Call,
    conversation::{ScoringStatus, scoring_status},
    decide::Decide,
    directory::announce_handling,
    idempotency::Mutation,
    listing,
};

/// What to do with a conversation that is stored already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    #[default]
    Reject,
    ReturnExisting,
    /// Append the messages and ratings that are not stored yet, and take what is newer of the others.
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
    /// What an append says otherwise and did not take.
    pub differences: Differences,
    /// The conversation, if no scoring will enter those whom it names into the directory.
    unscored: Option<Box<Conversation>>,
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
/// The common case reads nothing but the request record, if there is an id: the batch expects the identity to be free.
pub async fn import_conversation(
    call: Call<'_>,
    new: &NewConversation,
    on_conflict: ConflictPolicy,
) -> Result<Imported, Error> {
    let mut imported = call.carry_out(&Import { call, new, on_conflict }).await?;
    if let Some(conversation) = imported.unscored.take() {
        announce_handling(call, &conversation).await;
    }
    Ok(imported)
}

/// What became of the import with this receipt.
pub async fn get_import(call: Call<'_>, receipt: &Receipt) -> Result<ImportStatus, Error> {
    let not_found = || Error::not_found(ResourceKind::Import, format!("imports/{receipt}"));
    let id = call.services.secrets.conversation_of(receipt).ok_or_else(not_found)?;
    let found = conversation::find(&call.space(), id).await?.ok_or_else(not_found)?;
    Ok(ImportStatus {
        receipt: receipt.clone(),
        scoring: scoring_status(&found),
        conversation: found.head.conversation,
    })
}

struct Import<'a> {
    call: Call<'a>,
    new: &'a NewConversation,
    on_conflict: ConflictPolicy,
}

impl Decide for Import<'_> {
    type Answer = Imported;

    fn subject(&self) -> String {
        format!("conversations/{}:{}", self.new.source, self.new.external_id)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Imported, Error> {
        let creatable = parts::check_ratings(self.new.ratings.iter().enumerate(), self.call.services.now());
        // A later part of a conversation must not start a new one.
        if self.new.append_after.is_none() && !decision.is_retry() && creatable.is_ok() {
            return self.create(decision).await;
        }
        let identity = decision.keys().identity(&self.new.source, &self.new.external_id);
        match get_one::<Identity>(&*decision, identity).await? {
            Some(identity) => self.meet_existing(decision, identity.conversation).await,
            None if self.new.append_after.is_some() => {
                let rule = "must name the last message of a conversation that is stored; this one is not";
                Err(Violations::one("append_after", rule).into())
            }
            None => {
                creatable?;
                self.create(decision).await
            }
        }
    }
}

impl Mutation for Import<'_> {
    const METHOD: Method = Method::ImportConversation;

    fn content(&self) -> Vec<u8> {
        records::encode(&(self.new, self.on_conflict as u8)).to_vec()
    }

    fn record(&self, imported: &Imported) -> RequestAnswer {
        let Imported { conversation, outcome, stored_messages, .. } = *imported;
        RequestAnswer::ImportConversation { conversation, outcome, stored_messages }
    }

    async fn replay(&self, record: RequestAnswer, _: UnixMillis) -> Result<Option<Imported>, Error> {
        let RequestAnswer::ImportConversation { conversation, outcome, stored_messages } = record else {
            return Ok(None);
        };
        let imported = self.imported(conversation, outcome, stored_messages);
        if self.on_conflict != ConflictPolicy::Append || outcome == ImportOutcome::Created {
            return Ok(Some(imported));
        }
        Ok(Some(Imported { differences: self.differences_now(conversation).await, ..imported }))
    }
}

impl Import<'_> {
    fn imported(
        &self,
        conversation: ConversationId,
        outcome: ImportOutcome,
        stored_messages: u32,
    ) -> Imported {
        let receipt = self.call.services.secrets.receipt(conversation);
        let differences = Differences::default();
        Imported { receipt, conversation, outcome, stored_messages, differences, unscored: None }
    }

    /// How the import differs from what is stored now: the record of a request holds no content. Nothing is committed, and of a
    /// conversation to which it can no longer be appended nothing is known.
    async fn differences_now(&self, conversation: ConversationId) -> Differences {
        let mut decision = Decision::new(self.call.space());
        let appended = append::run(self.call, self.new, &mut decision, conversation).await;
        appended.map(|appended| appended.differences).unwrap_or_default()
    }

    /// Stores a new conversation.
    async fn create(&self, decision: &mut Decision<'_>) -> Result<Imported, Error> {
        let (services, new) = (self.call.services, self.new);
        let count = new.messages.len() as u32;
        let in_messages = parts::numbers_of(&new.messages);
        let numbers = 1 + in_messages + new.ratings.len() as u64;
        let (taken, now) = services.ids.take_for_conversation(numbers, || services.clock.now()).await?;
        let first = taken.number;
        decision.creates(taken);
        let id = ConversationId(first);
        let mut conversation = Conversation {
            subject: new.subject.clone(),
            language: new.language.clone(),
            message_count: count,
            told_time: new.told_time(now.horizon()),
            ..Conversation::new(id, new.source.clone(), new.external_id.clone(), now)
        };
        let messages = parts::number(decision, id, new.messages.iter(), MessageId(first + 1));
        conversation.hold(&messages);
        if let Some(handling) = &new.handling {
            conversation.handling = handling.begin(MessageId(first), &messages, written::is_automatic);
        }
        parts::guess_channel(&mut conversation, new.messages.iter());
        let tracked = parts::tracked(self.call, id, new.messages.iter().zip(&messages));
        parts::put_tracked(decision, tracked);
        decision.log(&Event { conversation: id, time: now, kind: EventKind::ConversationImported });
        let first_rating = RatingId(first + 1 + in_messages);
        if parts::put_ratings(decision, &conversation, new.ratings.iter(), first_rating, now) {
            // The id is fresh, so there is nothing to read.
            decision.expect(decision.keys().listing(id), None);
            listing::put_rated(decision, id).await?;
        }
        conversation::put_new(decision, conversation, messages);
        queue::put_first(decision, id, 1, now);
        Ok(self.imported(id, ImportOutcome::Created, count))
    }

    /// Applies the conflict policy to a conversation that is already stored.
    async fn meet_existing(
        &self,
        decision: &mut Decision<'_>,
        id: ConversationId,
    ) -> Result<Imported, Error> {
        match self.on_conflict {
            ConflictPolicy::Reject => Err(Error::AlreadyImported {
                source_name: self.new.source.to_string(),
                external_id: self.new.external_id.to_string(),
                conversation: id,
                receipt: self.call.services.secrets.receipt(id),
            }),
            ConflictPolicy::ReturnExisting => Ok(self.imported(id, ImportOutcome::Existing, 0)),
            ConflictPolicy::Append => {
                // One at a time: concurrent appends to one conversation would all conflict but one.
                decision.hold(self.call.services.append_locks.lock(id).await);
                let appended = append::run(self.call, self.new, decision, id).await?;
                let append::Appended { outcome, stored_messages, differences, unscored } = appended;
                Ok(Imported { differences, unscored, ..self.imported(id, outcome, stored_messages) })
            }
        }
    }
}
