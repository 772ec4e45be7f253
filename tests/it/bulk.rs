//! `ImportConversations`: many items in one stream, each with its own outcome.

mod limits;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{future::join_all, stream};
use plaudit::{
    proto::v1::{
        ConflictPolicy, Conversation, ErrorReason, ImportConversationRequest, ImportConversationsRequest,
        ImportCounts, ImportOutcome, import_conversations_response::Answer,
        import_service_client::ImportServiceClient, imported_item::Result as ItemResult,
    },
    wire::MAX_REQUEST_BYTES,
};
use tonic::{Code, transport::Endpoint};

use crate::harness::{
    Plaudit, bulk_item, fault,
    sample::{self, with_id, with_policy, without_names},
    soon, until,
};

/// An item's outcome as a word.
fn word(result: &ItemResult) -> &'static str {
    match result {
        ItemResult::Done(done) => match done.outcome() {
            ImportOutcome::Created => "created",
            ImportOutcome::Existing => "existing",
            ImportOutcome::Appended => "appended",
            ImportOutcome::Updated => "updated",
            ImportOutcome::Unspecified => "unspecified",
        },
        ItemResult::Duplicate(_) => "duplicate",
        ItemResult::Failure(_) => "failed",
    }
}

fn words(results: &[ItemResult]) -> Vec<&'static str> {
    results.iter().map(word).collect()
}

/// The reason of a failed item, and the fields it names.
fn failure(result: &ItemResult) -> (ErrorReason, Vec<&str>) {
    let ItemResult::Failure(failure) = result else { panic!("{result:?} is not a failure") };
    assert!(!failure.message.is_empty());
    assert!(failure.field_violations.iter().all(|violation| !violation.description.is_empty()));
    let fields = failure.field_violations.iter().map(|violation| violation.field.as_str());
    (failure.reason(), fields.collect())
}

fn numbered(range: std::ops::Range<usize>) -> Vec<ImportConversationRequest> {
    range.map(|number| sample::import(&number.to_string())).collect()
}

#[tokio::test]
async fn every_item_has_its_outcome_and_the_counts_come_at_the_end() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let more = sample::import_of("42", sample::messages(3, 9));
    let items = vec![
        sample::import("42"),
        sample::import("42"),
        with_policy(sample::import("42"), ConflictPolicy::ReturnExisting),
        ImportConversationRequest::default(),
        with_policy(more, ConflictPolicy::Append),
        sample::import("43"),
    ];
    let (results, counts) = client.import_all(items).await;
    let expected = ["created", "duplicate", "existing", "failed", "appended", "created"];
    assert_eq!(words(&results), expected);
    assert_eq!(
        counts,
        ImportCounts {
            created: 2,
            existing: 1,
            appended: 1,
            duplicates: 1,
            failed: 1,
            // The fourth message is there already, with other words.
            differing: 1,
            ..ImportCounts::default()
        }
    );

    let (ItemResult::Done(created), ItemResult::Duplicate(duplicate)) = (&results[0], &results[1]) else {
        panic!("{results:?}")
    };
    assert_eq!((&duplicate.conversation, &duplicate.import), (&created.conversation, &created.import));
    assert_eq!(client.get_import(&created.import).await.unwrap().external_id, "42");
    let stored = client.scored(&created.conversation).await;
    assert_eq!(stored.message_count, 12);
}

#[tokio::test]
async fn an_empty_stream_counts_nothing() {
    let server = Plaudit::start().await;
    let (results, counts) = server.client().await.import_all(Vec::new()).await;
    assert_eq!((results.len(), counts), (0, ImportCounts::default()));
}

type Break = fn(&mut ImportConversationRequest);

/// Mistakes in an item, and the fields reported for them.
const BAD: &[(&str, Break, &[&str])] = &[
    ("no conversation", |it| it.conversation = None, &["conversation.external_id"]),
    ("no messages", |it| it.messages.clear(), &["messages"]),
    ("2001 messages", |it| it.messages = sample::messages(0, 2001), &["messages"]),
    (
        "far too many messages, in the wrong place too",
        |it| {
            let messages = vec![Default::default(); 400_000];
            it.conversation = Some(Conversation { messages, ..it.conversation.clone().unwrap() });
        },
        &["conversation.messages"],
    ),
    (
        "a content of 262145 bytes",
        |it| it.messages[2].content = Some("c".repeat(262_145)),
        &["messages[2].content"],
    ),
    ("an unknown policy", |it| it.on_conflict = 9, &["on_conflict"]),
    ("a space in the request id", |it| it.request_id = "a b".into(), &["request_id"]),
    (
        "three things at once",
        |it| {
            it.messages[0].kind = 0;
            it.messages[1].external_id.clear();
            it.messages[3].create_time = None;
        },
        &["messages[0].kind", "messages[1].external_id", "messages[3].create_time"],
    ),
];

