//! The language that a caller gives, and what is said where a language is not read.

use plaudit::proto::v1::{
    Assessment, AuthorKind, Conversation, ImportConversationRequest, UnitKind, UpdateConversationRequest,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Client, Plaudit, plaudit, sample, soon};

/// What several languages say.
const SHORT: &str = "ok perfekt";
const RUSSIAN: &str =
    "Здравствуйте, почему с моей карты дважды списали деньги за один заказ? Я этого не понимаю.";

fn import(id: &str, words: &str, language: Option<&str>) -> ImportConversationRequest {
    let mut request = sample::import_of(id, vec![sample::message(0, AuthorKind::Contact, words)]);
    request.conversation.as_mut().unwrap().language = language.map(str::to_owned);
    request
}

async fn whole(client: &Client, name: &str) -> Assessment {
    client.scored(name).await;
    let assessments = client.assessments(name, 50).await;
    assessments.into_iter().find(|it| it.unit() == UnitKind::Conversation).expect("AXIS is active")
}

fn update(name: &str, language: Option<&str>) -> UpdateConversationRequest {
    let language = language.map(str::to_owned);
    UpdateConversationRequest {
        conversation: Some(Conversation { name: name.to_owned(), language, ..Conversation::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["language".to_owned()] }),
        ..UpdateConversationRequest::default()
    }
}

#[tokio::test]
async fn words_that_tell_no_language_are_read_in_the_one_that_is_given() {
    const NOT_TOLD: &str = "The customer's language could not be told, so nothing is said of their words.";
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(import("short", SHORT, None)).await.unwrap().conversation;
    let untold = whole(&client, &name).await;
    assert!(untold.axis.is_none() && untold.summary.contains(NOT_TOLD), "{untold:?}");

    let given = client.import(import("given", SHORT, Some("de-AT"))).await.unwrap().conversation;
    let read = whole(&client, &given).await;
    assert!(read.axis.is_some() && !read.summary.contains("language"), "{read:?}");
    assert_eq!(client.conversation(&given).await.unwrap().language.as_deref(), Some("de-AT"));

    // Said later it is scored again, and so it is when it is taken back.
    client.update(update(&name, Some("de"))).await.unwrap();
    assert_eq!(whole(&client, &name).await.axis, read.axis);
    assert_eq!(client.update(update(&name, None)).await.unwrap().language, None);
    assert_eq!(whole(&client, &name).await.axis, None);
}

#[tokio::test]
async fn the_same_import_in_another_language_is_another() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let with_id = |language| sample::with_id(import("1", SHORT, language), "one");
    client.import(with_id(Some("de"))).await.unwrap();
    client.import(with_id(Some("de"))).await.unwrap();
    client.import(with_id(Some("nl"))).await.unwrap_err();
    client.import(with_id(None)).await.unwrap_err();
}

fn ticket(id: &str, words: &str, language: Option<&str>) -> Value {
    let message = json!({
        "external_id": "a", "kind": "message", "content": words, "author": { "type": "contact" },
        "timestamp": 1_700_000_000_000_u64,
    });
    json!({ "ticket_id": id, "messages": [message], "language": language })
}

#[tokio::test]
async fn a_scored_ticket_in_a_language_that_is_not_read_has_no_axis_and_says_why() {
    let server = Plaudit::start().await;
    let http = server.http();
    let result = async |ticket: Value| {
        let posted = http.post("/v1/assess", ticket.to_string()).await;
        assert_eq!(posted.status, 202, "{posted:?}");
        let path = format!("/v1/assess/{}", posted.json()["id"].as_str().unwrap());
        loop {
            let result = http.get(&path).await.json();
            if result["scoring"] == "done" {
                return result;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let unread = soon("the scoring", result(ticket("russian", RUSSIAN, Some("ru")))).await;
    for absent in ["axis", "resolution", "ai_involvement"] {
        assert!(unread.get(absent).is_none(), "{absent}: {unread}");
    }
    let assessment = &unread["assessments"][0];
    let summary = assessment["summary"].as_str().unwrap();
    let reason = "The customer's language (Russian) is not read, so nothing is said of their words.";
    assert!(summary.contains(reason), "{summary}");
    assert!(!summary.contains("points") && !summary.contains("Resolved"), "{summary}");
    let criteria = assessment["criteria"].as_array().unwrap();
    let of = |id: &str| criteria.iter().find(|criterion| criterion["criterion_id"] == id).unwrap();
    for id in ["resolution_accuracy", "interaction_effort"] {
        assert_eq!((&of(id)["applicable"], of(id).get("score")), (&json!(false), None), "{unread}");
    }

    let read = soon("the scoring", result(ticket("german", SHORT, Some("de")))).await;
    assert!(read["axis"]["score"].is_number() && read["resolution"].is_string(), "{read}");
}

#[test]
fn the_facts_of_a_file_are_read_in_the_language_that_it_gives() {
    let folder = TempDir::new().unwrap();
    let lines = format!("{}\n{}\n", ticket("1", SHORT, None), ticket("2", SHORT, Some("de")));
    std::fs::write(folder.path().join("tickets.jsonl"), lines).unwrap();
    let arguments = ["facts", "--json", "--fact", "customer_language", "tickets.jsonl"];
    let output = plaudit(folder.path()).args(arguments).output().unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    let languages: Vec<Value> = page
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["facts"][0]["value"].clone())
        .collect();
    assert_eq!(languages, [Value::Null, json!("deu")], "{page}");
}
