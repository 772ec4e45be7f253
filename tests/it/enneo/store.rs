//! What a stored interaction becomes, and its effect on the ticket.

use plaudit::{
    proto::v1::{
        AuthorKind, Channel, ConversationPriority, ConversationStatus, Message, MessageKind, ScoringState,
    },
    service::Settings,
};
use serde_json::{Value, json};

use super::setup::{CONVERSATION, documented_answer, post, sample, stored};
use crate::harness::Plaudit;

/// Stores on the ticket and returns the message as gRPC shows it.
async fn message_of(server: &Plaudit, body: Value) -> Message {
    let id = stored(server, &body).await["conversationId"].to_string();
    let messages = server.client().await.messages(CONVERSATION, 50).await;
    messages.into_iter().find(|message| message.name.ends_with(&id)).expect("the message")
}

#[tokio::test]
async fn an_empty_object_is_a_message_by_the_customer_now() {
    let server = Plaudit::start().await;
    let answer = stored(&server, &json!({})).await;
    let conversation = answer["conversation"].as_object().unwrap();
    let documented = documented_answer();
    let expected: Vec<_> = documented["conversation"].as_object().unwrap().keys().collect();
    assert_eq!(conversation.keys().collect::<Vec<_>>(), expected);
    for (field, value) in [
        ("direction", json!("in")),
        ("type", json!("html")),
        ("private", json!(false)),
        ("isDraft", json!(false)),
        ("fromEmail", json!(null)),
        ("agentId", json!(null)),
        ("toEmail", json!([])),
        ("body", json!("")),
        ("content", json!({ "message": "" })),
        ("intentIds", json!([])),
        ("attachments", json!([])),
        ("createdAt", json!(Plaudit::START.millis() / 1000)),
        ("deletedAt", json!(null)),
    ] {
        assert_eq!(conversation[field], value, "{field}");
    }
}

#[tokio::test]
async fn that_a_message_is_automatic_is_shown_where_it_was_said() {
    let server = Plaudit::start().await;
    let said = json!({ "body": "Back on Monday.", "automatic": true });
    assert_eq!(stored(&server, &said).await["conversation"]["automatic"], json!(true));
    assert!(message_of(&server, said).await.automatic);
    let unsaid = json!({ "body": "I am back.", "automatic": false });
    assert_eq!(stored(&server, &unsaid).await["conversation"].get("automatic"), None);
}

#[tokio::test]
async fn who_wrote_it_follows_from_direction_and_private() {
    let server = Plaudit::start().await;
    let (contact, teammate) = (AuthorKind::Contact, AuthorKind::Teammate);
    let (message, comment) = (MessageKind::Message, MessageKind::Comment);
    let base = json!({ "agentId": 123, "from": "a@b.c", "fromName": "Ada", "customerId": "c7" });
    for (direction, private, kind, author, external_id) in [
        (json!(null), false, message, contact, "c7"),
        (json!("in"), false, message, contact, "c7"),
        (json!("in"), true, comment, teammate, "123"),
        (json!("out"), false, message, teammate, "123"),
        (json!("out"), true, comment, teammate, "123"),
        (json!("internal"), false, comment, teammate, "123"),
    ] {
        let mut body = base.clone();
        body["direction"] = direction.clone();
        body["private"] = json!(private);
        let stored = message_of(&server, body).await;
        let found = stored.author.clone().unwrap();
        let expected = (kind, author, Some(external_id), Some("Ada"));
        let actual = (stored.kind(), found.kind(), found.external_id.as_deref(), found.name.as_deref());
        assert_eq!(actual, expected, "{direction} {private}");
    }
    // Without a number they are identified by address.
    let customer = message_of(&server, json!({ "from": "a@b.c" })).await.author.unwrap();
    assert_eq!(customer.external_id.as_deref(), Some("a@b.c"));
    let folded = message_of(&server, json!({ "from": "Ada\r\n <a@b.c>" })).await.author.unwrap();
    assert_eq!((folded.external_id.as_deref(), folded.name.as_deref()), (Some("a@b.c"), Some("Ada")));
    let agent = message_of(&server, json!({ "direction": "out", "from": "a@b.c" })).await.author.unwrap();
    assert_eq!((agent.kind(), agent.external_id.as_deref()), (AuthorKind::Teammate, Some("a@b.c")));
    let nobody = message_of(&server, json!({ "direction": "out" })).await.author.unwrap();
    assert_eq!((nobody.kind(), nobody.external_id), (AuthorKind::Teammate, None));
}

#[tokio::test]
async fn the_agent_of_a_customers_message_is_in_charge_and_others_only_write() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let assignee = async || client.conversation(CONVERSATION).await.unwrap().assignee;
    stored(&server, &json!({ "direction": "out", "agentId": 1 })).await;
    stored(&server, &json!({ "private": true, "agentId": 2 })).await;
    assert_eq!(assignee().await, None);
    stored(&server, &json!({ "agentId": 3 })).await;
    let found = assignee().await.unwrap();
    assert_eq!((found.kind(), found.external_id.as_deref()), (AuthorKind::Teammate, Some("3")));
    stored(&server, &json!({})).await;
    assert_eq!(assignee().await.unwrap(), found);
}

