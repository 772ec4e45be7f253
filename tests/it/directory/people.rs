use std::{collections::HashSet, sync::Arc};

use futures_util::future::join_all;
use plaudit::{
    clock::ManualClock,
    domain::{self, ConversationId},
    proto::v1::{AuthorKind, ConflictPolicy, ListPeopleRequest, Person, UpdatePersonRequest},
    service::{Call, Services, Settings, directory::number_of},
    store::{Direction, Key, KeyRange, Keyspace as _, MemoryStore, Value},
};
use tonic::Code;

use crate::harness::{
    Plaudit, assert_not_found, fault, fields,
    sample::{self, with_policy},
};

use super::{Directory, mask, new_team, upsert};

const TOM: &str = "people/test:teammate:t1";

#[tokio::test]
async fn writers_are_in_the_directory_once_the_conversation_is_scored() {
    let server = Plaudit::start().await;
    let (client, directory) = (server.client().await, Directory::of(&server).await);
    let mut request = sample::import("42");
    request.messages.push(sample::message(4, AuthorKind::Ai, "I am the helper."));
    let mut unnamed = sample::message(5, AuthorKind::Contact, "And I am somebody else.");
    unnamed.author.as_mut().unwrap().external_id = None;
    unnamed.author.as_mut().unwrap().name = Some("A guest".to_owned());
    request.messages.push(unnamed);
    let name = client.import(request).await.unwrap().conversation;
    client.scored(&name).await;

    let people = directory.people(ListPeopleRequest::default()).await.unwrap().people;
    let found: Vec<_> = people
        .iter()
        .map(|person| (person.kind(), person.external_id.as_deref(), person.display_name.as_str()))
        .collect();
    // The guest exists only within the conversation.
    let expected = [
        (AuthorKind::Contact, Some("c1"), "Ada"),
        (AuthorKind::Ai, Some("bot"), "Helper"),
        (AuthorKind::Teammate, Some("t1"), "Tom"),
    ];
    assert_eq!(found, expected);
    for person in people {
        assert_eq!(person.source, "test");
        assert_eq!(directory.person(&person.name).await.unwrap(), person);
        assert_eq!(person.create_time, person.update_time);
    }
    let tom = directory.person(TOM).await.unwrap();
    assert!(tom.name.strip_prefix("people/5000").is_some(), "{tom:?}");
}

#[tokio::test]
async fn the_same_id_in_another_source_or_of_another_kind_is_somebody_else() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let mut names = HashSet::new();
    for name in ["people/a:teammate:1", "people/a:ai:1", "people/a:contact:1", "people/b:teammate:1"] {
        names.insert(directory.update(upsert(name, Person::default())).await.unwrap().name);
    }
    assert_eq!(names.len(), 4);
}

#[tokio::test]
async fn concurrent_conversations_make_one_entry_per_person() {
    let server = Plaudit::start().await;
    let (client, directory) = (server.client().await, Directory::of(&server).await);
    let imports = (0..64).map(|number| {
        let client = client.clone();
        async move { client.import(sample::import(&number.to_string())).await.unwrap().conversation }
    });
    for name in join_all(imports).await {
        client.scored(&name).await;
    }
    assert_eq!(directory.called(AuthorKind::Unspecified, "", 0).await, ["Ada", "Tom"]);
}

fn author(external_id: Option<&str>, name: &str) -> domain::Author {
    domain::Author {
        kind: domain::AuthorKind::Teammate,
        external_id: external_id.map(|id| id.parse().unwrap()),
        name: Some(name.to_owned()),
    }
}

fn conversation(source: &str) -> domain::Conversation {
    let id = ConversationId(5_000_000_000_000_001);
    domain::Conversation::new(id, source.parse().unwrap(), "1".parse().unwrap(), Plaudit::START)
}

