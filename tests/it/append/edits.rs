//! Messages that are imported again with other words.

use plaudit::proto::v1::{
    AuthorKind, ConflictPolicy, ImportConversationRequest, ImportOutcome, Message, MessageDirection,
    MessageKind, StoreMessageRequest, UpdateMessageRequest,
};
use prost_types::FieldMask;

use super::{NAME, append, at, changes_nothing, differences, differing, queued};
use crate::{
    harness::{
        Plaudit, fields,
        sample::{self, with_policy},
    },
    rating::undisturbed,
};

/// The sample after a change of its second message, edited at a time.
fn edited(seconds: Option<i64>, change: impl FnOnce(&mut Message)) -> ImportConversationRequest {
    let mut request = append(|_| {});
    change(&mut request.messages[1]);
    request.messages[1].update_time = seconds.and_then(at);
    request
}

fn words(text: &str) -> impl FnOnce(&mut Message) {
    let text = text.to_owned();
    move |message| message.content = Some(text)
}

#[tokio::test]
async fn a_later_edit_replaces_the_words_and_is_scored() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(append(|_| {})).await.unwrap();
    client.scored(NAME).await;
    let scored = client.assessments(NAME, 50).await;
    server.clock.advance_millis(1000);
    let answer = client.import(edited(Some(600), words("I am sorry, it is lost."))).await.unwrap();
    assert_eq!((answer.outcome(), differences(&answer)), (ImportOutcome::Updated, vec![]));
    client.scored(NAME).await;
    let stored = client.messages(NAME, 50).await.swap_remove(1);
    assert_eq!((stored.content.as_deref(), stored.update_time), (Some("I am sorry, it is lost."), at(600)));
    let rescored = client.assessments(NAME, 50).await;
    assert!(!scored.is_empty() && scored.len() == rescored.len());
    assert!(scored.iter().zip(&rescored).all(|(old, new)| old.update_time != new.update_time));

    let same = edited(Some(600), words("I am sorry, it is lost."));
    assert_eq!(differences(&changes_nothing(&server, &client, same).await), []);
    for (seconds, because) in [
        (None, "only an edit after 2025-12-01T09:10:00Z replaces it"),
        (Some(500), "only an edit after 2025-12-01T09:10:00Z replaces it"),
        (Some(600), "only an edit after 2025-12-01T09:10:00Z replaces it"),
        (Some(90 * 86_400), "only an edit after"),
    ] {
        let older = edited(seconds, words("I am sorry, it is late."));
        let answer = changes_nothing(&server, &client, older).await;
        let (kept, given) = (r#""I am sorry, it is lost.""#, r#""I am sorry, it is late.""#);
        assert_eq!(differences(&answer), [("messages[1].content", kept, given)], "{seconds:?}");
        assert!(answer.differences[0].description.contains(because), "{answer:?}");
    }
}

#[tokio::test]
async fn long_texts_are_shown_where_they_differ() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let long = |end: &str| format!("{}{end}", "Good morning! ".repeat(100));
    client.import(edited(None, words(&long("It is here.")))).await.unwrap();
    client.scored(NAME).await;
    let answer = changes_nothing(&server, &client, edited(None, words(&long("It is there.")))).await;
    let shown = |end: &str| format!("…\"rning! Good morning! {end}\"");
    let (kept, given) = (shown("It is here."), shown("It is there."));
    // Both begin with `It is `, so what is shown begins twenty characters before the next one.
    let [(field, told_kept, told_given)] = differences(&answer)[..] else { panic!("{answer:?}") };
    assert_eq!(field, "messages[1].content");
    assert!(kept.ends_with(&told_kept[4..]) && given.ends_with(&told_given[4..]), "{told_kept} {told_given}");
    assert!(told_kept.starts_with('…') && told_kept.chars().count() < 40, "{told_kept}");
}

#[tokio::test]
async fn an_edit_takes_what_update_message_can_change_and_names_the_rest() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let detailed = |it: &mut Message| {
        it.direction = MessageDirection::Out.into();
        it.from_address = Some("tom@example.org".to_owned());
        it.subject = Some("Your order".to_owned());
        it.html_body = Some("<p>It left our warehouse.</p>".to_owned());
        it.content = Some("It left our warehouse.".to_owned());
    };
    client.import(edited(None, detailed)).await.unwrap();
    client.scored(NAME).await;
    let other = |it: &mut Message| {
        detailed(it);
        it.kind = MessageKind::Comment.into();
        it.direction = MessageDirection::Internal.into();
        it.from_address = Some("eve@example.org".to_owned());
        it.subject = None;
        it.html_body = None;
        it.content = Some("It is lost.".to_owned());
        it.ai_tool = Some("drafter".to_owned());
        it.author.as_mut().unwrap().name = None;
    };
    let answer = client.import(edited(Some(600), other)).await.unwrap();
    assert_eq!(answer.outcome(), ImportOutcome::Updated);
    let (kept, given) = (r#""tom@example.org""#, r#""eve@example.org""#);
    assert_eq!(differences(&answer), [("messages[1].from_address", kept, given)]);
    let stored = client.messages(NAME, 50).await.swap_remove(1);
    assert_eq!((stored.kind(), stored.direction()), (MessageKind::Comment, MessageDirection::Internal));
    assert_eq!((stored.content.as_deref(), stored.html_body), (Some("It is lost."), None));
    assert_eq!(stored.subject.as_deref(), Some("Your order"), "nothing is said of it");
    assert_eq!(
        (stored.ai_tool.as_deref(), stored.author.unwrap().name.as_deref()),
        (Some("drafter"), Some("Tom"))
    );
    let again = changes_nothing(&server, &client, edited(Some(600), other)).await;
    assert_eq!(differing(&again), ["messages[1].from_address"]);
}

