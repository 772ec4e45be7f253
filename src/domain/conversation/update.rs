//! What a caller wants to change of a conversation, before and after it was checked.

use std::collections::HashSet;

use minicbor::Encode;

use super::draft::check_person_id;
use crate::domain::{
    Author, Channel, Conversation, Handling, ImportLimits, MessageId, Priority, Status, UnixMillis,
    Violations,
};

/// One field and what it becomes; absent takes it away. Encoded it is part of what tells one request from another.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub enum Change {
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
    Tags(#[n(0)] Vec<String>),
    #[n(7)]
    Team(#[n(0)] Option<String>),
    #[n(8)]
    Channel(#[n(0)] Option<Channel>),
    #[n(9)]
    SubchannelId(#[n(0)] Option<i64>),
}

impl Change {
    /// A tag that is given twice counts once, where it came first.
    fn settled(self) -> Self {
        let Self::Tags(mut tags) = self else { return self };
        let mut seen = HashSet::new();
        tags.retain(|tag| seen.insert(tag.clone()));
        Self::Tags(tags)
    }

    /// Carries it out. A status that becomes another is kept with its time; `after_message` as in [`Handling::set_status`].
    pub fn apply(self, conversation: &mut Conversation, now: UnixMillis, after_message: MessageId) {
        let handling = &mut conversation.handling;
        match self {
            Self::Subject(subject) => conversation.subject = subject,
            Self::Status(Some(status)) => handling.set_status(status, now, after_message),
            Self::Status(None) => handling.status = None,
            Self::Priority(priority) => handling.priority = priority,
            Self::FirstResponseDue(due) => handling.first_response_due = due,
            Self::Due(due) => handling.due = due,
            Self::Assignee(assignee) => handling.assignee = assignee,
            Self::Tags(tags) => handling.tags = tags,
            Self::Team(team) => handling.team = team,
            Self::Channel(channel) => handling.channel = channel,
            Self::SubchannelId(id) => handling.subchannel_id = id,
        }
    }
}

/// The fields that can be changed, by the names of the API.
const FIELDS: [&str; 10] = [
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
];

/// All of them.
const EVERY_FIELD: &str = "*";

/// A change as an edge decoded it: nothing is checked yet.
#[derive(Clone, Debug, Default)]
pub struct ChangeDraft {
    /// Which fields, by the names of the API; empty means those that are present.
    pub paths: Vec<String>,
    pub subject: Option<String>,
    /// Its history does not count here.
    pub handling: Handling,
}

impl ChangeDraft {
    pub const TAGS: usize = 100;
    pub const TAG_BYTES: usize = 128;
    pub const TEAM_BYTES: usize = 512;

    /// Checks every rule; `violations` are those that the edge found while decoding.
    pub fn check(self, mut violations: Violations) -> Result<Vec<Change>, Violations> {
        let unknown: Vec<&str> = self
            .paths
            .iter()
            .map(String::as_str)
            .filter(|path| *path != EVERY_FIELD && !FIELDS.contains(path))
            .collect();
        if !unknown.is_empty() {
            /// An answer stays small however many are wrong.
            const SHOWN: usize = 20;
            let shorten = |path: &&str| format!("{:?}", path.chars().take(100).collect::<String>());
            let shown: Vec<String> = unknown.iter().take(SHOWN).map(shorten).collect();
            let rule = format!("must name fields among {}, or *; names", FIELDS.join(", "));
            violations.add("update_mask", format!("{rule} {}", shown.join(", ")));
        }
        let wanted = FIELDS.into_iter().filter(|field| self.names(field));
        let changes: Vec<Change> = wanted.filter_map(|field| self.change(field)).collect();
        changes.iter().for_each(|change| check(change, &mut violations));
        violations.or(changes.into_iter().map(Change::settled).collect())
    }

    fn names(&self, field: &str) -> bool {
        if self.paths.is_empty() {
            return self.is_present(field);
        }
        self.paths.iter().any(|path| path == field || path == EVERY_FIELD)
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
            _ => false,
        }
    }

    fn change(&self, field: &str) -> Option<Change> {
        let handling = &self.handling;
        Some(match field {
            "subject" => Change::Subject(self.subject.clone()),
            "status" => Change::Status(handling.status),
            "priority" => Change::Priority(handling.priority),
            "first_response_due_time" => Change::FirstResponseDue(handling.first_response_due),
            "due_time" => Change::Due(handling.due),
            "assignee" => Change::Assignee(handling.assignee.clone()),
            "tags" => Change::Tags(handling.tags.clone()),
            "team" => Change::Team(handling.team.clone()),
            "channel" => Change::Channel(handling.channel),
            "subchannel_id" => Change::SubchannelId(handling.subchannel_id),
            _ => return None,
        })
    }
}

fn check(change: &Change, violations: &mut Violations) {
    match change {
        Change::Subject(Some(subject)) => {
            check_text("subject", subject, 0..=ImportLimits::SUBJECT_BYTES, violations)
        }
        Change::FirstResponseDue(Some(time)) => check_time("first_response_due_time", *time, violations),
        Change::Due(Some(time)) => check_time("due_time", *time, violations),
        Change::Assignee(Some(assignee)) => check_assignee(assignee, violations),
        Change::Tags(tags) => check_tags(tags, violations),
        Change::Team(Some(team)) => check_text("team", team, 1..=ChangeDraft::TEAM_BYTES, violations),
        _ => {}
    }
}

fn check_text(field: &str, text: &str, bytes: std::ops::RangeInclusive<usize>, violations: &mut Violations) {
    if !bytes.contains(&text.len()) {
        let most = bytes.end();
        let within = if *bytes.start() == 0 {
            format!("at most {most}")
        } else {
            format!("{} to {most}", bytes.start())
        };
        let rule = format!("must be {within} bytes long, is {}", text.len());
        violations.add(field, rule);
    }
}

fn check_time(field: &str, time: UnixMillis, violations: &mut Violations) {
    if !(0..=UnixMillis::MAX.0).contains(&time.0) {
        let rule = "must lie between 1970-01-01 and the end of 9999 (0 to 253402300799999 ms)";
        violations.add(field, format!("{rule}, is {} ms", time.0));
    }
}

fn check_assignee(assignee: &Author, violations: &mut Violations) {
    if !assignee.kind.is_agent() {
        violations.add("assignee.kind", "must be a teammate or an AI agent, is the customer");
    }
    if assignee.listed_as().is_none() {
        violations.add("assignee.external_id", "is required where there is no name");
    }
    check_person_id(violations, "assignee.external_id", assignee.external_id.as_deref());
    if let Some(name) = &assignee.name {
        check_text("assignee.name", name, 0..=ImportLimits::NAME_BYTES, violations);
    }
}

fn check_tags(tags: &[String], violations: &mut Violations) {
    let most = ChangeDraft::TAGS;
    if tags.len() > most {
        violations.add("tags", format!("must have at most {most} items, has {}", tags.len()));
    }
    for (index, tag) in tags.iter().take(most).enumerate() {
        let field = format!("tags[{index}]");
        check_text(&field, tag, 1..=ChangeDraft::TAG_BYTES, violations);
        if let Some(control) = tag.chars().find(|character| character.is_control()) {
            violations.add(field, format!("must not contain control characters, contains {control:?}"));
        }
    }
}
