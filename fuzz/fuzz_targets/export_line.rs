//! A line of a file of `plaudit import`: of an export, or a body of CraftCX.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use plaudit::wire::export::{Lines, Parsed, Part};

static LINES: LazyLock<Lines> = LazyLock::new(|| Lines::load().expect("our own descriptors"));

fuzz_target!(|line: &[u8]| {
    let _ = (Lines::may_be_team(line), Lines::may_continue(line));
    // As with --lenient, which reads on without what is unknown.
    let _ = LINES.parse(line, Some(&mut Vec::new()));
    match LINES.parse(line, None) {
        Some(Ok(Parsed::Conversation(it))) => {
            let conversation = it.request.conversation.unwrap_or_default();
            let part = Part { messages: it.request.messages, ratings: it.request.ratings, ..Part::default() };
            // A time that protobuf's JSON has no form for is refused, with words.
            let _ = LINES.conversation(&conversation, it.continues, &part);
        }
        Some(Ok(Parsed::Team(team))) => drop(LINES.team(&team)),
        Some(Ok(Parsed::Person(person))) => drop(LINES.person(&person)),
        Some(Ok(Parsed::OptOut(opt_out))) => drop(LINES.opt_out(&opt_out)),
        Some(Err(violations)) => assert!(!violations.to_string().is_empty()),
        // As `plaudit import` takes it then: the target rest_craftcx reads those.
        None => {}
    }
});
