use proptest::prelude::*;

use super::*;
use crate::domain::{
    Answer, AnswerSource, Category, Criterion, Evaluator, RevisionRef, ScorecardState, ScoringType, UnitKind,
    UnixMillis,
};

/// One criterion in whole points: its maximum, its score, its knockout.
#[derive(Clone, Copy, Debug)]
struct Row {
    max: i64,
    score: Option<i64>,
    knockout: Knockout,
}

fn row(max: i64, score: impl Into<Option<i64>>) -> Row {
    Row { max, score: score.into(), knockout: Knockout::None }
}

fn knockout(row: Row, knockout: Knockout) -> Row {
    Row { knockout, ..row }
}

fn answer(points: i64) -> Answer {
    let score = MilliPoints(points * 1000);
    Answer {
        score,
        reason: String::new(),
        evidence: vec![],
        source: AnswerSource::Rule,
        time: UnixMillis::clamped(0),
    }
}

fn revision(categories: &[&[Row]], denominator: Denominator) -> ScorecardRevision {
    let criterion = |category: usize, (place, row): (usize, &Row)| Criterion {
        id: format!("{category}-{place}"),
        label: String::new(),
        description: String::new(),
        max_points: MilliPoints(row.max * 1000),
        scoring_type: ScoringType::NumericScale { min: MilliPoints(0) },
        evaluator: Evaluator::Rule,
        rule: String::new(),
        applies_when: String::new(),
        knockout: row.knockout,
        reason: String::new(),
        prompt: String::new(),
    };
    ScorecardRevision {
        revision: RevisionRef { base: "test".into(), base_id: 1, ordinal: 1, revision_id: 1 },
        label: String::new(),
        description: String::new(),
        state: ScorecardState::Active,
        unit: UnitKind::Conversation,
        applies_when: String::new(),
        denominator,
        categories: (0..)
            .zip(categories)
            .map(|(category, rows)| Category {
                id: category.to_string(),
                label: String::new(),
                criteria: rows.iter().enumerate().map(|row| criterion(category, row)).collect(),
            })
            .collect(),
        create_time: UnixMillis::clamped(0),
        content_hash: String::new(),
    }
}

fn results(categories: &[&[Row]]) -> Vec<CriterionResult> {
    let result = |category: usize, (place, row): (usize, &Row)| CriterionResult {
        category_id: category.to_string(),
        criterion_id: format!("{category}-{place}"),
        max_points: MilliPoints(row.max * 1000),
        applicable: true,
        system: row.score.map(answer),
        human: None,
        failure: None,
    };
    (0..)
        .zip(categories)
        .flat_map(|(category, rows)| rows.iter().enumerate().map(move |row| result(category, row)))
        .collect()
}

fn totals(categories: &[&[Row]]) -> Totals {
    Totals::of(&revision(categories, Denominator::Total), &results(categories))
}

#[test]
fn the_documented_vectors_hold() {
    for (scored, used, total, tenths) in [(18, 20, 25, 720), (22, 24, 30, 733), (20, 22, 25, 800)] {
        let totals = totals(&[&[row(used, scored), row(total - used, None)]]);
        assert_eq!(totals.scored_points, MilliPoints(scored * 1000));
        assert_eq!(totals.used_max_points, MilliPoints(used * 1000));
        assert_eq!(totals.total_max_points, MilliPoints(total * 1000));
        assert_eq!(totals.percentage_tenths, tenths);
        assert_eq!(totals.normalized(), Some(scored as f64 / used as f64));
    }
}

#[test]
fn the_denominator_may_be_what_was_used() {
    let rows: &[&[Row]] = &[&[row(32, 24), row(15, None)]];
    let totals = Totals::of(&revision(rows, Denominator::Used), &results(rows));
    assert_eq!(totals.percentage_tenths, 750);
    assert_eq!(totals.percentage(), 75.0);
}

#[test]
fn half_a_tenth_rounds_up() {
    // 100 * 1 / 16 = 6.25 %, 100 * 1 / 2000 = 0.05 %, 100 * 1 / 2001 is just below.
    assert_eq!(percentage_tenths(1, 16), 63);
    assert_eq!(percentage_tenths(1, 2000), 1);
    assert_eq!(percentage_tenths(1, 2001), 0);
    assert_eq!(percentage_tenths(0, 0), 0);
}

#[test]
fn nothing_scored_is_absent_and_not_zero() {
    let totals = totals(&[&[row(10, None)]]);
    assert_eq!(totals.normalized(), None);
    assert_eq!((totals.used_max_points, totals.total_max_points), (MilliPoints(0), MilliPoints(10_000)));
    assert_eq!(totals.percentage_tenths, 0);
}

