//! The parts of an import besides its head: messages with ids, attachments, tracking ids, ratings.

use std::collections::HashSet;

use crate::{
    domain::{
        AttachmentId, Conversation, ConversationId, Event, EventKind, Message, MessageId, NewConversation,
        NewImportedMessage, NewImportedRating, Path, Rating, RatingId, RatingState, UnixMillis, Violations,
    },
    error::Error,
    service::{
        Call,
        message::{key_of_imported, put_attachment},
        rating::channel_of,
    },
    store::{
        Decision, Key, Reader as _, get_many, message, rating,
        records::{self, RatingNumber},
    },
};

/// How many ids the messages use: one each; with details also one for the event that `StoreMessage` would have logged, and one per
/// attachment.
pub(super) fn numbers_of<'a>(messages: impl IntoIterator<Item = &'a NewImportedMessage>) -> u64 {
    messages.into_iter().map(numbers_of_one).sum()
}

fn numbers_of_one(message: &NewImportedMessage) -> u64 {
    message.details.as_ref().map_or(1, |details| 2 + details.attachments.len() as u64)
}

/// The messages with their ids. Puts the bytes of their attachments.
pub(super) fn number<'a>(
    decision: &mut Decision<'_>,
    conversation: ConversationId,
    messages: impl Iterator<Item = &'a NewImportedMessage>,
    first: MessageId,
) -> Vec<Message> {
    let mut next = first.0;
    let numbered = messages.map(|message| {
        let id = MessageId(next);
        next += numbers_of_one(message);
        let mut numbered = message.message(id);
        if let (Some(details), Some(new)) = (&mut numbered.details, &message.details) {
            for (attachment, number) in new.attachments.iter().zip(id.0 + 2..) {
                let attachment = put_attachment(decision, conversation, AttachmentId(number), attachment);
                details.attachments.push(attachment);
            }
        }
        numbered
    });
    numbered.collect()
}

/// If no channel was given, messages with addresses imply it.
pub(super) fn guess_channel<'a>(
    conversation: &mut Conversation,
    mut messages: impl Iterator<Item = &'a NewImportedMessage>,
) {
    if conversation.handling.channel.is_none() {
        conversation.handling.channel =
            messages.find_map(|message| message.details.as_ref()?.handling.likely_channel);
    }
}

/// The keys of the messages' tracking ids, by which `StoreMessage` recognises a repeated message.
pub(super) fn tracked<'a>(
    call: Call<'_>,
    conversation: ConversationId,
    messages: impl Iterator<Item = (&'a NewImportedMessage, &'a Message)>,
) -> Vec<(Key, MessageId)> {
    let mut seen = HashSet::new();
    let mut tracked = Vec::new();
    for (new, message) in messages {
        let key = new.sent().and_then(|sent| key_of_imported(call, conversation, &sent));
        let Some(key) = key else { continue };
        // If two differ only in times and in what they say about the conversation, the first one counts.
        if seen.insert(key.clone()) {
            tracked.push((key, message.id));
        }
    }
    tracked
}

pub(super) fn put_tracked(decision: &mut Decision<'_>, tracked: Vec<(Key, MessageId)>) {
    for (key, id) in tracked {
        message::put_tracked(decision, key, id);
    }
}

