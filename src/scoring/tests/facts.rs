//! Every fact on a small transcript, and that a change moves the facts it should and no other.

use std::collections::BTreeSet;

use super::*;
use crate::{
    domain::{Attachment, AttachmentId, FactValue, LastAnswers, MessageDetails, Status, UnitKind, worklog},
    scoring::facts::{
        Context, FactId, FactKind, Facts, Found, MAX_EVIDENCE, OF_RATINGS, View, all, digest, find, get,
    },
};

const ABSENT: &str = "absent";

fn shown(value: Option<&FactValue>) -> String {
    match value {
        None => ABSENT.to_owned(),
        Some(FactValue::Bool(value)) => value.to_string(),
        Some(FactValue::Int(value)) => value.to_string(),
        Some(FactValue::Number(value)) => format!("{value:.2}"),
        Some(FactValue::Text(value)) => value.clone(),
    }
}

fn every() -> Vec<FactId> {
    all().iter().filter_map(|fact| find(fact.name)).collect()
}

fn fact(name: &str, transcript: &Transcript) -> String {
    let id = find(name).unwrap_or_else(|| panic!("{name} exists"));
    let digests = digest(&transcript.messages);
    let facts = if get(id).scope.includes(UnitKind::Conversation) {
        Facts::of(&View::conversation(&digests), &[id])
    } else {
        let worklogs = worklog::cut(&transcript.messages, &[], worklog::IDLE_MILLIS);
        let windows = worklog::windows(&worklogs, digests.len());
        Facts::of(&View::worklog(&digests, windows[0].clone(), worklogs.len() > 1), &[id])
    };
    shown(facts.get(id).map(|found| &found.value))
}

const HELLO: &[&str] = &["c: Hello", "a: Hi there"];
const HANDED_OVER: &[&str] = &[
    "c: My card was declined but the money is gone",
    "a: I'll connect you with a colleague from payments.",
    "n: Card declined, money taken.",
    "t: Hi, I have refunded the 20 pounds.",
    "c: My card was declined and the money is gone",
];
const ROUGH: &[&str] = &[
    "c: Why was I charged twice?",
    "t: I can help with billing.",
    "c: That's not what I asked. THIS IS RIDICULOUS, WHY WAS I CHARGED TWICE?",
    "t: I can help with billing.",
    "c: Why was I charged twice? I want to speak to a human, damn it",
    "t2: Sorry, I didn't get that. Unfortunately I cannot help you.",
    "c: forget it, you are useless",
];
const GOOD: &[&str] = &[
    "c: Hello, my order 5512 is late. Where is it?",
    "t: Hi Mia, I'm sorry about the delay. I have sent a replacement order today, you will receive it within 2 days. Is there anything else I can help with?",
    "c: Thank you so much, that is perfect!",
];
const SWEDISH: &[&str] = &[
    "c: Varför har beloppet dragits två gånger från mitt kort? Jag förstår det inte.",
    "a: I can help you with your billing question, what is it about?",
];

