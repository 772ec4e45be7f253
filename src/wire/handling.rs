//! What the helpdesk says of a conversation, on the wire.

use crate::{
    domain::{
        Author, AuthorDraft, AuthorKind, ChangeDraft, Channel, Handling, HandlingChange, Priority, Status,
        StatusChangeDraft, Violations,
    },
    proto::v1,
};

use super::{
    author::{author_from_wire, author_to_wire},
    times,
};

const STATUSES: [(v1::ConversationStatus, Status); 3] = [
    (v1::ConversationStatus::Open, Status::Open),
    (v1::ConversationStatus::Pending, Status::Pending),
    (v1::ConversationStatus::Closed, Status::Closed),
];

const PRIORITIES: [(v1::ConversationPriority, Priority); 4] = [
    (v1::ConversationPriority::Low, Priority::Low),
    (v1::ConversationPriority::Medium, Priority::Medium),
    (v1::ConversationPriority::High, Priority::High),
    (v1::ConversationPriority::Urgent, Priority::Urgent),
];

const CHANNELS: [(v1::Channel, Channel); 11] = [
    (v1::Channel::Email, Channel::Email),
    (v1::Channel::WidgetChat, Channel::WidgetChat),
    (v1::Channel::WhatsApp, Channel::WhatsApp),
    (v1::Channel::FacebookMessenger, Channel::FacebookMessenger),
    (v1::Channel::Twitter, Channel::Twitter),
    (v1::Channel::Messenger, Channel::Messenger),
    (v1::Channel::Sms, Channel::Sms),
    (v1::Channel::ContactForm, Channel::ContactForm),
    (v1::Channel::Callback, Channel::Callback),
    (v1::Channel::PstnPhone, Channel::PstnPhone),
    (v1::Channel::Voicemail, Channel::Voicemail),
];

/// The wire's value of a thing of the domain; 0, which is unspecified, of what is absent.
pub fn number<W: Copy + Into<i32>, D: Copy + PartialEq>(table: &[(W, D)], value: Option<D>) -> i32 {
    let row = table.iter().find(|(_, known)| Some(*known) == value);
    row.map_or(0, |(wire, _)| (*wire).into())
}

/// The domain's value of a number on the wire; 0 is absent, an unknown one a violation.
pub fn choice<W: Copy + Into<i32> + std::fmt::Debug, D: Copy>(
    field: &str,
    table: &[(W, D)],
    number: i32,
    violations: &mut Violations,
) -> Option<D> {
    let row = table.iter().find(|(wire, _)| (*wire).into() == number);
    if row.is_none() && number != 0 {
        let known: Vec<_> = table.iter().map(|(wire, _)| (*wire).into().to_string()).collect();
        violations.add(field, format!("must be one of the enum's values {}, is {number}", known.join(", ")));
    }
    row.map(|(_, value)| *value)
}

pub fn channel_to_wire(channel: Channel) -> i32 {
    number(&CHANNELS, Some(channel))
}

pub fn channel_from_wire(field: &str, number: i32, violations: &mut Violations) -> Option<Channel> {
    choice(field, &CHANNELS, number, violations)
}

/// A conversation with nothing but its handling.
pub fn to_wire(handling: Handling) -> v1::Conversation {
    let changes = handling.status_changes.into_iter().map(|change| v1::StatusChange {
        status: number(&STATUSES, Some(change.status)),
        change_time: Some(times::to_wire(change.time)),
        after_message: i64::try_from(change.after_message.0).ok(),
    });
    v1::Conversation {
        status: number(&STATUSES, handling.status),
        status_changes: changes.collect(),
        priority: number(&PRIORITIES, handling.priority),
        first_response_due_time: handling.first_response_due.map(times::to_wire),
        due_time: handling.due.map(times::to_wire),
        assignee: handling.assignee.map(author_to_wire),
        tags: handling.tags,
        team: handling.team,
        channel: number(&CHANNELS, handling.channel),
        subchannel_id: handling.subchannel_id,
        ..v1::Conversation::default()
    }
}