#[tokio::test]
async fn an_invalid_item_fails_alone_with_all_its_violations() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let mut items = Vec::new();
    for (number, (_, change, _)) in BAD.iter().enumerate() {
        let mut bad = sample::import(&format!("bad {number}"));
        change(&mut bad);
        items.extend([bad, sample::import(&format!("good {number}"))]);
    }
    let (results, counts) = client.import_all(items).await;
    for ((what, _, expected), pair) in BAD.iter().zip(results.chunks(2)) {
        assert_eq!(failure(&pair[0]), (ErrorReason::InvalidFields, expected.to_vec()), "{what}");
        assert_eq!(word(&pair[1]), "created", "after {what}");
    }
    assert_eq!((counts.created, counts.failed), (BAD.len() as i64, BAD.len() as i64));
}

#[tokio::test]
async fn an_item_without_an_import_and_a_reused_request_id_are_failures() {
    let server = Plaudit::start().await;
    let mut call = server.client().await.bulk().await;
    let items = call.items.as_ref().unwrap();
    items.send(ImportConversationsRequest { item_number: -7, import: None }).await.unwrap();
    call.send(i64::MAX, with_id(sample::import("42"), "one")).await;
    call.send(5, with_id(sample::import("43"), "one")).await;
    call.send(5, with_id(sample::import("42"), "one")).await;
    let (number, result) = call.next_item().await;
    assert_eq!((number, failure(&result)), (-7, (ErrorReason::InvalidFields, vec!["import"])));
    let (number, first) = call.next_item().await;
    assert_eq!((number, word(&first)), (i64::MAX, "created"));
    let (number, result) = call.next_item().await;
    assert_eq!((number, failure(&result)), (5, (ErrorReason::RequestIdReused, vec!["request_id"])));
    assert_eq!(call.next_item().await, (5, first), "the same request again has the same answer");
    assert_eq!(call.end().await.0, ImportCounts { created: 2, failed: 2, ..ImportCounts::default() });
}

#[tokio::test]
async fn an_oversized_item_fails_alone() {
    let server = Plaudit::start().await;
    let mut call = server.client().await.bulk().await;
    let mut large = sample::import_of("large", sample::messages(0, 20));
    large.messages.iter_mut().for_each(|message| message.content = Some("x".repeat(MAX_REQUEST_BYTES / 19)));
    for number in 1..4 {
        call.send(number, sample::import(&number.to_string())).await;
        call.send(-number, large.clone()).await;
    }
    for expected in 1..4 {
        let (number, result) = call.next_item().await;
        assert_eq!((number, word(&result)), (expected, "created"));
        let (number, result) = call.next_item().await;
        assert_eq!((number, failure(&result)), (0, (ErrorReason::InvalidFields, vec!["import"])));
    }
    let (counts, status) = call.end().await;
    assert_eq!((counts.created, counts.failed), (3, 3));
    assert!(status.is_none(), "{status:?}");
}

#[tokio::test]
async fn undecodable_bytes_end_the_stream_after_the_answers_before_them() {
    let server = Plaudit::start().await;
    let item = prost::Message::encode_to_vec(&bulk_item(1, sample::import("42")));
    let mut bytes = vec![0];
    bytes.extend((item.len() as u32).to_be_bytes());
    bytes.extend(item);
    bytes.extend([0, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF]);
    let grpc = server.bare_grpc().await;
    let body = tonic::body::Body::new(http_body_util::Full::from(bytes));
    let status = grpc.send("/plaudit.v1.ImportService/ImportConversations", &[], body).await;
    assert_eq!(fault(&status), (Code::InvalidArgument, "INVALID_FIELDS".to_owned()));
    assert!(server.client().await.conversation("conversations/test:42").await.is_ok());
}

#[tokio::test]
async fn an_item_is_answered_whether_or_not_another_follows() {
    let server = Plaudit::start().await;
    let mut call = server.client().await.bulk().await;
    for number in 0..20 {
        call.send(number, sample::import(&number.to_string())).await;
        let (answered, result) = call.next_item().await;
        assert_eq!((answered, word(&result)), (number, "created"));
    }
    assert_eq!(call.end().await.0.created, 20);
}

/// Items for as long as somebody asks; counts how many were taken.
fn endless(sent: Arc<AtomicUsize>) -> impl futures_util::Stream<Item = ImportConversationsRequest> + Send {
    stream::repeat_with(move || {
        let number = sent.fetch_add(1, Ordering::SeqCst);
        bulk_item(number as i64, small(number))
    })
}

/// About as small as an item with one meaningful message gets.
fn small(number: usize) -> ImportConversationRequest {
    let mut import = sample::import_of(&number.to_string(), sample::messages(0, 1));
    import.messages[0].content = Some(
        "Where is my order 4711? It should have been here on Monday, and today is Friday already.".to_owned(),
    );
    import
}

