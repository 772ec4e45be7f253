//! The body of a message as HTML: its words are plain text, and no longer than it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plaudit::domain::{measure, plain_text};

fuzz_target!(|html: &str| {
    let text = plaudit_fuzz::within_budget(html.len(), || plain_text(html));
    assert!(text.len() <= 4 * html.len() + 16, "{} bytes of {}", text.len(), html.len());
    // An attachment's type and size are read from its first bytes.
    let _ = measure(html.as_bytes());
});
