//! Every fact on a small transcript, and that a change moves the facts it should and no other.

use std::collections::BTreeSet;

use super::{
    fact_cases::{ABSENT, CASES, GOOD, HANDED_OVER, HELLO, ROUGH, SWEDISH},
    *,
};
use crate::{
    domain::{Attachment, AttachmentId, FactValue, LastAnswers, MessageDetails, Status, UnitKind, worklog},
    scoring::{
        facts::{
            Context, FactId, FactKind, Facts, Found, MAX_EVIDENCE, OF_RATINGS, View, all, digest, find, get,
        },
        written::is_automatic,
    },
};

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
    let digests = digest(&transcript.messages, None);
    let facts = if get(id).scope.includes(UnitKind::Conversation) {
        Facts::of(&View::conversation(&digests), &[id])
    } else {
        let worklogs = worklog::cut(&transcript.messages, is_automatic, &[], worklog::IDLE_MILLIS);
        let windows = worklog::windows(&worklogs, digests.len());
        Facts::of(&View::worklog(&digests, windows[0].clone(), worklogs.len() > 1), &[id])
    };
    shown(facts.get(id).map(|found| &found.value))
}

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
    let digests = digest(&transcript.messages, None);
    let view = View::conversation(&digests).context(Context::of(transcript, is_automatic, answers));
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
fn what_no_person_wrote_neither_reopens_nor_tells_that_it_was_open() {
    let value = |name, mut transcript: Transcript, content: &str| {
        content.clone_into(&mut transcript.messages[2].content);
        shown(found(name, &transcript, LastAnswers::default()).map(|fact| fact.value).as_ref())
    };
    let closed = handled(None, &[(Status::Closed, 10, 101)]);
    let due = handled(Some(19), &[]);
    for (content, reopened, sla_met) in
        [("Thanks!", "true", "false"), ("I am out of the office until 8 December.", "false", ABSENT)]
    {
        assert_eq!(value("reopened", closed.clone(), content), reopened);
        assert_eq!(value("sla_met", due.clone(), content), sla_met);
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
        let digests = digest(&transcript.messages, None);
        let context = Context::of(transcript, is_automatic, LastAnswers::default());
        let view = View::conversation(&digests).context(context);
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
        moved.iter().all(|name| expected.contains(&name.as_str())
            || ["substantive_replies_ratio", "empty_replies"].contains(&name.as_str())),
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
    let facts = Facts::of(&View::conversation(&digest(&waited.messages, None)), &[longest]);
    let found = facts.get(longest).unwrap();
    assert_eq!(
        (shown(Some(&found.value)).as_str(), found.evidence.as_slice()),
        ("10", &[MessageId(100), MessageId(101)][..])
    );
}
