//! What the targets in `fuzz/` read and nobody else may.

use crate::{grpc::pages, service::page::Cursor};

pub use crate::cli::read_import;

/// The place in a page token, in each of the forms that lists have for it.
pub fn read_place(text: &str) {
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
    if let Some(place) = pages::from_hex(text) {
        assert_eq!(pages::from_hex(&pages::to_hex(&place)), Some(place));
    }
}
