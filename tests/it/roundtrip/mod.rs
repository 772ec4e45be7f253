//! What an import keeps of a conversation, and that an export transfers everything to another server.

mod any;
mod ratings;
mod rich;
mod rules;
mod tags;
mod tracking;
mod whole;

use serde_json::Value;

pub use rich::fill;

use crate::export_command::{lines, run};

fn remove(value: &mut Value, keys: &[&str]) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|key, _| !keys.contains(&key.as_str()));
    }
}

fn number_of(name: &Value) -> u64 {
    name.as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap()
}

fn items(line: &mut Value, key: &str) -> Vec<Value> {
    line.get_mut(key).and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default()
}

/// A line without our numbers and the server's times.
fn neutral(mut line: Value) -> Value {
    const OURS: [&str; 4] = ["name", "etag", "createTime", "updateTime"];
    for kind in ["person", "team"] {
        if let Some(thing) = line.get_mut(kind) {
            let teams = items(thing, "teams").len();
            remove(thing, &OURS);
            thing["teams"] = teams.into();
        }
    }
    let messages = items(&mut line, "messages");
    let numbers: Vec<u64> = messages.iter().map(|message| number_of(&message["name"])).collect();
    let Some(conversation) = line.get_mut("conversation") else { return line };
    remove(conversation, &[&OURS[..], &["scoring"]].concat());
    let changes = items(conversation, "statusChanges").into_iter().map(|mut change| {
        let after: u64 = change["afterMessage"].as_str().unwrap().parse().unwrap();
        change["afterMessage"] = numbers.iter().filter(|number| **number <= after).count().into();
        change
    });
    conversation["statusChanges"] = changes.collect();
    let messages = messages.into_iter().map(|mut message| {
        remove(&mut message, &["name", "etag", "eventId", "updateTime"]);
        let files = items(&mut message, "attachments").into_iter().map(|mut file| {
            remove(&mut file, &["name", "downloadPath"]);
            file
        });
        message["attachments"] = files.collect();
        message
    });
    line["messages"] = messages.collect();
    let ratings = items(&mut line, "ratings").into_iter().map(|mut rating| {
        let uuid = rating["name"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        remove(&mut rating, &OURS);
        rating["uuid"] = uuid.into();
        rating
    });
    line["ratings"] = ratings.collect();
    let assessments = items(&mut line, "assessments").into_iter().map(|assessment| {
        let told = ["scorecard", "totals", "state", "axis"].map(|key| assessment[key].clone());
        Value::from(told.to_vec())
    });
    // They are ordered by number, which depends on how often a conversation was scored while it arrived.
    let mut assessments: Vec<Value> = assessments.collect();
    assessments.sort_by_key(Value::to_string);
    line["assessments"] = assessments.into();
    line
}
