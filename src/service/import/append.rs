//! Appending to an existing conversation: what is not stored is added, and of the rest what is newer is taken.

mod known;
mod put;

use crate::{
    domain::{
        ConversationId, Held, Message, MessageId, NewConversation, NewImportedMessage, NewImportedRating,
        Path, Rating, Transcript, UnixMillis, Violations,
        append::{Differences, take_rating},
        limits,
    },
    error::Error,
    service::Call,
    store::{Decision, Reader as _, conversation},
};

use super::parts;
use known::{Edits, Known};

pub(super) use put::Appended;

/// Appends the messages and ratings that are not stored yet, by external id and UUID, and takes what is newer of the others.
pub(super) async fn run(
    call: Call<'_>,
    new: &NewConversation,
    decision: &mut Decision<'_>,
    id: ConversationId,
) -> Result<Appended, Error> {
    let not_found = || Error::no_conversation(id);
    let found = conversation::find(&*decision, id).await?.ok_or_else(not_found)?;
    let guarded = decision.guarded_by(&decision.keys().head(id));
    let now = call.services.clock.now();
    let mut known = Known::of(new, now.horizon());
    let wanted = known.wanted();
    let is_wanted = |message: &Message| wanted.has(message);
    let look = |message: &Message| known.compare(message);
    let mut stored = conversation::outline_and_look(&guarded, found.head.clone(), is_wanted, look).await?;
    stored.conversation.held = stored.conversation.held.or_else(|| Held::of(&stored.messages));
    let numbers = known.numbers(&stored);
    let mut differences = Differences::default();
    let edits = known.edits(&mut differences)?;
    let unseen: Vec<&NewImportedMessage> = new
        .messages
        .iter()
        .zip(&numbers)
        .filter(|(_, number)| number.is_none())
        .map(|(new, _)| new)
        .collect();
    let ratings = parts::find_ratings(call, decision, id, new).await?;
    if !unseen.is_empty() || !ratings.unknown.is_empty() {
        check_place(new, &stored)?;
    }
    check_size(&stored, unseen.len())?;
    parts::check_ratings(ratings.unknown.iter().copied(), now)?;
    let changed_ratings = changed_ratings(&ratings, now, &mut differences);
    let ratings = ratings.unknown.into_iter().map(|(_, rating)| rating).collect();
    let append = Append { call, new, now, stored, numbers, unseen, edits, ratings, changed_ratings };
    append.put(decision, found, differences).await
}

/// What an append finds and adds.
struct Append<'a> {
    call: Call<'a>,
    new: &'a NewConversation,
    now: UnixMillis,
    /// What is stored, in outline.
    stored: Transcript,
    /// The number of each message of the import that is stored.
    numbers: Vec<Option<MessageId>>,
    unseen: Vec<&'a NewImportedMessage>,
    edits: Edits,
    ratings: Vec<&'a NewImportedRating>,
    changed_ratings: Vec<Rating>,
}

fn changed_ratings(
    ratings: &parts::Ratings<'_>,
    now: UnixMillis,
    differences: &mut Differences,
) -> Vec<Rating> {
    let changed = ratings.known.iter().filter_map(|(place, new, stored)| {
        let at = Path::ROOT.item("ratings", *place);
        take_rating(new, stored, now, at, differences)
    });
    changed.collect()
}

/// A part of a conversation must follow directly after the previous part.
fn check_place(new: &NewConversation, stored: &Transcript) -> Result<(), Error> {
    let Some(after) = &new.append_after else { return Ok(()) };
    let last = stored.messages.last().map(|message| message.external_id.as_str());
    if last == Some(after) {
        return Ok(());
    }
    let rule = match last {
        Some(last) => format!("must be the last message's external id, {last:?}, is {after:?}"),
        None => format!("must be the last message's external id, but there is no message, is {after:?}"),
    };
    Err(Violations::one("append_after", rule).into())
}

fn check_size(stored: &Transcript, added: usize) -> Result<(), Violations> {
    let (most, total) = (limits::CONVERSATION_MESSAGES, stored.messages.len() + added);
    if added == 0 || total <= most {
        return Ok(());
    }
    let rule = format!("must leave the conversation with at most {most} messages, it would have {total}");
    Err(Violations::one("messages", rule))
}
