//! `ConversationService` on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::{Author, AuthorKind, Channel, ConversationId, Message, MessageId, MessageKind, Violations},
    error::Error,
    proto::v1::{self, conversation_service_server::ConversationService},
    service::conversation::{self, ConversationStatus, MessagePage, ScoringStatus},
};

use super::{Edge, names, pages, times};

/// How many messages a FULL view tries to hold.
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
                let rule = "must be CONVERSATION_VIEW_BASIC or CONVERSATION_VIEW_FULL";
                violations.add("view", format!("{rule}, is {}", request.view));
                false
            }
        };
        let name =
            violations.collect(names::parse_conversation("name", &request.name)).map_err(Error::from)?;
        let answer = if is_full {
            let (status, page) =
                conversation::get_conversation_with_messages(&self.0, &name, FULL_VIEW_MESSAGES).await?;
            let id = status.conversation.id;
            let (messages, next_page_token) = self.page_to_wire(id, page);
            v1::Conversation { messages, next_page_token, ..to_wire(status) }
        } else {
            to_wire(conversation::get_conversation(&self.0, &name).await?)
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
        // A token is good for one conversation, so its own violation is known only now.
        let id = conversation::resolve(&self.0, &parent).await?;
        let after = pages::place_number(&self.0, &token_arguments(id), &request.page_token, &mut violations);
        violations.or(()).map_err(Error::from)?;
        let page = conversation::list_messages(&self.0, id, MessageId(after), size).await?;
        let (messages, next_page_token) = self.page_to_wire(id, page);
        Ok(Response::new(v1::ListMessagesResponse { messages, next_page_token }))
    }
}

impl Edge {
    fn page_to_wire(&self, id: ConversationId, page: MessagePage) -> (Vec<v1::Message>, String) {
        let numbers: Vec<MessageId> = page.messages.iter().map(|message| message.id).collect();
        let mut messages: Vec<_> =
            page.messages.into_iter().map(|message| message_to_wire(id, message)).collect();
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

fn to_wire(status: ConversationStatus) -> v1::Conversation {
    let conversation = status.conversation;
    v1::Conversation {
        name: names::conversation(conversation.id),
        source: conversation.source,
        external_id: conversation.external_id,
        subject: conversation.subject,
        message_count: conversation.message_count as i32,
        create_time: Some(times::to_wire(conversation.create_time)),
        update_time: Some(times::to_wire(conversation.update_time)),
        etag: conversation.version.to_string(),
        scoring: Some(scoring_to_wire(status.scoring)),
        messages: Vec::new(),
        next_page_token: String::new(),
    }
}

pub fn scoring_to_wire(status: ScoringStatus) -> v1::Scoring {
    let (state, failed_attempts, failure) = match status {
        ScoringStatus::Pending { failed_attempts } => {
            (v1::ScoringState::Pending, failed_attempts, String::new())
        }
        ScoringStatus::Done => (v1::ScoringState::Done, 0, String::new()),
        ScoringStatus::Failed { failed_attempts, cause } => {
            (v1::ScoringState::Failed, failed_attempts, cause)
        }
    };
    v1::Scoring { state: state.into(), failed_attempts: failed_attempts as i32, failure }
}

fn message_to_wire(conversation: ConversationId, message: Message) -> v1::Message {
    let kind = match message.kind {
        MessageKind::Message => v1::MessageKind::Message,
        MessageKind::Comment => v1::MessageKind::Comment,
    };
    v1::Message {
        name: names::message(conversation, message.id),
        external_id: message.external_id,
        kind: kind.into(),
        content: Some(message.content),
        author: Some(author_to_wire(message.author)),
        create_time: Some(times::to_wire(message.create_time)),
        ai_tool: message.ai_tool,
    }
}

pub fn author_to_wire(author: Author) -> v1::Author {
    let kind = match author.kind {
        AuthorKind::Contact => v1::AuthorKind::Contact,
        AuthorKind::Ai => v1::AuthorKind::Ai,
        AuthorKind::Teammate => v1::AuthorKind::Teammate,
    };
    v1::Author { kind: kind.into(), external_id: author.external_id, name: author.name }
}

pub fn channel_to_wire(channel: Channel) -> v1::Channel {
    match channel {
        Channel::Email => v1::Channel::Email,
        Channel::WidgetChat => v1::Channel::WidgetChat,
        Channel::WhatsApp => v1::Channel::WhatsApp,
        Channel::FacebookMessenger => v1::Channel::FacebookMessenger,
        Channel::Twitter => v1::Channel::Twitter,
        Channel::Messenger => v1::Channel::Messenger,
        Channel::Sms => v1::Channel::Sms,
        Channel::ContactForm => v1::Channel::ContactForm,
        Channel::Callback => v1::Channel::Callback,
        Channel::PstnPhone => v1::Channel::PstnPhone,
        Channel::Voicemail => v1::Channel::Voicemail,
    }
}

/// Unspecified is absent.
pub fn channel_from_wire(field: &str, channel: i32, violations: &mut Violations) -> Option<Channel> {
    Some(match v1::Channel::try_from(channel) {
        Ok(v1::Channel::Unspecified) => return None,
        Ok(v1::Channel::Email) => Channel::Email,
        Ok(v1::Channel::WidgetChat) => Channel::WidgetChat,
        Ok(v1::Channel::WhatsApp) => Channel::WhatsApp,
        Ok(v1::Channel::FacebookMessenger) => Channel::FacebookMessenger,
        Ok(v1::Channel::Twitter) => Channel::Twitter,
        Ok(v1::Channel::Messenger) => Channel::Messenger,
        Ok(v1::Channel::Sms) => Channel::Sms,
        Ok(v1::Channel::ContactForm) => Channel::ContactForm,
        Ok(v1::Channel::Callback) => Channel::Callback,
        Ok(v1::Channel::PstnPhone) => Channel::PstnPhone,
        Ok(v1::Channel::Voicemail) => Channel::Voicemail,
        Err(_) => {
            violations.add(field, format!("must be a Channel, is {channel}"));
            return None;
        }
    })
}
