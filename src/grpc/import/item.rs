//! An item of `ImportConversations`, as decoded from the wire.

use tonic::Status;

use crate::{
    domain::Violations,
    proto::v1::{ImportConversationRequest, ImportConversationsRequest},
    wire::{MAX_ATTACHMENTS_REQUEST_BYTES, MAX_REQUEST_BYTES},
};

use super::super::{
    budget::{IMPORT_CONVERSATIONS_REQUEST, Tally},
    codec::{Request, decode},
    limits,
};

/// One item, or its violations: an error would end the stream, and a bad item must fail alone.
#[derive(Debug)]
pub struct WireItem {
    /// The caller's number; 0 if the item was too large to be read.
    pub number: i64,
    /// An estimate of its memory.
    pub size_bytes: usize,
    pub import: Result<ImportConversationRequest, Violations>,
}

/// Decodes only the number of an item that is refused undecoded.
#[derive(Clone, PartialEq, prost::Message)]
struct Numbered {
    #[prost(int64, tag = "1")]
    item_number: i64,
}

impl Request for WireItem {
    fn read(bytes: &[u8]) -> Result<Self, Status> {
        let tally = Tally::of(&IMPORT_CONVERSATIONS_REQUEST, bytes);
        if limits::is_import_too_large(bytes, &tally) {
            return Ok(Self { number: 0, size_bytes: 0, import: Err(missing()) });
        }
        if let Err(violations) = limits::check(&IMPORT_CONVERSATIONS_REQUEST, &tally) {
            let Numbered { item_number } = decode(bytes)?;
            return Ok(Self { number: item_number, size_bytes: 0, import: Err(violations) });
        }
        let ImportConversationsRequest { item_number, import } = decode(bytes)?;
        let size_bytes = bytes.len() + tally.items_bytes;
        Ok(Self { number: item_number, size_bytes, import: import.ok_or_else(missing) })
    }
}

/// An item that is too large arrives empty or is treated as if it had.
fn missing() -> Violations {
    let rule = format!(
        "is required, and the item must be at most {MAX_REQUEST_BYTES} bytes without its attachments' bytes, \
         {MAX_ATTACHMENTS_REQUEST_BYTES} with them"
    );
    Violations::one("import", rule)
}
