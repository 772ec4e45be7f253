//! Reading conversations and their messages: names, views and pages.

use plaudit::proto::v1::{AuthorKind, ConflictPolicy, ConversationView, Message};

use crate::harness::{
    Client, Plaudit, assert_not_found, fields,
    sample::{self, with_policy, without_names},
};

const BASIC: i32 = ConversationView::Basic as i32;
const FULL: i32 = ConversationView::Full as i32;

#[tokio::test]
async fn a_conversation_is_read_by_its_number_and_by_its_external_id() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    for (source, external_id, name) in [
        ("test", "42", "test:42"),
        ("test", "a:b/c", "test:a:b%2Fc"),
        ("a:b", "ü 100%", "a%3Ab:%C3%BC%20100%25"),
        ("test", "ü", "test:ü"),
        ("test", "5000000000000001", "test:5000000000000001"),
        ("test", "%41", "test:%2541"),
    ] {
        let mut request = sample::import(external_id);
        request.conversation.as_mut().unwrap().source = source.to_owned();
        let number = client.import(request).await.expect(name).conversation;
        client.scored(&number).await;
        let by_number = client.conversation(&number).await.unwrap();
        assert_eq!((by_number.source.as_str(), by_number.external_id.as_str()), (source, external_id));
        assert_eq!(by_number.name, number);
        let name = format!("conversations/{name}");
        assert_eq!(client.conversation(&name).await.unwrap(), by_number, "{name}");
        assert_eq!(client.messages(&name, 2).await, client.messages(&number, 50).await, "{name}");
        assert_eq!(client.assessments(&name, 1).await, client.assessments(&number, 50).await, "{name}");
    }
}

#[tokio::test]
async fn malformed_names_are_refused_and_unknown_ones_are_not_found() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let stored = client.import(sample::import("42")).await.unwrap().conversation;
    let too_long = format!("conversations/test:{}", "x".repeat(100_000));
    for malformed in [
        "",
        "conversations",
        "conversations/",
        "conversations/042",
        "conversations/-1",
        "conversations/+1",
        "conversations/1.0",
        "conversations/18446744073709551616",
        "conversations/-",
        "conversations/:42",
        "conversations/test:",
        "conversations/test:4/2",
        "conversations/test:%ff",
        "conversations/test:42%00",
        "Conversations/test:42",
        "imports/test:42",
        &too_long,
        &format!("{stored}/messages"),
        &format!("/{stored}"),
    ] {
        let shown = &malformed[..malformed.len().min(50)];
        assert_eq!(fields(&client.conversation(malformed).await.unwrap_err()), ["name"], "{shown}");
        assert_eq!(fields(&client.view(malformed, FULL).await.unwrap_err()), ["name"], "{shown}");
        assert_eq!(fields(&client.list_messages(malformed, 0, "").await.unwrap_err()), ["parent"], "{shown}");
        // All conversations together have a list of assessments.
        if malformed != "conversations/-" {
            let refused = client.list_assessments(malformed, 0, "").await.unwrap_err();
            assert_eq!(fields(&refused), ["parent"], "{shown}");
        }
    }
    let longest = format!("conversations/{}:{}", "é".repeat(64), "ü".repeat(256));
    for unknown in [
        "conversations/0",
        "conversations/1",
        "conversations/5000000000000000",
        "conversations/18446744073709551615",
        "conversations/test:43",
        "conversations/Test:42",
        "conversations/custom:42",
        &longest,
    ] {
        for status in [
            client.conversation(unknown).await.unwrap_err(),
            client.view(unknown, FULL).await.unwrap_err(),
            client.list_messages(unknown, 0, "").await.unwrap_err(),
            client.list_assessments(unknown, 0, "").await.unwrap_err(),
        ] {
            assert_not_found(&status, "conversation");
        }
    }
}

#[tokio::test]
async fn a_view_decides_whether_messages_are_returned() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    client.scored(&name).await;
    let basic = client.view(&name, BASIC).await.unwrap();
    assert_eq!((basic.messages.len(), basic.message_count, basic.next_page_token.as_str()), (0, 4, ""));
    assert_eq!(client.view(&name, 0).await.unwrap(), basic);
    let full = client.view(&name, FULL).await.unwrap();
    assert_eq!(full.messages, client.messages(&name, 50).await);
    assert_eq!(full.next_page_token, "");
    assert_eq!(plaudit::proto::v1::Conversation { messages: Vec::new(), ..full }, basic);
    for unknown in [3, -1] {
        assert_eq!(fields(&client.view(&name, unknown).await.unwrap_err()), ["view"]);
    }
    assert_eq!(fields(&client.view("x", 9).await.unwrap_err()), ["view", "name"]);
}

#[tokio::test]
async fn a_message_has_a_name_below_its_conversation_and_names_grow() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    let messages = client.messages(&name, 50).await;
    let prefix = format!("{name}/messages/");
    let number = |message: &Message| message.name.strip_prefix(&prefix).unwrap().parse::<u64>().unwrap();
    assert!(messages.windows(2).all(|pair| number(&pair[0]) < number(&pair[1])), "{messages:?}");
}

