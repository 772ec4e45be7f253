//! How many keys each use case writes, which determines its speed on disk.
//!
//! | use case | commits | keys |
//! |---|---|---|
//! | import | 1 | head, identity, job, log record |
//! | … whose messages exceed 16 KiB | 1 | one more for every 32 KiB of messages |
//! | … with a request id | 1 | one more |
//! | … with its handling, with details of its messages | 1 | none more |
//! | … with tracking ids, with attachments | 1 | one more for each tracking id and for each attachment whose bytes were sent |
//! | … with ratings | 1 | for each as an offer, and one more for a UUID of its own; the listing where one is answered |
//! | scoring | 1 | two for each new assessment and one for a changed one, their index, the job's end, log record; the conversation's listing; a posting for each term that lists find the conversation and its new assessments by |
//! | … of people not seen before | one more, before | two for each person: the entry and the identity |
//! | indexing a conversation before it is scored | 1 for many | its listing, a posting for each term; one for all: the progress mark |
//! | append | 1 | head, job, segment, log record; listing and postings where it changes what filters see, or is the first of its hour |
//! | store of a message | 1 | as an import where it creates the conversation, else as an append |
//! | … with a tracking id, with a request id | 1 | one more each |
//! | … with attachments | 1 | one more for each whose bytes were sent |
//! | … with scoring off | 1 | one less: no job |
//! | update of a message | 1 | head, job, log record; its segment, where it is in one |
//! | deletion of a message | 1 | the same, its tracking id and its attachments |
//! | update | 1 | head, listing, log record; its job if it is scored again; a posting for each term added or removed |
//! | deletion | 1 | head, identity, listing, deletion key for the purge, log record; each posting |
//! | undeletion | 1 | the same and a job |
//! | append that adds nothing, import that returns what exists | 0 | none; with a request id 1 |
//! | offer of a rating, submission, cancellation | 1 | rating, its entry by time, log record |
//! | … with a request id | 1 | one more |
//! | … in which a customer opts out, or back in | 1 | one more |
//! | offer, message with scoring off or agent in charge that names somebody not seen before | one more, after | two for each person |
//! | import that is refused, or answered from its request id | 0 | none |
//!
//! In addition, one commit of one key leases every 65,536 numbers, and one takes the lease of each background task when
//! it first has work.

use std::{collections::BTreeMap, time::Duration};

use plaudit::{
    proto::v1::{
        Attachment, AuthorKind, ConflictPolicy, Conversation, DeleteMessageRequest,
        ImportConversationRequest, Message, Rating, RatingAnswer, RatingQuestion, RatingType, ScoringProcess,
        StoreMessageRequest, UpdateConversationRequest, UpdateMessageRequest,
    },
    store::Batch,
};
use prost_types::FieldMask;

use crate::{
    harness::{
        Client, Plaudit,
        sample::{self, with_id, with_policy},
        soon,
    },
    rating::{offer, opt_out, submission},
};

const LOG: &str = "log record";
const END: &str = "job's end";
const OPT_OUT: &str = "opt-out";

/// The keys that a batch writes, by kind.
fn keys(batch: &Batch) -> BTreeMap<&'static str, usize> {
    let mut counted = BTreeMap::new();
    for (key, _) in &batch.put {
        let kind = match key[0] {
            0x10 => "head",
            0x11 => "identity",
            0x12 => "segment",
            0x13 => "tracking id",
            0x14 => "attachment",
            0x20 => "assessment",
            0x21 => "index",
            0x22 => "owner",
            0x40 => "job",
            0x50 => "request",
            0x60 => "rating",
            0x61 => "entry",
            0x62 => OPT_OUT,
            0x63 => "imported UUID",
            0x80 => "listing",
            0x81 | 0x82 | 0x85 => "posting",
            0x83 => "deletion",
            0x84 => "mark",
            0x70 => "person",
            0x71 => "person's identity",
            0x72 => "team",
            0x73 => "team's identity",
            other => panic!("a key of kind {other:02x}"),
        };
        *counted.entry(kind).or_default() += 1;
    }
    for key in &batch.delete {
        let kind = match key[0] {
            0x11 => "identity gone",
            0x40 => END,
            0x81 | 0x82 | 0x85 => "posting gone",
            0x83 => "deletion gone",
            0x12 => "segment's end",
            0x13 => "tracking id's end",
            0x14 => "attachment's end",
            0x62 => OPT_OUT,
            other => panic!("a key of kind {other:02x} is deleted"),
        };
        *counted.entry(kind).or_default() += 1;
    }
    if !batch.log.is_empty() {
        counted.insert(LOG, batch.log.len());
    }
    counted
}

