//! Who is asked, and about whose work, if the offer does not say; and what the offer pins.

use plaudit::proto::v1::{Author, AuthorKind, Channel, ConflictPolicy, MessageKind, RatingType};
use uuid::Uuid;

use super::{CONVERSATION, offer, offer_with, person, start};
use crate::harness::{
    assert_not_found, fields,
    sample::{self, with_policy},
};

#[tokio::test]
async fn the_requester_is_asked_about_the_agent_who_wrote_to_them_last() {
    let (_server, client, name) = start().await;
    // A note is not addressed to the customer, whoever wrote it.
    let mut note = sample::message(4, AuthorKind::Ai, "Escalated.");
    note.kind = MessageKind::Comment.into();
    let append = with_policy(sample::import_of("42", vec![note]), ConflictPolicy::Append);
    client.import(append).await.unwrap();

    let rating = client.offer_rating(offer(CONVERSATION, &[RatingType::Csat])).await.unwrap();
    let ada = Author { name: Some("Ada".to_owned()), ..person(AuthorKind::Contact, "c1").unwrap() };
    let tom = Author { name: Some("Tom".to_owned()), ..person(AuthorKind::Teammate, "t1").unwrap() };
    assert_eq!((rating.user, rating.agent), (Some(ada), Some(tom.clone())));
    assert_eq!((rating.source.as_str(), rating.channel), ("test", Channel::WidgetChat.into()));
    assert_eq!((rating.offer_time, rating.etag.as_str()), (rating.create_time, "1"));
    let uuid = rating.name.strip_prefix(&format!("{name}/ratings/")).expect("the conversation's number");
    assert_eq!(uuid.parse::<Uuid>().unwrap().get_version_num(), 8);

    // Another agent takes over, but the existing offer stays with the first.
    let reply = sample::message(5, AuthorKind::Ai, "I am the helper.");
    client.import(with_policy(sample::import_of("42", vec![reply]), ConflictPolicy::Append)).await.unwrap();
    assert_eq!(client.get_rating(&rating.name).await.unwrap().agent, Some(tom));
    let second = client.offer_rating(offer(CONVERSATION, &[RatingType::Csat])).await.unwrap();
    assert_eq!(second.agent.unwrap().external_id.as_deref(), Some("bot"));
}

#[tokio::test]
async fn nobody_is_asked_by_or_about_what_no_person_wrote() {
    const AWAY: &str = "I am out of the office until 8 December and will reply when I am back.";
    let (_server, client, _) = start().await;
    let by = |place, kind, id: &str, words: &str| {
        let mut message = sample::message(place, kind, words);
        message.author.as_mut().unwrap().external_id = Some(id.to_owned());
        message
    };
    let mut notice = by(4, AuthorKind::Ai, "monitor", "The disk of your server is full.");
    notice.automatic = true;
    let messages = [
        by(0, AuthorKind::Contact, "mailbox", AWAY),
        by(1, AuthorKind::Contact, "ada", "Where is my order?"),
        by(2, AuthorKind::Teammate, "tom", "It arrives tomorrow."),
        by(3, AuthorKind::Teammate, "eve", AWAY),
        notice,
    ];
    // Alone, and behind messages that leave no room in the head.
    for (id, filler) in [("short", 0), ("long", 30)] {
        let more =
            (5..5 + filler).map(|place| by(place, AuthorKind::Contact, "bob", &"long words ".repeat(2_000)));
        let messages = messages.iter().cloned().chain(more).collect();
        client.import(sample::import_of(id, messages)).await.unwrap();
        let parent = format!("conversations/test:{id}");
        let rating = client.offer_rating(offer(&parent, &[RatingType::Nps])).await.unwrap();
        let ids = [rating.user.unwrap().external_id, rating.agent.unwrap().external_id];
        assert_eq!(ids, [Some("ada".to_owned()), Some("tom".to_owned())]);
    }
    // Nobody is left.
    let programs =
        vec![by(0, AuthorKind::Contact, "mailbox", AWAY), by(1, AuthorKind::Teammate, "eve", AWAY)];
    client.import(sample::import_of("programs", programs)).await.unwrap();
    let refused =
        client.offer_rating(offer("conversations/test:programs", &[RatingType::Csat])).await.unwrap_err();
    assert_eq!(fields(&refused), ["rating.user", "rating.agent"]);
}

