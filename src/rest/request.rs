//! What all dialects require of a request: JSON, a size limit, and an optional idempotency key.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, request::Parts, uri::Authority};
use percent_encoding::percent_decode_str;

use crate::{
    domain::{RequestId, Violations},
    server::{self, ReadBodyError},
    service::{Call, Services},
};

use super::fault::Fault;

/// Identifies a request, so that resending it has no further effect.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header's name as error messages show it.
const IDEMPOTENCY_KEY_FIELD: &str = "Idempotency-Key";

/// The call context of the use cases.
pub fn call(services: &Services) -> Call<'_> {
    Call { deadline: server::deadline(), ..Call::new(services) }
}

/// Reads a body declared as JSON, up to a limit.
///
/// Any other content type, or none, is refused: a web page can send such a request to any server without a CORS preflight, but
/// not one declared as JSON.
pub async fn read_json_body(headers: &HeaderMap, body: Body, limit_bytes: usize) -> Result<Bytes, Fault> {
    require_json(headers)?;
    server::read_body(body, limit_bytes).await.map_err(|error| match error {
        ReadBodyError::TooLarge { .. } => Fault::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
        ReadBodyError::Broken(_) => Fault::new(StatusCode::BAD_REQUEST, error.to_string()),
    })
}

fn require_json(headers: &HeaderMap) -> Result<(), Fault> {
    let refuse = |message: &str| Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    if !one_value(headers, &header::CONTENT_TYPE).is_some_and(is_json) {
        return refuse("the body must be JSON in UTF-8: send the header Content-Type: application/json");
    }
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            refuse("the body must not be compressed: send it without the header Content-Encoding")
        }
        _ => Ok(()),
    }
}

/// `application/json` or `application/…+json`; a charset, if given, must be UTF-8.
fn is_json(content_type: &HeaderValue) -> bool {
    let Ok(text) = content_type.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json = media_type
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"));
    let is_utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            let charset = value.trim().trim_matches('"');
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
        }
        _ => true,
    };
    is_json && parts.all(is_utf8)
}

/// The request's idempotency key. An empty, repeated or malformed one is a violation: the sender relies on a protection that it
/// would not have.
pub fn idempotency_key(headers: &HeaderMap, violations: &mut Violations) -> Option<RequestId> {
    if !headers.contains_key(IDEMPOTENCY_KEY) {
        return None;
    }
    let Some(value) = one_value(headers, &IDEMPOTENCY_KEY) else {
        violations.add(IDEMPOTENCY_KEY_FIELD, "must be sent once");
        return None;
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    text.parse().map_err(|rule: String| violations.add(IDEMPOTENCY_KEY_FIELD, rule)).ok()
}

/// A query parameter: the last one if it is repeated, `None` if it is empty.
pub fn query_parameter(uri: &Uri, name: &str) -> Option<String> {
    let pairs = uri.query().unwrap_or_default().split('&');
    let mut named = pairs.filter_map(|pair| pair.split_once('=')).filter(|(known, _)| *known == name);
    let (_, value) = named.next_back()?;
    let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
    Some(value).filter(|value| !value.is_empty())
}

/// This server's URL as the caller used it, without a trailing slash; the host has been checked.
pub fn base_url(head: &Parts) -> String {
    let named = head.uri.authority().map(Authority::as_str);
    let host = named.or_else(|| one_value(&head.headers, &header::HOST)?.to_str().ok());
    host.map_or_else(String::new, |host| format!("http://{host}"))
}

/// The value of a header that was sent exactly once.
fn one_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_read_from_the_query() {
        let value = |uri: &'static str| query_parameter(&Uri::from_static(uri), "process");
        assert_eq!(value("/t?process=realtime").as_deref(), Some("realtime"));
        assert_eq!(value("/t?a=b&process=false&process=ba%74ch&c").as_deref(), Some("batch"));
        for none in ["/t", "/t?process", "/t?process=", "/t?xprocess=batch", "/t?process%20=batch"] {
            assert_eq!(value(none), None, "{none}");
        }
    }

    #[test]
    fn only_json_in_utf8_is_accepted() {
        let is_json = |text| is_json(&HeaderValue::from_static(text));
        for json in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/vnd.api+json",
            "application/json; profile=x",
        ] {
            assert!(is_json(json), "{json}");
        }
        for other in [
            "",
            "text/json",
            "text/plain",
            "application/jsonp",
            "application/json-seq",
            "application/json; charset=latin1",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ] {
            assert!(!is_json(other), "{other}");
        }
    }
}
