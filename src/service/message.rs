//! Storing one message, and reading it back.

mod attachment;
mod change;
mod repeat;

use std::time::Duration;

use crate::{
    domain::{
        AttachmentId, Conversation, ConversationId, ConversationRef, Event, EventKind, ExternalId, Message,
        MessageId, NewMessage, SourceName, UnixMillis, Violations, limits,
    },
    error::{Error, ResourceKind},
    scoring::written,
    store::{
        Decision, Key, Reader as _,
        conversation::{self, Found},
        get_one, message, queue,
        records::{self, Identity, RequestAnswer},
        request::Method,
    },
};

use super::{
    Call, Services,
    conversation::{ScoringStatus, scoring_status, status_of},
    decide::Decide,
    directory::{announce, announce_handling},
    idempotency::Mutation,
    listing,
    queue::Lane,
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
    /// Not on account of this message.
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
    call: Call<'_>,
    parent: &ConversationRef,
    new: &NewMessage,
    process: Process,
) -> Result<StoredMessage, Error> {
    // However the call ends, also when its caller goes away: what it leaves in the queue is seen to.
    let _wake = WakeScoring(call.services);
    let lane = if matches!(process, Process::Realtime { .. }) { Lane::Caller } else { call.lane };
    let call = Call { lane, ..call };
    let stored = call.carry_out(&Store { call, parent, new, process }).await?;
    match process {
        Process::Realtime { within } => score_in_time(call, stored, within).await,
        Process::Batch => Ok(stored),
        Process::Off => {
            // No scoring will enter them into the directory.
            let Conversation { id, source, .. } = &stored.conversation;
            announce(call, source, *id, std::iter::once(&stored.message.author)).await;
            announce_handling(call, &stored.conversation).await;
            Ok(stored)
        }
    }
}

impl Services {
    /// The etag of a message; it changes whenever the message does.
    pub fn message_etag(&self, message: &Message) -> String {
        let fingerprint = self.secrets.fingerprint(&records::encode(message));
        fingerprint.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Waits for the message to be scored. If that fails or takes too long, the message is stored all the same and its job waits.
async fn score_in_time(
    call: Call<'_>,
    stored: StoredMessage,
    within: Duration,
) -> Result<StoredMessage, Error> {
    let id = stored.conversation.id;
    let scored = tokio::time::timeout(within, score_now(call, id)).await;
    if !matches!(scored, Ok(Ok(()))) {
        return Ok(StoredMessage { scoring: ScoringStatus::Pending { failed_attempts: 0 }, ..stored });
    }
    let found = conversation::find(&call.space(), id).await?;
    Ok(StoredMessage { scoring: found.as_ref().map_or(stored.scoring, scoring_status), ..stored })
}

/// Wakes the scoring task when it is dropped.
struct WakeScoring<'a>(&'a Services);

impl Drop for WakeScoring<'_> {
    fn drop(&mut self) {
        self.0.queue_changed.notify();
    }
}

/// One call that stores a message.
struct Store<'a> {
    call: Call<'a>,
    parent: &'a ConversationRef,
    new: &'a NewMessage,
    process: Process,
}

/// The ids that a message uses: its own, its event's, its attachments'.
struct Numbers {
    message: MessageId,
    first_attachment: AttachmentId,
}

impl Decide for Store<'_> {
    type Answer = StoredMessage;

    fn subject(&self) -> String {
        format!("conversations/{}", self.parent)
    }

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<StoredMessage, Error> {
        let id = match self.parent {
            ConversationRef::Id(id) => *id,
            ConversationRef::External { source, external_id } => {
                let identity = decision.keys().identity(source, external_id);
                match get_one::<Identity>(&*decision, identity).await? {
                    Some(identity) => identity.conversation,
                    None => return self.create(decision, source, external_id).await,
                }
            }
        };
        // One at a time: concurrent appends to one conversation would all conflict but one.
        decision.hold(self.call.services.append_locks.lock(id).await);
        self.append(decision, id).await
    }
}

