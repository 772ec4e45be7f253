//! Appending to a conversation that is there.

use std::collections::HashSet;

use crate::{
    domain::{
        ConversationId, Event, EventKind, ImportLimits, ImportOutcome, Message, MessageId, NewConversation,
        NewImportedRating, NewMessage, RatingId, Transcript, Violations,
    },
    error::Error,
    service::{Services, listing, once::Once},
    store::{
        Batch, Stored,
        conversation::{self, Found},
        queue,
        records::{self, Request},
    },
};

use super::{Imported, commit, parts};

/// Appends the messages whose external id, and the ratings whose UUID is not stored yet; `None` when another write came first.
pub(super) async fn run(
    services: &Services,
    new: &NewConversation,
    once: &Once<'_>,
    expired: Option<Stored<Request>>,
    id: ConversationId,
) -> Result<Option<Imported>, Error> {
    let Some(found) = conversation::find(&*services.store, id).await? else { return Ok(None) };
    let stored = conversation::transcript(&*services.store, found.head.value.clone()).await?;
    let known = known_ids(&stored);
    let is_unseen = |message: &NewMessage| !known.contains(message.external_id.as_str());
    let unseen: Vec<&NewMessage> = new.messages.iter().filter(|message| is_unseen(message)).collect();
    let ratings = parts::unknown_ratings(services, id, &new.ratings).await?;
    if unseen.is_empty() && ratings.is_empty() {
        let mut batch = Batch::default();
        conversation::expect_head(&mut batch, id, found.head.raw);
        return commit(services, batch, once, expired, id, ImportOutcome::Existing, 0).await;
    }
    check_place(new, &stored)?;
    let total = stored.messages.len() + unseen.len();
    if total > ImportLimits::CONVERSATION_MESSAGES {
        let most = ImportLimits::CONVERSATION_MESSAGES;
        let rule = format!("must leave the conversation with at most {most} messages, it would have {total}");
        return Err(Violations::one("messages", rule).into());
    }
    let append = Append { services, new, unseen, ratings };
    let count = append.unseen.len() as u32;
    let batch = append.batch(found, stored).await?;
    commit(services, batch, once, expired, id, ImportOutcome::Appended, count).await
}

/// A message that was stored singly is known by the id under which the source tracks it, too.
fn known_ids(stored: &Transcript) -> HashSet<String> {
    let tracked = |message: &Message| message.details.as_ref()?.tracking_id.clone();
    let ids =
        stored.messages.iter().flat_map(|message| [Some(message.external_id.clone()), tracked(message)]);
    ids.flatten().collect()
}

/// A part of a conversation has to follow the part before it.
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
    services: &'a Services,
    new: &'a NewConversation,
    unseen: Vec<&'a NewMessage>,
    ratings: Vec<&'a NewImportedRating>,
}

impl Append<'_> {
    async fn batch(&self, found: Found, stored: Transcript) -> Result<Batch, Error> {
        let services = self.services;
        let id = stored.conversation.id;
        let count = self.unseen.len() as u32;
        let in_messages = parts::numbers_of(self.unseen.iter().copied());
        let now = services.clock.now();
        let first = MessageId(services.ids.take(in_messages + self.ratings.len() as u64).await?);
        let mut batch = Batch::default();
        let appended = parts::number(&mut batch, id, self.unseen.iter().copied(), first);
        let mut changed = stored.conversation.clone();
        if let (Some(handling), Some(last)) = (&self.new.handling, appended.last()) {
            handling.go_on(&mut changed.handling, &self.numbers(&appended), last);
        }
        changed.handling.follow(&appended);
        changed.check_status_changes(&stored.conversation, "status_changes")?;
        parts::guess_channel(&mut changed, self.unseen.iter().copied());
        parts::put_tracked(services, &mut batch, id, self.unseen.iter().copied().zip(&appended)).await?;
        let first_rating = RatingId(first.0 + in_messages);
        let ratings = self.ratings.iter().copied();
        let is_rated = parts::put_ratings(&mut batch, &changed, ratings, first_rating, now);
        if count == 0 {
            if is_rated {
                listing::put_rated(services, &mut batch, id).await?;
            }
            // Ratings do not change their conversation.
            conversation::expect_head(&mut batch, id, found.head.raw);
            return Ok(batch);
        }
        changed.version += 1;
        changed.message_count = changed.message_count.saturating_add(count);
        changed.update_time = now;
        queue::put_next(&mut batch, id, changed.version, now, found.failure.as_ref());
        let before = &stored.conversation;
        listing::put_appended(services, &mut batch, before, &changed, &appended, is_rated).await?;
        conversation::put_appended(&mut batch, found.head, changed, appended);
        let event = Event { conversation: id, time: now, kind: EventKind::MessagesAppended { first, count } };
        batch.log.insert(0, records::encode(&event));
        Ok(batch)
    }

    /// For each message of the import its number, if it is new.
    fn numbers(&self, appended: &[Message]) -> Vec<Option<MessageId>> {
        let mut appended = self.unseen.iter().zip(appended).peekable();
        let number = |message: &NewMessage| {
            let next = appended.next_if(|(unseen, _)| std::ptr::eq(**unseen, message));
            next.map(|(_, message)| message.id)
        };
        self.new.messages.iter().map(number).collect()
    }
}
