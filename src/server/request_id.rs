//! The id that a call is traced by. It is for tracing only: it names no request twice and guards nothing.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it, in requests and answers of both edges.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_BYTES: usize = 128;

/// The id of a call, found in the extensions of its request. Visible ASCII, 1 to 128 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The caller's own id, if there is one and it is fit to be logged and echoed.
    fn sent(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(REQUEST_ID)?.to_str().ok()?;
        let fit = (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fit.then(|| Self(text.into()))
    }

    pub(super) fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
    }
}

/// Gives each call an id: the caller's, or one that no other call of this or another process has.
#[derive(Debug)]
pub(super) struct RequestIds {
    prefix: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        let mut seed = [0; 8];
        // Without randomness the ids are unique in this process only, which is enough to trace by.
        let _ = getrandom::fill(&mut seed);
        Self { prefix: u64::from_le_bytes(seed), next: AtomicU64::new(1) }
    }

    pub(super) fn of(&self, headers: &HeaderMap) -> RequestId {
        RequestId::sent(headers).unwrap_or_else(|| {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            RequestId(format!("{:016x}-{number}", self.prefix).into())
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
    fn a_fit_id_is_kept_and_another_is_replaced() {
        assert_eq!(id_for("call-1/~").as_str(), "call-1/~");
        assert_eq!(id_for(&"x".repeat(128)).as_str(), "x".repeat(128));
        for unfit in ["", "two words", &"x".repeat(129)] {
            assert_ne!(id_for(unfit).as_str(), unfit);
        }
    }

    #[test]
    fn made_ids_differ() {
        let ids = RequestIds::new();
        assert_ne!(ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
    }
}