/// Imports by other callers: while they are answered, the server has time for far more than [`MOST_AHEAD`] items.
const OTHERS: usize = 300;
/// How many items may be sent before the first is answered.
const MOST_AHEAD: usize = 1000;

/// Imports on the side until the server has shown that it works without reading more of the stream; returns how many
/// were sent.
async fn sent_while_others_import(server: &Plaudit, sent: &AtomicUsize, at_most: usize) -> usize {
    let client = server.client().await;
    for number in 0..OTHERS {
        client.import(sample::import(&format!("other {number}"))).await.unwrap();
        let sent = sent.load(Ordering::SeqCst);
        assert!(sent < at_most, "{sent} items were sent, at most {at_most} may be");
    }
    let before = sent.load(Ordering::SeqCst);
    for number in 0..OTHERS {
        client.import(sample::import(&format!("another {number}"))).await.unwrap();
    }
    let after = sent.load(Ordering::SeqCst);
    assert_eq!(before, after, "the stream goes on");
    after
}

#[tokio::test]
async fn at_most_a_thousand_items_are_sent_ahead_of_their_outcome() {
    let server = Plaudit::start().await;
    let size = prost::Message::encoded_len(&bulk_item(0, small(0)));
    assert!((130..=190).contains(&size), "the items have {size} bytes");
    let sent = Arc::new(AtomicUsize::new(0));
    let gate = server.store.hold(|batch| batch.put.len() == 3);
    let mut imports = ImportServiceClient::new(server.channel().await);
    let mut answers = imports.import_conversations(endless(sent.clone())).await.unwrap().into_inner();
    gate.arrived().await;
    until("as many as are decided together", || sent.load(Ordering::SeqCst) >= 192).await;
    sent_while_others_import(&server, &sent, MOST_AHEAD).await;
    gate.open();
    for expected in 0..5000_i64 {
        let answer = soon("an answer", answers.message()).await.unwrap().unwrap();
        let Some(Answer::Item(item)) = answer.answer else { panic!("{answer:?}") };
        assert_eq!(item.item_number, expected);
        let ahead = sent.load(Ordering::SeqCst) as i64 - expected;
        // Answers that were sent but not yet read here are in the answers' own window.
        assert!(ahead < 1000 + 1000, "{ahead} items ahead");
    }
}

#[tokio::test]
async fn items_about_one_conversation_keep_their_order() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    // Items with a request id read before they write, and would fall behind those without.
    let items = (0..40).map(|place| {
        let import = sample::import_of("42", sample::messages(place, 1));
        let import = with_policy(import, ConflictPolicy::Append);
        if place % 3 == 0 { with_id(import, &format!("id-{place}")) } else { import }
    });
    let (results, counts) = client.import_all(items.collect()).await;
    assert_eq!((word(&results[0]), counts.created, counts.appended), ("created", 1, 39));
    let stored = without_names(client.messages("conversations/test:42", 50).await);
    assert_eq!(stored, sample::messages(0, 40));
}

#[tokio::test]
async fn overlapping_streams_store_each_conversation_once() {
    const STREAMS: usize = 64;
    const CONVERSATIONS: usize = 50;
    let server = Plaudit::start().await;
    let import = async |start: usize| {
        let order = (0..CONVERSATIONS).map(|place| (start + place * 7) % CONVERSATIONS);
        let items = order.map(|number| sample::import(&number.to_string())).collect();
        server.client().await.import_all(items).await
    };
    let all = join_all((0..STREAMS).map(import)).await;
    let total = |count: fn(&ImportCounts) -> i64| all.iter().map(|(_, counts)| count(counts)).sum::<i64>();
    assert_eq!(total(|counts| counts.created), CONVERSATIONS as i64);
    assert_eq!(total(|counts| counts.duplicates), ((STREAMS - 1) * CONVERSATIONS) as i64);
    assert_eq!(total(|counts| counts.failed), 0);
    let mut named = HashSet::new();
    for (results, _) in &all {
        for result in results {
            named.insert(match result {
                ItemResult::Done(done) => done.conversation.clone(),
                ItemResult::Duplicate(duplicate) => duplicate.conversation.clone(),
                ItemResult::Failure(failure) => panic!("{failure:?}"),
            });
        }
    }
    assert_eq!(named.len(), CONVERSATIONS);
    assert_eq!(heads(&server).await, CONVERSATIONS);
}

async fn heads(server: &Plaudit) -> usize {
    server.store.dump().await.into_iter().filter(|(key, _)| key[0] == 0x10).count()
}

