//! The Dixa dialect: offers and answers to a rating, and the paths' ids.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plaudit_fuzz::{with_server, within_budget};

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    with_server(|server| {
        let number = server.conversation.trim_start_matches("conversations/").to_owned();
        let text = String::from_utf8_lossy(rest);
        within_budget(rest.len(), || match which % 6 {
            0 => server.rest("GET", &format!("/v1/conversations/{text}/ratings"), b""),
            1 => server.rest("GET", &format!("/v1/conversations/{number}/ratings?{text}"), b""),
            2 => server.rest("POST", &format!("/beta/conversations/{number}/ratings/{text}/submit"), b"{}"),
            3 => server.rest("POST", &format!("/beta/conversations/{number}/ratings/offer"), rest),
            _ => {
                let path = format!("/v1/conversations/{number}/ratings/{}/submit", server.rating);
                server.rest("POST", &path, rest)
            }
        })
    });
});
