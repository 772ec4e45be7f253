//! Reading everything, for an export.

use crate::{
    domain::{ConversationId, Message},
    error::Error,
    store::{conversation, get_many, records::Head},
};

use super::{
    Call,
    conversation::{ConversationStatus, status_of},
};

/// How many conversations are read at once.
const AT_ONCE: usize = 64;

/// A conversation as it is found by its head.
#[derive(Clone, Debug)]
pub struct Exported {
    pub status: ConversationStatus,
    /// All its messages; `None` where they are not stored with the head, and have to be listed.
    pub messages: Option<Vec<Message>>,
}

/// A conversation by its number, or why its head cannot be read.
pub type Numbered = (ConversationId, Result<Exported, Error>);

/// The number after that of the newest conversation.
pub async fn end(call: Call<'_>) -> Result<ConversationId, Error> {
    let newest = conversation::newest(&call.space()).await?;
    Ok(ConversationId(newest.map_or(0, |newest| newest.0 + 1)))
}

/// The next conversations from `first` up to but excluding `end`, ascending, without deleted ones, and where to read on; `None` at
/// the end.
pub async fn next(
    call: Call<'_>,
    first: ConversationId,
    end: ConversationId,
) -> Result<(Vec<Numbered>, Option<ConversationId>), Error> {
    let store = call.space();
    let heads = conversation::heads_from(&store, first, end, AT_ONCE).await?;
    let next =
        (heads.len() == AT_ONCE).then(|| heads.last()).flatten().map(|(id, _)| ConversationId(id.0 + 1));
    let keys = call.keys();
    let jobs = get_many(&store, heads.iter().map(|(id, _)| keys.job(*id)).collect()).await?;
    let failures = get_many(&store, heads.iter().map(|(id, _)| keys.scoring_failure(*id)).collect()).await?;
    let mut found = Vec::with_capacity(heads.len());
    for (((id, head), job), failure) in heads.into_iter().zip(jobs).zip(failures) {
        let head = match head {
            Ok(head) => head.value,
            Err(damage) => {
                found.push((id, Err(damage.into())));
                continue;
            }
        };
        let Head { conversation, messages, .. } = head;
        if conversation.delete_time.is_some() {
            continue;
        }
        let is_whole = messages.len() == conversation.message_count as usize;
        let scoring = status_of(&conversation, job.as_ref(), failure.as_ref());
        let status = ConversationStatus { conversation, scoring };
        found.push((id, Ok(Exported { status, messages: is_whole.then_some(messages) })));
    }
    Ok((found, next))
}