/// The ratings of an import, each with its place in it.
pub(super) struct Ratings<'a> {
    /// Those that the conversation does not have yet.
    pub unknown: Vec<(usize, &'a NewImportedRating)>,
    /// Those that it has, as they are stored.
    pub known: Vec<(usize, &'a NewImportedRating, Rating)>,
}

/// Looks up which ratings the conversation has. Those that it has are read only where they are compared.
pub(super) async fn find_ratings<'a>(
    call: Call<'_>,
    decision: &Decision<'_>,
    conversation: ConversationId,
    new: &'a NewConversation,
) -> Result<Ratings<'a>, Error> {
    let mut ratings = Ratings { unknown: Vec::new(), known: Vec::new() };
    if new.ratings.is_empty() {
        return Ok(ratings);
    }
    let keys = decision.keys();
    // Under the UUID that it was imported with, or under its own.
    let wanted: Vec<Key> = new
        .ratings
        .iter()
        .flat_map(|rating| {
            let uuid = rating.uuid().unwrap_or_default();
            let own = call.services.secrets.rating_of(uuid).unwrap_or(RatingId(0));
            [keys.imported_rating(conversation, uuid), keys.rating(conversation, own)]
        })
        .collect();
    // Ratings with a UUID of the store's own stay for as long as their conversation does, and the others are expected to be
    // new where they are put.
    let found = decision.unguarded().get(wanted.clone()).await?;
    let mut known = Vec::new();
    let pairs = wanted.chunks_exact(2).zip(found.chunks_exact(2));
    for ((place, rating), (keys_of, values)) in new.ratings.iter().enumerate().zip(pairs) {
        match (keys_of, values) {
            ([imported, _], [Some(number), _]) => {
                let number: RatingNumber = records::decode(imported, number)?;
                known.push((place, rating, keys.rating(conversation, number.rating)));
            }
            ([_, own], [None, Some(_)]) => known.push((place, rating, own.clone())),
            _ => ratings.unknown.push((place, rating)),
        }
    }
    if new.additions_only {
        return Ok(ratings);
    }
    // What is taken rests on them as they are, so they are read again through the decision.
    let stored = get_many::<Rating>(decision, known.iter().map(|(.., key)| key.clone()).collect()).await?;
    let known = known.into_iter().zip(stored);
    ratings.known = known.filter_map(|((place, rating, _), stored)| Some((place, rating, stored?))).collect();
    Ok(ratings)
}

/// Refuses ratings, each with its place in the import, of which something is said to have happened in the future.
pub(super) fn check_ratings<'a>(
    ratings: impl IntoIterator<Item = (usize, &'a NewImportedRating)>,
    now: UnixMillis,
) -> Result<(), Violations> {
    let mut violations = Violations::default();
    for (place, rating) in ratings {
        rating.check_past(now, Path::ROOT.item("ratings", place), &mut violations);
    }
    violations.or(())
}

/// Puts ratings, their index entries, and an event for the last change of each. Returns whether any is answered, for the lists.
pub(super) fn put_ratings<'a>(
    decision: &mut Decision<'_>,
    conversation: &Conversation,
    ratings: impl Iterator<Item = &'a NewImportedRating>,
    first: RatingId,
    now: UnixMillis,
) -> bool {
    let mut is_rated = false;
    for (new, number) in ratings.zip(first.0..) {
        let channel = channel_of(conversation);
        let rating = new.stored(RatingId(number), conversation.id, &conversation.source, channel, now);
        rating::put_new(decision, &rating);
        if let Some(uuid) = new.uuid() {
            rating::put_imported(decision, &rating, uuid);
        }
        is_rated |= rating.answer_time().is_some();
        let event = Event { conversation: conversation.id, time: now, kind: last_event(&rating, now) };
        decision.log(&event);
    }
    is_rated
}

/// Puts ratings that were stored before, and an event for the last change of each. Returns whether any is answered.
pub(super) fn put_changed_ratings(decision: &mut Decision<'_>, ratings: &[Rating], now: UnixMillis) -> bool {
    for rating in ratings {
        rating::put_changed(decision, rating);
        let kind = last_event(rating, now);
        decision.log(&Event { conversation: rating.conversation, time: now, kind });
    }
    ratings.iter().any(|rating| rating.answer_time().is_some())
}

fn last_event(rating: &Rating, now: UnixMillis) -> EventKind {
    let id = rating.id;
    match rating.state(now) {
        RatingState::Rated | RatingState::OptedOut => EventKind::RatingSubmitted { rating: id },
        RatingState::Cancelled => EventKind::RatingCancelled { rating: id },
        _ => EventKind::RatingOffered { rating: id },
    }
}
