//! Storing one message, and reading it back.

mod attachment;
mod change;
mod repeat;

use std::time::Duration;

use crate::{
    domain::{
        AttachmentId, Conversation, ConversationId, ConversationRef, Event, EventKind, ImportLimits, Message,
        MessageId, NewStoredMessage, RequestId, StoreLimits, UnixMillis, Violations,
    },
    error::{Error, ResourceKind},
    store::{
        Batch, Key, StoreError, Stored, conversation, get_one,
        ids::Taken,
        keys, message, queue,
        records::{self, Identity, Request, RequestAnswer},
        request::Method,
    },
};

use super::{
    ATTEMPTS, Services,
    conversation::{ScoringStatus, scoring_status},
    directory::{announce, announce_handling},
    listing,
    once::{Begun, Once, foreign_answer},
    scoring::score_now,
};

pub use attachment::get_attachment;
pub(super) use attachment::put_attachment;
pub use change::{Target, delete_message, update_message};
pub(super) use repeat::key_of_imported;

/// When a stored message is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Soon after the answer.
    Batch,
    /// Before the answer, if that takes no longer than this.
    Realtime { within: Duration },
    /// Not for this message's sake.
    Off,
}

/// A message as it is stored, in its conversation.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    pub conversation: Conversation,
    pub scoring: ScoringStatus,
    pub message: Message,
}

/// Stores one message. A conversation that is named by source and external id is created when there is none.
///
/// The same tracking id with the same content again answers what is stored.
pub async fn store_message(
    services: &Services,
    parent: &ConversationRef,
    new: &NewStoredMessage,
    process: Process,
    request_id: Option<&RequestId>,
) -> Result<StoredMessage, Error> {
    let process_number = match process {
        Process::Batch => 0_u8,
        Process::Realtime { .. } => 1,
        Process::Off => 2,
    };
    let content = || records::encode(&(parent.to_string(), new, process_number)).to_vec();
    let once = Once::new(services, Method::StoreMessage, request_id, content);
    // However the call ends, also when its caller goes away: what it leaves in the queue is seen to.
    let _wake = WakeWorker(services);
    let stored = Store { services, parent, new, process, once }.run().await?;
    match process {
        Process::Realtime { within } => score_in_time(services, stored, within).await,
        Process::Batch => Ok(stored),
        Process::Off => {
            // No scoring will meet them.
            announce(services, &stored.conversation, std::iter::once(&stored.message.author)).await;
            announce_handling(services, &stored.conversation).await;
            Ok(stored)
        }
    }
}

impl Services {
    /// Stands for a message as it is: it changes with every change of it.
    pub fn message_etag(&self, message: &Message) -> String {
        let fingerprint = self.secrets.fingerprint(&records::encode(message));
        fingerprint.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Waits for the scoring of what was stored. Whatever becomes of it, the message is stored and its job waits.
async fn score_in_time(
    services: &Services,
    stored: StoredMessage,
    within: Duration,
) -> Result<StoredMessage, Error> {
    let id = stored.conversation.id;
    let scored = tokio::time::timeout(within, score_now(services, id)).await;
    if !matches!(scored, Ok(Ok(()))) {
        return Ok(StoredMessage { scoring: ScoringStatus::Pending { failed_attempts: 0 }, ..stored });
    }
    let found = conversation::find(&*services.store, id).await?;
    Ok(StoredMessage { scoring: found.as_ref().map_or(stored.scoring, scoring_status), ..stored })
}

/// Wakes the worker when it is dropped.
struct WakeWorker<'a>(&'a Services);

impl Drop for WakeWorker<'_> {
    fn drop(&mut self) {
        self.0.queue_changed.notify_one();
    }
}

/// One call that stores a message.
struct Store<'a> {
    services: &'a Services,
    parent: &'a ConversationRef,
    new: &'a NewStoredMessage,
    process: Process,
    once: Once<'a>,
}

/// The numbers that a message takes: its own, its event's, those of its attachments.
struct Numbers {
    message: MessageId,
    first_attachment: AttachmentId,
}

