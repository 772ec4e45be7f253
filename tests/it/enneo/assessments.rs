//! `GET /ticket/{ticketId}/assessments` beyond the rules of its rows.

use plaudit::{
    domain::{AssessmentState, Status},
    proto::v1::{Person, UpdatePersonRequest, directory_service_client::DirectoryServiceClient},
    store::Batch,
};
use serde_json::{Value, json};

use crate::harness::{Answer, Plaudit, sample, soon};

use super::ticket::{Ticket, rows};

/// The message of an error in the dialect's shape.
fn message_of(answer: &Answer) -> String {
    let body = answer.json();
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(2), "{body}");
    assert_eq!(body["success"], false);
    body["message"].as_str().expect("a message").to_owned()
}

async fn worked_on(server: &Plaudit, number: u64) -> Ticket<'_> {
    let mut ticket = Ticket::new(server, number).await;
    ticket.write("contact cus_1 Ada", "2025-12-01T09:00:00Z", false, None).await;
    ticket.write("ai bot Helper", "2025-12-01T09:01:00Z", false, None).await;
    ticket.write("teammate 23 Tom", "2025-12-01T09:02:00Z", false, None).await;
    ticket.write("teammate 23 Tom", "2025-12-01T09:03:00Z", true, None).await;
    ticket.set_status(Status::Closed, "2025-12-01T09:04:00Z").await;
    ticket.handle(|handling, _| handling.due = Some(Plaudit::START)).await;
    ticket
}

/// The rows of a ticket that two agents worked on.
async fn both(ticket: &Ticket<'_>) -> Vec<Value> {
    let rows = ticket.rows().await;
    assert_eq!(rows.len(), 2, "{rows:#?}");
    rows
}

/// Asserts that the documented row and ours have the same keys, and the same types where neither is null or empty.
fn assert_same_shape(path: &str, documented: &Value, ours: &Value) {
    match (documented, ours) {
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Object(documented), Value::Object(ours)) => {
            let keys = |fields: &serde_json::Map<String, Value>| fields.keys().cloned().collect::<Vec<_>>();
            let (mut theirs, mut here) = (keys(documented), keys(ours));
            theirs.sort_unstable();
            here.sort_unstable();
            assert_eq!(theirs, here, "the keys of {path}");
            for (name, field) in documented {
                assert_same_shape(&format!("{path}.{name}"), field, &ours[name]);
            }
        }
        (Value::Array(documented), Value::Array(ours)) => {
            if let Some(documented) = documented.first() {
                let ours =
                    ours.first().unwrap_or_else(|| panic!("{path} is empty, documented is [{documented}]"));
                assert_same_shape(&format!("{path}[]"), documented, ours);
            }
        }
        (Value::Bool(_), Value::Bool(_)) | (Value::String(_), Value::String(_)) => {}
        (Value::Number(_), Value::Number(_)) => {}
        _ => panic!("{path} is {ours}, documented is {documented}"),
    }
}

#[tokio::test]
async fn a_row_has_the_documented_keys_in_their_types() {
    let server = Plaudit::start().await;
    let ticket = worked_on(&server, 8821).await;
    let documented: Value =
        serde_json::from_str(include_str!("../../cases/enneo/assessments-answer.json")).expect("JSON");
    let rows = ticket.rows().await;
    assert_eq!(rows.len(), 2);
    for documented in documented.as_array().expect("rows") {
        for row in &rows {
            assert_same_shape("row", documented, row);
        }
    }
    let row = &rows[1];
    for name in ["id", "scorecardId", "scorecardBaseId", "assessedUser", "ticketId", "worklogId"] {
        assert!(row[name].is_u64(), "{name}: {row}");
    }
    assert!(row["aiSummary"].as_str().is_some_and(|summary| summary.len() > 20), "{row}");
    let totals = row["totals"].as_object().expect("totals");
    assert!(totals.values().all(Value::is_number), "{row}");
    // A whole number is printed without a fraction.
    assert!(!row["totals"].to_string().contains(".0"), "{row}");
}

#[tokio::test]
async fn rows_are_ascending_by_id_and_the_same_in_both_places() {
    let server = Plaudit::start().await;
    let ticket = worked_on(&server, 8821).await;
    let bare = ticket.rows().await;
    let ids: Vec<u64> = bare.iter().map(|row| row["id"].as_u64().expect("a number")).collect();
    assert!(ids.is_sorted() && ids.len() == 2, "{ids:?}");
    let http = server.http();
    assert_eq!(rows(&http.get("/api/mind/ticket/8821/assessments").await), bare);
    // Our own number names the conversation whatever its source, and is shown where the path's id is.
    let own = ticket.conversation_number().await;
    let by_number = rows(&http.get(&format!("/ticket/{own}/assessments")).await);
    assert_eq!(by_number.len(), 2);
    for mut row in by_number {
        assert_eq!((row["ticketId"].take(), row["worklog"]["ticketId"].take()), (own.into(), own.into()));
    }
}

