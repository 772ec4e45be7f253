//! Lists as callers see them: when a conversation appears, tokens, size limits and invalid input.

use plaudit::{
    domain::ConversationId,
    proto::v1::{
        AssessmentFilter, AssessmentState, AssessmentTime, Author, AuthorKind, Channel, Conversation,
        ConversationFilter, ConversationStatus, ConversationTime, ListAssessmentsRequest,
        ListConversationsRequest, ScoringProcess, ScoringState, StoreMessageRequest, UnitKind,
        UpdateConversationRequest,
    },
    store::{Batch, Keyspace as _, listing, records},
};
use prost_types::Timestamp;

use crate::{
    harness::{Client, KEYS, Plaudit, assert_not_found, fields, put, sample, soon},
    store_message::{store, words},
};

fn request(filter: ConversationFilter) -> ListConversationsRequest {
    ListConversationsRequest { filter: Some(filter), ..ListConversationsRequest::default() }
}

/// Everything that matches a filter, in pages of a given size.
pub(super) async fn list(
    client: &Client,
    filter: Option<ConversationFilter>,
    page_size: i32,
) -> Vec<Conversation> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let filter = filter.clone();
        let request =
            ListConversationsRequest { filter, page_size, page_token, ..ListConversationsRequest::default() };
        let page = client.list_conversations(request).await.unwrap();
        all.extend(page.conversations);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

pub(super) async fn names(client: &Client, filter: ConversationFilter) -> Vec<String> {
    list(client, Some(filter), 0).await.into_iter().map(|conversation| conversation.name).collect()
}

