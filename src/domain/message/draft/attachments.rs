//! The files that come with a message.

use minicbor::{Encode, bytes::ByteVec};

use super::{StoreLimits, check_count, check_length};
use crate::domain::{ImportLimits, Violations, WithoutBytes};

#[derive(Clone, Debug, Default)]
pub struct AttachmentDraft {
    pub file_name: Option<String>,
    /// Wins over the bytes.
    pub source_url: Option<String>,
    pub bytes: Option<Vec<u8>>,
    /// That neither is there and that this is meant.
    pub without_bytes: Option<WithoutBytes>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewAttachment {
    #[n(0)]
    pub file_name: String,
    #[n(1)]
    pub place: AttachmentPlace,
}

/// Where an attachment's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub enum AttachmentPlace {
    /// Elsewhere; nobody fetches them.
    #[n(0)]
    Url(#[n(0)] String),
    #[n(1)]
    Here(#[n(0)] ByteVec),
    /// Nowhere: an import told of it and did not have its bytes.
    #[n(2)]
    Missing(#[n(0)] WithoutBytes),
}

/// What of them obeys every rule; what does not is among the violations.
pub(super) fn check_attachments(
    violations: &mut Violations,
    drafts: Vec<AttachmentDraft>,
) -> Vec<NewAttachment> {
    check_count(violations, "attachments", drafts.len(), StoreLimits::ATTACHMENTS);
    let mut bytes_in_all = 0;
    let mut attachments = Vec::with_capacity(drafts.len().min(StoreLimits::ATTACHMENTS));
    for (index, draft) in drafts.into_iter().enumerate().take(StoreLimits::ATTACHMENTS) {
        let field = |name: &str| format!("attachments[{index}].{name}");
        let of_url = || draft.source_url.as_deref().and_then(file_name_of);
        let file_name = draft.file_name.clone().or_else(of_url);
        let file_name = file_name.unwrap_or_else(|| StoreLimits::DEFAULT_FILE_NAME.to_owned());
        check_length(violations, &field("file_name"), &file_name, ImportLimits::NAME_BYTES);
        let place = match (draft.source_url, draft.bytes, draft.without_bytes) {
            (Some(url), ..) => {
                check_url(violations, &field("source_url"), &url);
                AttachmentPlace::Url(url)
            }
            (None, Some(bytes), _) => {
                bytes_in_all += bytes.len();
                AttachmentPlace::Here(bytes.into())
            }
            (None, None, Some(file)) => {
                let content_type = file.content_type.as_deref().unwrap_or_default();
                check_length(violations, &field("content_type"), content_type, StoreLimits::TEXT_BYTES);
                AttachmentPlace::Missing(file)
            }
            (None, None, None) => {
                violations.add(format!("attachments[{index}]"), "must have a URL or its bytes, has neither");
                continue;
            }
        };
        attachments.push(NewAttachment { file_name, place });
    }
    if bytes_in_all > StoreLimits::ATTACHMENTS_BYTES {
        let most = StoreLimits::ATTACHMENTS_BYTES;
        violations.add("attachments", format!("must have at most {most} bytes in all, have {bytes_in_all}"));
    }
    attachments
}

/// The last part of a URL's path, decoded; nothing where it has none that can be a name.
fn file_name_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let path = rest.split(['?', '#']).next()?.split_once('/')?.1;
    let last = percent_encoding::percent_decode_str(path.rsplit('/').next()?).decode_utf8().ok()?;
    let is_name = (1..=ImportLimits::NAME_BYTES).contains(&last.len()) && !last.chars().any(char::is_control);
    is_name.then(|| last.into_owned())
}

/// A URL is kept and shown to others, so it must be one that leads to the web and nowhere else.
fn check_url(violations: &mut Violations, field: &str, url: &str) {
    let is_web = ["http://", "https://"].iter().any(|scheme| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && url.len() > scheme.len()
    });
    if url.len() > StoreLimits::URL_BYTES {
        check_length(violations, field, url, StoreLimits::URL_BYTES);
    } else if !is_web || url.chars().any(|character| character.is_control() || character == ' ') {
        let rule = "must be a URL that begins with http:// or https://, without spaces";
        let shown: String = url.chars().take(60).collect();
        violations.add(field, format!("{rule}, is {shown:?}"));
    }
}
