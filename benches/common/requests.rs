//! The requests of the loads: the documented bodies of the operations, as messages of the gRPC API.

use bytes::Bytes;
use http_body::Body as HttpBody;
use plaudit::proto::v1::{
    Attachment, Author, AuthorKind, Conversation, ConversationPriority, ConversationStatus,
    ImportConversationRequest, ImportConversationResponse, ListAssessmentsRequest, ListAssessmentsResponse,
    Message, MessageDirection, MessageKind, OfferRatingRequest, Rating, RatingAnswer, RatingQuestion,
    RatingType, StoreMessageRequest, StoreMessageResponse, SubmitRatingRequest,
};
use prost::Message as _;
use prost_types::Timestamp;
use tonic::{
    Status,
    body::Body,
    client::{Grpc, GrpcService},
    codegen::{StdError, http::uri::PathAndQuery},
};
use tonic_prost::ProstCodec;

/// 2024-03-01; the dates below are as documented.
const STORED_AT: i64 = 1_709_251_200;
const FIRST_RESPONSE_DUE: i64 = 1_609_545_600;
const DUE: i64 = 1_609_977_600;
const RATED_AT: i64 = 1_710_175_170;

/// One call's request.
pub enum Request {
    Import(ImportConversationRequest),
    Echo(ImportConversationRequest),
    List(ListAssessmentsRequest),
    Store(Box<StoreMessageRequest>),
    Offer(OfferRatingRequest),
    Submit(SubmitRatingRequest),
}

impl Request {
    pub fn encode(&self, out: &mut Vec<u8>) {
        let encoded = match self {
            Self::Import(request) | Self::Echo(request) => request.encode(out),
            Self::List(request) => request.encode(out),
            Self::Store(request) => request.encode(out),
            Self::Offer(request) => request.encode(out),
            Self::Submit(request) => request.encode(out),
        };
        encoded.expect("a vector grows");
    }

