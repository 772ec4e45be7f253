//! Images that stand in HTML as `data:` URLs. They can be larger than all words of a mail together.

use std::collections::HashMap;

use minicbor::bytes::ByteVec;

use super::{AttachmentPlace, NewAttachment};
use crate::domain::{WithoutBytes, from_base64, limits};

const SCHEME: &str = "data:image/";
/// What the file of an image is called; the HTML refers to it as mails do, by `cid:` and this.
const NAME: &str = "inline-image-";
/// A URL's media type is shorter than this, with its parameters.
const MOST_HEAD_BYTES: usize = 256;

/// Replaces the images in `html` by references and appends them to `attachments` as files. Those beyond what a message may have
/// become files without their bytes while there is room for files, and otherwise only the reference stays. The same HTML always
/// gives the same, so a message that is sent again is recognised.
pub(super) fn take_out(html: &str, attachments: &mut Vec<NewAttachment>) -> String {
    let mut room_bytes = limits::ATTACHMENTS_BYTES.saturating_sub(attachments.iter().map(bytes_of).sum());
    let mut names: HashMap<&str, String> = HashMap::new();
    let mut out = String::new();
    let mut rest = html;
    while let Some((before, url, after)) = next_image(rest) {
        let number = names.len() + 1;
        let name = names.entry(url).or_insert_with(|| {
            let (file_name, content_type, bytes) = decoded(url, number);
            let place = match bytes {
                Some(bytes) if bytes.len() <= room_bytes => {
                    room_bytes -= bytes.len();
                    AttachmentPlace::Here(ByteVec::from(bytes))
                }
                bytes => AttachmentPlace::Missing(WithoutBytes {
                    size_bytes: bytes.map(|bytes| bytes.len() as u64),
                    content_type: Some(content_type),
                    ..WithoutBytes::default()
                }),
            };
            if attachments.len() < limits::ATTACHMENTS {
                attachments.push(NewAttachment { file_name: file_name.clone(), place });
            }
            file_name
        });
        out.push_str(before);
        out.push_str("cid:");
        out.push_str(name);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether a file is called as such an image is.
pub fn is_inline_image(file_name: &str) -> bool {
    file_name.starts_with(NAME)
}

fn bytes_of(attachment: &NewAttachment) -> usize {
    match &attachment.place {
        AttachmentPlace::Here(bytes) => bytes.len(),
        AttachmentPlace::Url(_) | AttachmentPlace::Missing(_) => 0,
    }
}

/// What stands before the next URL of an image, the URL, and what stands behind it.
fn next_image(html: &str) -> Option<(&str, &str, &str)> {
    let scheme = SCHEME.as_bytes();
    let start = html.as_bytes().windows(scheme.len()).position(|found| found.eq_ignore_ascii_case(scheme))?;
    let (before, url) = html.split_at_checked(start)?;
    let ends = |byte: u8| match before.bytes().next_back() {
        Some(quote @ (b'"' | b'\'')) => byte == quote,
        // `style="background: url(data:…)"`, with or without quotes of its own.
        Some(b'(') => matches!(byte, b')' | b'"' | b'\''),
        Some(b';') => matches!(byte, b'&' | b'"' | b'\''),
        _ => byte.is_ascii_whitespace() || matches!(byte, b'>' | b'"' | b'\''),
    };
    let length = url.bytes().position(ends).unwrap_or(url.len());
    // Each of these ends is one byte of its own, so no character is cut.
    let (url, after) = url.split_at_checked(length)?;
    Some((before, url, after))
}

/// The name of the file, its type, and its bytes where they can be decoded.
fn decoded(url: &str, number: usize) -> (String, String, Option<Vec<u8>>) {
    let has_head = url.bytes().take(MOST_HEAD_BYTES).any(|byte| byte == b',');
    let (head, data) = url.split_once(',').filter(|_| has_head).unwrap_or((SCHEME, ""));
    let head = head.to_ascii_lowercase();
    let mut parameters = head.trim_start_matches("data:").split(';');
    let content_type = parameters.next().unwrap_or_default().trim().to_owned();
    let bytes = match parameters.any(|parameter| parameter.trim() == "base64") {
        true => from_base64(data),
        false => Some(percent_encoding::percent_decode_str(data).collect()),
    };
    let suffix = match content_type.strip_prefix("image/").unwrap_or_default() {
        "jpeg" | "jpg" | "pjpeg" => "jpg",
        "png" | "x-png" => "png",
        "gif" => "gif",
        "webp" => "webp",
        "bmp" => "bmp",
        "svg+xml" => "svg",
        _ => "img",
    };
    (format!("{NAME}{number}.{suffix}"), content_type, bytes.filter(|bytes| !bytes.is_empty()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(html: &str) -> (String, Vec<NewAttachment>) {
        let mut files = Vec::new();
        (take_out(html, &mut files), files)
    }

    #[test]
    fn images_become_files_that_the_html_refers_to() {
        for (html, left, names) in [
            (
                "<img src=\"data:image/png;base64,iVBORw==\" alt=logo> Hi",
                "<img src=\"cid:inline-image-1.png\" alt=logo> Hi",
                &["inline-image-1.png"][..],
            ),
            (
                "<IMG SRC='DATA:IMAGE/JPEG;BASE64,/9j/\n4A==' >",
                "<IMG SRC='cid:inline-image-1.jpg' >",
                &["inline-image-1.jpg"],
            ),
            (
                "<img src=data:image/gif;base64,R0lG>x",
                "<img src=cid:inline-image-1.gif>x",
                &["inline-image-1.gif"],
            ),
            (
                "<p style=\"background:url(data:image/svg+xml,%3Csvg/%3E)\">a</p>",
                "<p style=\"background:url(cid:inline-image-1.svg)\">a</p>",
                &["inline-image-1.svg"],
            ),
            (
                "<i style='x:url(&quot;data:image/png;base64,iVBORw==&quot;)'>",
                "<i style='x:url(&quot;cid:inline-image-1.png&quot;)'>",
                &["inline-image-1.png"],
            ),
            ("no image, only data: of May", "no image, only data: of May", &[]),
        ] {
            let (found, files) = taken(html);
            assert_eq!(found, left);
            assert_eq!(files.iter().map(|file| file.file_name.as_str()).collect::<Vec<_>>(), names);
            let is_here = |file: &NewAttachment| matches!(&file.place, AttachmentPlace::Here(_));
            assert!(files.iter().all(is_here), "{files:?}");
        }
    }

    #[test]
    fn the_same_image_is_one_file_and_a_broken_one_has_no_bytes() {
        let image = "<img src=\"data:image/png;base64,iVBORw==\">";
        let (html, files) = taken(&format!("{image}{image}<img src=\"data:image/png;base64,%%%\">"));
        assert_eq!(html.matches("cid:inline-image-1.png").count(), 2);
        assert!(html.contains("cid:inline-image-2.png"));
        assert_eq!(files.len(), 2);
        assert!(matches!(files[1].place, AttachmentPlace::Missing(_)));
    }

    #[test]
    fn what_is_beyond_the_limits_of_a_message_loses_its_bytes_and_not_the_words() {
        let images: String =
            (0..120).map(|number| format!("<img src='data:image/png;base64,{number:04}'>")).collect();
        let (html, files) = taken(&format!("{images}words"));
        assert_eq!(files.len(), limits::ATTACHMENTS);
        assert!(html.ends_with("words") && html.contains("inline-image-120"));
        let large = "A".repeat(8 * 1024 * 1024);
        let (_, files) = taken(&format!(
            "<img src='data:image/png;base64,{large}'><img src='data:image/gif;base64,{large}'>"
        ));
        assert!(matches!(files[0].place, AttachmentPlace::Here(_)));
        let AttachmentPlace::Missing(file) = &files[1].place else { panic!() };
        assert_eq!(file.size_bytes, Some(6 * 1024 * 1024));
    }

    proptest! {
        #[test]
        fn nothing_but_images_changes(
            parts in prop::collection::vec(prop_oneof!["\\PC{0,12}", Just("data:image/png;base64,iVBORw==".to_owned())], 0..8),
        ) {
            let html = parts.join("\"");
            let (left, _) = taken(&html);
            prop_assert!(!left.to_ascii_lowercase().contains(SCHEME));
            if !html.to_ascii_lowercase().contains(SCHEME) {
                prop_assert_eq!(left, html);
            }
        }
    }
}
