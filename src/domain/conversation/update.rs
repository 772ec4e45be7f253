//! Changes to a conversation that a caller asks for, before and after validation.

use std::collections::HashSet;

use minicbor::Encode;

use super::{
    draft::check_language,
    handling::{STATUS_TIME, check_assignee, check_tags, check_team},
};
use crate::domain::{
    Author, Channel, Conversation, ExternalId, HandlingDraft, MessageId, Priority, Status, Tag, UnixMillis,
    UpdateMask, Violations, limits, rules,
};

/// One field and its new value; absent clears it. Its encoding is part of what tells one request from another.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub enum FieldUpdate {
    #[n(0)]
    Subject(#[n(0)] Option<String>),
    #[n(1)]
    Status(#[n(0)] Option<Status>),
    #[n(2)]
    Priority(#[n(0)] Option<Priority>),
    #[n(3)]
    FirstResponseDue(#[n(0)] Option<UnixMillis>),
    #[n(4)]
    Due(#[n(0)] Option<UnixMillis>),
    #[n(5)]
    Assignee(#[n(0)] Option<Author>),
    #[n(6)]
    Tags(#[n(0)] Vec<Tag>),
    #[n(7)]
    Team(#[n(0)] Option<ExternalId>),
    #[n(8)]
    Channel(#[n(0)] Option<Channel>),
    #[n(9)]
    SubchannelId(#[n(0)] Option<i64>),
    #[n(10)]
    Language(#[n(0)] Option<String>),
    /// A status and the time at which it changed.
    #[n(11)]
    StatusAt(#[n(0)] Status, #[n(1)] UnixMillis),
}

impl FieldUpdate {
    /// Applies it. A status change is recorded with its time; `after_message` as in
    /// [`Handling::set_status`](crate::domain::Handling::set_status).
    pub fn apply(self, conversation: &mut Conversation, now: UnixMillis, after_message: MessageId) {
        let handling = &mut conversation.handling;
        match self {
            Self::Subject(subject) => conversation.subject = subject,
            Self::Status(Some(status)) => handling.set_status(status, now, after_message),
            Self::StatusAt(status, time) => handling.set_status(status, time, after_message),
            Self::Status(None) => handling.status = None,
            Self::Priority(priority) => handling.priority = priority,
            Self::FirstResponseDue(due) => handling.first_response_due = due,
            Self::Due(due) => handling.due = due,
            Self::Assignee(assignee) => handling.assignee = assignee,
            Self::Tags(tags) => handling.tags = tags,
            Self::Team(team) => handling.team = team,
            Self::Channel(channel) => handling.channel = channel,
            Self::SubchannelId(id) => handling.subchannel_id = id,
            Self::Language(language) => conversation.language = language,
        }
    }
}

/// An update as decoded by an edge: nothing is validated yet.
#[derive(Clone, Debug, Default)]
pub struct ConversationUpdateDraft {
    /// Which fields to change, by their API names; empty means those that are present.
    pub paths: Vec<String>,
    pub subject: Option<String>,
    pub language: Option<String>,
    pub handling: HandlingDraft,
}

impl ConversationUpdateDraft {
    /// The fields that can be changed, by their API names.
    const FIELDS: [&str; 11] = [
        "subject",
        "status",
        "priority",
        "first_response_due_time",
        "due_time",
        "assignee",
        "tags",
        "team",
        "channel",
        "subchannel_id",
        "language",
    ];

    /// Checks the rules of the changed fields; `violations` are those that the edge found while decoding.
    pub fn check(mut self, mut violations: Violations) -> Result<Vec<FieldUpdate>, Violations> {
        let paths = std::mem::take(&mut self.paths);
        let mask = UpdateMask::new(&paths, &Self::FIELDS, &mut violations);
        let named = Self::FIELDS.into_iter().filter(|field| mask.names(field, self.is_present(field)));
        let named: Vec<_> = named.collect();
        let sets_status = named.contains(&"status") && self.handling.status.is_some();
        if self.handling.status_time.is_some() && !sets_status {
            violations.add(STATUS_TIME, "must be absent where no status is set");
        }
        let updates = named.into_iter().filter_map(|field| self.take(field, &mut violations)).collect();
        violations.or(updates)
    }

    fn is_present(&self, field: &str) -> bool {
        let handling = &self.handling;
        match field {
            "subject" => self.subject.is_some(),
            "status" => handling.status.is_some(),
            "priority" => handling.priority.is_some(),
            "first_response_due_time" => handling.first_response_due.is_some(),
            "due_time" => handling.due.is_some(),
            "assignee" => handling.assignee.is_some(),
            "tags" => !handling.tags.is_empty(),
            "team" => handling.team.is_some(),
            "channel" => handling.channel.is_some(),
            "subchannel_id" => handling.subchannel_id.is_some(),
            "language" => self.language.is_some(),
            _ => false,
        }
    }

    fn take(&mut self, field: &str, violations: &mut Violations) -> Option<FieldUpdate> {
        let handling = &mut self.handling;
        Some(match field {
            "subject" => {
                let subject = self.subject.take();
                violations.check("subject", rules::max_bytes(subject.as_deref(), limits::SUBJECT_BYTES));
                FieldUpdate::Subject(subject)
            }
            "status" => match (handling.status, handling.status_time) {
                (Some(status), Some(time)) => FieldUpdate::StatusAt(status, time),
                (status, _) => FieldUpdate::Status(status),
            },
            "priority" => FieldUpdate::Priority(handling.priority),
            "first_response_due_time" => FieldUpdate::FirstResponseDue(handling.first_response_due),
            "due_time" => FieldUpdate::Due(handling.due),
            "assignee" => {
                let assignee = handling.assignee.take();
                FieldUpdate::Assignee(assignee.and_then(|assignee| check_assignee(assignee, violations)))
            }
            "tags" => {
                // A duplicate tag counts once, at its first place.
                let mut seen = HashSet::new();
                let mut tags = check_tags(std::mem::take(&mut handling.tags), violations);
                tags.retain(|tag| seen.insert(tag.clone()));
                FieldUpdate::Tags(tags)
            }
            "team" => FieldUpdate::Team(check_team(handling.team.take(), violations)),
            "channel" => FieldUpdate::Channel(handling.channel),
            "subchannel_id" => FieldUpdate::SubchannelId(handling.subchannel_id),
            "language" => FieldUpdate::Language(check_language(self.language.take(), violations)),
            _ => return None,
        })
    }
}