#[tokio::test]
async fn the_text_comes_from_the_first_body_sent() {
    let server = Plaudit::start().await;
    let html = "<p>From <b>HTML</b></p>";
    for (body, words, plain, clean) in [
        (json!({ "body": html }), "From HTML", "From HTML", "From HTML"),
        (json!({ "body": html, "bodyPlain": "plain" }), "plain", "plain", "From HTML"),
        (json!({ "body": html, "bodyClean": "clean" }), "clean", "From HTML", "clean"),
        (json!({ "body": html, "bodyPlain": "plain", "bodyClean": "clean" }), "clean", "plain", "clean"),
        (json!({ "bodyPlain": "plain" }), "plain", "plain", "plain"),
        (json!({ "content": { "message": "words" } }), "words", "words", "words"),
        (json!({ "body": html, "content": { "message": "words" } }), "From HTML", "From HTML", "From HTML"),
        (json!({ "bodyPlain": "", "content": { "message": "words" } }), "words", "words", "words"),
        (json!({ "body": "<p></p>", "content": { "message": "words" } }), "words", "", ""),
        (json!({ "body": "x<y and z" }), "x", "x", "x"),
        (json!({ "body": "x<y and z", "type": "text" }), "x<y and z", "x<y and z", "x<y and z"),
        (json!({ "body": "x<y and z", "type": "TEXT" }), "x<y and z", "x<y and z", "x<y and z"),
        (json!({ "body": html, "type": "note" }), "From HTML", "From HTML", "From HTML"),
    ] {
        let answer = stored(&server, &body).await["conversation"].clone();
        assert_eq!(answer["content"], json!({ "message": words }), "{body}");
        assert_eq!((&answer["bodyPlain"], &answer["bodyClean"]), (&json!(plain), &json!(clean)), "{body}");
        assert_eq!(message_of(&server, body).await.content(), words);
    }
}

#[tokio::test]
async fn from_fields_take_precedence_over_the_sender() {
    let server = Plaudit::start().await;
    let sender = json!({ "id": 9, "name": "Grace", "email": "g@b.c", "more": [1] });
    let answer = stored(&server, &json!({ "sender": sender, "agentId": 1 })).await["conversation"].clone();
    assert_eq!(answer["sender"], json!({ "id": 9, "name": "Grace", "email": "g@b.c" }));
    assert_eq!((&answer["fromEmail"], &answer["fromEmailName"]), (&json!("g@b.c"), &json!("Grace")));
    let both = json!({ "sender": sender, "from": "a@b.c", "fromName": "Ada" });
    let answer = stored(&server, &both).await["conversation"].clone();
    assert_eq!(answer["sender"], json!({ "id": 9, "name": "Ada", "email": "a@b.c" }));
    for (direction, id) in [("in", json!(8)), ("out", json!(7)), ("internal", json!(7))] {
        let body = json!({ "direction": direction, "agentId": 7, "customerId": "8" });
        assert_eq!(stored(&server, &body).await["conversation"]["sender"]["id"], id, "{direction}");
    }
    let kept = message_of(&server, both).await;
    assert_eq!(serde_json::from_str::<Value>(kept.sender()).unwrap(), sender);
}