#[tokio::test]
async fn pages_visit_every_message_once_across_the_import_and_appends() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    // The first fits into the conversation's record, the second is too large for that.
    for (external_id, words) in [("small", 10), ("large", 5000)] {
        let mut sent = sample::messages(0, 53);
        sent[7].content = Some("w".repeat(words));
        let name = client.import(sample::import_of(external_id, sent.clone())).await.unwrap().conversation;
        for (from, count) in [(53, 1), (54, 50), (104, 3)] {
            let more = sample::messages(from, count);
            sent.extend(more.clone());
            let append = with_policy(sample::import_of(external_id, more), ConflictPolicy::Append);
            assert_eq!(client.import(append).await.unwrap().stored_messages as usize, count);
        }
        for page_size in [1, 2, 3, 50, 0, 107, 1_000_000, i32::MAX] {
            let read = client.messages(&name, page_size).await;
            assert_eq!(without_names(read), sent, "{external_id} in pages of {page_size}");
        }
        assert_eq!(without_names(from_full_view(&client, &name).await), sent);
    }
}

#[tokio::test]
async fn pages_of_the_largest_possible_conversation_stay_below_three_mebibytes() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let sent = large_messages();
    let request = sample::import_of("large", sent.clone());
    let mut sent = sent;
    let name = client.import(request).await.unwrap().conversation;
    let more = sample::messages(2000, 30);
    sent.extend(more.clone());
    client.import(with_policy(sample::import_of("large", more), ConflictPolicy::Append)).await.unwrap();
    for page_size in [50, 1000] {
        assert_eq!(without_names(client.messages(&name, page_size).await), sent, "pages of {page_size}");
    }
    for (page_size, from) in [(1, 0), (1, 160), (2, 480), (3, 1979), (1, 1988), (3, 2020)] {
        let read = part(&client, &name, from, page_size, 12).await;
        assert_eq!(without_names(read.clone()), sent[from..from + read.len()], "{page_size} from {from}");
        assert!(from + read.len() == sent.len() || read.len() == 12 * page_size);
    }
    assert_eq!(without_names(from_full_view(&client, &name).await), sent);
}

/// 2,000 messages, among them 12 of 256 KiB, in a request just below 4 MiB.
fn large_messages() -> Vec<Message> {
    let mut messages = sample::messages(0, 2000);
    for message in messages.iter_mut().skip(3).step_by(160).take(12) {
        message.content = Some("word ".repeat(52_429)[..262_144].to_owned());
    }
    for message in messages.iter_mut().skip(1990) {
        message.content = Some("last ".repeat(15_000));
    }
    messages
}

/// This many pages, after the first `from` messages, or fewer at the end.
async fn part(client: &Client, name: &str, from: usize, page_size: usize, pages: usize) -> Vec<Message> {
    let (mut token, mut before) = (String::new(), 0);
    while before < from {
        let page = client.list_messages(name, (from - before) as i32, &token).await.unwrap();
        before += page.messages.len();
        token = page.next_page_token;
    }
    let mut read = Vec::new();
    for _ in 0..pages {
        let page = client.list_messages(name, page_size as i32, &token).await.unwrap();
        read.extend(page.messages);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    read
}

/// The messages of a FULL view and those its token leads to.
async fn from_full_view(client: &Client, name: &str) -> Vec<Message> {
    let full = client.view(name, FULL).await.unwrap();
    let (mut all, mut token) = (full.messages, full.next_page_token);
    while !token.is_empty() {
        let page = client.list_messages(name, 1000, &token).await.unwrap();
        all.extend(page.messages);
        token = page.next_page_token;
    }
    all
}

#[tokio::test]
async fn an_invalid_page_size_or_token_is_refused() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    let other = client.import(sample::import("43")).await.unwrap().conversation;
    client.scored(&name).await;
    let token = client.list_messages(&name, 1, "").await.unwrap().next_page_token;
    let foreign = client.list_assessments(&name, 1, "").await.unwrap().next_page_token;
    assert!(!token.is_empty() && !foreign.is_empty());
    for negative in [-1, i32::MIN] {
        assert_eq!(fields(&client.list_messages(&name, negative, "").await.unwrap_err()), ["page_size"]);
    }
    assert_eq!(fields(&client.list_messages(&other, 1, &token).await.unwrap_err()), ["page_token"]);
    let (last, cut) = (token.len() - 1, &token[1..]);
    let forged = format!("{}{}", &token[..last], if token.ends_with('1') { "2" } else { "1" });
    for wrong in [foreign.as_str(), cut, &forged, "x", "1", "ü", &"x".repeat(100_000)] {
        let status = client.list_messages(&name, 1, wrong).await.unwrap_err();
        assert_eq!(fields(&status), ["page_token"], "{}", &wrong[..wrong.len().min(50)]);
    }
    assert_eq!(fields(&client.list_messages("x", -1, "").await.unwrap_err()), ["page_size", "parent"]);
    assert_eq!(fields(&client.list_messages(&name, -1, "x").await.unwrap_err()), ["page_size", "page_token"]);
    // Neither the name used for the conversation nor the page size matters.
    let page = client.list_messages("conversations/test:42", 2, &token).await.unwrap();
    assert_eq!(page.messages.len(), 2);
}

#[tokio::test]
async fn later_pages_include_messages_appended_meanwhile() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    let page = client.list_messages(&name, 3, "").await.unwrap();
    let more = vec![sample::message(4, AuthorKind::Contact, "Thanks!")];
    client.import(with_policy(sample::import_of("42", more), ConflictPolicy::Append)).await.unwrap();
    let rest = client.list_messages(&name, 3, &page.next_page_token).await.unwrap();
    let ids: Vec<_> = rest.messages.iter().map(|message| message.external_id.as_str()).collect();
    assert_eq!((ids, rest.next_page_token.as_str()), (vec!["m3", "m4"], ""));
}