async fn assessments(client: &Client, parent: &str, filter: AssessmentFilter) -> Vec<String> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListAssessmentsRequest {
            parent: parent.to_owned(),
            page_size: 3,
            page_token,
            filter: Some(filter.clone()),
        };
        let page = client.find_assessments(request).await.unwrap();
        all.extend(page.assessments.into_iter().map(|assessment| assessment.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

/// Three scored conversations with different properties; returns their names, oldest first.
async fn three(server: &Plaudit, client: &Client) -> [String; 3] {
    let mut imported = Vec::new();
    for external_id in ["a", "b", "c"] {
        server.clock.advance_millis(60_000);
        let mut request = sample::import(external_id);
        if external_id == "c" {
            request.conversation.as_mut().unwrap().source = "other".to_owned();
            request.messages[1].author.as_mut().unwrap().external_id = Some("t2".to_owned());
        }
        let name = client.import(request).await.unwrap().conversation;
        client.scored(&name).await;
        imported.push(name);
    }
    let names: [String; 3] = imported.try_into().unwrap();
    let said = Conversation {
        name: names[1].clone(),
        status: ConversationStatus::Closed.into(),
        channel: Channel::Email.into(),
        assignee: Some(Author {
            kind: AuthorKind::Teammate.into(),
            name: Some("Only a name".to_owned()),
            external_id: None,
        }),
        tags: vec!["vip".to_owned(), "late".to_owned()],
        ..Conversation::default()
    };
    client
        .update(UpdateConversationRequest { conversation: Some(said), ..Default::default() })
        .await
        .unwrap();
    client.scored(&names[1]).await;
    names
}

#[tokio::test]
async fn each_filter_finds_its_matches_newest_first() {
    let (server, client) = start().await;
    let [a, b, c] = three(&server, &client).await;
    mark_rated(&server, &a).await;
    let all = ConversationFilter::default;
    let stored = || ConversationFilter { time: ConversationTime::Stored.into(), ..all() };
    let at =
        |minute: i64| Some(Timestamp { seconds: Plaudit::START.millis() / 1000 + 60 * minute, nanos: 0 });
    let text = |text: &str| text.to_owned();
    let score =
        client.assessments(&a, 50).await.into_iter().find_map(|assessment| assessment.axis).unwrap().score;
    for (filter, expected) in [
        (all(), vec![&c, &b, &a]),
        (ConversationFilter { source: text("test"), ..all() }, vec![&b, &a]),
        (ConversationFilter { source: text("tes"), ..all() }, vec![]),
        (ConversationFilter { status: ConversationStatus::Closed.into(), ..all() }, vec![&b]),
        (ConversationFilter { status: ConversationStatus::Open.into(), ..all() }, vec![]),
        (ConversationFilter { channel: Channel::Email.into(), ..all() }, vec![&b]),
        (ConversationFilter { agent: text("t1"), ..all() }, vec![&c, &b, &a]),
        (ConversationFilter { agent: text("t2"), ..all() }, vec![&c]),
        (ConversationFilter { agent: text("Only a name"), ..all() }, vec![&b]),
        (ConversationFilter { agent: text("c1"), ..all() }, vec![]),
        (ConversationFilter { tags: vec![text("late"), text("vip")], ..all() }, vec![&b]),
        (ConversationFilter { tags: vec![text("late"), text("none")], ..all() }, vec![]),
        (ConversationFilter { start_time: at(2), ..stored() }, vec![&c, &b]),
        (ConversationFilter { end_time: at(2), ..stored() }, vec![&a]),
        (ConversationFilter { start_time: at(2), end_time: at(3), ..stored() }, vec![&b]),
        // They were held a month before they were stored.
        (ConversationFilter { end_time: at(0), ..all() }, vec![&c, &b, &a]),
        (ConversationFilter { start_time: at(0), ..all() }, vec![]),
        (ConversationFilter { rated: Some(true), ..all() }, vec![&a]),
        (ConversationFilter { rated: Some(false), source: text("test"), ..all() }, vec![&b]),
        (ConversationFilter { min_score: Some(score), source: text("test"), ..all() }, vec![&b, &a]),
        (
            ConversationFilter {
                max_score: Some(score),
                min_score: Some(score),
                agent: text("t1"),
                end_time: at(2),
                ..stored()
            },
            vec![&a],
        ),
        (ConversationFilter { max_score: Some(score - 0.1), end_time: at(3), ..stored() }, vec![]),
    ] {
        let expected: Vec<String> = expected.into_iter().cloned().collect();
        assert_eq!(names(&client, filter.clone()).await, expected, "{filter:?}");
    }
    // An item equals the result of GetConversation.
    for filter in [None, Some(ConversationFilter { agent: text("t1"), ..all() })] {
        let items = list(&client, filter, 1).await;
        assert!(items.len() > 1, "{items:?}");
        for item in items {
            assert_eq!(client.conversation(&item.name).await.unwrap(), item);
        }
    }
}

pub(super) async fn start() -> (Plaudit, Client) {
    let server = Plaudit::start().await;
    let client = server.client().await;
    (server, client)
}

/// As an answer to a rating would.
async fn mark_rated(server: &Plaudit, name: &str) {
    let id = ConversationId(name.strip_prefix("conversations/").unwrap().parse().unwrap());
    let key = KEYS.listing(id);
    let raw = server.store.get(vec![key.clone()]).await.unwrap().pop().flatten().unwrap();
    let read: plaudit::domain::Listing = records::decode(&key, &raw).unwrap();
    let rated = plaudit::domain::Listing { is_rated: true, ..read.clone() };
    put(&server.store, |decision| {
        decision.expect(key, Some(raw));
        listing::put(decision, id, Some(&read), &rated);
    })
    .await;
}

#[tokio::test]
async fn assessments_of_all_conversations_are_listed_newest_first_by_filter() {
    let (server, client) = start().await;
    let [a, b, c] = three(&server, &client).await;
    let mut stored = Vec::new();
    for name in [&a, &b, &c] {
        stored.extend(client.assessments(name, 50).await);
    }
    stored.reverse();
    let named = |keep: &dyn Fn(&plaudit::proto::v1::Assessment) -> bool| -> Vec<String> {
        stored
            .iter()
            .filter(|assessment| keep(assessment))
            .map(|assessment| assessment.name.clone())
            .collect()
    };
    let all = AssessmentFilter::default;
    let at =
        |minute: i64| Some(Timestamp { seconds: Plaudit::START.millis() / 1000 + 60 * minute, nanos: 0 });
    let every = "conversations/-";
    assert_eq!(assessments(&client, every, all()).await, named(&|_| true));
    let axis = AssessmentFilter { scorecard: "scorecards/axis".to_owned(), ..all() };
    assert_eq!(
        assessments(&client, every, axis.clone()).await,
        named(&|it| it.unit() == UnitKind::Conversation)
    );
    let revision = AssessmentFilter { scorecard: "scorecards/axis/revisions/9".to_owned(), ..all() };
    assert_eq!(assessments(&client, every, revision).await, named(&|_| false));
    let assessee = AssessmentFilter { assessee: "t2".to_owned(), ..all() };
    let of_t2 = |it: &plaudit::proto::v1::Assessment| {
        it.assessee.as_ref().is_some_and(|author| author.external_id.as_deref() == Some("t2"))
    };
    assert_eq!(assessments(&client, every, assessee).await, named(&of_t2));
    assert!(!named(&of_t2).is_empty());
    let later =
        AssessmentFilter { start_time: at(2), end_time: at(3), time: AssessmentTime::Scored.into(), ..all() };
    assert_eq!(assessments(&client, every, later).await, named(&|it| it.name.starts_with(&b)));
    let low = AssessmentFilter { max_percentage: Some(70.0), ..all() };
    assert_eq!(assessments(&client, every, low).await, named(&|it| it.totals.unwrap().percentage <= 70.0));
    let ready = AssessmentFilter { state: AssessmentState::AiReady.into(), ..all() };
    assert_eq!(assessments(&client, every, ready.clone()).await, named(&|_| true));
    // For one conversation with the same filters, ascending.
    let mut of_a = named(&|it| it.name.starts_with(&a));
    of_a.reverse();
    assert_eq!(assessments(&client, &a, ready).await, of_a);
    assert_eq!(assessments(&client, "conversations/test:a", axis).await, of_a[..1]);
}

#[tokio::test]
async fn a_conversation_is_listed_at_once_with_and_without_a_filter() {
    let (server, client) = start().await;
    let gate = server.store.hold(|batch| batch.put.iter().any(|(key, _)| key[0] == 0x20));
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    gate.arrived().await;
    let all = list(&client, None, 0).await;
    assert_eq!(all, [client.conversation(&name).await.unwrap()]);
    assert_eq!(all[0].scoring.as_ref().unwrap().state(), ScoringState::Pending);
    let by_source = ConversationFilter { source: "test".to_owned(), ..Default::default() };
    assert_eq!(names(&client, by_source.clone()).await, [name.as_str()]);
    gate.open();
    client.scored(&name).await;
    assert_eq!(names(&client, by_source).await, [name]);
}

#[tokio::test]
async fn a_conversation_whose_scoring_failed_is_listed_as_such() {
    let (server, client) = start().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    client.scored(&name).await;
    // Its index is damaged, so every further scoring fails.
    let id = ConversationId(name.strip_prefix("conversations/").unwrap().parse().unwrap());
    let damaged = (KEYS.assessment_index(id), bytes::Bytes::from_static(b"\xffdamaged"));
    server.store.commit(Batch { put: vec![damaged], ..Batch::default() }).await.unwrap();
    let subject = Conversation { name: name.clone(), subject: Some("New".to_owned()), ..Default::default() };
    client
        .update(UpdateConversationRequest { conversation: Some(subject), ..Default::default() })
        .await
        .unwrap();
    let failed = soon("the last attempt", async {
        for attempt in 0.. {
            server.clock.advance_millis(600_000);
            // Scored before the next one comes: a queue that grows faster than it is worked off would never get there.
            let waker =
                client.import(sample::import(&format!("wakes {attempt}"))).await.unwrap().conversation;
            client.scored(&waker).await;
            let found = client.conversation(&name).await.unwrap();
            if found.scoring.as_ref().unwrap().state() == ScoringState::Failed {
                return Some(found);
            }
        }
        None
    })
    .await
    .unwrap();
    let of_the_first_moment = ConversationFilter {
        end_time: Some(Timestamp { seconds: Plaudit::START.millis() / 1000 + 1, nanos: 0 }),
        time: ConversationTime::Stored.into(),
        ..Default::default()
    };
    assert_eq!(list(&client, Some(of_the_first_moment.clone()), 0).await, std::slice::from_ref(&failed));
    assert_eq!(list(&client, None, 0).await.last(), Some(&failed));

    // A message that asks for no scoring changes nothing about it, whoever is asked.
    let request =
        StoreMessageRequest { process: ScoringProcess::Off.into(), ..store(&name, words("Hello?")) };
    let stored = client.store(request).await.unwrap().conversation.unwrap();
    assert_eq!(stored.scoring, failed.scoring);
    assert_eq!(client.conversation(&name).await.unwrap(), stored);
    assert_eq!(list(&client, Some(of_the_first_moment), 0).await, std::slice::from_ref(&stored));
    assert_eq!(list(&client, None, 0).await.last(), Some(&stored));
}

#[tokio::test]
async fn a_token_is_valid_only_for_its_list() {
    let (server, client) = start().await;
    let [a, ..] = three(&server, &client).await;
    let page = |filter: Option<ConversationFilter>, token: &str, page_size| ListConversationsRequest {
        filter,
        page_size,
        page_token: token.to_owned(),
        show_deleted: false,
    };
    let by_source = ConversationFilter { source: "test".to_owned(), ..Default::default() };
    let token = client.list_conversations(page(None, "", 1)).await.unwrap().next_page_token;
    let filtered =
        client.list_conversations(page(Some(by_source.clone()), "", 1)).await.unwrap().next_page_token;
    for (filter, token) in [
        (Some(by_source.clone()), token.as_str()),
        (None, filtered.as_str()),
        (Some(ConversationFilter { rated: Some(false), ..by_source.clone() }), filtered.as_str()),
        (None, "x"),
        (None, "000000000000000000000000"),
    ] {
        let status = client.list_conversations(page(filter, token, 1)).await.unwrap_err();
        assert_eq!(fields(&status), ["page_token"]);
    }
    // An empty filter equals none, the page size may change, and tags may come in any order.
    client.list_conversations(page(Some(ConversationFilter::default()), &token, 7)).await.unwrap();
    let tags =
        |tags: [&str; 2]| ConversationFilter { tags: tags.map(str::to_owned).to_vec(), ..Default::default() };
    let some = client.list_conversations(page(Some(tags(["late", "vip"])), "", 1)).await.unwrap();
    if !some.next_page_token.is_empty() {
        client.list_conversations(page(Some(tags(["vip", "late"])), &some.next_page_token, 1)).await.unwrap();
    }
    let of = |parent: &str, token: &str| ListAssessmentsRequest {
        parent: parent.to_owned(),
        page_size: 1,
        page_token: token.to_owned(),
        filter: None,
    };
    let every = client.find_assessments(of("conversations/-", "")).await.unwrap().next_page_token;
    let one = client.find_assessments(of(&a, "")).await.unwrap().next_page_token;
    for (parent, token) in [(a.as_str(), &every), ("conversations/-", &one), ("conversations/test:b", &one)] {
        assert_eq!(fields(&client.find_assessments(of(parent, token)).await.unwrap_err()), ["page_token"]);
    }
    client.find_assessments(of("conversations/test:a", &one)).await.unwrap();
}

#[tokio::test]
async fn all_violations_of_a_list_request_are_reported_at_once() {
    let (_server, client) = start().await;
    let time = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let long = "x".repeat(513);
    let all = ConversationFilter::default;
    for (filter, expected) in [
        (ConversationFilter { source: long.clone(), ..all() }, vec!["source"]),
        (ConversationFilter { status: 4, ..all() }, vec!["status"]),
        (ConversationFilter { channel: -1, ..all() }, vec!["channel"]),
        (ConversationFilter { time: 9, ..all() }, vec!["time"]),
        (ConversationFilter { agent: long.clone(), ..all() }, vec!["agent"]),
        (ConversationFilter { tags: vec![String::new(), long.clone()], ..all() }, vec!["tags[0]", "tags[1]"]),
        (ConversationFilter { tags: vec!["a".to_owned(); 11], ..all() }, vec!["tags"]),
        (ConversationFilter { start_time: time(2), end_time: time(2), ..all() }, vec!["end_time"]),
        (
            ConversationFilter { start_time: Some(Timestamp { seconds: 1, nanos: -1 }), ..all() },
            vec!["start_time"],
        ),
        (ConversationFilter { min_score: Some(0.9), ..all() }, vec!["min_score"]),
        (ConversationFilter { max_score: Some(f64::NAN), ..all() }, vec!["max_score"]),
        (ConversationFilter { min_score: Some(4.0), max_score: Some(3.0), ..all() }, vec!["max_score"]),
        (
            ConversationFilter { min_score: Some(0.5), max_score: Some(9.0), ..all() },
            vec!["min_score", "max_score"],
        ),
    ] {
        let expected: Vec<_> = expected.iter().map(|field| format!("filter.{field}")).collect();
        assert_eq!(fields(&client.list_conversations(request(filter)).await.unwrap_err()), expected);
    }
    let everything = ListConversationsRequest {
        filter: Some(ConversationFilter { status: 9, ..all() }),
        page_size: -1,
        page_token: "x".to_owned(),
        show_deleted: true,
    };
    let named = fields(&client.list_conversations(everything).await.unwrap_err());
    assert_eq!(named, ["page_size", "filter.status", "page_token"]);
    for time in [i64::MIN, -1, 0, 1, i64::MAX] {
        let start = ConversationFilter { start_time: Some(Timestamp { seconds: time, nanos: 0 }), ..all() };
        client.list_conversations(request(start)).await.unwrap();
        let end = ConversationFilter { end_time: Some(Timestamp { seconds: time, nanos: 0 }), ..all() };
        client.list_conversations(request(end)).await.unwrap();
    }

    let all = AssessmentFilter::default;
    for (filter, expected) in [
        (AssessmentFilter { state: 9, ..all() }, "state"),
        (AssessmentFilter { time: 9, ..all() }, "time"),
        (AssessmentFilter { state: AssessmentState::AiInProgress.into(), ..all() }, "state"),
        (AssessmentFilter { scorecard: "axis".to_owned(), ..all() }, "scorecard"),
        (AssessmentFilter { assessee: long, ..all() }, "assessee"),
        (AssessmentFilter { start_time: time(3), end_time: time(2), ..all() }, "end_time"),
        (AssessmentFilter { min_percentage: Some(-0.1), ..all() }, "min_percentage"),
        (AssessmentFilter { max_percentage: Some(100.1), ..all() }, "max_percentage"),
        (
            AssessmentFilter { min_percentage: Some(-1.0), max_percentage: Some(100.1), ..all() },
            "min_percentage filter.max_percentage",
        ),
    ] {
        let parent = "conversations/-".to_owned();
        let request = ListAssessmentsRequest { parent, filter: Some(filter), ..Default::default() };
        let status = client.find_assessments(request).await.unwrap_err();
        assert_eq!(fields(&status).join(" "), format!("filter.{expected}"));
    }
    let unknown =
        ListAssessmentsRequest { parent: "conversations/test:none".to_owned(), ..Default::default() };
    assert_not_found(&client.find_assessments(unknown).await.unwrap_err(), "conversation");
}

#[tokio::test]
async fn pages_are_limited_by_bytes_and_lose_nothing() {
    let (_server, client) = start().await;
    let mut expected = Vec::new();
    for place in 0..900 {
        let mut request = sample::import_of(&place.to_string(), sample::messages(0, 1));
        request.conversation.as_mut().unwrap().subject = Some("s".repeat(4000));
        expected.push(client.import(request).await.unwrap().conversation);
    }
    for name in &expected {
        client.scored(name).await;
    }
    expected.reverse();
    let by_source = ConversationFilter { source: "test".to_owned(), ..Default::default() };
    for filter in [None, Some(by_source)] {
        let listed = list(&client, filter.clone(), 1000).await;
        assert!(
            listed.into_iter().map(|conversation| conversation.name).eq(expected.iter().cloned()),
            "{filter:?}"
        );
    }
}
