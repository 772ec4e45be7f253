//! The status of a conversation that is imported again.

use plaudit::proto::v1::{
    AuthorKind, Conversation, ConversationStatus, ImportConversationRequest, ImportOutcome, StatusChange,
    UpdateConversationRequest,
};

use super::{NAME, append, at, change, changes_nothing, conversation, differences, differing, first};
use crate::harness::{Plaudit, sample};

fn told(found: &Conversation) -> Vec<(ConversationStatus, i64)> {
    let seconds = |change: &StatusChange| change.change_time.unwrap().seconds - sample::BEGIN_SECONDS;
    found.status_changes.iter().map(|change| (change.status(), seconds(change))).collect()
}

const OPEN: ConversationStatus = ConversationStatus::Open;
const PENDING: ConversationStatus = ConversationStatus::Pending;
const CLOSED: ConversationStatus = ConversationStatus::Closed;

fn history(changes: &[(ConversationStatus, i64)]) -> ImportConversationRequest {
    append(|it| {
        it.status_changes = changes.iter().map(|(status, seconds)| change(*status, *seconds)).collect();
        it.status = changes.last().map_or(0, |(status, _)| (*status).into());
    })
}

#[tokio::test]
async fn changes_after_the_last_one_are_added_and_others_named() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(history(&[(OPEN, 0), (PENDING, 100)])).await.unwrap();
    client.scored(NAME).await;
    let answer =
        client.import(history(&[(OPEN, 0), (CLOSED, 50), (PENDING, 100), (CLOSED, 100), (OPEN, 200)])).await;
    let answer = answer.unwrap();
    assert_eq!(answer.outcome(), ImportOutcome::Updated);
    let (kept, given) = ("pending at 2025-12-01T09:01:40Z", "closed at 2025-12-01T09:00:50Z");
    assert_eq!(differences(&answer), [("conversation.status_changes[1]", kept, given)]);
    let expected = [(OPEN, 0), (PENDING, 100), (CLOSED, 100), (OPEN, 200)];
    assert_eq!(told(&client.scored(NAME).await), expected);
    // An older file of the same conversation tells nothing new.
    assert_eq!(differences(&changes_nothing(&server, &client, history(&expected[..2])).await), []);
    assert_eq!(differences(&changes_nothing(&server, &client, history(&expected)).await), []);
    let again = changes_nothing(&server, &client, history(&[(OPEN, 300)])).await;
    assert_eq!(differing(&again), ["conversation.status_changes[0]"]);
    assert!(again.differences[0].description.ends_with("the same status again is no change"), "{again:?}");
}

#[tokio::test]
async fn a_change_is_placed_among_the_messages_that_are_stored() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    // The third message, by the customer, comes at 120; the last, by the agent, at 180.
    client.import(history(&[(OPEN, 0)])).await.unwrap();
    client.import(history(&[(OPEN, 0), (CLOSED, 90)])).await.unwrap();
    let found = client.scored(NAME).await;
    let messages = client.messages(NAME, 50).await;
    let after = found.status_changes[1].after_message.unwrap();
    assert!(messages[1].name.ends_with(&format!("/{after}")), "{after} {messages:#?}");
    // The customer wrote after it, so closing it again is another closing.
    client.import(history(&[(OPEN, 0), (CLOSED, 90), (CLOSED, 240)])).await.unwrap();
    assert_eq!(told(&client.scored(NAME).await), [(OPEN, 0), (CLOSED, 90), (CLOSED, 240)]);
    let again = changes_nothing(&server, &client, history(&[(CLOSED, 300)])).await;
    assert_eq!(differing(&again), ["conversation.status_changes[0]"], "nobody wrote since");
}

