//! Converts an import's request and response.

use crate::{
    domain::{ConversationDraft, ImportOutcome, Violations},
    proto::v1,
    service::{
        Services,
        bulk::Import,
        import::{ConflictPolicy, Imported},
    },
    wire::{
        fields::{present, request_id_from_wire},
        import::draft_from_wire,
        names, rating,
    },
};

/// Decodes a request, or returns all violations under the wire's field names.
pub fn from_wire(services: &Services, request: v1::ImportConversationRequest) -> Result<Import, Violations> {
    let mut violations = Violations::default();
    let on_conflict = policy_from_wire(request.on_conflict, &mut violations);
    let request_id = request_id_from_wire(&request.request_id, &mut violations);
    let append_after = append_after_from_wire(request.append_after, on_conflict, &mut violations);
    let ratings = request.ratings.into_iter().enumerate();
    let ratings = ratings.map(|(index, rating)| {
        if on_conflict == ConflictPolicy::Append && rating.name.is_empty() {
            let rule =
                "is required where on_conflict is APPEND, to recognize a rating that is already stored";
            violations.add(format!("ratings[{index}].name"), rule);
        }
        rating::imported_from_wire(index, rating, &mut violations)
    });
    let ratings = ratings.collect();
    let draft = draft_from_wire(request.conversation.unwrap_or_default(), request.messages, &mut violations);
    let draft =
        ConversationDraft { ratings, append_after, without_messages: request.without_messages, ..draft };
    let new = draft
        .check(services.import_limits(), violations)
        .map_err(|violations| violations.renamed(wire_field))?;
    Ok(Import { new, on_conflict, request_id })
}

fn append_after_from_wire(
    append_after: String,
    on_conflict: ConflictPolicy,
    violations: &mut Violations,
) -> Option<String> {
    let append_after = present(append_after);
    if append_after.is_some() && on_conflict != ConflictPolicy::Append {
        violations.add("append_after", "must be empty where on_conflict is not APPEND");
    }
    append_after
}

fn policy_from_wire(policy: i32, violations: &mut Violations) -> ConflictPolicy {
    match v1::ConflictPolicy::try_from(policy) {
        Ok(v1::ConflictPolicy::Unspecified | v1::ConflictPolicy::Reject) => ConflictPolicy::Reject,
        Ok(v1::ConflictPolicy::ReturnExisting) => ConflictPolicy::ReturnExisting,
        Ok(v1::ConflictPolicy::Append) => ConflictPolicy::Append,
        Err(_) => {
            let rule = "must be CONFLICT_POLICY_REJECT, _RETURN_EXISTING or _APPEND";
            violations.add("on_conflict", format!("{rule}, is {policy}"));
            ConflictPolicy::Reject
        }
    }
}

/// In this request the conversation's fields are nested under `conversation`.
fn wire_field(field: &str) -> String {
    const OF_CONVERSATION: [&str; 12] = [
        "source",
        "external_id",
        "subject",
        "status",
        "status_changes",
        "priority",
        "first_response_due_time",
        "due_time",
        "assignee",
        "tags",
        "team",
        "channel",
    ];
    let first = field.split(['.', '[']).next().unwrap_or_default();
    if OF_CONVERSATION.contains(&first) { format!("conversation.{field}") } else { field.to_owned() }
}

pub fn imported_to_wire(imported: &Imported) -> v1::ImportConversationResponse {
    let outcome = match imported.outcome {
        ImportOutcome::Created => v1::ImportOutcome::Created,
        ImportOutcome::Existing => v1::ImportOutcome::Existing,
        ImportOutcome::Appended => v1::ImportOutcome::Appended,
    };
    v1::ImportConversationResponse {
        import: names::import(&imported.receipt),
        conversation: names::conversation(imported.conversation),
        outcome: outcome.into(),
        stored_messages: imported.stored_messages as i32,
    }
}