/// A fact, a transcript, the value.
const CASES: &[(&str, &[&str], &str)] = &[
    ("customer_messages", ROUGH, "4"),
    ("customer_messages", &["t: Hello"], "0"),
    ("ai_messages", HANDED_OVER, "1"),
    ("teammate_messages", HANDED_OVER, "1"),
    ("agent_messages", HANDED_OVER, "2"),
    ("notes", HANDED_OVER, "1"),
    ("teammate_notes", HANDED_OVER, "1"),
    ("assisted_replies", HANDED_OVER, "0"),
    ("turns", ROUGH, "7"),
    ("turns", &["c: one", "c: two", "a: three", "n: four", "a: five"], "2"),
    ("agents", ROUGH, "2"),
    ("customer_words", &["c: one two three", "a: four"], "3"),
    ("agent_words_per_message", &["a: one two three", "t: four"], "2.00"),
    ("agent_words_per_message", &["c: Hello"], ABSENT),
    ("customer_questions", ROUGH, "3"),
    ("customer_requests", GOOD, "1"),
    ("agent_questions", &["c: slow", "t: Which router do you have?", "t: Is there anything else?"], "1"),
    ("first_response_seconds", HELLO, "10"),
    ("first_response_seconds", &["t: Hi", "c: Hello"], ABSENT),
    ("median_wait_seconds", ROUGH, "10.00"),
    ("longest_wait_seconds", &["c: Hello?", "c: Anybody?", "t: Hi"], "20"),
    ("longest_wait_seconds", &["c: Hello?"], ABSENT),
    ("duration_seconds", ROUGH, "60"),
    ("work_after_last_customer_seconds", &["c: Hello", "t: Hi", "n: done"], "20"),
    ("work_after_last_customer_seconds", &["t: Hi", "c: Hello"], ABSENT),
    ("handoff_gap_seconds", HANDED_OVER, "20"),
    ("handoff_gap_seconds", HELLO, ABSENT),
    ("handoffs", HANDED_OVER, "1"),
    ("handoffs", HELLO, "0"),
    ("handoffs", &["c: Hello", "t: Hi", "an: a summary", "t: So it is"], "0"),
    ("note_at_handoff", &["c: Hello", "a: Hi", "an: a summary", "t: So it is"], "true"),
    ("transfers", &["c: Hello", "t: Hi", "t2n: advice from another", "t: So it is"], "0"),
    ("transfers", ROUGH, "1"),
    ("note_at_handoff", HANDED_OVER, "true"),
    ("note_at_handoff", &["c: Help", "a: Hi", "t: Hi", "n: late"], "false"),
    ("note_at_handoff", HELLO, ABSENT),
    ("handoff_announced", HANDED_OVER, "true"),
    ("handoff_announced", &["c: Please help me", "a: Hi there", "t: Hi"], "false"),
    ("handoff_announced", HELLO, ABSENT),
    ("reply_after_handoff", HANDED_OVER, "true"),
    ("reply_after_handoff", &["c: Help me", "a: Hi", "n: see log"], "false"),
    ("last_author", GOOD, "customer"),
    ("last_author", HELLO, "ai"),
    ("unanswered_question", HANDED_OVER, "true"),
    ("unanswered_question", GOOD, "false"),
    ("unanswered_question", &["c: thanks"], ABSENT),
    (
        "open_requests",
        &["c: Where is it?", "a: Hm", "c: Hello, where is my order?", "c: Is anybody there?", "c: ok"],
        "2",
    ),
    ("open_requests", GOOD, "0"),
    ("last_answer_substantive", GOOD, "true"),
    (
        "last_answer_substantive",
        &["c: Why is it late?", "t: Your request is important to us, we will get back to you."],
        "false",
    ),
    ("last_answer_substantive", &["c: Why is it late?", "a: I can help."], "false"),
    ("last_answer_substantive", &["c: Why is it late?"], ABSENT),
    ("answered_requests_ratio", &["c: Why is it late?", "a: Hm", "c: Where is it?"], "0.50"),
    ("human_requests", ROUGH, "1"),
    ("human_requests", SWEDISH, ABSENT),
    ("human_request_unmet", ROUGH, "false"),
    ("human_request_unmet", &["c: let me speak to a human", "a: I can help"], "true"),
    ("taken_over", HANDED_OVER, "true"),
    ("taken_over", HELLO, "false"),
    ("note_left", &["c: Hello", "t: Hi", "n: x"], "true"),
    ("note_left", HELLO, "false"),
    ("repeated_customer_messages", ROUGH, "2"),
    ("repeated_customer_messages", GOOD, "0"),
    (
        "repeated_customer_messages",
        &["c: Where is my order?", "t: It is late.", "c: And what now?\n\n> Where is my order?"],
        "0",
    ),
    ("repeated_after_handoff", HANDED_OVER, "1"),
    ("repeated_after_handoff", HELLO, ABSENT),
    ("repeated_agent_answers", ROUGH, "1"),
    ("corrections", ROUGH, "1"),
    ("corrections", &["c: I already tried that"], "0"),
    ("answer_coverage_ratio", &["c: Is parking free?", "a: Parking is included."], "0.50"),
    ("answer_coverage_ratio", &["c: Is parking free?"], ABSENT),
    ("customer_sentiment_first", &["c: this is great"], "0.62"),
    ("customer_sentiment_last", &["c: this is great", "c: this is not great"], "-0.51"),
    ("customer_sentiment_lowest", &["c: great", "c: awful", "c: great"], "-0.46"),
    ("customer_sentiment_mean", &["c: great", "c: the table"], "0.31"),
    ("customer_sentiment_trend", &["c: the table", "c: great"], "0.62"),
    ("customer_sentiment_trend", &["c: great"], ABSENT),
    ("thanks_at_end", GOOD, "true"),
    ("thanks_at_end", ROUGH, "false"),
    ("thanks_at_end", &["c: I need a refund for my order, thanks"], "false"),
    ("thanks_at_end", SWEDISH, ABSENT),
    ("confirmation_at_end", GOOD, "true"),
    ("confirmation_at_end", &["c: broken", "t: Try it again", "c: it does not work, not solved"], "false"),
    ("confirmation_at_end", &["c: broken", "t: Try it again", "c: that did not help"], "false"),
    ("negative_at_end", ROUGH, "true"),
    ("negative_at_end", GOOD, "false"),
    ("abandoned", ROUGH, "true"),
    ("abandoned", GOOD, "false"),
    ("complaints", ROUGH, "2"),
    ("customer_profanity", ROUGH, "1"),
    ("customer_shouting", ROUGH, "1"),
    ("customer_negative", ROUGH, "true"),
    ("customer_negative", GOOD, "false"),
    ("greeting_present", GOOD, "true"),
    ("greeting_present", ROUGH, "false"),
    ("greeting_present", &["c: Hello"], ABSENT),
    ("closing_present", GOOD, "true"),
    ("closing_present", ROUGH, "false"),
    ("apologies", ROUGH, "1"),
    ("empathy_phrases", GOOD, "1"),
    ("empathy_after_negative", ROUGH, "true"),
    ("empathy_after_negative", &["c: This is awful", "t: Restart it."], "false"),
    ("empathy_after_negative", GOOD, ABSENT),
    ("inabilities", ROUGH, "1"),
    ("inability_at_end", ROUGH, "true"),
    ("inability_at_end", GOOD, "false"),
    ("misunderstandings", ROUGH, "1"),
    ("actions_done", GOOD, "1"),
    ("actions_done", &["c: Refund?", "t: It has not been refunded."], "0"),
    ("next_steps", GOOD, "1"),
    ("handoff_phrases", HANDED_OVER, "1"),
    ("substantive_replies_ratio", HANDED_OVER, "0.50"),
    ("agent_profanity", &["c: Hello", "t: what the fuck"], "1"),
    ("agent_shouting", &["c: Hello", "t: READ THE MANUAL FIRST"], "1"),
    ("agent_shouting", &["c: Hello"], ABSENT),
    ("agent_sentiment_mean", &["c: Hello", "t: great"], "0.62"),
    ("agent_reading_ease", &["c: Hello", "t: Hi"], ABSENT),
    (
        "agent_reading_ease",
        &["t: The cat sat on the mat. The dog ran to the cat. The cat ran off."],
        "100.00",
    ),
    ("customer_language", SWEDISH, "swe"),
    ("customer_language", GOOD, "eng"),
    ("customer_language", &["c: 12345"], ABSENT),
    ("agent_language", SWEDISH, "eng"),
    ("same_language", SWEDISH, "false"),
    ("same_language", GOOD, "true"),
];

