//! Scorecards as files, their lint, and scoring with them.

use super::*;
use crate::{
    domain::{Answer, AnswerSource, MilliPoints, ScorecardRevision, Totals, Unit},
    scoring::{lint, summary::duration},
};

const SMALL: &str = "
id: small
label: Small
categories:
  - id: one
    label: One
    criteria:
      - id: thanks
        label: Thanks
        max_points: 2
        scoring_type: met_not_met
        rule: default(thanks_at_end, false)
        reason: >
          The customer {default(thanks_at_end, false) ? 'thanked' : 'did not thank'}.
";

fn revision(text: &str) -> ScorecardRevision {
    let file = yaml::parse(text).unwrap_or_else(|faults| panic!("{faults}\n{text}"));
    let revision = RevisionRef { base: file.id.clone(), base_id: 9, ordinal: 1, revision_id: 9 };
    file.into_revision(revision, UnixMillis::clamped(0))
}

fn small(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replace(from, to)
}

fn score(text: &str, lines: &[&str]) -> Vec<Scored> {
    let card = Scorecard::compile(revision(text)).unwrap_or_else(|faults| panic!("{faults}"));
    Scorer::new(vec![Arc::new(card)]).score(&transcript(lines), UnixMillis::clamped(7))
}

fn faults(text: &str) -> Vec<(String, String)> {
    let faults = yaml::parse(text).expect_err("the file is faulty");
    faults.iter().map(|fault| (fault.field.clone(), fault.message.clone())).collect()
}

fn findings(text: &str) -> Vec<String> {
    lint(&revision(text)).into_iter().map(|found| format!("{} {}", found.field, found.message)).collect()
}

#[test]
fn the_built_in_scorecards_are_valid_and_clean() {
    for builtin in builtins() {
        let mut revision = revision(builtin.yaml);
        assert_eq!(revision.revision.base, builtin.base);
        revision.revision.base_id = builtin.base_id;
        assert_eq!(lint(&revision), [], "{}", builtin.base);
    }
}

#[test]
fn all_faults_of_a_file_are_named_with_their_paths() {
    let text = "
id: Not An Id
unit: day
colour: red
categories:
  - label: One
    criteria:
      - id: a
        label: A
        max_points: -1
        scoring_type: stars
        min: 7
      - just a text
      - id: b
        label: [list]
        max_points: many
        evaluator: machine
  - 5
";
    let mut found: Vec<String> = faults(text).into_iter().map(|(field, _)| field).collect();
    found.sort();
    assert_eq!(
        found,
        [
            "categories[0].criteria[0].max_points",
            "categories[0].criteria[0].min",
            "categories[0].criteria[0].scoring_type",
            "categories[0].criteria[1]",
            "categories[0].criteria[2].evaluator",
            "categories[0].criteria[2].label",
            "categories[0].criteria[2].max_points",
            "categories[0].id",
            "categories[1]",
            "colour",
            "id",
            "label",
            "unit",
        ]
    );
}

#[test]
fn what_is_no_yaml_or_no_mapping_is_one_fault() {
    for text in ["", "- a", "a: [", "\u{0}", "id: a\nid: b", &"[".repeat(10_000), "text", "5"] {
        assert_eq!(faults(text).len(), 1, "{text:.20}");
        assert_eq!(faults(text)[0].0, "yaml");
    }
}

#[test]
fn what_is_written_reads_as_the_same_scorecard_and_is_written_the_same_again() {
    let odd = small("label: Small", "label: 'yes'\ndescription: \"a: b # c\\n- 'd' \\\"e\\\" {f}\"");
    let odd =
        odd.replace("max_points: 2", "max_points: 2.125\n        description: '007'\n        prompt: 'null'");
    for text in builtins().map(|builtin| builtin.yaml.to_owned()).into_iter().chain([SMALL.to_owned(), odd]) {
        let before = revision(&text);
        let written = render(&before);
        let mut after = revision(&written);
        assert_eq!(render(&after), written);
        after.content_hash.clone_from(&before.content_hash);
        assert_eq!(after, before, "{written}");
    }
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(",")));
    }
    assert!(yaml::parse(&text).is_err());
}

