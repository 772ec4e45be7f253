use super::*;
use crate::domain::{Answer, AnswerSource, MilliPoints, UnixMillis};

fn dimension(score: f64) -> Dimension {
    Dimension { score_milli: (score * 1000.0).round() as u32, reason: String::new() }
}

fn axis(scores: [f64; 3]) -> Axis {
    let [accuracy, effort, handoff] = scores.map(dimension);
    Axis::of(accuracy, effort, handoff, Resolution::Partial, AiInvolvement::NoAi)
}

#[test]
fn the_documented_vectors_hold() {
    let vectors = [
        ([4.0, 4.0, 5.0], 4.3, Band::Excellent),
        ([5.0, 5.0, 4.0], 4.7, Band::Excellent),
        ([3.0, 4.0, 5.0], 4.0, Band::Excellent),
        ([1.0, 1.0, 2.0], 1.3, Band::Poor),
        ([2.0, 2.0, 1.0], 1.7, Band::Poor),
    ];
    for (scores, expected, band) in vectors {
        let axis = axis(scores);
        assert_eq!((axis.score(), axis.band), (expected, band), "{scores:?}");
    }
}

#[test]
fn the_band_follows_the_rounded_score() {
    // 2.95 rounds to 3, 3.949 to 3.9.
    assert_eq!(axis([2.95, 2.95, 2.95]).band, Band::Fair);
    assert_eq!(axis([2.949, 2.949, 2.949]).band, Band::Poor);
    assert_eq!(axis([3.949, 3.949, 3.949]).band, Band::Fair);
    assert_eq!(axis([3.95, 3.95, 3.95]).band, Band::Excellent);
    assert_eq!([Band::Poor, Band::Fair, Band::Excellent].map(Band::as_str), ["Poor", "Fair", "Excellent"]);
}

#[test]
fn half_a_tenth_rounds_up() {
    // The unrounded dimensions are added up: 3.349 twice and 3.352 average 3.35.
    assert_eq!(axis([3.349, 3.349, 3.352]).score_tenths, 34);
    assert_eq!(axis([3.349, 3.349, 3.351]).score_tenths, 33);
}

fn fact(name: &str, value: FactValue) -> ScoredFact {
    ScoredFact { name: name.into(), value, evidence: vec![] }
}

fn involvement(ai: i64, teammates: i64, notes: i64, assisted: i64) -> &'static str {
    let counts = [
        ("ai_messages", ai),
        ("teammate_messages", teammates),
        ("teammate_notes", notes),
        ("assisted_replies", assisted),
    ];
    let facts: Vec<ScoredFact> = counts.map(|(name, count)| fact(name, FactValue::Int(count))).into();
    AiInvolvement::of(&facts).as_str()
}

#[test]
fn involvement_follows_from_who_wrote() {
    assert_eq!(involvement(2, 0, 0, 0), "AI only");
    assert_eq!(involvement(2, 1, 0, 0), "AI assisted");
    assert_eq!(involvement(1, 0, 1, 0), "AI assisted");
    assert_eq!(involvement(0, 2, 0, 1), "AI assisted");
    assert_eq!(involvement(0, 2, 1, 0), "no AI");
    assert_eq!(involvement(0, 0, 0, 0), "no AI");
}

#[test]
fn resolution_follows_from_accuracy_and_the_end() {
    let open = [fact("unanswered_question", FactValue::Bool(true))];
    let confirmed = [fact("confirmation_at_end", FactValue::Bool(true))];
    let of = |score: f64, facts: &[ScoredFact]| Resolution::of(&dimension(score), facts).as_str();
    assert_eq!(of(4.5, &[]), "Resolved");
    assert_eq!(of(4.5, &open), "Partial");
    assert_eq!(of(3.0, &[]), "Partial");
    assert_eq!(of(3.0, &confirmed), "Resolved");
    assert_eq!(of(2.4, &[]), "Not Resolved");
    assert_eq!(of(2.4, &confirmed), "Not Resolved");
}

#[test]
fn a_persons_score_of_a_dimension_wins() {
    let answer = |points: i64, reason: &str| Answer {
        score: MilliPoints(points * 1000),
        reason: reason.into(),
        evidence: vec![],
        source: AnswerSource::Rule,
        time: UnixMillis::clamped(0),
    };
    let mut criteria: Vec<CriterionResult> = [RESOLUTION_ACCURACY, INTERACTION_EFFORT, HANDOFF_SMOOTHNESS]
        .map(|id| CriterionResult {
            category_id: "axis".into(),
            criterion_id: id.into(),
            max_points: MilliPoints(5_000),
            applicable: true,
            system: Some(answer(2, "rule")),
            human: None,
            failure: None,
        })
        .into();
    criteria[0].human = Some(answer(5, "person"));
    let axis = Axis::from_results(&criteria, &[]).expect("all three are scored");
    assert_eq!((axis.score(), axis.resolution), (3.0, Resolution::Resolved));
    assert_eq!(axis.resolution_accuracy.reason, "person");
    criteria[2].system = None;
    assert_eq!(Axis::from_results(&criteria, &[]), None);
}