async fn services() -> (Arc<Services>, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(ManualClock::at(Plaudit::START));
    let services = Services::open(store.clone(), clock, Settings::default()).await.expect("opens");
    (Arc::new(services), store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_concurrent_requests_for_a_number_get_the_same_one() {
    let (services, _) = services().await;
    let asking = (0..64).map(|_| {
        let services = services.clone();
        tokio::spawn(async move {
            let tom = author(Some("tea_1"), "Tom");
            number_of(Call::new(&services), "enneo", &conversation("zendesk"), &tom).await.unwrap()
        })
    });
    let numbers: HashSet<u64> =
        join_all(asking).await.into_iter().map(|number| number.expect("no panic")).collect();
    assert_eq!(numbers.len(), 1);
    assert!(numbers.into_iter().all(|number| number > 5_000_000_000_000_000));
}

#[tokio::test]
async fn a_known_person_costs_no_read() {
    let (services, store) = services().await;
    let tom = author(Some("tea_1"), "Tom");
    let of_tom = async || number_of(Call::new(&services), "enneo", &conversation("zendesk"), &tom).await;
    let first = of_tom().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(of_tom().await.unwrap(), first);
    let somebody_new = author(Some("tea_2"), "Tim");
    assert!(number_of(Call::new(&services), "enneo", &conversation("zendesk"), &somebody_new).await.is_err());
}

#[tokio::test]
async fn a_numeric_id_of_the_source_is_kept() {
    let (services, _) = services().await;
    let number = async |source: &str, external_id: Option<&str>| {
        let author = author(external_id, "Tom");
        number_of(Call::new(&services), "enneo", &conversation(source), &author).await.unwrap()
    };
    assert_eq!(number("enneo", Some("23")).await, 23);
    let ours = 5_000_000_000_000_001..;
    for (source, external_id) in [
        ("zendesk", Some("23")),
        ("enneo", Some("023")),
        ("enneo", Some("5000000000000000")),
        ("enneo", None),
    ] {
        let number = number(source, external_id).await;
        assert!(ours.contains(&number), "{source} {external_id:?}: {number}");
    }
}

#[tokio::test]
async fn nobody_is_created_for_a_conversation_that_is_gone() {
    let (services, store) = services().await;
    let before = store.scan(KeyRange::all(), 1000, Direction::Ascending).await.unwrap();
    let ada = domain::Author { kind: domain::AuthorKind::Contact, ..author(None, "Ada") };
    let refused = number_of(Call::new(&services), "enneo", &conversation("zendesk"), &ada).await;
    assert!(matches!(refused, Err(plaudit::error::Error::NotFound { .. })), "{refused:?}");
    let after = store.scan(KeyRange::all(), 1000, Direction::Ascending).await.unwrap();
    let keys = |pairs: Vec<(Key, Value)>| pairs.into_iter().map(|(key, _)| key).collect::<HashSet<_>>();
    // Numbers may have been leased.
    let new: Vec<Key> = keys(after).difference(&keys(before)).cloned().collect();
    assert!(new.iter().all(|key| *key == plaudit::store::keys::next_id()), "{new:02x?}");
}

#[tokio::test]
async fn an_update_changes_the_fields_in_its_mask() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let said = Person {
        display_name: "Tom".to_owned(),
        description: "Knows invoices".to_owned(),
        email: "tom@example.org".to_owned(),
        ..Person::default()
    };
    let made = directory.update(upsert(TOM, said.clone())).await.unwrap();
    assert_eq!(
        (made.display_name.as_str(), made.email.as_str(), made.etag.as_str()),
        ("Tom", "tom@example.org", "1")
    );
    assert_eq!((made.kind(), made.external_id.as_deref()), (AuthorKind::Teammate, Some("t1")));

    server.clock.advance_millis(60_000);
    let empty = UpdatePersonRequest { update_mask: mask(&["email"]), ..upsert(TOM, Person::default()) };
    let without_email = directory.update(empty).await.unwrap();
    assert_eq!(without_email.email, "");
    assert_eq!((without_email.display_name.as_str(), without_email.etag.as_str()), ("Tom", "2"));
    assert_eq!(without_email.create_time, made.create_time);
    assert_ne!(without_email.update_time, made.update_time);

    let named = Person { display_name: "Thomas".to_owned(), ..Person::default() };
    let renamed = directory.update(upsert(&made.name, named)).await.unwrap();
    assert_eq!((renamed.display_name.as_str(), renamed.description.as_str()), ("Thomas", "Knows invoices"));
    let all = UpdatePersonRequest { update_mask: mask(&["*"]), ..upsert(TOM, Person::default()) };
    let emptied = directory.update(all).await.unwrap();
    assert_eq!((emptied.display_name.as_str(), emptied.description.as_str()), ("", ""));
}

#[tokio::test]
async fn an_update_with_nothing_new_changes_nothing() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let said = Person { display_name: "Tom".to_owned(), ..Person::default() };
    let made = directory.update(upsert(TOM, said.clone())).await.unwrap();
    server.store.take_committed();
    assert_eq!(directory.update(upsert(TOM, said)).await.unwrap(), made);
    assert_eq!(server.store.take_committed(), []);
}

#[tokio::test]
async fn an_updated_name_outlives_names_in_conversations() {
    let server = Plaudit::start().await;
    let (client, directory) = (server.client().await, Directory::of(&server).await);
    let thomas = Person { display_name: "Thomas".to_owned(), ..Person::default() };
    directory.update(upsert(TOM, thomas)).await.unwrap();
    let name = client.import(sample::import("42")).await.unwrap().conversation;
    client.scored(&name).await;
    let more = with_policy(sample::import_of("42", sample::messages(5, 2)), ConflictPolicy::Append);
    client.import(more).await.unwrap();
    client.scored(&name).await;
    assert_eq!(directory.person(TOM).await.unwrap().display_name, "Thomas");
}