#[test]
fn an_unchanged_text_has_an_unchanged_hash() {
    let hash = |text: &str| yaml::parse(text).expect("valid").content_hash;
    assert_eq!(hash(SMALL), hash(SMALL));
    assert_ne!(hash(SMALL), hash(&small("label: Small", "label: Smaller")));
}

#[test]
fn compiling_names_every_faulty_expression() {
    let text = small("rule: default(thanks_at_end, false)", "rule: 1 +\n        applies_when: no_such_fact");
    let faults =
        Scorecard::compile(revision(&text.replace("'did not thank'", "nobody"))).expect_err("faulty");
    let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    let path = |field: &str| format!("categories[0].criteria[0].{field}");
    assert_eq!(fields, [path("applies_when"), path("rule"), path("reason")]);
}

#[test]
fn an_id_that_comes_twice_cannot_be_scored_with() {
    let twice = format!("{SMALL}{}", &SMALL[SMALL.find("      - id: thanks").expect("a criterion")..]);
    let faults = Scorecard::compile(revision(&twice)).expect_err("faulty");
    assert_eq!(faults.iter().next().unwrap().field, "categories[0].criteria[1].id");
}

#[test]
fn faults_of_form_hide_none_of_the_rules() {
    let text = small("max_points: 2", "max_points: -2").replace("rule: default(", "rule: defolt(");
    let fields: Vec<String> = faults(&text).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["categories[0].criteria[0].max_points", "categories[0].criteria[0].rule"]);
    // What a rule may name depends on the unit.
    let other = faults(&format!("unit: day{text}"));
    assert!(other.iter().all(|(field, _)| !field.ends_with("rule")), "{other:?}");
}

/// YAML 1.1 reads them as true and false.
#[test]
fn short_words_are_ids_and_not_flags() {
    for id in ["n", "y", "on", "off", "yes", "no"] {
        let revision = revision(&SMALL.replace("id: thanks", &format!("id: {id}")));
        assert_eq!(&*revision.categories[0].criteria[0].id, id);
    }
}

#[test]
fn lint_names_what_is_weak() {
    let numeric = "scoring_type: numeric_scale";
    for (from, to, part) in [
        ("rule: default(thanks_at_end, false)", "rule: 'true'", "is true whatever the facts are"),
        ("rule: default(thanks_at_end, false)", "rule: 'customer_messages'", "gives a number, not a bool"),
        ("rule: default(thanks_at_end, false)", "rule: ''", "is never scored"),
        ("rule: default(thanks_at_end, false)", "rule: no_such_fact", "does not exist"),
        ("rule: default(thanks_at_end, false)", "rule: customer_messages < -1", "is false whatever"),
        (
            "rule: default(thanks_at_end, false)",
            "rule: actions_done / ai_messages > 0.5",
            "divides by ai_messages, which can be 0",
        ),
        ("scoring_type: met_not_met", numeric, "gives a bool, not a number"),
        ("'thanked'", "no_such_fact", "does not exist"),
        ("max_points: 2", "max_points: 2\n        evaluator: judge", "prompt is empty"),
        (
            "max_points: 2",
            "max_points: 2\n        prompt: Was it solved? Was it polite?",
            "more than one question",
        ),
        (
            "max_points: 2",
            "max_points: 2\n        prompt: Was the agent polite and did they solve it?",
            "more than one question",
        ),
        ("max_points: 2", "max_points: 2\n        evaluator: human", "is not used"),
        (
            "  - id: one\n",
            "  - id: zero\n    label: Zero\n  - id: one\n",
            "categories[0].criteria has no criteria",
        ),
    ] {
        let found = findings(&small(from, to));
        assert!(found.iter().any(|found| found.contains(part)), "{to}: {found:?}");
    }
    assert!(findings("id: none\nlabel: None").iter().any(|found| found == "categories has no criteria"));
}

