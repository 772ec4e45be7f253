//! What a message keeps that was stored singly, with all that a helpdesk says of it.

use minicbor::{Decode, Encode};

use super::{AttachmentId, MessageKind, plain_text};

/// What a message keeps beyond an imported one, as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct MessageDetails {
    #[n(0)]
    pub direction: Direction,
    /// An internal note, whatever its direction.
    #[n(1)]
    pub is_private: bool,
    /// The form of the body as the source calls it: `html`, `text`, `note`, …
    #[n(2)]
    pub body_type: String,
    #[n(3)]
    pub from_address: Option<String>,
    #[n(4)]
    pub from_name: Option<String>,
    /// Receivers, each an address or `Name <address>`.
    #[n(5)]
    pub to: Vec<String>,
    #[n(6)]
    pub cc: Vec<String>,
    #[n(7)]
    pub bcc: Vec<String>,
    #[n(8)]
    pub subject: Option<String>,
    #[n(9)]
    pub html_body: Option<String>,
    #[n(10)]
    pub plain_body: Option<String>,
    /// Without quoted history and signature, as the source cleaned it.
    #[n(11)]
    pub clean_body: Option<String>,
    /// JSON objects that are kept as their text.
    #[n(12)]
    pub raw_data: Option<String>,
    #[n(13)]
    pub sender: Option<String>,
    #[n(14)]
    pub sent_content: Option<String>,
    #[n(15)]
    pub intent_ids: Vec<IntentId>,
    #[n(16)]
    pub crm_notification_id: Option<String>,
    #[n(17)]
    pub contract_id: Option<String>,
    #[n(18)]
    pub customer_id: Option<String>,
    /// The agent's number in the source: the author's, or with a customer's message that of who is in charge.
    #[n(19)]
    pub agent_id: Option<i64>,
    #[n(20)]
    pub subchannel_id: Option<i64>,
    /// The id under which the source sent it. Unlike a message's external id it may come again, with other content.
    #[n(21)]
    pub tracking_id: Option<String>,
    #[n(22)]
    pub attachments: Vec<Attachment>,
}

impl MessageDetails {
    /// The type of a body that is no HTML.
    pub const TEXT: &str = "text";

    pub fn kind(&self) -> MessageKind {
        if self.is_private || self.direction == Direction::Internal {
            MessageKind::Comment
        } else {
            MessageKind::Message
        }
    }

    /// Whether an agent wrote it: all but what the customer sends in.
    pub fn is_by_agent(&self) -> bool {
        self.is_private || self.direction != Direction::In
    }

    /// About how many bytes its texts take.
    pub fn text_bytes(&self) -> usize {
        let texts = [
            &self.from_address,
            &self.from_name,
            &self.subject,
            &self.html_body,
            &self.plain_body,
            &self.clean_body,
            &self.raw_data,
            &self.sender,
            &self.sent_content,
            &self.crm_notification_id,
            &self.contract_id,
            &self.customer_id,
            &self.tracking_id,
        ];
        let lists = [&self.to, &self.cc, &self.bcc];
        let in_lists = lists.iter().flat_map(|list| list.iter()).map(String::len).sum::<usize>();
        let in_attachments = self.attachments.iter().map(Attachment::text_bytes).sum::<usize>();
        texts.iter().filter_map(|text| text.as_ref()).map(String::len).sum::<usize>()
            + in_lists
            + in_attachments
    }
}

/// The words of a body: it is read as HTML unless its type says that it is text, in which `<` is a character like any other.
pub fn words_of_body(body: &str, body_type: &str) -> String {
    if body_type.eq_ignore_ascii_case(MessageDetails::TEXT) { body.to_owned() } else { plain_text(body) }
}

/// Which way a message went, seen from the company.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Direction {
    /// From the customer.
    #[n(0)]
    #[default]
    In,
    /// To the customer.
    #[n(1)]
    Out,
    /// Between agents.
    #[n(2)]
    Internal,
}

