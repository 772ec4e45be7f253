//! Reading and changing conversations.

use crate::{
    domain::{Conversation, ConversationId, ConversationRef, Message, MessageId},
    error::Error,
    store::{
        Reader,
        conversation::{self, Found},
        records::{Job, ScoringFailure},
    },
};

mod deletion;
mod list;
mod update;

pub use deletion::{delete_conversation, undelete_conversation};
pub(super) use list::{Found as Walked, Item, walk};
pub use list::{Scope, list_conversations};
pub(super) use update::is_scored_again;
pub use update::update_conversation;

use super::{Call, page::MAX_PAGE_BYTES};

/// The scoring status of a conversation's current version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScoringStatus {
    Pending {
        failed_attempts: u32,
    },
    Done,
    Failed {
        failed_attempts: u32,
        cause: String,
    },
    /// The last change was stored with scoring off.
    Off,
}

/// A conversation and its scoring status.
#[derive(Clone, Debug)]
pub struct ConversationStatus {
    pub conversation: Conversation,
    pub scoring: ScoringStatus,
}

/// A page of messages in the order of their arrival.
#[derive(Clone, Debug)]
pub struct MessagePage {
    pub messages: Vec<Message>,
    /// Whether there are more after it.
    pub has_more: bool,
}

/// One conversation.
pub async fn get_conversation(call: Call<'_>, name: &ConversationRef) -> Result<ConversationStatus, Error> {
    let found = find(call, name).await?;
    Ok(ConversationStatus { scoring: scoring_status(&found), conversation: found.head.conversation })
}

/// One conversation and its first messages.
pub async fn get_conversation_with_messages(
    call: Call<'_>,
    name: &ConversationRef,
    limit: usize,
) -> Result<(ConversationStatus, MessagePage), Error> {
    let found = find(call, name).await?;
    let page = page_of(call, &found, MessageId(0), limit).await?;
    let scoring = scoring_status(&found);
    Ok((ConversationStatus { scoring, conversation: found.head.conversation }, page))
}

/// At most `limit` messages of one conversation after `after`.
pub async fn list_messages(
    call: Call<'_>,
    id: ConversationId,
    after: MessageId,
    limit: usize,
) -> Result<MessagePage, Error> {
    let found = find(call, &ConversationRef::Id(id)).await?;
    page_of(call, &found, after, limit).await
}

/// The id of the conversation that a name refers to.
pub async fn resolve(call: Call<'_>, name: &ConversationRef) -> Result<ConversationId, Error> {
    let not_found = || Error::no_conversation(name);
    conversation::resolve(&call.space(), name).await?.ok_or_else(not_found)
}

/// Derived from the job and the failure record.
pub(super) fn scoring_status(found: &Found) -> ScoringStatus {
    status_of(&found.head.conversation, found.job.as_ref(), found.failure.as_ref())
}

pub(super) fn status_of(
    conversation: &Conversation,
    job: Option<&Job>,
    failure: Option<&ScoringFailure>,
) -> ScoringStatus {
    match (job, failure) {
        (Some(job), _) => ScoringStatus::Pending { failed_attempts: job.failed_attempts },
        (None, Some(failure)) => {
            ScoringStatus::Failed { failed_attempts: failure.failed_attempts, cause: failure.cause.clone() }
        }
        (None, None) if conversation.is_unscored() => ScoringStatus::Off,
        (None, None) => ScoringStatus::Done,
    }
}

async fn find(call: Call<'_>, name: &ConversationRef) -> Result<Found, Error> {
    find_through(&call.space(), name).await
}

async fn find_through(reader: &dyn Reader, name: &ConversationRef) -> Result<Found, Error> {
    let not_found = || Error::no_conversation(name);
    let id = conversation::resolve(reader, name).await?.ok_or_else(not_found)?;
    conversation::find(reader, id).await?.ok_or_else(not_found)
}

async fn page_of(
    call: Call<'_>,
    found: &Found,
    after: MessageId,
    limit: usize,
) -> Result<MessagePage, Error> {
    let head = &found.head;
    // One more than requested tells whether there is a next page.
    let mut messages =
        conversation::messages_after(&call.space(), head, after, limit + 1, MAX_PAGE_BYTES).await?;
    let mut has_more = messages.len() > limit;
    messages.truncate(limit);
    let bytes: usize = messages.iter().map(Message::text_bytes).sum();
    has_more |= bytes >= MAX_PAGE_BYTES;
    Ok(MessagePage { messages, has_more })
}