#[tokio::test]
async fn an_edit_reaches_every_part_of_a_long_conversation() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let text = |place: usize| format!("{place}: {}", "It left our warehouse yesterday. ".repeat(100));
    let message = |place: usize| sample::message(place, AuthorKind::Contact, &text(place));
    let all: Vec<Message> = (0..120).map(message).collect();
    let import = |messages: &[Message]| {
        with_policy(sample::import_of("42", messages.to_vec()), ConflictPolicy::Append)
    };
    client.import(import(&all[..60])).await.unwrap();
    client.import(import(&all[60..])).await.unwrap();
    client.scored(NAME).await;
    let mut edited = all.clone();
    for place in [0, 7, 8, 59, 60, 119] {
        edited[place].content = Some(format!("{place}: It is lost."));
        edited[place].update_time = at(86_400);
    }
    let mut more = edited.clone();
    more.push(message(120));
    let answer = client.import(import(&more)).await.unwrap();
    assert_eq!((answer.outcome(), answer.stored_messages), (ImportOutcome::Appended, 1));
    assert_eq!(differences(&answer), []);
    client.scored(NAME).await;
    let stored = client.messages(NAME, 1000).await;
    assert_eq!(stored.len(), 121);
    for (stored, sent) in stored.iter().zip(&more) {
        assert_eq!((&stored.content, &stored.external_id), (&sent.content, &sent.external_id));
    }
    assert_eq!(differences(&changes_nothing(&server, &client, import(&more)).await), []);
    // A hundred differences are named, the others counted.
    let answer = changes_nothing(
        &server,
        &client,
        import(&{
            let mut other = more.clone();
            other.iter_mut().for_each(|message| message.content = Some("Other words.".to_owned()));
            other
        }),
    )
    .await;
    assert_eq!((answer.differences.len(), answer.more_differences), (100, 21));
}

#[tokio::test]
async fn comparing_reads_no_more_than_looking_for_what_is_new() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let text = "It left our warehouse yesterday. ".repeat(100);
    let all = (0..100).map(|place| sample::message(place, AuthorKind::Contact, &text)).collect();
    let whole = with_policy(sample::import_of("42", all), ConflictPolicy::Append);
    client.import(whole.clone()).await.unwrap();
    client.scored(NAME).await;
    let mut other = whole.clone();
    other.messages.iter_mut().for_each(|message| message.content = Some("Other words.".to_owned()));
    let only_new = ImportConversationRequest { additions_only: true, ..whole.clone() };
    let reads = async |request: &ImportConversationRequest| {
        undisturbed(&server, async || client.import(request.clone()).await.unwrap()).await
    };
    let (_, least) = reads(&only_new).await;
    let (same, comparing) = reads(&whole).await;
    let (answer, naming) = reads(&other).await;
    assert_eq!((same.differences.len(), answer.differences.len()), (0, 100));
    assert!(least > 0 && (comparing, naming) == (least, least), "{least} {comparing} {naming}");
}

#[tokio::test]
async fn an_edit_here_is_kept_until_the_source_edits_later() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(append(|_| {})).await.unwrap();
    client.scored(NAME).await;
    let mut message = client.messages(NAME, 50).await.swap_remove(1);
    message.content = Some("Corrected here.".to_owned());
    let paths = vec!["content".to_owned()];
    let update_mask = Some(FieldMask { paths });
    let update = UpdateMessageRequest { message: Some(message), update_mask, request_id: String::new() };
    client.update_message(update).await.unwrap();
    client.scored(NAME).await;
    let answer = changes_nothing(&server, &client, edited(Some(600), words("Edited there."))).await;
    assert_eq!(differing(&answer), ["messages[1].content"]);
    assert!(answer.differences[0].description.contains("only an edit after 2026-01-01T00:00:00Z"));
    server.clock.advance_millis(3_600_000);
    let newest =
        edited(Some(Plaudit::START.millis() / 1000 + 60 - sample::BEGIN_SECONDS), words("Edited there."));
    assert_eq!(client.import(newest).await.unwrap().outcome(), ImportOutcome::Updated);
    let stored = client.messages(NAME, 50).await.swap_remove(1);
    assert_eq!(stored.content.as_deref(), Some("Edited there."));
}

