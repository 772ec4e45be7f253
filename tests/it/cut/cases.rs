//! Every call that changes something, on each edge.

use bytes::Bytes;
use plaudit::proto::v1::{
    Attachment, CancelRatingRequest, ConflictPolicy, Conversation, CreateTeamRequest,
    DeleteConversationRequest, DeleteMessageRequest, DeleteTeamRequest, ImportConversationRequest,
    ImportConversationsRequest, Message, OfferRatingRequest, Person, Rating, RatingAnswer, RatingQuestion,
    RatingType, ScoringProcess, StoreMessageRequest, SubmitRatingRequest, Team, UndeleteConversationRequest,
    UpdateConversationRequest, UpdateMessageRequest, UpdatePersonRequest, UpdateTeamRequest,
    directory_service_client::DirectoryServiceClient,
};
use prost::Message as _;
use prost_types::FieldMask;
use serde_json::json;

use super::twin::{State, Twin};
use crate::harness::{
    bulk_item,
    sample::{self, with_id, with_policy},
};

/// The existing things before a call, by name.
pub struct Names {
    conversation: String,
    deleted: String,
    /// Stored with scoring off.
    unscored: String,
    /// The same, and deleted.
    deleted_unscored: String,
    /// Scoring of it was given up.
    given_up: String,
    message: String,
    offered: String,
    to_cancel: String,
    team: String,
}

/// A request that can be sent any number of times.
pub enum Call {
    Rpc { path: String, messages: Vec<Bytes> },
    Post { path: String, key: String, body: String },
}

