//! Files attached to a message that is to be stored.

use minicbor::{Encode, bytes::ByteVec};

use super::DEFAULT_FILE_NAME;
use crate::domain::{Path, Violations, WithoutBytes, limits, rules};

#[derive(Clone, Debug, Default)]
pub struct AttachmentDraft {
    pub file_name: Option<String>,
    /// Takes precedence over the bytes.
    pub source_url: Option<String>,
    pub bytes: Option<Vec<u8>>,
    /// That neither URL nor bytes are given, on purpose.
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
    /// Elsewhere; they are never fetched.
    #[n(0)]
    Url(#[n(0)] String),
    #[n(1)]
    Here(#[n(0)] ByteVec),
    /// Not available: an import named the file without having its bytes.
    #[n(2)]
    Missing(#[n(0)] WithoutBytes),
}

/// The valid attachments; broken rules are recorded in the violations.
pub(super) fn check_attachments(
    at: Path<'_>,
    drafts: Vec<AttachmentDraft>,
    violations: &mut Violations,
) -> Vec<NewAttachment> {
    violations.check(at.field("attachments"), rules::items(drafts.len(), 0..=limits::ATTACHMENTS));
    let mut bytes_in_all = 0;
    let mut attachments = Vec::with_capacity(drafts.len().min(limits::ATTACHMENTS));
    for (index, draft) in drafts.into_iter().enumerate().take(limits::ATTACHMENTS) {
        let at = at.item("attachments", index);
        let of_url = || draft.source_url.as_deref().and_then(file_name_of);
        let file_name = draft.file_name.clone().or_else(of_url);
        let file_name = file_name.unwrap_or_else(|| DEFAULT_FILE_NAME.to_owned());
        violations.check(at.field("file_name"), rules::max_bytes(Some(&file_name), limits::NAME_BYTES));
        let place = match (draft.source_url, draft.bytes, draft.without_bytes) {
            (Some(url), ..) => {
                violations.check(at.field("source_url"), rules::web_url(&url));
                AttachmentPlace::Url(url)
            }
            (None, Some(bytes), _) => {
                bytes_in_all += bytes.len();
                AttachmentPlace::Here(bytes.into())
            }
            (None, None, Some(file)) => {
                let rule = rules::max_bytes(file.content_type.as_deref(), limits::TEXT_BYTES);
                violations.check(at.field("content_type"), rule);
                AttachmentPlace::Missing(file)
            }
            (None, None, None) => {
                violations.add(at, "must have a URL or its bytes, has neither");
                continue;
            }
        };
        attachments.push(NewAttachment { file_name, place });
    }
    let most = limits::ATTACHMENTS_BYTES;
    if bytes_in_all > most {
        let rule = format!("must have at most {most} bytes in all, have {bytes_in_all}");
        violations.add(at.field("attachments"), rule);
    }
    attachments
}

/// The last segment of a URL's path, decoded; empty if it cannot be a name.
fn file_name_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let path = rest.split(['?', '#']).next()?.split_once('/')?.1;
    let last = percent_encoding::percent_decode_str(path.rsplit('/').next()?).decode_utf8().ok()?;
    let rule = rules::bytes(&last, 1..=limits::NAME_BYTES).and_then(|()| rules::one_line(&last));
    rule.is_ok().then(|| last.into_owned())
}
