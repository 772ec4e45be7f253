//! Dialogues whose order anybody would agree on: the score must agree too, also on those it was not fitted to.

use super::*;

struct Dialogue {
    name: String,
    satisfaction: f64,
    transcript: Transcript,
}

fn dialogues(file: &str) -> Vec<Dialogue> {
    let path = format!("{}/tests/cases/scoring/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the dialogues are there");
    let value: serde_json::Value = serde_saphyr::from_str(&text).expect("the dialogues are YAML");
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|dialogue| {
            let mut seconds = 0;
            let (mut lines, mut times) = (Vec::new(), Vec::new());
            for line in dialogue["lines"].as_array().expect("lines") {
                let (head, content) = line.as_str().expect("a text").split_once(": ").expect("a head");
                let (who, wait) = head.split_once(' ').expect("a wait");
                seconds += wait.parse::<i64>().expect("seconds");
                lines.push(format!("{who}: {content}"));
                times.push(seconds);
            }
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let mut transcript = transcript(&lines);
            for (message, seconds) in transcript.messages.iter_mut().zip(times) {
                message.create_time = UnixMillis(1_700_000_000_000 + seconds * 1000);
            }
            Dialogue {
                name: dialogue["name"].as_str().expect("a name").to_owned(),
                satisfaction: dialogue["satisfaction"].as_f64().expect("a number"),
                transcript,
            }
        })
        .collect()
}

/// Spearman's rank correlation, equal values sharing their mean rank.
fn rank_correlation(left: &[f64], right: &[f64]) -> f64 {
    let ranks = |values: &[f64]| -> Vec<f64> {
        values
            .iter()
            .map(|value| {
                let below = values.iter().filter(|other| *other < value).count() as f64;
                let equal = values.iter().filter(|other| *other == value).count() as f64;
                below + (equal - 1.0) / 2.0
            })
            .collect()
    };
    let (left, right) = (ranks(left), ranks(right));
    let mean = (left.len() as f64 - 1.0) / 2.0;
    let covariance: f64 = left.iter().zip(&right).map(|(one, two)| (one - mean) * (two - mean)).sum();
    let spread = |ranks: &[f64]| ranks.iter().map(|rank| (rank - mean).powi(2)).sum::<f64>().sqrt();
    covariance / (spread(&left) * spread(&right))
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
    assert!(axis.interaction_effort.score() > 4.0, "{:?}", axis.interaction_effort);
}
