//! Values that must not change between versions, given the secret of one store: how a message that is sent again is
//! recognised, forever; how two requests with one id are told apart, for the 24 hours in which a caller may retry while
//! the server is upgraded; etags and tokens that callers hold.
//!
//! `tests/fixtures/upgrade.txt` has them as the first version made them. If a line changes, messages that are sent
//! again are stored twice, or retried requests are refused: keep the old form next to the new one instead.

use std::fmt::Write as _;

use plaudit::{
    proto::v1::{
        Attachment, Author, AuthorKind, Channel, Conversation, ConversationPriority, ConversationStatus,
        CreateTeamRequest, DeleteConversationRequest, DeleteMessageRequest, DeleteTeamRequest,
        ImportConversationRequest, Message, MessageDirection, MessageKind, OfferRatingRequest, Person,
        Rating, RatingQuestion, RatingType, ScoringProcess, StoreMessageRequest, Team,
        UndeleteConversationRequest, UpdateConversationRequest, UpdateMessageRequest, UpdatePersonRequest,
        UpdateTeamRequest, WatchEventsRequest, directory_service_client::DirectoryServiceClient,
    },
    store::{
        Batch, Direction, KeyRange, Keyspace as _, keys,
        records::{self, Request, Secret},
        request::{Method, RequestKey},
    },
};
use prost_types::{FieldMask, Timestamp};

use crate::harness::{Client, KEYS, Plaudit, sample, soon};

const EXPECTED: &str = include_str!("../fixtures/upgrade.txt");
const TICKET: &str = "conversations/test:1";

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: texts(paths) })
}

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: sample::BEGIN_SECONDS + seconds, nanos: 5_000_000 })
}

fn author(kind: AuthorKind, id: &str, name: Option<&str>) -> Option<Author> {
    Some(Author { kind: kind.into(), external_id: text(id), name: name.map(str::to_owned) })
}

/// A message with every field set.
fn whole(tracking_id: &str) -> Message {
    Message {
        content: text("Where is it?"),
        author: author(AuthorKind::Teammate, "t1", Some("Tom")),
        create_time: at(1),
        ai_tool: text("drafter"),
        direction: MessageDirection::Out.into(),
        private: true,
        r#type: "text".to_owned(),
        from_address: text("tom@example.com"),
        from_name: text("Tom"),
        to: texts(&["a@example.com", "B <b@example.com>"]),
        cc: texts(&["c@example.com"]),
        bcc: texts(&["d@example.com"]),
        subject: text("Order"),
        html_body: text("<p>Where is it?</p>"),
        plain_body: text("Where is it?"),
        clean_body: text("Where?"),
        raw_data: text("{\"a\":1}"),
        sender: text("{\"id\":\"t1\",\"name\":\"Tom\"}"),
        sent_content: text("{\"b\":[2]}"),
        intent_ids: texts(&["7", "refund"]),
        crm_notification_id: text("n"),
        contract_id: text("k"),
        customer_id: text("c1"),
        agent_id: Some(23),
        subchannel_id: Some(4),
        tracking_id: text(tracking_id),
        attachments: vec![
            Attachment {
                file_name: "a.txt".to_owned(),
                content: Some(b"bytes".to_vec()),
                ..Attachment::default()
            },
            Attachment { source_url: text("https://example.com/b.png"), ..Attachment::default() },
        ],
        ..Message::default()
    }
}

/// A message with as few fields as possible.
fn least(tracking_id: &str) -> Message {
    Message { content: text("Hello"), tracking_id: text(tracking_id), ..Message::default() }
}

fn stored(message: Message, request_id: &str) -> StoreMessageRequest {
    StoreMessageRequest {
        parent: TICKET.to_owned(),
        message: Some(message),
        process: ScoringProcess::Off.into(),
        request_id: request_id.to_owned(),
        ..StoreMessageRequest::default()
    }
}