#[tokio::test]
async fn a_status_without_a_history_changes_when_the_import_was_written() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(append(first)).await.unwrap();
    client.scored(NAME).await;
    let closed = |seconds| {
        append(|it| {
            it.status = CLOSED.into();
            it.update_time = at(seconds);
        })
    };
    let early = changes_nothing(&server, &client, closed(200)).await;
    assert_eq!(differences(&early), [("conversation.status", "open", "closed")]);
    assert_eq!(client.import(closed(500)).await.unwrap().outcome(), ImportOutcome::Updated);
    assert_eq!(told(&client.scored(NAME).await), [(OPEN, 0), (CLOSED, 500)]);
    assert_eq!(differences(&changes_nothing(&server, &client, closed(500)).await), []);
    // What it says later, it says as of then.
    let confirmed = client.import(closed(900)).await.unwrap();
    assert_eq!((confirmed.outcome(), differences(&confirmed)), (ImportOutcome::Updated, vec![]));
    assert_eq!(differences(&changes_nothing(&server, &client, closed(900)).await), []);
    let between = append(|it| {
        it.status = PENDING.into();
        it.update_time = at(700);
    });
    let between = changes_nothing(&server, &client, between).await;
    assert_eq!(differences(&between), [("conversation.status", "closed", "pending")]);
    assert_eq!(told(&client.scored(NAME).await), [(OPEN, 0), (CLOSED, 500)]);
}

#[tokio::test]
async fn what_was_changed_here_is_replaced_only_by_what_is_later() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(append(first)).await.unwrap();
    let status = Conversation { name: NAME.to_owned(), status: CLOSED.into(), ..Conversation::default() };
    let update =
        UpdateConversationRequest { conversation: Some(status), ..UpdateConversationRequest::default() };
    client.update(update).await.unwrap();
    client.scored(NAME).await;
    let pending = |it: &mut Conversation| {
        it.status = PENDING.into();
        it.update_time = at(86_400);
    };
    let answer = changes_nothing(&server, &client, append(pending)).await;
    assert_eq!(differences(&answer), [("conversation.status", "closed", "pending")]);
    assert!(answer.differences[0].description.contains("as of 2026-01-01T00:00:00Z"), "{answer:?}");
}

#[tokio::test]
async fn new_messages_bring_their_status_changes_along() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(history(&[(OPEN, 0), (CLOSED, 200)])).await.unwrap();
    client.scored(NAME).await;
    let mut more = history(&[(OPEN, 0), (CLOSED, 200), (OPEN, 310), (CLOSED, 500)]);
    more.messages.push(sample::message(5, AuthorKind::Contact, "It has not arrived."));
    conversation(&mut more).tags = vec!["reopened".to_owned()];
    let answer = client.import(more.clone()).await.unwrap();
    assert_eq!((answer.outcome(), answer.stored_messages), (ImportOutcome::Appended, 1));
    assert_eq!(differences(&answer), []);
    let found = client.scored(NAME).await;
    assert_eq!(told(&found), [(OPEN, 0), (CLOSED, 200), (OPEN, 310), (CLOSED, 500)]);
    assert_eq!(found.tags, ["reopened"], "the import is later by its messages");
    assert_eq!(differences(&changes_nothing(&server, &client, more).await), []);
}

#[tokio::test]
async fn a_change_that_is_known_is_not_added_again_with_new_messages() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(history(&[(OPEN, 0)])).await.unwrap();
    client.scored(NAME).await;
    let closed = Conversation { name: NAME.to_owned(), status: CLOSED.into(), ..Conversation::default() };
    let update = UpdateConversationRequest {
        conversation: Some(closed),
        status_time: at(400),
        ..UpdateConversationRequest::default()
    };
    client.update(update).await.unwrap();
    client.settled(NAME).await;
    let mut nightly = history(&[(OPEN, 0), (CLOSED, 400)]);
    nightly.messages.push(sample::message(5, AuthorKind::Teammate, "It is on its way."));
    let answer = client.import(nightly.clone()).await.unwrap();
    assert_eq!((answer.outcome(), answer.stored_messages), (ImportOutcome::Appended, 1));
    assert_eq!(differences(&answer), []);
    assert_eq!(told(&client.scored(NAME).await), [(OPEN, 0), (CLOSED, 400)]);
    assert_eq!(differences(&changes_nothing(&server, &client, nightly).await), []);

    // Of what comes together, one moment may have several.
    let changes = [(OPEN, 0), (CLOSED, 400), (OPEN, 700), (CLOSED, 700), (OPEN, 700)];
    let mut more = history(&changes);
    more.messages.push(sample::message(5, AuthorKind::Teammate, "It is on its way."));
    more.messages.push(sample::message(6, AuthorKind::Contact, "It has not arrived."));
    client.import(more.clone()).await.unwrap();
    assert_eq!(told(&client.scored(NAME).await), changes);
    assert_eq!(differences(&changes_nothing(&server, &client, more).await), []);
}
