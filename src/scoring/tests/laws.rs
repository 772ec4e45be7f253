//! What must hold whatever the words are.

use proptest::prelude::*;

use super::*;

pub const CUSTOMER: &[&str] = &[
    "Why was I charged twice?",
    "Where is my order 5512? It should have come on Monday.",
    "that's not what I asked",
    "ok",
    "thanks",
    "Thank you so much, you are wonderful!",
    "This is ridiculous, I have been waiting for days",
    "I want to speak to a human",
    "never mind",
    "The export fails with error 500 when I choose last month",
    "NO. STILL NOT WORKING. FIX IT.",
    "yes please",
    "I need a cheap hotel in the centre for two nights",
];
pub const AGENT: &[&str] = &[
    "I can help with billing.",
    "Hi, I'm sorry about that. I have refunded the second charge, it takes 3 days.",
    "Sorry, I didn't get that. Could you rephrase?",
    "Unfortunately we cannot do that.",
    "Please open Settings and click on Reset, then try again.",
    "I'll connect you with a colleague.",
    "Which device do you use?",
    "You're welcome, have a great day!",
    "Your table is booked, the reference number is 5QH2ZT.",
];

fn any_lines() -> impl Strategy<Value = Vec<String>> {
    let customer = proptest::sample::select(CUSTOMER).prop_map(|text| format!("c: {text}"));
    let agent = (proptest::sample::select(vec!["a", "t", "u", "n"]), proptest::sample::select(AGENT))
        .prop_map(|(who, text)| format!("{who}: {text}"));
    proptest::collection::vec(prop_oneof![customer, agent], 1..14)
}

fn of(lines: &[String]) -> Transcript {
    transcript(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn axis_of(lines: &[String]) -> Option<Axis> {
    cases::axis_if_any(&of(lines))
}

/// Both, where both are known: a further message may tell the language of the others.
fn both(before: &[String], after: &[String]) -> Option<(Axis, Axis)> {
    axis_of(before).zip(axis_of(after))
}

/// Whether a line asks or demands something.
fn is_question(line: &str) -> bool {
    line.starts_with("c:") && (line.contains('?') || line.contains("I need") || line.contains("I want"))
}

proptest! {
    #[test]
    fn a_final_thanks_that_solved_it_never_lowers_resolution(lines in any_lines()) {
        let mut more = lines.clone();
        more.push("c: thanks, that solved it".to_owned());
        let Some((before, after)) = both(&lines, &more) else { return Ok(()) };
        prop_assert!(
            after.resolution_accuracy.score_milli >= before.resolution_accuracy.score_milli,
            "{before:?}\n{after:?}"
        );
    }

    #[test]
    fn a_repeated_question_never_raises_effort(lines in any_lines(), which in 0..14usize, later in 0..14usize) {
        let asked: Vec<usize> = (0..lines.len()).filter(|index| is_question(&lines[*index])).collect();
        prop_assume!(!asked.is_empty());
        let which = asked[which % asked.len()];
        let at = (which + 1 + later % (lines.len() - which)).min(lines.len());
        let mut more = lines.clone();
        more.insert(at, lines[which].clone());
        let Some((before, after)) = both(&lines, &more) else { return Ok(()) };
        prop_assert!(
            after.interaction_effort.score_milli <= before.interaction_effort.score_milli,
            "{before:?}\n{after:?}"
        );
    }

    #[test]
    fn without_a_handoff_it_is_perfectly_smooth(lines in any_lines()) {
        let is_handoff = |line: &String| line.starts_with('a') || line.contains("connect you");
        let lines: Vec<String> = lines.into_iter().filter(|line| !is_handoff(line)).collect();
        prop_assume!(!lines.is_empty());
        if let Some(axis) = axis_of(&lines) {
            prop_assert_eq!(axis.handoff_smoothness.score_milli, 5_000);
        }
    }

    #[test]
    fn every_score_lies_on_its_scale_and_says_why(lines in any_lines()) {
        for scored in SCORER.with(|scorer| scorer.score(&of(&lines), UnixMillis::clamped(7))) {
            for result in &scored.criteria {
                prop_assert_eq!(&result.failure, &None, "{}", result.criterion_id);
                if let Some(answer) = result.answer() {
                    prop_assert!(answer.score.0 >= 0 && answer.score <= result.max_points);
                    prop_assert!(!answer.reason.is_empty() && !answer.reason.contains("unknown"), "{}", answer.reason);
                }
            }
            prop_assert!(!scored.summary.is_empty());
        }
    }

    #[test]
    fn evidence_names_messages_of_the_unit(lines in any_lines()) {
        let transcript = of(&lines);
        let known = |id: &MessageId| transcript.messages.iter().any(|message| message.id == *id);
        for scored in SCORER.with(|scorer| scorer.score(&transcript, UnixMillis::clamped(7))) {
            prop_assert!(scored.facts.iter().all(|fact| fact.evidence.iter().all(known)));
        }
    }
}

proptest! {
    // Every case compiles the scorecards anew: a fresh hash map must not change a byte.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_same_input_gives_the_same_bytes(lines in any_lines()) {
        let transcript = of(&lines);
        let bytes = |scorer: &Scorer| format!("{:?}", scorer.score(&transcript, UnixMillis::clamped(7)));
        prop_assert_eq!(SCORER.with(bytes), bytes(&scorer()));
    }
}

#[test]
fn swapping_who_wrote_what_changes_the_result() {
    let said = [
        "c: My parcel has not arrived, where is it?",
        "a: It is at the depot in Leeds and you will have it tomorrow.",
        "c: Great, thank you!",
        "a: You're welcome.",
    ];
    let swapped: Vec<String> = said
        .iter()
        .map(|line| {
            if let Some(text) = line.strip_prefix('c') {
                format!("a{text}")
            } else {
                format!("c{}", &line[1..])
            }
        })
        .collect();
    let swapped: Vec<&str> = swapped.iter().map(String::as_str).collect();
    let (before, after) = (axis(&scorer(), &transcript(&said)), axis(&scorer(), &transcript(&swapped)));
    assert_ne!(before.unrounded(), after.unrounded());
    assert!(before.unrounded() > after.unrounded());
}

#[test]
fn a_handoff_with_a_note_and_without_repetition_is_smoother() {
    let with = [
        "c: My card was declined but the money is gone",
        "a: I'll connect you with a colleague from payments.",
        "n: Card declined, money taken. Please look at the ledger.",
        "t: Hi, I have refunded you the 20 pounds.",
    ];
    let without = [
        "c: My card was declined but the money is gone",
        "a: I can help with payments.",
        "t: Hi, how can I help?",
        "c: My card was declined but the money is gone",
    ];
    let scorer = scorer();
    let smoothness = |lines: &[&str]| axis(&scorer, &transcript(lines)).handoff_smoothness.score();
    assert!(smoothness(&with) > 4.5 && smoothness(&without) < 3.5);
}

#[test]
fn every_dimension_uses_at_least_four_facts() {
    let file = yaml::parse(builtins()[0].yaml).expect("AXIS is valid");
    for criterion in &file.categories[0].criteria {
        let rule = super::super::rules::Rule::compile(&criterion.rule, file.unit).expect("its rules compile");
        assert!(rule.facts().len() >= 4, "{} uses {}", criterion.id, rule.facts().len());
    }
}
