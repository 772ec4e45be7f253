//! Updating a conversation.

use futures_util::future::join_all;
use plaudit::{
    domain::ConversationId,
    proto::v1::{
        Author, AuthorKind, Channel, Conversation, ConversationPriority, ConversationStatus, Message,
        ScoringState, StoreMessageRequest, UpdateConversationRequest,
    },
    store::{
        Batch, Keyspace as _,
        records::{self, Head},
    },
};
use prost_types::{FieldMask, Timestamp};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::harness::{Client, KEYS, Plaudit, assert_not_found, fault, fields, sample};

const NAME: &str = "conversations/test:42";

async fn start() -> (Plaudit, Client) {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(sample::import("42")).await.unwrap();
    client.scored(NAME).await;
    (server, client)
}

fn update(conversation: Conversation, paths: &[&str]) -> UpdateConversationRequest {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    UpdateConversationRequest {
        conversation: Some(Conversation { name: NAME.to_owned(), ..conversation }),
        update_mask: (!paths.is_empty()).then_some(FieldMask { paths }),
        ..UpdateConversationRequest::default()
    }
}

fn time(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn agent(id: &str) -> Author {
    Author {
        kind: AuthorKind::Teammate.into(),
        external_id: Some(id.to_owned()),
        name: Some("Tom".to_owned()),
    }
}

/// A conversation with every field set.
fn handled() -> Conversation {
    Conversation {
        subject: Some("Where is it?".to_owned()),
        status: ConversationStatus::Pending.into(),
        priority: ConversationPriority::High.into(),
        first_response_due_time: time(1_767_229_200),
        due_time: time(1_767_232_800),
        assignee: Some(agent("t1")),
        tags: vec!["vip".to_owned(), "late".to_owned()],
        team: Some("Logistics".to_owned()),
        channel: Channel::Email.into(),
        subchannel_id: Some(3),
        language: Some("de-AT".to_owned()),
        ..Conversation::default()
    }
}

/// The fields of an answer that callers can set.
fn said(answer: &Conversation) -> Conversation {
    Conversation {
        subject: answer.subject.clone(),
        status: answer.status,
        priority: answer.priority,
        first_response_due_time: answer.first_response_due_time,
        due_time: answer.due_time,
        assignee: answer.assignee.clone(),
        tags: answer.tags.clone(),
        team: answer.team.clone(),
        channel: answer.channel,
        subchannel_id: answer.subchannel_id,
        language: answer.language.clone(),
        ..Conversation::default()
    }
}

#[tokio::test]
async fn an_update_changes_present_fields_or_those_named_by_its_mask() {
    let (_server, client) = start().await;
    let all = client.update(update(handled(), &[])).await.unwrap();
    assert_eq!(said(&all), handled());
    let present = Conversation { team: Some("Returns".to_owned()), ..Conversation::default() };
    let one = client.update(update(present, &[])).await.unwrap();
    assert_eq!(said(&one), Conversation { team: Some("Returns".to_owned()), ..handled() });

    // Named and absent is cleared; present and not named is left alone.
    let without = Conversation { priority: ConversationPriority::Low.into(), ..Conversation::default() };
    let one = client.update(update(without, &["tags", "assignee", "due_time"])).await.unwrap();
    let expected = Conversation {
        team: Some("Returns".to_owned()),
        tags: Vec::new(),
        assignee: None,
        due_time: None,
        ..handled()
    };
    assert_eq!(said(&one), expected);
    let none = client.update(update(Conversation::default(), &["*"])).await.unwrap();
    assert_eq!(said(&none), Conversation::default());
    assert_eq!(client.scored(NAME).await.name, none.name);
    assert_eq!(said(&client.conversation(NAME).await.unwrap()), Conversation::default());
}

#[tokio::test]
async fn each_field_can_be_set_and_cleared_on_its_own() {
    let (_server, client) = start().await;
    let names = [
        "subject",
        "status",
        "priority",
        "first_response_due_time",
        "due_time",
        "assignee",
        "tags",
        "team",
        "channel",
        "subchannel_id",
        "language",
    ];
    client.update(update(Conversation::default(), &["*"])).await.unwrap();
    let mut texts = std::collections::HashSet::new();
    for name in names {
        let set = said(&client.update(update(handled(), &[name])).await.unwrap());
        assert_ne!(set, Conversation::default(), "{name} is set");
        assert!(texts.insert(format!("{set:?}")), "{name} changes a field of its own");
        let taken = said(&client.update(update(Conversation::default(), &[name])).await.unwrap());
        assert_eq!(taken, Conversation::default(), "{name} is cleared");
    }
}

#[tokio::test]
async fn a_status_change_is_recorded_with_its_time() {
    let (server, client) = start().await;
    let begin = Plaudit::START.millis() / 1000;
    for (status, seconds) in [
        (ConversationStatus::Open, 0),
        (ConversationStatus::Closed, 10),
        (ConversationStatus::Closed, 20),
        (ConversationStatus::Open, 30),
    ] {
        server.clock.advance_millis((begin + seconds) * 1000 - server_now(&server));
        let status = Conversation { status: status.into(), ..Conversation::default() };
        client.update(update(status, &[])).await.unwrap();
    }
    let changes = client.scored(NAME).await.status_changes;
    let changes: Vec<_> =
        changes.iter().map(|change| (change.status(), change.change_time.unwrap().seconds - begin)).collect();
    let expected =
        [(ConversationStatus::Open, 0), (ConversationStatus::Closed, 10), (ConversationStatus::Open, 30)];
    assert_eq!(changes, expected);
}

fn server_now(server: &Plaudit) -> i64 {
    use plaudit::clock::Clock as _;
    server.clock.now().millis()
}

#[tokio::test]
async fn only_changes_that_affect_scores_are_rescored_and_no_change_writes_nothing() {
    let (server, client) = start().await;
    let queued =
        || server.store.take_committed().iter().any(|batch| batch.put.iter().any(|(key, _)| key[0] == 0x40));
    queued();
    for (change, is_scored_again) in [
        (Conversation { subject: Some("Another".to_owned()), ..Default::default() }, true),
        (Conversation { language: Some("pt-BR".to_owned()), ..Default::default() }, true),
        (Conversation { status: ConversationStatus::Closed.into(), ..Default::default() }, true),
        (Conversation { priority: ConversationPriority::Low.into(), ..Default::default() }, false),
        (Conversation { due_time: time(5), first_response_due_time: time(4), ..Default::default() }, false),
        (
            Conversation { assignee: Some(agent("t9")), tags: vec!["a".to_owned()], ..Default::default() },
            false,
        ),
        (
            Conversation {
                team: Some("b".to_owned()),
                channel: 7,
                subchannel_id: Some(0),
                ..Default::default()
            },
            false,
        ),
    ] {
        let before = client.scored(NAME).await;
        server.clock.advance_millis(1000);
        let answer = client.update(update(change.clone(), &[])).await.unwrap();
        assert_ne!(answer.etag, before.etag);
        assert_ne!(answer.update_time, before.update_time);
        let state = answer.scoring.as_ref().unwrap().state();
        let expected = if is_scored_again { ScoringState::Pending } else { ScoringState::Done };
        assert_eq!(state, expected, "{change:?}");
        let settled = client.scored(NAME).await;
        assert_eq!(Conversation { scoring: settled.scoring.clone(), ..answer }, settled);
        assert_eq!(queued(), is_scored_again, "{change:?}");

        let same = client.update(update(change, &[])).await.unwrap();
        assert_eq!(same, settled);
        assert!(server.store.take_committed().is_empty());
    }
    assert_eq!(server.store.count(KEYS.jobs()).await, 0);
}

#[tokio::test]
async fn an_outdated_etag_aborts_the_update() {
    let (_server, client) = start().await;
    let before = client.conversation(NAME).await.unwrap();
    let change = |etag: &str, team: &str| {
        let team = Some(team.to_owned());
        update(Conversation { etag: etag.to_owned(), team, ..Conversation::default() }, &[])
    };
    let first = client.update(change(&before.etag, "first")).await.unwrap();
    for stale in [before.etag.as_str(), "x", "01", "99"] {
        let status = client.update(change(stale, "second")).await.unwrap_err();
        assert_eq!(fault(&status), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
        // Whether it was ever given out is not known.
        assert!(status.message().starts_with(&format!("{stale:?} is not the current etag of ")), "{status}");
        let resource = status.get_details_resource_info().unwrap();
        assert_eq!(resource.resource_type, "conversation");
    }
    assert_eq!(client.conversation(NAME).await.unwrap(), first);
    client.update(change(&first.etag, "third")).await.unwrap();

    // Of many callers with the same etag, one may write.
    let seen = client.conversation(NAME).await.unwrap().etag;
    let updates = (0..16).map(|place| {
        let (client, seen) = (client.clone(), seen.clone());
        async move { client.update(change(&seen, &format!("team {place}"))).await }
    });
    let outcomes = join_all(updates).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for refused in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(fault(&refused), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    }
}

#[tokio::test]
async fn concurrent_updates_of_many_fields_all_arrive() {
    let (_server, client) = start().await;
    let changes =
        ["subject", "status", "priority", "tags", "team", "channel", "assignee", "subchannel_id", "language"];
    let updates = changes.map(|field| {
        let client = client.clone();
        async move { client.update(update(handled(), &[field])).await.expect(field) }
    });
    join_all(updates).await;
    let expected = Conversation { first_response_due_time: None, due_time: None, ..handled() };
    assert_eq!(said(&client.scored(NAME).await), expected);
}

#[tokio::test]
async fn a_retried_update_is_carried_out_once() {
    let (server, client) = start().await;
    let with_id = |conversation: Conversation, id: &str| UpdateConversationRequest {
        request_id: id.to_owned(),
        ..update(conversation, &[])
    };
    let closed = || Conversation { status: ConversationStatus::Closed.into(), ..Conversation::default() };
    let first = client.update(with_id(closed(), "one")).await.unwrap();
    client.scored(NAME).await;
    let open = Conversation { status: ConversationStatus::Open.into(), ..Conversation::default() };
    client.update(with_id(open.clone(), "two")).await.unwrap();
    let now = client.scored(NAME).await;
    // It returns the conversation as it is now; the status is not closed again.
    assert_eq!(client.update(with_id(closed(), "one")).await.unwrap(), now);
    assert_ne!(now.etag, first.etag);
    assert_eq!(now.status_changes.len(), 2);
    let other = client.update(with_id(open, "one")).await.unwrap_err();
    assert_eq!(fault(&other), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));

    let server = server.restart().await;
    let client = server.client().await;
    let urgent = || Conversation { priority: ConversationPriority::Urgent.into(), ..Conversation::default() };
    let copies = (0..32).map(|_| client.update(with_id(urgent(), "three")));
    let answers: Vec<_> = join_all(copies).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| answer.etag == answers[0].etag));
    assert_eq!(answers[0].etag.parse::<u64>().unwrap(), now.etag.parse::<u64>().unwrap() + 1);
}

