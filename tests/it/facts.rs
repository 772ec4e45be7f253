//! Two conversations that differ in one respect: their assessments differ in what depends on it and in nothing else.

use std::collections::{BTreeMap, BTreeSet};

use plaudit::proto::v1::{
    Assessment, AuthorKind, ImportConversationRequest, MessageKind, UnitKind, fact::Value,
};

use crate::harness::{Plaudit, sample};

/// The contents of an assessment, by name: `fact x`, `criterion y score`, `criterion y reason`, `axis …`, `total …`.
type Said = BTreeMap<String, String>;

/// The sample with a night between its halves.
fn base() -> ImportConversationRequest {
    let mut request = sample::import("it");
    for (place, hour) in [(2, 5), (3, 5)] {
        request.messages[place].create_time.as_mut().unwrap().seconds += hour * 3600;
    }
    request
}

/// Imports a conversation and returns the contents of its own assessment and of each worklog's, in order.
async fn scored(request: ImportConversationRequest) -> (Said, Vec<Said>) {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(request).await.unwrap().conversation;
    client.scored(&name).await;
    let messages = client.messages(&name, 50).await;
    let ids: BTreeMap<_, _> =
        messages.into_iter().map(|message| (message.name, message.external_id)).collect();
    let (whole, worklogs): (Vec<_>, Vec<_>) = client
        .assessments(&name, 50)
        .await
        .into_iter()
        .partition(|assessment| assessment.unit() == UnitKind::Conversation);
    let said = |assessment: &Assessment| said(assessment, &ids);
    (said(&whole[0]), worklogs.iter().map(said).collect())
}

fn said(assessment: &Assessment, ids: &BTreeMap<String, String>) -> Said {
    let mut said = Said::new();
    for fact in &assessment.facts {
        let value = match fact.value.as_ref().expect("a value") {
            Value::BoolValue(value) => value.to_string(),
            Value::IntValue(value) => value.to_string(),
            Value::NumberValue(value) => value.to_string(),
            Value::TextValue(value) => value.clone(),
        };
        let rests_on: Vec<_> = fact.messages.iter().map(|name| ids[name].as_str()).collect();
        said.insert(format!("fact {}", fact.name), format!("{value} by {rests_on:?}"));
    }
    for result in &assessment.criteria {
        let id = &result.criterion_id;
        let answer = result.system.as_ref();
        let score = answer.map_or("none".to_owned(), |answer| answer.score.to_string());
        said.insert(format!("criterion {id} score"), score);
        said.insert(format!("criterion {id} applicable"), result.applicable.to_string());
        said.insert(format!("criterion {id} failure"), result.failure.clone());
        said.insert(
            format!("criterion {id} reason"),
            answer.map_or(String::new(), |answer| answer.reason.clone()),
        );
    }
    if let Some(axis) = &assessment.axis {
        said.insert("axis resolution".to_owned(), format!("{:?}", axis.resolution()));
        said.insert("axis ai_involvement".to_owned(), format!("{:?}", axis.ai_involvement()));
    }
    said.insert("assessee".to_owned(), format!("{:?}", assessment.assessee));
    said
}

/// The facts and criteria that differ, without `fact ` and `criterion `.
fn moved(before: &Said, after: &Said) -> (BTreeSet<String>, BTreeSet<String>) {
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let (mut facts, mut rest) = (BTreeSet::new(), BTreeSet::new());
    for key in keys.into_iter().filter(|key| before.get(*key) != after.get(*key)) {
        match key.split(' ').collect::<Vec<_>>().as_slice() {
            ["fact", name] => facts.insert((*name).to_owned()),
            ["criterion", id, _] => rest.insert((*id).to_owned()),
            _ => rest.insert(key.clone()),
        };
    }
    (facts, rest)
}

/// Asserts that everything in `must` moved, and nothing outside `must` and `may`.
fn assert_moved(what: &str, moved: &BTreeSet<String>, must: &[&str], may: &[&str]) {
    for name in must {
        assert!(moved.contains(*name), "{name} should have moved: {what}, {moved:?}");
    }
    let wrong: Vec<_> =
        moved.iter().filter(|name| !must.contains(&name.as_str()) && !may.contains(&name.as_str())).collect();
    assert!(wrong.is_empty(), "{wrong:?} should not have moved: {what}");
}

fn score(said: &Said, criterion: &str) -> f64 {
    said[&format!("criterion {criterion} score")].parse().expect("a score")
}

#[tokio::test]
async fn the_same_conversation_gets_the_same_scores() {
    assert_eq!(scored(base()).await, scored(base()).await);
}

#[tokio::test]
async fn a_later_first_reply_moves_the_waits_and_what_depends_on_them() {
    let mut later = base();
    later.messages[1].create_time.as_mut().unwrap().seconds += 2 * 3600;
    let ((before, before_logs), (after, after_logs)) = (scored(base()).await, scored(later).await);
    let waits = ["first_response_seconds", "median_wait_seconds", "longest_wait_seconds"];
    let (facts, rest) = moved(&before, &after);
    assert_moved("facts", &facts, &["longest_wait_seconds"], &waits);
    assert_moved("criteria", &rest, &["interaction_effort"], &[]);
    assert!(score(&after, "interaction_effort") < score(&before, "interaction_effort"));
    let (facts, rest) = moved(&before_logs[0], &after_logs[0]);
    assert_moved("facts", &facts, &["first_response_seconds"], &waits);
    assert_moved("criteria", &rest, &["first_response"], &[]);
    assert!(score(&after_logs[0], "first_response") < score(&before_logs[0], "first_response"));
}

