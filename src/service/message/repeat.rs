//! Recognises a message that was stored before, here or on the server from which it was imported.

use crate::{
    domain::{ConversationId, MessageId, NewMessage, Sent},
    error::Error,
    service::Call,
    store::{Key, Space, conversation::Found, message},
};

/// What leads to a message that was stored here with this tracking id and content; `None` where it has no tracking id.
pub(super) fn key_of_stored(call: Call<'_>, conversation: ConversationId, new: &NewMessage) -> Option<Key> {
    let tracking_id = new.details.tracking_id.as_deref()?;
    let content = call.services.secrets.fingerprint(&new.canonical());
    Some(call.keys().tracked(conversation, tracking_id, &content))
}

/// What leads to a message that was imported: of what it had said of its conversation the import knows nothing, and nothing of
/// whether it had said when it was written. `None` where it has no tracking id.
pub fn key_of_imported(call: Call<'_>, conversation: ConversationId, sent: &Sent<'_>) -> Option<Key> {
    let tracking_id = sent.tracking_id()?;
    let content = call.services.secrets.fingerprint(&sent.canonical());
    Some(call.keys().tracked(conversation, tracking_id, &content))
}

/// The stored message that this one repeats, if any. Tracking ids change only together with the head.
pub(super) async fn find(
    call: Call<'_>,
    guarded: Space<'_>,
    found: &Found,
    stored: &Key,
    new: &NewMessage,
) -> Result<Option<MessageId>, Error> {
    let conversation = &found.head.conversation;
    let wanted = std::iter::once(stored.clone()).chain(key_of_imported(call, conversation.id, &new.sent()));
    let mut known = message::find_tracked(&guarded, wanted.collect()).await?.into_iter();
    if let Some(stored) = known.next().flatten() {
        return Ok(Some(stored));
    }
    let Some(imported) = known.next().flatten() else { return Ok(None) };
    let read = message::find(&guarded, &found.head, imported).await?;
    let is_repeat = read.is_some_and(|(message, _)| new.tells_no_more_than(&message, &conversation.handling));
    Ok(is_repeat.then_some(imported))
}