#[tokio::test]
async fn all_violations_of_an_update_are_reported_at_once() {
    let (server, client) = start().await;
    let before = server.store.dump().await;
    let long = |bytes: usize| Some("x".repeat(bytes));
    let contact = Author { kind: AuthorKind::Contact.into(), ..agent("c") };
    for (wrong, expected) in [
        (Conversation { subject: long(4097), ..Default::default() }, vec!["subject"]),
        (Conversation { language: Some("xx".to_owned()), ..Default::default() }, vec!["language"]),
        (Conversation { language: Some("plain English".to_owned()), ..Default::default() }, vec!["language"]),
        (Conversation { status: 4, ..Default::default() }, vec!["status"]),
        (Conversation { priority: -1, ..Default::default() }, vec!["priority"]),
        (Conversation { channel: 12, ..Default::default() }, vec!["channel"]),
        (Conversation { due_time: time(-1), ..Default::default() }, vec!["due_time"]),
        (
            Conversation { due_time: Some(Timestamp { seconds: 1, nanos: -1 }), ..Default::default() },
            vec!["due_time"],
        ),
        (
            Conversation { first_response_due_time: time(i64::MAX), ..Default::default() },
            vec!["first_response_due_time"],
        ),
        (Conversation { assignee: Some(contact), ..Default::default() }, vec!["assignee.kind"]),
        (
            Conversation { assignee: Some(Author { kind: 9, ..agent("x") }), ..Default::default() },
            vec!["assignee.kind"],
        ),
        (
            Conversation { assignee: Some(Author { kind: 3, ..Author::default() }), ..Default::default() },
            vec!["assignee.external_id"],
        ),
        (Conversation { assignee: Some(agent("a\tb")), ..Default::default() }, vec!["assignee.external_id"]),
        (
            Conversation { assignee: Some(Author { name: long(513), ..agent("x") }), ..Default::default() },
            vec!["assignee.name"],
        ),
        (Conversation { team: long(513), ..Default::default() }, vec!["team"]),
        (Conversation { team: long(0), ..Default::default() }, vec!["team"]),
        (Conversation { tags: vec![String::new()], ..Default::default() }, vec!["tags[0]"]),
        (
            Conversation {
                tags: vec!["a".to_owned(), "b\n".to_owned(), "x".repeat(129)],
                ..Default::default()
            },
            vec!["tags[1]", "tags[2]"],
        ),
        (
            Conversation { tags: (0..101).map(|tag| tag.to_string()).collect(), ..Default::default() },
            vec!["tags"],
        ),
        (
            Conversation { subject: long(5000), status: 9, team: long(0), ..Default::default() },
            vec!["status", "subject", "team"],
        ),
    ] {
        let expected: Vec<_> = expected.iter().map(|field| format!("conversation.{field}")).collect();
        assert_eq!(fields(&client.update(update(wrong, &[])).await.unwrap_err()), expected);
    }
    for mask in [["messages"], ["scoring"], ["Subject"], ["subject.x"], [""]] {
        assert_eq!(fields(&client.update(update(handled(), &mask)).await.unwrap_err()), ["update_mask"]);
    }
    let everything = UpdateConversationRequest {
        conversation: Some(Conversation { name: "tickets/1".to_owned(), status: 9, ..Default::default() }),
        update_mask: Some(FieldMask { paths: vec!["status".to_owned(), "nothing".to_owned()] }),
        request_id: "a b".to_owned(),
        ..UpdateConversationRequest::default()
    };
    let named = fields(&client.update(everything).await.unwrap_err());
    assert_eq!(named, ["request_id", "conversation.name", "conversation.status", "update_mask"]);
    assert_eq!(
        fields(&client.update(UpdateConversationRequest::default()).await.unwrap_err()),
        ["conversation.name"]
    );
    let unknown = Conversation { name: "conversations/test:43".to_owned(), ..handled() };
    let unknown = UpdateConversationRequest { conversation: Some(unknown), ..update(handled(), &[]) };
    assert_not_found(&client.update(unknown).await.unwrap_err(), "conversation");
    assert_eq!(server.store.dump().await, before);
}

