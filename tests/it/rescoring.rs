//! What rescoring a conversation changes, and what it leaves alone.

use plaudit::{
    proto::v1::{Assessment, AuthorKind, ConflictPolicy, Message, StoreMessageRequest, UnitKind},
    service::Settings,
};
use prost_types::Timestamp;

use crate::harness::{
    Plaudit, fields,
    sample::{self, with_policy},
};

/// A message by one of several agents, an hour after the previous one.
fn of_agent(place: usize, agent: &str) -> Message {
    let mut message =
        sample::message(place, AuthorKind::Teammate, "I have checked your order, it will come tomorrow.");
    if let Some(author) = &mut message.author {
        author.external_id = Some(agent.to_owned());
    }
    message.create_time = Some(Timestamp { seconds: sample::BEGIN_SECONDS + 3600 * place as i64, nanos: 0 });
    message
}

fn worklogs(assessments: &[Assessment]) -> Vec<&Assessment> {
    assessments.iter().filter(|assessment| assessment.unit() == UnitKind::Worklog).collect()
}

#[tokio::test]
async fn an_append_leaves_the_assessments_of_earlier_worklogs_unchanged() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let agents = ["a", "b", "a"];
    let messages: Vec<_> = agents.iter().enumerate().map(|(place, agent)| of_agent(place, agent)).collect();
    let name = client.import(sample::import_of("7", messages)).await.unwrap().conversation;
    client.scored(&name).await;
    let before = client.assessments(&name, 50).await;
    assert_eq!(worklogs(&before).len(), 3);

    server.clock.advance_millis(60_000);
    let append = with_policy(sample::import_of("7", vec![of_agent(3, "c")]), ConflictPolicy::Append);
    client.import(append).await.unwrap();
    client.scored(&name).await;
    let after = client.assessments(&name, 50).await;
    assert_eq!(worklogs(&after).len(), 4);
    // The third is now followed by another agent, which its facts may reflect.
    assert_eq!(worklogs(&after)[..2], worklogs(&before)[..2]);
}

#[tokio::test]
async fn worklogs_that_are_split_differently_leave_nothing_behind() {
    let hourly = Settings { worklog_idle_hours: 1, ..Settings::default() };
    let server = Plaudit::start_with(hourly).await;
    let client = server.client().await;
    let messages: Vec<_> = (0..4).map(|place| of_agent(place, "a")).collect();
    let name = client.import(sample::import_of("7", messages)).await.unwrap().conversation;
    client.scored(&name).await;
    assert_eq!(worklogs(&client.assessments(&name, 50).await).len(), 4);

    let server = server.restart_with(Settings::default()).await;
    let client = server.client().await;
    let append = with_policy(sample::import_of("7", vec![of_agent(4, "a")]), ConflictPolicy::Append);
    client.import(append).await.unwrap();
    client.scored(&name).await;
    let after = client.assessments(&name, 50).await;
    assert_eq!(worklogs(&after).len(), 1, "{after:#?}");
    assert_eq!(after.len(), 2);
}

#[tokio::test]
async fn a_conversation_grows_to_20000_messages_and_no_further() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    for page in 0..10 {
        let import = sample::import_of("7", sample::messages(page * 2000, 2000));
        client.import(with_policy(import, ConflictPolicy::Append)).await.unwrap();
    }
    let one_more = with_policy(sample::import_of("7", sample::messages(20_000, 1)), ConflictPolicy::Append);
    let refused = client.import(one_more).await.unwrap_err();
    assert_eq!(fields(&refused), ["messages"]);
    assert!(
        refused.message().contains("20000") && refused.message().contains("20001"),
        "{}",
        refused.message()
    );
    let name = "conversations/test:7";
    let stored = StoreMessageRequest {
        parent: name.to_owned(),
        message: Some(Message::default()),
        ..StoreMessageRequest::default()
    };
    assert_eq!(fields(&client.store(stored).await.unwrap_err()), ["parent"]);
    assert_eq!(client.scored(name).await.message_count, 20_000);
    assert_eq!(client.assessments(name, 50).await.len(), 2);
}

#[tokio::test]
async fn many_concurrent_appends_to_one_conversation_all_arrive() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(sample::import_of("7", sample::messages(0, 1))).await.unwrap();
    let appends = (1..=64).map(|place| {
        let client = client.clone();
        tokio::spawn(async move {
            let append = sample::import_of("7", sample::messages(place, 1));
            client
                .import(with_policy(append, ConflictPolicy::Append))
                .await
                .map(|answer| answer.stored_messages)
        })
    });
    for append in appends.collect::<Vec<_>>() {
        assert_eq!(append.await.unwrap().unwrap(), 1);
    }
    assert_eq!(client.scored("conversations/test:7").await.message_count, 65);
}