#[tokio::test]
async fn numbers_and_texts_are_returned_as_stored() {
    let server = Plaudit::start().await;
    let body =
        json!({ "intentIds": [7, "meter"], "crmNotificationId": "123", "rawData": { "b": 1, "a": null } });
    let answer = stored(&server, &body).await["conversation"].clone();
    assert_eq!((&answer["intentIds"], &answer["crmNotificationId"]), (&json!([7, "meter"]), &json!(123)));
    let message = message_of(&server, body).await;
    assert_eq!(message.raw_data(), r#"{"a":null,"b":1}"#);
    assert_eq!(message.crm_notification_id(), "123");
}

#[tokio::test]
async fn objects_are_kept_verbatim() {
    let server = Plaudit::start().await;
    let kept =
        r#"{"z":1,"a":12345678901234567890123,"f":1.10,"n":{"y":1,"b":2},"name":"Tom","message":"Hi"}"#;
    let laid_out = kept.replace(':', " :  ").replace(',', ",\r\n\t");
    for text in [kept, &laid_out] {
        let body = format!(r#"{{"rawData":{text},"sender":{text},"content":{text}}}"#);
        let answer = server.http().post("/ticket/8821/conversation/store", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let id = answer.json()["conversationId"].to_string();
        let messages = server.client().await.messages(CONVERSATION, 50).await;
        let message = messages.into_iter().find(|message| message.name.ends_with(&id)).expect("the message");
        assert_eq!([message.raw_data(), message.sender(), message.sent_content()], [kept; 3]);
        assert_eq!((message.from_name(), message.content()), ("Tom", "Hi"));
    }
}

#[tokio::test]
async fn the_same_content_in_another_layout_is_the_same_message() {
    let server = Plaudit::start().await;
    let body = |raw: &str| format!(r#"{{"externalConversationId":"t1","rawData":{raw}}}"#);
    let mut ids = Vec::new();
    for raw in [r#"{"b":1,"a":2}"#, r#"{ "b": 1, "a": 2 }"#, r#"{"a":2,"b":1}"#] {
        let answer = server.http().post("/ticket/8821/conversation/store", body(raw)).await;
        ids.push(answer.json()["conversationId"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2], "anything that differs is stored");
}

#[tokio::test]
async fn the_ticket_changes_as_the_interaction_says_and_otherwise_stays() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let first = json!({
        "status": "open", "priority": "high", "createdAt": "2024-03-01 00:00:00", "subchannelId": 4,
        "firstResponseDueBy": "2024-03-02 00:00:00", "dueBy": "2024-03-07 00:00:00", "subject": "Order",
        "from": "a@b.c",
    });
    stored(&server, &first).await;
    stored(&server, &json!({ "createdAt": "2024-03-02 00:00:00" })).await;
    let opened = client.conversation(CONVERSATION).await.unwrap();
    assert_eq!((opened.status(), opened.priority()), (ConversationStatus::Open, ConversationPriority::High));
    assert_eq!((opened.subchannel_id, opened.subject.as_deref()), (Some(4), Some("Order")));
    assert_eq!(opened.channel(), Channel::Email);
    let seconds = |time: Option<prost_types::Timestamp>| time.map(|time| time.seconds);
    assert_eq!(seconds(opened.first_response_due_time), Some(1_709_337_600));
    assert_eq!(seconds(opened.due_time), Some(1_709_769_600));

    let changes = [
        ("closed", "2024-03-03 00:00:00"),
        ("closed", "2024-03-04 00:00:00"),
        ("open", "2024-03-05 00:00:00"),
    ];
    for (status, time) in changes {
        stored(&server, &json!({ "status": status, "createdAt": time, "subject": "Another" })).await;
    }
    let reopened = client.conversation(CONVERSATION).await.unwrap();
    let kept: Vec<_> =
        reopened.status_changes.iter().map(|change| (change.status(), seconds(change.change_time))).collect();
    let expected = [
        (ConversationStatus::Open, Some(1_709_251_200)),
        (ConversationStatus::Closed, Some(1_709_424_000)),
        (ConversationStatus::Open, Some(1_709_596_800)),
    ];
    assert_eq!(kept, expected, "repeating a status is not a change");
    // After the customer has written following a closing, another closing counts again.
    for (direction, status, time) in [
        ("out", json!("closed"), "2024-03-06 00:00:00"),
        ("in", json!(null), "2024-03-07 00:00:00"),
        ("out", json!("closed"), "2024-03-08 00:00:00"),
        ("out", json!("closed"), "2024-03-09 00:00:00"),
    ] {
        stored(&server, &json!({ "direction": direction, "status": status, "createdAt": time })).await;
    }
    let changes = client.conversation(CONVERSATION).await.unwrap().status_changes;
    let closed: Vec<_> = changes[3..].iter().map(|change| seconds(change.change_time)).collect();
    assert_eq!(closed, [Some(1_709_683_200), Some(1_709_856_000)]);
    assert_eq!(
        (reopened.priority(), reopened.subject.as_deref()),
        (ConversationPriority::High, Some("Order"))
    );
}

#[tokio::test]
async fn realtime_returns_with_scores_and_off_requests_none() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let state = async || client.conversation(CONVERSATION).await.unwrap().scoring.unwrap().state();
    let process = |process: Value| json!({ "process": process, "body": "Where is my order?" });
    for off in [json!(false), json!("false")] {
        stored(&server, &process(off)).await;
        assert_eq!(state().await, ScoringState::Off);
    }
    assert_eq!(client.assessments(CONVERSATION, 50).await, []);
    let answer = post(&server, &process(json!("realtime"))).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-plaudit-scoring")), (200, ""));
    assert_eq!(state().await, ScoringState::Done);
    assert_ne!(client.assessments(CONVERSATION, 50).await, []);
    stored(&server, &process(json!(false))).await;
    assert_eq!(state().await, ScoringState::Off);
    stored(&server, &process(json!(null))).await;
    client.scored(CONVERSATION).await;
    // The path takes precedence over the body.
    let path = "/ticket/8821/conversation/store?process=false";
    assert_eq!(server.http().post(path, process(json!("realtime")).to_string()).await.status, 200);
    assert_eq!(state().await, ScoringState::Off);
}

#[tokio::test]
async fn realtime_that_times_out_says_so_and_finishes_later() {
    let server = Plaudit::start_with(Settings { realtime_seconds: 0, ..Settings::default() }).await;
    let client = server.client().await;
    let mut body = sample();
    body["process"] = json!("realtime");
    let answer = post(&server, &body).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-plaudit-scoring")), (200, "pending"));
    client.scored(CONVERSATION).await;
}

#[tokio::test]
async fn the_source_can_be_configured() {
    let server = Plaudit::start_with(Settings { enneo_source: "helpdesk", ..Settings::default() }).await;
    stored(&server, &sample()).await;
    assert!(server.client().await.conversation("conversations/helpdesk:8821").await.is_ok());
}
