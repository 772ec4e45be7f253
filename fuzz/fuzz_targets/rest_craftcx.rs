//! The CraftCX dialect: an import's body, or the id of one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plaudit_fuzz::{with_server, within_budget};

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    with_server(|server| {
        within_budget(rest.len(), || match which % 4 {
            0 => server.rest("GET", &format!("/v1/assess/{}", String::from_utf8_lossy(rest)), b""),
            _ => server.rest("POST", "/v1/assess", rest),
        })
    });
});
