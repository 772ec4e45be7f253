//! tests/cases/enneo/assessments.yaml: what arrives on a ticket, and the resulting rows.

use plaudit::{domain::Status, proto::v1::Message};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::Plaudit;

use super::ticket::{Ticket, millis};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case: String,
    due: Option<String>,
    arrivals: Vec<Arrival>,
    #[serde(default)]
    ratings: Vec<Rating>,
    rows: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arrival {
    by: Option<String>,
    at: String,
    #[serde(default)]
    note: bool,
    ai_tool: Option<String>,
    words: Option<String>,
    #[serde(default)]
    automatic: bool,
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rating {
    r#type: String,
    /// Absent: it is offered and not answered.
    value: Option<u8>,
    comment: Option<String>,
    answered: Option<String>,
}

#[tokio::test]
async fn every_case_gives_its_expected_rows() {
    let cases: Vec<Case> = serde_saphyr::from_str(include_str!("../../cases/enneo/assessments.yaml"))
        .expect("tests/cases/enneo/assessments.yaml can be read");
    assert!(cases.len() > 30);
    let server = Plaudit::start().await;
    let mut wrong = Vec::new();
    for (number, case) in (1..).zip(&cases) {
        let mut ticket = Ticket::new(&server, number).await;
        arrive(&mut ticket, case).await;
        rate(&server, &ticket, &case.ratings).await;
        let numbers = ticket.message_numbers().await;
        let found = ticket.rows().await;
        if let Err(difference) =
            compare(&Value::from(case.rows.clone()), &Value::from(found.clone()), &numbers)
        {
            wrong.push(format!("{}: {difference}\n{found:#?}", case.case));
        }
        assert!(found.iter().all(|row| row["ticketId"] == ticket.number), "{found:#?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

async fn arrive(ticket: &mut Ticket<'_>, case: &Case) {
    for arrival in &case.arrivals {
        match (&arrival.by, arrival.status.as_deref()) {
            (Some(by), None) => {
                let change = |message: &mut Message| {
                    message.ai_tool.clone_from(&arrival.ai_tool);
                    message.automatic = arrival.automatic;
                    if let Some(words) = &arrival.words {
                        message.content = Some(words.clone());
                    }
                };
                ticket.write_with(by, &arrival.at, arrival.note, change).await;
            }
            (None, Some(status)) => ticket.set_status(status_named(status), &arrival.at).await,
            _ => panic!("{}: an arrival is a message or a status", case.case),
        }
    }
    if let Some(due) = &case.due {
        ticket.handle(|handling, _| handling.due = Some(millis(due))).await;
    }
}

/// Offers and answers ratings on Dixa's paths, where the ticket is known by our number.
async fn rate(server: &Plaudit, ticket: &Ticket<'_>, ratings: &[Rating]) {
    for rating in ratings {
        let path = format!("/beta/conversations/{}/ratings", ticket.conversation_number().await);
        let offer = json!({ "ratingType": rating.r#type }).to_string();
        let offered = server.http().post(&format!("{path}/offer"), offer).await;
        assert_eq!(offered.status, 201, "{offered:?}");
        let Some(value) = rating.value else { continue };
        let id = offered.json()["data"]["id"].as_str().expect("a UUID").to_owned();
        let answer = json!({
            "ratingResult": { "value": value }, "comment": rating.comment, "submittedAt": rating.answered,
        });
        let submitted = server.http().post(&format!("{path}/{id}/submit"), answer.to_string()).await;
        assert_eq!(submitted.status, 201, "{submitted:?}");
    }
}

fn status_named(name: &str) -> Status {
    match name {
        "open" => Status::Open,
        "pending" => Status::Pending,
        "closed" => Status::Closed,
        other => panic!("{other} is no status"),
    }
}

/// Checks that everything expected is there. `$m1` is the number of the first message, `$` any number of the server's.
fn compare(expected: &Value, found: &Value, numbers: &[u64]) -> Result<(), String> {
    match expected {
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
            let below = found.get(name).ok_or_else(|| format!("{name} is absent"))?;
            compare(field, below, numbers).map_err(|difference| format!("{name}: {difference}"))
        }),
        Value::Array(items) => {
            let below = found.as_array().ok_or("is no list")?;
            if below.len() != items.len() {
                return Err(format!("has {} items, expected {}", below.len(), items.len()));
            }
            let mut pairs = items.iter().zip(below).enumerate();
            pairs.try_for_each(|(index, (item, below))| {
                compare(item, below, numbers).map_err(|difference| format!("[{index}] {difference}"))
            })
        }
        Value::String(text) if text == "$" => match found.as_u64() {
            Some(number) if number > 5_000_000_000_000_000 => Ok(()),
            _ => Err(format!("is {found}, expected a number of the server's")),
        },
        Value::String(text) if text.starts_with("$m") => {
            let place: usize = text[2..].parse().expect("the place of a message");
            let number = numbers[place - 1];
            (*found == number).then_some(()).ok_or_else(|| format!("is {found}, expected {number}"))
        }
        expected => {
            (expected == found).then_some(()).ok_or_else(|| format!("is {found}, expected {expected}"))
        }
    }
}

#[test]
fn the_comparison_itself_detects_a_difference() {
    let compare = |expected: &str, found: &str| {
        let parsed = |text| serde_json::from_str(text).expect("JSON");
        compare(&parsed(expected), &parsed(found), &[7]).is_ok()
    };
    for (expected, found) in [
        ("{}", r#"{"a":1}"#),
        (r#"{"a":null}"#, r#"{"a":null}"#),
        (r#"["$m1"]"#, "[7]"),
        (r#""$""#, "5000000000000001"),
    ] {
        assert!(compare(expected, found), "{expected} {found}");
    }
    for (expected, found) in [
        (r#"{"a":null}"#, "{}"),
        ("[1]", "[1,1]"),
        (r#""$m1""#, "8"),
        (r#""$""#, "8"),
        ("1", "2"),
        ("1", "\"1\""),
    ] {
        assert!(!compare(expected, found), "{expected} {found}");
    }
}