#[test]
fn lint_finds_points_that_no_conversation_can_get() {
    let text = small("scoring_type: met_not_met", "scoring_type: numeric_scale");
    let with = |rule: &str| text.replace("rule: default(thanks_at_end, false)", &format!("rule: {rule}"));
    assert!(findings(&with("flag(thanks_at_end)"))[0].contains("never gives more than 1.00 of 2"));
    assert!(findings(&with("1 + flag(thanks_at_end)"))[0].contains("never gives less than 1.00"));
    assert_eq!(findings(&with("2 * flag(thanks_at_end)")), [""; 0]);
    assert_eq!(findings(&with("2 - ramp(first_response_seconds, 0, 100000) * 2")), [""; 0]);
}

#[test]
fn lint_finds_duplicate_ids() {
    let twice = format!("{SMALL}{}", &SMALL[SMALL.find("      - id: thanks").expect("a criterion")..]);
    assert!(
        findings(&twice).iter().any(|found| found.contains("\"thanks\" comes twice")),
        "{:?}",
        findings(&twice)
    );
}

#[test]
fn a_weight_of_nothing_is_weak() {
    let mut revision = revision(SMALL);
    revision.categories[0].criteria[0].max_points = MilliPoints(0);
    assert!(lint(&revision).iter().any(|found| found.message.contains("counts nothing")));
}

#[test]
fn a_rule_that_fails_leaves_the_score_absent_and_says_why() {
    for (scoring, rule, part) in [
        ("met_not_met", "customer_messages", "gives a number, not a bool"),
        ("numeric_scale", "thanks_at_end", "gives a bool, not a number"),
        ("numeric_scale", "0.0 / 0.0", "NaN"),
        ("numeric_scale", "handoff_gap_seconds + 1", "not known here: handoff_gap_seconds"),
        ("met_not_met", "'null'", "gives null"),
    ] {
        let text = small("scoring_type: met_not_met", &format!("scoring_type: {scoring}"))
            .replace("rule: default(thanks_at_end, false)", &format!("rule: {rule}"));
        let scored = &score(&text, &["c: Where is it?", "a: There."])[0];
        let result = &scored.criteria[0];
        assert_eq!((result.score(), result.applicable), (None, true));
        assert!(result.failure.as_ref().is_some_and(|failure| failure.contains(part)), "{rule}: {result:?}");
        assert_eq!(scored.totals.normalized(), None);
        assert_eq!(scored.totals.total_max_points, MilliPoints(2_000));
    }
}

#[test]
fn a_number_is_held_on_its_scale() {
    for (rule, points) in
        [("99", 2_000), ("-99", 1_000), ("1.2345", 1_235), ("1 / 0", 2_000), ("-1 / 0", 1_000)]
    {
        let text = small("scoring_type: met_not_met", "scoring_type: numeric_scale\n        min: 1")
            .replace("rule: default(thanks_at_end, false)", &format!("rule: {rule}"));
        let scored = score(&text, &["c: Hello"]);
        assert_eq!(scored[0].criteria[0].score(), Some(MilliPoints(points)), "{rule}");
    }
}

#[test]
fn what_does_not_apply_is_left_out() {
    let text = small("max_points: 2", "max_points: 2\n        applies_when: agent_messages > 0");
    let scored = score(&text, &["c: Hello"]);
    assert!(!scored[0].criteria[0].applicable);
    assert_eq!(scored[0].totals, Totals::default());
}

#[test]
fn the_filter_of_a_scorecard_decides_whether_it_applies() {
    let text = small("label: Small\n", "label: Small\napplies_when: ai_messages > 0\n");
    assert_eq!(score(&text, &["c: Hello", "t: Hi"]).len(), 0);
    assert_eq!(score(&text, &["c: Hello", "a: Hi"]).len(), 1);
    let unknown = small("label: Small\n", "label: Small\napplies_when: note_at_handoff\n");
    assert_eq!(score(&unknown, &["c: Hello", "a: Hi"]).len(), 0);
}