impl Store<'_> {
    async fn run(&self) -> Result<StoredMessage, Error> {
        for _ in 0..ATTEMPTS {
            // Looked up again after every conflict: the conflict may be this very request, sent twice.
            let expired = match self.once.begin_at(self.services).await? {
                (Begun::Answered(RequestAnswer::StoreMessage { conversation, message }), time) => {
                    return self.answer_again(conversation, message, time).await;
                }
                (Begun::Answered(_), _) => return Err(foreign_answer()),
                (Begun::Fresh(expired), _) => expired,
            };
            let stored = match self.find_parent().await? {
                Parent::Stored(id) => {
                    // One at a time, or of many that store into one conversation all but one would have to begin again.
                    let _turn = self.services.append_turns.take(id).await;
                    self.append(id, expired).await?
                }
                Parent::New { source, external_id } => self.create(source, external_id, expired).await?,
            };
            if let Some(stored) = stored {
                return Ok(stored);
            }
        }
        Err(Error::ConcurrentChange { what: format!("conversations/{}", self.parent) })
    }

    async fn find_parent(&self) -> Result<Parent<'_>, Error> {
        match self.parent {
            ConversationRef::Id(id) => Ok(Parent::Stored(*id)),
            ConversationRef::External { source, external_id } => {
                let identity = keys::identity(source, external_id);
                let identity = get_one::<Identity>(&*self.services.store, identity).await?;
                Ok(match identity {
                    Some(identity) => Parent::Stored(identity.value.conversation),
                    None => Parent::New { source, external_id },
                })
            }
        }
    }

    /// Stores it as the first of a new conversation; `None` when another write came first.
    async fn create(
        &self,
        source: &str,
        external_id: &str,
        expired: Option<Stored<Request>>,
    ) -> Result<Option<StoredMessage>, Error> {
        let (ids, clock) = (&self.services.ids, &self.services.clock);
        let (taken, now) = ids.take_for_conversation(1 + self.numbers_taken(), || clock.now()).await?;
        let id = ConversationId(taken.number);
        let mut batch = Batch::default();
        let message = self.put_message(&mut batch, id, numbers_from(id.0 + 1), now);
        let mut conversation = Conversation::new(id, source.to_owned(), external_id.to_owned(), now);
        self.change(&mut conversation, &message);
        if self.process == Process::Off {
            conversation.unscored_version = Some(conversation.version);
            listing::put(self.services, &mut batch, &conversation, std::slice::from_ref(&message)).await?;
        } else {
            queue::put_first(&mut batch, id, conversation.version, now);
        }
        if let Some(tracked) = self.tracked_key(id) {
            message::put_tracked(&mut batch, tracked, message.id);
        }
        conversation::put_new(&mut batch, conversation.clone(), vec![message.clone()]);
        let scoring = match self.process {
            Process::Off => ScoringStatus::Off,
            Process::Batch | Process::Realtime { .. } => ScoringStatus::Pending { failed_attempts: 0 },
        };
        self.commit(batch, expired, StoredMessage { conversation, scoring, message }, Some(taken)).await
    }

    /// Stores it in a conversation that is there; `None` when another write came first.
    async fn append(
        &self,
        id: ConversationId,
        expired: Option<Stored<Request>>,
    ) -> Result<Option<StoredMessage>, Error> {
        let store = &*self.services.store;
        let not_found =
            || Error::not_found(ResourceKind::Conversation, format!("conversations/{}", self.parent));
        let found = conversation::find(store, id).await?.ok_or_else(not_found)?;
        if found.head.value.conversation.delete_time.is_some() {
            return Err(not_found());
        }
        let tracked = self.tracked_key(id);
        if let Some(key) = &tracked
            && let Some(known) = repeat::find(self.services, &found, key, self.new).await?
        {
            return self.answer_known(id, known, expired).await;
        }
        let mut changed = found.head.value.conversation.clone();
        if changed.message_count as usize >= ImportLimits::CONVERSATION_MESSAGES {
            let most = ImportLimits::CONVERSATION_MESSAGES;
            let rule = format!("must name a conversation with fewer than {most} messages, it has {most}");
            return Err(Violations::one("parent", rule).into());
        }
        let now = self.services.clock.now();
        let numbers = numbers_from(self.services.ids.take(self.numbers_taken()).await?);
        let mut batch = Batch::default();
        let message = self.put_message(&mut batch, id, numbers, now);
        changed.version += 1;
        changed.update_time = now;
        self.change(&mut changed, &message);
        let (before, new_messages) = (&found.head.value.conversation, std::slice::from_ref(&message));
        changed.check_status_changes(before, "status")?;
        check_tags(&changed)?;
        let mut scoring = ScoringStatus::Pending { failed_attempts: 0 };
        if self.process == Process::Off {
            // A job that waits scores whatever is there when its turn comes.
            queue::expect_job(&mut batch, id, found.job.as_ref());
            if found.job.is_none() {
                changed.unscored_version = Some(changed.version);
                scoring = ScoringStatus::Off;
                listing::put(self.services, &mut batch, &changed, new_messages).await?;
            } else {
                listing::put_appended(self.services, &mut batch, before, &changed, new_messages, false)
                    .await?;
            }
        } else {
            listing::put_appended(self.services, &mut batch, before, &changed, new_messages, false).await?;
            queue::put_next(&mut batch, id, changed.version, now, found.failure.as_ref());
        }
        if let Some(tracked) = tracked {
            message::put_tracked(&mut batch, tracked, message.id);
        }
        conversation::put_appended(&mut batch, found.head, changed.clone(), vec![message.clone()]);
        self.commit(batch, expired, StoredMessage { conversation: changed, scoring, message }, None).await
    }

    /// Answers a request that was carried out before: the message as the request made it, whatever became of it since, in its
    /// conversation as it is now. The request says again what was stored, so that its record holds none of it.
    async fn answer_again(
        &self,
        conversation: ConversationId,
        message: MessageId,
        time: UnixMillis,
    ) -> Result<StoredMessage, Error> {
        let store = &*self.services.store;
        let mut batch = Batch::default();
        let mut again = self.put_message(&mut batch, conversation, numbers_from(message.0), time);
        let Some(found) = conversation::find_with_deleted(store, conversation).await? else {
            let (source, external_id) = match self.parent {
                ConversationRef::External { source, external_id } => (source.clone(), external_id.clone()),
                ConversationRef::Id(_) => Default::default(),
            };
            // Nothing more is known of one that was purged.
            let purged = Conversation::new(conversation, source, external_id, time);
            return Ok(StoredMessage { conversation: purged, scoring: ScoringStatus::Done, message: again });
        };
        // Which moment `now` was, where the request says none; one stored under a tracking id may be older than its record.
        if self.new.create_time.is_none()
            && let Some((stored, _)) = message::find(store, &found.head.value, message).await?
            && stored.update_time.is_none()
        {
            again.create_time = stored.create_time;
        }
        let scoring = scoring_status(&found);
        Ok(StoredMessage { conversation: found.head.value.conversation, scoring, message: again })
    }

    /// Answers a message that was stored under the same tracking id with the same content.
    async fn answer_known(
        &self,
        conversation: ConversationId,
        message: MessageId,
        expired: Option<Stored<Request>>,
    ) -> Result<Option<StoredMessage>, Error> {
        let stored = read_message(self.services, conversation, message).await?;
        self.commit(Batch::default(), expired, stored, None).await
    }

    /// Puts the message's own parts into the batch: its attachments and its event. Its head or segment follows.
    fn put_message(
        &self,
        batch: &mut Batch,
        conversation: ConversationId,
        numbers: Numbers,
        now: UnixMillis,
    ) -> Message {
        let new = self.new;
        let mut details = new.details.clone();
        for (attachment, number) in new.attachments.iter().zip(numbers.first_attachment.0..) {
            let attachment = put_attachment(batch, conversation, AttachmentId(number), attachment);
            details.attachments.push(attachment);
        }
        let id = numbers.message;
        let kind = EventKind::MessageStored { message: id };
        batch.log.push(records::encode(&Event { conversation, time: now, kind }));
        Message {
            id,
            // A tracking id may come again with other content, so that it is not what makes a message unique.
            external_id: id.to_string(),
            kind: details.kind(),
            content: new.content.clone(),
            author: new.author.clone(),
            create_time: new.create_time.unwrap_or(now),
            ai_tool: new.ai_tool.clone(),
            details: Some(Box::new(details)),
            update_time: None,
        }
    }

    /// What the message changes of its conversation.
    fn change(&self, conversation: &mut Conversation, message: &Message) {
        conversation.message_count = conversation.message_count.saturating_add(1);
        self.new.handling.apply(&mut conversation.handling, message);
        if conversation.subject.is_none() {
            conversation.subject = self.new.details.subject.clone();
        }
    }

    fn numbers_taken(&self) -> u64 {
        2 + self.new.attachments.len() as u64
    }

    fn tracked_key(&self, conversation: ConversationId) -> Option<Key> {
        repeat::key_of_stored(self.services, conversation, self.new)
    }

    /// Commits what was decided, with the record of the request; `None` when another write came first.
    async fn commit(
        &self,
        mut batch: Batch,
        expired: Option<Stored<Request>>,
        stored: StoredMessage,
        taken: Option<Taken>,
    ) -> Result<Option<StoredMessage>, Error> {
        let (conversation, message) = (stored.conversation.id, stored.message.id);
        let answer = RequestAnswer::StoreMessage { conversation, message };
        self.once.record(self.services, &mut batch, expired, answer);
        if !batch.put.is_empty() {
            let committed = match taken {
                Some(taken) => self.services.commit_new(batch, taken).await,
                None => self.services.store.commit(batch).await,
            };
            match committed {
                Ok(_) => {}
                Err(StoreError::Conflict { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(stored))
    }
}

/// Each message may bring its tags, but a conversation has only so many.
fn check_tags(changed: &Conversation) -> Result<(), Violations> {
    let (most, count) = (StoreLimits::TAGS, changed.handling.tags.len());
    if count <= most {
        return Ok(());
    }
    let rule = format!("must leave the conversation with at most {most} tags, it would have {count}");
    Err(Violations::one("tags", rule))
}

/// Where the message goes.
enum Parent<'a> {
    Stored(ConversationId),
    New { source: &'a str, external_id: &'a str },
}

fn numbers_from(first: u64) -> Numbers {
    // The number between them is the event's.
    Numbers { message: MessageId(first), first_attachment: AttachmentId(first + 2) }
}

async fn read_message(
    services: &Services,
    conversation: ConversationId,
    id: MessageId,
) -> Result<StoredMessage, Error> {
    let name = format!("conversations/{conversation}/messages/{id}");
    let not_found = || Error::not_found(ResourceKind::Message, &name);
    let found = conversation::find(&*services.store, conversation).await?.ok_or_else(not_found)?;
    let (message, _) = message::find(&*services.store, &found.head.value, id).await?.ok_or_else(not_found)?;
    let scoring = scoring_status(&found);
    Ok(StoredMessage { conversation: found.head.value.conversation, scoring, message })
}
