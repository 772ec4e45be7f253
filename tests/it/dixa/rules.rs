//! Every rule of the requests' fields, one per row.

use serde_json::{Value, json};

use super::setup::{DECODING, INVALID, Setup, fields_of, message_of};

/// A change to the request, and the paths of what is then wrong with it: none means 201.
type Row = (&'static str, fn(&mut Value), &'static [&'static str]);

const OFFERS: &[Row] = &[
    ("the smallest offer", |_| {}, &[]),
    ("ratingType is required", |body| *body = json!({}), &["ratingType"]),
    ("ratingType may not be null", |body| body["ratingType"] = json!(null), &["ratingType"]),
    ("ratingType may be Nps", |body| body["ratingType"] = json!("Nps"), &[]),
    ("ratingType may be ThumbsUpOrDown", |body| body["ratingType"] = json!("ThumbsUpOrDown"), &[]),
    ("ratingType counts its case", |body| body["ratingType"] = json!("CSAT"), &["ratingType"]),
    ("ratingType is a string", |body| body["ratingType"] = json!(1), &["ratingType"]),
    ("userId is a string", |body| body["userId"] = json!(7), &["userId"]),
    ("userId may be null", |body| body["userId"] = json!(null), &[]),
    ("userId may be any text", |body| body["userId"] = json!("Ä/€ 😀"), &[]),
    ("an empty userId is absent", |body| body["userId"] = json!(""), &[]),
    ("userId has at most 512 bytes", |body| body["userId"] = json!("x".repeat(513)), &["userId"]),
    ("userId holds no control characters", |body| body["userId"] = json!("a\u{1}"), &["userId"]),
    ("agentId is a string", |body| body["agentId"] = json!({}), &["agentId"]),
    ("agentId has at most 512 bytes", |body| body["agentId"] = json!("x".repeat(513)), &["agentId"]),
    ("offeredAt may end with Z[GMT]", |body| body["offeredAt"] = json!("2024-03-11T16:39:30Z[GMT]"), &[]),
    ("offeredAt may have an offset", |body| body["offeredAt"] = json!("2024-03-11T16:39:30.5+02:00"), &[]),
    ("offeredAt is a date and time", |body| body["offeredAt"] = json!("2024-03-11"), &["offeredAt"]),
    ("offeredAt has an offset", |body| body["offeredAt"] = json!("2024-03-11T16:39:30"), &["offeredAt"]),
    ("offeredAt is a string", |body| body["offeredAt"] = json!(1_710_175_170), &["offeredAt"]),
    (
        "offeredAt is on the calendar",
        |body| body["offeredAt"] = json!("2024-02-30T00:00:00Z"),
        &["offeredAt"],
    ),
    (
        "offeredAt is not before 1970",
        |body| body["offeredAt"] = json!("1969-12-31T23:59:59Z"),
        &["offeredAt"],
    ),
    ("unknown fields are ignored", |body| body["expireAt"] = json!([1]), &[]),
    (
        "all violations are told at once",
        |body| *body = json!({ "ratingType": "x", "userId": 1, "agentId": 2, "offeredAt": "x" }),
        &["ratingType", "userId", "agentId", "offeredAt"],
    ),
    ("a body is an object", |body| *body = json!([]), &["$"]),
];

#[tokio::test]
async fn every_rule_of_an_offer_holds_and_names_its_field() {
    let setup = Setup::start().await;
    for (rule, change, wrong) in OFFERS {
        let mut body = json!({ "ratingType": "Csat" });
        change(&mut body);
        let answer = setup.offer(&body).await;
        if wrong.is_empty() {
            assert_eq!(answer.status, 201, "{rule}: {answer:?}");
        } else {
            assert_eq!(answer.status, 400, "{rule}: {answer:?}");
            assert_eq!(fields_of(&message_of(&answer), DECODING), *wrong, "{rule}");
        }
    }
}

const SUBMISSIONS: &[Row] = &[
    ("the smallest submission", |_| {}, &[]),
    ("ratingResult is required", |body| *body = json!({}), &["ratingResult"]),
    ("ratingResult may not be null", |body| body["ratingResult"] = json!(null), &["ratingResult"]),
    ("ratingResult is an object", |body| body["ratingResult"] = json!(5), &["ratingResult"]),
    ("value is required", |body| body["ratingResult"] = json!({}), &["ratingResult.value"]),
    ("value is a number", |body| body["ratingResult"]["value"] = json!("5"), &["ratingResult.value"]),
    ("value is whole", |body| body["ratingResult"]["value"] = json!(4.5), &["ratingResult.value"]),
    ("value may be written with a zero fraction", |body| body["ratingResult"]["value"] = json!(4.0), &[]),
    ("Csat begins with 1", |body| body["ratingResult"]["value"] = json!(0), &["ratingResult.value"]),
    ("Csat ends with 5", |body| body["ratingResult"]["value"] = json!(6), &["ratingResult.value"]),
    ("_type may be the offer's", |body| body["ratingResult"]["_type"] = json!("Csat"), &[]),
    ("_type may be null", |body| body["ratingResult"]["_type"] = json!(null), &[]),
    ("_type is the offer's", |body| body["ratingResult"]["_type"] = json!("Nps"), &["ratingResult._type"]),
    ("_type is one of three", |body| body["ratingResult"]["_type"] = json!("Stars"), &["ratingResult._type"]),
    ("comment is a string", |body| body["comment"] = json!(["x"]), &["comment"]),
    ("comment may be null", |body| body["comment"] = json!(null), &[]),
    ("comment has at most 16 KiB", |body| body["comment"] = json!("x".repeat(16_385)), &["comment"]),
    ("submittedAt is a date and time", |body| body["submittedAt"] = json!("today"), &["submittedAt"]),
    (
        "submittedAt is not before 1970",
        |body| body["submittedAt"] = json!("1960-01-01T00:00:00Z"),
        &["submittedAt"],
    ),
    ("submittedAt may end with Z[GMT]", |body| body["submittedAt"] = json!("2024-03-11T16:39:30Z[GMT]"), &[]),
    ("userId is ignored", |body| body["userId"] = json!([1, 2]), &[]),
    (
        "all violations are told at once",
        |body| {
            let result = json!({ "value": null, "_type": "x" });
            *body = json!({ "ratingResult": result, "comment": 1, "submittedAt": 2 });
        },
        &["ratingResult.value", "ratingResult._type", "comment", "submittedAt"],
    ),
];

#[tokio::test]
async fn every_rule_of_a_submission_holds_and_names_its_field() {
    let setup = Setup::start().await;
    for (rule, change, wrong) in SUBMISSIONS {
        let rating = setup.offered("Csat").await;
        let mut body = json!({ "ratingResult": { "value": 4 } });
        change(&mut body);
        let answer = setup.submit(&rating, &body).await;
        let stored = setup.list().await.pop().unwrap();
        if wrong.is_empty() {
            assert_eq!(answer.status, 201, "{rule}: {answer:?}");
            assert_eq!(
                (&stored["ratingStatus"], &stored["ratingScore"]),
                (&json!("Rated"), &json!(4)),
                "{rule}"
            );
        } else {
            assert_eq!(answer.status, 400, "{rule}: {answer:?}");
            assert_eq!(fields_of(&message_of(&answer), DECODING), *wrong, "{rule}");
            assert_eq!(stored["ratingStatus"], "Offered", "{rule}");
        }
    }
}

#[tokio::test]
async fn every_type_accepts_its_values_and_no_others() {
    let setup = Setup::start().await;
    for (kind, least, most) in [("Csat", 1, 5), ("Nps", 0, 10), ("ThumbsUpOrDown", 0, 1)] {
        let rating = setup.offered(kind).await;
        for value in -1..=12 {
            let body = json!({ "ratingResult": { "value": value, "_type": kind } });
            let expected = if (least..=most).contains(&value) { 201 } else { 400 };
            assert_eq!(setup.submit(&rating, &body).await.status, expected, "{kind} {value}");
        }
    }
}

#[tokio::test]
async fn every_error_uses_the_documented_words() {
    let setup = Setup::start().await;
    for kind in ["Csat", "Nps", "ThumbsUpOrDown"] {
        let rating = setup.offered(kind).await;
        for result in [
            json!({ "value": 99 }),
            json!({ "value": 1, "_type": "Csat" }),
            json!({ "value": 1, "_type": "Nps" }),
        ] {
            let answer = setup.submit(&rating, &json!({ "ratingResult": result })).await;
            let text = answer.text();
            assert!(!["CSAT", "NPS", "THUMBS"].iter().any(|word| text.contains(word)), "{text}");
        }
    }
}

#[tokio::test]
async fn a_violation_says_what_was_expected_and_what_was_received() {
    let setup = Setup::start().await;
    let body = json!({ "ratingType": "Stars", "offeredAt": "soon" });
    let expected = "Decoding failure in request: ratingType: must be \"Csat\" or \"Nps\" or \"ThumbsUpOrDown\", is the \
                    string \"Stars\"; offeredAt: must be a date and time in ISO 8601 with its offset, like \
                    \"2024-03-11T16:39:30Z\", is the string \"soon\"";
    assert_eq!(message_of(&setup.offer(&body).await), expected);
    let rating = setup.offered("Csat").await;
    let answer = setup.submit(&rating, &json!({ "ratingResult": { "value": 7 } })).await;
    let expected = "Decoding failure in request: ratingResult.value: must be 1 to 5 for what was asked, is 7";
    assert_eq!(message_of(&answer), expected);
}

#[tokio::test]
async fn an_invalid_path_value_is_400_before_anything_else() {
    let setup = Setup::start().await;
    for id in ["0042", "-1", "+5", "1.0", "abc", "%31x", "1%2F2", "%ff", "%20"] {
        for (method, rest) in [("POST", "ratings/offer"), ("GET", "ratings"), ("GET", "rating")] {
            let path = format!("/v1/conversations/{id}/{rest}");
            let headers = [("content-type", "application/json")];
            let answer = setup.http().send(method, &path, &headers, "no JSON").await;
            assert_eq!(answer.status, 400, "{path}");
            assert_eq!(fields_of(&message_of(&answer), INVALID), ["conversationId"], "{path}");
        }
    }
    for rating in
        ["x", "123", "2f0122db082444d7b39ae1f722b8c38c", "%7B2f0122db-0824-44d7-b39a-e1f722b8c38c%7D"]
    {
        let answer = setup.submit(rating, &json!({ "ratingResult": { "value": 4 } })).await;
        assert_eq!(answer.status, 400, "{rating}");
        assert_eq!(fields_of(&message_of(&answer), INVALID), ["ratingId"], "{rating}");
    }
}

#[tokio::test]
async fn without_a_candidate_the_offer_must_name_an_agent() {
    let setup = Setup::start().await;
    let message = json!({
        "external_id": "m1", "kind": "message", "content": "Hello", "author": { "type": "contact" },
        "timestamp": 1_700_000_000_000_i64,
    });
    let body = json!({ "source": "dixa", "ticket_id": "5", "messages": [message] });
    setup.http().post("/v1/assess", body.to_string()).await;
    let path = "/beta/conversations/5/ratings/offer";
    let answer = setup.http().post(path, r#"{"ratingType":"Csat"}"#).await;
    assert_eq!(answer.status, 400);
    assert_eq!(fields_of(&message_of(&answer), DECODING)[0], "agentId");
    let named = setup.http().post(path, r#"{"ratingType":"Csat","agentId":"a"}"#).await;
    assert_eq!(named.status, 201, "{named:?}");
}