/// Stores both messages, the whole one with everything that a message can say about its conversation.
async fn store(client: &Client) -> Message {
    let least = stored(least("least"), "least");
    let number = client.store(least).await.unwrap().conversation.unwrap().name;
    assert_eq!(number, "conversations/5000000000000001", "other numbers lead to other names");
    let whole = StoreMessageRequest {
        status: ConversationStatus::Pending.into(),
        priority: ConversationPriority::High.into(),
        first_response_due_time: at(60),
        due_time: at(120),
        assignee: author(AuthorKind::Teammate, "t2", Some("Ruth")),
        tags: texts(&["vip", "late"]),
        team: text("billing"),
        channel: Channel::Email.into(),
        ..stored(whole("whole"), "whole")
    };
    client.store(whole).await.unwrap().message.unwrap()
}

async fn change(client: &Client, message: &Message) {
    let changed = Message { content: text("Edited"), name: message.name.clone(), ..Message::default() };
    let update = UpdateMessageRequest {
        message: Some(changed),
        update_mask: mask(&["content", "subject", "plain_body"]),
        request_id: "one".to_owned(),
    };
    client.update_message(update).await.unwrap();
    let changed = Conversation {
        name: TICKET.to_owned(),
        subject: text("Another"),
        status: ConversationStatus::Open.into(),
        tags: texts(&["new"]),
        ..Conversation::default()
    };
    let update = UpdateConversationRequest {
        conversation: Some(changed),
        update_mask: mask(&["subject", "status", "tags", "due_time"]),
        request_id: "one".to_owned(),
        ..UpdateConversationRequest::default()
    };
    client.update(update).await.unwrap();
}

async fn rate(client: &Client) {
    let question = |kind: RatingType| RatingQuestion {
        r#type: kind.into(),
        text: text("How was it?"),
        ..Default::default()
    };
    let rating = Rating {
        questions: vec![question(RatingType::Csat), question(RatingType::Nps)],
        agent: author(AuthorKind::Teammate, "t1", None),
        user: author(AuthorKind::Contact, "c1", Some("Ada")),
        offer_time: at(90),
        channel: Channel::Email.into(),
        ..Rating::default()
    };
    let (parent, rating) = (TICKET.to_owned(), Some(rating));
    let offer = OfferRatingRequest { parent, rating, request_id: "one".to_owned() };
    client.offer_rating(offer).await.unwrap();
}

async fn keep_directory(server: &Plaudit) {
    let mut directory = DirectoryServiceClient::new(server.channel().await);
    let name = "people/test:teammate:t9".to_owned();
    let person = Person { name, display_name: "Ann".to_owned(), ..Person::default() };
    let update = UpdatePersonRequest {
        person: Some(person),
        update_mask: mask(&["display_name"]),
        allow_missing: true,
        request_id: "one".to_owned(),
    };
    directory.update_person(update).await.unwrap();
    let team = Team {
        source: "test".to_owned(),
        external_id: "b".to_owned(),
        display_name: "Billing".to_owned(),
        ..Team::default()
    };
    let create = CreateTeamRequest { team: Some(team), request_id: "one".to_owned() };
    directory.create_team(create).await.unwrap();
    let name = "teams/test:b".to_owned();
    let team = Team { name: name.clone(), display_name: "Bills".to_owned(), ..Team::default() };
    let update = UpdateTeamRequest {
        team: Some(team),
        update_mask: mask(&["display_name"]),
        request_id: "one".to_owned(),
        ..Default::default()
    };
    directory.update_team(update).await.unwrap();
    let delete = DeleteTeamRequest { name, request_id: "one".to_owned(), ..Default::default() };
    directory.delete_team(delete).await.unwrap();
}

async fn delete(client: &Client, message: &Message) {
    let request_id = || "one".to_owned();
    let name = message.name.clone();
    client
        .delete_message(DeleteMessageRequest { name, request_id: request_id(), ..Default::default() })
        .await
        .unwrap();
    let name = TICKET.to_owned();
    let delete = DeleteConversationRequest { name, request_id: request_id(), ..Default::default() };
    client.delete_by(delete).await.unwrap();
    let name = "conversations/5000000000000001".to_owned();
    client.undelete_by(UndeleteConversationRequest { name, request_id: request_id() }).await.unwrap();
}

