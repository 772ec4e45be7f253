//! Keeps what lists know of conversations up to date. docs/decisions/0013 and 0020 say when a filter sees what.

use crate::{
    domain::{Assessment, AssessmentState, Conversation, ConversationId, Listing, Message, Unit, axis},
    error::Error,
    store::{Batch, Keyspace, StoreError, Stored, listing, records::Head},
};

use super::Services;

/// What a scoring that ended found out.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// After how many attempts it was given up; `None` when it was not.
    pub failed_attempts: Option<u32>,
    pub score_tenths: Option<u32>,
}

/// What lists know of a conversation that a batch is about to change: what they knew, to be changed and put.
pub struct Update {
    id: ConversationId,
    read: Option<Stored<Listing>>,
    next: Listing,
}

impl Update {
    /// Reads what lists know.
    pub async fn begin(store: &dyn Keyspace, id: ConversationId) -> Result<Self, StoreError> {
        Ok(Self::of(id, listing::find(store, id).await?))
    }

    /// The same for a change of a conversation whose head was read: one that is not taken in yet is taken in with it.
    pub async fn begin_with(store: &dyn Keyspace, head: &Head) -> Result<Self, StoreError> {
        let mut update = Self::begin(store, head.conversation.id).await?;
        if !update.is_taken_in() && head.knows_writers() {
            update.take_in(head);
        }
        Ok(update)
    }

    /// From what was read.
    pub fn of(id: ConversationId, read: Option<Stored<Listing>>) -> Self {
        let next = read.as_ref().map(|read| read.value.clone()).unwrap_or_default();
        Self { id, read, next }
    }

    pub fn is_taken_in(&self) -> bool {
        self.read.as_ref().is_some_and(|read| read.value.taken_in)
    }

    /// Takes a conversation in as its head shows it.
    pub fn take_in(&mut self, head: &Head) {
        let Listing { writers, .. } = shown_by(head);
        self.next.writers = writers;
        self.next.follow(&head.conversation);
        self.next.taken_in = true;
    }

    /// Takes a conversation in; `messages` are all it has.
    pub fn take_in_whole(&mut self, conversation: &Conversation, messages: &[Message]) {
        self.next.writers.clear();
        self.next.add_writers(messages);
        self.next.follow(conversation);
        self.next.taken_in = true;
    }

    /// That the scoring of a version has ended.
    pub fn set_settled(&mut self, version: u64, scored: &Scored) {
        self.next.settled_version = Some(version);
        self.next.failed_attempts = scored.failed_attempts;
        self.next.score_tenths = scored.score_tenths;
    }

    /// Takes a conversation in whose scoring has ended. `messages` are all it has.
    pub fn settle(&mut self, conversation: &Conversation, messages: &[Message], scored: &Scored) {
        self.take_in_whole(conversation, messages);
        self.set_settled(conversation.version, scored);
    }

    /// Takes a conversation in whose scoring was given up; what is known of its score and of who wrote stays. `messages` are all
    /// it has, unless they cannot be read.
    pub fn fail(&mut self, conversation: &Conversation, messages: Option<&[Message]>, failed_attempts: u32) {
        let score_tenths = self.next.score_tenths;
        let scored = Scored { failed_attempts: Some(failed_attempts), score_tenths };
        let writers = std::mem::take(&mut self.next.writers);
        self.settle(conversation, messages.unwrap_or_default(), &scored);
        if messages.is_none() {
            self.next.writers = writers;
        }
    }

    /// That a conversation changed. What was not taken in yet stays out of lists with a filter.
    pub fn follow(&mut self, conversation: &Conversation, is_settled: bool) {
        self.next.follow(conversation);
        if is_settled {
            self.next.settled_version = Some(conversation.version);
        }
    }

    /// Makes it part of the batch, which expects what was read.
    pub fn put(self, batch: &mut Batch) {
        listing::put(batch, self.id, self.read, &self.next);
    }
}

/// What a head alone shows of a conversation, for lists that meet one which is not taken in.
pub fn shown_by(head: &Head) -> Listing {
    let mut listing = Listing::default();
    listing.add_writers(&head.messages);
    for writer in &head.writers {
        if !listing.writers.contains(writer) {
            listing.writers.push(writer.clone());
        }
    }
    listing.follow(&head.conversation);
    listing
}

/// For a use case that appends messages and queues a scoring: what filters see counts at once. `before` is the head that was
/// read; `is_rated` is whether the customer's answer to a rating comes with them.
pub async fn put_appended(
    services: &Services,
    batch: &mut Batch,
    before: &Conversation,
    changed: &Conversation,
    new_messages: &[Message],
    is_rated: bool,
) -> Result<(), Error> {
    let is_by_agent = |message: &Message| message.author.kind.is_agent();
    if changed.handling == before.handling && !new_messages.iter().any(is_by_agent) && !is_rated {
        return Ok(());
    }
    let mut update = Update::begin(&*services.store, changed.id).await?;
    // One that is not taken in yet is taken in as it is then.
    if update.is_taken_in() {
        update.next.add_writers(new_messages);
        update.next.follow(changed);
    }
    update.next.is_rated |= is_rated;
    update.put(batch);
    Ok(())
}

/// For a use case that stores or changes a conversation and queues no job: takes it in as it is now. `new_messages` are those
/// that the batch adds.
pub async fn put(
    services: &Services,
    batch: &mut Batch,
    conversation: &Conversation,
    new_messages: &[Message],
) -> Result<(), Error> {
    let mut update = Update::begin(&*services.store, conversation.id).await?;
    update.next.add_writers(new_messages);
    update.next.taken_in = true;
    update.follow(conversation, true);
    update.put(batch);
    Ok(())
}

/// For a use case that stores an answer to a rating of a conversation.
pub async fn put_rated(
    services: &Services,
    batch: &mut Batch,
    conversation: ConversationId,
) -> Result<(), Error> {
    put_rated_in(batch, conversation, listing::find(&*services.store, conversation).await?);
    Ok(())
}

/// The same where what lists know was read. It is expected also where it stays as it is: it tells that the conversation is there.
pub fn put_rated_in(batch: &mut Batch, conversation: ConversationId, read: Option<Stored<Listing>>) {
    let mut update = Update::of(conversation, read);
    // Also of one that is not taken in yet: who takes it in leaves it as it is.
    update.next.is_rated = true;
    update.put(batch);
}

/// The AXIS score that a conversation has by its assessments.
pub fn score_of<'a>(assessments: impl IntoIterator<Item = &'a Assessment>) -> Option<u32> {
    let is_axis = |assessment: &&Assessment| {
        assessment.unit == Unit::Conversation
            && assessment.scorecard.base == axis::SCORECARD
            && assessment.state != AssessmentState::Deleted
    };
    let assessment = assessments.into_iter().find(is_axis)?;
    Some(assessment.axis.as_ref()?.score_tenths)
}