/// Imports, waits for the scoring, and returns what both committed.
async fn committed_by(
    server: &Plaudit,
    client: &Client,
    request: ImportConversationRequest,
) -> Vec<BTreeMap<&'static str, usize>> {
    let external_id = request.conversation.as_ref().unwrap().external_id.clone();
    server.store.take_committed();
    // Refused imports are counted too.
    let _ = client.import(request).await;
    client.scored(&format!("conversations/test:{external_id}")).await;
    server.store.take_committed().iter().map(keys).collect()
}

async fn start() -> (Plaudit, Client) {
    let server = Plaudit::start().await;
    // Otherwise either the scoring or the indexer could index the conversation first.
    server.store.hold_each(|batch| batch.put.iter().any(|(key, _)| key[0] == 0x84));
    let client = server.client().await;
    // Leases the numbers.
    let name = client.import(sample::import("first")).await.unwrap().conversation;
    client.scored(&name).await;
    (server, client)
}

const IMPORT: [(&str, usize); 4] = [("head", 1), ("identity", 1), ("job", 1), (LOG, 1)];
/// For the conversation and its one worklog. The conversation is posted under the general term, its source, agent and
/// band, by the hour of its last message and by when it was stored; the assessments under the general term and their
/// scorecards, the worklog's under its agent too.
const SCORING: [(&str, usize); 7] =
    [("assessment", 2), ("owner", 2), ("index", 1), ("listing", 1), ("posting", 6 + 5), (END, 1), (LOG, 1)];

fn with(keys: &[(&'static str, usize)], more: &[(&'static str, usize)]) -> BTreeMap<&'static str, usize> {
    keys.iter().chain(more).copied().collect()
}

#[tokio::test]
async fn an_import_writes_four_keys_and_its_scoring_one_batch() {
    let (server, client) = start().await;
    let committed = committed_by(&server, &client, sample::import("42")).await;
    assert_eq!(committed, [with(&IMPORT, &[]), with(&SCORING, &[])]);
    let committed = committed_by(&server, &client, with_id(sample::import("43"), "one")).await;
    assert_eq!(committed, [with(&IMPORT, &[("request", 1)]), with(&SCORING, &[])]);
}

