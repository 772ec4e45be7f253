//! However tags are added to a conversation, it never has more than an import accepts.

use plaudit::proto::v1::{
    ConflictPolicy, Conversation, ImportConversationRequest, Message, StoreMessageRequest,
    UpdateConversationRequest,
};
use prost_types::FieldMask;
use serde_json::json;
use tempfile::TempDir;
use tonic::Status;

use super::run;
use crate::harness::{
    Client, ServerProcess, fields,
    sample::{self, with_policy},
};

fn tags(count: usize) -> Vec<String> {
    (0..count).map(|tag| format!("{tag:0>128}")).collect()
}

async fn store(client: &Client, id: &str, tags: &[String]) -> Result<(), Status> {
    let parent = format!("conversations/test:{id}");
    let request = StoreMessageRequest {
        parent,
        message: Some(Message::default()),
        tags: tags.to_vec(),
        ..Default::default()
    };
    client.store(request).await.map(drop)
}

async fn update(client: &Client, id: &str, tags: &[String]) -> Result<(), Status> {
    let conversation =
        Conversation { name: format!("conversations/test:{id}"), tags: tags.to_vec(), ..Default::default() };
    let request = UpdateConversationRequest {
        conversation: Some(conversation),
        update_mask: Some(FieldMask { paths: vec!["tags".to_owned()] }),
        ..Default::default()
    };
    client.update(request).await.map(drop)
}

fn import_of(id: &str, tags: &[String]) -> ImportConversationRequest {
    let mut request = sample::import(id);
    request.conversation.as_mut().unwrap().tags = tags.to_vec();
    request
}

async fn import(client: &Client, id: &str, tags: &[String]) -> Result<(), Status> {
    client.import(import_of(id, tags)).await.map(drop)
}

async fn append(client: &Client, id: &str, tags: &[String]) -> Result<(), Status> {
    let messages = sample::messages(4, 1);
    let request = ImportConversationRequest { messages, ..import_of(id, tags) };
    client.import(with_policy(request, ConflictPolicy::Append)).await.map(drop)
}

async fn tags_of(client: &Client, id: &str) -> Option<Vec<String>> {
    client.conversation(&format!("conversations/test:{id}")).await.ok().map(|found| found.tags)
}

#[tokio::test]
async fn a_conversation_filled_with_tags_by_any_call_is_exported_and_imported() {
    let here = ServerProcess::start();
    let client = Client::new(here.channel().await);
    let (most, more) = (tags(100), tags(101));

    // Each call is refused with one tag too many, writes nothing then, and accepts the maximum.
    assert_eq!(fields(&store(&client, "stored", &more).await.unwrap_err()), ["tags"]);
    assert_eq!(tags_of(&client, "stored").await, None);
    store(&client, "stored", &most).await.unwrap();
    assert_eq!(fields(&import(&client, "imported", &more).await.unwrap_err()), ["conversation.tags"]);
    assert_eq!(tags_of(&client, "imported").await, None);
    import(&client, "imported", &most).await.unwrap();
    import(&client, "updated", &tags(1)).await.unwrap();
    assert_eq!(fields(&update(&client, "updated", &more).await.unwrap_err()), ["conversation.tags"]);
    assert_eq!(tags_of(&client, "updated").await, Some(tags(1)));
    update(&client, "updated", &most).await.unwrap();
    // With many calls, each of which adds a few.
    for count in 1..=10 {
        store(&client, "by many", &most[count * 10 - 10..count * 10]).await.unwrap();
    }
    for id in ["by many", "imported", "updated"] {
        assert_eq!(fields(&store(&client, id, &more[100..]).await.unwrap_err()), ["tags"], "{id}");
        store(&client, id, &most[..1]).await.unwrap();
    }
    // The append is later by its message, so the tags are those that it says.
    import(&client, "appended", &tags(1)).await.unwrap();
    assert_eq!(fields(&append(&client, "appended", &more).await.unwrap_err()), ["conversation.tags"]);
    append(&client, "appended", &most).await.unwrap();
    assert_eq!(tags_of(&client, "appended").await.as_ref(), Some(&most));
    // The Enneo dialect has no tags; unknown fields are ignored.
    let body = json!({ "bodyPlain": "Hello", "tags": more });
    let answer = here.http().post("/ticket/42/conversation/store", body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());

    let folder = TempDir::new().unwrap();
    let (code, text) = run(folder.path(), &here, &["export", "a.jsonl"]);
    assert_eq!(code, Some(0), "{text}");
    let there = ServerProcess::start();
    let (code, text) = run(folder.path(), &there, &["import", "a.jsonl"]);
    assert!(code == Some(0) && text.contains(": 6 stored, 0 there already, 0 bad"), "{text}");
    let copy = Client::new(there.channel().await);
    for id in ["stored", "imported", "updated", "by many", "appended"] {
        let mut kept = tags_of(&copy, id).await.unwrap();
        assert_eq!(tags_of(&client, id).await.unwrap(), kept, "{id}");
        kept.sort_unstable();
        assert_eq!(kept, most, "{id}");
    }
}
