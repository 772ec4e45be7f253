//! Dialogues whose order anybody would agree on: the score must agree too, also on those it was not fitted to.

use super::{
    cases::{rank_correlation, read, transcript_of},
    *,
};

struct Dialogue {
    name: String,
    satisfaction: f64,
    transcript: Transcript,
}

fn dialogues(file: &str) -> Vec<Dialogue> {
    let dialogue = |dialogue: &serde_json::Value| Dialogue {
        name: dialogue["name"].as_str().expect("a name").to_owned(),
        satisfaction: dialogue["satisfaction"].as_f64().expect("a number"),
        transcript: transcript_of(&dialogue["lines"]),
    };
    read(&format!("scoring/{file}")).iter().map(dialogue).collect()
}

fn correlation(file: &str) -> f64 {
    let scorer = scorer();
    let dialogues = dialogues(file);
    let scores: Vec<f64> =
        dialogues.iter().map(|dialogue| axis(&scorer, &dialogue.transcript).unrounded()).collect();
    let satisfaction: Vec<f64> = dialogues.iter().map(|dialogue| dialogue.satisfaction).collect();
    let correlation = rank_correlation(&scores, &satisfaction);
    // The held-out ones are not to be looked at one by one.
    println!("{file}: rank correlation {correlation:.3}");
    if file == "tuned" {
        for (dialogue, score) in dialogues.iter().zip(&scores) {
            println!("{:.1} {score:.2} {}", dialogue.satisfaction, dialogue.name);
        }
    }
    correlation
}

#[test]
fn the_order_is_the_customers_on_the_dialogues_that_weights_were_looked_at() {
    let correlation = correlation("tuned");
    assert!(correlation >= 0.85, "rank correlation is {correlation:.2}");
}

#[test]
fn the_order_is_the_customers_on_dialogues_that_were_held_out() {
    let correlation = correlation("held_out");
    assert!(correlation >= 0.8, "rank correlation is {correlation:.2}");
}

#[test]
fn the_documented_sample_is_unresolved_with_a_handoff_under_way() {
    let sample = transcript(&[
        "c: Why was I charged twice?",
        "a: I can help with billing.",
        "n: Escalated to billing for license review.",
    ]);
    let axis = axis(&scorer(), &sample);
    assert_eq!(axis.resolution.as_str(), "Not Resolved");
    assert_eq!(axis.ai_involvement.as_str(), "AI assisted");
    assert!((2.0..4.5).contains(&axis.handoff_smoothness.score()), "{:?}", axis.handoff_smoothness);
    // Who leaves with nothing has to come back.
    assert!(axis.interaction_effort.score() <= 2.5, "{:?}", axis.interaction_effort);
}
