use plaudit::proto::v1::{
    Author, AuthorKind, Conversation, DeleteConversationRequest, UndeleteConversationRequest,
    UpdateConversationRequest,
};
use prost_types::FieldMask;

use super::{
    LONG_ID, NO_NANOS, NOT_A_KIND, Row, SPACED_ID, TOO_EARLY, TOO_LATE, assert_refused, bad_nanos, early,
    late, long, violations,
};
use crate::harness::{Plaudit, sample};

const NAME: &str = "conversations/test:42";
const TEXT: &str = "must be at most 512 bytes long, is 513";

const ROWS: &[Row<UpdateConversationRequest>] = &[
    (
        "another collection",
        |it| conversation(it).name = "tickets/1".into(),
        "conversation.name",
        "must look like `conversations/{number}` or `conversations/{source}:{external id}` with both parts percent-encoded, is \"tickets/1\"",
    ),
    ("a long request id", |it| it.request_id = "r".repeat(129), "request_id", LONG_ID),
    ("a space in the request id", |it| it.request_id = "a b".into(), "request_id", SPACED_ID),
    (
        "a field that only the server says",
        |it| it.update_mask = Some(FieldMask { paths: vec!["subject".into(), "etag".into()] }),
        "update_mask",
        "must name fields among subject, status, priority, first_response_due_time, due_time, assignee, tags, team, channel, subchannel_id, language or *, names \"etag\"",
    ),
    (
        "a long subject",
        |it| conversation(it).subject = long(4097),
        "conversation.subject",
        "must be at most 4096 bytes long, is 4097",
    ),
    (
        "an unknown language",
        |it| conversation(it).language = Some("xx-YY".into()),
        "conversation.language",
        "must begin with the code of a known language, like `de` or `pt-BR`, is \"xx-YY\"",
    ),
    (
        "an unknown status",
        |it| conversation(it).status = 4,
        "conversation.status",
        "must be one of CONVERSATION_STATUS_OPEN, CONVERSATION_STATUS_PENDING, CONVERSATION_STATUS_CLOSED, is 4",
    ),
    (
        "a negative priority",
        |it| conversation(it).priority = -1,
        "conversation.priority",
        "must be one of CONVERSATION_PRIORITY_LOW, CONVERSATION_PRIORITY_MEDIUM, CONVERSATION_PRIORITY_HIGH, CONVERSATION_PRIORITY_URGENT, is -1",
    ),
    (
        "an unknown channel",
        |it| conversation(it).channel = 12,
        "conversation.channel",
        "must be one of CHANNEL_EMAIL, CHANNEL_WIDGET_CHAT, CHANNEL_WHATS_APP, CHANNEL_FACEBOOK_MESSENGER, CHANNEL_TWITTER, CHANNEL_MESSENGER, CHANNEL_SMS, CHANNEL_CONTACT_FORM, CHANNEL_CALLBACK, CHANNEL_PSTN_PHONE, CHANNEL_VOICEMAIL, is 12",
    ),
    (
        "a first reply before 1970",
        |it| conversation(it).first_response_due_time = early(),
        "conversation.first_response_due_time",
        TOO_EARLY,
    ),
    (
        "a first reply's nanos",
        |it| conversation(it).first_response_due_time = bad_nanos(),
        "conversation.first_response_due_time",
        NO_NANOS,
    ),
    ("due after 9999", |it| conversation(it).due_time = late(), "conversation.due_time", TOO_LATE),
    ("a due time's nanos", |it| conversation(it).due_time = bad_nanos(), "conversation.due_time", NO_NANOS),
    (
        "a customer in charge",
        |it| assignee(it).kind = 1,
        "conversation.assignee.kind",
        "must be a teammate or an AI agent, is contact",
    ),
    ("somebody in charge", |it| assignee(it).kind = 0, "conversation.assignee.kind", "is required"),
    ("an unknown kind in charge", |it| assignee(it).kind = 9, "conversation.assignee.kind", NOT_A_KIND),
    (
        "nobody in charge",
        |it| (assignee(it).external_id, assignee(it).name) = (None, None),
        "conversation.assignee.external_id",
        "is required where there is no name",
    ),
    (
        "an assignee's long id",
        |it| assignee(it).external_id = long(513),
        "conversation.assignee.external_id",
        TEXT,
    ),
    ("an assignee's long name", |it| assignee(it).name = long(513), "conversation.assignee.name", TEXT),
    (
        "101 tags",
        |it| conversation(it).tags = (0..101).map(|tag| tag.to_string()).collect(),
        "conversation.tags",
        "must have at most 100 items, has 101",
    ),
    (
        "an empty tag",
        |it| conversation(it).tags[1].clear(),
        "conversation.tags[1]",
        "must be 1 to 128 bytes long, is 0",
    ),
    (
        "a long tag",
        |it| conversation(it).tags[1] = "é".repeat(65),
        "conversation.tags[1]",
        "must be 1 to 128 bytes long, is 130",
    ),
    (
        "a line feed in a tag",
        |it| conversation(it).tags[1] = "a\n".into(),
        "conversation.tags[1]",
        "must not contain control characters, contains '\\n'",
    ),
    (
        "an empty team",
        |it| conversation(it).team = long(0),
        "conversation.team",
        "must be 1 to 512 bytes long, is 0",
    ),
    (
        "a long team",
        |it| conversation(it).team = long(513),
        "conversation.team",
        "must be 1 to 512 bytes long, is 513",
    ),
];