#[test]
fn each_worklog_is_scored_with_its_agent() {
    let text = small("label: Small\n", "label: Small\nunit: worklog\n");
    let scored = score(&text, &["c: Hello?", "a: Hi", "c: I need you", "t: Hi there", "c: thanks"]);
    let units: Vec<Unit> = scored.iter().map(|scored| scored.unit).collect();
    assert_eq!(units, [101, 103].map(|id| Unit::Worklog { first_message: MessageId(id) }));
    let met: Vec<Option<MilliPoints>> = scored.iter().map(|scored| scored.criteria[0].score()).collect();
    assert_eq!(met, [Some(MilliPoints(0)), Some(MilliPoints(2_000))]);
    assert_eq!(scored[1].assessee.as_ref().and_then(|author| author.external_id.as_deref()), Some("t"));
}

#[test]
fn a_human_criterion_waits_for_a_person_and_then_counts() {
    let text = small("max_points: 2", "max_points: 2\n        evaluator: human")
        .replace("        rule: default(thanks_at_end, false)\n", "");
    let mut scored = score(&text, &["c: Hello", "a: Hi"]).remove(0);
    assert_eq!((scored.criteria[0].answer(), &scored.criteria[0].failure), (None, &None));
    scored.criteria[0].human = Some(Answer {
        score: MilliPoints(2_000),
        reason: "well done".into(),
        evidence: vec![],
        source: AnswerSource::Rule,
        time: UnixMillis::clamped(8),
    });
    let totals = Totals::of(&revision(&text), &scored.criteria);
    assert_eq!(totals.percentage_tenths, 1000);
}

#[test]
fn an_answer_names_the_facts_and_messages_it_rests_on() {
    let scored = score(SMALL, &["c: Where is it?", "a: I have sent it today.", "c: thank you"]);
    let answer = scored[0].criteria[0].system.clone().expect("scored");
    assert_eq!(answer.reason, "The customer thanked.");
    assert_eq!(answer.evidence.len(), 1);
    assert_eq!(
        (answer.evidence[0].message, answer.evidence[0].fact.as_str()),
        (MessageId(102), "thanks_at_end")
    );
    assert_eq!(scored[0].facts.len(), 1);
}

#[test]
fn an_abusive_agent_loses_all_points() {
    let scorer = scorer();
    let lines = [
        "c: My order is late, can you check?",
        "t: Hello! I don't give a damn, you idiot. I have refunded it.",
    ];
    let scored = scorer.score(&transcript(&lines), UnixMillis::clamped(7));
    let service = scored.iter().find(|scored| scored.scorecard.base == "service-basics").expect("scored");
    assert_eq!(service.totals.scored_points, MilliPoints(0));
    assert!(service.totals.used_max_points > MilliPoints(0));
}

#[test]
fn a_summary_says_who_wrote_how_it_went_and_what_was_weakest() {
    let scorer = scorer();
    let scored = scorer.score(
        &transcript(&["c: Why was I charged twice?", "a: I can help with billing."]),
        UnixMillis::clamped(7),
    );
    let summary = &scored[0].summary;
    assert!(
        summary.starts_with("The customer wrote 1 message, AI 1, over 10 s. Not Resolved, AI only: AXIS "),
        "{summary}"
    );
    assert!(
        summary.contains("got nothing that settles the request") || summary.contains("held nothing"),
        "{summary}"
    );
    for (seconds, text) in
        [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_600, "1 h"), (11_100, "3 h 5 min"), (187_200, "2 d 4 h")]
    {
        assert_eq!(duration(seconds), text);
    }
}

