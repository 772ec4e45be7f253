//! Base64 as it is met in mails and `data:` URLs.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// The bytes of base64 in either alphabet, with or without padding, with white space anywhere.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    let mut data = text.as_bytes().to_vec();
    data.retain(|byte| !byte.is_ascii_whitespace());
    let engine = if data.iter().any(|byte| matches!(byte, b'-' | b'_')) { URL_SAFE } else { STANDARD };
    engine.decode(data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_common_variants_are_decoded() {
        for text in ["+/+/AA==", "+/+/AA", "-_-_AA==", "-_-_AA", "+/+/\r\nAA=="] {
            assert_eq!(from_base64(text), Some(vec![0xFB, 0xFF, 0xBF, 0]), "{text}");
        }
        for wrong in ["base-64-encoded-string-of-attachment-file", "A", "+_AA", "ä", "===="] {
            assert_eq!(from_base64(wrong), None, "{wrong}");
        }
    }
}
