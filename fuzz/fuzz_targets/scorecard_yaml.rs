//! A scorecard as YAML, with the rules in it.
#![no_main]

use std::panic;

use libfuzzer_sys::fuzz_target;
use plaudit::{
    domain::{RevisionRef, UnixMillis},
    scoring::{Scorecard, render, yaml},
};

// Panics of the rules' language are caught where it is called, so that the fuzzer must not end at the first.
fuzz_target!(init: panic::set_hook(Box::new(|_| ())), |text: &str| {
    let Ok(file) = yaml::parse(text) else { return };
    let name = RevisionRef { base: "fuzzed".to_owned(), base_id: 1, ordinal: 1, revision_id: 1 };
    let revision = file.into_revision(name, UnixMillis::clamped(0));
    let written = render(&revision);
    assert!(yaml::parse(&written).is_ok(), "{written}");
    let _ = Scorecard::compile(revision);
});
