//! Appending to an existing conversation.

use std::collections::HashSet;

use crate::{
    domain::{
        Conversation, ConversationId, Event, EventKind, Held, ImportOutcome, Message, MessageId,
        NewConversation, NewImportedMessage, NewImportedRating, RatingId, Transcript, Violations, limits,
    },
    error::Error,
    scoring::written,
    service::{Call, listing},
    store::{
        Decision, Reader as _,
        conversation::{self, Found},
        message, queue,
    },
};

use super::parts;

/// Appends the messages and ratings that are not stored yet, by external id and UUID. Returns how many messages were added.
pub(super) async fn run(
    call: Call<'_>,
    new: &NewConversation,
    decision: &mut Decision<'_>,
    id: ConversationId,
) -> Result<(ImportOutcome, u32), Error> {
    let not_found = || Error::no_conversation(id);
    let found = conversation::find(&*decision, id).await?.ok_or_else(not_found)?;
    let guarded = decision.guarded_by(&decision.keys().head(id));
    let mut stored = conversation::outline(&guarded, found.head.clone()).await?;
    stored.conversation.held = stored.conversation.held.or_else(|| Held::of(&stored.messages));
    let known = known_ids(&stored);
    let is_unseen = |message: &NewImportedMessage| !known.contains(message.external_id.as_str());
    let unseen: Vec<&NewImportedMessage> = new.messages.iter().filter(|message| is_unseen(message)).collect();
    let ratings = parts::unknown_ratings(call, decision, id, &new.ratings).await?;
    if unseen.is_empty() && ratings.is_empty() {
        return Ok((ImportOutcome::Existing, 0));
    }
    check_place(new, &stored)?;
    let total = stored.messages.len() + unseen.len();
    if total > limits::CONVERSATION_MESSAGES {
        let most = limits::CONVERSATION_MESSAGES;
        let rule = format!("must leave the conversation with at most {most} messages, it would have {total}");
        return Err(Violations::one("messages", rule).into());
    }
    let append = Append { call, new, unseen, ratings };
    append.put(decision, found, &stored.conversation).await?;
    Ok((ImportOutcome::Appended, append.unseen.len() as u32))
}

/// A message that was stored on its own is also known by its tracking id.
fn known_ids(stored: &Transcript) -> HashSet<String> {
    let tracked = |message: &Message| message.details.as_ref()?.tracking_id.clone();
    let ids =
        stored.messages.iter().flat_map(|message| [Some(message.external_id.to_string()), tracked(message)]);
    ids.flatten().collect()
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

/// What is added.
struct Append<'a> {
    call: Call<'a>,
    new: &'a NewConversation,
    unseen: Vec<&'a NewImportedMessage>,
    ratings: Vec<&'a NewImportedRating>,
}

impl Append<'_> {
    async fn put(
        &self,
        decision: &mut Decision<'_>,
        found: Found,
        before: &Conversation,
    ) -> Result<(), Error> {
        let services = self.call.services;
        let id = before.id;
        let count = self.unseen.len() as u32;
        let in_messages = parts::numbers_of(self.unseen.iter().copied());
        let now = services.clock.now();
        let first = MessageId(services.ids.take(in_messages + self.ratings.len() as u64).await?);
        let appended = parts::number(decision, id, self.unseen.iter().copied(), first);
        let mut changed = before.clone();
        if let (Some(handling), Some(last)) = (&self.new.handling, appended.last()) {
            handling.go_on(&mut changed.handling, &self.numbers(&appended), last);
        }
        changed.handling.follow(&appended, written::is_automatic);
        changed.check_status_changes(before, "status_changes")?;
        parts::guess_channel(&mut changed, self.unseen.iter().copied());
        self.put_tracked(decision, id, &appended).await?;
        if count > 0 {
            let kind = EventKind::MessagesAppended { first, count };
            decision.log(&Event { conversation: id, time: now, kind });
        }
        let first_rating = RatingId(first.0 + in_messages);
        let ratings = self.ratings.iter().copied();
        let is_rated = parts::put_ratings(decision, &changed, ratings, first_rating, now);
        if count == 0 {
            // Ratings do not change their conversation.
            if is_rated {
                listing::put_rated(decision, id).await?;
            }
            return Ok(());
        }
        changed.version += 1;
        changed.message_count = changed.message_count.saturating_add(count);
        changed.hold(&appended);
        changed.update_time = now;
        queue::put_next(decision, id, changed.version, now).await?;
        listing::put_appended(decision, before, &changed, &appended, is_rated).await?;
        conversation::put_appended(decision, found.head, changed, appended);
        Ok(())
    }

    /// A tracking id stays with the message that already has it.
    async fn put_tracked(
        &self,
        decision: &mut Decision<'_>,
        id: ConversationId,
        appended: &[Message],
    ) -> Result<(), Error> {
        let tracked = parts::tracked(self.call, id, self.unseen.iter().copied().zip(appended));
        let guarded = decision.guarded_by(&decision.keys().head(id));
        let wanted = tracked.iter().map(|(key, _)| key.clone()).collect();
        let known = message::find_tracked(&guarded, wanted).await?;
        let unknown = tracked.into_iter().zip(known).filter(|(_, known)| known.is_none());
        parts::put_tracked(decision, unknown.map(|(tracked, _)| tracked).collect());
        Ok(())
    }

    /// The id of each message of the import, if it is new.
    fn numbers(&self, appended: &[Message]) -> Vec<Option<MessageId>> {
        let mut appended = self.unseen.iter().zip(appended).peekable();
        let number = |message: &NewImportedMessage| {
            let next = appended.next_if(|(unseen, _)| std::ptr::eq(**unseen, message));
            next.map(|(_, message)| message.id)
        };
        self.new.messages.iter().map(number).collect()
    }
}
