//! Importing again what is stored already: what is newer is taken, and what differs and is not taken is named.

mod command;
mod edits;
mod history;
mod ratings;

use plaudit::proto::v1::{
    Author, AuthorKind, Channel, ConflictPolicy, Conversation, ConversationFilter, ConversationPriority,
    ConversationStatus, ImportConversationRequest, ImportConversationResponse, ImportOutcome,
    ListConversationsRequest, ScoringState, StatusChange, UpdateConversationRequest,
};
use prost_types::Timestamp;

use crate::harness::{
    Client, Plaudit, fields,
    sample::{self, with_id, with_policy},
};

const NAME: &str = "conversations/test:42";

/// Seconds after the first message of the samples; the last one comes at 180.
fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: sample::BEGIN_SECONDS + seconds, nanos: 0 })
}

fn conversation(request: &mut ImportConversationRequest) -> &mut Conversation {
    request.conversation.as_mut().unwrap()
}

/// The sample, to be appended, after a change of what it says about the conversation.
fn append(change: impl FnOnce(&mut Conversation)) -> ImportConversationRequest {
    let mut request = with_policy(sample::import("42"), ConflictPolicy::Append);
    change(conversation(&mut request));
    request
}

fn change(status: ConversationStatus, seconds: i64) -> StatusChange {
    StatusChange { status: status.into(), change_time: at(seconds), after_message: None }
}

fn agent(id: &str) -> Option<Author> {
    Some(Author { kind: AuthorKind::Teammate.into(), external_id: Some(id.to_owned()), name: None })
}

/// Each difference: its field, what stays, and what was said.
fn differences(answer: &ImportConversationResponse) -> Vec<(&str, &str, &str)> {
    let named = answer.differences.iter();
    named.map(|it| (it.field.as_str(), it.kept.as_str(), it.given.as_str())).collect()
}

/// The differing fields alone.
fn differing(answer: &ImportConversationResponse) -> Vec<&str> {
    differences(answer).into_iter().map(|(field, ..)| field).collect()
}

/// Imports what changes nothing, and asserts that.
async fn changes_nothing(
    server: &Plaudit,
    client: &Client,
    request: ImportConversationRequest,
) -> ImportConversationResponse {
    client.settled(NAME).await;
    server.clock.advance_millis(1000);
    let before = server.store.dump().await;
    let answer = client.import(request).await.unwrap();
    assert_eq!((answer.outcome(), answer.stored_messages), (ImportOutcome::Existing, 0), "{answer:?}");
    assert_eq!(server.store.dump().await, before, "nothing is stored");
    answer
}

/// Whether a scoring was queued since the last look.
fn queued(server: &Plaudit) -> bool {
    server.store.take_committed().iter().any(|batch| batch.put.iter().any(|(key, _)| key[0] == 0x40))
}

/// As the helpdesk says it at first.
fn first(it: &mut Conversation) {
    it.status = ConversationStatus::Open.into();
    it.status_changes = vec![change(ConversationStatus::Open, 0)];
    it.priority = ConversationPriority::Low.into();
    it.assignee = agent("t1");
    it.tags = vec!["a".to_owned(), "b".to_owned()];
    it.team = Some("billing".to_owned());
    it.channel = Channel::WidgetChat.into();
    it.due_time = at(7_200);
    it.update_time = at(200);
}

/// As it says it a day later.
fn later(it: &mut Conversation) {
    first(it);
    it.subject = Some("Order 4711, late".to_owned());
    it.status = ConversationStatus::Closed.into();
    it.status_changes.push(change(ConversationStatus::Pending, 300));
    it.status_changes.push(change(ConversationStatus::Closed, 400));
    it.priority = ConversationPriority::High.into();
    it.assignee = agent("t2");
    it.tags = vec!["b".to_owned(), "c".to_owned()];
    it.team = Some("logistics".to_owned());
    it.channel = Channel::Email.into();
    it.due_time = at(3_600);
    it.first_response_due_time = at(1_800);
    it.subchannel_id = Some(4);
    it.language = Some("en".to_owned());
    it.update_time = at(86_400);
}