#[tokio::test]
async fn a_duplicate_tag_counts_once() {
    let (_server, client) = start().await;
    let tags = ["b", "a", "b", "c", "a"].map(str::to_owned).to_vec();
    let answer = client.update(update(Conversation { tags, ..Default::default() }, &[])).await.unwrap();
    assert_eq!(answer.tags, ["b", "a", "c"]);
}

#[tokio::test]
async fn every_unknown_field_of_a_mask_is_reported() {
    let (_server, client) = start().await;
    let status = client.update(update(handled(), &["external_id", "subject", "nope"])).await.unwrap_err();
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations.len(), 1);
    assert!(violations[0].description.ends_with(r#"names "external_id", "nope""#), "{violations:?}");
}

#[tokio::test]
async fn a_status_can_change_a_thousand_times_and_no_more() {
    let (server, client) = start().await;
    let of = |status: ConversationStatus| {
        update(Conversation { status: status.into(), ..Default::default() }, &[])
    };
    client.update(of(ConversationStatus::Open)).await.unwrap();
    let name = client.scored(NAME).await.name;
    let id = ConversationId(name.strip_prefix("conversations/").unwrap().parse().unwrap());
    let raw = server.store.get(vec![KEYS.head(id)]).await.unwrap().pop().flatten().unwrap();
    let mut head: Head = records::decode(&KEYS.head(id), &raw).unwrap();
    let change = head.conversation.handling.status_changes[0];
    head.conversation.handling.status_changes = vec![change; 999];
    let put = vec![(KEYS.head(id), records::encode(&head))];
    server.store.commit(Batch { put, ..Batch::default() }).await.unwrap();

    client.update(of(ConversationStatus::Closed)).await.unwrap();
    let status = client.update(of(ConversationStatus::Open)).await.unwrap_err();
    assert_eq!(fields(&status), ["conversation.status"]);
    let store = |status: ConversationStatus| StoreMessageRequest {
        parent: NAME.to_owned(),
        message: Some(Message { content: Some("Hello?".to_owned()), ..Message::default() }),
        status: status.into(),
        ..StoreMessageRequest::default()
    };
    let refused = client.store(store(ConversationStatus::Pending)).await.unwrap_err();
    assert_eq!(fields(&refused), ["status"]);
    // Storing the same status is still accepted.
    client.store(store(ConversationStatus::Closed)).await.unwrap();
    client.update(update(Conversation { priority: 1, ..Default::default() }, &[])).await.unwrap();
    let conversation = client.conversation(NAME).await.unwrap();
    assert_eq!(
        (conversation.status(), conversation.status_changes.len()),
        (ConversationStatus::Closed, 1000)
    );
}
