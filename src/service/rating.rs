//! Offering ratings, answering and cancelling them.
//!
//! A rating does not change its conversation: no new version, no rescoring, unless a scorecard uses customers' answers. It does not
//! expect the conversation's head either, so concurrent messages cause no conflict; agent and channel are pinned as read. That the
//! conversation exists is expected of its identity key.

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

/// The conversation and rating id that a name refers to; neither need exist.
async fn resolve(call: Call<'_>, name: &RatingRef) -> Result<(ConversationId, RatingId), Error> {
    let conversation = conversation::resolve(call, &name.conversation).await?;
    if let Some(id) = call.services.secrets.rating_of(name.uuid) {
        return Ok((conversation, id));
    }
    if let Some(id) = rating::find_imported(&call.space(), conversation, name.uuid).await? {
        return Ok((conversation, id));
    }
    // An unknown conversation is reported as such, whatever the UUID.
    Err(not_found(name, stored_conversation::exists(&call.space(), conversation).await?))
}

/// The rating that a name refers to. After an export and import its id differs from the one in its UUID.
/// The rating is read through `reader`; the head, which changes with every message, through `space`.
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

/// The rating that an earlier request created or changed.
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
        Error::no_conversation(&name.conversation)
    }
}

/// The channel given by the helpdesk, else chat. Messages with addresses have already set `Email` when they were stored.
pub(super) fn channel_of(conversation: &Conversation) -> Channel {
    conversation.handling.channel.unwrap_or(Channel::WidgetChat)
}
