//! Keeps the listing records of conversations up to date. docs/decisions/0013, 0020 and 0060 say when a filter sees a change.

use crate::{
    domain::{Assessment, AssessmentState, Conversation, ConversationId, Held, Listing, Message, Unit, axis},
    store::{Decision, StoreError, listing, records::Head},
};

/// The result of a scoring, as lists need it.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// After how many attempts it was given up; `None` when it was not.
    pub failed_attempts: Option<u32>,
    pub score_tenths: Option<u32>,
}

/// A change to a conversation's listing record: as it was read, and as it will be.
pub struct Update {
    id: ConversationId,
    read: Option<Listing>,
    next: Listing,
}

impl Update {
    /// Reads the listing record.
    pub async fn begin(decision: &Decision<'_>, id: ConversationId) -> Result<Self, StoreError> {
        Ok(Self::of(id, listing::find(decision, id).await?))
    }

    /// As [`Update::begin`]; also indexes the conversation if it is not indexed yet and the head suffices.
    pub async fn begin_with(decision: &Decision<'_>, head: &Head) -> Result<Self, StoreError> {
        let mut update = Self::begin(decision, head.conversation.id).await?;
        if !update.is_indexed() && tells_all(head) {
            update.index(head);
        }
        Ok(update)
    }

    /// Starts from a record that the decision has read.
    pub fn of(id: ConversationId, read: Option<Listing>) -> Self {
        let next = read.clone().unwrap_or_default();
        Self { id, read, next }
    }

    pub fn is_indexed(&self) -> bool {
        self.read.as_ref().is_some_and(|read| read.is_indexed)
    }

    /// Indexes a conversation as its head shows it.
    pub fn index(&mut self, head: &Head) {
        let Listing { writers, held, .. } = shown_by(head);
        self.next.writers = writers;
        self.next.follow(&head.conversation);
        self.next.held = held.or(self.next.held);
        self.next.is_indexed = true;
    }

    /// Indexes a conversation; `messages` are all it has.
    pub fn index_whole(&mut self, conversation: &Conversation, messages: &[Message]) {
        self.next.writers.clear();
        self.next.add_writers(messages);
        self.next.follow(conversation);
        if conversation.held_or_stored().is_none() {
            self.next.held = Held::of(messages).or(self.next.held);
        }
        self.next.is_indexed = true;
    }

    /// Notes that the scoring of a version has ended.
    pub fn set_settled(&mut self, version: u64, scored: &Scored) {
        self.next.settled_version = Some(version);
        self.next.failed_attempts = scored.failed_attempts;
        self.next.score_tenths = scored.score_tenths;
    }

    /// Indexes a conversation whose scoring has ended. `messages` are all it has.
    pub fn settle(&mut self, conversation: &Conversation, messages: &[Message], scored: &Scored) {
        self.index_whole(conversation, messages);
        self.set_settled(conversation.version, scored);
    }

    /// Indexes a conversation whose scoring was given up. A known score stays; so do the writers if `messages` is `None`, which
    /// means that they cannot be read.
    pub fn fail(&mut self, conversation: &Conversation, messages: Option<&[Message]>, failed_attempts: u32) {
        let score_tenths = self.next.score_tenths;
        let scored = Scored { failed_attempts: Some(failed_attempts), score_tenths };
        let writers = std::mem::take(&mut self.next.writers);
        self.settle(conversation, messages.unwrap_or_default(), &scored);
        if messages.is_none() {
            self.next.writers = writers;
        }
    }

    /// Follows a change of the conversation. It does not index one that is not indexed yet.
    pub fn follow(&mut self, conversation: &Conversation, is_settled: bool) {
        self.next.follow(conversation);
        if is_settled {
            self.next.settled_version = Some(conversation.version);
        }
    }

    /// Notes that a rating of the conversation is answered.
    pub fn set_rated(&mut self) {
        self.next.is_rated = true;
    }

    pub fn put(self, decision: &mut Decision<'_>) {
        listing::put(decision, self.id, self.read.as_ref(), &self.next);
    }
}

/// Whether a head suffices to index its conversation.
pub fn tells_all(head: &Head) -> bool {
    head.knows_writers() && head.held().is_some()
}