/// What the source recognised in a message, by the number or the name that it sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum IntentId {
    #[n(0)]
    Number(#[n(0)] i64),
    #[n(1)]
    Text(#[n(0)] String),
}

/// A file that came with a message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Attachment {
    #[n(0)]
    pub id: AttachmentId,
    #[n(1)]
    pub file_name: String,
    /// Where it is, for one that is known by reference only; it is never fetched. Absent: its bytes are stored here.
    #[n(2)]
    pub source_url: Option<String>,
    #[n(3)]
    pub size_bytes: Option<u64>,
    /// Found in its bytes, not taken from the caller.
    #[n(4)]
    pub content_type: Option<String>,
    /// In pixels, of an image.
    #[n(5)]
    pub width: Option<u32>,
    #[n(6)]
    pub height: Option<u32>,
    /// Its bytes are nowhere: an import told of it and did not have them.
    #[cbor(n(7), skip_if = "is_false")]
    pub is_missing: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// What is known of a file whose bytes are not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct WithoutBytes {
    #[n(0)]
    pub size_bytes: Option<u64>,
    #[n(1)]
    pub content_type: Option<String>,
    #[n(2)]
    pub width: Option<u32>,
    #[n(3)]
    pub height: Option<u32>,
}

impl Attachment {
    /// Whether its bytes are stored here.
    pub fn is_here(&self) -> bool {
        self.source_url.is_none() && !self.is_missing
    }

    /// What follows the last dot of its name, in lower case.
    pub fn file_ending(&self) -> Option<String> {
        let (stem, ending) = self.file_name.rsplit_once('.')?;
        let is_ending = !stem.is_empty()
            && (1..=16).contains(&ending.len())
            && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_ending.then(|| ending.to_ascii_lowercase())
    }

    fn text_bytes(&self) -> usize {
        self.file_name.len() + self.source_url.as_ref().map_or(0, String::len) + 64
    }
}

/// A stored attachment with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedFile {
    pub file_name: String,
    pub content_type: String,
    pub bytes: bytes::Bytes,
}

/// What was found out of a file's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    pub content_type: String,
    /// In pixels, of an image whose header says so.
    pub size_pixels: Option<(u32, u32)>,
}

/// Tells the type of a file by its first bytes, and how large an image is; nothing is decoded.
pub fn measure(bytes: &[u8]) -> Measured {
    let content_type = match infer::get(bytes) {
        Some(kind) => kind.mime_type(),
        None if !bytes.is_empty() && !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok() => {
            "text/plain"
        }
        None => "application/octet-stream",
    };
    let size = content_type.starts_with("image/").then(|| imagesize::blob_size(bytes).ok()).flatten();
    let pixels = |size: imagesize::ImageSize| {
        Some((u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?))
    };
    Measured { content_type: content_type.to_owned(), size_pixels: size.and_then(pixels) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_is_what_its_bytes_say() {
        let png = [
            0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 3,
            0, 0, 0, 2, 8, 2, 0, 0, 0,
        ];
        assert_eq!(measure(&png), Measured { content_type: "image/png".into(), size_pixels: Some((3, 2)) });
        for (bytes, content_type) in [
            (&b"%PDF-1.7 x"[..], "application/pdf"),
            (b"<!DOCTYPE html><script>", "text/html"),
            ("Grüße".as_bytes(), "text/plain"),
            (b"\xFF\x00\x12", "application/octet-stream"),
            (b"", "application/octet-stream"),
            // An image that ends before its size.
            (&png[..12], "image/png"),
        ] {
            let expected = Measured { content_type: content_type.to_owned(), size_pixels: None };
            assert_eq!(measure(bytes), expected);
        }
    }

    #[test]
    fn a_file_ends_in_what_follows_its_last_dot() {
        let ending = |name: &str| {
            let file_name = name.to_owned();
            let (source_url, size_bytes, content_type, width, height) = (None, None, None, None, None);
            let id = AttachmentId(1);
            let is_missing = false;
            Attachment { id, file_name, source_url, size_bytes, content_type, width, height, is_missing }
                .file_ending()
        };
        assert_eq!(ending("a.tar.GZ").as_deref(), Some("gz"));
        for none in ["", "a", ".png", "a.", "a.p/g", "a.äö"] {
            assert_eq!(ending(none), None, "{none}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn any_bytes_that_begin_as_an_image_are_measured(
            begin in prop::sample::select(vec![
                &b"\x89PNG\r\n\x1a\n"[..], b"GIF89a", b"\xff\xd8\xff\xe0", b"BM", b"II*\0", b"MM\0*",
                b"RIFF\0\0\0\0WEBPVP8 ", b"RIFF\0\0\0\0WEBPVP8X", b"\0\0\x01\0", b"8BPS\0\x01",
                b"\0\0\0\x18ftypavif", b"\0\0\0\x18ftypheic", b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n",
                b"II\xbc", b"v/1\x01", b"#?RADIANCE\n", b"qoif", b"farbfeld", b"P6 ", b"FORM\0\0\0\0ILBM",
            ]),
            rest in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(0xFF)], 0..200),
        ) {
            measure(&[begin, &rest].concat());
        }
    }
}