/// What depends on the customer's last words, or on how much the customer wrote.
const LAST_WORDS: [&str; 20] = [
    "abandoned",
    "confirmation_at_end",
    "customer_messages",
    "customer_sentiment_first",
    "customer_sentiment_last",
    "customer_sentiment_lowest",
    "customer_sentiment_mean",
    "customer_sentiment_trend",
    "customer_tone_balance",
    "customer_words",
    "duration_seconds",
    "last_author",
    "negative_at_end",
    "outcome",
    "partly_settled",
    "thanks_at_end",
    "thanks_ratio",
    "turns",
    "work_after_last_customer_seconds",
    "customer_message_count",
];

#[tokio::test]
async fn a_final_thanks_moves_what_depends_on_the_customers_last_words() {
    let mut thanked = base();
    let mut thanks = sample::message(4, AuthorKind::Contact, "Thank you very much, that solved it!");
    thanks.create_time = thanked.messages[3].create_time;
    thanked.messages.push(thanks);
    let ((before, before_logs), (after, after_logs)) = (scored(base()).await, scored(thanked).await);
    let (facts, rest) = moved(&before, &after);
    assert_moved("facts", &facts, &["thanks_at_end", "customer_messages"], &LAST_WORDS);
    assert_moved("criteria", &rest, &["resolution_accuracy"], &["interaction_effort", "axis resolution"]);
    assert!(score(&after, "resolution_accuracy") > score(&before, "resolution_accuracy"));
    let (_, rest) = moved(&before_logs[0], &after_logs[0]);
    assert_moved("the teammate did nothing else", &rest, &[], &[]);
}

#[tokio::test]
async fn who_wrote_a_message_moves_what_depends_on_agents_and_handoffs() {
    let mut by_ai = base();
    by_ai.messages[1].author = sample::message(1, AuthorKind::Ai, "").author;
    let ((before, before_logs), (after, after_logs)) = (scored(base()).await, scored(by_ai).await);
    let may = [
        "agents",
        "ai_messages",
        "handoff_announced",
        "handoff_gap_seconds",
        "note_at_handoff",
        "repeated_after_handoff",
        "reply_after_handoff",
        "teammate_messages",
        "transfers",
    ];
    let (facts, rest) = moved(&before, &after);
    assert_moved("facts", &facts, &["handoffs", "handoff_gap_seconds"], &may);
    let expected = ["axis ai_involvement", "handoff_smoothness"];
    assert_moved("criteria", &rest, &expected, &[]);
    assert_eq!((before_logs.len(), after_logs.len()), (1, 2), "each agent has a worklog");

    // A note by the teammate before the reply improves the handoff, and moves nothing else.
    let mut with_note = base();
    with_note.messages[1].author = sample::message(1, AuthorKind::Ai, "").author;
    let mut note = sample::message(9, AuthorKind::Teammate, "Order 4711 left yesterday.");
    note.kind = MessageKind::Comment.into();
    note.create_time = with_note.messages[2].create_time;
    with_note.messages.insert(3, note);
    let (noted, _) = scored(with_note).await;
    let (facts, rest) = moved(&after, &noted);
    let may =
        ["handoffs", "notes", "teammate_notes", "reply_after_handoff", "work_after_last_customer_seconds"];
    assert_moved("facts", &facts, &["note_at_handoff"], &may);
    assert_moved("criteria", &rest, &["handoff_smoothness"], &[]);
    assert!(score(&noted, "handoff_smoothness") > score(&after, "handoff_smoothness"));
}

#[tokio::test]
async fn a_repeated_question_moves_what_depends_on_repetition_and_effort() {
    let mut repeated = base();
    repeated.messages[2].content = repeated.messages[0].content.clone();
    let ((before, _), (after, _)) = (scored(base()).await, scored(repeated).await);
    let may = [
        "answer_coverage_ratio",
        "corrections",
        "customer_sentiment_last",
        "customer_sentiment_lowest",
        "customer_sentiment_mean",
        "customer_sentiment_trend",
        "customer_words",
        "negative_at_end",
        "repetition_ratio",
    ];
    let (facts, rest) = moved(&before, &after);
    assert_moved("facts", &facts, &["repeated_customer_messages"], &may);
    assert_moved("criteria", &rest, &["interaction_effort"], &["resolution_accuracy", "axis resolution"]);
    assert!(score(&after, "interaction_effort") < score(&before, "interaction_effort"));
}

#[tokio::test]
async fn the_subject_and_the_source_move_nothing() {
    let mut other = base();
    let conversation = other.conversation.as_mut().unwrap();
    conversation.subject = Some("TERRIBLE!!! I want my money back".to_owned());
    conversation.source = "elsewhere".to_owned();
    assert_eq!(scored(other).await, scored(base()).await);
}
