//! `StoreMessage`, `UpdateMessage` and `DeleteMessage` on the wire.

use std::time::Duration;

use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::{
    domain::{MessageDraft, Path, Violations},
    error::Error,
    proto::v1,
    service::{
        conversation::{ConversationStatus, ScoringStatus},
        message::{Process, StoredMessage, Target, delete_message, store_message, update_message},
    },
    wire::{
        enums,
        fields::{paths, present, request_id_from_wire},
        handling,
        message::{UPDATED_FIELDS, draft_from_wire, update_from_wire},
        names,
    },
};

use super::edge::Edge;

/// How much of the caller's deadline is reserved for the response after realtime scoring.
const ANSWER_TIME: Duration = Duration::from_millis(100);

impl Edge {
    pub(super) async fn store(
        &self,
        request: Request<v1::StoreMessageRequest>,
    ) -> Result<Response<v1::StoreMessageResponse>, Status> {
        let mut request = request.into_inner();
        let mut violations = Violations::default();
        let parent = violations.take(names::parse_conversation("parent", &request.parent));
        let refusal = parent.as_ref().and_then(|parent| parent.refusal(&self.0.numeric_sources()));
        if let Some(rule) = refusal {
            violations.add("parent", rule);
        }
        let request_id = request_id_from_wire(&request.request_id, &mut violations);
        let process = self.process_from_wire(request.process, &mut violations);
        let handling = handling::draft_from_request(&mut request, &mut violations);
        if request.message.is_none() {
            violations.add("message", "is required");
        }
        let message = request.message.unwrap_or_default();
        let draft =
            MessageDraft { handling, ..draft_from_wire(Path::of("message"), message, &mut violations) };
        let new = draft.check(Violations::default()).map_err(|found| found.renamed(wire_field));
        let new = violations.take(new);
        let (Some(parent), Some(new), true) = (parent, new, violations.is_empty()) else {
            return Err(Error::from(violations).into());
        };
        let stored =
            store_message(self.call().with_request_id(request_id.as_ref()), &parent, &new, process).await?;
        let StoredMessage { conversation, scoring, message } = stored;
        let id = conversation.id;
        if matches!(process, Process::Realtime { .. }) && matches!(scoring, ScoringStatus::Pending { .. }) {
            return Err(Error::ScoringUnfinished { message: names::message(id, message.id) }.into());
        }
        Ok(Response::new(v1::StoreMessageResponse {
            message: Some(self.message_to_wire(id, message)),
            conversation: Some(self.status_to_wire(ConversationStatus { conversation, scoring })),
        }))
    }

    pub(super) async fn update(
        &self,
        request: v1::UpdateMessageRequest,
    ) -> Result<Response<v1::Message>, Status> {
        let mut violations = Violations::default();
        let message = request.message.unwrap_or_default();
        let target = violations.take(names::parse_message("message.name", &message.name));
        let etag = present(message.etag.clone());
        let paths = paths(request.update_mask);
        let id = target.as_ref().map(|(_, id)| *id);
        let update = update_from_wire(message, id, &paths, &mut violations);
        let checked = update.check(Violations::default()).map_err(|found| found.renamed(wire_field));
        let update = violations.take(checked);
        let mut violations = violations.in_order(place_in_update);
        let request_id = request_id_from_wire(&request.request_id, &mut violations);
        let (Some((parent, id)), Some(update), true) = (target, update, violations.is_empty()) else {
            return Err(Error::from(violations).into());
        };
        let target = Target { parent: &parent, id, etag: etag.as_deref() };
        let stored = update_message(self.call().with_request_id(request_id.as_ref()), target, &update).await;
        let stored = stored.map_err(|error| match error {
            Error::Invalid(found) => Error::Invalid(found.renamed(wire_field)),
            other => other,
        })?;
        Ok(Response::new(self.message_to_wire(stored.conversation.id, stored.message)))
    }

    pub(super) async fn delete(&self, request: &v1::DeleteMessageRequest) -> Result<Response<()>, Status> {
        let mut violations = Violations::default();
        let request_id = request_id_from_wire(&request.request_id, &mut violations);
        let name = names::parse_message("name", &request.name);
        let (parent, id) = violations.collect(name).map_err(Error::from)?;
        let etag = present(request.etag.clone());
        let target = Target { parent: &parent, id, etag: etag.as_deref() };
        delete_message(self.call().with_request_id(request_id.as_ref()), target).await?;
        Ok(Response::new(()))
    }

    fn process_from_wire(&self, process: i32, violations: &mut Violations) -> Process {
        let longest = Duration::from_secs(self.0.settings().realtime_seconds);
        let left = self.call().deadline.map_or(longest, |deadline| {
            deadline.saturating_duration_since(Instant::now()).saturating_sub(ANSWER_TIME)
        });
        match v1::ScoringProcess::try_from(process) {
            Ok(v1::ScoringProcess::Unspecified | v1::ScoringProcess::Batch) => Process::Batch,
            Ok(v1::ScoringProcess::Realtime) => Process::Realtime { within: left.min(longest) },
            Ok(v1::ScoringProcess::Off) => Process::Off,
            Err(_) => {
                let known = enums::values().map(|known: v1::ScoringProcess| known.as_str_name());
                violations.add("process", enums::not_among(known, process));
                Process::Batch
            }
        }
    }
}

/// Where a field stands in a request to update a message: its name, what changes, the mask.
fn place_in_update(field: &str) -> usize {
    let Some(field) = field.strip_prefix("message.") else { return usize::MAX };
    let first = field.split(['.', '[']).next().unwrap_or_default();
    UPDATED_FIELDS.iter().position(|known| *known == first).map_or(0, |place| place + 1)
}

/// The message's fields are nested under `message`; the conversation's are not.
fn wire_field(field: &str) -> String {
    const OF_REQUEST: [&str; 6] =
        ["assignee", "tags", "team", "first_response_due_time", "due_time", "status_time"];
    let first = field.split(['.', '[']).next().unwrap_or_default();
    if OF_REQUEST.contains(&first) { field.to_owned() } else { format!("message.{field}") }
}
