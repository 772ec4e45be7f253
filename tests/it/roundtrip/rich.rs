//! A store with something of every kind.

use plaudit::proto::v1::{
    Attachment, Author, AuthorKind, Channel, ConflictPolicy, Conversation, ConversationPriority,
    ConversationStatus, CreateTeamRequest, DeleteMessageRequest, Message, MessageDirection, Person, Rating,
    RatingAnswer, RatingType, StoreMessageRequest, SubmitRatingRequest, Team, UpdateConversationRequest,
    UpdateMessageRequest, UpdatePersonRequest, directory_service_client::DirectoryServiceClient,
};
use prost_types::{FieldMask, Timestamp};
use tonic::transport::Channel as Connection;

use crate::{
    harness::{
        Client,
        sample::{self, with_policy},
    },
    rating::{offer, offer_with, opt_out, submission},
};

/// The header of a 3 by 2 pixel image.
pub const PNG: [u8; 29] = [
    0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 3, 0, 0, 0,
    2, 8, 2, 0, 0, 0,
];
pub const TICKET: &str = "conversations/enneo:42";
const DAY: i64 = 24 * 60 * 60;

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: sample::BEGIN_SECONDS + seconds, nanos: 5_000_000 })
}

fn agent(kind: AuthorKind, external_id: &str) -> Option<Author> {
    Some(Author { kind: kind.into(), external_id: text(external_id), name: None })
}

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

fn store(parent: &str, message: Message) -> StoreMessageRequest {
    StoreMessageRequest { parent: parent.to_owned(), message: Some(message), ..Default::default() }
}

