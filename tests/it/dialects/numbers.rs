//! In a source whose conversations callers know by number, an external id that reads as a number of ours is
//! unreachable.

use plaudit::{
    proto::v1::{Message, StoreMessageRequest},
    service::Settings,
};
use serde_json::json;

use super::{posted, transcript};
use crate::harness::{Plaudit, fields, sample};

const REFUSED: [&str; 5] = [
    "5000000000000001",
    "9007199254740992",
    "9007199254740993",
    "18446744073709551616",
    "99999999999999999999",
];
const TAKEN: [&str; 4] = ["5000000000000000", "05000000000000001", "5000000000000001a", "+5000000000000001"];

#[tokio::test]
async fn importing_one_is_400_in_numeric_sources_and_accepted_elsewhere() {
    let server = Plaudit::start().await;
    let agent = json!({ "type": "teammate", "external_id": "23" });
    for source in ["enneo", "dixa"] {
        for id in REFUSED {
            let refused = posted(&server, "/v1/assess", &transcript(source, id, &agent), 400).await;
            assert_eq!(refused["error"]["fields"].as_array().map(Vec::len), Some(1), "{refused}");
            assert_eq!(refused["error"]["fields"][0]["path"], "ticket_id", "{source} {id}");
        }
        for id in TAKEN {
            posted(&server, "/v1/assess", &transcript(source, id, &agent), 202).await;
        }
    }
    for id in REFUSED {
        posted(&server, "/v1/assess", &transcript("zendesk", id, &agent), 202).await;
    }
    // It is reported together with everything else that is wrong.
    let mut wrong = transcript("enneo", REFUSED[0], &agent);
    wrong["messages"][0]["kind"] = json!("letter");
    let refused = posted(&server, "/v1/assess", &wrong, 400).await;
    assert_eq!(refused["error"]["fields"].as_array().map(Vec::len), Some(2), "{refused}");
}

#[tokio::test]
async fn the_grpc_edge_names_the_field() {
    let settings = Settings { enneo_source: "helpdesk", ..Settings::default() };
    let server = Plaudit::start_with(settings).await;
    let client = server.client().await;
    let import = |source: &str, id: &str| {
        let mut request = sample::import(id);
        request.conversation.as_mut().expect("it has one").source = source.to_owned();
        request
    };
    let store = |source: &str, id: &str| StoreMessageRequest {
        parent: format!("conversations/{source}:{id}"),
        message: Some(Message { content: Some("Hello".to_owned()), ..Message::default() }),
        ..StoreMessageRequest::default()
    };
    for id in REFUSED {
        for source in ["helpdesk", "dixa"] {
            let status = client.import(import(source, id)).await.unwrap_err();
            assert_eq!(fields(&status), ["conversation.external_id"], "{source} {id}");
            let status = client.store(store(source, id)).await.unwrap_err();
            assert_eq!(fields(&status), ["parent"], "{source} {id}");
        }
        // The setting determines which source it is.
        client.import(import("enneo", id)).await.unwrap();
        client.store(store("enneo", id)).await.unwrap();
    }
}
