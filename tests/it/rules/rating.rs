use plaudit::proto::v1::{
    Author, AuthorKind, ListRatingsRequest, OfferRatingRequest, Rating, RatingAnswer, RatingFilter,
    RatingQuestion, RatingType, SubmitRatingRequest, SummarizeRatingsRequest,
};

use super::{
    LONG_ID, NO_NANOS, NOT_A_KIND, Row, SPACED_ID, TOO_EARLY, TOO_LATE, assert_refused, bad_nanos, early,
    late, long, violations,
};
use crate::harness::{Plaudit, sample};

const TEXT: &str = "must be at most 512 bytes long, is 513";
const NAMELESS: &str = "is required where there is no name";

const OFFERS: &[Row<OfferRatingRequest>] = &[
    (
        "all conversations",
        |it| it.parent = "conversations/-".into(),
        "parent",
        "must look like `conversations/{number}` or `conversations/{source}:{external id}` with both parts percent-encoded, is \"conversations/-\"",
    ),
    ("a long request id", |it| it.request_id = "r".repeat(129), "request_id", LONG_ID),
    ("a space in the request id", |it| it.request_id = "a b".into(), "request_id", SPACED_ID),
    ("a user who is an AI", |it| user(it).kind = 2, "rating.user.kind", "must be a contact, is ai"),
    ("an unknown kind of user", |it| user(it).kind = 9, "rating.user.kind", NOT_A_KIND),
    ("a user's long id", |it| user(it).external_id = long(513), "rating.user.external_id", TEXT),
    ("a user's long name", |it| user(it).name = long(513), "rating.user.name", TEXT),
    (
        "a user without id and name",
        |it| (user(it).external_id, user(it).name) = (None, long(0)),
        "rating.user.external_id",
        NAMELESS,
    ),
    (
        "an agent who is the customer",
        |it| agent(it).kind = 1,
        "rating.agent.kind",
        "must be a teammate or an AI agent, is contact",
    ),
    (
        "an unknown kind of agent",
        |it| agent(it).kind = -1,
        "rating.agent.kind",
        "must be one of AUTHOR_KIND_CONTACT, AUTHOR_KIND_AI, AUTHOR_KIND_TEAMMATE, is -1",
    ),
    ("an agent's long id", |it| agent(it).external_id = long(513), "rating.agent.external_id", TEXT),
    ("an agent's long name", |it| agent(it).name = long(513), "rating.agent.name", TEXT),
    (
        "an agent without id and name",
        |it| (agent(it).external_id, agent(it).name) = (None, None),
        "rating.agent.external_id",
        NAMELESS,
    ),
    ("no questions", |it| rating(it).questions.clear(), "rating.questions", "must have 1 to 20 items, has 0"),
    ("no type", |it| question(it).r#type = 0, "rating.questions[1].type", "is required"),
    (
        "an unknown type",
        |it| question(it).r#type = 4,
        "rating.questions[1].type",
        "must be one of RATING_TYPE_CSAT, RATING_TYPE_NPS, RATING_TYPE_THUMBS, is 4",
    ),
    (
        "a long text",
        |it| question(it).text = long(2049),
        "rating.questions[1].text",
        "must be at most 2048 bytes long, is 2049",
    ),
    (
        "a language that is a word too long",
        |it| question(it).language = Some("en-internationally".into()),
        "rating.questions[1].language",
        "must be a BCP 47 tag like `en-GB`, is \"en-internationally\"",
    ),
    (
        "a language of 36 bytes",
        |it| question(it).language = Some("en-abcdefg-abcdefg-abcdefg-abcdefg-x".into()),
        "rating.questions[1].language",
        "must be a BCP 47 tag like `en-GB`, is \"en-abcdefg-abcdefg-abcdefg-abcdefg-x\"",
    ),
    ("offered before 1970", |it| rating(it).offer_time = early(), "rating.offer_time", TOO_EARLY),
    ("offered after 9999", |it| rating(it).offer_time = late(), "rating.offer_time", TOO_LATE),
    ("an offer's nanos", |it| rating(it).offer_time = bad_nanos(), "rating.offer_time", NO_NANOS),
    ("scheduled before 1970", |it| rating(it).schedule_time = early(), "rating.schedule_time", TOO_EARLY),
    ("scheduled after 9999", |it| rating(it).schedule_time = late(), "rating.schedule_time", TOO_LATE),
    ("a schedule's nanos", |it| rating(it).schedule_time = bad_nanos(), "rating.schedule_time", NO_NANOS),
    ("expired after 9999", |it| rating(it).expire_time = late(), "rating.expire_time", TOO_LATE),
    ("an expiry's nanos", |it| rating(it).expire_time = bad_nanos(), "rating.expire_time", NO_NANOS),
    ("expired before 1970", |it| rating(it).expire_time = early(), "rating.expire_time", TOO_EARLY),
];

const SUBMISSIONS: &[Row<SubmitRatingRequest>] = &[
    (
        "the name of a conversation",
        |it| it.name = "conversations/1".into(),
        "name",
        "must look like `conversations/{conversation}/ratings/{uuid}`, is \"conversations/1\"",
    ),
    ("a long request id", |it| it.request_id = "r".repeat(129), "request_id", LONG_ID),
    ("no answers", |it| it.answers.clear(), "answers", "must have at least one item where opt_out is absent"),
    (
        "21 answers",
        |it| it.answers = vec![RatingAnswer::default(); 21],
        "answers",
        "must have 1 to 20 items, has 21",
    ),
    ("no value", |it| it.answers[1].value = None, "answers[1].value", "is required"),
    (
        "0 of CSAT",
        |it| it.answers[0].value = Some(0),
        "answers[0].value",
        "must be 1 to 5 for what was asked, is 0",
    ),
    (
        "6 of CSAT",
        |it| it.answers[0].value = Some(6),
        "answers[0].value",
        "must be 1 to 5 for what was asked, is 6",
    ),
    (
        "11 of NPS",
        |it| it.answers[1].value = Some(11),
        "answers[1].value",
        "must be 0 to 10 for what was asked, is 11",
    ),
    (
        "a negative NPS",
        |it| it.answers[1].value = Some(-1),
        "answers[1].value",
        "must be 0 to 10 for what was asked, is -1",
    ),
    ("an unknown question", |it| it.answers[1].question = 2, "answers[1].question", "must be 0 to 1, is 2"),
    (
        "a negative question",
        |it| it.answers[1].question = -1,
        "answers[1].question",
        "must not be negative, is -1",
    ),
    (
        "a question twice",
        |it| it.answers[1].question = 0,
        "answers[1].question",
        "must come once, 0 comes twice",
    ),
    (
        "a long comment",
        |it| it.answers[0].comment = long(16_385),
        "answers[0].comment",
        "must be at most 16384 bytes long, is 16385",
    ),
    ("answered before 1970", |it| it.answers[0].answer_time = early(), "answers[0].answer_time", TOO_EARLY),
    ("answered after 9999", |it| it.answers[0].answer_time = late(), "answers[0].answer_time", TOO_LATE),
    ("an answer's nanos", |it| it.answers[0].answer_time = bad_nanos(), "answers[0].answer_time", NO_NANOS),
];

const AGENTS_IN_FILTERS: &[Row<Author>] = &[
    (
        "the customer",
        |it| it.kind = AuthorKind::Contact.into(),
        "filter.agent.kind",
        "must be a teammate or an AI agent, is contact",
    ),
    ("an unknown kind", |it| it.kind = 9, "filter.agent.kind", NOT_A_KIND),
    ("nobody", |it| it.external_id = None, "filter.agent.external_id", NAMELESS),
];

fn rating(request: &mut OfferRatingRequest) -> &mut Rating {
    request.rating.as_mut().expect("the whole request has one")
}

fn user(request: &mut OfferRatingRequest) -> &mut Author {
    rating(request).user.as_mut().expect("the whole request has one")
}

fn agent(request: &mut OfferRatingRequest) -> &mut Author {
    rating(request).agent.as_mut().expect("the whole request has one")
}

fn question(request: &mut OfferRatingRequest) -> &mut RatingQuestion {
    &mut rating(request).questions[1]
}

/// A valid request.
fn whole() -> OfferRatingRequest {
    let person = |kind: AuthorKind| {
        Some(Author { kind: kind.into(), external_id: Some("p".to_owned()), name: Some("P".to_owned()) })
    };
    let question = |kind: RatingType| RatingQuestion { r#type: kind.into(), ..RatingQuestion::default() };
    let rating = Rating {
        user: person(AuthorKind::Contact),
        agent: person(AuthorKind::Teammate),
        questions: [RatingType::Csat, RatingType::Nps].map(question).to_vec(),
        ..Rating::default()
    };
    OfferRatingRequest {
        parent: "conversations/test:42".to_owned(),
        rating: Some(rating),
        ..OfferRatingRequest::default()
    }
}

#[tokio::test]
async fn a_broken_rule_of_an_offer_is_reported_by_field_and_nothing_is_offered() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(sample::import("42")).await.unwrap();
    for (what, change, field, said) in OFFERS {
        let mut request = whole();
        change(&mut request);
        let refused = client.offer_rating(request).await.expect_err(what);
        assert_refused(what, &refused, field, said);
    }
    let mut request = whole();
    // Some rows remove what others break.
    let together = OFFERS.iter().filter(|(what, _, _, said)| *what != "no questions" && *said != NAMELESS);
    together.for_each(|(_, change, ..)| change(&mut request));
    let refused = client.offer_rating(request).await.expect_err("every rule is broken");
    let mut named: Vec<String> = violations(&refused).into_iter().map(|(field, _)| field).collect();
    let mut expected: Vec<String> = OFFERS.iter().map(|(_, _, field, _)| (*field).to_owned()).collect();
    expected.retain(|field| field != "rating.questions");
    named.sort_unstable();
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(named, expected);
    assert!(client.ratings("conversations/-", 50).await.is_empty());
    client.offer_rating(whole()).await.expect("it breaks no rule");
}

#[tokio::test]
async fn a_broken_rule_of_a_submission_is_reported_by_field_and_nothing_is_rated() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    client.import(sample::import("42")).await.unwrap();
    let offered = client.offer_rating(whole()).await.unwrap();
    let submission = || SubmitRatingRequest {
        name: offered.name.clone(),
        answers: (0..2)
            .map(|question| RatingAnswer { question, value: Some(3), ..Default::default() })
            .collect(),
        ..SubmitRatingRequest::default()
    };
    for (what, change, field, said) in SUBMISSIONS {
        let mut request = submission();
        change(&mut request);
        assert_refused(what, &client.submit_rating(request).await.expect_err(what), field, said);
    }
    assert_eq!(client.get_rating(&offered.name).await.unwrap(), offered);
    let refused = client.cancel_rating("x", "a b").await.unwrap_err();
    let shape = "must look like `conversations/{conversation}/ratings/{uuid}`, is \"x\"";
    let expected = [("request_id", SPACED_ID), ("name", shape)];
    assert_eq!(violations(&refused), expected.map(|(field, said)| (field.to_owned(), said.to_owned())));
    client.submit_rating(submission()).await.expect("it breaks no rule");
}

#[tokio::test]
async fn a_broken_rule_of_a_filters_agent_is_reported_by_field_and_value() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    for (what, change, field, said) in AGENTS_IN_FILTERS {
        let mut agent = Author { kind: 3, external_id: Some("t".to_owned()), name: None };
        change(&mut agent);
        let filter = Some(RatingFilter { agent: Some(agent), ..RatingFilter::default() });
        let request = ListRatingsRequest {
            parent: "conversations/-".to_owned(),
            filter: filter.clone(),
            ..ListRatingsRequest::default()
        };
        assert_refused(what, &client.list_ratings(request).await.expect_err(what), field, said);
        let request = SummarizeRatingsRequest { filter };
        assert_refused(what, &client.summarize_ratings(request).await.expect_err(what), field, said);
    }
}
