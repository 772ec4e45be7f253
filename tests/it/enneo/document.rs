//! The product's own example; docs/rest-enneo.md is tested with all samples of all pages.

use serde_json::Value;

use super::setup::{documented_answer, sample, stored};
use crate::harness::Plaudit;

/// Lists the documented fields that are missing or of another type; null means unknown.
fn differences(path: &str, documented: &Value, answered: &Value) -> Vec<String> {
    match (documented, answered) {
        (Value::Object(documented), Value::Object(answered)) => {
            let missing = documented.keys().filter(|name| !answered.contains_key(*name));
            let more = answered.keys().filter(|name| !documented.contains_key(*name));
            let odd = missing.chain(more).map(|name| format!("{path}.{name}"));
            let inner =
                documented.iter().filter_map(|(name, value)| Some((name, value, answered.get(name)?)));
            let inner =
                inner.flat_map(|(name, value, other)| differences(&format!("{path}.{name}"), value, other));
            odd.chain(inner).collect()
        }
        (Value::Array(documented), Value::Array(answered)) => {
            let pairs = documented
                .first()
                .into_iter()
                .flat_map(|first| answered.iter().map(move |item| (first, item)));
            pairs.flat_map(|(first, item)| differences(&format!("{path}[]"), first, item)).collect()
        }
        (_, Value::Null) => Vec::new(),
        (Value::Null, _) => Vec::new(),
        (documented, answered) if std::mem::discriminant(documented) == std::mem::discriminant(answered) => {
            Vec::new()
        }
        _ => vec![format!("{path} is {answered}")],
    }
}

#[tokio::test]
async fn the_answer_to_the_documented_request_has_every_documented_field() {
    let server = Plaudit::start().await;
    let answer = stored(&server, &sample()).await;
    let odd = differences("$", &documented_answer(), &answer);
    // The request has a number and a text where the answer shows a text and a number; they are returned as sent.
    assert_eq!(
        odd,
        ["$.conversation.crmNotificationId is \"<string>\"", "$.conversation.intentIds[] is 123"]
    );
    assert!(answer["eventId"].is_u64() && answer["conversationId"].is_u64());
    assert_eq!(answer["conversation"]["deletedAt"], Value::Null);
}
