//! Puts what an append adds and takes.

use std::collections::HashMap;

use crate::{
    domain::{
        Conversation, Event, EventKind, Held, ImportOutcome, Message, MessageId, Rating, RatingId,
        Violations,
        append::{Among, Differences, Told, take_conversation, take_history},
    },
    error::Error,
    scoring::{facts::OF_RATINGS, written},
    service::{conversation::is_scored_again, listing},
    store::{
        Decision, Reader as _, authors,
        conversation::{self, Found},
        message, queue,
    },
};

use super::{Append, parts};

/// The most bytes of messages that are rewritten for the edits of one append.
pub(super) const MAX_REWRITTEN_BYTES: usize = 16 * 1024 * 1024;

/// What an append did.
pub struct Appended {
    pub outcome: ImportOutcome,
    pub stored_messages: u32,
    pub differences: Differences,
    /// The conversation, if no scoring will enter those whom it names into the directory.
    pub unscored: Option<Box<Conversation>>,
}

/// What is put, in one batch.
struct Change {
    before: Conversation,
    changed: Conversation,
    appended: Vec<Message>,
    is_rated: bool,
    is_scored_again: bool,
}

impl Append<'_> {
    pub(super) async fn put(
        mut self,
        decision: &mut Decision<'_>,
        found: Found,
        mut differences: Differences,
    ) -> Result<Appended, Error> {
        let services = self.call.services;
        let before = self.stored.conversation.clone();
        let in_messages = parts::numbers_of(self.unseen.iter().copied());
        let numbers = in_messages + self.ratings.len() as u64;
        let first = MessageId(if numbers > 0 { services.ids.take(numbers).await? } else { 0 });
        let appended = parts::number(decision, before.id, self.unseen.iter().copied(), first);
        self.note_numbers(&appended);
        let changed = self.change(decision, &found, &appended, &mut differences).await?;
        self.put_tracked(decision, &appended).await?;
        self.log(decision, &before, &changed, &appended);
        let is_rated = self.put_ratings(decision, &changed, RatingId(first.0 + in_messages));
        let is_scored_again = !appended.is_empty()
            || self.edits.are_reworded
            || is_scored_again(self.call, &before, &changed)
            || (self.has_new_answers() && services.scorer().reads(&OF_RATINGS));
        let outcome = if !appended.is_empty() || !self.ratings.is_empty() {
            ImportOutcome::Appended
        } else if !self.edits.messages.is_empty() || !self.changed_ratings.is_empty() || changed != before {
            ImportOutcome::Updated
        } else {
            ImportOutcome::Existing
        };
        let stored_messages = appended.len() as u32;
        let change = Change { before, changed, appended, is_rated, is_scored_again };
        let unscored = self.put_conversation(decision, found, change).await?;
        Ok(Appended { outcome, stored_messages, differences, unscored })
    }

    /// Completes the numbers of the import's messages by those that are added.
    fn note_numbers(&mut self, appended: &[Message]) {
        let missing = self.numbers.iter_mut().filter(|number| number.is_none());
        missing.zip(appended).for_each(|(number, message)| *number = Some(message.id));
    }

    /// The conversation with what is newer of what is said about it.
    async fn change(
        &self,
        decision: &Decision<'_>,
        found: &Found,
        appended: &[Message],
        differences: &mut Differences,
    ) -> Result<Conversation, Error> {
        let before = &self.stored.conversation;
        let told = Told::of(self.new, &self.stored, self.now.horizon());
        let mut changed = before.clone();
        let among = Among::new(&self.numbers, appended, &self.stored.messages, MessageId(before.id.0));
        let closing = take_history(self.new, &among, &told, &mut changed.handling, differences);
        if let Some(place) = closing {
            changed.handling.customer_wrote_since = has_customer_written(decision, found, place).await?;
        }
        changed.handling.follow(appended, written::is_automatic);
        changed.check_status_changes(before, "status_changes")?;
        if !self.new.additions_only {
            take_conversation(self.new, &told, &mut changed, differences);
            told.note(before, &mut changed);
        }
        parts::guess_channel(&mut changed, self.unseen.iter().copied());
        changed.held = self.held(appended);
        Ok(changed)
    }

    /// When the conversation was held, with what is added and edited.
    fn held(&self, appended: &[Message]) -> Option<Held> {
        let edited: HashMap<MessageId, &Message> =
            self.edits.messages.iter().map(|message| (message.id, message)).collect();
        let stored = self.stored.messages.iter();
        let stored = stored.map(|message| edited.get(&message.id).copied().unwrap_or(message));
        Held::of(stored.chain(appended))
    }

    /// A tracking id stays with the message that already has it.
    async fn put_tracked(&self, decision: &mut Decision<'_>, appended: &[Message]) -> Result<(), Error> {
        let id = self.stored.conversation.id;
        let tracked = parts::tracked(self.call, id, self.unseen.iter().copied().zip(appended));
        let guarded = decision.guarded_by(&decision.keys().head(id));
        let wanted = tracked.iter().map(|(key, _)| key.clone()).collect();
        let known = message::find_tracked(&guarded, wanted).await?;
        let unknown = tracked.into_iter().zip(known).filter(|(_, known)| known.is_none());
        parts::put_tracked(decision, unknown.map(|(tracked, _)| tracked).collect());
        Ok(())
    }

    fn log(
        &self,
        decision: &mut Decision<'_>,
        before: &Conversation,
        changed: &Conversation,
        appended: &[Message],
    ) {
        let mut log = |kind| decision.log(&Event { conversation: before.id, time: self.now, kind });
        if let Some(first) = appended.first() {
            log(EventKind::MessagesAppended { first: first.id, count: appended.len() as u32 });
        } else if changed != before {
            log(EventKind::ConversationUpdated);
        }
        for edited in &self.edits.messages {
            log(EventKind::MessageUpdated { message: edited.id });
        }
    }

    /// Returns whether any of the ratings that are put is answered.
    fn put_ratings(&self, decision: &mut Decision<'_>, conversation: &Conversation, first: RatingId) -> bool {
        let new = self.ratings.iter().copied();
        let is_new_rated = parts::put_ratings(decision, conversation, new, first, self.now);
        parts::put_changed_ratings(decision, &self.changed_ratings, self.now) || is_new_rated
    }

    fn has_new_answers(&self) -> bool {
        let is_answered = |rating: &Rating| rating.answer_time().is_some();
        self.ratings.iter().any(|rating| rating.questions.iter().any(|question| question.answer.is_some()))
            || self.changed_ratings.iter().any(is_answered)
    }

    async fn put_conversation(
        &self,
        decision: &mut Decision<'_>,
        found: Found,
        change: Change,
    ) -> Result<Option<Box<Conversation>>, Error> {
        let Change { before, mut changed, appended, is_rated, is_scored_again } = change;
        let is_changed = changed != before || !appended.is_empty() || !self.edits.messages.is_empty();
        if !is_changed && !is_scored_again {
            // Ratings do not change their conversation.
            if is_rated {
                listing::put_rated(decision, before.id).await?;
            }
            return Ok(None);
        }
        changed.version += 1;
        changed.message_count = changed.message_count.saturating_add(appended.len() as u32);
        if is_changed {
            changed.update_time = self.now;
        }
        if is_scored_again {
            queue::put_next(decision, before.id, changed.version, self.now).await?;
            listing::put_appended(decision, &before, &changed, &appended, is_rated).await?;
        } else {
            if before.is_unscored() {
                // Scoring stays off for the new version.
                changed.unscored_version = Some(changed.version);
            }
            let mut listing = listing::Update::begin_with(decision, &found.head).await?;
            listing.follow(&changed, found.job.is_none());
            if is_rated {
                listing.set_rated();
            }
            listing.put(decision);
        }
        let unscored = (!is_scored_again && found.job.is_none()).then(|| Box::new(changed.clone()));
        if self.edits.messages.is_empty() {
            conversation::put_appended(decision, found.head, changed, appended);
        } else {
            let edited = &self.edits.messages;
            let most = MAX_REWRITTEN_BYTES;
            check_rewritten(
                message::put_edited(decision, found.head, changed, edited, appended, most).await?,
            )?;
        }
        Ok(unscored)
    }
}

/// Refuses edits that would rewrite too much.
pub(super) fn check_rewritten(is_within: bool) -> Result<(), Violations> {
    if is_within {
        return Ok(());
    }
    let rule = format!(
        "must edit fewer messages at once: more than {MAX_REWRITTEN_BYTES} bytes of messages would be rewritten"
    );
    Err(Violations::one("messages", rule))
}

/// Whether the customer themselves wrote after the closing that has this place among the messages.
async fn has_customer_written(
    decision: &Decision<'_>,
    found: &Found,
    place: MessageId,
) -> Result<bool, Error> {
    let head = &found.head;
    let guarded = decision.guarded_by(&decision.keys().head(head.conversation.id));
    let written = authors::from_the_end(&guarded, head, |message| {
        if message.id <= place {
            return Some(false);
        }
        message.is_by_customer(written::is_automatic).then_some(true)
    });
    Ok(written.await?.unwrap_or(false))
}
