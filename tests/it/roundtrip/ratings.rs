//! Imported ratings and opt-outs.

use plaudit::proto::v1::{
    Author, AuthorKind, ConflictPolicy, CreateOptOutRequest, ImportConversationRequest, ImportOutcome,
    OptOut, Rating, RatingAnswer, RatingQuestion, RatingState, RatingType,
    rating_service_client::RatingServiceClient,
};
use tonic::Status;

use super::{rich::at, rules::NAME};
use crate::{
    harness::{
        Client, KEYS, Plaudit, assert_not_found, fields,
        sample::{self, with_policy},
    },
    rating::{offer, submission},
};

/// A rating that was answered elsewhere.
fn rating(uuid: &str) -> Rating {
    let answer = RatingAnswer { value: Some(4), answer_time: at(60), ..RatingAnswer::default() };
    let question = |answer| RatingQuestion { r#type: RatingType::Csat.into(), answer, ..Default::default() };
    Rating {
        name: format!("conversations/9/ratings/{uuid}"),
        questions: vec![question(Some(answer)), question(None)],
        offer_time: at(0),
        ..Rating::default()
    }
}

const UUID: &str = "0b3c7a52-9a1e-8c55-9f00-0123456789ab";

fn with_rating(change: impl FnOnce(&mut Rating)) -> ImportConversationRequest {
    let mut rating = rating(UUID);
    change(&mut rating);
    ImportConversationRequest { ratings: vec![rating], ..sample::import("42") }
}

#[tokio::test]
async fn an_imported_rating_keeps_its_uuid_and_works_like_any_other() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    let name = client.import(with_rating(|_| {})).await.unwrap().conversation;
    let stored = client.get_rating(&format!("{NAME}/ratings/{UUID}")).await.unwrap();
    assert_eq!(stored.name, format!("{name}/ratings/{UUID}"));
    assert_eq!(stored.state(), RatingState::Rated);
    let id = |author: &Option<Author>| author.as_ref().unwrap().external_id.clone().unwrap();
    assert_eq!((id(&stored.user), id(&stored.agent)), ("c1".to_owned(), "t1".to_owned()));
    let changed = client.submit_rating(submission(&stored.name, &[(1, 1)])).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.state()), (stored.name.as_str(), RatingState::Rated));
    let own = client.offer_rating(offer(NAME, &[RatingType::Csat])).await.unwrap();
    let listed: Vec<_> = client.ratings(NAME, 50).await.into_iter().map(|rating| rating.name).collect();
    assert_eq!(listed, [stored.name, own.name]);
}

#[tokio::test]
async fn an_imported_rating_is_of_nobody_whose_message_no_person_wrote() {
    const AWAY: &str = "I am out of the office until 8 December and will reply when I am back.";
    let server = Plaudit::start().await;
    let client = server.client().await;
    let by = |place, kind, id: &str, words: &str| {
        let mut message = sample::message(place, kind, words);
        message.author.as_mut().unwrap().external_id = Some(id.to_owned());
        message
    };
    let messages = vec![
        by(0, AuthorKind::Contact, "mailbox", AWAY),
        by(1, AuthorKind::Contact, "ada", "Where is my order?"),
        by(2, AuthorKind::Teammate, "tom", "It arrives tomorrow."),
        by(3, AuthorKind::Teammate, "eve", AWAY),
    ];
    let programs = vec![messages[0].clone(), messages[3].clone()];
    let request = |messages| ImportConversationRequest { messages, ..with_rating(|_| {}) };
    client.import(request(messages)).await.unwrap();
    let stored = client.get_rating(&format!("{NAME}/ratings/{UUID}")).await.unwrap();
    let id = |author: &Option<Author>| author.as_ref().unwrap().external_id.clone().unwrap();
    assert_eq!((id(&stored.user), id(&stored.agent)), ("ada".to_owned(), "tom".to_owned()));
    let mut other = request(programs);
    other.conversation.as_mut().unwrap().external_id = "43".to_owned();
    let refused = client.import(other).await.unwrap_err();
    assert_eq!(fields(&refused), ["ratings[0].agent", "ratings[0].user"]);
}

#[tokio::test]
async fn an_invalid_rating_is_refused_by_field() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    type Change = fn(&mut Rating);
    let broken: &[(&str, Change, &[&str])] = &[
        ("a name without a UUID", |it| it.name = "conversations/1/ratings/x".into(), &["ratings[0].name"]),
        ("no questions", |it| it.questions.clear(), &["ratings[0].questions"]),
        ("no type", |it| it.questions[1].r#type = 0, &["ratings[0].questions[1].type"]),
        ("no time", |it| it.offer_time = None, &["ratings[0].offer_time"]),
        ("an end before the offer", |it| it.expire_time = at(-1), &["ratings[0].expire_time"]),
        ("two times of one offer", |it| it.schedule_time = at(9), &["ratings[0].schedule_time"]),
        ("an answer withdrawn", |it| it.cancel_time = at(9), &["ratings[0].cancel_time"]),
        (
            "an answer out of range at no time",
            |it| {
                let answer = it.questions[0].answer.as_mut().unwrap();
                (answer.value, answer.answer_time) = (Some(6), None);
            },
            &["ratings[0].questions[0].answer.answer_time", "ratings[0].questions[0].answer.value"],
        ),
        (
            "an agent who is asked",
            |it| {
                let external_id = Some("t".to_owned());
                it.user = Some(Author { kind: AuthorKind::Ai.into(), external_id, name: None });
            },
            &["ratings[0].user.kind"],
        ),
    ];
    for (what, change, expected) in broken {
        assert_eq!(fields(&client.import(with_rating(change)).await.expect_err(what)), *expected, "{what}");
    }
    let twice = ImportConversationRequest { ratings: vec![rating(UUID); 2], ..sample::import("42") };
    assert_eq!(fields(&client.import(twice).await.unwrap_err()), ["ratings[1].name"]);
    let unnamed = with_policy(with_rating(|it| it.name.clear()), ConflictPolicy::Append);
    assert_eq!(fields(&client.import(unnamed).await.unwrap_err()), ["ratings[0].name"]);
}