#[tokio::test]
async fn a_ticket_of_several_megabytes_has_all_its_rows() {
    let server = Plaudit::start().await;
    let mut ticket = Ticket::new(&server, 8821).await;
    let long = "The words of this message are many. ".repeat(5_000);
    for place in 0..16 {
        let by = ["contact cus_1 Ada", "teammate 23 Tom", "contact cus_1 Ada", "teammate 24 Eve"][place % 4];
        let at = format!("2025-12-01T09:{place:02}:00Z");
        ticket.write_with(by, &at, false, |message| message.content = Some(long.clone())).await;
    }
    ticket
        .write_with("teammate 25 Bob", "2025-12-01T10:00:00Z", false, |message| message.automatic = true)
        .await;
    let rows = ticket.rows().await;
    let agents: Vec<&Value> = rows.iter().map(|row| &row["assessedUser"]).collect();
    assert_eq!(agents, [23, 24, 23, 24, 23, 24, 23, 24]);
    assert!(rows.iter().all(|row| row["worklog"]["action"] == "reply"), "{rows:#?}");
}

#[tokio::test]
async fn a_path_id_that_names_no_ticket_is_400_or_404() {
    let server = Plaudit::start().await;
    let client = server.client().await;
    // Conversation 42 of another source is not the dialect's.
    client.import(sample::import("42")).await.unwrap();
    let http = server.http();
    for base in ["", "/api/mind"] {
        for (id, status) in [
            ("0", 400),
            ("-1", 400),
            ("042", 400),
            ("+42", 400),
            ("4.2", 400),
            ("1e3", 400),
            ("abc", 400),
            ("%20", 400),
            ("42%20", 400),
            ("%FF", 400),
            ("%D9%A4", 400),
            ("42", 404),
            ("4999999999999999", 404),
            ("5000000000000000", 404),
            ("5000000000000001000", 404),
            ("9007199254740993", 404),
            ("99999999999999999999999999", 404),
        ] {
            let answer = http.get(&format!("{base}/ticket/{id}/assessments")).await;
            assert_eq!(answer.status, status, "{base} {id}: {answer:?}");
            assert!(!message_of(&answer).is_empty());
        }
    }
    // Our own number reaches the conversation of another source.
    let id = client.conversation("conversations/test:42").await.unwrap().name;
    let id = id.trim_start_matches("conversations/");
    assert_eq!(http.get(&format!("/ticket/{id}/assessments")).await.status, 200);
}

