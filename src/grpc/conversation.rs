//! `ConversationService` on the wire.

use prost::Message as _;
use tonic::{Request, Response, Status};

use crate::{
    domain::{ConversationId, MessageId, Violations},
    error::Error,
    proto::v1,
    service::conversation::{self, MessagePage, Scope},
    wire::{enums, fields::request_id_from_wire, filters, handling, names},
};

use super::{
    edge::{Edge, conversation_to_wire},
    pages,
    services::conversation_service_server::ConversationService,
};

/// The most messages in a FULL view.
const FULL_VIEW_MESSAGES: usize = 1000;

#[tonic::async_trait]
impl ConversationService for Edge {
    async fn get_conversation(
        &self,
        request: Request<v1::GetConversationRequest>,
    ) -> Result<Response<v1::Conversation>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let is_full = match v1::ConversationView::try_from(request.view) {
            Ok(view) => view == v1::ConversationView::Full,
            Err(_) => {
                let known = enums::values().map(|known: v1::ConversationView| known.as_str_name());
                violations.add("view", enums::not_among(known, request.view));
                false
            }
        };
        let name =
            violations.collect(names::parse_conversation("name", &request.name)).map_err(Error::from)?;
        let answer = if is_full {
            let (status, page) =
                conversation::get_conversation_with_messages(self.call(), &name, FULL_VIEW_MESSAGES).await?;
            let id = status.conversation.id;
            let (messages, next_page_token) = self.page_to_wire(id, page);
            v1::Conversation {
                messages,
                next_page_token,
                ..conversation_to_wire(status.conversation, status.scoring)
            }
        } else {
            let status = conversation::get_conversation(self.call(), &name).await?;
            conversation_to_wire(status.conversation, status.scoring)
        };
        Ok(Response::new(answer))
    }

    async fn list_messages(
        &self,
        request: Request<v1::ListMessagesRequest>,
    ) -> Result<Response<v1::ListMessagesResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let size = pages::size(request.page_size, &mut violations);
        let parent = violations.take(names::parse_conversation("parent", &request.parent));
        let Some(parent) = parent else { return Err(Error::from(violations).into()) };
        // A token is valid for one conversation, so it can only be checked now.
        let id = conversation::resolve(self.call(), &parent).await?;
        let after = pages::place_number(&self.0, &token_arguments(id), &request.page_token, &mut violations);
        violations.or(()).map_err(Error::from)?;
        let page = conversation::list_messages(self.call(), id, MessageId(after), size).await?;
        let (messages, next_page_token) = self.page_to_wire(id, page);
        Ok(Response::new(v1::ListMessagesResponse { messages, next_page_token }))
    }

    async fn list_conversations(
        &self,
        request: Request<v1::ListConversationsRequest>,
    ) -> Result<Response<v1::ListConversationsResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let size = pages::size(request.page_size, &mut violations);
        let filter = filters::conversations(request.filter, &mut violations);
        let scope = if request.show_deleted { Scope::WithDeleted } else { Scope::Kept };
        let arguments = || format!("conversations {scope:?} {filter:?}");
        let after = pages::cursor(&self.0, arguments, &request.page_token, &mut violations);
        violations.or(()).map_err(Error::from)?;
        let page = conversation::list_conversations(self.call(), scope, &filter, after, size).await?;
        let next = page.next_cursor();
        let cursors = page.cursors;
        let mut conversations = page.items.into_iter().map(|status| self.status_to_wire(status)).collect();
        let encoded_len = v1::Conversation::encoded_len;
        let next_page_token = pages::end(&self.0, arguments, &mut conversations, encoded_len, &cursors, next);
        Ok(Response::new(v1::ListConversationsResponse { conversations, next_page_token }))
    }

    async fn update_conversation(
        &self,
        request: Request<v1::UpdateConversationRequest>,
    ) -> Result<Response<v1::Conversation>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let request_id = request_id_from_wire(&request.request_id, &mut violations);
        let conversation = request.conversation.unwrap_or_default();
        let etag = conversation.etag.clone();
        let name = names::parse_conversation("conversation.name", &conversation.name);
        let mut wrong = Violations::default();
        let (mask, status_time) = (request.update_mask, request.status_time);
        let draft = handling::update_from_wire(conversation, mask, status_time, &mut wrong);
        let changes = draft.check(wrong).map_err(|wrong| wrong.renamed(wire_field));
        let (Some(name), Some(changes)) = (violations.take(name), violations.take(changes)) else {
            return Err(Error::from(violations).into());
        };
        violations.or(()).map_err(Error::from)?;
        let request_id = request_id.as_ref();
        let status = conversation::update_conversation(
            self.call().with_request_id(request_id),
            &name,
            &etag,
            &changes,
        )
        .await;
        let status = status.map_err(|error| match error {
            Error::Invalid(found) => Error::Invalid(found.renamed(wire_field)),
            other => other,
        })?;
        Ok(Response::new(self.status_to_wire(status)))
    }

    async fn delete_conversation(
        &self,
        request: Request<v1::DeleteConversationRequest>,
    ) -> Result<Response<v1::Conversation>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let request_id = request_id_from_wire(&request.request_id, &mut violations);
        let name =
            violations.collect(names::parse_conversation("name", &request.name)).map_err(Error::from)?;
        let request_id = request_id.as_ref();
        let status =
            conversation::delete_conversation(self.call().with_request_id(request_id), &name, &request.etag)
                .await?;
        Ok(Response::new(self.status_to_wire(status)))
    }

    async fn undelete_conversation(
        &self,
        request: Request<v1::UndeleteConversationRequest>,
    ) -> Result<Response<v1::Conversation>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let request_id = request_id_from_wire(&request.request_id, &mut violations);
        let id = names::parse_conversation_number("name", &request.name);
        let id = violations.collect(id).map_err(Error::from)?;
        let status =
            conversation::undelete_conversation(self.call().with_request_id(request_id.as_ref()), id).await?;
        Ok(Response::new(self.status_to_wire(status)))
    }

    async fn store_message(
        &self,
        request: Request<v1::StoreMessageRequest>,
    ) -> Result<Response<v1::StoreMessageResponse>, Status> {
        self.store(request).await
    }

    async fn update_message(
        &self,
        request: Request<v1::UpdateMessageRequest>,
    ) -> Result<Response<v1::Message>, Status> {
        self.update(request.into_inner()).await
    }

    async fn delete_message(
        &self,
        request: Request<v1::DeleteMessageRequest>,
    ) -> Result<Response<()>, Status> {
        self.delete(&request.into_inner()).await
    }
}

/// In this request the conversation's fields are nested under `conversation`.
fn wire_field(field: &str) -> String {
    match field {
        "update_mask" | "status_time" => field.to_owned(),
        field => format!("conversation.{field}"),
    }
}

impl Edge {
    fn page_to_wire(&self, id: ConversationId, page: MessagePage) -> (Vec<v1::Message>, String) {
        let numbers: Vec<MessageId> = page.messages.iter().map(|message| message.id).collect();
        let mut messages: Vec<_> =
            page.messages.into_iter().map(|message| self.message_to_wire(id, message)).collect();
        let has_more = pages::cut(&mut messages) || page.has_more;
        let last = messages.len().checked_sub(1).and_then(|last| numbers.get(last));
        let token = match last {
            Some(last) if has_more => self.0.page_token(&token_arguments(id), last),
            _ => String::new(),
        };
        (messages, token)
    }
}

fn token_arguments(id: ConversationId) -> String {
    format!("messages of {id}")
}
