//! Limits on the number of items in a request, checked before it is decoded, and on the memory of a request that breaks none of
//! them.

use crate::{
    domain::{ImportLimits, Violations, limits},
    wire::MAX_REQUEST_BYTES,
};

use super::budget::{Layout, Tally, counters, path_of};

/// The most memory that the items of a request may take in addition to its own bytes. No request within the limits below needs
/// more.
pub const ALLOWANCE_BYTES: usize = 16 * 1024 * 1024;

/// The most items that some fields may have together.
struct Limit {
    /// The name that violations use.
    field: &'static str,
    counters: &'static [usize],
    most: usize,
    rule: fn(most: usize, count: usize) -> String,
}

impl Limit {
    const fn at_most(field: &'static str, counters: &'static [usize], most: usize) -> Self {
        Self {
            field,
            counters,
            most,
            rule: |most, count| format!("must have at most {most} items, has {count}"),
        }
    }

    const fn some(field: &'static str, counters: &'static [usize], most: usize) -> Self {
        Self {
            field,
            counters,
            most,
            rule: |most, count| format!("must have 1 to {most} items, has {count}"),
        }
    }
}

/// A generous limit for ignored fields: callers may send back what a FULL view returned.
const MAX_IGNORED: usize = 10_000;

const TO_STORE: [Limit; 6] = [
    Limit::at_most("message.to", &[counters::MESSAGE_TO], limits::RECEIVERS),
    Limit::at_most("message.cc", &[counters::MESSAGE_CC], limits::RECEIVERS),
    Limit::at_most("message.bcc", &[counters::MESSAGE_BCC], limits::RECEIVERS),
    Limit::at_most("message.intent_ids", &[counters::MESSAGE_INTENT_IDS], limits::INTENTS),
    Limit::at_most("message.attachments", &[counters::MESSAGE_ATTACHMENTS], limits::ATTACHMENTS),
    Limit::at_most("tags", &[counters::STORE_MESSAGE_REQUEST_TAGS], limits::TAGS),
];

const TO_UPDATE: [Limit; 1] = [Limit::at_most(
    "conversation",
    &[counters::CONVERSATION_MESSAGES, counters::CONVERSATION_STATUS_CHANGES, counters::CONVERSATION_TAGS],
    MAX_IGNORED,
)];

const TO_LIST: [Limit; 1] = [Limit::at_most("filter", &[counters::CONVERSATION_FILTER_TAGS], MAX_IGNORED)];

const TO_OFFER: [Limit; 1] =
    [Limit::some("rating.questions", &[counters::RATING_QUESTIONS], limits::QUESTIONS)];

const TO_SUBMIT: [Limit; 1] =
    [Limit::some("answers", &[counters::SUBMIT_RATING_REQUEST_ANSWERS], limits::QUESTIONS)];

const TO_DESCRIBE: [Limit; 1] = [Limit::at_most("person.teams", &[counters::PERSON_TEAMS], limits::TEAMS)];

const TO_IMPORT: [Limit; 7] = [
    Limit::some("messages", &[counters::IMPORT_CONVERSATION_REQUEST_MESSAGES], ImportLimits::MESSAGES),
    Limit {
        field: "messages",
        counters: &[
            counters::MESSAGE_TO,
            counters::MESSAGE_CC,
            counters::MESSAGE_BCC,
            counters::MESSAGE_INTENT_IDS,
            counters::MESSAGE_ATTACHMENTS,
        ],
        most: limits::MESSAGE_ITEMS,
        rule: |_, count| ImportLimits::too_many_items(count),
    },
    Limit {
        field: "conversation.messages",
        counters: &[counters::CONVERSATION_MESSAGES],
        // A conversation that was read may carry this many back; they are then refused by name.
        most: ImportLimits::MESSAGES,
        rule: |_, _| crate::wire::import::MESSAGES_ARE_OUTPUT.to_owned(),
    },
    Limit::at_most(
        "conversation.status_changes",
        &[counters::CONVERSATION_STATUS_CHANGES],
        limits::STATUS_CHANGES,
    ),
    Limit::at_most("conversation.tags", &[counters::CONVERSATION_TAGS], limits::TAGS),
    Limit::at_most("ratings", &[counters::IMPORT_CONVERSATION_REQUEST_RATINGS], limits::RATINGS),
    Limit {
        field: "ratings",
        counters: &[counters::RATING_QUESTIONS],
        most: limits::RATINGS * limits::QUESTIONS,
        rule: |_, _| format!("must have at most {} questions each", limits::QUESTIONS),
    },
];