#[tokio::test]
async fn a_message_that_is_known_by_its_tracking_id_is_compared_and_not_edited() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let store = |content: &str| StoreMessageRequest {
        parent: NAME.to_owned(),
        message: Some(Message {
            content: Some(content.to_owned()),
            tracking_id: Some("m0".to_owned()),
            author: sample::message(0, AuthorKind::Contact, "").author,
            create_time: at(0),
            ..Message::default()
        }),
        ..StoreMessageRequest::default()
    };
    client.store(store("Hello?")).await.unwrap();
    client.store(store("Hello, is anybody there?")).await.unwrap();
    client.scored(NAME).await;
    let of = |content: &str, seconds: Option<i64>| {
        let mut message = sample::message(0, AuthorKind::Contact, content);
        message.update_time = seconds.and_then(at);
        let mut request = with_policy(sample::import_of("42", vec![message]), ConflictPolicy::Append);
        request.conversation.as_mut().unwrap().subject = None;
        request
    };
    for known in ["Hello?", "Hello, is anybody there?"] {
        assert_eq!(differences(&changes_nothing(&server, &client, of(known, None)).await), []);
    }
    let answer = changes_nothing(&server, &client, of("Anybody?", Some(600))).await;
    assert_eq!(differing(&answer), ["messages[0].content"]);
    assert!(answer.differences[0].description.contains("tracking id"), "{answer:?}");
}

#[tokio::test]
async fn the_time_of_an_edit_is_kept_from_the_first_import_on() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(edited(Some(600), words("Edited."))).await.unwrap();
    client.scored(NAME).await;
    assert_eq!(client.messages(NAME, 50).await.swap_remove(1).update_time, at(600));
    let answer = changes_nothing(&server, &client, edited(Some(500), words("An earlier edit."))).await;
    assert_eq!(differing(&answer), ["messages[1].content"]);
}

#[tokio::test]
async fn an_edit_that_arrives_after_a_later_one_of_the_same_words_replaces_nothing() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(edited(Some(600), words("It is late."))).await.unwrap();
    client.scored(NAME).await;
    queued(&server);
    let back = edited(Some(1_800), words("It is late."));
    let answer = client.import(back.clone()).await.unwrap();
    assert_eq!((answer.outcome(), differences(&answer)), (ImportOutcome::Updated, vec![]));
    assert!(!queued(&server), "no word has changed");
    assert_eq!(client.messages(NAME, 50).await.swap_remove(1).update_time, at(1_800));
    assert_eq!(differences(&changes_nothing(&server, &client, back).await), []);
    let between = edited(Some(1_200), words("It is lost."));
    let answer = changes_nothing(&server, &client, between).await;
    assert_eq!(differing(&answer), ["messages[1].content"]);
    assert_eq!(client.messages(NAME, 50).await.swap_remove(1).content.as_deref(), Some("It is late."));
}

#[tokio::test]
async fn edits_that_would_rewrite_too_much_are_refused_before_all_of_it_is_read() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    // Each of those that are edited is in one segment with a long one that is not.
    let pair = |place: usize| {
        let mut long = sample::message(2 * place, AuthorKind::Contact, "Hello?");
        long.raw_data = Some(format!(r#"{{"x":"{}"}}"#, "x".repeat(30 * 1024)));
        [long, sample::message(2 * place + 1, AuthorKind::Contact, "Is anybody there?")]
    };
    let all: Vec<Message> = (0..700).flat_map(pair).collect();
    let import = |messages: &[Message]| {
        with_policy(sample::import_of("42", messages.to_vec()), ConflictPolicy::Append)
    };
    for part in all.chunks(200) {
        client.import(import(part)).await.unwrap();
    }
    client.scored(NAME).await;
    let mut all: Vec<Message> = all.into_iter().filter(|message| message.raw_data.is_none()).collect();
    for message in &mut all {
        (message.content, message.update_time) = (Some("Edited.".to_owned()), at(86_400));
    }
    let (_, least) = undisturbed(&server, async || {
        let only_new = ImportConversationRequest { additions_only: true, ..import(&all) };
        client.import(only_new).await.unwrap()
    })
    .await;
    let before = server.store.dump().await;
    let (refused, reads) =
        undisturbed(&server, async || client.import(import(&all)).await.unwrap_err()).await;
    assert_eq!(fields(&refused), ["messages"]);
    assert!(refused.message().contains("more than 16777216 bytes"), "{}", refused.message());
    assert_eq!(server.store.dump().await, before);
    assert!(reads < least + 600, "{reads} values, and {least} without edits");
    let answer = client.import(import(&all[..500])).await.unwrap();
    assert_eq!(answer.outcome(), ImportOutcome::Updated);
}
