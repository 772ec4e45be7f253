//! A filter finds a conversation as soon as it is stored, whatever the worker has done with it.

use std::{collections::BTreeSet, sync::Arc};

use plaudit::{
    background::index::index_next,
    clock::ManualClock,
    domain::{
        Author, AuthorKind, ConversationFilter, ConversationRef, FieldUpdate, MessageKind, NewConversation,
        NewImportedMessage,
    },
    service::{
        Call, Services, Settings,
        conversation::{
            Scope, delete_conversation, list_conversations, undelete_conversation, update_conversation,
        },
        import::{ConflictPolicy, import_conversation},
        scoring::score_now,
    },
    store::{Keyspace, MemoryStore},
};

use crate::harness::{Plaudit, Watched};

/// The use cases without a worker: only the test has anything posted or scored.
pub(super) async fn start() -> (Arc<Services>, Arc<Watched>) {
    let store = Arc::new(Watched::new(Arc::new(MemoryStore::new())));
    let below: Arc<dyn Keyspace> = store.clone();
    let clock = Arc::new(ManualClock::at(Plaudit::START));
    (Arc::new(Services::open(below, clock, Settings::default()).await.unwrap()), store)
}

fn message(external_id: &str, agent: &str, content: String) -> NewImportedMessage {
    NewImportedMessage {
        external_id: external_id.parse().unwrap(),
        kind: MessageKind::Message,
        content,
        author: Author { kind: AuthorKind::Teammate, external_id: Some(agent.parse().unwrap()), name: None },
        create_time: Plaudit::START,
        ai_tool: None,
        details: None,
        is_automatic: false,
        update_time: None,
    }
}

pub(super) async fn import(
    services: &Services,
    source: &str,
    external_id: &str,
    messages: Vec<NewImportedMessage>,
) -> u64 {
    let (source, external_id) = (source.parse().unwrap(), external_id.parse().unwrap());
    let new = NewConversation { messages, ..NewConversation::new(source, external_id) };
    let imported = import_conversation(Call::new(services), &new, ConflictPolicy::Append).await.unwrap();
    imported.conversation.0
}

/// The numbers of everything that a filter finds, in pages of this size.
pub(super) async fn found(services: &Services, filter: &ConversationFilter, size: usize) -> Vec<u64> {
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let page = list_conversations(Call::new(services), Scope::Kept, filter, after, size).await.unwrap();
        numbers.extend(page.items.iter().map(|item| item.conversation.id.0));
        after = page.next_cursor();
        if after.is_none() {
            return numbers;
        }
    }
}

pub(super) fn of_source(source: &str) -> ConversationFilter {
    ConversationFilter { source: Some(source.to_owned()), ..ConversationFilter::default() }
}

fn by_agent(agent: &str) -> ConversationFilter {
    ConversationFilter { agent: Some(agent.to_owned()), ..ConversationFilter::default() }
}

pub(super) async fn post_all(services: &Services) {
    while index_next(Call::new(services)).await.unwrap() {}
}

#[tokio::test]
async fn imports_are_found_before_and_after_they_are_posted_and_scored() {
    let (services, _) = start().await;
    let mut of_a = Vec::new();
    for place in 0..150 {
        let source = if place % 3 == 0 { "a" } else { "b" };
        let id = format!("{place}");
        let number = import(&services, source, &id, vec![message("1", "t1", "Hello.".to_owned())]).await;
        if place % 3 == 0 {
            of_a.insert(0, number);
        }
    }
    let is_found = async || {
        for size in [1, 7, 50, 1000] {
            assert_eq!(found(&services, &of_source("a"), size).await, of_a, "by {size}");
        }
        assert_eq!(found(&services, &by_agent("t1"), 50).await.len(), 150);
        let not_rated = ConversationFilter { is_rated: Some(false), ..of_source("a") };
        assert_eq!(found(&services, &not_rated, 50).await, of_a);
    };
    is_found().await;
    assert!(index_next(Call::new(&services)).await.unwrap(), "a part of them");
    is_found().await;
    for number in of_a.iter().take(3) {
        score_now(Call::new(&services), plaudit::domain::ConversationId(*number)).await.unwrap();
    }
    is_found().await;
    post_all(&services).await;
    is_found().await;
}

