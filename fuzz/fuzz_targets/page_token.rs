//! Page tokens: those that nobody made, and the places in those that were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plaudit::{fuzzing, store::secret::Secrets};

fuzz_target!(|text: &str| {
    let secrets = Secrets::from_key(&[7; 32]);
    assert_eq!(secrets.place_of("arguments", text), None, "nobody made this token");
    let token = secrets.page_token("arguments", text);
    assert_eq!(secrets.place_of("arguments", &token).as_deref(), Some(text));
    let _ = secrets.attachment_of(text);
    fuzzing::read_place(text);
});