#[test]
fn notes_alone_are_assessed_and_nothing_that_rests_on_replies_applies_to_them() {
    let scorer = scorer();
    let basics = |lines: &[&str]| {
        let scored = scorer.score(&transcript(lines), UnixMillis::clamped(7));
        scored.into_iter().find(|scored| scored.scorecard.base == "service-basics").expect("a worklog")
    };
    let notes = basics(&["c: Where is my order?", "n: Ask the carrier."]);
    assert_eq!((notes.totals.total_max_points, notes.totals.percentage_tenths), (MilliPoints(0), 0));
    assert!(notes.criteria.iter().all(|result| !result.applicable && result.failure.is_none()), "{notes:?}");
    assert!(notes.summary.ends_with("Service basics: nothing could be scored."), "{}", notes.summary);
    // Who passes work on has left a note, whoever saw it.
    let passed_on = basics(&["c: Where is my order?", "n: Ask the carrier.", "t2: It is on its way."]);
    let applied: Vec<_> = passed_on.criteria.iter().filter(|result| result.applicable).collect();
    assert_eq!(applied.len(), 1);
    assert_eq!(applied[0].criterion_id, "note_at_handoff");
}

#[test]
fn where_the_customer_is_not_read_the_summary_says_so_in_place_of_the_result() {
    const RUSSIAN: &str =
        "c: Здравствуйте, почему с моей карты дважды списали деньги за один заказ? Я этого не понимаю.";
    const GREEK: &str = "c: Γιατί χρεώθηκε η κάρτα μου δύο φορές; Δεν το καταλαβαίνω καθόλου.";
    let scorer = scorer();
    let axis = |lines: &[&str], given: Option<&str>| {
        let mut transcript = transcript(lines);
        transcript.conversation.language = given.map(str::to_owned);
        let scored = scorer.score(&transcript, UnixMillis::clamped(7));
        scored.into_iter().find(|scored| scored.scorecard.base == "axis").expect("the whole conversation")
    };
    for (lines, given, said) in [
        (&[GREEK][..], None, "The customer's language (Greek) is not read"),
        (&[RUSSIAN], None, "The customer's language could not be told"),
        (&[RUSSIAN], Some("ru"), "The customer's language (Russian) is not read"),
        (&["c: ok perfekt"], None, "The customer's language could not be told"),
        (&["c: ok perfekt"], Some("sv-SE"), "The customer's language (Swedish) is not read"),
    ] {
        let scored = axis(lines, given);
        let said = format!("{said}, so nothing is said of their words.");
        assert!(scored.axis.is_none() && scored.summary.contains(&said), "{}", scored.summary);
        assert!(!scored.summary.contains("points"), "{}", scored.summary);
    }
    for (lines, given) in [
        (&["c: ok perfekt"][..], Some("de")),
        (&["c: Where is my order? I have been waiting for a week."], None),
        (&["t: Hello, how can I help you?"], None),
    ] {
        assert!(!axis(lines, given).summary.contains("language"), "{lines:?}");
    }
}

#[test]
fn the_summary_counts_and_times_only_what_people_wrote() {
    let lines = ["c: Where is my order?", "t: It arrives tomorrow.", "n: Ticket closed"];
    let summary =
        |lines: &[&str]| scorer().score(&transcript(lines), UnixMillis::clamped(7))[0].summary.clone();
    assert_eq!(summary(&lines), summary(&lines[..2]));
}

#[test]
fn a_reason_says_languages_by_name() {
    let scored = SCORER.with(|scorer| {
        let lines = [
            "c: Warum wurde mir der Betrag zweimal berechnet? Ich verstehe das wirklich nicht.",
            "t: I can help you with your billing question, what is it about?",
        ];
        scorer.score(&transcript(&lines), UnixMillis::clamped(7))
    });
    let results = scored.iter().flat_map(|scored| &scored.criteria);
    let mut language = results.filter(|result| result.criterion_id == "customers_language");
    let answer = language.next().and_then(|result| result.system.as_ref()).expect("it is scored");
    assert_eq!(answer.reason, "The customer writes in German, the agent in English.");
}