/// The listing of a conversation that is not indexed yet, as far as its head tells.
pub fn shown_by(head: &Head) -> Listing {
    let mut listing = Listing::default();
    listing.add_writers(&head.messages);
    for writer in &head.writers {
        if !listing.writers.contains(writer) {
            listing.writers.push(writer.clone());
        }
    }
    listing.follow(&head.conversation);
    listing.held = head.held();
    listing
}

/// Whether a change moves a conversation in a list.
fn is_moved(before: &Conversation, changed: &Conversation) -> bool {
    let place = |conversation: &Conversation| {
        conversation.held_or_stored().map(|held| (held.first, held.last.whole_hours()))
    };
    place(before) != place(changed)
}

/// For a use case that changes messages and queues a scoring, which sees to the rest: filters see at once when the conversation
/// was held.
pub async fn put_moved(
    decision: &mut Decision<'_>,
    before: &Conversation,
    changed: &Conversation,
) -> Result<(), StoreError> {
    if !is_moved(before, changed) {
        return Ok(());
    }
    let mut update = Update::begin(decision, changed.id).await?;
    // If it is not indexed yet, the index task will read it as it is by then.
    if update.is_indexed() {
        update.next.follow(changed);
    }
    update.put(decision);
    Ok(())
}

/// For a use case that appends messages and queues a scoring: filters see the change at once. `is_rated`: whether an answered
/// rating comes with the messages.
pub async fn put_appended(
    decision: &mut Decision<'_>,
    before: &Conversation,
    changed: &Conversation,
    new_messages: &[Message],
    is_rated: bool,
) -> Result<(), StoreError> {
    let is_by_agent = |message: &Message| message.author.kind.is_agent();
    let is_handled_otherwise = changed.handling != before.handling;
    let is_written_by_agent = new_messages.iter().any(is_by_agent);
    if !is_handled_otherwise && !is_written_by_agent && !is_rated && !is_moved(before, changed) {
        return Ok(());
    }
    let mut update = Update::begin(decision, changed.id).await?;
    // If it is not indexed yet, the index task will read it as it is by then.
    if update.is_indexed() {
        let held = update.next.held.filter(|_| !is_moved(before, changed));
        update.next.add_writers(new_messages);
        update.next.follow(changed);
        // Within the hour nothing is written for it.
        update.next.held = held.or(update.next.held);
    }
    update.next.is_rated |= is_rated;
    update.put(decision);
    Ok(())
}

/// For a use case that changes a conversation and queues no job: indexes it as it is now. `new_messages`: those being added.
pub async fn put(
    decision: &mut Decision<'_>,
    conversation: &Conversation,
    new_messages: &[Message],
) -> Result<(), StoreError> {
    let mut update = Update::begin(decision, conversation.id).await?;
    update.next.add_writers(new_messages);
    update.next.is_indexed = true;
    update.follow(conversation, true);
    update.put(decision);
    Ok(())
}

/// For a use case that stores an answer to a rating. The record is expected even if it does not change: it proves that the
/// conversation exists.
pub async fn put_rated(decision: &mut Decision<'_>, conversation: ConversationId) -> Result<(), StoreError> {
    let read = listing::find(&*decision, conversation).await?;
    put_rated_in(decision, conversation, read);
    Ok(())
}

/// As [`put_rated`], where the decision has read the record.
pub fn put_rated_in(decision: &mut Decision<'_>, conversation: ConversationId, read: Option<Listing>) {
    let mut update = Update::of(conversation, read);
    // Set even if it is not indexed yet; indexing keeps it.
    update.next.is_rated = true;
    update.put(decision);
}

/// The conversation's AXIS score.
pub fn score_of<'a>(assessments: impl IntoIterator<Item = &'a Assessment>) -> Option<u32> {
    let is_axis = |assessment: &&Assessment| {
        assessment.unit == Unit::Conversation
            && assessment.scorecard.base == axis::SCORECARD
            && assessment.state != AssessmentState::Deleted
    };
    let assessment = assessments.into_iter().find(is_axis)?;
    Some(assessment.axis.as_ref()?.score_tenths)
}