    /// Sends the call with a whole client, which decodes the answer; returns the name of the rating if it created one.
    pub async fn send<T>(self, transport: T, path: &'static str) -> Result<Option<String>, Status>
    where
        T: GrpcService<Body>,
        T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
        <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
    {
        match self {
            Self::Import(request) => {
                unary::<_, _, ImportConversationResponse>(transport, path, request).await?;
            }
            Self::Echo(request) => {
                unary::<_, _, ImportConversationRequest>(transport, path, request).await?;
            }
            Self::List(request) => {
                let answer = unary::<_, _, ListAssessmentsResponse>(transport, path, request).await?;
                assert!(!answer.assessments.is_empty(), "a scored conversation has assessments");
            }
            Self::Store(request) => {
                unary::<_, _, StoreMessageResponse>(transport, path, *request).await?;
            }
            Self::Offer(request) => {
                return unary::<_, _, Rating>(transport, path, request).await.map(|rating| Some(rating.name));
            }
            Self::Submit(request) => {
                unary::<_, _, Rating>(transport, path, request).await?;
            }
        }
        Ok(None)
    }
}

async fn unary<T, Q, A>(transport: T, path: &'static str, request: Q) -> Result<A, Status>
where
    T: GrpcService<Body>,
    T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
    Q: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    let mut client = Grpc::new(transport);
    client.ready().await.map_err(|cause| Status::unavailable(cause.into().to_string()))?;
    let path = PathAndQuery::from_static(path);
    let answer = client.unary(tonic::Request::new(request), path, ProstCodec::<Q, A>::default()).await?;
    Ok(answer.into_inner())
}

/// The documented three-message body.
pub fn import(number: u64) -> ImportConversationRequest {
    let customer = (AuthorKind::Contact, "cus_123", "Jane Customer");
    let bot = (AuthorKind::Ai, "billing-agent", "Billing Bot");
    let person = (AuthorKind::Teammate, "tea_123", "Jason");
    ImportConversationRequest {
        conversation: Some(ticket(number)),
        messages: vec![
            message("msg_1", MessageKind::Message, "Why was I charged twice?", customer, 0),
            message("msg_2", MessageKind::Message, "I can help with billing.", bot, 1),
            message("note_1", MessageKind::Comment, "Escalated to billing for license review.", person, 2),
        ],
        ..ImportConversationRequest::default()
    }
}

/// Its first message alone.
pub fn import_of_one(number: u64) -> ImportConversationRequest {
    let customer = (AuthorKind::Contact, "cus_123", "Jane Customer");
    let question = message("msg_1", MessageKind::Message, "Why was I charged twice?", customer, 0);
    ImportConversationRequest {
        conversation: Some(ticket(number)),
        messages: vec![question],
        ..ImportConversationRequest::default()
    }
}

fn ticket(number: u64) -> Conversation {
    Conversation { external_id: format!("ticket_{number}"), ..Conversation::default() }
}

fn message(
    id: &str,
    kind: MessageKind,
    content: &str,
    author: (AuthorKind, &str, &str),
    second: i64,
) -> Message {
    Message {
        external_id: id.to_owned(),
        kind: kind.into(),
        content: Some(content.to_owned()),
        author: Some(Author {
            kind: author.0.into(),
            external_id: Some(author.1.to_owned()),
            name: Some(author.2.to_owned()),
        }),
        create_time: Some(Timestamp { seconds: 1_700_000_000 + second, nanos: 0 }),
        ai_tool: (author.0 == AuthorKind::Ai).then(|| "custom".to_owned()),
        ..Message::default()
    }
}

/// The documented message, with every field of the example. The tracking id differs each time.
pub fn store(parent: String, number: u64) -> StoreMessageRequest {
    let text = |text: &str| Some(text.to_owned());
    let time = |seconds: i64| Some(Timestamp { seconds, nanos: 0 });
    StoreMessageRequest {
        parent,
        message: Some(Message {
            direction: MessageDirection::In.into(),
            r#type: "html".to_owned(),
            from_address: text("john@smith.com"),
            from_name: text("John Smith"),
            to: vec!["customer@web.de".to_owned()],
            cc: vec!["Michael Jackson <michael-test123@jack.s.on.com>".to_owned()],
            bcc: vec!["<string>".to_owned()],
            subject: text("Ticket subject"),
            html_body: text("Ticket body PART 2"),
            plain_body: text("<string>"),
            clean_body: text("<string>"),
            raw_data: text(r#"{"myObjectId":123}"#),
            sender: text("{}"),
            sent_content: text("{}"),
            intent_ids: vec!["123".to_owned()],
            crm_notification_id: text("<string>"),
            contract_id: text("<string>"),
            customer_id: text("<string>"),
            agent_id: Some(123),
            subchannel_id: Some(4),
            tracking_id: Some(format!("abc-{number}")),
            create_time: time(STORED_AT),
            attachments: vec![Attachment {
                file_name: "myattachment1.png".to_owned(),
                source_url: text("https://framerusercontent.com/images/n1fjKCgnztVE5RhOJBPPaCIRw.png"),
                ..Attachment::default()
            }],
            ..Message::default()
        }),
        status: ConversationStatus::Open.into(),
        priority: ConversationPriority::Low.into(),
        first_response_due_time: time(FIRST_RESPONSE_DUE),
        due_time: time(DUE),
        ..StoreMessageRequest::default()
    }
}

/// The documented offer.
pub fn offer(parent: String) -> OfferRatingRequest {
    let person =
        |external_id: &str| Some(Author { external_id: Some(external_id.to_owned()), ..Author::default() });
    OfferRatingRequest {
        parent,
        rating: Some(Rating {
            user: person("b0323b42-c428-4afa-970e-20bf5bdeeec4"),
            agent: person("eeb3bbe5-0355-4ac1-8af5-20d42a3db24b"),
            questions: vec![RatingQuestion { r#type: RatingType::Csat.into(), ..RatingQuestion::default() }],
            offer_time: Some(Timestamp { seconds: RATED_AT, nanos: 0 }),
            ..Rating::default()
        }),
        ..OfferRatingRequest::default()
    }
}

/// The documented answer.
pub fn submit(name: String) -> SubmitRatingRequest {
    let answer = RatingAnswer {
        question: 0,
        value: Some(4),
        comment: Some("Best customer service ever!".to_owned()),
        answer_time: Some(Timestamp { seconds: RATED_AT, nanos: 0 }),
    };
    SubmitRatingRequest { name, answers: vec![answer], ..SubmitRatingRequest::default() }
}
