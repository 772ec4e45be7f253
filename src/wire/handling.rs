//! What the helpdesk says of a conversation, between the domain and the API.

use crate::{
    domain::{
        ConversationUpdateDraft, Handling, HandlingDraft, Path, StatusChangeDraft, UnixMillis, Violations,
    },
    proto::v1,
};

use super::{
    author::{author_from_wire, author_to_wire},
    enums::{choice, number},
    fields::paths,
    times,
};

/// A conversation with nothing but its handling.
pub fn to_wire(handling: Handling) -> v1::Conversation {
    let changes = handling.status_changes.into_iter().map(|change| v1::StatusChange {
        status: number(Some(change.status)),
        change_time: Some(times::to_wire(change.time)),
        after_message: i64::try_from(change.after_message.0).ok(),
    });
    v1::Conversation {
        status: number(handling.status),
        status_changes: changes.collect(),
        priority: number(handling.priority),
        first_response_due_time: handling.first_response_due.map(times::to_wire),
        due_time: handling.due.map(times::to_wire),
        assignee: handling.assignee.map(author_to_wire),
        tags: handling.tags.into_iter().map(String::from).collect(),
        team: handling.team.map(String::from),
        channel: number(handling.channel),
        subchannel_id: handling.subchannel_id,
        ..v1::Conversation::default()
    }
}

/// What a request to store a message says of its conversation.
pub fn draft_from_request(
    request: &mut v1::StoreMessageRequest,
    violations: &mut Violations,
) -> HandlingDraft {
    let status_time = status_time_from_wire(request.status_time.take(), violations);
    let conversation = v1::Conversation {
        status: request.status,
        priority: request.priority,
        first_response_due_time: request.first_response_due_time.take(),
        due_time: request.due_time.take(),
        assignee: request.assignee.take(),
        tags: std::mem::take(&mut request.tags),
        team: request.team.take(),
        channel: request.channel,
        ..v1::Conversation::default()
    };
    HandlingDraft { status_time, ..draft_from_wire(conversation, violations) }
}

fn status_time_from_wire(
    time: Option<prost_types::Timestamp>,
    violations: &mut Violations,
) -> Option<UnixMillis> {
    times::checked("status_time", time.as_ref()?, violations)
}

/// What an update of a conversation asks for. Fields that only the server says are not looked at.
pub fn update_from_wire(
    mut conversation: v1::Conversation,
    mask: Option<prost_types::FieldMask>,
    status_time: Option<prost_types::Timestamp>,
    violations: &mut Violations,
) -> ConversationUpdateDraft {
    let status_time = status_time_from_wire(status_time, violations);
    let (subject, language) = (conversation.subject.take(), conversation.language.take());
    ConversationUpdateDraft {
        paths: paths(mask),
        subject,
        language,
        handling: HandlingDraft { status_time, ..draft_from_wire(conversation, violations) },
    }
}

/// What an import says of its conversation, whose other fields are read already.
pub fn imported_from_wire(
    mut conversation: v1::Conversation,
    violations: &mut Violations,
) -> (HandlingDraft, Vec<StatusChangeDraft>) {
    let changes = std::mem::take(&mut conversation.status_changes).into_iter().enumerate();
    let changes = changes.map(|(index, change)| {
        let at = Path::ROOT.item("status_changes", index);
        let time = change.change_time.as_ref();
        StatusChangeDraft {
            status: choice(at.field("status"), change.status, violations),
            time: time.and_then(|time| times::checked(at.field("change_time"), time, violations)),
            after_message: change.after_message.map(|number| number.try_into().unwrap_or(0)),
        }
    });
    let changes = changes.collect();
    (draft_from_wire(conversation, violations), changes)
}

fn draft_from_wire(conversation: v1::Conversation, violations: &mut Violations) -> HandlingDraft {
    let mut moment =
        |field: &str, time: Option<prost_types::Timestamp>| times::checked(field, time.as_ref()?, violations);
    let first_response_due = moment("first_response_due_time", conversation.first_response_due_time);
    let due = moment("due_time", conversation.due_time);
    let assignee = conversation.assignee;
    HandlingDraft {
        status: choice("status", conversation.status, violations),
        status_time: None,
        priority: choice("priority", conversation.priority, violations),
        first_response_due,
        due,
        assignee: assignee.map(|assignee| author_from_wire("assignee", assignee, violations)),
        tags: conversation.tags,
        team: conversation.team,
        channel: choice("channel", conversation.channel, violations),
        subchannel_id: conversation.subchannel_id,
    }
}
