//! The product's own example, and docs/rest-enneo.md.

use serde_json::Value;

use super::{
    setup::{CONVERSATION, documented_answer, post, sample, stored},
    ticket::rows,
};
use crate::harness::Plaudit;

const DOCUMENT: &str = include_str!("../../../docs/rest-enneo.md");

/// Lists the documented fields that are missing or of another type; null means unknown.
fn differences(path: &str, documented: &Value, answered: &Value) -> Vec<String> {
    match (documented, answered) {
        (Value::Object(documented), Value::Object(answered)) => {
            let missing = documented.keys().filter(|name| !answered.contains_key(*name));
            let more = answered.keys().filter(|name| !documented.contains_key(*name));
            let odd = missing.chain(more).map(|name| format!("{path}.{name}"));
            let inner =
                documented.iter().filter_map(|(name, value)| Some((name, value, answered.get(name)?)));
            let inner =
                inner.flat_map(|(name, value, other)| differences(&format!("{path}.{name}"), value, other));
            odd.chain(inner).collect()
        }
        (Value::Array(documented), Value::Array(answered)) => {
            let pairs = documented
                .first()
                .into_iter()
                .flat_map(|first| answered.iter().map(move |item| (first, item)));
            pairs.flat_map(|(first, item)| differences(&format!("{path}[]"), first, item)).collect()
        }
        (_, Value::Null) => Vec::new(),
        (Value::Null, _) => Vec::new(),
        (documented, answered) if std::mem::discriminant(documented) == std::mem::discriminant(answered) => {
            Vec::new()
        }
        _ => vec![format!("{path} is {answered}")],
    }
}

#[tokio::test]
async fn the_answer_to_the_documented_request_has_every_documented_field() {
    let server = Plaudit::start().await;
    let answer = stored(&server, &sample()).await;
    let odd = differences("$", &documented_answer(), &answer);
    // The request has a number and a text where the answer shows a text and a number; they are returned as sent.
    assert_eq!(
        odd,
        ["$.conversation.crmNotificationId is \"<string>\"", "$.conversation.intentIds[] is 123"]
    );
    assert!(answer["eventId"].is_u64() && answer["conversationId"].is_u64());
    assert_eq!(answer["conversation"]["deletedAt"], Value::Null);
}

/// The JSON blocks between two markers.
fn blocks(begin: &str, end: &str) -> Vec<Value> {
    let texts = DOCUMENT.split(begin).skip(1).map(|rest| rest.split(end).next().expect("a first part"));
    texts.map(|text| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))).collect()
}

/// Numbers assigned by the server differ from store to store.
fn without_numbers(mut answer: Value) -> Value {
    for field in ["conversationId", "eventId"] {
        answer[field] = 0.into();
    }
    let conversation = &mut answer["conversation"];
    conversation["id"] = 0.into();
    for attachment in conversation["attachments"].as_array_mut().into_iter().flatten() {
        attachment["id"] = 0.into();
        attachment["url"] = 0.into();
    }
    answer
}

/// A row without what differs from store to store, and without the text of its summary.
fn without_row_numbers(mut row: Value) -> Value {
    for place in [
        "/id",
        "/worklogId",
        "/aiSummary",
        "/worklog/worklogId",
        "/worklog/conversationId",
        "/time/segments/0/userTimeTrackingId",
    ] {
        *row.pointer_mut(place).expect("a place of a row") = 0.into();
    }
    row
}

#[tokio::test]
async fn the_documented_examples_are_the_actual_answers() {
    let server = Plaudit::start().await;
    let requests = blocks("<<'END'\n", "END\n");
    let [answer, row, error] = blocks("```json\n", "```").try_into().expect("three blocks");
    let actual = stored(&server, &requests[0]).await;
    assert_eq!(without_numbers(actual), without_numbers(answer));
    server.client().await.scored(CONVERSATION).await;
    let rows = rows(&server.http().get("/api/mind/ticket/8821/assessments").await);
    let [actual] = rows.try_into().expect("one row");
    assert_eq!(without_row_numbers(actual), without_row_numbers(row));
    let mut wrong = requests[0].clone();
    wrong["status"] = "solved".into();
    wrong["createdAt"] = "yesterday".into();
    assert_eq!(post(&server, &wrong).await.json(), error);
}
