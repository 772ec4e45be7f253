//! Offering ratings, answering and cancelling them.
//!
//! A rating does not change its conversation, no version grows, nothing is scored again, unless a scorecard names what
//! customers answer. Nor does it expect the conversation's head, so that messages that arrive meanwhile do not make it begin
//! again: what the head says of the agent and the channel is pinned as it was read. That the conversation is there is expected of its identity.

mod answer;
mod list;
mod offer;
mod opt_out;
#[cfg(test)]
mod tests;

use crate::{
    domain::{Channel, Conversation, ConversationId, ConversationRef, Rating, RatingId, RatingRef},
    error::{Error, ResourceKind},
    store::{Reader, Space, conversation as stored_conversation, rating},
};

use super::{Call, conversation};

pub use answer::{Submitted, cancel_rating, submit_rating};
pub use list::{Listed, Place, list_ratings, list_ratings_of, summarize_ratings};
pub use offer::offer_rating;
pub use opt_out::{OptOutPage, create_opt_out, list_opt_outs};

/// One rating.
pub async fn get_rating(call: Call<'_>, name: &RatingRef) -> Result<Rating, Error> {
    let (conversation, id) = resolve(call, name).await?;
    let space = call.space();
    find_named(&space, space, name, conversation, id).await
}

/// Which rating of which conversation a name means; neither need be stored.
async fn resolve(call: Call<'_>, name: &RatingRef) -> Result<(ConversationId, RatingId), Error> {
    let conversation = conversation::resolve(call, &name.conversation).await?;
    if let Some(id) = call.services.secrets.rating_of(name.uuid) {
        return Ok((conversation, id));
    }
    if let Some(id) = rating::find_imported(&call.space(), conversation, name.uuid).await? {
        return Ok((conversation, id));
    }
    // Of an unknown conversation that is said, whatever the UUID is.
    Err(not_found(name, stored_conversation::exists(&call.space(), conversation).await?))
}

/// The rating that a name means, whose number may be another one than the UUID tells: it may have come back by an import.
/// `reader` reads the rating; its conversation's head, which changes with every message, is read from `space`.
async fn find_named(
    reader: &dyn Reader,
    space: Space<'_>,
    name: &RatingRef,
    conversation: ConversationId,
    id: RatingId,
) -> Result<Rating, Error> {
    let is_there = stored_conversation::exists(&space, conversation).await?;
    let mut found = rating::find(reader, conversation, id).await?;
    if is_there
        && found.is_none()
        && let Some(imported) = rating::find_imported(reader, conversation, name.uuid).await?
    {
        found = rating::find(reader, conversation, imported).await?;
    }
    found.filter(|_| is_there).ok_or_else(|| not_found(name, is_there))
}

/// What an earlier request made.
async fn find_recorded(call: Call<'_>, conversation: ConversationId, id: RatingId) -> Result<Rating, Error> {
    let uuid = call.services.secrets.rating_uuid(id);
    let name = RatingRef { conversation: ConversationRef::Id(conversation), uuid };
    let space = call.space();
    find_named(&space, space, &name, conversation, id).await
}

fn not_found(name: &RatingRef, has_conversation: bool) -> Error {
    if has_conversation {
        Error::not_found(ResourceKind::Rating, name)
    } else {
        Error::not_found(ResourceKind::Conversation, format!("conversations/{}", name.conversation))
    }
}

/// The channel as the helpdesk says, else a guess: a chat. Where addresses were stored, storing them has set `Email`.
pub(super) fn channel_of(conversation: &Conversation) -> Channel {
    conversation.handling.channel.unwrap_or(Channel::WidgetChat)
}
