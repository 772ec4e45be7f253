//! The answers to the documented import, to its repetition, and to queries about its result.

use std::sync::Arc;

use plaudit::{
    domain::{
        AuthorDraft, AuthorKind, ConversationDraft, ConversationId, ImportLimits, ImportedMessageDraft,
        MessageKind, UnixMillis, Violations,
    },
    service::{
        Call,
        import::{ConflictPolicy, import_conversation},
        scoring::record_failed_attempt,
    },
    store::{Keyspace, Reader as _, Space, WorkspaceId, get_one, records::Job},
};
use serde_json::{Value, json};

use super::setup::{Setup, documented, error_of, id_of, sample, smallest};

#[tokio::test]
async fn the_documented_import_is_accepted_refused_when_repeated_and_scored() {
    let setup = Setup::start().await;
    let answer = setup.post(&sample()).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("content-type"), "application/json");
    let id = id_of(&answer);
    let mut expected = documented()["answer"]["json"].take();
    expected["id"] = json!(id);
    assert_eq!(answer.json(), expected);

    let repeat = setup.post(&sample()).await;
    assert_eq!(repeat.status, 409);
    let body = repeat.json();
    let message = body["error"]["message"].as_str().unwrap();
    let expected = json!({ "error": {
        "code": "duplicate_import", "message": message, "source": "custom", "ticket_id": "ticket_123", "id": id,
    } });
    assert_eq!(body, expected);

    let result = setup.scored(&id).await;
    assert_eq!(result["scoring"], "done", "{result}");
    assert_eq!(result["ai_involvement"], "AI assisted");
    assert!(["Resolved", "Partial", "Not Resolved"].contains(&result["resolution"].as_str().unwrap()));
    let axis = &result["axis"];
    assert!((1.0..=5.0).contains(&axis["score"].as_f64().unwrap()), "{axis}");
    assert!(["Poor", "Fair", "Excellent"].contains(&axis["band"].as_str().unwrap()), "{axis}");
    for dimension in ["resolution_accuracy", "interaction_effort", "handoff_smoothness"] {
        let dimension = &axis[dimension];
        assert!((1.0..=5.0).contains(&dimension["score"].as_f64().unwrap()), "{axis}");
        assert!(!dimension["reason"].as_str().unwrap().is_empty(), "{axis}");
    }
    check_assessments(&result);
    assert_plain_numbers(&result);
}

fn check_assessments(result: &Value) {
    let conversation = result["conversation"].as_str().unwrap();
    let assessments = result["assessments"].as_array().unwrap();
    assert!(!assessments.is_empty());
    for assessment in assessments {
        let name = assessment["name"].as_str().unwrap();
        assert!(name.starts_with(&format!("{conversation}/assessments/5")), "{name}");
        assert!(assessment["scorecard"].as_str().unwrap().starts_with("scorecards/"), "{assessment}");
        assert_eq!(assessment["state"], "ai_ready");
        let is_worklog = assessment["unit"] == "worklog";
        assert_eq!(assessment["worklog"].is_string(), is_worklog, "{assessment}");
        assert_eq!(assessment["assessee"].is_object(), is_worklog, "{assessment}");
        assert!(assessment["totals"]["percentage"].is_number(), "{assessment}");
        let criteria = assessment["criteria"].as_array().unwrap();
        assert!(!criteria.is_empty(), "{assessment}");
        for criterion in criteria.iter().filter(|criterion| criterion["applicable"] == true) {
            assert!(criterion["score"].is_number(), "{criterion}");
            assert!(!criterion["reason"].as_str().unwrap().is_empty(), "{criterion}");
            assert_eq!(criterion["source"], "rule");
        }
    }
    let axis = assessments.iter().find(|one| one["scorecard"] == "scorecards/axis/revisions/1").unwrap();
    assert_eq!(axis["unit"], "conversation");
}

/// Asserts that whole numbers have no fraction.
fn assert_plain_numbers(value: &Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            assert_ne!(number.as_f64().unwrap().fract(), 0.0, "{number}");
        }
        Value::Array(items) => items.iter().for_each(assert_plain_numbers),
        Value::Object(fields) => fields.values().for_each(assert_plain_numbers),
        _ => {}
    }
}