/// The same messages as an export writes them, and with the minimum that an import needs.
async fn import(client: &Client) {
    let missing = Attachment {
        file_name: "c.bin".to_owned(),
        content_missing: true,
        size_bytes: Some(9),
        content_type: text("image/png"),
        width: Some(3),
        height: Some(2),
        ..Attachment::default()
    };
    let mut whole = whole("whole imported");
    whole.attachments.push(missing);
    let placed = |place: usize, message: Message| Message {
        external_id: format!("m{place}"),
        kind: if message.private { MessageKind::Comment } else { MessageKind::Message }.into(),
        author: message.author.or(author(AuthorKind::Contact, "c1", None)),
        create_time: at(place as i64),
        direction: if message.private { MessageDirection::Out } else { MessageDirection::In }.into(),
        ..message
    };
    let messages = vec![placed(1, least("least imported")), placed(2, whole)];
    let request = sample::import_of("2", messages);
    let request = ImportConversationRequest { request_id: "whole".to_owned(), ..request };
    client.import(request).await.unwrap();
    client.import(sample::with_id(sample::import("3"), "least")).await.unwrap();
}

/// Makes every call once and returns the results.
async fn made() -> String {
    let server = Plaudit::start_on(Batch {
        put: vec![(keys::secret(), records::encode(&Secret { key: [7; 32] }))],
        ..Batch::default()
    })
    .await;
    let client = server.client().await;
    let message = store(&client).await;
    let mut made = format!("message etag: {}\n", message.etag);
    change(&client, &message).await;
    rate(&client).await;
    let tracked = tracked(&server).await;
    keep_directory(&server).await;
    delete(&client, &message).await;
    let mut events = client.watch(WatchEventsRequest::default()).await.unwrap();
    let first = soon("an event", events.message()).await.unwrap().unwrap();
    writeln!(made, "resume token: {}", first.resume_token).unwrap();
    import(&client).await;
    let all =
        tracked.into_iter().chain(self::tracked(&server).await).collect::<std::collections::BTreeSet<_>>();
    made.extend(all);
    made.extend(requests(&server).await);
    made
}

/// The known tracking ids, each with the hash of its content.
async fn tracked(server: &Plaudit) -> Vec<String> {
    let pairs = server.store.scan(KeyRange::prefix(vec![0x13]), 100, Direction::Ascending).await.unwrap();
    let line = |(key, _): &(Vec<u8>, _)| {
        let (start, hash) = key.split_last_chunk::<32>().unwrap();
        // After the subspace, workspace and conversation, and before the end of the text.
        let id = std::str::from_utf8(&start[13..start.len() - 2]).unwrap();
        format!("tracked {id}: {}\n", hex(hash))
    };
    pairs.iter().map(line).collect()
}

/// The requests whose fingerprint depends only on what callers send; that of an answer to a rating depends on the
/// rating's number too, which varies from run to run.
async fn requests(server: &Plaudit) -> Vec<String> {
    use Method::{
        CreateTeam, DeleteConversation, DeleteMessage, DeleteTeam, ImportConversation, OfferRating,
        StoreMessage, UndeleteConversation, UpdateConversation, UpdateMessage, UpdatePerson, UpdateTeam,
    };
    let once = [
        UpdateMessage,
        DeleteMessage,
        OfferRating,
        UpdatePerson,
        CreateTeam,
        UpdateTeam,
        DeleteTeam,
        UpdateConversation,
        DeleteConversation,
        UndeleteConversation,
    ];
    let twice =
        [ImportConversation, StoreMessage].map(|method| [(method, "least"), (method, "whole")]).concat();
    let mut lines = Vec::new();
    for (method, request_id) in once.map(|method| (method, "one")).into_iter().chain(twice) {
        let key = RequestKey { caller: "", method, request_id }.key(KEYS);
        let raw =
            server.store.get(vec![key.clone()]).await.unwrap().remove(0).expect("the request is recorded");
        let record: Request = records::decode(&key, &raw).unwrap();
        lines.push(format!("request {method:?} {request_id}: {}\n", hex(&record.fingerprint)));
    }
    lines
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn fingerprints_etags_and_tokens_survive_an_upgrade() {
    let made = made().await;
    assert!(made == EXPECTED, "made:\n{made}\nexpected:\n{EXPECTED}");
}