#[tokio::test]
async fn an_import_of_more_writes_one_key_for_each_thing_to_find() {
    let (server, client) = start().await;
    let mut request = sample::import("42");
    let conversation = request.conversation.as_mut().unwrap();
    (conversation.status, conversation.tags) = (3, vec!["vip".to_owned()]);
    let message = &mut request.messages[0];
    (message.direction, message.html_body) = (1, Some("<p>Hello</p>".to_owned()));
    assert_eq!(committed_by(&server, &client, request.clone()).await[0], with(&IMPORT, &[]));

    request.conversation.as_mut().unwrap().external_id = "43".to_owned();
    let message = &mut request.messages[0];
    message.tracking_id = Some("t".to_owned());
    let content = Some(b"bytes".to_vec());
    message.attachments = vec![Attachment { content, ..Attachment::default() }; 2];
    let more = [("tracking id", 1), ("attachment", 2)];
    assert_eq!(committed_by(&server, &client, request.clone()).await[0], with(&IMPORT, &more));

    let mut request = sample::import("44");
    let time = request.messages[0].create_time;
    let answer = RatingAnswer { value: Some(4), answer_time: time, ..RatingAnswer::default() };
    let question = |answer| RatingQuestion { r#type: RatingType::Csat.into(), answer, ..Default::default() };
    let rating = |name: &str, answer| Rating {
        name: name.to_owned(),
        offer_time: time,
        questions: vec![question(answer)],
        ..Rating::default()
    };
    request.ratings = vec![rating("", None)];
    let mut expected = with(&IMPORT, &[("rating", 1), ("entry", 1)]);
    expected.insert(LOG, 2);
    assert_eq!(committed_by(&server, &client, request.clone()).await[0], expected);
    request.conversation.as_mut().unwrap().external_id = "45".to_owned();
    let uuid = "conversations/1/ratings/0b3c7a52-9a1e-8c55-9f00-0123456789ab";
    request.ratings = vec![rating(uuid, Some(answer))];
    expected.extend([("imported UUID", 1), ("listing", 1)]);
    assert_eq!(committed_by(&server, &client, request).await[0], expected);
}

#[tokio::test]
async fn indexing_before_scoring_writes_the_listing_twice() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let ends = server.store.hold_each(|batch| batch.delete.iter().any(|key| key[0] == 0x40));
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    ends.arrived().await;
    let mut committed: Vec<Batch> = Vec::new();
    soon("the posting", async {
        while !committed.iter().any(|batch| batch.put.iter().any(|(key, _)| key[0] == 0x84)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            committed.extend(server.store.take_committed());
        }
    })
    .await;
    let posting = with(&[("listing", 1), ("posting", 5), ("mark", 1)], &[]);
    let mark = committed.iter().find(|batch| batch.put.iter().any(|(key, _)| key[0] == 0x84));
    assert_eq!(keys(mark.unwrap()), posting);
    ends.open();
    client.scored(&name).await;
    let committed = server.store.take_committed();
    assert_eq!(keys(committed.last().unwrap()), with(&SCORING, &[("posting", 1 + 5)]));
}

#[tokio::test]
async fn new_people_are_written_separately_and_once() {
    let (server, client) = start().await;
    let mut request = sample::import("42");
    for message in &mut request.messages {
        message.author.as_mut().unwrap().external_id = Some(format!("new {}", message.external_id));
    }
    // Each message has its own author, and each teammate their own worklog.
    let lists = [("listing", 1), ("posting", 7 + 8)];
    let scoring = with(&lists, &[("assessment", 3), ("owner", 3), ("index", 1), (END, 1), (LOG, 1)]);
    let people = with(&[("person", 4), ("person's identity", 4)], &[]);
    let committed = committed_by(&server, &client, request.clone()).await;
    assert_eq!(committed, [with(&IMPORT, &[]), people, scoring.clone()]);
    request.conversation.as_mut().unwrap().external_id = "43".to_owned();
    assert_eq!(committed_by(&server, &client, request).await, [with(&IMPORT, &[]), scoring]);
}

#[tokio::test]
async fn messages_of_more_than_16_kib_are_written_separately() {
    let (server, client) = start().await;
    for (bytes, segments) in [(15_000, 0), (16_384, 1), (30_000, 1), (90_000, 4)] {
        let mut request = sample::import(&bytes.to_string());
        // In tenths; three of 9,000 bytes fit into one segment.
        request.messages = (0..10)
            .map(|place| sample::message(place, AuthorKind::Teammate, &"a b ".repeat(bytes / 40)))
            .collect();
        let committed = committed_by(&server, &client, request).await;
        let expected = if segments == 0 { vec![] } else { vec![("segment", segments)] };
        assert_eq!(committed[0], with(&IMPORT, &expected), "{bytes} bytes");
    }
}

#[tokio::test]
async fn an_append_writes_four_keys() {
    let (server, client) = start().await;
    client.import(sample::import("42")).await.unwrap();
    let append = with_policy(sample::import_of("42", sample::messages(2, 6)), ConflictPolicy::Append);
    client.scored("conversations/test:42").await;
    let expected = with(&[("head", 1), ("job", 1), ("segment", 1), (LOG, 1)], &[]);
    // The units are the same, so the index is unchanged.
    let rescoring = with(&[("assessment", 2), ("listing", 1), (END, 1), (LOG, 1)], &[]);
    assert_eq!(committed_by(&server, &client, append).await, [expected, rescoring]);
}

