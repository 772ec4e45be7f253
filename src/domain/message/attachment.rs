//! Files attached to a message.

use minicbor::{Decode, Encode};

use crate::domain::AttachmentId;

/// A file attached to a message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Attachment {
    #[n(0)]
    pub id: AttachmentId,
    #[n(1)]
    pub file_name: String,
    /// Where it is, if it is known by reference only; it is never fetched. Absent: its bytes are stored here.
    #[n(2)]
    pub source_url: Option<String>,
    #[n(3)]
    pub size_bytes: Option<u64>,
    /// Detected from its bytes, not taken from the caller.
    #[n(4)]
    pub content_type: Option<String>,
    /// In pixels, for an image.
    #[n(5)]
    pub width: Option<u32>,
    #[n(6)]
    pub height: Option<u32>,
    /// Its bytes are not available: an import named the file without having them.
    #[cbor(n(7), skip_if = "crate::domain::is_false")]
    pub is_missing: bool,
}

impl Attachment {
    /// One of which only the name is known.
    pub fn missing(id: AttachmentId, file_name: &str) -> Self {
        Self {
            id,
            file_name: file_name.to_owned(),
            source_url: None,
            size_bytes: None,
            content_type: None,
            width: None,
            height: None,
            is_missing: true,
        }
    }
}

/// What is known about a file whose bytes are missing.
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

    pub(super) fn text_bytes(&self) -> usize {
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

/// What was detected from a file's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    pub content_type: String,
    /// In pixels, for an image whose header says so.
    pub size_pixels: Option<(u32, u32)>,
}

/// Detects the type of a file by its first bytes, and the size of an image; nothing is decoded.
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
    fn the_type_of_a_file_follows_from_its_bytes() {
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
            // An image that is cut off before its size.
            (&png[..12], "image/png"),
        ] {
            let expected = Measured { content_type: content_type.to_owned(), size_pixels: None };
            assert_eq!(measure(bytes), expected);
        }
    }

    #[test]
    fn a_file_extension_is_what_follows_the_last_dot() {
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
