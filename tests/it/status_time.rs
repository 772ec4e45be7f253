//! A change of the status that says when it happened.

use plaudit::proto::v1::{
    AuthorKind, Conversation, ConversationStatus, Message, StoreMessageRequest, UpdateConversationRequest,
};
use prost_types::{FieldMask, Timestamp};
use serde_json::Value;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::harness::{Client, Plaudit, fields, sample};

const NAME: &str = "conversations/enneo:42";
const OPEN: ConversationStatus = ConversationStatus::Open;
const CLOSED: ConversationStatus = ConversationStatus::Closed;

/// Seconds after the first message; the customer's last one comes at 120, the agent's at 180.
fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: sample::BEGIN_SECONDS + seconds, nanos: 0 })
}

/// A month later, as the server's clock shows it.
fn now(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: Plaudit::START.millis() / 1000 + seconds, nanos: 0 })
}

fn set(status: ConversationStatus, status_time: Option<Timestamp>) -> UpdateConversationRequest {
    let status = status.into();
    UpdateConversationRequest {
        conversation: Some(Conversation { name: NAME.to_owned(), status, ..Conversation::default() }),
        status_time,
        ..UpdateConversationRequest::default()
    }
}

async fn start() -> (Plaudit, Client) {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut request = sample::import("42");
    let conversation = request.conversation.as_mut().unwrap();
    conversation.source = "enneo".to_owned();
    conversation.due_time = at(600);
    client.import(request).await.unwrap();
    client.scored(NAME).await;
    (server, client)
}

/// What the assessments say of the customer's experience.
async fn experience(server: &Plaudit) -> Value {
    let rows = server.http().get("/ticket/42/assessments").await;
    assert_eq!(rows.status, 200, "{rows:?}");
    rows.json()[0]["customerExperience"].clone()
}

fn told(found: &Conversation) -> Vec<(ConversationStatus, Option<Timestamp>)> {
    found.status_changes.iter().map(|change| (change.status(), change.change_time)).collect()
}

#[tokio::test]
async fn a_closing_in_the_past_decides_the_sla_and_its_own_time() {
    let (server, client) = start().await;
    let answer = client.update(set(CLOSED, at(540))).await.unwrap();
    assert_eq!(told(&answer), [(CLOSED, at(540))]);
    client.scored(NAME).await;
    let closed = experience(&server).await;
    assert_eq!(
        (&closed["slaMet"], &closed["closingDateForSLA"]),
        (&true.into(), &"2025-12-01T09:09:00Z".into())
    );
    // Reopened and closed again, a minute too late.
    client.update(set(OPEN, at(600))).await.unwrap();
    client.update(set(CLOSED, at(660))).await.unwrap();
    client.scored(NAME).await;
    let closed = experience(&server).await;
    assert_eq!((&closed["slaMet"], &closed["netSecondsClosedAfterSla"]), (&false.into(), &60.into()));
    assert_eq!(closed["reOpened"], true);
    // The same again changes nothing, at whatever time.
    let before = client.conversation(NAME).await.unwrap();
    for time in [at(660), at(100), None] {
        assert_eq!(client.update(set(CLOSED, time)).await.unwrap(), before);
    }
    // Without a time it is now.
    let answer = client.update(set(OPEN, None)).await.unwrap();
    assert_eq!(told(&answer).last(), Some(&(OPEN, now(0))));
}

#[tokio::test]
async fn a_change_is_placed_among_the_messages_by_its_time() {
    let (server, client) = start().await;
    let messages = client.messages(NAME, 50).await;
    let number = |place: usize| -> i64 { messages[place].name.rsplit('/').next().unwrap().parse().unwrap() };
    // Closed after the second message; then the customer wrote, so the same status is another closing.
    let answer = client.update(set(CLOSED, at(90))).await.unwrap();
    assert_eq!(answer.status_changes[0].after_message, Some(number(1)));
    client.scored(NAME).await;
    assert_eq!(experience(&server).await["reOpened"], true);
    let answer = client.update(set(CLOSED, at(200))).await.unwrap();
    assert_eq!(told(&answer), [(CLOSED, at(90)), (CLOSED, at(200))]);
    assert_eq!(answer.status_changes[1].after_message, Some(number(3)));
    let answer = client.update(set(CLOSED, at(300))).await.unwrap();
    assert_eq!(answer.status_changes.len(), 2, "nobody has written since");
    let answer = client.update(set(OPEN, at(250))).await.unwrap();
    assert_eq!(answer.status_changes[2].after_message, Some(number(3)));
}

#[tokio::test]
async fn a_change_is_placed_in_a_conversation_of_many_parts() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let text = "It left our warehouse yesterday. ".repeat(100);
    let message = |place: usize| {
        let kind = if place == 40 { AuthorKind::Contact } else { AuthorKind::Teammate };
        sample::message(place, kind, &text)
    };
    let mut request = sample::import_of("42", (0..100).map(message).collect());
    request.conversation.as_mut().unwrap().source = "enneo".to_owned();
    client.import(request).await.unwrap();
    let messages = client.messages(NAME, 1000).await;
    for (seconds, place, has_customer_written) in [(30 * 60 + 1, 30, true), (40 * 60, 40, false)] {
        let answer = client.update(set(OPEN, at(seconds - 1))).await.unwrap();
        assert_eq!(answer.status(), OPEN);
        let answer = client.update(set(CLOSED, at(seconds))).await.unwrap();
        let closing = answer.status_changes.last().unwrap();
        let after = closing.after_message.unwrap();
        assert!(messages[place].name.ends_with(&format!("/{after}")), "{after} is not {place}");
        let again = client.update(set(CLOSED, at(seconds))).await.unwrap();
        assert_eq!(again.status_changes.len() > answer.status_changes.len(), has_customer_written);
    }
}