#[test]
fn every_fact_is_what_it_says() {
    let wrong: Vec<String> = CASES
        .iter()
        .filter_map(|(name, lines, expected)| {
            let found = fact(name, &transcript(lines));
            (found != *expected).then(|| format!("{name} of {lines:?} is {found}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_fact_has_a_case() {
    let tested: BTreeSet<&str> =
        CASES.iter().map(|case| case.0).chain(BESIDE).chain(["attachments"]).collect();
    let known: BTreeSet<&str> = all().iter().map(|fact| fact.name).collect();
    assert_eq!(tested, known);
    assert!(known.len() >= 40);
}

#[test]
fn an_assisted_reply_is_a_teammates_with_a_tool() {
    let mut transcript = transcript(HANDED_OVER);
    for message in &mut transcript.messages {
        message.ai_tool = Some("helper".into());
    }
    assert_eq!(fact("assisted_replies", &transcript), "1");
}

#[test]
fn values_are_of_the_type_that_the_table_says() {
    for lines in [HELLO, HANDED_OVER, ROUGH, GOOD, SWEDISH] {
        let transcript = transcript(lines);
        for found in conversation_facts(&transcript, LastAnswers::default()) {
            let kind = get(find(&found.name).expect("it is in the table")).kind;
            let fits = matches!(
                (kind, &found.value),
                (FactKind::Bool, FactValue::Bool(_))
                    | (FactKind::Int, FactValue::Int(_))
                    | (FactKind::Number, FactValue::Number(_))
                    | (FactKind::Text, FactValue::Text(_))
            );
            assert!(fits, "{} is a {}, not {:?}", found.name, kind.as_str(), found.value);
            assert!(found.evidence.len() <= MAX_EVIDENCE);
        }
    }
}

#[test]
fn without_any_message_nothing_is_known_that_was_not_counted() {
    let facts = Facts::of(&View::conversation(&[]), &every());
    for fact in all() {
        let value = facts.by_name(fact.name).map(|found| &found.value);
        assert!(matches!(value, None | Some(FactValue::Int(0))), "{} is {value:?}", fact.name);
    }
}

/// Facts that do not come from the messages' words.
const BESIDE: [&str; 6] = ["closed", "reopened", "sla_met", "csat_stars", "nps_points", "thumbs_up"];

fn found(name: &str, transcript: &Transcript, answers: LastAnswers) -> Option<Found> {
    let digests = digest(&transcript.messages);
    let view = View::conversation(&digests).context(Context::of(transcript, answers));
    Facts::of(&view, &every()).by_name(name).cloned()
}

/// `GOOD` with what the helpdesk says of it; its messages are ten seconds apart, the first has the number 100.
fn handled(due: Option<i64>, statuses: &[(Status, i64, u64)]) -> Transcript {
    let mut transcript = transcript(GOOD);
    let at = |seconds: i64| UnixMillis::clamped(1_700_000_000_000 + seconds * 1000);
    let handling = &mut transcript.conversation.handling;
    handling.due = due.map(at);
    for (status, seconds, after) in statuses {
        handling.set_status(*status, at(*seconds), MessageId(*after));
    }
    transcript
}

#[test]
fn the_helpdesk_s_word_is_a_fact_and_unknown_without_it() {
    let closed = (Status::Closed, 10, 101);
    for (name, due, statuses, value, evidence) in [
        ("closed", None, &[][..], ABSENT, &[][..]),
        ("closed", None, &[closed], "true", &[101]),
        ("closed", None, &[closed, (Status::Open, 15, 101)], "false", &[]),
        ("closed", None, &[(Status::Closed, 30, 500)], "true", &[]),
        ("reopened", None, &[], ABSENT, &[]),
        ("reopened", None, &[(Status::Open, 0, 100)], ABSENT, &[]),
        ("reopened", None, &[closed], "true", &[102]),
        ("reopened", None, &[(Status::Closed, 20, 102)], "false", &[]),
        ("reopened", None, &[(Status::Closed, 20, 102), (Status::Open, 30, 102)], "true", &[]),
        ("sla_met", None, &[closed], ABSENT, &[]),
        ("sla_met", Some(10), &[closed], "true", &[]),
        ("sla_met", Some(9), &[closed], "false", &[]),
        // Open: what was written last tells that it was due.
        ("sla_met", Some(20), &[], ABSENT, &[]),
        ("sla_met", Some(19), &[], "false", &[]),
    ] {
        let fact = found(name, &handled(due, statuses), LastAnswers::default());
        assert_eq!(shown(fact.as_ref().map(|fact| &fact.value)), value, "{name} {due:?} {statuses:?}");
        let rests_on: Vec<u64> = fact.into_iter().flat_map(|fact| fact.evidence).map(|id| id.0).collect();
        assert_eq!(rests_on, evidence, "{name} {due:?} {statuses:?}");
    }
}

#[test]
fn what_the_customer_answered_last_is_a_fact_and_zero_is_an_answer() {
    let answers = LastAnswers { csat: Some(4), nps: Some(0), thumbs: Some(0) };
    for (name, value) in OF_RATINGS.into_iter().zip(["4", "0", "false"]) {
        let of = |answers| shown(found(name, &transcript(GOOD), answers).map(|fact| fact.value).as_ref());
        assert_eq!(of(answers), value, "{name}");
        assert_eq!(of(LastAnswers::default()), ABSENT, "{name}");
    }
    assert!(SCORER.with(|scorer| !scorer.reads(&OF_RATINGS)), "the built-in scorecards ask for no rating");
}

#[test]
fn files_are_counted_where_messages_tell_of_them() {
    let mut transcript = transcript(GOOD);
    let count = |transcript: &Transcript| found("attachments", transcript, LastAnswers::default());
    assert_eq!(count(&transcript), None, "an import tells of none");
    let file = Attachment {
        id: AttachmentId(1),
        file_name: "a".into(),
        source_url: None,
        size_bytes: None,
        content_type: None,
        width: None,
        height: None,
        is_missing: false,
    };
    for (place, files) in [(1, 0), (2, 2)] {
        let details = MessageDetails { attachments: vec![file.clone(); files], ..MessageDetails::default() };
        transcript.messages[place].details = Some(Box::new(details));
        let fact = count(&transcript).expect("a message tells");
        assert_eq!(fact.value, FactValue::Int(files as i64));
        let with = if files > 0 { vec![MessageId(102)] } else { vec![] };
        assert_eq!(fact.evidence, with);
    }
}

/// The facts of a conversation that differ between two transcripts.
fn moved(before: &Transcript, after: &Transcript) -> Vec<String> {
    let values = |transcript: &Transcript| {
        let digests = digest(&transcript.messages);
        let view = View::conversation(&digests).context(Context::of(transcript, LastAnswers::default()));
        let facts = Facts::of(&view, &every());
        all()
            .iter()
            .map(|fact| (fact.name, shown(facts.by_name(fact.name).map(|found| &found.value))))
            .collect::<Vec<_>>()
    };
    let pairs = values(before).into_iter().zip(values(after));
    pairs.filter(|(before, after)| before.1 != after.1).map(|(before, _)| before.0.to_owned()).collect()
}

#[test]
fn a_later_reply_moves_times_only() {
    let before = transcript(GOOD);
    let mut after = before.clone();
    let time = &mut after.messages[1].create_time;
    *time = time.plus_millis(5_000);
    assert_eq!(
        moved(&before, &after),
        ["first_response_seconds", "longest_wait_seconds", "median_wait_seconds"]
    );
}

#[test]
fn a_note_moves_notes_only() {
    let before = transcript(&["c: Where is it?", "t: It is on its way.", "t: Bye"]);
    let mut after = before.clone();
    after.messages[2].kind = MessageKind::Comment;
    let expected = [
        "agent_messages",
        "agent_sentiment_mean",
        "agent_words_per_message",
        "closing_present",
        "notes",
        "teammate_messages",
        "teammate_notes",
    ];
    let moved = moved(&before, &after);
    assert!(
        moved.iter().all(|name| expected.contains(&name.as_str()) || name == "substantive_replies_ratio"),
        "{moved:?}"
    );
    assert!(moved.contains(&"notes".to_owned()));
}

#[test]
fn a_closing_moves_what_rests_on_it_only() {
    let open = handled(Some(30), &[]);
    assert_eq!(
        moved(&open, &handled(Some(30), &[(Status::Closed, 25, 102)])),
        ["closed", "reopened", "sla_met"]
    );
    let closed = |at, due| handled(Some(due), &[(Status::Closed, at, 102)]);
    assert_eq!(moved(&closed(25, 30), &closed(31, 30)), ["sla_met"]);
    assert_eq!(moved(&closed(25, 30), &closed(25, 24)), ["sla_met"]);
}

#[test]
fn a_name_moves_nothing() {
    let before = transcript(ROUGH);
    let mut after = before.clone();
    for message in &mut after.messages {
        message.author.name = Some("Somebody".into());
        message.external_id = format!("{}x", message.external_id).parse().unwrap();
    }
    assert_eq!(moved(&before, &after), [""; 0]);
}

#[test]
fn an_ai_in_a_teammates_place_moves_who_wrote() {
    let before = transcript(GOOD);
    let mut after = before.clone();
    after.messages[1].author.kind = AuthorKind::Ai;
    assert_eq!(moved(&before, &after), ["ai_messages", "teammate_messages"]);
}

#[test]
fn the_longest_of_two_is_told_apart_by_less_than_a_second() {
    let mut waited = transcript(&["c: Hello", "t: Hi", "c: Anybody?", "t: Yes"]);
    let time = &mut waited.messages[1].create_time;
    *time = time.plus_millis(900);
    let longest = find("longest_wait_seconds").unwrap();
    let facts = Facts::of(&View::conversation(&digest(&waited.messages)), &[longest]);
    let found = facts.get(longest).unwrap();
    assert_eq!(
        (shown(Some(&found.value)).as_str(), found.evidence.as_slice()),
        ("10", &[MessageId(100), MessageId(101)][..])
    );
}