#[tokio::test]
async fn an_append_adds_missing_ratings() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(with_rating(|_| {})).await.unwrap();
    let other = "0b3c7a52-9a1e-8c55-9f00-0123456789ac";
    let more =
        ImportConversationRequest { ratings: vec![rating(UUID), rating(other)], ..sample::import("42") };
    let more = with_policy(more, ConflictPolicy::Append);
    for outcome in [ImportOutcome::Appended, ImportOutcome::Existing] {
        let answer = client.import(more.clone()).await.unwrap();
        assert_eq!((answer.outcome(), answer.stored_messages), (outcome, 0));
    }
    assert_eq!(client.ratings(NAME, 50).await.len(), 2);
}

async fn create_opt_out(
    client: &mut RatingServiceClient<tonic::transport::Channel>,
    it: OptOut,
) -> Result<OptOut, Status> {
    let request = CreateOptOutRequest { opt_out: Some(it) };
    client.create_opt_out(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn an_imported_opt_out_is_respected_and_listed() {
    let server = Plaudit::start().await;
    let client: Client = server.client().await;
    client.import(sample::import("42")).await.unwrap();
    let mut ratings = RatingServiceClient::new(server.channel().await);
    let customer = |external_id: Option<&str>, name: Option<&str>| {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Some(Author { kind: AuthorKind::Contact.into(), external_id: text(external_id), name: text(name) })
    };
    let known = OptOut {
        source: "test".to_owned(),
        customer: customer(Some("c1"), None),
        opt_out_time: at(0),
        ..OptOut::default()
    };
    let by_name =
        OptOut { customer: customer(None, Some("Ada")), conversation: NAME.to_owned(), ..known.clone() };
    for _ in 0..2 {
        for it in [&known, &by_name] {
            assert_eq!(create_opt_out(&mut ratings, it.clone()).await.unwrap(), *it);
        }
    }
    // Where a conversation is named, its source goes without saying.
    let number = client.conversation(NAME).await.unwrap().name;
    for (conversation, customer) in [(NAME, &by_name), (&number, &by_name), (&number, &known)] {
        let (source, conversation) = (String::new(), conversation.to_owned());
        let stored = OptOut { source, conversation, ..customer.clone() };
        let stored = create_opt_out(&mut ratings, stored).await.unwrap();
        assert_eq!((stored.source.as_str(), stored.opt_out_time), ("test", known.opt_out_time));
    }
    let mut listed = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = plaudit::proto::v1::ListOptOutsRequest { page_size: 1, page_token };
        let page = ratings.list_opt_outs(request).await.unwrap().into_inner();
        listed.extend(page.opt_outs);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, [known.clone(), by_name.clone()]);
    let offered = client.offer_rating(offer(NAME, &[RatingType::Csat])).await.unwrap();
    assert_eq!(offered.state(), RatingState::Unscheduled);

    type Change = fn(&mut OptOut);
    let broken: [(&str, Change, &str); 4] = [
        (
            "an agent",
            |it| it.customer.as_mut().unwrap().kind = AuthorKind::Ai.into(),
            "opt_out.customer.kind",
        ),
        ("nobody", |it| it.customer = None, "opt_out.customer"),
        ("a source of 129 bytes", |it| it.source = "s".repeat(129), "opt_out.source"),
        ("no conversation's name", |it| it.conversation = "42".to_owned(), "opt_out.conversation"),
    ];
    for (what, change, field) in broken {
        let mut it = known.clone();
        change(&mut it);
        assert_eq!(fields(&create_opt_out(&mut ratings, it).await.expect_err(what)), [field], "{what}");
    }
    let stored = server.store.count(KEYS.opt_outs()).await;
    // A name means nothing outside its conversation: without one the opt-out would be stored without effect, and no
    // purge would find it. With a conversation of another source, the external id would mean another customer.
    let conversation = client.conversation(NAME).await.unwrap().name;
    for (customer, conversation) in [(&by_name, NAME), (&by_name, &conversation), (&known, NAME)] {
        let (source, conversation) = ("elsewhere".to_owned(), conversation.to_owned());
        let elsewhere = OptOut { source, conversation, ..customer.clone() };
        let refused = create_opt_out(&mut ratings, elsewhere).await.unwrap_err();
        assert_eq!(fields(&refused), ["opt_out.conversation"]);
        let rule = r#"must be a conversation of the source "elsewhere", is one of "test""#;
        assert!(refused.message().ends_with(rule), "{}", refused.message());
    }
    client.delete(NAME).await.unwrap();
    for unknown in [NAME, &conversation, "conversations/test:none", "conversations/5000000000999999"] {
        for customer in [&by_name, &known] {
            let unknown = OptOut { conversation: unknown.to_owned(), ..customer.clone() };
            assert_not_found(&create_opt_out(&mut ratings, unknown).await.unwrap_err(), "conversation");
        }
    }
    assert_eq!(server.store.count(KEYS.opt_outs()).await, stored);
}
