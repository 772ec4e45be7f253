//! A line of a file of `plaudit import`: of an export, or a body of CraftCX.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use plaudit::wire::export::{Parsed, Part, Records};

static RECORDS: LazyLock<Records> = LazyLock::new(|| Records::load().expect("our own descriptors"));

fuzz_target!(|line: &[u8]| {
    let _ = (Records::may_be_team(line), Records::may_continue(line));
    match RECORDS.parse(line) {
        Some(Ok(Parsed::Conversation(it))) => {
            let conversation = it.request.conversation.unwrap_or_default();
            let part = Part { messages: it.request.messages, ratings: it.request.ratings, ..Part::default() };
            // A time that protobuf's JSON has no form for is refused, with words.
            let _ = RECORDS.line(&conversation, it.continues, &part);
        }
        Some(Ok(Parsed::Team(team))) => drop(RECORDS.team(&team)),
        Some(Ok(Parsed::Person(person))) => drop(RECORDS.person(&person)),
        Some(Ok(Parsed::OptOut(opt_out))) => drop(RECORDS.opt_out(&opt_out)),
        Some(Err(violations)) => assert!(!violations.to_string().is_empty()),
        // As `plaudit import` takes it then: the target rest_craftcx reads those.
        None => {}
    }
});
