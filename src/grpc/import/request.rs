//! Converts an import's request and response.

use crate::{
    domain::{ImportOutcome, Violations},
    proto::v1,
    service::{
        Services,
        bulk::Import,
        import::{ConflictPolicy, Imported},
    },
    wire::{
        enums,
        fields::{present, request_id_from_wire},
        import::{conversation_from_wire, differences_to_wire},
        names,
    },
};

/// Decodes a request, or returns all violations under the wire's field names.
pub fn from_wire(
    services: &Services,
    mut request: v1::ImportConversationRequest,
) -> Result<Import, Violations> {
    let mut violations = Violations::default();
    let on_conflict = policy_from_wire(request.on_conflict, &mut violations);
    let request_id = request_id_from_wire(&request.request_id, &mut violations);
    let append_after =
        append_after_from_wire(std::mem::take(&mut request.append_after), on_conflict, &mut violations);
    if on_conflict == ConflictPolicy::Append {
        let rule = "is required where on_conflict is APPEND, to recognize a rating that is already stored";
        let unnamed = request.ratings.iter().enumerate().filter(|(_, rating)| rating.name.is_empty());
        unnamed.for_each(|(index, _)| violations.add(format!("ratings[{index}].name"), rule));
    }
    if request.additions_only && on_conflict != ConflictPolicy::Append {
        violations.add("additions_only", "must be absent where on_conflict is not APPEND");
    }
    let new = conversation_from_wire(request, append_after, services.import_limits(), violations)?;
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
            let known = enums::values().map(|known: v1::ConflictPolicy| known.as_str_name());
            violations.add("on_conflict", enums::not_among(known, policy));
            ConflictPolicy::Reject
        }
    }
}

pub fn imported_to_wire(imported: &Imported) -> v1::ImportConversationResponse {
    let outcome = match imported.outcome {
        ImportOutcome::Created => v1::ImportOutcome::Created,
        ImportOutcome::Existing => v1::ImportOutcome::Existing,
        ImportOutcome::Appended => v1::ImportOutcome::Appended,
        ImportOutcome::Updated => v1::ImportOutcome::Updated,
    };
    let (differences, more_differences) = differences_to_wire(&imported.differences);
    v1::ImportConversationResponse {
        import: names::import(&imported.receipt),
        conversation: names::conversation(imported.conversation),
        outcome: outcome.into(),
        stored_messages: imported.stored_messages as i32,
        differences,
        more_differences,
    }
}
