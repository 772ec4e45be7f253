//! Rules, templates and their bounds.

use proptest::prelude::*;

use crate::{
    domain::{FactValue, UnitKind},
    scoring::{
        facts::{Facts, find, get},
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
    rule.evaluate(&Scope::new(&Variables::of(&facts)))
}

fn render(template: &str) -> String {
    let facts = facts();
    let variables = Variables::of(&facts);
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
fn every_number_is_a_double() {
    assert_eq!(evaluate("size('häll') + 1"), Ok(Outcome::Number(5.0)));
    assert_eq!(evaluate("'abc'.size() / 2"), Ok(Outcome::Number(1.5)));
    assert_eq!(evaluate("size([1, 2]) == 2"), Ok(Outcome::Bool(true)));
    assert_eq!(evaluate("1u + 1"), Ok(Outcome::Number(2.0)));
    assert_eq!(evaluate("customer_messages == 3u"), Ok(Outcome::Bool(true)));
}

#[test]
fn texts_are_searched_by_function_or_by_method() {
    for source in [
        "contains(last_author, 'usto')",
        "last_author.contains('usto')",
        "startsWith(last_author, 'cus')",
        "last_author.startsWith('cus')",
        "endsWith(last_author, 'mer')",
        "last_author.endsWith('mer')",
    ] {
        assert_eq!(evaluate(source), Ok(Outcome::Bool(true)), "{source}");
    }
    assert_eq!(evaluate("contains('usto', last_author)"), Ok(Outcome::Bool(false)));
}

#[test]
fn what_is_not_a_number_stays_a_failure() {
    for source in [
        "clamp(10 * 0 / 0, 0, 10)",
        "min(0 / 0, 5)",
        "max(5, 0 / 0)",
        "ramp(0 / 0, 0, 1)",
        "soften(0 / 0, 1, 5)",
        "clamp(1, 0 / 0, 5)",
        "text(0 / 0)",
    ] {
        let fault = evaluate(source).expect_err(source);
        assert!(fault.contains("not a number"), "{source}: {fault}");
    }
}

#[test]
fn common_mistakes_get_their_cure() {
    for (source, cure) in [
        ("last_author = 'ai'", "write == to compare"),
        ("last_author === 'ai'", "write == to compare"),
        ("customer_messages => 2", "write >= to compare"),
        ("customer_messages <> 2", "write != to compare"),
        ("thanks_at_end and confirmation_at_end", "write && for"),
        ("thanks_at_end AND confirmation_at_end", "write && for"),
        ("thanks_at_end or confirmation_at_end", "write || for"),
        ("thanks_at_end & confirmation_at_end", "write && for"),
        ("not thanks_at_end", "write ! for"),
        ("last_author is 'ai'", "write == to compare"),
        ("if thanks_at_end then 5 else 0", "write condition ? this : that"),
        ("has(thanks_at_end)", "write known(x)"),
        ("has(facts.thanks_at_end)", "write known(x)"),
    ] {
        let fault = evaluate(source).expect_err(source);
        assert!(fault.contains(cure), "{source}: {fault}");
    }
    // Words in quotes are no mistakes: the fault is the unfinished sum.
    let fault = evaluate("last_author == 'this and that' +").expect_err("unfinished");
    assert!(!fault.contains("&&"), "{fault}");
}

#[test]
fn counts_are_told_in_the_plural_of_their_noun() {
    for (noun, plural) in [
        ("message", "messages"),
        ("reply", "replies"),
        ("day", "days"),
        ("box", "boxes"),
        ("switch", "switches"),
    ] {
        assert_eq!(render(&format!("{{count(2, '{noun}')}}")), format!("2 {plural}"));
        assert_eq!(render(&format!("{{count(1, '{noun}')}}")), format!("1 {noun}"));
        assert_eq!(render(&format!("{{count(0, '{noun}')}}")), format!("0 {plural}"));
    }
}

#[test]
fn divisions_by_a_count_are_found() {
    let divisors = |source: &str| -> Vec<&str> {
        let rule = Rule::compile(source, UnitKind::Conversation).expect(source);
        rule.unguarded_divisors().into_iter().map(|id| get(id).name).collect()
    };
    assert_eq!(divisors("clamp(10 * actions_done / ai_messages, 0, 10)"), ["ai_messages"]);
    assert_eq!(divisors("1 / (ai_messages + agent_messages)"), ["ai_messages", "agent_messages"]);
    assert_eq!(divisors("known(ai_messages) ? 1 / agent_messages : 0"), ["agent_messages"]);
    for guarded in [
        "actions_done / max(ai_messages, 1)",
        "actions_done / (ai_messages + 1)",
        "ai_messages == 0 ? 0 : actions_done / ai_messages",
        "ai_messages > 0 && actions_done / ai_messages > 0.5",
        "ai_messages / 2",
        "ai_messages / 2 * agent_messages",
    ] {
        assert!(divisors(guarded).is_empty(), "{guarded}");
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
        ("has(facts.customer_messages)", "write known(x)"),
        ("{'a': 1} == {}", "must not build maps"),
        ("matches('a', '(a+)+$')", "not among the functions"),
        ("system('ls')", "not among the functions"),
        ("ramp(1)", "with 1 arguments"),
        ("1 +", "is not a CEL expression"),
        ("'\u{0}", "is not a CEL expression"),
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
            let _ = rule.evaluate(&Scope::new(&Variables::of(&facts)));
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
            let _ = rule.evaluate(&Scope::new(&Variables::of(&facts)));
        }
    }

    #[test]
    fn no_template_panics(source in ".{0,80}") {
        if let Ok(template) = Template::compile(&source, UnitKind::Worklog) {
            let facts = facts();
            template.render(&Scope::new(&Variables::of(&facts)));
        }
    }
}
