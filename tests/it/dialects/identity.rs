//! One identity seen through CraftCX, Enneo and Dixa.

use serde_json::{Value, json};

use super::{got, imported, posted, transcript};
use crate::harness::Plaudit;

const OURS: u64 = 5_000_000_000_000_000;

/// Offers and answers a rating on the conversation named by a path, and returns its entry in the list.
async fn rated(server: &Plaudit, conversation: impl std::fmt::Display, value: u8) -> Value {
    let base = format!("/beta/conversations/{conversation}/ratings");
    let offered = posted(server, &format!("{base}/offer"), &json!({ "ratingType": "Csat" }), 201).await;
    let id = offered["data"]["id"].as_str().expect("a UUID").to_owned();
    let answer = json!({ "ratingResult": { "value": value }, "comment": "Quick" });
    posted(server, &format!("{base}/{id}/submit"), &answer, 201).await;
    let listed = got(server, &base).await["data"].take();
    let mut all = listed.as_array().expect("a list").clone();
    let rating = all.pop().expect("the last one");
    assert_eq!(rating["id"], id);
    rating
}

#[tokio::test]
async fn a_dixa_conversation_is_the_same_in_all_three_dialects() {
    let server = Plaudit::start().await;
    let body =
        transcript("dixa", "1234", &json!({ "type": "teammate", "external_id": "tea_1", "name": "Tom" }));
    let number = imported(&server, &body).await;
    assert_eq!(posted(&server, "/v1/assess", &body, 409).await["error"]["code"], "duplicate_import");

    // Enneo's callers reach it by our number, and can write to it under that.
    let store = format!("/ticket/{number}/conversation/store");
    let reply = json!({
        "process": "realtime", "direction": "out", "agentId": 24, "fromName": "Kim", "body": "It arrives today.",
        "createdAt": "2025-12-01 09:20:00", "status": "closed", "dueBy": "2025-12-01 09:30:00",
    });
    let stored = posted(&server, &store, &reply, 200).await;
    assert_eq!((&stored["ticketId"], &stored["conversation"]["ticketId"]), (&json!(number), &json!(number)));
    let kim = stored["conversation"]["sender"]["id"].as_u64().expect("a number");
    assert!(kim > OURS, "24 is a number of Dixa's, not of Enneo's: {kim}");
    assert_eq!(stored["conversation"]["agentId"], kim);

    let assessments = format!("/ticket/{number}/assessments");
    let rows = got(&server, &assessments).await;
    let users: Vec<u64> = [0, 1].map(|place| rows[place]["assessedUser"].as_u64().expect("a number")).into();
    assert!(users[0] > OURS && users[0] != users[1], "{users:?}");
    assert_eq!(users[1], kim);
    for row in rows.as_array().expect("rows") {
        assert_eq!(row["worklog"]["userId"], row["assessedUser"]);
        assert_eq!((&row["ticketId"], &row["customerExperience"]["csat"]), (&json!(number), &Value::Null));
    }
    // Dixa's callers can use its external id or our number.
    let rating = rated(&server, 1234, 4).await;
    assert_eq!((&rating["userId"], &rating["agentId"]), (&json!("cus_1"), &json!("24")));
    assert_eq!(rating["conversationChannel"], "WidgetChat");
    let of_number = got(&server, &format!("/v1/conversations/{number}/ratings")).await;
    assert_eq!(of_number["data"], json!([rating]));

    let mut after = got(&server, &assessments).await;
    let csat = json!({ "id": rating["id"], "scale": 5, "answerStars": 4, "answerText": "Quick" });
    for row in after.as_array_mut().expect("rows") {
        assert_eq!(row["customerExperience"]["csat"].take(), csat);
    }
    assert_eq!(after, rows, "nothing else changed");
    assert_eq!(server.http().get("/ticket/1234/assessments").await.status, 404, "Enneo has no ticket 1234");
}

#[tokio::test]
async fn an_enneo_ticket_is_the_same_in_all_three_dialects() {
    let server = Plaudit::start().await;
    let body =
        transcript("enneo", "8821", &json!({ "type": "teammate", "external_id": "23", "name": "Tom" }));
    let number = imported(&server, &body).await;
    let reply = json!({
        "process": "realtime", "direction": "out", "agentId": 23, "from": "service@x.com", "body": "It arrives today.",
        "createdAt": "2025-12-01 09:20:00",
    });
    let stored = posted(&server, "/api/mind/ticket/8821/conversation/store", &reply, 200).await;
    assert_eq!(stored["conversation"]["agentId"], 23);
    assert_eq!(stored["conversation"]["sender"]["id"], 23);
    let rows = got(&server, "/ticket/8821/assessments").await;
    assert_eq!(rows.as_array().map(Vec::len), Some(1), "the agent continued the imported worklog: {rows}");
    assert_eq!((&rows[0]["assessedUser"], &rows[0]["ticketId"]), (&json!(23), &json!(8821)));
    assert_eq!(rows[0]["worklog"]["conversationId"], stored["conversationId"]);

    let rating = rated(&server, number, 5).await;
    assert_eq!((&rating["userId"], &rating["agentId"]), (&json!("cus_1"), &json!("23")));
    assert_eq!(rating["conversationChannel"], "Email", "addresses were stored");
    assert_eq!(server.http().get("/beta/conversations/8821/ratings").await.status, 404, "8821 is not Dixa's");
    let by_number = got(&server, &format!("/ticket/{number}/assessments")).await;
    assert_eq!(by_number[0]["customerExperience"]["csat"]["id"], rating["id"]);
    assert_eq!(posted(&server, "/v1/assess", &body, 409).await["error"]["ticket_id"], "8821");
}

#[tokio::test]
async fn a_conversation_created_by_a_store_refuses_an_import_of_its_identity() {
    let server = Plaudit::start().await;
    posted(&server, "/ticket/7/conversation/store", &json!({ "body": "Hello" }), 200).await;
    let body = transcript("enneo", "7", &json!({ "type": "ai", "external_id": "bot" }));
    let refused = posted(&server, "/v1/assess", &body, 409).await["error"].take();
    assert_eq!(
        (&refused["source"], &refused["ticket_id"], &refused["code"]),
        (&json!("enneo"), &json!("7"), &json!("duplicate_import"))
    );
}