#[tokio::test]
async fn a_request_without_effect_writes_only_its_request_id() {
    let (server, client) = start().await;
    let first = with_id(sample::import("42"), "first");
    client.import(first.clone()).await.unwrap();
    client.scored("conversations/test:42").await;
    let append = with_policy(sample::import("42"), ConflictPolicy::Append);
    let existing = with_policy(sample::import("42"), ConflictPolicy::ReturnExisting);
    for request in [append.clone(), existing.clone(), sample::import("42"), first] {
        assert_eq!(committed_by(&server, &client, request).await, []);
    }
    for (request, id) in [(append, "one"), (existing, "two")] {
        let committed = committed_by(&server, &client, with_id(request, id)).await;
        assert_eq!(committed, [with(&[("request", 1)], &[])]);
    }
}

#[tokio::test]
async fn an_update_writes_what_changed_and_a_deletion_leaves_the_rest() {
    let (server, client) = start().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    client.scored(&name).await;
    server.store.take_committed();
    let committed = async || -> Vec<_> {
        client.scored(&name).await;
        server.store.take_committed().iter().map(keys).collect()
    };
    let update = |conversation: Conversation| UpdateConversationRequest {
        conversation: Some(Conversation { name: name.clone(), ..conversation }),
        ..UpdateConversationRequest::default()
    };
    let changed = [("head", 1), ("listing", 1), (LOG, 1)];
    client.update(update(Conversation { priority: 1, ..Default::default() })).await.unwrap();
    assert_eq!(committed().await, [with(&changed, &[])]);
    let tagged = Conversation { tags: vec!["vip".to_owned(), "late".to_owned()], ..Default::default() };
    client.update(update(tagged.clone())).await.unwrap();
    assert_eq!(committed().await, [with(&changed, &[("posting", 2)])]);
    client.update(update(tagged)).await.unwrap();
    assert_eq!(committed().await, []);
    client
        .update(update(Conversation { subject: Some("Late".to_owned()), ..Default::default() }))
        .await
        .unwrap();
    let rescoring = with(&[("listing", 1), (END, 1), (LOG, 1)], &[]);
    let subject = with(&[("head", 1), ("job", 1), (LOG, 1)], &[]);
    assert_eq!(committed().await, [subject, rescoring.clone()]);

    client.delete(&name).await.unwrap();
    let deleted = [("identity gone", 1), ("deletion", 1), ("posting gone", 6 + 2)];
    let written: Vec<_> = server.store.take_committed().iter().map(keys).collect();
    assert_eq!(written, [with(&changed, &deleted)]);
    client.undelete(&name).await.unwrap();
    let restored = [("identity", 1), ("deletion gone", 1), ("posting", 6 + 2), ("job", 1)];
    assert_eq!(committed().await, [with(&changed, &restored), rescoring]);
}

const APPEND: [(&str, usize); 4] = [("head", 1), ("segment", 1), ("job", 1), (LOG, 1)];

/// The keys of the first commit after `call`; the scoring that follows is waited for and left out.
async fn first_commit(
    server: &Plaudit,
    client: &Client,
    call: impl AsyncFnOnce(),
) -> BTreeMap<&'static str, usize> {
    server.store.take_committed();
    call().await;
    let committed = server.store.take_committed();
    client.settled("conversations/enneo:42").await;
    keys(&committed[0])
}

fn store(process: ScoringProcess) -> StoreMessageRequest {
    let content = Some("Where is my order?".to_owned());
    StoreMessageRequest {
        parent: "conversations/enneo:42".to_owned(),
        message: Some(Message { content, ..Message::default() }),
        process: process.into(),
        ..StoreMessageRequest::default()
    }
}

