//! The conversion layer: the domain's types as the messages of `proto/plaudit/v1`, both ways, and the texts in which the API
//! and the files of an export hold them. Every edge and the command line convert here. It knows the domain and the generated
//! types, and neither use cases nor transports.

pub mod assessment;
pub mod author;
pub mod directory;
pub mod enums;
pub mod export;
pub mod fields;
pub mod filters;
pub mod handling;
pub mod import;
pub mod message;
pub mod names;
pub mod rating;
pub mod scorecard;
pub mod times;

use crate::proto::v1::ErrorReason;

/// The largest request, and the largest where attachments may come without their bytes.
pub const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// The largest request where attachments may come, with their bytes.
pub const MAX_ATTACHMENTS_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// The name of a reason as `google.rpc.ErrorInfo` carries it: `INVALID_FIELDS`.
pub fn reason_name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}
