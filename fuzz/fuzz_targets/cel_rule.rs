//! A rule: it is refused with words, or evaluated on what is known of a transcript.
#![no_main]

use std::panic;

use libfuzzer_sys::fuzz_target;
use plaudit::{
    domain::{FactValue, UnitKind},
    scoring::{
        facts::{Facts, find},
        rules::{Rule, Scope, Variables},
    },
};

fuzz_target!(init: panic::set_hook(Box::new(|_| ())), |source: &str| {
    for unit in [UnitKind::Conversation, UnitKind::Worklog] {
        match Rule::compile(source, unit) {
            Ok(rule) => {
                let facts = facts();
                let _ = rule.evaluate(&Scope::new(&Variables::of(&facts)));
            }
            Err(fault) => assert!(!fault.is_empty()),
        }
    }
});

/// One of each type; the others are absent.
fn facts() -> Facts {
    let mut facts = Facts::absent();
    for (name, value) in [
        ("customer_messages", FactValue::Int(3)),
        ("thanks_at_end", FactValue::Bool(true)),
        ("customer_sentiment_last", FactValue::Number(0.25)),
        ("last_author", FactValue::Text("customer".into())),
    ] {
        facts.set(find(name).expect("the fact exists"), value);
    }
    facts
}
