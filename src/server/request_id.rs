//! The id for tracing a call. It is for tracing only: it need not be unique and makes nothing idempotent.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it, in requests and responses of both edges.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_BYTES: usize = 128;

/// The longest id that is logged as sent: enough for UUIDs and trace ids.
const MAX_PLAIN_BYTES: usize = 64;

/// A call's id, kept in the request's extensions. Visible ASCII, 1 to 128 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId {
    text: Arc<str>,
    /// Logged instead of a text that could hold personal data.
    hash: Option<Arc<str>>,
}

impl RequestId {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id as it is logged: as sent if it is 1 to 64 of `A-Za-z0-9_-`, else `blake3:` and the first 16 hexadecimal digits of
    /// its hash.
    pub fn logged(&self) -> &str {
        self.hash.as_ref().unwrap_or(&self.text)
    }

    /// The caller's own id, if it sent a valid one.
    fn sent(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(REQUEST_ID)?.to_str().ok()?;
        let fit = (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !fit {
            return None;
        }
        let plain = text.len() <= MAX_PLAIN_BYTES
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let hash = (!plain).then(|| {
            let digits: String = blake3::hash(text.as_bytes()).to_hex().chars().take(16).collect();
            format!("blake3:{digits}").into()
        });
        Some(Self { text: text.into(), hash })
    }

    pub(super) fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.text).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
    }
}

/// Gives each call an id: the caller's, or one that no other call of this or any other process has.
#[derive(Debug)]
pub(super) struct RequestIds {
    prefix: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        let mut seed = [0; 8];
        // Without randomness the ids are unique within this process only, which is enough for tracing.
        let _ = getrandom::fill(&mut seed);
        Self { prefix: u64::from_le_bytes(seed), next: AtomicU64::new(1) }
    }

    pub(super) fn of(&self, headers: &HeaderMap) -> RequestId {
        RequestId::sent(headers).unwrap_or_else(|| {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            RequestId { text: format!("{:016x}-{number}", self.prefix).into(), hash: None }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(sent: &str) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_str(sent).unwrap());
        RequestIds::new().of(&headers)
    }

    #[test]
    fn a_valid_id_is_kept_and_an_invalid_one_is_replaced() {
        assert_eq!(id_for("call-1/~").as_str(), "call-1/~");
        assert_eq!(id_for(&"x".repeat(128)).as_str(), "x".repeat(128));
        for unfit in ["", "two words", &"x".repeat(129)] {
            assert_ne!(id_for(unfit).as_str(), unfit);
        }
    }

    #[test]
    fn an_id_that_could_hold_personal_data_is_logged_as_its_hash() {
        for plain in ["4bf92f3577b34da6a3ce929d0e0e4736", "01J8_a-Z", &"x".repeat(64)] {
            assert_eq!(id_for(plain).logged(), plain);
        }
        let of_jane = format!("blake3:{}", &blake3::hash(b"jane@example.com").to_hex()[..16]);
        assert_eq!(id_for("jane@example.com").logged(), of_jane);
        assert!(id_for(&"x".repeat(65)).logged().starts_with("blake3:"));
    }

    #[test]
    fn generated_ids_differ() {
        let ids = RequestIds::new();
        assert_ne!(ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
    }
}