#[tokio::test]
async fn a_retried_update_is_carried_out_once() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let team = directory.create_team(new_team("billing", "Billing")).await.unwrap();
    let said = Person { teams: vec![team.name.clone()], ..Person::default() };
    let request = UpdatePersonRequest { request_id: "one".to_owned(), ..upsert(TOM, said) };
    let answers = join_all((0..16).map(|_| directory.update(request.clone()))).await;
    let first = answers[0].clone().unwrap();
    assert!(answers.into_iter().all(|answer| answer.unwrap() == first));
    assert_eq!(first.etag, "1");
    assert_eq!(directory.team(&team.name).await.unwrap().member_count, 1);

    let other = UpdatePersonRequest { allow_missing: false, ..request };
    let reused = directory.update(other).await.unwrap_err();
    assert_eq!(fault(&reused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test]
async fn an_update_with_an_outdated_etag_is_aborted() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let said = |name: &str, etag: &str| Person {
        display_name: name.to_owned(),
        etag: etag.to_owned(),
        ..Person::default()
    };
    directory.update(upsert(TOM, said("Tom", ""))).await.unwrap();
    directory.update(upsert(TOM, said("Tim", "1"))).await.unwrap();
    let late = directory.update(upsert(TOM, said("Tam", "1"))).await.unwrap_err();
    assert_eq!(fault(&late), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    assert_eq!(directory.person(TOM).await.unwrap().display_name, "Tim");
}

#[tokio::test]
async fn all_violations_of_an_update_are_reported_at_once() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let person = Person {
        display_name: "x".repeat(513),
        description: "x".repeat(4097),
        email: "nowhere".to_owned(),
        teams: vec!["teams/07".to_owned()],
        ..Person::default()
    };
    let request = UpdatePersonRequest {
        update_mask: mask(&["kind", "*"]),
        request_id: "with space".to_owned(),
        ..upsert("people/x", person)
    };
    let mut named = fields(&directory.update(request).await.unwrap_err());
    named.sort_unstable();
    let expected = [
        "person.description",
        "person.display_name",
        "person.email",
        "person.name",
        "person.teams[0]",
        "request_id",
        "update_mask",
    ];
    assert_eq!(named, expected);
}

#[tokio::test]
async fn a_rule_of_people_names_its_field() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let many: Vec<String> = (1..=101).map(|number| format!("teams/{number}")).collect();
    let table = [
        (TOM, Person { display_name: "a\nb".to_owned(), ..Person::default() }, "person.display_name"),
        (TOM, Person { teams: vec!["teams/7".to_owned()], ..Person::default() }, "person.teams[0]"),
        (TOM, Person { teams: many, ..Person::default() }, "person.teams"),
        (
            "people/test:contact:c1",
            Person { teams: vec!["teams/7".to_owned()], ..Person::default() },
            "person.teams",
        ),
        ("people/test:t1", Person::default(), "person.name"),
        ("", Person::default(), "person.name"),
    ];
    for (name, person, field) in table {
        let error = directory.update(upsert(name, person)).await.unwrap_err();
        assert!(fields(&error).iter().any(|named| named == field), "{name}: {error:?}");
    }
    assert!(directory.called(AuthorKind::Unspecified, "", 0).await.is_empty());
}

#[tokio::test]
async fn a_missing_person_is_not_found_unless_creation_is_allowed() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    for name in [TOM, "people/5000000000000009"] {
        assert_not_found(&directory.person(name).await.unwrap_err(), "person");
        let update = UpdatePersonRequest { allow_missing: false, ..upsert(name, Person::default()) };
        assert_not_found(&directory.update(update).await.unwrap_err(), "person");
    }
    // Numbers are assigned, not requested.
    let numbered = upsert("people/5000000000000009", Person::default());
    assert_not_found(&directory.update(numbered).await.unwrap_err(), "person");
    assert_eq!(fields(&directory.person("people/x").await.unwrap_err()), ["name"]);
}