#[tokio::test]
async fn what_is_newer_is_taken_once_and_what_is_older_never() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(append(first)).await.unwrap();
    let before = client.scored(NAME).await;
    server.clock.advance_millis(1000);
    server.store.take_committed();

    let answer = client.import(append(later)).await.unwrap();
    assert_eq!((answer.outcome(), answer.stored_messages), (ImportOutcome::Updated, 0));
    assert_eq!(differences(&answer), []);
    let after = client.scored(NAME).await;
    let mut expected = Conversation::default();
    later(&mut expected);
    assert_eq!((after.status(), after.priority(), after.channel()), {
        (expected.status(), expected.priority(), expected.channel())
    });
    assert_eq!((&after.subject, &after.language, &after.tags), {
        (&expected.subject, &expected.language, &expected.tags)
    });
    assert_eq!((&after.team, &after.assignee, after.subchannel_id), {
        (&expected.team, &expected.assignee, expected.subchannel_id)
    });
    assert_eq!((after.due_time, after.first_response_due_time), {
        (expected.due_time, expected.first_response_due_time)
    });
    let told = |changes: &[StatusChange]| -> Vec<_> {
        changes.iter().map(|change| (change.status(), change.change_time)).collect()
    };
    assert_eq!(told(&after.status_changes), told(&expected.status_changes));
    assert_ne!((&after.etag, after.update_time), (&before.etag, before.update_time));
    assert!(queued(&server), "it is scored again");

    // Retries say nothing new, and what is older replaces nothing.
    for _ in 0..2 {
        assert_eq!(differences(&changes_nothing(&server, &client, append(later)).await), []);
    }
    let answer = changes_nothing(&server, &client, append(first)).await;
    assert_eq!(
        differences(&answer),
        [
            ("conversation.subject", r#""Order 4711, late""#, r#""Order 4711""#),
            ("conversation.priority", r#""high""#, r#""low""#),
            ("conversation.due_time", r#""2025-12-01T10:00:00Z""#, r#""2025-12-01T11:00:00Z""#),
            ("conversation.team", r#""logistics""#, r#""billing""#),
            ("conversation.channel", r#""email""#, r#""widget_chat""#),
            ("conversation.assignee", r#""teammate \"t2\"""#, r#""teammate \"t1\"""#),
            ("conversation.tags", r#""b, c""#, r#""a, b""#),
        ],
    );
    let because = &answer.differences[0].description;
    let expected = "what is stored is as of 2025-12-02T09:00:00Z, the import as of 2025-12-01T09:03:20Z";
    assert!(because.contains(expected), "{because}");
}

#[tokio::test]
async fn without_a_later_time_only_what_is_absent_is_taken() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let plain = |it: &mut Conversation| {
        it.priority = ConversationPriority::Low.into();
        it.tags = vec!["a".to_owned()];
    };
    client.import(append(plain)).await.unwrap();
    client.scored(NAME).await;
    let more = |it: &mut Conversation| {
        it.priority = ConversationPriority::High.into();
        it.team = Some("billing".to_owned());
        it.tags = vec!["b".to_owned()];
        it.status = ConversationStatus::Closed.into();
    };
    let answer = client.import(append(more)).await.unwrap();
    assert_eq!(answer.outcome(), ImportOutcome::Updated);
    assert_eq!(
        differences(&answer),
        [("conversation.priority", r#""low""#, r#""high""#), ("conversation.tags", r#""a, b""#, r#""b""#),]
    );
    let found = client.scored(NAME).await;
    assert_eq!((found.status(), found.team.as_deref()), (ConversationStatus::Closed, Some("billing")));
    assert_eq!((found.status_changes.len(), found.status_changes[0].change_time), (1, at(180)));
    assert_eq!(differing(&changes_nothing(&server, &client, append(more)).await).len(), 2);

    // What was cleared here stays so.
    let cleared = Conversation { name: NAME.to_owned(), ..Conversation::default() };
    let paths = vec!["team".to_owned()];
    let request = UpdateConversationRequest {
        conversation: Some(cleared),
        update_mask: Some(prost_types::FieldMask { paths }),
        ..UpdateConversationRequest::default()
    };
    client.update(request).await.unwrap();
    let answer = changes_nothing(&server, &client, append(more)).await;
    assert!(differences(&answer).contains(&("conversation.team", "", r#""billing""#)), "{answer:?}");
    // The server's clock shows 2026-01-01, a few seconds later.
    let newest = |it: &mut Conversation| {
        more(it);
        it.update_time = Some(Timestamp { seconds: Plaudit::START.millis() / 1000 + 60, nanos: 0 });
    };
    assert_eq!(client.import(append(newest)).await.unwrap().outcome(), ImportOutcome::Updated);
    let found = client.scored(NAME).await;
    assert_eq!((found.team.as_deref(), found.priority()), (Some("billing"), ConversationPriority::High));
    assert_eq!(found.tags, ["b"]);
    // A time that has not come yet counts for nothing.
    let future = |it: &mut Conversation| {
        it.priority = ConversationPriority::Urgent.into();
        it.update_time = Some(Timestamp { seconds: Plaudit::START.millis() / 1000 + 3_600, nanos: 0 });
    };
    assert_eq!(
        differing(&changes_nothing(&server, &client, append(future)).await),
        ["conversation.priority"]
    );
}

#[tokio::test]
async fn a_change_that_no_score_depends_on_is_listed_at_once_and_scored_never() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(append(first)).await.unwrap();
    let before = client.scored(NAME).await;
    server.store.take_committed();
    let moved = |it: &mut Conversation| {
        first(it);
        it.team = Some("logistics".to_owned());
        it.tags.push("vip".to_owned());
        it.assignee = agent("t9");
        it.update_time = at(300);
    };
    assert_eq!(client.import(append(moved)).await.unwrap().outcome(), ImportOutcome::Updated);
    let after = client.conversation(NAME).await.unwrap();
    assert_eq!(after.scoring.as_ref().unwrap().state(), ScoringState::Done);
    assert_ne!(after.etag, before.etag);
    assert!(!queued(&server));
    let filter = ConversationFilter {
        tags: vec!["vip".to_owned()],
        agent: "t9".to_owned(),
        ..ConversationFilter::default()
    };
    let request = ListConversationsRequest { filter: Some(filter), ..ListConversationsRequest::default() };
    let listed = client.list_conversations(request).await.unwrap().conversations;
    assert_eq!(listed, [after]);
}

#[tokio::test]
async fn additions_only_compares_nothing() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(append(first)).await.unwrap();
    client.scored(NAME).await;
    let only = |request| ImportConversationRequest { additions_only: true, ..request };
    assert_eq!(differences(&changes_nothing(&server, &client, only(append(later))).await), []);
    let mut more = only(append(later));
    more.messages.push(sample::message(7, AuthorKind::Contact, "Thanks."));
    let answer = client.import(more).await.unwrap();
    assert_eq!((answer.outcome(), answer.stored_messages), (ImportOutcome::Appended, 1));
    let found = client.scored(NAME).await;
    assert_eq!((found.priority(), found.tags.len()), (ConversationPriority::Low, 2));
    // Of the history, what belongs to the new message.
    assert_eq!(found.status(), ConversationStatus::Closed);
    let wrong = ImportConversationRequest { additions_only: true, ..sample::import("42") };
    assert_eq!(fields(&client.import(wrong).await.unwrap_err()), ["additions_only"]);
}

#[tokio::test]
async fn a_repeated_request_names_what_differs_now() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(append(later)).await.unwrap();
    client.scored(NAME).await;
    let mut request = with_id(append(first), "once");
    request.messages.push(sample::message(7, AuthorKind::Contact, "Thanks."));
    let answer = client.import(request.clone()).await.unwrap();
    assert_eq!((answer.outcome(), answer.stored_messages), (ImportOutcome::Appended, 1));
    assert_eq!(differing(&answer).len(), 7, "{answer:?}");
    client.scored(NAME).await;
    let before = server.store.dump().await;
    assert_eq!(client.import(request).await.unwrap(), answer);
    assert_eq!(server.store.dump().await, before);
}

#[tokio::test]
async fn a_bulk_import_counts_what_is_updated_and_what_differs_apart() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(append(first)).await.unwrap();
    client.scored(NAME).await;
    let mut call = client.bulk().await;
    let updated = append(later);
    let partly = append(|it| {
        later(it);
        it.status_changes.insert(1, change(ConversationStatus::Pending, 250));
        it.subject = Some("Another".to_owned());
        it.update_time = at(90_000);
    });
    for (number, request) in [(1, updated.clone()), (2, updated), (3, append(first)), (4, partly)] {
        call.send(number, request).await;
        assert_eq!(call.next_item().await.0, number);
    }
    let (counts, status) = call.end().await;
    assert!(status.is_none(), "{status:?}");
    assert_eq!((counts.updated, counts.existing, counts.differing), (2, 2, 2), "{counts:?}");
}