#[tokio::test]
async fn a_list_in_progress_shows_each_conversation_once_while_they_are_posted() {
    let (services, _) = start().await;
    let mut expected = BTreeSet::new();
    for place in 0..200 {
        let messages = vec![message("1", "t1", "Hello.".to_owned())];
        expected.insert(import(&services, "a", &place.to_string(), messages).await);
    }
    let (filter, mut listed, mut after) = (of_source("a"), Vec::new(), None);
    loop {
        let page = list_conversations(Call::new(&services), Scope::Kept, &filter, after, 10).await.unwrap();
        listed.extend(page.items.iter().map(|item| item.conversation.id.0));
        after = page.next_cursor();
        index_next(Call::new(&services)).await.unwrap();
        // New ones are not in this list, and do not disturb it.
        import(&services, "a", &format!("new {}", listed.len()), Vec::new()).await;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed.len(), expected.len());
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn a_conversation_stored_late_is_not_skipped() {
    let (services, store) = start().await;
    let late = |key: &[u8]| key[0] == 0x11 && key.windows(4).any(|part| part == b"late");
    let gate = store.hold(move |batch| batch.put.iter().any(|(key, _)| late(key)));
    let importing = {
        let services = Arc::clone(&services);
        tokio::spawn(async move { import(&services, "a", "late", Vec::new()).await })
    };
    gate.arrived().await;
    // It has the lower number, and is stored after these are posted.
    let mut expected = Vec::new();
    for place in 0..3 {
        expected.insert(0, import(&services, "a", &place.to_string(), Vec::new()).await);
    }
    post_all(&services).await;
    assert_eq!(found(&services, &of_source("a"), 50).await, expected);
    gate.open();
    expected.push(importing.await.unwrap());
    assert_eq!(found(&services, &of_source("a"), 50).await, expected);
    post_all(&services).await;
    assert_eq!(found(&services, &of_source("a"), 50).await, expected);
}

#[tokio::test]
async fn a_conversation_whose_caller_disconnected_is_not_skipped() {
    let (services, store) = start().await;
    let gate = store.hold(|batch| batch.put.iter().any(|(key, _)| key[0] == 0x11));
    let importing = {
        let services = Arc::clone(&services);
        tokio::spawn(async move { import(&services, "a", "late", Vec::new()).await })
    };
    gate.arrived().await;
    importing.abort();
    assert!(importing.await.is_err());
    let other = import(&services, "a", "other", Vec::new()).await;
    post_all(&services).await;
    gate.open();
    crate::harness::soon("the import", async {
        while found(&services, &ConversationFilter::default(), 50).await.len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let found = found(&services, &of_source("a"), 50).await;
    assert_eq!((found.len(), found[0]), (2, other));
}

#[tokio::test]
async fn agents_who_wrote_in_segments_or_later_are_found() {
    let (services, _) = start().await;
    let long = || "word ".repeat(2000);
    let messages = vec![message("1", "t1", long()), message("2", "t2", long()), message("3", "t3", long())];
    let large = import(&services, "a", "large", messages).await;
    for agent in ["t1", "t2", "t3"] {
        assert_eq!(found(&services, &by_agent(agent), 50).await, [large], "{agent}");
    }
    import(&services, "a", "large", vec![message("4", "t4", "So.".to_owned())]).await;
    assert_eq!(found(&services, &by_agent("t4"), 50).await, [large]);
    post_all(&services).await;
    // Appends to a posted conversation count at once too.
    import(&services, "a", "large", vec![message("5", "t5", "So.".to_owned())]).await;
    for agent in ["t1", "t2", "t3", "t4", "t5"] {
        assert_eq!(found(&services, &by_agent(agent), 50).await, [large], "{agent}");
    }
}

#[tokio::test]
async fn an_unposted_conversation_is_found_in_its_current_state() {
    let (services, _) = start().await;
    let number = import(&services, "a", "1", vec![message("1", "t1", "Hello.".to_owned())]).await;
    let id = plaudit::domain::ConversationId(number);
    let name = ConversationRef::Id(id);
    let tag = FieldUpdate::Tags(vec!["vip".parse().unwrap()]);
    update_conversation(Call::new(&services), &name, "", &[tag]).await.unwrap();
    let vip = ConversationFilter { tags: vec!["vip".to_owned()], ..ConversationFilter::default() };
    assert_eq!(found(&services, &vip, 50).await, [number]);
    delete_conversation(Call::new(&services), &name, "").await.unwrap();
    assert!(found(&services, &vip, 50).await.is_empty());
    post_all(&services).await;
    assert!(found(&services, &vip, 50).await.is_empty());
    undelete_conversation(Call::new(&services), id).await.unwrap();
    for filter in [vip, by_agent("t1"), of_source("a")] {
        assert_eq!(found(&services, &filter, 50).await, [number]);
    }
}

#[tokio::test]
async fn deleted_conversations_are_listed_on_request() {
    let (services, _) = start().await;
    let a = import(&services, "a", "1", Vec::new()).await;
    let b = import(&services, "b", "1", Vec::new()).await;
    post_all(&services).await;
    let name = ConversationRef::Id(plaudit::domain::ConversationId(a));
    delete_conversation(Call::new(&services), &name, "").await.unwrap();
    let listed = async |scope, filter: &ConversationFilter| -> Vec<(u64, bool)> {
        let page = list_conversations(Call::new(&services), scope, filter, None, 50).await.unwrap();
        assert_eq!(page.next, None);
        let shown = page.items.iter().map(|item| &item.conversation);
        shown.map(|conversation| (conversation.id.0, conversation.delete_time.is_some())).collect()
    };
    let all = ConversationFilter::default();
    assert_eq!(listed(Scope::Kept, &all).await, [(b, false)]);
    assert_eq!(listed(Scope::WithDeleted, &all).await, [(b, false), (a, true)]);
    assert_eq!(listed(Scope::WithDeleted, &of_source("a")).await, [(a, true)]);
    assert_eq!(listed(Scope::Kept, &of_source("a")).await, []);
}