#[tokio::test]
async fn times_are_truncated_to_whole_seconds() {
    let server = Plaudit::start().await;
    server.clock.advance_millis(19_900);
    let body = json!({ "direction": "out", "agentId": 23, "body": "Hello", "status": "closed", "process": "realtime" });
    let answer = server.http().post("/ticket/8821/conversation/store", body.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = rows(&server.http().get("/ticket/8821/assessments").await);
    for place in [
        "/createdAt",
        "/modifiedAt",
        "/worklog/lastInteraction",
        "/time/segments/0/from",
        "/time/segments/0/to",
        "/customerExperience/closingDateForSLA",
    ] {
        assert_eq!(rows[0].pointer(place), Some(&json!("2026-01-01T00:00:19Z")), "{place}");
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_refused_in_the_dialects_shape() {
    let server = Plaudit::start().await;
    let http = server.http();
    for path in ["/ticket/1/assessments", "/api/mind/ticket/1/assessments"] {
        for method in ["POST", "PUT", "DELETE"] {
            let answer = http.send(method, path, &[], "").await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("allow")),
                (405, "GET,HEAD"),
                "{method} {path}"
            );
            message_of(&answer);
        }
    }
    for path in ["/api/mind/nothing", "/ticket/1/nothing", "/ticket/1/assessments/2"] {
        let answer = http.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        message_of(&answer);
    }
}

#[tokio::test]
async fn deleted_ones_are_left_out_and_discussed_ones_cannot_be_edited() {
    let server = Plaudit::start().await;
    let ticket = worked_on(&server, 8821).await;
    ticket.rows().await;
    for (state, name, can_edit) in [
        (AssessmentState::ReviewOngoing, "reviewOngoing", true),
        (AssessmentState::ReviewedBySupervisor, "reviewedBySupervisor", true),
        (AssessmentState::DiscussedWithAssessee, "discussedWithAssessee", false),
        (AssessmentState::Error, "error", true),
        (AssessmentState::Unprocessed, "unprocessed", true),
    ] {
        ticket.review(|assessment| assessment.state = state).await;
        for row in both(&ticket).await {
            assert_eq!((&row["state"], &row["canEdit"]), (&name.into(), &can_edit.into()));
        }
    }
    ticket.review(|assessment| assessment.state = AssessmentState::Deleted).await;
    assert!(ticket.rows().await.is_empty());
}

#[tokio::test]
async fn assessments_waiting_to_be_rescored_are_in_progress() {
    let server = Plaudit::start().await;
    let mut ticket = worked_on(&server, 8821).await;
    ticket.rows().await;
    let is_scoring = |batch: &Batch| batch.delete.iter().any(|key| key[0] == 0x40);
    let gate = server.store.hold(is_scoring);
    ticket.write("contact cus_1 Ada", "2025-12-01T09:06:00Z", false, None).await;
    gate.arrived().await;
    let waiting = rows(&server.http().get("/ticket/8821/assessments").await);
    assert_eq!(waiting.len(), 2);
    for row in &waiting {
        assert_eq!((&row["state"], &row["canEdit"]), (&"aiInProgress".into(), &true.into()), "{row}");
        assert_eq!(row["customerExperience"]["reOpened"], true);
    }
    gate.open();
    assert!(both(&ticket).await.iter().all(|row| row["state"] == "aiReady"));
}

#[tokio::test]
async fn before_the_first_scoring_there_are_no_rows() {
    let server = Plaudit::start().await;
    let gate = server.store.hold(|batch: &Batch| batch.delete.iter().any(|key| key[0] == 0x40));
    let mut ticket = Ticket::new(&server, 1).await;
    ticket.write("teammate 23 Tom", "2025-12-01T09:06:00Z", false, None).await;
    gate.arrived().await;
    assert!(rows(&server.http().get("/ticket/1/assessments").await).is_empty());
    gate.open();
    assert_eq!(ticket.rows().await.len(), 1);
}

#[tokio::test]
async fn the_directory_names_and_describes_ai_agents() {
    let server = Plaudit::start().await;
    let ticket = worked_on(&server, 8821).await;
    let before = ticket.rows().await;
    assert_eq!(before[0]["aiUsage"]["aiAgents"][0]["name"], "Helper");
    let person = Person {
        name: "people/enneo:ai:bot".to_owned(),
        display_name: "Billing agent".to_owned(),
        description: "Answers questions on invoices".to_owned(),
        ..Person::default()
    };
    let mut directory = DirectoryServiceClient::new(server.channel().await);
    let update = UpdatePersonRequest { person: Some(person), ..UpdatePersonRequest::default() };
    let said = soon("an update", directory.update_person(update)).await.unwrap().into_inner();
    for row in both(&ticket).await {
        let agent = &row["aiUsage"]["aiAgents"][0];
        assert_eq!(agent["name"], "Billing agent");
        assert_eq!(agent["description"], "Answers questions on invoices");
        // The number is the one in the directory.
        assert_eq!(said.name, format!("people/{}", agent["id"]));
        assert_eq!(agent["id"], before[0]["assessedUser"]);
    }
}

#[tokio::test]
async fn an_agent_has_one_number_on_all_tickets_and_across_restarts() {
    let server = Plaudit::start().await;
    let numbers = async |server: &Plaudit, tickets: [u64; 2]| {
        let mut found = Vec::new();
        for number in tickets {
            let mut ticket = Ticket::new(server, number).await;
            ticket.write("teammate tea_1 Tom", "2025-12-01T09:00:00Z", false, None).await;
            found.extend(ticket.rows().await.into_iter().map(|row| row["assessedUser"].clone()));
        }
        found
    };
    let mut all = numbers(&server, [1, 2]).await;
    let server = server.restart().await;
    all.extend(numbers(&server, [3, 4]).await);
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|number| *number == all[0] && number.is_u64()), "{all:?}");
}

