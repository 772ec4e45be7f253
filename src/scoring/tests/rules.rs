//! Rules, templates and their bounds.

use proptest::prelude::*;

use crate::{
    domain::{FactValue, UnitKind},
    scoring::{
        facts::{Facts, find},
        rules::{Outcome, Rule, Scope, Variables},
        template::{Template, rounded},
    },
};

fn facts() -> Facts {
    let mut facts = Facts::absent();
    for (name, value) in [
        ("customer_messages", FactValue::Int(3)),
        ("thanks_at_end", FactValue::Bool(true)),
        ("customer_sentiment_last", FactValue::Number(0.25)),
        ("last_author", FactValue::Text("customer".into())),
        ("customer_language", FactValue::Text("deu".into())),
    ] {
        facts.set(find(name).expect("the fact exists"), value);
    }
    facts
}

fn evaluate(source: &str) -> Result<Outcome, String> {
    let rule = Rule::compile(source, UnitKind::Conversation)?;
    let facts = facts();
    rule.evaluate(&Scope::new(&Variables(&facts)))
}

fn render(template: &str) -> String {
    let facts = facts();
    let variables = Variables(&facts);
    let mut scope = Scope::new(&variables);
    scope.set_score(4.256);
    Template::compile(template, UnitKind::Conversation).expect("the template compiles").render(&scope)
}

#[test]
fn facts_are_variables_and_numbers_need_no_conversion() {
    assert_eq!(evaluate("5 - 0.5 * customer_messages"), Ok(Outcome::Number(3.5)));
    assert_eq!(evaluate("customer_messages == 3 && thanks_at_end"), Ok(Outcome::Bool(true)));
    assert_eq!(evaluate("last_author in ['customer', 'ai']"), Ok(Outcome::Bool(true)));
    assert_eq!(evaluate("7 / 2"), Ok(Outcome::Number(3.5)));
}

#[test]
fn an_absent_fact_is_null() {
    assert_eq!(evaluate("first_response_seconds == null"), Ok(Outcome::Bool(true)));
    assert_eq!(evaluate("known(first_response_seconds)"), Ok(Outcome::Bool(false)));
    assert_eq!(evaluate("default(first_response_seconds, 60) / 60"), Ok(Outcome::Number(1.0)));
    assert_eq!(evaluate("flag(note_at_handoff) + ramp(handoff_gap_seconds, 0, 1)"), Ok(Outcome::Number(0.0)));
    let fault = evaluate("10 - first_response_seconds").expect_err("there is no number to subtract");
    assert!(fault.contains("not known here: first_response_seconds"), "{fault}");
}

#[test]
fn the_functions_do_what_they_say() {
    for (source, expected) in [
        ("clamp(7, 1, 5)", 5.0),
        ("clamp(-7, 1, 5)", 1.0),
        ("ramp(customer_messages, 1, 5)", 0.5),
        ("ramp(9, 1, 5)", 1.0),
        ("ramp(3, 3, 3)", 1.0),
        ("min(3, 1, 2)", 1.0),
        ("max(3, 1, 2)", 3.0),
        ("soften(3, 1, 5)", 3.0),
        ("flag(thanks_at_end)", 1.0),
    ] {
        assert_eq!(evaluate(source), Ok(Outcome::Number(expected)), "{source}");
    }
    for huge in ["soften(1e300 * 1e300, 1, 5)", "soften(1e200, 1, 5)"] {
        assert_eq!(evaluate(huge), Ok(Outcome::Number(5.0)));
    }
}

#[test]
fn a_language_is_named_in_english() {
    for (template, expected) in [
        ("in {language(customer_language)}", "in German"),
        ("in {language(agent_language)}", "in an unknown language"),
        ("in {language('xyz')}", "in xyz"),
    ] {
        assert_eq!(render(template), expected);
    }
}