#[tokio::test]
async fn defaults_are_found_in_long_conversations_too() {
    let (_server, client, _) = start().await;
    let long = |place: usize, kind| sample::message(place, kind, &"long words ".repeat(2_000));
    let mut messages = vec![sample::message(0, AuthorKind::Teammate, "Hello?")];
    messages.extend((1..30).map(|place| long(place, AuthorKind::Contact)));
    client.import(sample::import_of("long", messages)).await.unwrap();
    let rating = client.offer_rating(offer("conversations/test:long", &[RatingType::Nps])).await.unwrap();
    let ids = [rating.user.unwrap().external_id, rating.agent.unwrap().external_id];
    assert_eq!(ids, [Some("c1".to_owned()), Some("t1".to_owned())]);
}

#[tokio::test]
async fn an_agent_given_by_id_is_completed_from_the_conversation() {
    let (_server, client, _) = start().await;
    let reply = sample::message(5, AuthorKind::Ai, "I am the helper.");
    client.import(with_policy(sample::import_of("42", vec![reply]), ConflictPolicy::Append)).await.unwrap();
    for (kind, id, known) in [
        (AuthorKind::Unspecified, "bot", AuthorKind::Ai),
        (AuthorKind::Unspecified, "t1", AuthorKind::Teammate),
        (AuthorKind::Unspecified, "stranger", AuthorKind::Teammate),
        // A customer is not an agent, whatever their id.
        (AuthorKind::Unspecified, "c1", AuthorKind::Teammate),
        (AuthorKind::Ai, "stranger", AuthorKind::Ai),
    ] {
        let request = offer_with(CONVERSATION, |rating| rating.agent = person(kind, id));
        let agent = client.offer_rating(request).await.unwrap().agent.unwrap();
        assert_eq!((agent.kind(), agent.external_id.as_deref()), (known, Some(id)));
    }
}

#[tokio::test]
async fn without_candidates_in_the_conversation_the_offer_must_name_them() {
    let (_server, client, _) = start().await;
    let only = |kind| vec![sample::message(0, kind, "Is anybody there?")];
    client.import(sample::import_of("no agent", only(AuthorKind::Contact))).await.unwrap();
    client.import(sample::import_of("no user", only(AuthorKind::Ai))).await.unwrap();
    for (id, missing) in [("no%20agent", "rating.agent"), ("no%20user", "rating.user")] {
        let parent = format!("conversations/test:{id}");
        let refused = client.offer_rating(offer(&parent, &[RatingType::Csat])).await.unwrap_err();
        assert_eq!(fields(&refused), [missing]);
        let given = offer_with(&parent, |rating| {
            rating.user = person(AuthorKind::Unspecified, "u");
            rating.agent = person(AuthorKind::Ai, "a");
        });
        client.offer_rating(given).await.unwrap();
    }
}

#[tokio::test]
async fn a_rating_needs_a_stored_conversation() {
    let (_server, client, name) = start().await;
    for parent in ["conversations/test:43", "conversations/5000000000000000"] {
        let refused = client.offer_rating(offer(parent, &[RatingType::Csat])).await.unwrap_err();
        assert_not_found(&refused, "conversation");
    }
    let other = client.import(sample::import("43")).await.unwrap().conversation;
    let rating = client.offer_rating(offer(&name, &[RatingType::Csat])).await.unwrap().name;
    let uuid = rating.rsplit('/').next().unwrap();
    for (wrong, kind) in [
        (format!("{other}/ratings/{uuid}"), "rating"),
        (format!("{name}/ratings/{}", Uuid::from_u128(7)), "rating"),
        (format!("{name}/ratings/2f0122db-0824-44d7-b39a-e1f722b8c38c"), "rating"),
        (format!("conversations/5000000000000000/ratings/{uuid}"), "conversation"),
    ] {
        assert_not_found(&client.get_rating(&wrong).await.unwrap_err(), kind);
        assert_not_found(&client.cancel_rating(&wrong, "").await.unwrap_err(), kind);
        let refused = client.submit_rating(super::submission(&wrong, &[(0, 5)])).await.unwrap_err();
        assert_not_found(&refused, kind);
    }
    // In upper case it is the same UUID.
    let named = format!("{CONVERSATION}/ratings/{}", uuid.to_uppercase());
    assert_eq!(client.get_rating(&named).await.unwrap().name, rating);
}

#[tokio::test]
async fn a_rating_leaves_its_conversation_unchanged() {
    let (server, client, name) = start().await;
    let before = client.conversation(&name).await.unwrap();
    let scored = client.assessments(&name, 50).await;
    server.clock.advance_millis(1000);
    let rating = client.offer_rating(offer(&name, &[RatingType::Csat])).await.unwrap();
    client.submit_rating(super::submission(&rating.name, &[(0, 5)])).await.unwrap();
    assert_eq!(client.conversation(&name).await.unwrap(), before);
    assert_eq!(client.assessments(&name, 50).await, scored);
}
