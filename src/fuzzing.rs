//! Entry points for the targets in `fuzz/`, public for them alone.

use crate::{grpc::pages, service::page::Cursor};

pub use crate::{
    cli::read_import,
    server::{Encoding, discard_inflated},
};

/// Parses the position in a page token, in both forms that lists use.
pub fn read_place(text: &str) {
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
    if let Some(place) = pages::from_hex(text) {
        assert_eq!(pages::from_hex(&pages::to_hex(&place)), Some(place));
    }
}
