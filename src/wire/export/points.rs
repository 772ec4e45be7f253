//! Points of 0, which protobuf's JSON leaves out as if there were none.

use serde_json::{Value, json};

const TOTALS: &[&str] = &["scoredPoints", "usedMaxPoints", "totalMaxPoints", "percentage"];

/// Writes the points of an assessment that are 0: in a file nothing else tells them from a key that an earlier version did not have.
pub(super) fn write_zeros(assessment: &mut Value) {
    write(assessment.get_mut("totals"), TOTALS);
    let criteria = assessment.get_mut("criteria").and_then(Value::as_array_mut);
    for criterion in criteria.into_iter().flatten() {
        write(Some(&mut *criterion), &["maxPoints"]);
        for answer in ["system", "human"] {
            write(criterion.get_mut(answer), &["score"]);
        }
    }
}

fn write(value: Option<&mut Value>, keys: &[&str]) {
    if let Some(Value::Object(fields)) = value {
        for key in keys {
            fields.entry(*key).or_insert_with(|| json!(0.0));
        }
    }
}
