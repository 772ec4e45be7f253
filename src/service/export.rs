//! Reading everything, for an export.

use crate::{
    domain::{Conversation, ConversationId, LAST_ID, Message},
    error::Error,
    store::{
        StoreError, Value, conversation, past_damage,
        records::{self, Head, Job, ScoringFailure},
    },
};

use super::{
    Call,
    conversation::{ConversationStatus, ScoringStatus, status_of},
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

/// The number after that of the newest conversation; where that cannot be read, after that of any.
pub async fn end(call: Call<'_>) -> Result<ConversationId, Error> {
    let newest = match conversation::newest(&call.space()).await {
        Err(StoreError::Corrupt(_)) => Some(ConversationId(LAST_ID)),
        newest => newest?,
    };
    Ok(ConversationId(newest.map_or(0, |newest| newest.0 + 1)))
}

/// The next conversations from `first` up to but excluding `end`, ascending, without deleted ones, and where to read on; `None` at
/// the end. Where heads cannot be read, their conversations are told by number, and those behind them follow.
pub async fn next(
    call: Call<'_>,
    first: ConversationId,
    end: ConversationId,
) -> Result<(Vec<Numbered>, Option<ConversationId>), Error> {
    let store = call.space();
    let (heads, next) = match conversation::heads_from(&store, first, end, AT_ONCE).await {
        Err(StoreError::Corrupt(_)) => past_damage::heads_from(store, first, end, AT_ONCE).await?,
        heads => {
            let heads = heads?;
            let last = (heads.len() == AT_ONCE).then(|| heads.last()).flatten();
            let next = last.map(|(id, _)| ConversationId(id.0 + 1));
            (heads, next)
        }
    };
    let keys = call.keys();
    let wanted = heads.iter().flat_map(|(id, _)| [keys.job(*id), keys.scoring_failure(*id)]).collect();
    let mut states = past_damage::get_each(store, wanted).await?.into_iter();
    let mut found = Vec::with_capacity(heads.len());
    for (id, head) in heads {
        let (job, failure) = (states.next(), states.next());
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
        let scoring =
            scoring_of(call, &conversation, job, failure).unwrap_or_else(|_| ScoringStatus::Failed {
                failed_attempts: 0,
                cause: "what is stored of its scoring is damaged".to_owned(),
            });
        let status = ConversationStatus { conversation, scoring };
        found.push((id, Ok(Exported { status, messages: is_whole.then_some(messages) })));
    }
    Ok((found, next))
}

/// A value as it was read, if it was asked for.
type State = Option<Result<Option<Value>, StoreError>>;

fn scoring_of(
    call: Call<'_>,
    conversation: &Conversation,
    job: State,
    failure: State,
) -> Result<ScoringStatus, StoreError> {
    let (keys, id) = (call.keys(), conversation.id);
    let job = records::decode_present::<Job>(&keys.job(id), job.transpose()?.flatten())?;
    let failure = failure.transpose()?.flatten();
    let failure = records::decode_present::<ScoringFailure>(&keys.scoring_failure(id), failure)?;
    Ok(status_of(conversation, job.as_ref(), failure.as_ref()))
}
