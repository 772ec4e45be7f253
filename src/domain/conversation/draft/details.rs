//! What an imported message has beyond its words, author and time, under the rules of a message that is stored singly.

use minicbor::Encode;

use super::{ImportedMessageDraft, NewImportedMessage};
use crate::domain::{
    AuthorDraft, AuthorKind, Direction, ExternalId, HandlingUpdate, MessageDetails, MessageDraft,
    MessageKind, NewAttachment, NewMessage, Path, Sent, Violations, rules::required,
};

/// The validated details of a message.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewDetails {
    /// Without attachments: they get their ids when the message is stored.
    #[n(0)]
    pub details: MessageDetails,
    #[n(1)]
    pub attachments: Vec<NewAttachment>,
    /// What they say about the conversation.
    #[n(2)]
    pub handling: HandlingUpdate,
}

impl ImportedMessageDraft {
    /// `None` when something is wrong; the violation is then recorded.
    pub(super) fn check_detailed(
        self,
        at: Path<'_>,
        external_id: Option<ExternalId>,
        mut details: Box<MessageDraft>,
        violations: &mut Violations,
    ) -> Option<NewImportedMessage> {
        let Self { kind, content, author, create_time, ai_tool, is_automatic, update_time, .. } = self;
        let says_way = details.direction.is_some() || details.is_private;
        if !says_way {
            violations.check(at.field("kind"), required(kind));
            violations.check(at.field("author").field("kind"), required(author.kind));
            details.direction = Some(direction_of(kind, author.kind));
        }
        let has_body = [&details.html_body, &details.plain_body, &details.clean_body];
        if has_body.iter().all(|body| body.is_none()) {
            violations.check(at.field("content"), required(content.as_ref()));
        }
        violations.check(at.field("create_time"), required(create_time));
        let author = (author != AuthorDraft::default()).then_some(author);
        let new = MessageDraft { content, author, create_time, ai_tool, is_automatic, ..*details };
        let NewMessage { details, author, content, create_time, ai_tool, attachments, handling, .. } =
            new.check_at(at, violations)?;
        let follows = details.kind();
        if kind.is_some_and(|kind| kind != follows) {
            let rule =
                "must be a comment where private is true or direction is INTERNAL, and a message elsewhere";
            violations.add(at.field("kind"), rule);
        }
        Some(NewImportedMessage {
            external_id: external_id?,
            kind: follows,
            content,
            author,
            create_time: create_time?,
            ai_tool,
            details: Some(Box::new(NewDetails { details, attachments, handling })),
            is_automatic,
            update_time,
        })
    }
}

fn direction_of(kind: Option<MessageKind>, author: Option<AuthorKind>) -> Direction {
    match (kind, author) {
        (Some(MessageKind::Comment), _) => Direction::Internal,
        (_, Some(AuthorKind::Ai | AuthorKind::Teammate)) => Direction::Out,
        _ => Direction::In,
    }
}

impl NewImportedMessage {
    /// The message as its source sent it, if it has details.
    pub fn sent(&self) -> Option<Sent<'_>> {
        let NewDetails { details, attachments, .. } = &**self.details.as_ref()?;
        let Self { author, content, ai_tool, is_automatic, .. } = self;
        let ai_tool = ai_tool.as_deref();
        Some(Sent { details, author, content, ai_tool, attachments, is_automatic: *is_automatic })
    }
}