/// The result of the same request when it is resent without an id; each but the last has no further effect.
pub enum Again {
    /// The first answer.
    Same,
    /// Another answer, which says that it was already done.
    Told,
    /// An error that says so.
    Refused(&'static str),
    /// It is carried out again, which is what the id prevents.
    Further,
}

pub struct Case {
    /// The RPC or route.
    pub what: &'static str,
    pub again: Again,
    call: Rpc,
    post: Option<Post>,
}

/// Builds the messages of a call with an id.
type Rpc = fn(&Names, &str) -> Vec<Bytes>;
/// Builds the path and body of a POST.
type Post = fn(&Names) -> (String, serde_json::Value);

impl Case {
    /// The request with this id; empty means none.
    pub fn call(&self, names: &Names, id: &str) -> Call {
        match self.post {
            None => {
                Call::Rpc { path: format!("/plaudit.v1.{}", self.what), messages: (self.call)(names, id) }
            }
            Some(post) => {
                let (path, body) = post(names);
                Call::Post { path, key: id.to_owned(), body: body.to_string() }
            }
        }
    }
}

const fn rpc(what: &'static str, again: Again, call: Rpc) -> Case {
    Case { what, again, call, post: None }
}

const fn post(what: &'static str, again: Again, post: Post) -> Case {
    Case { what, again, call: |_, _| Vec::new(), post: Some(post) }
}

fn one(message: impl prost::Message) -> Vec<Bytes> {
    vec![message.encode_to_vec().into()]
}

pub const CASES: &[Case] = &[
    rpc("ImportService/ImportConversation", Again::Refused("DUPLICATE_IMPORT"), |_, id| {
        one(with_id(sample::import("new"), id))
    }),
    rpc("ImportService/ImportConversation", Again::Told, |_, id| one(with_id(newer(), id))),
    rpc("ImportService/ImportConversations", Again::Told, bulk),
    rpc("ConversationService/StoreMessage", Again::Same, store_message),
    rpc("ConversationService/UpdateMessage", Again::Same, |names, id| {
        let message = Message { name: names.message.clone(), content: text("Changed"), ..Message::default() };
        let (message, update_mask) = (Some(message), mask("content"));
        one(UpdateMessageRequest { message, update_mask, request_id: id.to_owned() })
    }),
    rpc("ConversationService/DeleteMessage", Again::Refused("RESOURCE_NOT_FOUND"), |names, id| {
        let name = names.message.clone();
        one(DeleteMessageRequest { name, request_id: id.to_owned(), ..DeleteMessageRequest::default() })
    }),
    rpc("ConversationService/UpdateConversation", Again::Same, |names, id| {
        let conversation = Conversation {
            name: names.conversation.clone(),
            status: 3,
            team: text("a"),
            ..Default::default()
        };
        let (conversation, update_mask) = (Some(conversation), None);
        one(UpdateConversationRequest {
            conversation,
            update_mask,
            request_id: id.to_owned(),
            ..Default::default()
        })
    }),
    rpc("ConversationService/DeleteConversation", Again::Refused("RESOURCE_NOT_FOUND"), |names, id| {
        let (name, etag) = (names.conversation.clone(), String::new());
        one(DeleteConversationRequest { name, etag, request_id: id.to_owned() })
    }),
    rpc("ConversationService/DeleteConversation", Again::Refused("RESOURCE_NOT_FOUND"), |names, id| {
        let (name, etag) = (names.unscored.clone(), String::new());
        one(DeleteConversationRequest { name, etag, request_id: id.to_owned() })
    }),
    rpc("ConversationService/DeleteConversation", Again::Refused("RESOURCE_NOT_FOUND"), |names, id| {
        let (name, etag) = (names.given_up.clone(), String::new());
        one(DeleteConversationRequest { name, etag, request_id: id.to_owned() })
    }),
    rpc("ConversationService/UpdateConversation", Again::Same, |names, id| {
        let conversation =
            Conversation { name: names.given_up.clone(), team: text("a"), ..Default::default() };
        let (conversation, update_mask) = (Some(conversation), None);
        one(UpdateConversationRequest {
            conversation,
            update_mask,
            request_id: id.to_owned(),
            ..Default::default()
        })
    }),
    rpc("ConversationService/StoreMessage", Again::Same, |names, id| {
        one(store_unscored(&names.given_up, "off", id))
    }),
    rpc("ConversationService/StoreMessage", Again::Same, |names, id| {
        one(store_unscored(&names.unscored, "off", id))
    }),
    rpc("ConversationService/StoreMessage", Again::Same, |names, id| {
        one(store_unscored(&names.conversation, "off", id))
    }),
    rpc("ConversationService/UndeleteConversation", Again::Refused("NOT_DELETED"), |names, id| {
        let name = names.deleted_unscored.clone();
        one(UndeleteConversationRequest { name, request_id: id.to_owned() })
    }),
    rpc("ConversationService/UndeleteConversation", Again::Refused("NOT_DELETED"), |names, id| {
        one(UndeleteConversationRequest { name: names.deleted.clone(), request_id: id.to_owned() })
    }),
    rpc("RatingService/OfferRating", Again::Further, |names, id| {
        one(OfferRatingRequest { request_id: id.to_owned(), ..offer(&names.conversation) })
    }),
    rpc("RatingService/SubmitRating", Again::Refused("RATING_CLOSED"), |names, id| {
        let answers = vec![RatingAnswer { value: Some(4), ..RatingAnswer::default() }];
        let (name, opt_out) = (names.offered.clone(), Some(true));
        one(SubmitRatingRequest { name, answers, opt_out, request_id: id.to_owned() })
    }),
    rpc("RatingService/CancelRating", Again::Same, |names, id| {
        one(CancelRatingRequest { name: names.to_cancel.clone(), request_id: id.to_owned() })
    }),
    rpc("DirectoryService/UpdatePerson", Again::Same, |names, id| {
        let teams = vec![names.team.clone()];
        let person = Person { name: "people/test:teammate:t9".to_owned(), teams, ..Person::default() };
        let (person, update_mask, allow_missing) = (Some(person), None, true);
        one(UpdatePersonRequest { person, update_mask, allow_missing, request_id: id.to_owned() })
    }),
    rpc("DirectoryService/CreateTeam", Again::Refused("TEAM_EXISTS"), |_, id| {
        one(CreateTeamRequest { team: Some(team("", "new")), request_id: id.to_owned() })
    }),
    rpc("DirectoryService/UpdateTeam", Again::Same, |names, id| {
        let team = Some(Team { description: "Nights".to_owned(), ..team(&names.team, "night") });
        one(UpdateTeamRequest { team, request_id: id.to_owned(), ..UpdateTeamRequest::default() })
    }),
    rpc("DirectoryService/DeleteTeam", Again::Refused("RESOURCE_NOT_FOUND"), |names, id| {
        let (name, etag) = (names.team.clone(), String::new());
        one(DeleteTeamRequest { name, etag, request_id: id.to_owned() })
    }),
    post("/v1/assess", Again::Refused("409"), |_| {
        let author = json!({ "type": "contact", "name": "Ada" });
        let message = json!({ "external_id": "m1", "kind": "message", "content": "Hello?", "author": author, "timestamp": 1 });
        ("/v1/assess".to_owned(), json!({ "ticket_id": "new", "messages": [message] }))
    }),
    post("/api/mind/ticket/{id}/conversation/store", Again::Same, |names| {
        (format!("/api/mind{}", store_path(names)), stored("tracked"))
    }),
    post("/ticket/{id}/conversation/store", Again::Same, |names| (store_path(names), stored("tracked"))),
    post("/beta/conversations/{id}/ratings/offer", Again::Further, |names| {
        (format!("/beta{}/offer", ratings_path(names)), json!({ "ratingType": "Csat" }))
    }),
    post("/v1/conversations/{id}/ratings/offer", Again::Further, |names| {
        (format!("/v1{}/offer", ratings_path(names)), json!({ "ratingType": "Nps" }))
    }),
    post("/beta/conversations/{id}/ratings/{rating}/submit", Again::Further, |names| {
        (format!("/beta/{}/submit", names.offered), json!({ "ratingResult": { "value": 5 } }))
    }),
    post("/v1/conversations/{id}/ratings/{rating}/submit", Again::Further, |names| {
        (format!("/v1/{}/submit", names.offered), json!({ "ratingResult": { "value": 5 } }))
    }),
];

/// An existing conversation that has moved on: another status and team, other words, and an answer with its rating.
fn newer() -> ImportConversationRequest {
    let mut request = with_policy(sample::import("42"), ConflictPolicy::Append);
    let later = |seconds: i64| {
        Some(prost_types::Timestamp { seconds: sample::BEGIN_SECONDS + 86_400 + seconds, nanos: 0 })
    };
    let conversation = request.conversation.as_mut().expect("the sample has one");
    (conversation.status, conversation.team, conversation.update_time) = (3, text("a"), later(2));
    (request.messages[1].content, request.messages[1].update_time) = (text("It is lost."), later(1));
    let answer = RatingAnswer { value: Some(2), answer_time: later(1), ..RatingAnswer::default() };
    let question =
        RatingQuestion { r#type: RatingType::Csat.into(), answer: Some(answer), ..Default::default() };
    request.ratings = vec![Rating {
        name: "conversations/1/ratings/0b3c7a52-9a1e-8c55-9f00-0123456789ab".to_owned(),
        questions: vec![question],
        offer_time: later(0),
        ..Rating::default()
    }];
    request
}

/// New conversations, an existing one, and one that grows.
fn bulk(_: &Names, id: &str) -> Vec<Bytes> {
    let with_id = |request, number: i64| {
        let id = if id.is_empty() { String::new() } else { format!("{id}-{number}") };
        with_id(request, &id)
    };
    let grown = with_policy(sample::import_of("42", sample::messages(3, 4)), ConflictPolicy::Append);
    let there = with_policy(sample::import("42"), ConflictPolicy::ReturnExisting);
    let imports: Vec<ImportConversationRequest> =
        vec![sample::import("x"), grown, there, sample::import("y")];
    let numbered = imports.into_iter().zip(1..);
    let items = numbered.map(|(import, number)| bulk_item(number, with_id(import, number)));
    items.map(|item: ImportConversationsRequest| Bytes::from(item.encode_to_vec())).collect()
}

/// A message with a tracking id, into a new conversation.
fn store_message(_: &Names, id: &str) -> Vec<Bytes> {
    let file = Attachment { content: Some(b"GIF89a".to_vec()), ..Attachment::default() };
    let tracking_id = text("tracked");
    let message =
        Message { content: text("Hello?"), tracking_id, attachments: vec![file], ..Message::default() };
    one(StoreMessageRequest {
        parent: "conversations/chat:1".to_owned(),
        message: Some(message),
        status: 1,
        tags: vec!["vip".to_owned()],
        request_id: id.to_owned(),
        ..StoreMessageRequest::default()
    })
}

fn store_unscored(parent: &str, tracking_id: &str, id: &str) -> StoreMessageRequest {
    let tracking_id = text(tracking_id);
    StoreMessageRequest {
        parent: parent.to_owned(),
        message: Some(Message { content: text("Hello?"), tracking_id, ..Message::default() }),
        process: ScoringProcess::Off.into(),
        request_id: id.to_owned(),
        ..StoreMessageRequest::default()
    }
}

fn stored(tracking_id: &str) -> serde_json::Value {
    json!({ "body": "<p>Hello?", "externalConversationId": tracking_id, "agentId": 7, "status": "open" })
}

fn store_path(names: &Names) -> String {
    format!("/ticket/{}/conversation/store", number(names))
}

fn ratings_path(names: &Names) -> String {
    format!("/conversations/{}/ratings", number(names))
}

fn number(names: &Names) -> &str {
    names.conversation.strip_prefix("conversations/").expect("a conversation's name")
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn mask(path: &str) -> Option<FieldMask> {
    Some(FieldMask { paths: vec![path.to_owned()] })
}

fn offer(parent: &str) -> OfferRatingRequest {
    let question = RatingQuestion { r#type: RatingType::Csat.into(), ..RatingQuestion::default() };
    let rating = Some(Rating { questions: vec![question], ..Rating::default() });
    OfferRatingRequest { parent: parent.to_owned(), rating, request_id: String::new() }
}

fn team(name: &str, external_id: &str) -> Team {
    let [name, external_id] = [name, external_id].map(str::to_owned);
    Team { name, display_name: external_id.clone(), external_id, ..Team::default() }
}

/// A store with something to change of every kind.
pub async fn begin() -> (State, Names) {
    let twin = Twin::empty().await;
    let client = twin.client().await;
    let conversation = client.import(sample::import("42")).await.expect("an import").conversation;
    let deleted = client.import(sample::import("gone")).await.expect("an import").conversation;
    client.delete(&deleted).await.expect("a deletion");
    let mut unscored = Vec::new();
    for number in 0..2 {
        let request = store_unscored(&format!("conversations/chat:off{number}"), "first", "");
        unscored.push(client.store(request).await.expect("a message").conversation.expect("its own").name);
    }
    let deleted_unscored = unscored.pop().expect("the second");
    client.delete(&deleted_unscored).await.expect("a deletion");
    let unscored = unscored.pop().expect("the first");
    let given_up = client.import(sample::import("given up")).await.expect("an import").conversation;
    twin.give_up(&given_up).await;
    let file = Attachment { content: Some(b"%PDF-1.7".to_vec()), ..Attachment::default() };
    let message = Message {
        content: text("First"),
        tracking_id: text("first"),
        attachments: vec![file],
        ..Message::default()
    };
    let request = StoreMessageRequest {
        parent: conversation.clone(),
        message: Some(message),
        ..StoreMessageRequest::default()
    };
    let message = client.store(request).await.expect("a message").message.expect("it is answered").name;
    let offered = client.offer_rating(offer(&conversation)).await.expect("an offer").name;
    let to_cancel = client.offer_rating(offer(&conversation)).await.expect("an offer").name;
    let mut directory = DirectoryServiceClient::new(twin.channel().await);
    let request = CreateTeamRequest { team: Some(team("", "night")), ..CreateTeamRequest::default() };
    let team = directory.create_team(request).await.expect("a team").into_inner().name;
    let names = Names {
        conversation,
        deleted,
        unscored,
        deleted_unscored,
        given_up,
        message,
        offered,
        to_cancel,
        team,
    };
    (twin.state().await, names)
}
