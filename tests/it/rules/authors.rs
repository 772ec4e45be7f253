//! A person's id obeys one rule wherever a request contains one, and an empty id is absent.

use plaudit::proto::v1::{
    Author, AuthorKind, Conversation, CreateOptOutRequest, ImportConversationRequest, ListOptOutsRequest,
    Message, OptOut, Rating, StoreMessageRequest, UpdateConversationRequest, UpdateMessageRequest,
    rating_service_client::RatingServiceClient,
};
use serde_json::json;
use tonic::Status;

use crate::{
    craftcx,
    harness::{Client, Plaudit, fields, sample},
    rating::offer_with,
};

const NAME: &str = "conversations/test:42";

/// Calls that name a person.
struct Caller {
    client: Client,
    ratings: RatingServiceClient<tonic::transport::Channel>,
    message: String,
}

const PLACES: &[(&str, AuthorKind)] = &[
    ("messages[0].author", AuthorKind::Contact),
    ("conversation.assignee", AuthorKind::Teammate),
    ("ratings[0].user", AuthorKind::Contact),
    ("ratings[0].agent", AuthorKind::Teammate),
    ("message.author", AuthorKind::Contact),
    ("assignee", AuthorKind::Teammate),
    ("UpdateMessage message.author", AuthorKind::Contact),
    ("UpdateConversation conversation.assignee", AuthorKind::Teammate),
    ("rating.user", AuthorKind::Contact),
    ("rating.agent", AuthorKind::Teammate),
    ("opt_out.customer", AuthorKind::Contact),
];

impl Caller {
    async fn new(server: &Plaudit) -> Self {
        let client = server.client().await;
        let conversation = client.import(sample::import("42")).await.unwrap().conversation;
        let message = client.messages(&conversation, 1).await.remove(0).name;
        Self { client, ratings: RatingServiceClient::new(server.channel().await), message }
    }

    /// Names the author at a place of a request; returns whom the server then knows.
    async fn name_at(&mut self, place: &str, author: Author, number: usize) -> Result<Author, Status> {
        let author = Some(author);
        let client = &self.client;
        let named = match place {
            "message.author" | "assignee" => {
                let mut request = StoreMessageRequest { parent: NAME.to_owned(), ..Default::default() };
                let mut message = Message { content: Some("Hello".to_owned()), ..Message::default() };
                if place == "assignee" {
                    request.assignee = author
                } else {
                    message.author = author
                }
                request.message = Some(message);
                let stored = client.store(request).await?;
                if place == "assignee" {
                    stored.conversation.unwrap().assignee
                } else {
                    stored.message.unwrap().author
                }
            }
            "UpdateMessage message.author" => {
                let message = Message { name: self.message.clone(), author, ..Message::default() };
                let update_mask = Some(prost_types::FieldMask { paths: vec!["author".to_owned()] });
                let request =
                    UpdateMessageRequest { message: Some(message), update_mask, ..Default::default() };
                client.update_message(request).await?.author
            }
            "UpdateConversation conversation.assignee" => {
                let conversation =
                    Conversation { name: NAME.to_owned(), assignee: author, ..Default::default() };
                let request =
                    UpdateConversationRequest { conversation: Some(conversation), ..Default::default() };
                client.update(request).await?.assignee
            }
            "rating.user" | "rating.agent" => {
                let is_user = place == "rating.user";
                let request = offer_with(NAME, |rating| {
                    *(if is_user { &mut rating.user } else { &mut rating.agent }) = author;
                });
                let rating = client.offer_rating(request).await?;
                if is_user { rating.user } else { rating.agent }
            }
            "opt_out.customer" => {
                let opt_out = OptOut {
                    source: "test".to_owned(),
                    customer: author,
                    conversation: NAME.to_owned(),
                    ..OptOut::default()
                };
                let request = CreateOptOutRequest { opt_out: Some(opt_out) };
                self.ratings.create_opt_out(request).await?.into_inner().customer
            }
            _ => return self.import(place, author, number).await,
        };
        Ok(named.unwrap())
    }

