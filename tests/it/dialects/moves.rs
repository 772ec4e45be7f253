//! Two tickets that differ in one input: their rows differ in what depends on it and in nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{got, posted};
use crate::harness::Plaudit;

/// The messages of a ticket: a customer asks, an agent answers twice and closes it.
fn base() -> [Value; 3] {
    [
        json!({ "customerId": "cus_1", "body": "Where is my order?", "createdAt": "2025-12-01 09:00:00" }),
        json!({
            "direction": "out", "agentId": 23, "body": "It left our warehouse yesterday.",
            "createdAt": "2025-12-01 09:10:00", "dueBy": "2025-12-01 12:00:00",
        }),
        json!({
            "direction": "out", "agentId": 23, "body": "The carrier says that it arrives today.",
            "createdAt": "2025-12-01 09:20:00", "status": "closed",
        }),
    ]
}

/// Every value of the rows by path. A message's number is shown as its index, any other number of the server's as `$`.
async fn rows_of(bodies: &[Value]) -> BTreeMap<String, Value> {
    let server = Plaudit::start().await;
    let mut numbers = Vec::new();
    for body in bodies {
        let mut body = body.clone();
        body["process"] = json!("realtime");
        let stored = posted(&server, "/ticket/8821/conversation/store", &body, 200).await;
        numbers.push(stored["conversationId"].as_u64().expect("a number"));
    }
    let mut values = BTreeMap::new();
    flatten("", &got(&server, "/ticket/8821/assessments").await, &numbers, &mut values);
    values
}

fn flatten(path: &str, value: &Value, numbers: &[u64], values: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                flatten(&format!("{path}.{name}"), field, numbers, values);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{index}]"), item, numbers, values);
            }
        }
        other => {
            let number = other.as_u64().filter(|number| *number > 5_000_000_000_000_000);
            let place = number.and_then(|number| numbers.iter().position(|known| *known == number));
            let shown = match (number, place) {
                (_, Some(place)) => json!(format!("m{place}")),
                (Some(_), None) => json!("$"),
                _ => other.clone(),
            };
            values.insert(path.to_owned(), shown);
        }
    }
}

/// The paths whose values differ, without the first row's `[0].`.
fn moved(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    differ.map(|path| path.trim_start_matches("[0].").to_owned()).collect()
}

/// The message, its field, and the new value; what must change with it, and what else may.
type Move<'a> = (usize, &'a str, Value, &'a [&'a str], &'a [&'a str]);

#[tokio::test]
async fn one_input_changes_exactly_the_fields_that_depend_on_it() {
    let before = rows_of(&base()).await;
    assert!(before.contains_key("[0].assessedUser") && !before.contains_key("[1].id"), "{before:#?}");
    let sla = "customerExperience.slaMet";
    let net = "customerExperience.netSecondsClosedAfterSla";
    let due = "customerExperience.dueDateForSLA";
    let closing = "customerExperience.closingDateForSLA";
    let segment = |field: &str| format!("time.segments[0].{field}");
    let (to, list, text) = (segment("to"), segment("actionList"), segment("actionListText"));
    let actions =
        ["aiSummary", "worklog.action", "worklog.actionList", "time.durationAfterWork", &list, &text];
    let totals =
        ["totals.scoredPoints", "totals.usedMaxPoints", "totals.totalMaxPoints", "totals.percentage"];
    let cases: [Move; 17] = [
        (0, "customerId", json!("cus_2"), &[], &[]),
        (0, "from", json!("Ada <ada@x.com>"), &[], &[]),
        (1, "subject", json!("Order"), &[], &[]),
        (1, "priority", json!("urgent"), &[], &[]),
        (1, "type", json!("note"), &[], &[]),
        (1, "rawData", json!({ "status": "open" }), &[], &[]),
        (1, "intentIds", json!([7]), &[], &[]),
        (1, "externalConversationId", json!("x"), &[], &[]),
        (1, "fromName", json!("Tom"), &[], &[]),
        (1, "status", json!("pending"), &[], &[]),
        (1, "firstResponseDueBy", json!("2025-12-01 09:01:00"), &[], &[]),
        (1, "dueBy", json!("2025-12-01 13:00:00"), &[net, due], &[]),
        (1, "dueBy", json!("2025-12-01 09:19:59"), &[sla, net, due], &[]),
        (2, "status", json!("open"), &[sla, net, closing], &[]),
        (
            2,
            "createdAt",
            json!("2025-12-01 09:21:00"),
            &[net, closing, &to, "time.duration", "worklog.lastInteraction", "aiSummary"],
            &[],
        ),
        (2, "private", json!(true), &actions, &totals),
        (2, "direction", json!("internal"), &actions, &totals),
    ];
    for (place, field, value, expected, possible) in cases {
        let mut bodies = base();
        bodies[place][field] = value.clone();
        let mut found = moved(&before, &rows_of(&bodies).await);
        found.retain(|path| !possible.contains(&path.as_str()));
        let expected: BTreeSet<String> = expected.iter().map(|&path| path.to_owned()).collect();
        assert_eq!(found, expected, "{place} {field} {value}");
    }
}

#[tokio::test]
async fn another_agent_changes_whose_work_it_is() {
    let of = async |agent: i64| {
        let mut bodies = base();
        for body in &mut bodies[1..] {
            body["agentId"] = json!(agent);
        }
        rows_of(&bodies).await
    };
    let expected = ["assessedUser", "worklog.userId"].map(str::to_owned);
    assert_eq!(moved(&of(23).await, &of(24).await), BTreeSet::from(expected));
}

#[tokio::test]
async fn a_worklog_with_only_a_note_has_a_row_like_that_of_a_reply() {
    let of = async |kind: Value| {
        let mut note =
            json!({ "agentId": 24, "body": "Ask the carrier.", "createdAt": "2025-12-01 09:10:00" });
        note.as_object_mut().expect("an object").extend(kind.as_object().expect("an object").clone());
        rows_of(&[base()[0].clone(), note]).await
    };
    let reply = of(json!({ "direction": "out" })).await;
    let internal = of(json!({ "direction": "internal" })).await;
    let private = of(json!({ "direction": "out", "private": true })).await;
    assert_eq!(moved(&internal, &private), BTreeSet::new());
    assert_eq!(
        [&internal["[0].totals.totalMaxPoints"], &internal["[0].totals.percentage"]],
        [&json!(0), &json!(0)]
    );
    let mut found = moved(&reply, &internal);
    found.retain(|path| !path.starts_with("totals.") && path != "aiSummary");
    let expected = [
        "time.segments[0].actionList",
        "time.segments[0].actionListText",
        "worklog.action",
        "worklog.actionList",
    ];
    assert_eq!(found, BTreeSet::from(expected.map(str::to_owned)));
}