#[tokio::test]
async fn fields_are_in_the_documented_order() {
    let setup = Setup::without_worker().await;
    let answer = setup.post(&sample()).await;
    let id = id_of(&answer);
    let expected =
        format!(r#"{{"id":"{id}","external_ticket_id":"ticket_123","source":"custom","status":"accepted"}}"#);
    assert_eq!(answer.text(), expected);
}

#[tokio::test]
async fn until_it_is_scored_an_import_is_pending_and_has_no_scores() {
    let setup = Setup::without_worker().await;
    let id = setup.import(&sample()).await;
    let result = setup.get(&id).await.json();
    let conversation = result["conversation"].as_str().unwrap();
    assert!(conversation.starts_with("conversations/5"), "{conversation}");
    let expected = json!({
        "id": id, "external_ticket_id": "ticket_123", "source": "custom", "status": "accepted",
        "conversation": conversation, "scoring": "pending",
    });
    assert_eq!(result, expected);
}

#[tokio::test]
async fn an_import_whose_scoring_was_given_up_is_failed_and_has_no_scores() {
    let setup = Setup::without_worker().await;
    let id = setup.import(&sample()).await;
    let pending = setup.get(&id).await.json();
    let number = pending["conversation"].as_str().unwrap().trim_start_matches("conversations/");
    let conversation = ConversationId(number.parse().unwrap());
    let store: Arc<dyn Keyspace> = setup.store.clone();
    for _ in 0..setup.services.settings().scoring_attempts {
        assert_eq!(setup.get(&id).await.json(), pending);
        let space = Space::new(&store, WorkspaceId::FIRST);
        let job: Job = get_one(&space, space.keys().job(conversation)).await.unwrap().unwrap();
        record_failed_attempt(Call::new(&setup.services), conversation, &job).await.unwrap();
    }
    let mut expected = pending;
    expected["scoring"] = json!("failed");
    assert_eq!(setup.get(&id).await.json(), expected);
}

#[tokio::test]
async fn a_ticket_is_identified_by_source_and_id() {
    let setup = Setup::without_worker().await;
    let in_source = |source: &str| {
        let mut body = smallest("t");
        body["source"] = json!(source);
        body
    };
    let answer = setup.post(&in_source("zendesk")).await;
    assert_eq!((answer.status.as_u16(), answer.json()["source"].as_str()), (202, Some("zendesk")));
    let first = id_of(&answer);
    let second = setup.import(&in_source("Zendesk")).await;
    let third = setup.import(&smallest("t")).await;
    assert!(first != second && second != third && first != third);

    let repeat = setup.post(&in_source("zendesk")).await;
    assert_eq!(repeat.status, 409);
    assert_eq!(repeat.json()["error"]["source"], "zendesk");
    assert_eq!(id_of(&repeat), first);
    // Absent means `custom`.
    assert_eq!(id_of(&setup.post(&in_source("custom")).await), third);
}

#[tokio::test]
async fn an_unknown_receipt_is_404() {
    let setup = Setup::without_worker().await;
    let id = setup.import(&sample()).await;
    let last = if id.ends_with('0') { "1" } else { "0" };
    let changed = format!("{}{last}", &id[..23]);
    let upper = id.to_uppercase();
    for unknown in [
        changed.as_str(),
        upper.as_str(),
        &id[..23],
        "abcdefghijklmnopqrstuvwx",
        "1bcdefghijklmnopqrstuvwx",
        "5000000000000001",
        "%20",
        "ä",
    ] {
        let path = percent_encoding::utf8_percent_encode(unknown, percent_encoding::CONTROLS).to_string();
        let answer = setup.get(&path).await;
        assert_eq!(answer.status, 404, "{unknown}");
        assert_eq!(error_of(&answer), ("not_found".to_owned(), vec![]), "{unknown}");
    }
    assert_eq!(setup.get(&format!("{id}?x=y")).await.status, 200);
}

#[tokio::test]
async fn for_very_many_worklogs_axis_and_a_hundred_assessments_are_returned() {
    let setup = Setup::start().await;
    let message = |number: usize| ImportedMessageDraft {
        external_id: Some(format!("m{number}")),
        kind: Some(MessageKind::Message),
        content: Some("Let me look into it.".to_owned()),
        author: AuthorDraft {
            kind: Some(if number == 0 { AuthorKind::Contact } else { AuthorKind::Teammate }),
            external_id: Some(format!("agent {}", number % 2)),
            name: None,
        },
        create_time: Some(UnixMillis::clamped(number as i64)),
        ..ImportedMessageDraft::default()
    };
    let draft = ConversationDraft {
        external_id: Some("long".to_owned()),
        messages: (0..200).map(message).collect(),
        ..ConversationDraft::default()
    };
    let new = draft.check(ImportLimits::default(), Violations::default()).unwrap();
    let imported =
        import_conversation(Call::new(&setup.services), &new, ConflictPolicy::Reject).await.unwrap();
    let result = setup.scored(imported.receipt.as_str()).await;
    assert!(result["axis"]["score"].is_number(), "{result}");
    assert_eq!(result["assessments"].as_array().unwrap().len(), 100);
}