#[tokio::test]
async fn lists_are_in_order_and_pages_join_without_gaps() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let mut expected = Vec::new();
    for kind in ["contact", "ai", "teammate"] {
        for source in ["a", "b"] {
            for id in ["1", "2", "3"] {
                let called = format!("{kind} {source} {id}");
                let person = Person { display_name: called.clone(), ..Person::default() };
                directory.update(upsert(&format!("people/{source}:{kind}:{id}"), person)).await.unwrap();
                expected.push(called);
            }
        }
    }
    for page_size in [0, 1, 2, 5, 9, 18] {
        let all = directory.called(AuthorKind::Unspecified, "", page_size).await;
        assert_eq!(all, expected, "pages of {page_size}");
        let of_b = directory.called(AuthorKind::Unspecified, "b", page_size).await;
        assert_eq!(of_b, expected.iter().filter(|name| name.contains(" b ")).cloned().collect::<Vec<_>>());
        let ais = directory.called(AuthorKind::Ai, "", page_size).await;
        assert_eq!(ais, expected[6..12]);
        assert_eq!(directory.called(AuthorKind::Teammate, "a", page_size).await, expected[12..15]);
    }
}

#[tokio::test]
async fn a_malformed_list_names_its_fields() {
    let server = Plaudit::start().await;
    let directory = Directory::of(&server).await;
    let request = ListPeopleRequest {
        kind: 9,
        team: "teams/x".to_owned(),
        page_size: -1,
        page_token: "made up".to_owned(),
        ..ListPeopleRequest::default()
    };
    let named = fields(&directory.people(request).await.unwrap_err());
    assert_eq!(named, ["page_size", "page_token", "kind", "team"]);
    let both = ListPeopleRequest {
        source: "a".to_owned(),
        team: "teams/7".to_owned(),
        ..ListPeopleRequest::default()
    };
    assert_eq!(fields(&directory.people(both).await.unwrap_err()), ["team"]);
    for page in 0..2 {
        directory.update(upsert(&format!("people/a:ai:{page}"), Person::default())).await.unwrap();
    }
    let first = ListPeopleRequest { page_size: 1, ..ListPeopleRequest::default() };
    let page_token = directory.people(first.clone()).await.unwrap().next_page_token;
    let elsewhere = ListPeopleRequest { source: "a".to_owned(), page_token, ..first };
    assert_eq!(fields(&directory.people(elsewhere).await.unwrap_err()), ["page_token"]);
}

#[tokio::test]
async fn people_survive_a_restart() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(sample::import("42")).await.unwrap();
    client.scored("conversations/test:42").await;
    let before = Directory::of(&server).await.person(TOM).await.unwrap();
    let server = server.restart().await;
    let client = server.client().await;
    client.import(sample::import("43")).await.unwrap();
    client.scored("conversations/test:43").await;
    let directory = Directory::of(&server).await;
    assert_eq!(directory.person(TOM).await.unwrap(), before);
    assert_eq!(directory.called(AuthorKind::Teammate, "", 0).await, ["Tom"]);
}

#[tokio::test]
async fn a_customer_without_an_id_is_named_by_their_conversation() {
    let server = Plaudit::start().await;
    let (client, directory) = (server.client().await, Directory::of(&server).await);
    const GUEST: &str = "people/test:contact:name=A%20guest:in=4%3A2";
    let unknown = directory.update(upsert(GUEST, Person::default())).await.unwrap_err();
    assert_not_found(&unknown, "conversation");
    assert_not_found(&directory.person(GUEST).await.unwrap_err(), "conversation");
    let conversation = client.import(sample::import("4:2")).await.unwrap().conversation;
    assert_not_found(&directory.person(GUEST).await.unwrap_err(), "person");
    let only = UpdatePersonRequest { allow_missing: false, ..upsert(GUEST, Person::default()) };
    assert_not_found(&directory.update(only).await.unwrap_err(), "person");

    let said = Person { description: "Called twice.".to_owned(), ..Person::default() };
    let made = directory.update(upsert(GUEST, said)).await.unwrap();
    assert_eq!((made.display_name.as_str(), made.known_name.as_deref()), ("A guest", Some("A guest")));
    assert_eq!(
        (made.kind(), &made.conversation, &made.external_id),
        (AuthorKind::Contact, &conversation, &None)
    );
    for name in [GUEST, &made.name] {
        assert_eq!(directory.person(name).await.unwrap(), made);
    }
    let nobody = "people/test:contact:name=:in=4%3A2";
    assert_ne!(directory.update(upsert(nobody, Person::default())).await.unwrap().name, made.name);

    client.delete(&conversation).await.unwrap();
    assert_not_found(&directory.update(upsert(GUEST, Person::default())).await.unwrap_err(), "conversation");
    // A conversation imported later under that name is another one, and so are the customers in it.
    client.import(sample::import("4:2")).await.unwrap();
    assert_not_found(&directory.person(GUEST).await.unwrap_err(), "person");
    assert_eq!(directory.person(&made.name).await.unwrap(), made);
}