fn rule(status: &Status) -> (String, String) {
    let mut violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations.len(), 1, "{violations:?}");
    let violation = violations.remove(0);
    (violation.field, violation.description)
}

#[tokio::test]
async fn a_time_that_cannot_be_is_refused() {
    let (server, client) = start().await;
    client.update(set(OPEN, at(300))).await.unwrap();
    client.scored(NAME).await;
    let before = server.store.dump().await;
    let named = |path: &str| Some(FieldMask { paths: vec![path.to_owned()] });
    let without_status = UpdateConversationRequest { update_mask: named("tags"), ..set(CLOSED, at(400)) };
    let cleared = UpdateConversationRequest {
        update_mask: named("status"),
        ..set(ConversationStatus::Unspecified, at(400))
    };
    for (request, expected) in [
        (
            set(CLOSED, at(299)),
            "must not be before the last status change, 2025-12-01T09:05:00Z, is 2025-12-01T09:04:59Z",
        ),
        (
            set(CLOSED, now(301)),
            "must be at most 5 minutes later than the server's clock, which shows 2026-01-01T00:00:00Z, is 2026-01-01T00:05:01Z",
        ),
        (set(OPEN, now(301)), "must be at most 5 minutes later than the server's clock"),
        (without_status, "must be absent where no status is set"),
        (cleared, "must be absent where no status is set"),
        (set(CLOSED, Some(Timestamp { seconds: -1, nanos: 0 })), "must lie between 1970-01-01"),
    ] {
        let (field, description) = rule(&client.update(request).await.unwrap_err());
        assert_eq!(field, "status_time");
        assert!(description.starts_with(expected), "{description}");
    }
    assert_eq!(server.store.dump().await, before);
    // Clocks differ by a little.
    client.update(set(CLOSED, now(300))).await.unwrap();
}

#[tokio::test]
async fn a_retried_update_with_a_time_is_carried_out_once() {
    let (_server, client) = start().await;
    let with_id = |request: UpdateConversationRequest| UpdateConversationRequest {
        request_id: "one".to_owned(),
        ..request
    };
    client.update(with_id(set(CLOSED, at(300)))).await.unwrap();
    client.update(set(OPEN, at(400))).await.unwrap();
    let again = client.update(with_id(set(CLOSED, at(300)))).await.unwrap();
    assert_eq!(told(&again), [(CLOSED, at(300)), (OPEN, at(400))]);
    let other = client.update(with_id(set(CLOSED, at(301)))).await.unwrap_err();
    assert!(other.message().contains("was used for a different request"), "{other:?}");
}

#[tokio::test]
async fn a_stored_message_can_say_when_the_status_that_it_brings_changed() {
    let (server, client) = start().await;
    let store = |seconds: i64, status: ConversationStatus, status_time: Option<Timestamp>| {
        let message = Message {
            content: Some("It arrives today.".to_owned()),
            author: sample::message(1, AuthorKind::Teammate, "").author,
            direction: 2,
            create_time: at(seconds),
            tracking_id: Some(format!("t{seconds}")),
            ..Message::default()
        };
        let (parent, status) = (NAME.to_owned(), status.into());
        let message = Some(message);
        StoreMessageRequest { parent, message, status, status_time, ..StoreMessageRequest::default() }
    };
    let closed = store(240, CLOSED, at(540));
    let answer = client.store(closed.clone()).await.unwrap();
    assert_eq!(told(answer.conversation.as_ref().unwrap()), [(CLOSED, at(540))]);
    client.scored(NAME).await;
    assert_eq!(experience(&server).await["closingDateForSLA"], "2025-12-01T09:09:00Z");
    let again = client.store(closed).await.unwrap();
    assert_eq!(again.message.unwrap().name, answer.message.unwrap().name, "it is recognised");

    client.scored(NAME).await;
    let before = server.store.dump().await;
    for (request, expected) in [
        (store(600, OPEN, at(599)), "must not be before the message's create_time, 2025-12-01T09:10:00Z"),
        (store(300, OPEN, at(500)), "must not be before the last status change, 2025-12-01T09:09:00Z"),
        (store(600, OPEN, now(301)), "must be at most 5 minutes later than the server's clock"),
        (store(600, ConversationStatus::Unspecified, at(600)), "must be absent where no status is set"),
    ] {
        let (field, description) = rule(&client.store(request).await.unwrap_err());
        assert_eq!(field, "status_time");
        assert!(description.starts_with(expected), "{description}");
    }
    assert_eq!(server.store.dump().await, before);
    // A message that creates its conversation, too.
    let elsewhere =
        StoreMessageRequest { parent: "conversations/enneo:43".to_owned(), ..store(0, CLOSED, now(301)) };
    assert_eq!(fields(&client.store(elsewhere).await.unwrap_err()), ["status_time"]);
}
