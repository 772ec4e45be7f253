//! What an imported message brings beyond its words, author and time: the rules are those of a message that is stored singly.

use minicbor::Encode;

use super::{Field, MessageDraft, NewMessage, required};
use crate::domain::{
    AuthorDraft, AuthorKind, Direction, HandlingChange, MessageDetails, MessageKind, NewAttachment,
    NewStoredMessage, Sent, StoreDraft, Violations,
};

/// The details of a message that obey every rule.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewDetails {
    /// Without attachments: they get their numbers when the message is stored.
    #[n(0)]
    pub details: MessageDetails,
    #[n(1)]
    pub attachments: Vec<NewAttachment>,
    /// What follows from them for the conversation.
    #[n(2)]
    pub handling: HandlingChange,
}

impl MessageDraft {
    /// `None` when something is wrong, which is then among the violations.
    pub(super) fn check_detailed(
        self,
        index: usize,
        external_id: Option<String>,
        mut details: Box<StoreDraft>,
        violations: &mut Violations,
    ) -> Option<NewMessage> {
        let field = |name| Field::of_message(index, name);
        let Self { kind, content, author, create_time, ai_tool, .. } = self;
        let says_way = details.direction.is_some() || details.is_private;
        if !says_way {
            required(violations, field("kind"), kind);
            required(violations, field("author.kind"), author.kind);
            details.direction = Some(direction_of(kind, author.kind));
        }
        let has_body = [&details.html_body, &details.plain_body, &details.clean_body];
        if content.is_none() && has_body.iter().all(|body| body.is_none()) {
            required::<()>(violations, field("content"), None);
        }
        required(violations, field("create_time"), create_time);
        let AuthorDraft { kind: author_kind, external_id: author_id, name } = &author;
        let says_author = author_kind.is_some() || author_id.is_some() || name.is_some();
        let draft =
            StoreDraft { content, author: says_author.then_some(author), create_time, ai_tool, ..*details };
        let checked = draft.check(Violations::default());
        let new = violations
            .take(checked.map_err(|found| found.renamed(|field| format!("messages[{index}].{field}"))))?;
        let NewStoredMessage { details, author, content, create_time, ai_tool, attachments, handling } = new;
        let follows = details.kind();
        if kind.is_some_and(|kind| kind != follows) {
            let rule =
                "must be a comment where private is true or direction is INTERNAL, and a message elsewhere";
            violations.add(field("kind"), rule);
        }
        Some(NewMessage {
            external_id: external_id?,
            kind: follows,
            content,
            author,
            create_time: create_time?,
            ai_tool,
            details: Some(Box::new(NewDetails { details, attachments, handling })),
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

impl NewMessage {
    /// What its source had sent, if it has details.
    pub fn sent(&self) -> Option<Sent<'_>> {
        let NewDetails { details, attachments, .. } = &**self.details.as_ref()?;
        let Self { author, content, ai_tool, .. } = self;
        Some(Sent { details, author, content, ai_tool: ai_tool.as_deref(), attachments })
    }
}
