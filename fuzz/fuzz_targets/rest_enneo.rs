//! The Enneo dialect: a message's body, or a path's id.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plaudit_fuzz::{with_server, within_budget};

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    with_server(|server| {
        within_budget(rest.len(), || match which % 6 {
            0 => server.rest("GET", &format!("/ticket/{}/assessments", String::from_utf8_lossy(rest)), b""),
            1 => server.rest(
                "POST",
                &format!("/ticket/{}/conversation/store", String::from_utf8_lossy(rest)),
                b"{}",
            ),
            2 => server.rest("POST", "/api/mind/ticket/7/conversation/store", rest),
            _ => server.rest("POST", "/ticket/8821/conversation/store", rest),
        })
    });
});