    async fn import(&self, place: &str, author: Option<Author>, number: usize) -> Result<Author, Status> {
        let mut request: ImportConversationRequest = sample::import(&format!("new {number}"));
        let mut rating: Rating = offer_with(NAME, |_| ()).rating.unwrap();
        rating.offer_time = request.messages[0].create_time;
        request.ratings.push(rating);
        match place {
            "messages[0].author" => request.messages[0].author = author,
            "conversation.assignee" => request.conversation.as_mut().unwrap().assignee = author,
            "ratings[0].user" => request.ratings[0].user = author,
            _ => request.ratings[0].agent = author,
        }
        let name = self.client.import(request).await?.conversation;
        let rating = self.client.ratings(&name, 1).await.remove(0);
        let named = match place {
            "messages[0].author" => self.client.messages(&name, 1).await.remove(0).author,
            "conversation.assignee" => self.client.conversation(&name).await?.assignee,
            "ratings[0].user" => rating.user,
            _ => rating.agent,
        };
        Ok(named.unwrap())
    }
}

fn author(kind: AuthorKind, external_id: &str) -> Author {
    Author { kind: kind.into(), external_id: Some(external_id.to_owned()), name: Some("Ruth".to_owned()) }
}

#[tokio::test]
async fn an_empty_id_is_absent_wherever_a_person_is_named() {
    let server = Plaudit::start().await;
    let mut caller = Caller::new(&server).await;
    for (number, (place, kind)) in PLACES.iter().enumerate() {
        let named = caller.name_at(place, author(*kind, ""), number).await;
        let named = named.unwrap_or_else(|status| panic!("{place}: {status:?}"));
        assert_eq!((named.external_id, named.name.as_deref()), (None, Some("Ruth")), "{place}");
    }
    let mut body = craftcx::setup::sample();
    body["messages"][0]["author"]["external_id"] = json!("");
    let answer = server.http().post("/v1/assess", body.to_string()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let ticket = body["ticket_id"].as_str().unwrap();
    let stored = caller.client.messages(&format!("conversations/custom:{ticket}"), 1).await.remove(0);
    assert_eq!(stored.author.unwrap().external_id, None);
}

#[tokio::test]
async fn a_multi_line_id_is_refused_wherever_a_person_is_named() {
    let server = Plaudit::start().await;
    let mut caller = Caller::new(&server).await;
    for (number, (place, kind)) in PLACES.iter().enumerate() {
        let path = place.rsplit(' ').next().unwrap();
        let long = "x".repeat(513);
        for id in ["2\n3", "a\0", "\u{85}", &long] {
            let status = caller.name_at(place, author(*kind, id), number).await.expect_err(place);
            assert_eq!(fields(&status), [format!("{path}.external_id")], "{place}: {id:?}");
        }
    }
}

#[tokio::test]
async fn source_and_customer_of_an_opt_out_are_single_line() {
    let server = Plaudit::start().await;
    let mut ratings = RatingServiceClient::new(server.channel().await);
    let opt_out = |source: &str, id: &str| {
        let (source, customer) = (source.to_owned(), Some(author(AuthorKind::Contact, id)));
        CreateOptOutRequest { opt_out: Some(OptOut { source, customer, ..OptOut::default() }) }
    };
    let conversation = "conversations/test:1".to_owned();
    for nobody in [None, Some(OptOut::default()), Some(OptOut { conversation, ..OptOut::default() })] {
        let request = CreateOptOutRequest { opt_out: nobody };
        let status = ratings.create_opt_out(request).await.unwrap_err();
        assert_eq!(fields(&status), ["opt_out.customer"], "{status:?}");
        assert!(status.message().ends_with("opt_out.customer: is required"), "{status:?}");
    }
    let status = ratings.create_opt_out(opt_out("a\nb", "2\n3")).await.unwrap_err();
    assert_eq!(fields(&status), ["opt_out.source", "opt_out.customer.external_id"]);
    ratings.create_opt_out(opt_out("ab", "23")).await.unwrap();
    let all = ratings.list_opt_outs(ListOptOutsRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.opt_outs.len(), 1);
}