#[tokio::test]
async fn messages_stored_singly_are_assessed_like_imported_ones() {
    let server = Plaudit::start().await;
    let stored = [
        json!({ "customerId": "cus_1", "body": "<p>Where is my order?</p>", "createdAt": "2025-12-01 09:00:00" }),
        json!({
            "direction": "out", "agentId": 23, "fromName": "Tom", "body": "It left our warehouse yesterday.",
            "createdAt": "2025-12-01 09:10:00", "status": "open", "dueBy": "2025-12-01 12:00:00",
        }),
        json!({
            "private": true, "agentId": 23, "body": "Ask the carrier.", "createdAt": "2025-12-01 09:12:00",
            "status": "closed",
        }),
        json!({ "direction": "internal", "agentId": 24, "body": "I take over.", "createdAt": "2025-12-01 09:20:00" }),
        json!({
            "direction": "out", "agentId": 24, "body": "It arrives today.", "createdAt": "2025-12-01 10:30:00",
            "status": "open",
        }),
        json!({ "customerId": "cus_1", "body": "Thank you!", "createdAt": "2025-12-01 12:30:00", "status": "closed" }),
    ];
    let mut numbers = Vec::new();
    for body in &stored {
        let answer = server.http().post("/ticket/8821/conversation/store", body.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        numbers.push(answer.json()["conversationId"].clone());
    }
    server.client().await.scored("conversations/enneo:8821").await;
    let rows = rows(&server.http().get("/ticket/8821/assessments").await);
    let [first, second] = rows.try_into().expect("two rows");

    assert_eq!((&first["assessedUser"], &first["worklogId"]), (&json!(23), &numbers[1]));
    assert_eq!(first["worklog"]["conversationId"], numbers[2]);
    assert_eq!(first["worklog"]["actionList"], json!(["reply", "internal-note"]));
    assert_eq!((&first["time"]["duration"], &first["time"]["durationAfterWork"]), (&json!(120), &json!(120)));

    assert_eq!((&second["assessedUser"], &second["worklogId"]), (&json!(24), &numbers[3]));
    assert_eq!(second["worklog"]["actionList"], json!(["internal-note", "reply"]));
    assert_eq!(second["time"]["segments"].as_array().map(Vec::len), Some(2));

    let experience = json!({
        "slaMet": false, "netSecondsClosedAfterSla": 1800, "closingDateForSLA": "2025-12-01T12:30:00Z",
        "dueDateForSLA": "2025-12-01T12:00:00Z", "reOpened": true, "csat": null,
    });
    assert_eq!([&first["customerExperience"], &second["customerExperience"]], [&experience, &experience]);
}

/// Offers a rating to the customer of a conversation and answers it; returns the rating's id.
async fn rate(server: &Plaudit, conversation: u64, kind: &str, value: u8, comment: Option<&str>) -> Value {
    let path = format!("/beta/conversations/{conversation}/ratings");
    let offer = json!({ "ratingType": kind }).to_string();
    let offered = server.http().post(&format!("{path}/offer"), offer).await;
    assert_eq!(offered.status, 201, "{offered:?}");
    let id = offered.json()["data"]["id"].clone();
    let answer = json!({ "ratingResult": { "value": value }, "comment": comment }).to_string();
    let rating = id.as_str().expect("a UUID");
    let submitted = server.http().post(&format!("{path}/{rating}/submit"), answer).await;
    assert_eq!(submitted.status, 201, "{submitted:?}");
    id
}

#[tokio::test]
async fn the_rating_answered_last_is_the_csat() {
    let server = Plaudit::start().await;
    let ticket = worked_on(&server, 8821).await;
    // The same conversation in the dialect of ratings.
    let conversation = ticket.conversation_number().await;
    let mut last = Value::Null;
    for (kind, value, comment, scale) in
        [("Csat", 4, Some("Quick"), 5), ("Nps", 0, None, 10), ("ThumbsUpOrDown", 1, None, 1)]
    {
        assert!(both(&ticket).await.iter().all(|row| row["customerExperience"]["csat"] == last));
        server.clock.advance_millis(1000);
        let id = rate(&server, conversation, kind, value, comment).await;
        last = json!({ "id": id, "scale": scale, "answerStars": value, "answerText": comment });
    }
    let rows = both(&ticket).await;
    assert!(rows.iter().all(|row| row["customerExperience"]["csat"] == last), "{rows:#?}");
    // An unanswered offer changes nothing.
    let offer = json!({ "ratingType": "Csat" }).to_string();
    server.http().post(&format!("/v1/conversations/{conversation}/ratings/offer"), offer).await;
    assert!(both(&ticket).await.iter().all(|row| row["customerExperience"]["csat"] == last));
}
