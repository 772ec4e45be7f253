use super::*;

/// Not a test of right and wrong: `cargo test --release --lib scoring::tests::speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn how_long_it_takes() {
    let start = std::time::Instant::now();
    let scorer = scorer();
    println!("ready after {:?}", start.elapsed());
    let sample = transcript(&[
        "c: Why was I charged twice?",
        "a: I can help with billing.",
        "n: Escalated to billing for license review.",
    ]);
    let long: Vec<String> = (0..500)
        .flat_map(|index| {
            [
                format!("c: Question {index}: why was I charged {index} times for order {index}?"),
                format!("t: Hello, I refunded order {index}, it takes 3 days. Anything else?"),
            ]
        })
        .collect();
    let long = transcript(&long.iter().map(String::as_str).collect::<Vec<_>>());
    for (name, transcript, rounds) in [("3 messages", &sample, 2000u32), ("1000 messages", &long, 10)] {
        for _ in 0..3 {
            let start = std::time::Instant::now();
            for _ in 0..rounds {
                std::hint::black_box(scorer.score(std::hint::black_box(transcript), UnixMillis(7)));
            }
            println!("{name}: {:?} each", start.elapsed() / rounds);
        }
    }
}