impl Mutation for Store<'_> {
    const METHOD: Method = Method::StoreMessage;

    fn content(&self) -> Vec<u8> {
        let process = match self.process {
            Process::Batch => 0_u8,
            Process::Realtime { .. } => 1,
            Process::Off => 2,
        };
        records::encode(&(self.parent.to_string(), self.new, process)).to_vec()
    }

    fn record(&self, stored: &StoredMessage) -> RequestAnswer {
        let (conversation, message) = (stored.conversation.id, stored.message.id);
        RequestAnswer::StoreMessage { conversation, message }
    }

    /// Answers the message as it was first stored, even if it has changed since, in its conversation as it is now. The message is
    /// rebuilt from the request, so its record need not hold any content.
    async fn replay(&self, record: RequestAnswer, time: UnixMillis) -> Result<Option<StoredMessage>, Error> {
        let RequestAnswer::StoreMessage { conversation, message } = record else { return Ok(None) };
        let space = self.call.space();
        // Only the message is wanted; this decision is not committed.
        let mut decided = Decision::new(space);
        let mut again = self.put_message(&mut decided, conversation, numbers_from(message.0), time);
        let Some(found) = conversation::find_with_deleted(&space, conversation).await? else {
            let (source, external_id) = match self.parent {
                ConversationRef::External { source, external_id } => (source.clone(), external_id.clone()),
                ConversationRef::Id(_) => (SourceName::mended(""), ExternalId::mended("")),
            };
            // The conversation was purged; nothing more is known.
            let purged = Conversation::new(conversation, source, external_id, time);
            let scoring = ScoringStatus::Done;
            return Ok(Some(StoredMessage { conversation: purged, scoring, message: again }));
        };
        // The time of storage, if the request gave none. A message with a tracking id may be older than its record.
        if self.new.create_time.is_none()
            && let Some((stored, _)) = message::find(&space, &found.head, message).await?
            && stored.update_time.is_none()
        {
            again.create_time = stored.create_time;
        }
        let scoring = scoring_status(&found);
        Ok(Some(StoredMessage { conversation: found.head.conversation, scoring, message: again }))
    }
}

