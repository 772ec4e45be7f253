//! Scorecards that are written as files and read back.

use proptest::prelude::*;

use super::*;
use crate::domain::{
    Category, Criterion, Denominator, Evaluator, Knockout, MilliPoints, ScorecardRevision, ScorecardState,
    ScoringType, UnitKind,
};

/// What YAML gives a meaning to, at the beginning of a text, within it, or at a line's.
fn any_text() -> impl Strategy<Value = String> {
    let marks = vec![
        "\n",
        "\r",
        "\t",
        " ",
        "   ",
        "\u{0}",
        "\u{7}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{feff}",
        "\u{ffff}",
        "\u{1f600}",
        ":",
        ": ",
        "#",
        " #",
        "- ",
        "-",
        "---",
        "...",
        "? ",
        "|",
        ">",
        ">-",
        "&a",
        "*a",
        "!!str",
        "%YAML 1.2",
        "@",
        "`",
        "'",
        "\"",
        "\\",
        "\\n",
        "{",
        "}",
        "[",
        "]",
        ",",
        "~",
        "null",
        "true",
        "no",
        "<<",
        "=",
        "0",
        "007",
        "0x1f",
        "1e3",
        "1_000",
        ".inf",
        ".nan",
        "2027-01-15",
        "190:20:30",
        "word",
        "a long text that wraps because it has more than eighty characters in a row of many words",
    ];
    let marked = proptest::collection::vec(proptest::sample::select(marks), 0..12).prop_map(|it| it.concat());
    // A file's texts are trimmed when they are read.
    prop_oneof![3 => marked, 1 => ".{0,120}", 1 => "[ a-z]{60,200}"].prop_map(|text| text.trim().to_owned())
}

fn some_text() -> impl Strategy<Value = String> {
    any_text().prop_filter("a label is required", |text| !text.is_empty())
}

fn any_criterion() -> impl Strategy<Value = Criterion> {
    let points = (1..=1_000_000_000_i64).prop_flat_map(|max| (Just(max), proptest::option::of(0..max)));
    let evaluator = proptest::sample::select(vec![Evaluator::Rule, Evaluator::Judge, Evaluator::Human]);
    let knockout = vec![Knockout::None, Knockout::Category, Knockout::Assessment];
    let texts = (any_text(), any_text(), any_text(), any_text(), any_text());
    ("[a-z][a-z0-9_-]{0,8}", some_text(), texts, points, evaluator, proptest::sample::select(knockout))
        .prop_map(
            |(
                id,
                label,
                (description, rule, applies_when, reason, prompt),
                (max, min),
                evaluator,
                knockout,
            )| {
                let scoring_type = match min {
                    Some(min) => ScoringType::NumericScale { min: MilliPoints(min) },
                    None => ScoringType::MetNotMet,
                };
                let max_points = MilliPoints(max);
                Criterion {
                    id,
                    label,
                    description,
                    max_points,
                    scoring_type,
                    evaluator,
                    rule,
                    applies_when,
                    knockout,
                    reason,
                    prompt,
                }
            },
        )
}

fn any_revision() -> impl Strategy<Value = ScorecardRevision> {
    let criteria = proptest::collection::vec(any_criterion(), 0..3);
    let category = ("[a-z][a-z0-9_-]{0,8}", some_text(), criteria)
        .prop_map(|(id, label, criteria)| Category { id, label, criteria });
    let state =
        vec![ScorecardState::Draft, ScorecardState::Active, ScorecardState::Retired, ScorecardState::Deleted];
    let kinds = (
        proptest::sample::select(state),
        proptest::sample::select(vec![UnitKind::Conversation, UnitKind::Worklog]),
        proptest::sample::select(vec![Denominator::Total, Denominator::Used]),
    );
    let texts = (some_text(), any_text(), any_text());
    ("[a-z][a-z0-9_-]{0,8}", texts, kinds, proptest::collection::vec(category, 0..3)).prop_map(
        |(base, (label, description, applies_when), (state, unit, denominator), categories)| {
            ScorecardRevision {
                revision: RevisionRef { base, base_id: 1, ordinal: 1, revision_id: 1 },
                label,
                description,
                state,
                unit,
                applies_when,
                denominator,
                categories,
                create_time: UnixMillis::clamped(0),
                content_hash: String::new(),
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(before in any_revision()) {
        let written = render(&before);
        let file = yaml::parse(&written);
        prop_assert!(file.is_ok(), "{}\n{written}", file.unwrap_err());
        let mut after = file.unwrap().into_revision(before.revision.clone(), before.create_time);
        after.content_hash.clear();
        prop_assert_eq!(&after, &before, "{}", written);
        prop_assert_eq!(render(&after), written);
    }
}

fn with_criteria(count: usize, fields: &str) -> String {
    let criterion = format!("{{id: a, label: A, max_points: 1, scoring_type: met_not_met{fields}}}");
    let criteria = vec![criterion; count].join(",");
    format!("id: small\nlabel: Small\ncategories: [{{id: one, label: One, criteria: [{criteria}]}}]\n")
}

#[test]
fn a_field_without_a_value_is_a_field_that_is_not_there() {
    let text = with_criteria(1, "");
    for empty in ["max_points: ", "max_points: ~", "max_points: null"] {
        let faults = yaml::parse(&text.replace("max_points: 1", empty)).unwrap_err();
        assert_eq!(faults.to_string(), "categories[0].criteria[0].max_points: is required", "{empty}");
    }
    let with_empty = text.replace("label: Small", "label: Small\ndescription:\nstate: ~");
    assert_eq!(yaml::parse(&with_empty).unwrap().state, ScorecardState::Active);
}

#[test]
fn a_file_is_bounded_with_its_aliases_written_out() {
    let long = "many words ".repeat(700);
    let named_again = |count| {
        let text = with_criteria(count, ", prompt: *long");
        text.replace("label: Small", &format!("label: Small\ndescription: &long {long}"))
    };
    assert!(yaml::parse(&named_again(20)).is_ok());
    let faults = yaml::parse(&named_again(60)).unwrap_err().to_string();
    assert!(faults.contains("with every alias and default written out"), "{faults}");
}
