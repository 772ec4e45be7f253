//! The files that came with messages.

use crate::{
    domain::{
        AttachedFile, Attachment, AttachmentId, AttachmentPlace, ConversationId, Message, NewAttachment,
        WithoutBytes, measure,
    },
    error::{Error, ResourceKind},
    service::{Call, Services},
    store::{Decision, StoreError, message, records::AttachmentBytes},
};

/// The bytes of an attachment, for whoever has its link.
pub async fn get_attachment(call: Call<'_>, link: &str) -> Result<AttachedFile, Error> {
    let not_found = || Error::not_found(ResourceKind::Attachment, format!("attachments/{link}"));
    let (conversation, id) = call.services.secrets.attachment_of(link).ok_or_else(not_found)?;
    message::find_attachment(&call.space(), conversation, id).await?.ok_or_else(not_found)
}

impl Services {
    /// The last part of the URL under which an attachment is downloaded.
    pub fn attachment_link(&self, conversation: ConversationId, attachment: AttachmentId) -> String {
        self.secrets.attachment_link(conversation, attachment)
    }
}

/// Puts the bytes of an attachment, if any, and returns the attachment as its message stores it.
pub(in crate::service) fn put_attachment(
    decision: &mut Decision<'_>,
    conversation: ConversationId,
    id: AttachmentId,
    new: &NewAttachment,
) -> Attachment {
    let attachment = Attachment {
        id,
        file_name: new.file_name.clone(),
        source_url: None,
        size_bytes: None,
        content_type: None,
        width: None,
        height: None,
        is_missing: false,
    };
    match &new.place {
        AttachmentPlace::Url(url) => Attachment { source_url: Some(url.clone()), ..attachment },
        AttachmentPlace::Missing(WithoutBytes { size_bytes, content_type, width, height }) => Attachment {
            size_bytes: *size_bytes,
            content_type: content_type.clone(),
            width: *width,
            height: *height,
            is_missing: true,
            ..attachment
        },
        AttachmentPlace::Here(bytes) => {
            let measured = measure(bytes);
            let content_type = measured.content_type;
            let file = AttachmentBytes {
                file_name: attachment.file_name.clone(),
                content_type: content_type.clone(),
                bytes: bytes.clone(),
            };
            message::put_attachment(decision, conversation, id, file);
            let (width, height) = measured.size_pixels.unzip();
            let size_bytes = Some(bytes.len() as u64);
            let content_type = Some(content_type);
            Attachment { size_bytes, content_type, width, height, ..attachment }
        }
    }
}

/// Updates the stored attachments of a changed message: removed ones are deleted, renamed ones get their new file name.
pub(super) async fn put_changed_attachments(
    decision: &mut Decision<'_>,
    conversation: ConversationId,
    before: &Message,
    changed: &Message,
) -> Result<(), StoreError> {
    let attachments = |message: &Message| {
        message.details.as_ref().map(|details| details.attachments.clone()).unwrap_or_default()
    };
    let kept = attachments(changed);
    for stored in attachments(before).into_iter().filter(Attachment::is_here) {
        match kept.iter().find(|kept| kept.id == stored.id) {
            None => message::delete_attachment(decision, conversation, stored.id),
            Some(kept) if kept.file_name != stored.file_name => {
                let file_name = kept.file_name.clone();
                message::put_renamed_attachment(decision, conversation, stored.id, file_name).await?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}
