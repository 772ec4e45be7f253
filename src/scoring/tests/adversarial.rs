//! Text that nobody would write, except to break something.

use proptest::prelude::*;

use super::*;
use crate::scoring::text::{self, READ_BYTES, Reading, Side};

fn read(text: &str) -> Reading {
    text::read([(Side::Customer, text)], None).remove(0)
}

const KIB_256: usize = 256 * 1024;

fn any_text() -> impl Strategy<Value = String> {
    let odd = proptest::sample::select(vec![
        "\u{200b}",
        "\u{202e}",
        "\u{feff}",
        "😡",
        "👨‍👩‍👧",
        "שלום",
        "مرحبا",
        "你好吗？",
        "สวัสดี",
        "'",
        "''s",
        "n't",
        "?",
        "!!!",
        "\n",
        " ",
        "İ",
        "ß",
        "ﬁ",
        "\u{0}",
        "\u{1d7d8}",
        "thanks",
        "NOT",
        "not solved",
        "_",
        "{",
        "}",
        "a\u{301}",
        "I'm",
        "’",
    ]);
    prop_oneof![
        ".{0,200}",
        proptest::collection::vec(odd, 0..60).prop_map(|parts| parts.concat()),
        ("[a-zA-Z']{1,3}", 1..3000usize).prop_map(|(unit, times)| unit.repeat(times)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_can_be_read(text in any_text()) {
        let reading = read(&text);
        prop_assert!(reading.sentiment.is_none_or(|tone| (-1.0..=1.0).contains(&tone)));
        prop_assert!(reading.content_words <= reading.counts.words);
        prop_assert!(reading.sketch.len() <= 64);
    }

    #[test]
    fn any_conversation_can_be_scored(texts in proptest::collection::vec((0..4usize, any_text()), 1..8)) {
        let lines: Vec<String> =
            texts.iter().map(|(who, text)| format!("{}: {text}", ["c", "a", "t", "n"][*who])).collect();
        let transcript = transcript(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        for scored in SCORER.with(|scorer| scorer.score(&transcript, UnixMillis::clamped(7))) {
            prop_assert!(scored.totals.percentage_tenths <= 1000);
        }
    }

    #[test]
    fn any_times_can_be_scored(times in proptest::collection::vec(any::<i64>(), 4)) {
        let mut transcript = transcript(&["c: Where is it?", "a: Here.", "n: see log", "t: There it is."]);
        for (message, time) in transcript.messages.iter_mut().zip(times) {
            message.create_time = UnixMillis::clamped(time);
        }
        prop_assert!(SCORER.with(|scorer| !scorer.score(&transcript, UnixMillis::clamped(7)).is_empty()));
    }
}

/// Seconds to score, in whatever profile the tests run.
fn seconds(transcript: &Transcript) -> f64 {
    let scorer = scorer();
    let before = thread_time();
    scorer.score(transcript, UnixMillis::clamped(7));
    thread_time() - before
}

#[test]
fn long_messages_are_read_in_bounded_time() {
    let texts = [
        "a".repeat(KIB_256),
        "a ".repeat(KIB_256 / 2),
        "thanks not ".repeat(KIB_256 / 11),
        "😡".repeat(KIB_256 / 4),
    ];
    for text in texts {
        let line = format!("c: {text}");
        let took = seconds(&transcript(&[&line, "t: Hello", &line, "a: Hello", &line]));
        assert!(took < 2.0, "took {took} s");
    }
}

#[test]
fn two_thousand_messages_are_scored_in_linear_time() {
    let lines: Vec<String> = (0..2000)
        .map(|index| match index % 4 {
            0 => format!("c: question {index} about order {index} and the refund of item {}", index * 7),
            1 => format!("t: we have refunded order {index}"),
            2 => "c: why is my order late? please answer me".to_owned(),
            _ => format!("a: reply {index} of the bot"),
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (half, whole) = (seconds(&transcript(&lines[..1000])), seconds(&transcript(&lines)));
    assert!(whole < 5.0 && whole < half * 6.0 + 0.2, "1000 took {half} s, 2000 took {whole} s");
}

#[test]
fn zero_width_characters_hide_no_words() {
    let plain = read("thank you, that solved it");
    let hidden = read("th\u{200b}ank y\u{200d}ou, that sol\u{feff}ved it");
    assert_eq!((plain.signals, plain.wording), (hidden.signals, hidden.wording));
}

#[test]
fn what_comes_after_the_limit_is_not_read() {
    let mut text = "word ".repeat(READ_BYTES / 5 + 1);
    let before = read(&text).counts;
    text.push_str("fuck this");
    assert_eq!(read(&text).counts, before);
}

#[test]
fn a_limit_within_a_character_cuts_it_whole() {
    for shift in 0..4 {
        let text = format!("{}{}", "x".repeat(READ_BYTES - shift), "😡");
        read(&text);
    }
}