#[test]
fn a_category_knockout_zeroes_its_category_and_no_other() {
    let strict = knockout(row(5, 0), Knockout::Category);
    let totals = totals(&[&[row(10, 8), strict], &[row(10, 7)]]);
    assert_eq!(totals.scored_points, MilliPoints(7_000));
    assert_eq!(totals.used_max_points, MilliPoints(25_000));
}

#[test]
fn an_assessment_knockout_zeroes_all_points_and_no_maximum() {
    let strict = knockout(row(5, 0), Knockout::Assessment);
    let totals = totals(&[&[row(10, 8), strict], &[row(10, 7)]]);
    assert_eq!(totals.scored_points, MilliPoints(0));
    assert_eq!(totals.total_max_points, MilliPoints(25_000));
    assert_eq!(totals.normalized(), Some(0.0));
}

#[test]
fn an_unscored_knockout_takes_nothing() {
    let totals = totals(&[&[row(10, 8), knockout(row(5, None), Knockout::Assessment)]]);
    assert_eq!(totals.scored_points, MilliPoints(8_000));
}

#[test]
fn what_does_not_apply_is_excluded_from_both_sides() {
    let rows: &[&[Row]] = &[&[row(10, 5), row(30, None)]];
    let mut results = results(rows);
    results[1].applicable = false;
    let totals = Totals::of(&revision(rows, Denominator::Total), &results);
    assert_eq!(totals.total_max_points, MilliPoints(10_000));
    assert_eq!(totals.percentage_tenths, 500);
}

#[test]
fn a_persons_answer_wins_even_where_the_system_found_the_criterion_not_applicable() {
    let rows: &[&[Row]] = &[&[row(10, 5), row(30, None)]];
    let mut results = results(rows);
    results[0].human = Some(answer(10));
    results[1].applicable = false;
    results[1].human = Some(answer(15));
    let totals = Totals::of(&revision(rows, Denominator::Total), &results);
    assert_eq!(totals.scored_points, MilliPoints(25_000));
    assert_eq!(totals.total_max_points, MilliPoints(40_000));
}

fn any_row() -> impl Strategy<Value = Row> {
    let knockout = prop_oneof![Just(Knockout::None), Just(Knockout::Category), Just(Knockout::Assessment)];
    (1..100i64, proptest::option::of(0..120i64), knockout).prop_map(|(max, score, knockout)| Row {
        max,
        score,
        knockout,
    })
}

proptest! {
    #[test]
    fn parts_never_exceed_their_whole(rows in proptest::collection::vec(any_row(), 0..12)) {
        for denominator in [Denominator::Total, Denominator::Used] {
            let totals = Totals::of(&revision(&[&rows], denominator), &results(&[&rows]));
            prop_assert!(totals.scored_points <= totals.used_max_points);
            prop_assert!(totals.used_max_points <= totals.total_max_points);
            prop_assert!(totals.percentage_tenths <= 1000);
        }
    }

    #[test]
    fn a_knockout_changes_no_maximum(rows in proptest::collection::vec(any_row(), 1..12), at in 0..12usize) {
        let before = totals(&[&rows]);
        let mut changed = rows.clone();
        let at = at % changed.len();
        changed[at].knockout = Knockout::Assessment;
        let after = totals(&[&changed]);
        prop_assert_eq!(before.used_max_points, after.used_max_points);
        prop_assert_eq!(before.total_max_points, after.total_max_points);
        prop_assert!(after.scored_points <= before.scored_points);
    }

    #[test]
    fn more_points_never_lower_the_total(rows in proptest::collection::vec(any_row(), 1..12), at in 0..12usize) {
        let before = totals(&[&rows]);
        let mut changed = rows.clone();
        let at = at % changed.len();
        changed[at].score = changed[at].score.map(|score| score + 1);
        prop_assert!(totals(&[&changed]).scored_points >= before.scored_points);
    }

    #[test]
    fn an_unscored_criterion_changes_neither_points_nor_normalized(
        rows in proptest::collection::vec(any_row(), 0..12), max in 1..100i64,
    ) {
        let before = totals(&[&rows]);
        let mut more = rows.clone();
        more.push(knockout(row(max, None), Knockout::Assessment));
        let after = totals(&[&more]);
        prop_assert_eq!(before.scored_points, after.scored_points);
        prop_assert_eq!(before.normalized(), after.normalized());
    }
}
