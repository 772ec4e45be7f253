//! Keeps what lists know of conversations up to date. docs/decisions/0013 and 0020 say when a filter sees what.

use crate::{
    domain::{Assessment, AssessmentState, Conversation, ConversationId, Listing, Message, Unit, axis},
    store::{Decision, StoreError, listing, records::Head},
};

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
    read: Option<Listing>,
    next: Listing,
}

impl Update {
    /// Reads what lists know.
    pub async fn begin(decision: &Decision<'_>, id: ConversationId) -> Result<Self, StoreError> {
        Ok(Self::of(id, listing::find(decision, id).await?))
    }

    /// The same for a change of a conversation whose head was read: one that is not indexed yet is indexed with it.
    pub async fn begin_with(decision: &Decision<'_>, head: &Head) -> Result<Self, StoreError> {
        let mut update = Self::begin(decision, head.conversation.id).await?;
        if !update.is_indexed() && head.knows_writers() {
            update.index(head);
        }
        Ok(update)
    }

    /// From what the decision has read.
    pub fn of(id: ConversationId, read: Option<Listing>) -> Self {
        let next = read.clone().unwrap_or_default();
        Self { id, read, next }
    }

    pub fn is_indexed(&self) -> bool {
        self.read.as_ref().is_some_and(|read| read.is_indexed)
    }

    /// Indexes a conversation as its head shows it.
    pub fn index(&mut self, head: &Head) {
        let Listing { writers, .. } = shown_by(head);
        self.next.writers = writers;
        self.next.follow(&head.conversation);
        self.next.is_indexed = true;
    }

    /// Indexes a conversation; `messages` are all it has.
    pub fn index_whole(&mut self, conversation: &Conversation, messages: &[Message]) {
        self.next.writers.clear();
        self.next.add_writers(messages);
        self.next.follow(conversation);
        self.next.is_indexed = true;
    }

    /// That the scoring of a version has ended.
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

    /// Indexes a conversation whose scoring was given up; what is known of its score and of who wrote stays. `messages` are all
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

    /// That a conversation changed. What is not indexed yet stays out of lists with a filter.
    pub fn follow(&mut self, conversation: &Conversation, is_settled: bool) {
        self.next.follow(conversation);
        if is_settled {
            self.next.settled_version = Some(conversation.version);
        }
    }

    pub fn put(self, decision: &mut Decision<'_>) {
        listing::put(decision, self.id, self.read.as_ref(), &self.next);
    }
}

/// What a head alone shows of a conversation, for lists that meet one which is not indexed.
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
    decision: &mut Decision<'_>,
    before: &Conversation,
    changed: &Conversation,
    new_messages: &[Message],
    is_rated: bool,
) -> Result<(), StoreError> {
    let is_by_agent = |message: &Message| message.author.kind.is_agent();
    if changed.handling == before.handling && !new_messages.iter().any(is_by_agent) && !is_rated {
        return Ok(());
    }
    let mut update = Update::begin(decision, changed.id).await?;
    // One that is not indexed yet is indexed as it is then.
    if update.is_indexed() {
        update.next.add_writers(new_messages);
        update.next.follow(changed);
    }
    update.next.is_rated |= is_rated;
    update.put(decision);
    Ok(())
}

/// For a use case that stores or changes a conversation and queues no job: indexes it as it is now. `new_messages` are those
/// that the batch adds.
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

/// For a use case that stores an answer to a rating of a conversation. What lists know is expected also where it stays as it is:
/// it tells that the conversation is there.
pub async fn put_rated(decision: &mut Decision<'_>, conversation: ConversationId) -> Result<(), StoreError> {
    let mut update = Update::begin(decision, conversation).await?;
    // Also of one that is not indexed yet: who indexes it leaves it as it is.
    update.next.is_rated = true;
    update.put(decision);
    Ok(())
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