/// What a request to store a message says of its conversation.
pub fn change_from_wire(
    request: &mut v1::StoreMessageRequest,
    violations: &mut Violations,
) -> HandlingChange {
    let first_response_due = request.first_response_due_time.as_ref();
    let due = request.due_time.as_ref();
    HandlingChange {
        status: choice("status", &STATUSES, request.status, violations),
        priority: choice("priority", &PRIORITIES, request.priority, violations),
        first_response_due: first_response_due
            .and_then(|time| times::checked("first_response_due_time", time, violations)),
        due: due.and_then(|time| times::checked("due_time", time, violations)),
        assignee: request.assignee.take().and_then(|assignee| assignee_from_wire(assignee, violations)),
        tags: std::mem::take(&mut request.tags),
        team: request.team.take(),
        channel: choice("channel", &CHANNELS, request.channel, violations),
        ..HandlingChange::default()
    }
}

/// What an update of a conversation asks for. Fields that only the server says are not looked at.
pub fn update_from_wire(
    conversation: v1::Conversation,
    mask: Option<prost_types::FieldMask>,
    violations: &mut Violations,
) -> ChangeDraft {
    let mut moment =
        |field: &str, time: Option<prost_types::Timestamp>| times::checked(field, time.as_ref()?, violations);
    let first_response_due = moment("first_response_due_time", conversation.first_response_due_time);
    let due = moment("due_time", conversation.due_time);
    let handling = Handling {
        status: status_from_wire("status", conversation.status, violations),
        priority: choice("priority", &PRIORITIES, conversation.priority, violations),
        first_response_due,
        due,
        assignee: conversation.assignee.and_then(|assignee| assignee_from_wire(assignee, violations)),
        tags: conversation.tags,
        team: conversation.team,
        channel: channel_from_wire("channel", conversation.channel, violations),
        subchannel_id: conversation.subchannel_id,
        ..Handling::default()
    };
    let paths = mask.map(|mask| mask.paths).unwrap_or_default();
    ChangeDraft { paths, subject: conversation.subject, handling }
}

/// What an import says of its conversation, whose other fields are read already.
pub fn imported_from_wire(
    mut conversation: v1::Conversation,
    violations: &mut Violations,
) -> (HandlingChange, Vec<StatusChangeDraft>) {
    let changes = std::mem::take(&mut conversation.status_changes).into_iter().enumerate();
    let changes = changes.map(|(index, change)| {
        let field = |name: &str| format!("status_changes[{index}].{name}");
        let time = change.change_time.as_ref();
        StatusChangeDraft {
            status: choice(&field("status"), &STATUSES, change.status, violations),
            time: time.and_then(|time| times::checked(&field("change_time"), time, violations)),
            after_message: change.after_message.map(|number| number.try_into().unwrap_or(0)),
        }
    });
    let changes = changes.collect();
    let Handling {
        status,
        priority,
        first_response_due,
        due,
        assignee,
        tags,
        team,
        channel,
        subchannel_id,
        status_changes: _,
        customer_wrote_since: _,
    } = update_from_wire(conversation, None, violations).handling;
    let change = HandlingChange {
        status,
        priority,
        first_response_due,
        due,
        assignee,
        tags,
        team,
        channel,
        subchannel_id,
        likely_channel: None,
    };
    (change, changes)
}

pub fn status_from_wire(field: &str, status: i32, violations: &mut Violations) -> Option<Status> {
    choice(field, &STATUSES, status, violations)
}

fn assignee_from_wire(assignee: v1::Author, violations: &mut Violations) -> Option<Author> {
    let AuthorDraft { kind, external_id, name } = author_from_wire("assignee", assignee, violations);
    if kind.is_none() {
        violations.add("assignee.kind", "is required");
    }
    // Of one whose kind is wrong the rest is looked at too.
    Some(Author { kind: kind.unwrap_or(AuthorKind::Teammate), external_id, name })
}
