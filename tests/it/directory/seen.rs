//! How people whom no scoring meets enter the directory, and how they get a name.

use std::time::Duration;

use plaudit::proto::v1::{
    AuthorKind, ConflictPolicy, ListPeopleRequest, Message, Person, ScoringProcess, StoreMessageRequest,
    UpdateConversationRequest,
};
use serde_json::json;

use crate::harness::{
    Client, Plaudit,
    sample::{self, with_policy},
    soon,
};

use super::{Directory, upsert};

/// The person once they are there: they enter shortly after the answer.
async fn entered(directory: &Directory, name: &str) -> Person {
    soon("a person", async {
        loop {
            if let Ok(person) = directory.person(name).await {
                return person;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

async fn store_off(client: &Client, message: Message) {
    let request = StoreMessageRequest {
        parent: "conversations/enneo:8821".to_owned(),
        message: Some(message),
        process: ScoringProcess::Off.into(),
        team: Some("billing".to_owned()),
        ..StoreMessageRequest::default()
    };
    client.store(request).await.expect("it is stored");
}

#[tokio::test]
async fn people_in_a_message_without_scoring_enter_the_directory() {
    let server = Plaudit::start().await;
    let (client, directory) = (server.client().await, Directory::of(&server).await);
    let body = json!({ "process": false, "direction": "out", "agentId": 901, "fromName": "Zed" });
    let answer = server.http().post("/ticket/8821/conversation/store", body.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(entered(&directory, "people/enneo:teammate:901").await.display_name, "Zed");
    let of_customer = Message {
        customer_id: Some("cus_9".to_owned()),
        agent_id: Some(902),
        from_name: Some("Ada".to_owned()),
        ..Message::default()
    };
    store_off(&client, of_customer).await;
    assert_eq!(entered(&directory, "people/enneo:contact:cus_9").await.display_name, "Ada");
    assert_eq!(entered(&directory, "people/enneo:teammate:902").await.display_name, "");
    soon("the team", async {
        while directory.team("teams/enneo:billing").await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn people_named_only_by_a_rating_or_as_assignee_enter_too() {
    let server = Plaudit::start().await;
    let (client, directory) = (server.client().await, Directory::of(&server).await);
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    client.scored(&name).await;
    let number = name.trim_start_matches("conversations/");
    let body = json!({ "ratingType": "Csat", "userId": "user-7", "agentId": "agent-7" });
    let path = format!("/v1/conversations/{number}/ratings/offer");
    assert_eq!(server.http().post(&path, body.to_string()).await.status, 201);
    for person in ["people/test:contact:user-7", "people/test:teammate:agent-7"] {
        assert_eq!(entered(&directory, person).await.display_name, "", "{person}");
    }
    let mut conversation = client.conversation(&name).await.unwrap();
    conversation.assignee = crate::rating::person(AuthorKind::Teammate, "agent-8");
    let update = UpdateConversationRequest {
        conversation: Some(conversation),
        update_mask: super::mask(&["assignee"]),
        ..UpdateConversationRequest::default()
    };
    client.update(update).await.unwrap();
    entered(&directory, "people/test:teammate:agent-8").await;
}

#[tokio::test]
async fn people_waiting_for_the_worker_have_entered_once_it_has_stopped() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let of = |number: i64| Message {
        agent_id: Some(number),
        direction: plaudit::proto::v1::MessageDirection::Out.into(),
        ..Message::default()
    };
    for number in 1..=20 {
        store_off(&client, of(number)).await;
    }
    let server = server.restart().await;
    let directory = Directory::of(&server).await;
    let of_enneo = ListPeopleRequest { source: "enneo".to_owned(), ..ListPeopleRequest::default() };
    assert_eq!(directory.people(of_enneo).await.unwrap().people.len(), 20);
}

/// Appends a message by the teammate `t9` with a name, and waits for the scoring.
async fn write_as(client: &Client, place: usize, name: Option<&str>) {
    let mut message = sample::message(place, AuthorKind::Teammate, "Hello");
    let author = message.author.as_mut().expect("an author");
    (author.external_id, author.name) = (Some("t9".to_owned()), name.map(str::to_owned));
    let append = with_policy(sample::import_of("42", vec![message]), ConflictPolicy::Append);
    client.import(append).await.unwrap();
    client.scored("conversations/test:42").await;
}

#[tokio::test]
async fn a_later_name_fills_an_empty_one_and_replaces_no_other() {
    const NAME: &str = "people/test:teammate:t9";
    let server = Plaudit::start().await;
    let (client, directory) = (server.client().await, Directory::of(&server).await);
    let called = async |directory: &Directory| directory.person(NAME).await.unwrap().display_name;
    write_as(&client, 0, None).await;
    write_as(&client, 1, Some("")).await;
    let before = directory.person(NAME).await.unwrap();
    assert_eq!(before.display_name, "");
    write_as(&client, 2, Some("Zed")).await;
    assert_eq!(called(&directory).await, "Zed");
    write_as(&client, 3, Some("Zoe")).await;
    assert_eq!(called(&directory).await, "Zed", "a name that was set stays");
    assert_eq!(directory.person(NAME).await.unwrap().name, before.name);
    // Also with an empty cache.
    let server = server.restart().await;
    let (client, directory) = (server.client().await, Directory::of(&server).await);
    write_as(&client, 4, Some("Zoe")).await;
    assert_eq!(called(&directory).await, "Zed");
    let said = Person { display_name: "Z. Zett".to_owned(), ..Person::default() };
    directory.update(upsert(NAME, said)).await.unwrap();
    write_as(&client, 5, Some("Zoe")).await;
    assert_eq!(called(&directory).await, "Z. Zett");
}

#[tokio::test]
async fn of_the_names_in_one_conversation_the_first_counts() {
    let server = Plaudit::start().await;
    let (client, directory) = (server.client().await, Directory::of(&server).await);
    let messages = [None, Some("Zed"), Some("Zoe")].into_iter().enumerate().map(|(place, name)| {
        let mut message = sample::message(place, AuthorKind::Ai, "Hello");
        let author = message.author.as_mut().expect("an author");
        (author.external_id, author.name) = (Some("b9".to_owned()), name.map(str::to_owned));
        message
    });
    client.import(sample::import_of("42", messages.collect())).await.unwrap();
    client.scored("conversations/test:42").await;
    assert_eq!(directory.person("people/test:ai:b9").await.unwrap().display_name, "Zed");
}
