//! Every rule of the requests, one per row.

use plaudit::proto::v1::{
    Author, AuthorKind, ListRatingsRequest, OfferRatingRequest, RatingAnswer, RatingFilter, RatingQuestion,
    RatingState, RatingType, SubmitRatingRequest, SummarizeRatingsRequest,
};
use prost_types::Timestamp;

use super::{CONVERSATION, after_start, offer, person, start, submission};
use crate::harness::fields;

type OfferRow = (&'static str, fn(&mut OfferRatingRequest), &'static [&'static str]);

const OFFERS: &[OfferRow] = &[
    ("an offer", |_| {}, &[]),
    ("the parent is a conversation", |it| it.parent = "tickets/1".to_owned(), &["parent"]),
    ("the wildcard is not a parent of an offer", |it| it.parent = "conversations/-".to_owned(), &["parent"]),
    ("the request id is visible ASCII", |it| it.request_id = "two words".to_owned(), &["request_id"]),
    ("there is a rating", |it| it.rating = None, &["rating.questions"]),
    ("there is a question", |it| rating(it).questions.clear(), &["rating.questions"]),
    ("there may be 20 questions", |it| rating(it).questions = questions(20), &[]),
    ("there are at most 20 questions", |it| rating(it).questions = questions(21), &["rating.questions"]),
    ("a question has a type", |it| rating(it).questions[0].r#type = 0, &["rating.questions[0].type"]),
    ("a type is known", |it| rating(it).questions[0].r#type = 9, &["rating.questions[0].type"]),
    ("a text may have 2 KiB", |it| rating(it).questions[0].text = Some("x".repeat(2048)), &[]),
    (
        "a text has at most 2 KiB",
        |it| rating(it).questions[0].text = Some("x".repeat(2049)),
        &["rating.questions[0].text"],
    ),
    ("a language is a tag", |it| rating(it).questions[0].language = Some("zh-Hant-TW".to_owned()), &[]),
    (
        "a language is not empty",
        |it| rating(it).questions[0].language = Some(String::new()),
        &["rating.questions[0].language"],
    ),
    (
        "a language is not a word",
        |it| rating(it).questions[0].language = Some("plain English".to_owned()),
        &["rating.questions[0].language"],
    ),
    ("a user is a contact", |it| rating(it).user = person(AuthorKind::Ai, "x"), &["rating.user.kind"]),
    ("a user's kind may be left out", |it| rating(it).user = person(AuthorKind::Unspecified, "x"), &[]),
    (
        "a user's kind is known",
        |it| rating(it).user = kind(9),
        &["rating.user.kind", "rating.user.external_id"],
    ),
    ("a user is known by something", |it| rating(it).user = kind(1), &["rating.user.external_id"]),
    ("a user may be known by name", |it| rating(it).user = named("Ada"), &[]),
    (
        "an agent is not a contact",
        |it| rating(it).agent = person(AuthorKind::Contact, "x"),
        &["rating.agent.kind"],
    ),
    ("an agent is known by something", |it| rating(it).agent = kind(3), &["rating.agent.external_id"]),
    (
        "an agent's id has at most 512 bytes",
        |it| rating(it).agent = person(AuthorKind::Ai, &"x".repeat(513)),
        &["rating.agent.external_id"],
    ),
    (
        "an agent's id holds no control characters",
        |it| rating(it).agent = person(AuthorKind::Ai, "bot\0"),
        &["rating.agent.external_id"],
    ),
    (
        "an agent's name has at most 512 bytes",
        |it| rating(it).agent = named(&"x".repeat(513)),
        &["rating.agent.name"],
    ),
    ("an offer may be of 1970", |it| rating(it).offer_time = seconds(0), &[]),
    ("an offer is not before 1970", |it| rating(it).offer_time = seconds(-1), &["rating.offer_time"]),
    (
        "an offer is not after 9999",
        |it| rating(it).offer_time = seconds(253_402_300_800),
        &["rating.offer_time"],
    ),
    ("far times are no overflow", |it| rating(it).expire_time = seconds(i64::MAX), &["rating.expire_time"]),
    (
        "nanoseconds are less than a second",
        |it| rating(it).offer_time = Some(Timestamp { seconds: 1, nanos: 1_000_000_000 }),
        &["rating.offer_time"],
    ),
    (
        "an offer is made once",
        |it| (rating(it).offer_time, rating(it).schedule_time) = (seconds(1), seconds(2)),
        &["rating.schedule_time"],
    ),
    (
        "an offer expires after it was made",
        |it| (rating(it).offer_time, rating(it).expire_time) = (seconds(2), seconds(2)),
        &["rating.expire_time"],
    ),
    ("an offer of now expires later", |it| rating(it).expire_time = after_start(0), &["rating.expire_time"]),
    (
        "all violations are reported at once",
        |it| {
            it.parent.clear();
            it.request_id = "ä".to_owned();
            rating(it).questions[0].r#type = 0;
            rating(it).user = kind(1);
            rating(it).offer_time = seconds(-5);
        },
        &["parent", "request_id", "rating.offer_time", "rating.user.external_id", "rating.questions[0].type"],
    ),
];

fn rating(request: &mut OfferRatingRequest) -> &mut plaudit::proto::v1::Rating {
    request.rating.as_mut().unwrap()
}

fn questions(count: usize) -> Vec<RatingQuestion> {
    vec![RatingQuestion { r#type: RatingType::Nps.into(), ..RatingQuestion::default() }; count]
}

fn kind(kind: i32) -> Option<Author> {
    Some(Author { kind, ..Author::default() })
}

fn named(name: &str) -> Option<Author> {
    Some(Author { name: Some(name.to_owned()), ..Author::default() })
}

fn seconds(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

#[tokio::test]
async fn every_rule_of_an_offer_holds_and_names_its_field() {
    let (_server, client, _) = start().await;
    for (rule, change, wrong) in OFFERS {
        let mut request = offer(CONVERSATION, &[RatingType::Csat]);
        change(&mut request);
        match client.offer_rating(request).await {
            Ok(_) => assert!(wrong.is_empty(), "{rule}"),
            Err(status) => assert_eq!(fields(&status), *wrong, "{rule}"),
        }
    }
}

type SubmitRow = (&'static str, fn(&mut SubmitRatingRequest), &'static [&'static str]);

/// The offer has the questions CSAT, NPS, THUMBS; the request answers them with 3, 7 and 1.
const SUBMISSIONS: &[SubmitRow] = &[
    ("a submission", |_| {}, &[]),
    ("the name is a rating's", |it| it.name = CONVERSATION.to_owned(), &["name"]),
    ("the UUID is canonical", |it| it.name = it.name.replace('-', ""), &["name"]),
    ("the request id is not long", |it| it.request_id = "x".repeat(129), &["request_id"]),
    ("there is an answer", |it| it.answers.clear(), &["answers"]),
    ("an answer has a value", |it| it.answers[1].value = None, &["answers[1].value"]),
    ("CSAT begins with 1", |it| it.answers[0].value = Some(0), &["answers[0].value"]),
    ("CSAT ends with 5", |it| it.answers[0].value = Some(6), &["answers[0].value"]),
    ("NPS begins with 0", |it| it.answers[1].value = Some(0), &[]),
    ("NPS is not negative", |it| it.answers[1].value = Some(-1), &["answers[1].value"]),
    ("NPS ends with 10", |it| it.answers[1].value = Some(10), &[]),
    ("NPS is at most 10", |it| it.answers[1].value = Some(11), &["answers[1].value"]),
    ("thumbs are 0", |it| it.answers[2].value = Some(0), &[]),
    ("thumbs are at most 1", |it| it.answers[2].value = Some(2), &["answers[2].value"]),
    ("a value is not cut to a byte", |it| it.answers[0].value = Some(257), &["answers[0].value"]),
    ("a question is there", |it| it.answers[2].question = 3, &["answers[2].question"]),
    ("a question is not negative", |it| it.answers[2].question = -1, &["answers[2].question"]),
    ("a question is answered once", |it| it.answers[2].question = 1, &["answers[2].question"]),
    ("an answer may be from before the offer", |it| it.answers[0].answer_time = seconds(946_684_800), &[]),
    (
        "an answer is not from the future",
        |it| it.answers[0].answer_time = seconds(32_503_680_000),
        &["answers[0].answer_time"],
    ),
    ("a comment may have 16 KiB", |it| it.answers[0].comment = Some("x".repeat(16_384)), &[]),
    (
        "a comment has at most 16 KiB",
        |it| it.answers[0].comment = Some("x".repeat(16_385)),
        &["answers[0].comment"],
    ),
    (
        "an answer is not before 1970",
        |it| it.answers[0].answer_time = seconds(-1),
        &["answers[0].answer_time"],
    ),
    (
        "nanoseconds are not negative",
        |it| it.answers[0].answer_time = Some(Timestamp { seconds: 1, nanos: -1 }),
        &["answers[0].answer_time"],
    ),
    (
        "all violations are reported at once",
        |it| {
            it.answers[0].value = Some(9);
            it.answers[1].comment = Some("x".repeat(20_000));
            it.answers.push(RatingAnswer { question: 7, ..RatingAnswer::default() });
        },
        &["answers[0].value", "answers[1].comment", "answers[3].question"],
    ),
];

#[tokio::test]
async fn every_rule_of_a_submission_holds_and_names_its_field() {
    let (_server, client, _) = start().await;
    let types = [RatingType::Csat, RatingType::Nps, RatingType::Thumbs];
    let name = client.offer_rating(offer(CONVERSATION, &types)).await.unwrap().name;
    for (rule, change, wrong) in SUBMISSIONS {
        let mut request = submission(&name, &[(0, 3), (1, 7), (2, 1)]);
        change(&mut request);
        match client.submit_rating(request).await {
            Ok(_) => assert!(wrong.is_empty(), "{rule}"),
            Err(status) => assert_eq!(fields(&status), *wrong, "{rule}"),
        }
    }
    let mut refused = client.cancel_rating("x", "ä").await.unwrap_err();
    assert_eq!(fields(&refused), ["request_id", "name"]);
    refused = client.get_rating(&format!("{name}/x")).await.unwrap_err();
    assert_eq!(fields(&refused), ["name"]);
}

type FilterRow = (&'static str, fn(&mut ListRatingsRequest), &'static [&'static str]);

const LISTS: &[FilterRow] = &[
    ("all ratings", |_| {}, &[]),
    ("a parent is required", |it| it.parent.clear(), &["parent"]),
    ("a page size is not negative", |it| it.page_size = -1, &["page_size"]),
    ("a token is ours", |it| it.page_token = "x".to_owned(), &["page_token"]),
    ("a state is known", |it| filter(it).states = vec![4, 99], &["filter.states[1]"]),
    ("a state is said", |it| filter(it).states = vec![0], &["filter.states[0]"]),
    ("a state may come twice", |it| filter(it).states = vec![RatingState::Rated.into(); 2], &[]),
    ("a channel is known", |it| filter(it).channel = 99, &["filter.channel"]),
    (
        "an agent is not a customer",
        |it| filter(it).agent = person(AuthorKind::Contact, "x"),
        &["filter.agent.kind"],
    ),
    ("an agent is known by something", |it| filter(it).agent = kind(0), &["filter.agent.external_id"]),
    (
        "the range is not empty",
        |it| (filter(it).start_time, filter(it).end_time) = (seconds(5), seconds(5)),
        &["filter.end_time"],
    ),
    (
        "times are times",
        |it| filter(it).start_time = Some(Timestamp { seconds: 0, nanos: -5 }),
        &["filter.start_time"],
    ),
    ("far times are no overflow", |it| filter(it).end_time = seconds(i64::MAX), &[]),
    ("times before all are no underflow", |it| filter(it).start_time = seconds(i64::MIN), &[]),
    ("an end before all is an empty list", |it| filter(it).end_time = seconds(-1), &[]),
];

fn filter(request: &mut ListRatingsRequest) -> &mut RatingFilter {
    request.filter.get_or_insert_default()
}

#[tokio::test]
async fn every_rule_of_a_list_holds_and_names_its_field() {
    let (_server, client, name) = start().await;
    for (rule, change, wrong) in LISTS {
        for parent in ["conversations/-", &name] {
            let mut request =
                ListRatingsRequest { parent: parent.to_owned(), ..ListRatingsRequest::default() };
            change(&mut request);
            match client.list_ratings(request).await {
                Ok(page) => assert!(wrong.is_empty() && page.ratings.is_empty(), "{rule}"),
                Err(status) => assert_eq!(fields(&status), *wrong, "{rule}"),
            }
        }
    }
    let only_rated = RatingFilter { states: vec![RatingState::Rated.into()], ..RatingFilter::default() };
    let request = SummarizeRatingsRequest { filter: Some(only_rated) };
    assert_eq!(fields(&client.summarize_ratings(request).await.unwrap_err()), ["filter.states"]);
}