#[tokio::test]
async fn a_stored_message_writes_four_keys_and_one_for_each_thing_to_find() {
    let (server, client) = start().await;
    let stored = async |request: StoreMessageRequest| {
        first_commit(&server, &client, async || _ = client.store(request).await.unwrap()).await
    };
    assert_eq!(stored(store(ScoringProcess::Batch)).await, with(&IMPORT, &[]));
    assert_eq!(stored(store(ScoringProcess::Batch)).await, with(&APPEND, &[]));
    let off = with(&[("head", 1), ("segment", 1), ("listing", 1), (LOG, 1)], &[]);
    assert_eq!(stored(store(ScoringProcess::Off)).await, off);
    let mut whole = StoreMessageRequest { request_id: "one".to_owned(), ..store(ScoringProcess::Batch) };
    let message = whole.message.as_mut().unwrap();
    message.tracking_id = Some("t".to_owned());
    let content = Some(b"bytes".to_vec());
    message.attachments = vec![Attachment { content, ..Attachment::default() }; 2];
    let more = [("request", 1), ("tracking id", 1), ("attachment", 2)];
    assert_eq!(stored(whole).await, with(&APPEND, &more));

    let messages = client.messages("conversations/enneo:42", 50).await;
    let (first, last) = (messages[0].name.clone(), messages[3].name.clone());
    let change = |name: &str| UpdateMessageRequest {
        message: Some(Message {
            name: name.to_owned(),
            content: Some("So.".to_owned()),
            ..Message::default()
        }),
        update_mask: Some(FieldMask { paths: vec!["content".to_owned()] }),
        ..UpdateMessageRequest::default()
    };
    for (name, expected) in
        [(&first, with(&[("head", 1), ("job", 1), (LOG, 1)], &[])), (&last, with(&APPEND, &[]))]
    {
        let update = async || _ = client.update_message(change(name)).await.unwrap();
        assert_eq!(first_commit(&server, &client, update).await, expected);
    }
    let request = DeleteMessageRequest { name: last, ..DeleteMessageRequest::default() };
    let delete = async || client.delete_message(request).await.unwrap();
    let gone = [("segment's end", 1), ("tracking id's end", 1), ("attachment's end", 2)];
    let expected = with(&[("head", 1), ("job", 1), (LOG, 1)], &gone);
    assert_eq!(first_commit(&server, &client, delete).await, expected);
}

#[tokio::test]
async fn an_offer_its_answers_and_its_cancellation_write_three_keys_each() {
    let (server, client) = start().await;
    let parent = "conversations/test:first";
    let committed = || server.store.take_committed().iter().map(keys).collect::<Vec<_>>();
    let three = [("rating", 1), ("entry", 1), (LOG, 1)];
    server.store.take_committed();
    for (request_id, more) in [("", vec![]), ("one", vec![("request", 1)])] {
        let mut request = offer(parent, &[RatingType::Csat, RatingType::Nps]);
        request.request_id = request_id.to_owned();
        let rating = client.offer_rating(request.clone()).await.unwrap().name;
        assert_eq!(committed(), [with(&three, &more)]);
        let mut answers = submission(&rating, &[(0, 5), (1, 9)]);
        answers.request_id = request_id.to_owned();
        client.submit_rating(answers.clone()).await.unwrap();
        // From the first answer on, lists find the conversation as rated.
        let rated = if request_id.is_empty() { vec![("listing", 1), ("posting", 1)] } else { more.clone() };
        assert_eq!(committed(), [with(&three, &rated)]);
        let cancelled = client.offer_rating(offer(parent, &[RatingType::Csat])).await.unwrap().name;
        committed();
        client.cancel_rating(&cancelled, request_id).await.unwrap();
        assert_eq!(committed(), [with(&three, &more)]);
        if !request_id.is_empty() {
            client.offer_rating(request).await.unwrap();
            client.submit_rating(answers).await.unwrap();
        }
        client.cancel_rating(&cancelled, request_id).await.unwrap();
        client.submit_rating(submission(&cancelled, &[(0, 5)])).await.unwrap_err();
        assert_eq!(committed(), [], "repeated or refused requests write nothing");
    }
    let rating = client.offer_rating(offer(parent, &[RatingType::Csat])).await.unwrap().name;
    committed();
    for opts_out in [true, false] {
        client.submit_rating(opt_out(&rating, opts_out)).await.unwrap();
        assert_eq!(committed(), [with(&three, &[(OPT_OUT, 1)])]);
    }
}