#[test]
fn what_cannot_work_is_refused_when_compiling() {
    let deep = format!("{}1{}", "(".repeat(500), ")".repeat(500));
    let long = format!("1{}", " + 1".repeat(2_000));
    let chain = format!("1{}", " + 1".repeat(400));
    let sums = format!("1{}", "+1".repeat(1_500));
    let calls = format!("'a'{}", ".size()".repeat(500));
    let negations = format!("{}true", "!".repeat(3_000));
    let choices = format!("{}1", "true ? 1 : ".repeat(300));
    for (source, part) in [
        ("", "is "),
        ("customer_mesages > 1", "\"customer_mesages\", which does not exist"),
        ("taken_over", "only known for a worklog"),
        ("[1, 2].map(x, x * 2) == []", "must not loop"),
        ("[1, 2].exists(x, x > 1)", "must not loop"),
        ("facts.customer_messages", "must not select fields"),
        ("has(facts.customer_messages)", "must not select fields"),
        ("{'a': 1} == {}", "must not build maps"),
        ("matches('a', '(a+)+$')", "not among the functions"),
        ("system('ls')", "not among the functions"),
        ("ramp(1)", "with 1 arguments"),
        ("1 +", "is no CEL expression"),
        ("'\u{0}", "is no CEL expression"),
        (&deep, "brackets in one another"),
        (&long, "bytes long"),
        (&chain, "must nest at most"),
        (&sums, "operators"),
        (&calls, "dots"),
        (&negations, "signs in a row"),
        (&choices, "choices"),
    ] {
        let fault = Rule::compile(source, UnitKind::Conversation).err();
        let shown = &source[..source.len().min(60)];
        assert!(fault.as_ref().is_some_and(|fault| fault.contains(part)), "{shown}: {fault:?}");
    }
}

#[test]
fn what_fails_when_evaluating_says_so() {
    for source in ["'a' < 1", "'a' * 2", "thanks_at_end + 1", "-last_author", "size(1)", "min('a', 'b')"] {
        assert!(evaluate(source).is_err(), "{source} gave {:?}", evaluate(source));
    }
    // By IEEE 754 a double divided by zero is infinite: scales clamp it.
    assert_eq!(evaluate("1 / 0"), Ok(Outcome::Number(f64::INFINITY)));
}

#[test]
fn reasons_round_their_numbers_and_never_fail() {
    assert_eq!(render("after {customer_messages} messages"), "after 3 messages");
    assert_eq!(render("{score} points"), "4.26 points");
    assert_eq!(render("{thanks_at_end ? 'with' : 'without'} thanks, {{braces}}"), "with thanks, {braces}");
    assert_eq!(render("{first_response_seconds} s, {1 / 'a'}"), "unknown s, unknown");
    assert_eq!(
        render("{count(customer_messages, 'message')} {times(2)}, {duration(3900)}"),
        "3 messages twice, 1 h 5 min"
    );
    for (value, text) in [
        (0.0, "0"),
        (-0.001, "0"),
        (0.125, "0.12"),
        (12.34, "12.3"),
        (1234.5, "1234"),
        (30.0, "30"),
        (100.0, "100"),
    ] {
        assert_eq!(rounded(value), text);
    }
}

#[test]
fn faulty_reasons_are_refused() {
    for source in ["{", "}", "{customer_messages", "{}", "{nothing_known}", "{1 + }", "a } b"] {
        assert!(Template::compile(source, UnitKind::Conversation).is_err(), "{source}");
    }
}

proptest! {
    #[test]
    fn no_expression_panics(source in "[a-z_0-9+*/%()\\[\\]{}?:!<>=&|.,'\" \\\\-]{0,60}") {
        if let Ok(rule) = Rule::compile(&source, UnitKind::Conversation) {
            let facts = facts();
            let _ = rule.evaluate(&Scope::new(&Variables(&facts)));
        }
    }

    #[test]
    fn no_made_up_expression_panics(parts in proptest::collection::vec(proptest::sample::select(vec![
        "customer_messages", "thanks_at_end", "last_author", "null", "1", "0", "-1", "1.5", "9223372036854775807", "'x'", "b'x'",
        "true", "+", "-", "*", "/", "==", "<", "&&", "||", "?", ":", "(", ")", "[", "]", ",", "!", "in", "ramp(", "default(",
        "size(", "0u", "text(", "contains(", "'abc'.contains(", "1e400", "optional.of(1)", "int", "type(1)",
    ]), 0..14)) {
        let source = parts.join(" ");
        if let Ok(rule) = Rule::compile(&source, UnitKind::Conversation) {
            let facts = facts();
            let _ = rule.evaluate(&Scope::new(&Variables(&facts)));
        }
    }

    #[test]
    fn no_template_panics(source in ".{0,80}") {
        if let Ok(template) = Template::compile(&source, UnitKind::Worklog) {
            let facts = facts();
            template.render(&Scope::new(&Variables(&facts)));
        }
    }
}
