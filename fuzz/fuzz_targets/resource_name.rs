//! Names of everything that has one, in every place where one is read; a name that was read is written as one that is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plaudit::wire::names;

fuzz_target!(|name: &str| {
    let field = "name";
    let _ = names::parse_conversation(field, name);
    let _ = names::parse_attachment(field, name);
    let _ = names::parse_person(field, name);
    let _ = names::parse_team(field, name);
    let _ = names::parse_scorecard(field, name);
    let _ = names::parse_rating(field, name);
    if let Ok(id) = names::parse_conversation_number(field, name) {
        assert_eq!(names::parse_conversation_number(field, &names::conversation(id)).ok(), Some(id));
    }
    if let Ok(receipt) = names::parse_import(field, name) {
        assert_eq!(names::import(&receipt), name);
    }
    if let Ok((_, message)) = names::parse_message(field, name) {
        assert!(name.ends_with(&message.0.to_string()), "{name} is read as {message:?}");
    }
    if let Ok((_, assessment)) = names::parse_assessment(field, name) {
        assert!(name.ends_with(&assessment.0.to_string()), "{name} is read as {assessment:?}");
    }
});
