//! Moments that an earlier version stored out of range, and that an import would refuse.

use prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};

use crate::wire::times;

/// A moment that a line does not have as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedTime {
    /// Where it stands in the line, like `conversation.statusChanges[0].changeTime`.
    pub field: String,
    /// What the line has instead: the nearest moment in range.
    pub written: String,
}

/// Puts the nearest moment in range in place of every one in a message that is not.
pub(super) fn bring_into_range(message: &mut DynamicMessage, path: &str, changed: &mut Vec<ChangedTime>) {
    if message.descriptor().full_name() == "google.protobuf.Timestamp" {
        let Some(nearest) = message.transcode_to().ok().and_then(|time| times::nearest_in_range(&time))
        else {
            return;
        };
        // Decoding merges: a field that is 0 would stay what it was.
        message.clear();
        if message.transcode_from(&nearest).is_ok() {
            changed.push(ChangedTime { field: path.to_owned(), written: nearest.to_string() });
        }
        return;
    }
    for (field, value) in message.fields_mut() {
        let path = || format!("{path}.{}", field.json_name());
        match value {
            Value::Message(inner) => bring_into_range(inner, &path(), changed),
            Value::List(items) => {
                for (place, item) in items.iter_mut().enumerate() {
                    if let Value::Message(inner) = item {
                        bring_into_range(inner, &format!("{}[{place}]", path()), changed);
                    }
                }
            }
            _ => {}
        }
    }
}
