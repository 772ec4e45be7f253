//! `ExportConversations`: everything in one call.

use futures_util::StreamExt as _;
use plaudit::{
    domain::ConversationId,
    proto::v1::{
        AuthorKind, ConflictPolicy, ExportConversationsRequest, ExportConversationsResponse,
        ExportedAssessments, export_service_client::ExportServiceClient,
    },
    store::{
        Batch, Keyspace as _,
        records::{self, NextId},
    },
};
use prost::Message as _;
use tonic::{Code, Status};

use crate::harness::{
    Client, KEYS, Plaudit, fields,
    sample::{self, with_policy},
    soon,
};

async fn export(
    server: &Plaudit,
    after: &str,
    assessments: ExportedAssessments,
) -> Result<Vec<ExportConversationsResponse>, Status> {
    let mut client = ExportServiceClient::new(server.channel().await);
    let request = ExportConversationsRequest { after: after.to_owned(), assessments: assessments.into() };
    let responses = client.export_conversations(request).await?.into_inner();
    responses.collect::<Vec<_>>().await.into_iter().collect()
}

fn names(responses: &[ExportConversationsResponse]) -> Vec<&str> {
    let names = responses.iter().map(|it| it.conversation.as_ref().unwrap().name.as_str());
    names.collect()
}

async fn imported(client: &Client, tickets: std::ops::Range<usize>) -> Vec<String> {
    let mut names = Vec::new();
    for ticket in tickets {
        names.push(client.import(sample::import(&ticket.to_string())).await.unwrap().conversation);
    }
    names
}

fn number(name: &str) -> ConversationId {
    ConversationId(name.rsplit('/').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn every_conversation_comes_once_in_order_as_other_calls_return_it() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    // More than are read at once.
    let stored = imported(&client, 0..150).await;
    for name in &stored {
        client.scored(name).await;
    }
    client.delete(&stored[70]).await.unwrap();
    let kept: Vec<&str> = stored.iter().filter(|name| **name != stored[70]).map(String::as_str).collect();
    let all = export(&server, "", ExportedAssessments::WithFacts).await.unwrap();
    assert_eq!(names(&all), kept);
    for response in all.iter().step_by(30) {
        let conversation = response.conversation.clone().unwrap();
        let name = conversation.name.clone();
        assert_eq!(conversation, client.conversation(&name).await.unwrap());
        assert_eq!(response.messages, client.messages(&name, 1000).await);
        assert_eq!(response.assessments, client.assessments(&name, 1000).await);
        assert!(!response.assessments[0].facts.is_empty() && !response.continues && !response.continued);
    }
    let after = export(&server, &stored[69], ExportedAssessments::None).await.unwrap();
    assert_eq!(names(&after), kept[70..]);
    assert!(after.iter().all(|response| response.assessments.is_empty()));
    let plain = export(&server, &stored[148], ExportedAssessments::Unspecified).await.unwrap();
    assert!(!plain[0].assessments.is_empty() && plain[0].assessments.iter().all(|it| it.facts.is_empty()));
    assert_eq!(export(&server, &stored[149], ExportedAssessments::None).await.unwrap(), []);
    let wrong = export(&server, "conversations/test:1", ExportedAssessments::None).await.unwrap_err();
    assert_eq!(fields(&wrong), ["after"]);
    let mut client = ExportServiceClient::new(server.channel().await);
    let unknown = ExportConversationsRequest { assessments: 9, ..Default::default() };
    assert_eq!(fields(&client.export_conversations(unknown).await.unwrap_err()), ["assessments"]);
}

#[tokio::test]
async fn a_long_conversation_comes_in_parts_that_every_client_takes() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut messages = sample::messages(0, 60);
    for message in &mut messages {
        message.content = Some("x".repeat(60_000));
    }
    client.import(sample::import_of("long", messages)).await.unwrap();
    let mut messages = sample::messages(60, 40);
    for message in &mut messages {
        message.content = Some("y".repeat(100_000));
    }
    let more = with_policy(sample::import_of("long", messages), ConflictPolicy::Append);
    let long = client.import(more).await.unwrap().conversation;
    let next = client.import(sample::import("next")).await.unwrap().conversation;
    let all = export(&server, "", ExportedAssessments::None).await.unwrap();
    let (last, parts) = all.split_last().unwrap();
    assert_eq!(names(std::slice::from_ref(last)), [&next]);
    assert!(parts.len() >= 3 && parts.iter().all(|part| part.encoded_len() < 3 << 20));
    let places: Vec<_> = parts.iter().map(|part| (part.continues, part.continued)).collect();
    let mut expected = vec![(true, true); parts.len()];
    expected[0].0 = false;
    expected[parts.len() - 1].1 = false;
    assert_eq!(places, expected);
    let sent: Vec<_> = parts.iter().flat_map(|part| part.messages.clone()).collect();
    let ids: Vec<_> = sent.iter().map(|message| message.external_id.clone()).collect();
    let all: Vec<_> = sample::messages(0, 100).into_iter().map(|message| message.external_id).collect();
    assert_eq!(ids, all);
    assert!(parts.iter().all(|part| part.conversation.as_ref().unwrap().name == long));
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_the_rest_goes_on() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let stored = imported(&client, 0..4).await;
    for name in &stored {
        client.scored(name).await;
    }
    let damage = records::encode(&NextId { id: 1 });
    let rating = KEYS.rating(number(&stored[2]), plaudit::domain::RatingId(7));
    // Of the newest, because the end of the export is read from it.
    let put = vec![(KEYS.head(number(&stored[3])), damage.clone()), (rating, damage)];
    server.store.commit(Batch { put, ..Batch::default() }).await.unwrap();
    let all = export(&server, "", ExportedAssessments::None).await.unwrap();
    assert_eq!(names(&all), stored);
    let failed: Vec<bool> = all.iter().map(|response| !response.failure.is_empty()).collect();
    assert_eq!(failed, [false, false, false, true]);
    // Of a conversation that can be read, what cannot is named.
    assert_eq!((all[2].missing.as_slice(), all[2].ratings.len()), (["ratings".to_owned()].as_slice(), 0));
    assert_eq!(all[2].messages.len(), 4);
    assert!(all[3].messages.is_empty());
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_an_export_to_be_read() {
    let mut server = Plaudit::start().await;
    let client = server.client().await;
    let text = "x".repeat(250 * 1024);
    let mut last = String::new();
    for ticket in 0..12 {
        let message = |place| sample::message(place, AuthorKind::Contact, &text);
        let import = sample::import_of(&ticket.to_string(), (0..8).map(message).collect());
        let stored = client.import(import).await.unwrap().conversation;
        last = stored;
    }
    let mut client = ExportServiceClient::new(server.channel().await);
    let request = ExportConversationsRequest::default();
    let mut responses = client.export_conversations(request).await.unwrap().into_inner();
    let mut read = vec![responses.message().await.unwrap().unwrap()];
    server.begin_stop();
    let status = loop {
        match soon("the next response", responses.message()).await {
            Ok(Some(response)) => read.push(response),
            Ok(None) => panic!("the whole export was sent"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_ne!(names(&read).last(), Some(&&*last));
    // What is missing comes after what has arrived.
    let server = server.restart().await;
    let after = names(&read).last().copied().unwrap().to_owned();
    let rest = export(&server, &after, ExportedAssessments::None).await.unwrap();
    assert_eq!(names(&rest).last(), Some(&&*last));
}