fn limits_of(request: &Layout) -> &'static [Limit] {
    match request.name {
        "plaudit.v1.ImportConversationRequest" | "plaudit.v1.ImportConversationsRequest" => &TO_IMPORT,
        "plaudit.v1.StoreMessageRequest" => &TO_STORE,
        // It has no tags of its own; the limits on the message are the same.
        "plaudit.v1.UpdateMessageRequest" => &TO_STORE,
        "plaudit.v1.UpdateConversationRequest" => &TO_UPDATE,
        "plaudit.v1.ListConversationsRequest" => &TO_LIST,
        "plaudit.v1.OfferRatingRequest" => &TO_OFFER,
        "plaudit.v1.SubmitRatingRequest" => &TO_SUBMIT,
        "plaudit.v1.UpdatePersonRequest" => &TO_DESCRIBE,
        _ => &[],
    }
}

/// Refuses a request with too many items, naming the fields.
pub fn check(request: &'static Layout, tally: &Tally) -> Result<(), Violations> {
    let mut violations = Violations::default();
    for Limit { field, counters, most, rule } in limits_of(request) {
        let count = counters.iter().filter_map(|counter| tally.counts.get(*counter)).sum();
        if count > *most {
            violations.add(*field, rule(*most, count));
        }
    }
    if violations.is_empty() && tally.items_bytes > ALLOWANCE_BYTES {
        let (counter, count) =
            tally.counts.iter().enumerate().max_by_key(|(_, count)| **count).unwrap_or((0, &0));
        let field = path_of(request, counter).unwrap_or_else(|| "$".to_owned());
        let rule = format!(
            "must have fewer items, has {count}: decoded they would take more than {ALLOWANCE_BYTES} bytes"
        );
        violations.add(field, rule);
    }
    violations.or(())
}

/// Whether an import exceeds the size limit without the contents of its attachments.
pub fn is_import_too_large(import: &[u8], tally: &Tally) -> bool {
    import.len() - tally.attached_bytes.min(import.len()) > MAX_REQUEST_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::budget::{Field, Items, READERS};

    /// The repeated fields of a request, with their item sizes.
    fn repeated(layout: &'static Layout) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for field in layout.fields {
            let inner = match field {
                Field::Many { counter, size, items, .. } => {
                    found.push((*counter, *size));
                    if let Items::Messages(inner) = items { Some(inner) } else { None }
                }
                Field::One { layout, .. } => Some(layout),
                Field::Within | Field::Bytes => None,
            };
            found.extend(inner.into_iter().flat_map(|inner| repeated(inner)));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The most memory that items of limited fields can take.
    fn largest(request: &'static Layout) -> usize {
        let most = |counter: usize| {
            let limits = limits_of(request).iter().filter(|limit| limit.counters.contains(&counter));
            limits.map(|limit| limit.most).min()
        };
        repeated(request).into_iter().filter_map(|(counter, size)| Some(most(counter)? * size)).sum()
    }

    #[test]
    fn a_request_within_its_limits_is_within_the_allowance() {
        for (method, request, _) in READERS {
            let bytes = largest(request);
            println!("{method}: {bytes}");
            assert!(bytes <= ALLOWANCE_BYTES, "{method}: {bytes}");
        }
    }

    #[test]
    fn a_field_with_too_many_items_is_named_by_its_path() {
        let (_, request, read) =
            READERS.iter().find(|(method, ..)| method.ends_with("/CreateTeam")).copied().unwrap();
        assert_eq!((request.name, read(&[]).is_ok()), ("plaudit.v1.CreateTeamRequest", true));
        let (_, _, read) =
            READERS.iter().find(|(method, ..)| method.ends_with("/UpdateTeam")).copied().unwrap();
        let mask = [0x0A, 0].repeat(800_000);
        let mut body = vec![0x12];
        prost::encoding::encode_varint(mask.len() as u64, &mut body);
        body.extend(mask);
        let message = read(&body).unwrap_err().message().to_owned();
        assert!(message.contains("update_mask.paths: must have fewer items, has 800000"), "{message}");
    }
}
