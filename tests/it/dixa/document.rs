//! The requests as documented, and the documented answers, field by field.

use plaudit::{
    domain::{
        ConversationRef, NewAnswer, NewQuestion, NewRating, QuestionRef, RatingRef, RatingType, Submission,
    },
    rest::Options,
    service::{Call, Settings, conversation as conversations, rating},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::setup::{NOT_FOUND, OFFER, START, Setup, message_of, submit_path};

fn documented() -> Value {
    serde_json::from_str(include_str!("../../cases/dixa/ratings.json")).expect("JSON")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_documented_requests_work_below_both_prefixes() {
    let setup = Setup::start().await;
    let number = setup.import("dixa", "77").await;
    let document = documented();
    for (prefix, id) in [("/beta", "1234"), ("/v1", "77"), ("/beta", number.as_str())] {
        let base = format!("{prefix}/conversations/{id}");
        let request = &document["offer"]["request"];
        let offer = setup.http().post(&format!("{base}/ratings/offer"), request.to_string()).await;
        assert_eq!(offer.status, 201, "{offer:?}");
        let data = offer.json()["data"].take();
        assert_eq!(keys(&data), keys(&document["offer"]["answer"]["data"]));
        for field in ["userId", "agentId", "ratingType", "offeredAt"] {
            assert_eq!(data[field], request[field]);
        }
        let rating = data["id"].as_str().unwrap();
        assert_eq!(rating.parse::<Uuid>().unwrap().to_string(), rating);

        let request = &document["submit"]["request"];
        let submit = setup.http().post(&format!("{base}/ratings/{rating}/submit"), request.to_string()).await;
        assert_eq!(submit.status, 201, "{submit:?}");
        let answered = submit.json()["data"].take();
        assert_eq!(keys(&answered), keys(&document["submit"]["answer"]["data"]));
        for field in ["ratingResult", "comment", "submittedAt"] {
            assert_eq!(answered[field], request[field]);
        }
        // The offer determines whose rating it is; what the submission says about it is ignored.
        assert_eq!((&answered["ratingId"], &answered["userId"]), (&data["id"], &data["userId"]));
    }
    for path in
        ["/beta/conversations/77/ratings", "/beta/conversations/77/rating", "/v1/conversations/77/rating"]
    {
        let list = setup.http().get(path).await;
        assert_eq!(list.status, 200, "{list:?}");
        let listed = list.json()["data"].as_array().unwrap().clone();
        assert_eq!(listed.len(), 2);
        assert_eq!(
            listed[0],
            json!({
                "id": listed[0]["id"], "ratingType": "Csat", "ratingStatus": "Rated",
                "conversationChannel": "WidgetChat", "userId": "b0323b42-c428-4afa-970e-20bf5bdeeec4",
                "agentId": "eeb3bbe5-0355-4ac1-8af5-20d42a3db24b",
                "timestamps": { "rated_at": "2024-03-11T16:39:30Z" }, "ratingScore": 4,
                "ratingComment": "Best customer service ever!",
            })
        );
    }
}

#[tokio::test]
async fn defaults_come_from_the_conversation_and_the_clock() {
    let setup = Setup::start().await;
    let offer = setup.offer(&json!({ "ratingType": "Nps", "userId": null, "agentId": null })).await;
    let data = offer.json()["data"].take();
    let now = "2027-01-15T08:00:00Z";
    let expected = json!({ "id": data["id"], "userId": "cus_1", "agentId": "tea_1", "ratingType": "Nps", "offeredAt": now });
    assert_eq!(data, expected);
    let rating = data["id"].as_str().unwrap();
    setup.clock.advance_millis(1_500);
    let submitted = setup.submit(rating, &json!({ "ratingResult": { "value": 10 }, "userId": 7 })).await;
    assert_eq!(
        submitted.json(),
        json!({ "data": {
            "ratingId": rating, "userId": "cus_1", "ratingResult": { "value": 10, "_type": "Nps" },
            "submittedAt": "2027-01-15T08:00:01.500Z",
        } })
    );
}

#[tokio::test]
async fn a_person_without_an_id_is_identified_by_kind_and_name() {
    let setup = Setup::start().await;
    for (ticket, customer, id) in [
        ("1", json!({ "type": "contact", "name": "Ada" }), "contact:Ada"),
        ("2", json!({ "type": "contact" }), "contact"),
    ] {
        setup.import_by("dixa", ticket, customer).await;
        let path = format!("/v1/conversations/{ticket}/ratings/offer");
        let offer = setup.http().post(&path, r#"{"ratingType":"Csat"}"#).await;
        assert_eq!(offer.json()["data"]["userId"], id);
    }
}

#[tokio::test]
async fn the_list_shows_the_state_of_each_offer() {
    let setup = Setup::start().await;
    assert_eq!(setup.list().await, Vec::<Value>::new());
    let rated = setup.offered("ThumbsUpOrDown").await;
    let only_offered = setup.offered("Csat").await;
    let cancelled = setup.offered("Csat").await;
    let submitted = setup.submit(&rated, &json!({ "ratingResult": { "value": 0 } })).await;
    assert_eq!(submitted.status, 201, "{submitted:?}");
    setup.clock.advance_millis(1_000);
    cancel(&setup, &cancelled).await;
    let scheduled = offer_with(&setup, |new| {
        new.offer_time = Some(START.plus_millis(60_000));
        new.scheduled = true;
    })
    .await;
    let expired = offer_with(&setup, |new| new.expire_time = Some(START.plus_millis(1_500))).await;
    setup.clock.advance_millis(1_000);

    let list = setup.list().await;
    let shown: Vec<_> = list
        .iter()
        .map(|item| {
            (item["id"].as_str().unwrap(), item["ratingStatus"].as_str().unwrap(), &item["timestamps"])
        })
        .collect();
    let start = "2027-01-15T08:00:00Z";
    let second = "2027-01-15T08:00:01Z";
    let expected = [
        (rated.as_str(), "Rated", &json!({ "rated_at": start })),
        (only_offered.as_str(), "Offered", &json!({ "offered_at": start })),
        (cancelled.as_str(), "Cancelled", &json!({ "offered_at": start, "modified_at": second })),
        (
            scheduled.as_str(),
            "Scheduled",
            &json!({ "scheduled_at": second, "scheduled_for": "2027-01-15T08:01:00Z" }),
        ),
        (expired.as_str(), "Offered", &json!({ "offered_at": second })),
    ];
    assert_eq!(shown, expected);
    assert_eq!((&list[0]["ratingType"], &list[0]["ratingScore"]), (&json!("ThumbsUpOrDown"), &json!(0)));
    assert!(list[1].get("ratingScore").is_none() && list[1].get("ratingComment").is_none());
    assert!(list.iter().all(|item| !item.as_object().unwrap().values().any(Value::is_null)));
}

#[tokio::test]
async fn an_offer_to_a_customer_who_opted_out_is_unscheduled() {
    let setup = Setup::start().await;
    let first = setup.offered("Csat").await;
    let opts_out = Submission { answers: Vec::new(), opt_out: Some(true) };
    rating::submit_rating(Call::new(&setup.services), &named(&first), &opts_out).await.unwrap();
    let second = setup.offered("Csat").await;
    let list = setup.list().await;
    assert_eq!(
        (&list[0]["ratingStatus"], &list[1]["ratingStatus"]),
        (&json!("Offered"), &json!("Unscheduled"))
    );
    assert_eq!(list[1]["timestamps"], json!({ "created_at": "2027-01-15T08:00:00Z" }));
    for closed in [first, second] {
        let answer = setup.submit(&closed, &json!({ "ratingResult": { "value": 5 } })).await;
        assert_eq!(answer.status, 409);
        assert!(message_of(&answer).starts_with("Conflict: "), "{answer:?}");
    }
}

#[tokio::test]
async fn a_survey_lists_one_element_per_question() {
    let setup = Setup::start().await;
    let survey = offer_with(&setup, |new| {
        let question = |kind, language: Option<&str>| NewQuestion {
            kind,
            text: None,
            language: language.map(str::to_owned),
        };
        new.questions = vec![
            question(RatingType::Csat, Some("da")),
            question(RatingType::Nps, None),
            question(RatingType::Csat, None),
        ];
    })
    .await;
    let answer = NewAnswer {
        question: QuestionRef::Place(2),
        value: Some(3),
        comment: Some("So so".to_owned()),
        time: None,
    };
    let submission = Submission { answers: vec![answer], opt_out: None };
    rating::submit_rating(Call::new(&setup.services), &named(&survey), &submission).await.unwrap();
    // Over REST, a question is selected by its type.
    let unsaid = setup.submit(&survey, &json!({ "ratingResult": { "value": 9 } })).await;
    assert_eq!(unsaid.status, 400);
    assert!(message_of(&unsaid).contains("ratingResult._type: is required"), "{unsaid:?}");
    let nps = setup.submit(&survey, &json!({ "ratingResult": { "value": 9, "_type": "Nps" } })).await;
    assert_eq!(nps.status, 201, "{nps:?}");

    let list = setup.list().await;
    assert!(list.iter().all(|item| item["id"] == survey.as_str()));
    let shown: Vec<_> = list.iter().map(|item| (&item["ratingType"], &item["ratingStatus"])).collect();
    let text = |text: &str| json!(text);
    let expected =
        [("Csat", "Offered"), ("Nps", "Rated"), ("Csat", "Rated")].map(|(a, b)| (text(a), text(b)));
    assert_eq!(shown, expected.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>());
    assert_eq!(list[0]["language"], "da");
    assert_eq!((&list[2]["ratingScore"], &list[2]["ratingComment"]), (&json!(3), &json!("So so")));
}

#[tokio::test]
async fn a_path_id_is_an_external_id_of_the_source_or_a_number_of_ours() {
    let setup = Setup::start().await;
    let number = setup.import("zendesk", "99").await;
    let list = async |id: &str| setup.http().get(&format!("/v1/conversations/{id}/ratings")).await;
    assert_eq!(list(&number).await.status, 200, "whatever its source");
    for unknown in ["99", "5000000000000000", "9007199254740993", "99999999999999999999"] {
        let answer = list(unknown).await;
        assert_eq!(answer.status, 404, "{unknown}");
        assert!(message_of(&answer).starts_with(NOT_FOUND), "{answer:?}");
    }
    let settings = Settings { dixa_source: "zendesk", ..Settings::default() };
    let other = Setup::start_with(settings, Options::default()).await;
    other.import("zendesk", "99").await;
    assert_eq!(other.http().get("/beta/conversations/99/ratings").await.status, 200);
    assert_eq!(other.http().get("/beta/conversations/1234/ratings").await.status, 404);
}

#[tokio::test]
async fn the_channel_is_email_if_addresses_were_stored() {
    let setup = Setup::start().await;
    for (ticket, from, channel) in [("8821", "ada@example.com", "Email"), ("8822", "", "WidgetChat")] {
        let body = json!({ "body": "Hello", "from": from, "customerId": "cus_1" });
        let stored =
            setup.http().post(&format!("/ticket/{ticket}/conversation/store"), body.to_string()).await;
        assert_eq!(stored.status, 200, "{stored:?}");
        let name = ConversationRef::External {
            source: "enneo".parse().unwrap(),
            external_id: ticket.parse().unwrap(),
        };
        let number = conversations::resolve(Call::new(&setup.services), &name).await.unwrap();
        let base = format!("/beta/conversations/{number}/ratings");
        let offer = r#"{"ratingType":"Csat","agentId":"7"}"#;
        let offered = setup.http().post(&format!("{base}/offer"), offer).await;
        assert_eq!((offered.status.as_u16(), &offered.json()["data"]["userId"]), (201, &json!("cus_1")));
        let list = setup.http().get(&base).await.json();
        assert_eq!(list["data"][0]["conversationChannel"], channel);
    }
}

#[tokio::test]
async fn a_rating_of_another_conversation_is_404() {
    let setup = Setup::start().await;
    setup.import("dixa", "77").await;
    let rating = setup.offered("Csat").await;
    let body = json!({ "ratingResult": { "value": 5 } }).to_string();
    for path in [
        format!("/beta/conversations/77/ratings/{rating}/submit"),
        format!("/beta/conversations/78/ratings/{rating}/submit"),
        submit_path("2f0122db-0824-44d7-b39a-e1f722b8c38c"),
        OFFER.replace("1234", "78"),
    ] {
        let body = if path.ends_with("offer") { r#"{"ratingType":"Csat"}"# } else { &body };
        let answer = setup.http().post(&path, body.to_owned()).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(message_of(&answer).starts_with(NOT_FOUND), "{answer:?}");
    }
    assert_eq!(setup.list().await[0]["ratingStatus"], "Offered");
}

fn conversation() -> ConversationRef {
    ConversationRef::External { source: "dixa".parse().unwrap(), external_id: "1234".parse().unwrap() }
}

fn named(uuid: &str) -> RatingRef {
    RatingRef { conversation: conversation(), uuid: uuid.parse().unwrap() }
}

async fn cancel(setup: &Setup, uuid: &str) {
    rating::cancel_rating(Call::new(&setup.services), &named(uuid)).await.unwrap();
}

/// An offer that only gRPC can express.
async fn offer_with(setup: &Setup, change: impl FnOnce(&mut NewRating)) -> String {
    let question = NewQuestion { kind: RatingType::Csat, text: None, language: None };
    let mut new = NewRating {
        user: None,
        agent: None,
        questions: vec![question],
        offer_time: None,
        scheduled: false,
        expire_time: None,
    };
    change(&mut new);
    let rating = rating::offer_rating(Call::new(&setup.services), &conversation(), &new).await.unwrap();
    setup.services.rating_uuid(rating.id).to_string()
}