fn conversation(request: &mut UpdateConversationRequest) -> &mut Conversation {
    request.conversation.as_mut().expect("the whole request has one")
}

fn assignee(request: &mut UpdateConversationRequest) -> &mut Author {
    conversation(request).assignee.as_mut().expect("the whole request has one")
}

/// A valid change.
fn whole() -> UpdateConversationRequest {
    let assignee = Author {
        kind: AuthorKind::Teammate.into(),
        external_id: Some("t1".to_owned()),
        name: Some("Tom".to_owned()),
    };
    let conversation = Conversation {
        name: NAME.to_owned(),
        subject: Some("Late".to_owned()),
        assignee: Some(assignee),
        tags: vec!["a".to_owned(), "b".to_owned()],
        ..Conversation::default()
    };
    UpdateConversationRequest { conversation: Some(conversation), ..UpdateConversationRequest::default() }
}

#[tokio::test]
async fn a_broken_rule_of_an_update_is_reported_by_field_and_nothing_changes() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(sample::import("42")).await.unwrap();
    client.scored(NAME).await;
    let before = server.store.dump().await;
    for (what, change, field, said) in ROWS {
        let mut request = whole();
        change(&mut request);
        assert_refused(what, &client.update(request).await.expect_err(what), field, said);
    }
    // Without a mask, since the invalid one would name only some of the fields.
    let mut request = whole();
    for (_, change, ..) in ROWS {
        let mask = request.update_mask.take();
        change(&mut request);
        request.update_mask = request.update_mask.take().or(mask);
    }
    request.update_mask.as_mut().expect("a row sets one").paths = vec!["*".to_owned(), "etag".to_owned()];
    let refused = client.update(request).await.expect_err("every rule is broken");
    let mut named: Vec<String> = violations(&refused).into_iter().map(|(field, _)| field).collect();
    let mut expected: Vec<String> = ROWS.iter().map(|(_, _, field, _)| (*field).to_owned()).collect();
    named.sort_unstable();
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(named, expected);
    assert_eq!(server.store.dump().await, before);
    client.update(whole()).await.expect("it breaks no rule");
}

#[tokio::test]
async fn deletions_and_undeletions_report_what_is_wrong() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let shape = "must look like `conversations/{number}` or `conversations/{source}:{external id}` with both parts percent-encoded, is \"x\"";
    let request = |name: &str, request_id: &str| DeleteConversationRequest {
        name: name.to_owned(),
        request_id: request_id.to_owned(),
        ..DeleteConversationRequest::default()
    };
    assert_refused("a name", &client.delete_by(request("x", "")).await.unwrap_err(), "name", shape);
    assert_refused(
        "an id",
        &client.delete_by(request(NAME, "a b")).await.unwrap_err(),
        "request_id",
        SPACED_ID,
    );
    assert_eq!(violations(&client.delete_by(request("x", "a b")).await.unwrap_err()).len(), 2);
    let request = |name: &str, request_id: &str| UndeleteConversationRequest {
        name: name.to_owned(),
        request_id: request_id.to_owned(),
    };
    let shape = "must look like `conversations/{number}`, is \"conversations/test:42\"";
    assert_refused("a name", &client.undelete_by(request(NAME, "")).await.unwrap_err(), "name", shape);
    assert_eq!(violations(&client.undelete_by(request(NAME, "a b")).await.unwrap_err()).len(), 2);
}