#[tokio::test]
async fn answered_items_survive_a_cut_and_resending_duplicates_nothing() {
    let server = Plaudit::start().await;
    let mut call = server.client().await.bulk().await;
    let mut answered = Vec::new();
    for number in 0..300 {
        call.send(number, sample::import(&number.to_string())).await;
        if number % 3 == 2 {
            let ItemResult::Done(done) = call.next_item().await.1 else { panic!("a duplicate") };
            answered.push(done);
        }
    }
    drop(call);
    let client = server.client().await;
    for done in &answered {
        assert_eq!(client.get_import(&done.import).await.unwrap().conversation, done.conversation);
    }
    let (results, counts) = client.import_all(numbered(0..300)).await;
    assert!(counts.duplicates >= answered.len() as i64, "{counts:?}");
    assert_eq!((counts.created + counts.duplicates, counts.failed), (300, 0));
    assert!(results[..answered.len()].iter().all(|result| word(result) == "duplicate"));
    assert_eq!(heads(&server).await, 300);
}

#[tokio::test]
async fn a_stream_resent_with_its_request_ids_gets_the_same_answers() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let items: Vec<_> = numbered(0..50)
        .into_iter()
        .enumerate()
        .map(|(number, import)| with_id(import, &format!("id-{number}")))
        .collect();
    let first = client.import_all(items.clone()).await;
    assert_eq!(first.1.created, 50);
    assert_eq!(client.import_all(items.clone()).await, first);
    let server = server.restart().await;
    assert_eq!(server.client().await.import_all(items).await, first);
    assert_eq!(heads(&server).await, 50);
}

#[tokio::test]
async fn a_drain_reports_how_far_the_stream_got() {
    let mut server = Plaudit::start().await;
    let mut call = server.client().await.bulk().await;
    for number in 0..10 {
        call.send(number, sample::import(&number.to_string())).await;
    }
    for _ in 0..10 {
        call.next_item().await;
    }
    // The caller keeps its side open, as it does while it has more to send.
    let items = call.items.clone();
    server.begin_stop();
    let answer = soon("the counts", call.answers.message()).await.unwrap().unwrap();
    assert!(matches!(answer.answer, Some(Answer::Counts(ImportCounts { created: 10, .. }))), "{answer:?}");
    let status = soon("the end", call.answers.message()).await.unwrap_err();
    assert_eq!(fault(&status), (Code::Unavailable, "STORE_UNAVAILABLE".to_owned()));
    drop(items);
    let server = server.restart().await;
    let (_, counts) = server.client().await.import_all(numbered(0..12)).await;
    assert_eq!((counts.duplicates, counts.created), (10, 2));
}

#[tokio::test]
async fn a_drain_in_mid_stream_loses_no_answer() {
    let mut server = Plaudit::start().await;
    let sent = Arc::new(AtomicUsize::new(0));
    let mut imports = ImportServiceClient::new(server.channel().await);
    let mut answers = imports.import_conversations(endless(sent)).await.unwrap().into_inner();
    let mut created = 0;
    let counts = loop {
        match soon("an answer", answers.message()).await.unwrap().unwrap().answer {
            Some(Answer::Item(item)) => {
                assert_eq!((item.item_number, word(&item.result.unwrap())), (created, "created"));
                created += 1;
            }
            Some(Answer::Counts(counts)) => break counts,
            None => panic!("an empty answer"),
        }
        if created == 100 {
            server.begin_stop();
        }
    };
    assert_eq!(counts, ImportCounts { created, ..ImportCounts::default() });
    assert_eq!(soon("the end", answers.message()).await.unwrap_err().code(), Code::Unavailable);
    let server = server.restart().await;
    assert_eq!(heads(&server).await, created as usize, "nothing is stored without an answer");
}

#[tokio::test]
async fn a_caller_that_sends_without_reading_is_held_back() {
    /// The answers that the caller accepts without reading them; one has about a hundred bytes.
    const WINDOW: u32 = 65_535;
    let server = Plaudit::start().await;
    let sent = Arc::new(AtomicUsize::new(0));
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).unwrap();
    let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    let mut imports = ImportServiceClient::new(endpoint.connect().await.unwrap());
    let mut answers = imports.import_conversations(endless(sent.clone())).await.unwrap().into_inner();
    until("the first items", || sent.load(Ordering::SeqCst) > 0).await;
    let held = sent_while_others_import(&server, &sent, WINDOW as usize / 50 + MOST_AHEAD).await;
    assert!(heads(&server).await <= held + 2 * OTHERS);
    // It is held back, not forgotten: once it reads, the stream continues.
    for expected in 0..2 * held as i64 {
        let answer = soon("an answer", answers.message()).await.unwrap().unwrap();
        let Some(Answer::Item(item)) = answer.answer else { panic!("{answer:?}") };
        assert_eq!((item.item_number, word(&item.result.unwrap())), (expected, "created"));
    }
}
