//! Calls that read one thing while another call changes the next.

use std::sync::atomic::{AtomicUsize, Ordering};

use plaudit::{
    domain::{AuthorKind, ConversationId, KnownBy, Person, PersonId, PersonIdentity},
    proto::v1::{
        Conversation, ImportOutcome, ListPeopleRequest, Message, RatingType, ScoringProcess, ScoringState,
        StoreMessageRequest, UpdateConversationRequest, directory_service_client::DirectoryServiceClient,
    },
    store::{Batch, Key, Keyspace as _, directory, records},
};

use crate::{
    harness::{
        Client, KEYS, Plaudit, assert_not_found, put,
        sample::{self, with_policy},
    },
    rating::offer,
    store_message::{store, words},
};

const NAME: &str = "conversations/test:42";

fn number(name: &str) -> ConversationId {
    let number = name.strip_prefix("conversations/").and_then(|number| number.parse().ok());
    ConversationId(number.expect("a number"))
}

fn tag(name: &str) -> UpdateConversationRequest {
    let conversation =
        Conversation { name: name.to_owned(), tags: vec!["vip".to_owned()], ..Conversation::default() };
    UpdateConversationRequest { conversation: Some(conversation), ..UpdateConversationRequest::default() }
}

async fn start() -> (Plaudit, Client, String) {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    client.scored(&name).await;
    (server, client, name)
}

/// Whether a get reads the head of a conversation.
fn asks_for_head_of(name: &str) -> impl Fn(&[Key]) -> bool + Send + Sync + 'static {
    let head = KEYS.head(number(name));
    move |keys| keys.contains(&head)
}

#[tokio::test]
async fn a_message_to_a_conversation_deleted_meanwhile_starts_another() {
    let (server, client, name) = start().await;
    for number in 0..2 {
        let parent = if number == 0 { name.clone() } else { client.conversation(NAME).await.unwrap().name };
        let gate = server.store.hold_get(asks_for_head_of(&parent));
        let (stored, ()) = tokio::join!(client.store(store(NAME, words("Hello?"))), async {
            gate.arrived().await;
            client.delete(&parent).await.unwrap();
            gate.open();
        });
        let conversation = stored.unwrap().conversation.unwrap();
        assert_ne!(conversation.name, parent);
        assert_eq!(conversation.message_count, 1);
    }
}

#[tokio::test]
async fn an_append_to_a_conversation_deleted_meanwhile_starts_another() {
    use plaudit::proto::v1::ConflictPolicy::Append;
    let (server, client, name) = start().await;
    let gate = server.store.hold_get(asks_for_head_of(&name));
    let (imported, ()) = tokio::join!(client.import(with_policy(sample::import("42"), Append)), async {
        gate.arrived().await;
        client.delete(&name).await.unwrap();
        gate.open();
    });
    let imported = imported.unwrap();
    assert_eq!(imported.outcome(), ImportOutcome::Created);
    assert_ne!(imported.conversation, name);
}

#[tokio::test]
async fn a_change_by_name_reaches_the_conversation_that_now_has_the_name() {
    let (server, client, first) = start().await;
    let replace = async |old: &str| {
        client.delete(old).await.unwrap();
        client.import(sample::import("42")).await.unwrap().conversation
    };

    let gate = server.store.hold_get(asks_for_head_of(&first));
    let (updated, second) = tokio::join!(client.update(tag(NAME)), async {
        gate.arrived().await;
        let second = replace(&first).await;
        gate.open();
        second
    });
    assert_eq!(updated.unwrap().name, second);

    let gate = server.store.hold_get(asks_for_head_of(&second));
    let (offered, third) = tokio::join!(client.offer_rating(offer(NAME, &[RatingType::Csat])), async {
        gate.arrived().await;
        let third = replace(&second).await;
        gate.open();
        third
    });
    assert!(offered.unwrap().name.starts_with(&format!("{third}/")));

    let gate = server.store.hold_get(asks_for_head_of(&third));
    let (deleted, fourth) = tokio::join!(client.delete(NAME), async {
        gate.arrived().await;
        let fourth = replace(&third).await;
        gate.open();
        fourth
    });
    assert_eq!(deleted.unwrap().name, fourth);
}

#[tokio::test]
async fn a_list_of_people_leaves_out_those_purged_meanwhile() {
    let (server, _, name) = start().await;
    let known_by = KnownBy::NameIn { conversation: number(&name), name: "Ada".to_owned() };
    let identity = PersonIdentity { source: "test".parse().unwrap(), kind: AuthorKind::Contact, known_by };
    let person = Person::first_seen(PersonId(7), identity.clone(), None, Plaudit::START);
    put(&server.store, |decision| directory::put_new_person(decision, &person)).await;
    let mut directory = DirectoryServiceClient::new(server.channel().await);
    let all = directory.list_people(ListPeopleRequest::default()).await.unwrap().into_inner().people;
    assert!(all.iter().any(|person| person.name.ends_with("/7")), "{all:?}");

    let keys = vec![KEYS.person(PersonId(7)), KEYS.person_identity(&identity)];
    let gate = server.store.hold_get(|keys| keys.contains(&KEYS.person(PersonId(7))));
    let (listed, ()) = tokio::join!(directory.list_people(ListPeopleRequest::default()), async {
        gate.arrived().await;
        server.store.commit(Batch { delete: keys, ..Batch::default() }).await.unwrap();
        gate.open();
    });
    let left: Vec<_> = all.into_iter().filter(|person| !person.name.ends_with("/7")).collect();
    assert_eq!(listed.unwrap().into_inner().people, left);
}

#[tokio::test]
async fn a_refusal_is_reconsidered_when_its_grounds_have_changed() {
    let (server, client, name) = start().await;
    client.delete(&name).await.unwrap();
    // Found to be deleted, and read again before that is returned.
    let (asks, asked) = (asks_for_head_of(&name), AtomicUsize::new(0));
    let gate = server.store.hold_get(move |keys| asks(keys) && asked.fetch_add(1, Ordering::SeqCst) == 1);
    let (updated, ()) = tokio::join!(client.update(tag(&name)), async {
        gate.arrived().await;
        client.undelete(&name).await.unwrap();
        gate.open();
    });
    assert_eq!(updated.unwrap().name, name);
    assert_not_found(&client.update(tag("conversations/test:none")).await.unwrap_err(), "conversation");
}

#[tokio::test]
async fn a_message_without_scoring_leaves_a_failed_scoring_unchanged() {
    let (server, client, name) = start().await;
    let id = number(&name);
    let failure = records::ScoringFailure {
        version: 1,
        failed_attempts: 5,
        cause: "a fault".to_owned(),
        time: Plaudit::START,
    };
    put(&server.store, |decision| decision.put(KEYS.scoring_failure(id), &failure)).await;
    let request = StoreMessageRequest {
        process: ScoringProcess::Off.into(),
        ..store(NAME, Message { tracking_id: Some("one".to_owned()), ..words("Hello?") })
    };
    let stored = client.store(request.clone()).await.unwrap().conversation.unwrap();
    let again = client.store(request).await.unwrap().conversation.unwrap();
    let read = client.conversation(NAME).await.unwrap();
    assert_eq!(stored.scoring.as_ref().unwrap().state(), ScoringState::Failed);
    assert_eq!((&stored.scoring, &again.scoring), (&read.scoring, &read.scoring));
    // A deletion forgets the failure, and the restored conversation is scored, as was requested.
    client.delete(&name).await.unwrap();
    let restored = client.undelete(&name).await.unwrap();
    assert_eq!(restored.scoring.unwrap().state(), ScoringState::Pending);
}
