//! What requests that change something have in common: the id, the etag, the field mask.

use prost_types::FieldMask;

use crate::domain::{RequestId, Violations};

/// A string without presence on the wire: empty is absent.
pub fn present(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// An empty request id is none.
pub fn request_id_from_wire(text: &str, violations: &mut Violations) -> Option<RequestId> {
    if text.is_empty() {
        return None;
    }
    text.parse().map_err(|rule: String| violations.add("request_id", rule)).ok()
}

/// An empty etag is none.
pub fn etag_from_wire(etag: String) -> Option<String> {
    Some(etag).filter(|etag| !etag.is_empty())
}

/// The fields that a mask names.
pub fn paths(mask: Option<FieldMask>) -> Vec<String> {
    mask.map(|mask| mask.paths).unwrap_or_default()
}

/// What a use case calls a field, as it stands below `message` in a request.
pub fn below(message: &str) -> impl Fn(&str) -> String {
    move |field| match field {
        "update_mask" | "request_id" => field.to_owned(),
        _ if field.starts_with(message) => field.to_owned(),
        _ => format!("{message}.{field}"),
    }
}