/// A customer's message with every field that a helpdesk can set.
pub fn full_message() -> Message {
    let attachment = |file_name: &str, content: Option<&[u8]>, url: Option<&str>| Attachment {
        file_name: file_name.to_owned(),
        content: content.map(<[u8]>::to_vec),
        source_url: url.map(str::to_owned),
        ..Attachment::default()
    };
    Message {
        direction: MessageDirection::In.into(),
        r#type: "html".to_owned(),
        from_address: text("ada@example.org"),
        from_name: text("Ada"),
        to: vec!["help@example.com".to_owned()],
        cc: vec!["Bob <bob@example.org>".to_owned()],
        bcc: vec!["audit@example.com".to_owned()],
        subject: text("Meter 4711"),
        content: text("Where is my order 4711? I am waiting."),
        html_body: text("<p>Where is my order 4711? I am waiting.</p>"),
        plain_body: text("Where is my order 4711?"),
        clean_body: text("Where is my order 4711"),
        raw_data: text(r#"{"a":1}"#),
        sender: text(r#"{"id":7}"#),
        sent_content: text(r#"{"message":"x"}"#),
        intent_ids: vec!["5".to_owned(), "meter".to_owned()],
        crm_notification_id: text("crm"),
        contract_id: text("contract"),
        customer_id: text("c42"),
        agent_id: Some(23),
        subchannel_id: Some(4),
        tracking_id: text("abc-123"),
        create_time: at(0),
        attachments: vec![
            attachment("photo.png", Some(&PNG), None),
            attachment("manual.pdf", None, Some("https://files.example/manual.pdf")),
            attachment("empty.txt", Some(b""), None),
        ],
        ..Message::default()
    }
}

pub async fn fill(client: &Client, connection: Connection) {
    directory(connection.clone()).await;
    ticket(client).await;
    ratings(client).await;
    long(client).await;
    odd_ones(client).await;
    for name in [TICKET, "conversations/enneo:43", "conversations/test:long", "conversations/test:named"] {
        client.settled(name).await;
    }
    without_ids(connection).await;
    client.delete("conversations/test:gone").await.unwrap();
}

/// Messages of every kind, a closing, a reopening, a closing by an update after the last message.
async fn ticket(client: &Client) {
    let open = ConversationStatus::Open.into();
    client
        .store(StoreMessageRequest {
            status: open,
            priority: ConversationPriority::High.into(),
            first_response_due_time: at(3_600),
            due_time: at(2 * DAY),
            tags: vec!["vip".to_owned(), "meter".to_owned()],
            team: text("billing"),
            channel: Channel::WhatsApp.into(),
            ..store(TICKET, full_message())
        })
        .await
        .unwrap();
    let by = |direction: MessageDirection, content: &str, seconds| Message {
        direction: direction.into(),
        content: text(content),
        agent_id: (direction != MessageDirection::In).then_some(23),
        customer_id: text("c42"),
        create_time: at(seconds),
        ..Message::default()
    };
    let gone = client.store(store(TICKET, by(MessageDirection::Out, "Never mind.", 50))).await.unwrap();
    let answer = by(MessageDirection::Out, "Hello! It is on its way.", 60);
    let answer = client.store(store(TICKET, Message { ai_tool: text("helper"), ..answer })).await.unwrap();
    let note = Message { private: true, ..by(MessageDirection::Out, "Call the warehouse.", 120) };
    let closing = ConversationStatus::Closed.into();
    client.store(StoreMessageRequest { status: closing, ..store(TICKET, note) }).await.unwrap();
    let back = by(MessageDirection::In, "It has still not come!", DAY);
    client.store(StoreMessageRequest { status: open, ..store(TICKET, back) }).await.unwrap();
    let bot =
        Message { author: agent(AuthorKind::Ai, "bot"), ..by(MessageDirection::Out, "I ask.", DAY + 60) };
    client.store(store(TICKET, bot)).await.unwrap();
    client.store(store(TICKET, by(MessageDirection::Internal, "It was lost.", DAY + 120))).await.unwrap();
    let words = Message { content: text("Hello! It left today."), ..answer.message.unwrap() };
    let request = UpdateMessageRequest {
        message: Some(Message { etag: String::new(), ..words }),
        update_mask: mask(&["content"]),
        ..Default::default()
    };
    client.update_message(request).await.unwrap();
    let name = gone.message.unwrap().name;
    client.delete_message(DeleteMessageRequest { name, ..Default::default() }).await.unwrap();
    let update = Conversation {
        name: TICKET.to_owned(),
        status: closing,
        assignee: agent(AuthorKind::Teammate, "23"),
        ..Conversation::default()
    };
    let request = UpdateConversationRequest { conversation: Some(update), ..Default::default() };
    client.update(request).await.unwrap();
}

/// Ratings that are answered, partly answered, cancelled, scheduled, expired, opted out of, withheld.
async fn ratings(client: &Client) {
    let three = [RatingType::Csat, RatingType::Nps, RatingType::Thumbs];
    let answered = client.offer_rating(offer(TICKET, &three)).await.unwrap().name;
    client.submit_rating(submission(&answered, &[(0, 5), (1, 9), (2, 1)])).await.unwrap();
    let mut worded = offer(TICKET, &three);
    let question = &mut worded.rating.as_mut().unwrap().questions[0];
    (question.text, question.language) = (text("How was it?"), text("en-GB"));
    let partly = client.offer_rating(worded).await.unwrap().name;
    let answer =
        RatingAnswer { question: 0, value: Some(2), comment: text("Slow."), answer_time: at(2 * DAY) };
    let submitted = SubmitRatingRequest { name: partly, answers: vec![answer], ..Default::default() };
    client.submit_rating(submitted).await.unwrap();
    let cancelled = client.offer_rating(offer(TICKET, &[RatingType::Csat])).await.unwrap().name;
    client.cancel_rating(&cancelled, "").await.unwrap();
    let change: [fn(&mut Rating); 2] = [
        |it| it.schedule_time = Some(Timestamp { seconds: 4_102_444_800, nanos: 0 }),
        |it| (it.offer_time, it.expire_time) = (at(0), at(60)),
    ];
    for change in change {
        client.offer_rating(offer_with(TICKET, change)).await.unwrap();
    }
    let unwelcome = client.offer_rating(offer(TICKET, &[RatingType::Nps])).await.unwrap().name;
    client.submit_rating(opt_out(&unwelcome, true)).await.unwrap();
    client.offer_rating(offer(TICKET, &[RatingType::Csat])).await.unwrap();
}

/// More messages than fit in a line, with a closing between two parts.
async fn long(client: &Client) {
    client.import(sample::import_of("long", sample::messages(0, 999))).await.unwrap();
    let last =
        Message { direction: MessageDirection::Out.into(), content: text("Done."), ..Message::default() };
    let request = StoreMessageRequest {
        status: ConversationStatus::Closed.into(),
        ..store("conversations/test:long", last)
    };
    client.store(request).await.unwrap();
    let more = sample::import_of("long", sample::messages(1_000, 300));
    client.import(with_policy(more, ConflictPolicy::Append)).await.unwrap();
}

async fn odd_ones(client: &Client) {
    // A conversation whose messages were all deleted.
    let only = store("conversations/enneo:43", Message { content: text("Oh."), ..Message::default() });
    let name = client.store(only).await.unwrap().message.unwrap().name;
    client.delete_message(DeleteMessageRequest { name, ..Default::default() }).await.unwrap();
    // A conversation whose people have no ids; its customer opted out.
    let mut named = sample::import("named");
    for message in &mut named.messages {
        message.author.as_mut().unwrap().external_id = None;
    }
    client.import(named).await.unwrap();
    let rating = client.offer_rating(offer("conversations/test:named", &[RatingType::Csat])).await.unwrap();
    client.submit_rating(opt_out(&rating.name, true)).await.unwrap();
    // A deleted conversation.
    client.import(sample::import("deleted")).await.unwrap();
    client.delete("conversations/test:deleted").await.unwrap();
    client.import(sample::import("gone")).await.unwrap();
}

async fn directory(connection: Connection) {
    let mut directory = DirectoryServiceClient::new(connection);
    let mut teams = Vec::new();
    for (source, external_id, display_name) in [("enneo", "billing", "Billing"), ("", "", "Night shift")] {
        let team = Team {
            source: source.to_owned(),
            external_id: external_id.to_owned(),
            display_name: display_name.to_owned(),
            description: format!("They are {display_name}."),
            ..Team::default()
        };
        let request = CreateTeamRequest { team: Some(team), ..Default::default() };
        teams.push(directory.create_team(request).await.unwrap().into_inner().name);
    }
    let person = Person {
        name: "people/enneo:teammate:23".to_owned(),
        display_name: "Tom".to_owned(),
        description: "Knows meters.".to_owned(),
        email: "tom@example.com".to_owned(),
        teams,
        ..Person::default()
    };
    let request = UpdatePersonRequest { person: Some(person), allow_missing: true, ..Default::default() };
    directory.update_person(request).await.unwrap();
}

/// People without ids, with more details than their names.
async fn without_ids(connection: Connection) {
    let mut directory = DirectoryServiceClient::new(connection);
    for (name, display_name, description) in [
        ("people/test:teammate:name=Tom", "Tom T.", "Has no number."),
        ("people/test:contact:name=Ada:in=named", "Ada L.", "Writes at night."),
        ("people/test:contact:name=A%3A%20b%2Fc:in=named", "", ""),
        ("people/test:contact:name=:in=named", "Somebody", ""),
        // The numbers of the conversations they appear in are in a different order from the sources.
        ("people/enneo:contact:name=Ada:in=43", "Ada M.", ""),
        ("people/test:contact:name=Gone:in=gone", "Gone with the conversation", ""),
    ] {
        let person = Person {
            name: name.to_owned(),
            display_name: display_name.to_owned(),
            description: description.to_owned(),
            email: "nobody@example.org".to_owned(),
            ..Person::default()
        };
        let request = UpdatePersonRequest { person: Some(person), allow_missing: true, ..Default::default() };
        directory.update_person(request).await.unwrap();
    }
}