impl Store<'_> {
    /// Stores it as the first message of a new conversation.
    async fn create(
        &self,
        decision: &mut Decision<'_>,
        source: &SourceName,
        external_id: &ExternalId,
    ) -> Result<StoredMessage, Error> {
        let (ids, clock) = (&self.call.services.ids, &self.call.services.clock);
        let (taken, now) = ids.take_for_conversation(1 + self.numbers_taken(), || clock.now()).await?;
        let id = ConversationId(taken.number);
        decision.creates(taken);
        let message = self.put_message(decision, id, numbers_from(id.0 + 1), now);
        let mut conversation = Conversation::new(id, source.clone(), external_id.clone(), now);
        self.check_status_time(&conversation, &message, now)?;
        self.change(&mut conversation, &message);
        let scoring = if self.process == Process::Off {
            conversation.unscored_version = Some(conversation.version);
            // The id is fresh, so there is nothing to read.
            decision.expect(decision.keys().listing(id), None);
            listing::put(decision, &conversation, std::slice::from_ref(&message)).await?;
            ScoringStatus::Off
        } else {
            queue::put_first(decision, id, conversation.version, now);
            ScoringStatus::Pending { failed_attempts: 0 }
        };
        if let Some(tracked) = self.tracked_key(id) {
            message::put_tracked(decision, tracked, message.id);
        }
        conversation::put_new(decision, conversation.clone(), vec![message.clone()]);
        Ok(StoredMessage { conversation, scoring, message })
    }

    /// Stores it in an existing conversation.
    async fn append(&self, decision: &mut Decision<'_>, id: ConversationId) -> Result<StoredMessage, Error> {
        let not_found = || Error::no_conversation(self.parent);
        let found = conversation::find(&*decision, id).await?.ok_or_else(not_found)?;
        let guarded = decision.guarded_by(&decision.keys().head(id));
        let tracked = self.tracked_key(id);
        if let Some(key) = &tracked
            && let Some(known) = repeat::find(self.call, guarded, &found, key, self.new).await?
        {
            let (message, _) = message::find(&guarded, &found.head, known).await?.ok_or_else(|| {
                let name = format!("conversations/{id}/messages/{known}");
                Error::not_found(ResourceKind::Message, name)
            })?;
            let scoring = scoring_status(&found);
            return Ok(StoredMessage { conversation: found.head.conversation, scoring, message });
        }
        let mut changed = found.head.conversation.clone();
        changed.held = conversation::held(&guarded, &found.head).await?;
        if changed.message_count as usize >= limits::CONVERSATION_MESSAGES {
            let most = limits::CONVERSATION_MESSAGES;
            let rule = format!("must name a conversation with fewer than {most} messages, it has {most}");
            return Err(Violations::one("parent", rule).into());
        }
        let services = self.call.services;
        let now = services.clock.now();
        let numbers = numbers_from(services.ids.take(self.numbers_taken()).await?);
        let message = self.put_message(decision, id, numbers, now);
        changed.version += 1;
        changed.update_time = now;
        self.check_status_time(&changed, &message, now)?;
        self.change(&mut changed, &message);
        changed.check_status_changes(&found.head.conversation, "status")?;
        check_tags(&changed)?;
        if let Some(tracked) = tracked {
            message::put_tracked(decision, tracked, message.id);
        }
        let scoring = self.queue_scoring(decision, &found, &mut changed, &message).await?;
        conversation::put_appended(decision, found.head, changed.clone(), vec![message.clone()]);
        Ok(StoredMessage { conversation: changed, scoring, message })
    }

    /// Queues scoring after a message was added, unless it is off. Returns the resulting scoring status.
    async fn queue_scoring(
        &self,
        decision: &mut Decision<'_>,
        found: &Found,
        changed: &mut Conversation,
        message: &Message,
    ) -> Result<ScoringStatus, Error> {
        let before = &found.head.conversation;
        let new_messages = std::slice::from_ref(message);
        if self.process != Process::Off {
            listing::put_appended(decision, before, changed, new_messages, false).await?;
            queue::put_next(decision, changed.id, changed.version, changed.update_time).await?;
            return Ok(ScoringStatus::Pending { failed_attempts: 0 });
        }
        if found.job.is_some() {
            // The waiting job will score this message, too.
            listing::put_appended(decision, before, changed, new_messages, false).await?;
            return Ok(scoring_status(found));
        }
        if found.failure.is_none() {
            changed.unscored_version = Some(changed.version);
        }
        listing::put(decision, changed, new_messages).await?;
        // A scoring that was given up stays so until the next one is queued.
        Ok(status_of(changed, None, found.failure.as_ref()))
    }

    /// Puts the message's attachments and its event; the caller puts it into the head or a segment.
    fn put_message(
        &self,
        decision: &mut Decision<'_>,
        conversation: ConversationId,
        numbers: Numbers,
        now: UnixMillis,
    ) -> Message {
        let new = self.new;
        let mut details = new.details.clone();
        for (attachment, number) in new.attachments.iter().zip(numbers.first_attachment.0..) {
            let attachment = put_attachment(decision, conversation, AttachmentId(number), attachment);
            details.attachments.push(attachment);
        }
        let id = numbers.message;
        let kind = EventKind::MessageStored { message: id };
        decision.log(&Event { conversation, time: now, kind });
        Message {
            id,
            // A tracking id may be reused with other content, so it does not identify a message.
            external_id: ExternalId::of_number(id),
            kind: details.kind(),
            content: new.content.clone(),
            author: new.author.clone(),
            create_time: new.create_time.unwrap_or(now),
            ai_tool: new.ai_tool.clone(),
            details: Some(Box::new(details)),
            update_time: None,
            is_automatic: new.is_automatic,
        }
    }

    /// A status that says when it changed did so with the message or later.
    fn check_status_time(
        &self,
        conversation: &Conversation,
        message: &Message,
        now: UnixMillis,
    ) -> Result<(), Violations> {
        let said = &self.new.handling;
        let (Some(status), Some(time)) = (said.status, said.status_time) else { return Ok(()) };
        let mut rule = conversation.handling.check_status_time(status, time, now);
        if time < message.create_time {
            let written = message.create_time;
            rule = Err(format!("must not be before the message's create_time, {written}, is {time}"));
        }
        rule.map_err(|rule| Violations::one("status_time", rule))
    }

    /// Applies what the message changes about its conversation.
    fn change(&self, conversation: &mut Conversation, message: &Message) {
        conversation.message_count = conversation.message_count.saturating_add(1);
        conversation.hold(std::slice::from_ref(message));
        self.new.handling.apply(&mut conversation.handling, message, written::is_automatic);
        if conversation.subject.is_none() {
            conversation.subject = self.new.details.subject.clone();
        }
    }

    fn numbers_taken(&self) -> u64 {
        2 + self.new.attachments.len() as u64
    }

    fn tracked_key(&self, conversation: ConversationId) -> Option<Key> {
        repeat::key_of_stored(self.call, conversation, self.new)
    }
}

/// Every message may add tags, but the total per conversation is limited.
fn check_tags(changed: &Conversation) -> Result<(), Violations> {
    let (most, count) = (limits::TAGS, changed.handling.tags.len());
    if count <= most {
        return Ok(());
    }
    let rule = format!("must leave the conversation with at most {most} tags, it would have {count}");
    Err(Violations::one("tags", rule))
}

fn numbers_from(first: u64) -> Numbers {
    // The id in between is the event's.
    Numbers { message: MessageId(first), first_attachment: AttachmentId(first + 2) }
}
