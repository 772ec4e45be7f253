//! `ImportService` on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        AuthorDraft, AuthorKind, ConversationDraft, ImportOutcome, MessageDraft, MessageKind, Violations,
    },
    error::Error,
    proto::v1::{self, import_service_server::ImportService},
    service::import::{self, ConflictPolicy, ImportStatus, Imported},
};

use super::{Edge, conversation::scoring_to_wire, names, requests::request_id_from_wire, times};

#[tonic::async_trait]
impl ImportService for Edge {
    async fn import_conversation(
        &self,
        request: Request<v1::ImportConversationRequest>,
    ) -> Result<Response<v1::ImportConversationResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let on_conflict = policy_from_wire(request.on_conflict, &mut violations);
        let request_id = request_id_from_wire(&request.request_id, &mut violations);
        let draft =
            draft_from_wire(request.conversation.unwrap_or_default(), request.messages, &mut violations);
        let new = draft
            .check(self.0.import_limits(), violations)
            .map_err(|violations| Error::Invalid(violations.renamed(wire_field)))?;
        let imported = import::import_conversation(&self.0, &new, on_conflict, request_id.as_ref()).await?;
        Ok(Response::new(imported_to_wire(&imported)))
    }

    async fn get_import(
        &self,
        request: Request<v1::GetImportRequest>,
    ) -> Result<Response<v1::Import>, Status> {
        let receipt = names::parse_import("name", &request.get_ref().name).map_err(Error::from)?;
        let status = import::get_import(&self.0, &receipt).await?;
        Ok(Response::new(status_to_wire(status)))
    }
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

/// In this request the conversation's own fields stand one level down.
fn wire_field(field: &str) -> String {
    match field {
        "source" | "external_id" | "subject" => format!("conversation.{field}"),
        _ => field.to_owned(),
    }
}

fn draft_from_wire(
    conversation: v1::Conversation,
    messages: Vec<v1::Message>,
    violations: &mut Violations,
) -> ConversationDraft {
    let drafts = messages.into_iter().enumerate();
    if !conversation.messages.is_empty() {
        violations.add("conversation.messages", "is output only; the messages belong into `messages`");
    }
    ConversationDraft {
        source: present(conversation.source),
        external_id: present(conversation.external_id),
        subject: conversation.subject,
        messages: drafts.map(|(index, message)| message_from_wire(index, message, violations)).collect(),
    }
}

fn message_from_wire(index: usize, message: v1::Message, violations: &mut Violations) -> MessageDraft {
    let author = message.author.unwrap_or_default();
    let create_time = message
        .create_time
        .as_ref()
        .and_then(|time| times::checked(&format!("messages[{index}].create_time"), time, violations));
    let kind = match v1::MessageKind::try_from(message.kind) {
        Ok(v1::MessageKind::Unspecified) => None,
        Ok(v1::MessageKind::Message) => Some(MessageKind::Message),
        Ok(v1::MessageKind::Comment) => Some(MessageKind::Comment),
        Err(_) => {
            let rule = "must be MESSAGE_KIND_MESSAGE or MESSAGE_KIND_COMMENT";
            violations.add(format!("messages[{index}].kind"), format!("{rule}, is {}", message.kind));
            None
        }
    };
    let author = author_from_wire(&format!("messages[{index}].author"), author, violations);
    MessageDraft {
        external_id: present(message.external_id),
        kind,
        content: message.content,
        author,
        create_time,
        ai_tool: message.ai_tool,
    }
}

/// An unspecified kind is absent.
pub fn author_from_wire(field: &str, author: v1::Author, violations: &mut Violations) -> AuthorDraft {
    let kind = match v1::AuthorKind::try_from(author.kind) {
        Ok(v1::AuthorKind::Unspecified) => None,
        Ok(v1::AuthorKind::Contact) => Some(AuthorKind::Contact),
        Ok(v1::AuthorKind::Ai) => Some(AuthorKind::Ai),
        Ok(v1::AuthorKind::Teammate) => Some(AuthorKind::Teammate),
        Err(_) => {
            let rule = "must be AUTHOR_KIND_CONTACT, AUTHOR_KIND_AI or AUTHOR_KIND_TEAMMATE";
            violations.add(format!("{field}.kind"), format!("{rule}, is {}", author.kind));
            None
        }
    };
    AuthorDraft { kind, external_id: author.external_id, name: author.name }
}

/// A string without presence on the wire: empty is absent.
pub fn present(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn imported_to_wire(imported: &Imported) -> v1::ImportConversationResponse {
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

fn status_to_wire(status: ImportStatus) -> v1::Import {
    let conversation = status.conversation;
    v1::Import {
        name: names::import(&status.receipt),
        conversation: names::conversation(conversation.id),
        source: conversation.source,
        external_id: conversation.external_id,
        create_time: Some(times::to_wire(conversation.create_time)),
        scoring: Some(scoring_to_wire(status.scoring)),
    }
}
