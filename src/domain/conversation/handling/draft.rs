//! What a helpdesk says about a conversation with a message or an import, before and after validation.

use minicbor::Encode;

use super::{Channel, Handling, Priority, Status};
use crate::domain::{
    Author, AuthorDraft, ExternalId, Message, PartialAuthor, Path, Side, Tag, UnixMillis, Violations, limits,
    rules::{self, required},
};

/// As decoded by an edge: absent says nothing, nothing is validated yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandlingDraft {
    pub status: Option<Status>,
    /// When it changed.
    pub status_time: Option<UnixMillis>,
    pub priority: Option<Priority>,
    pub first_response_due: Option<UnixMillis>,
    pub due: Option<UnixMillis>,
    pub assignee: Option<AuthorDraft>,
    pub tags: Vec<String>,
    pub team: Option<String>,
    pub channel: Option<Channel>,
    pub subchannel_id: Option<i64>,
}

/// Changes to the handling of a conversation; absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct HandlingUpdate {
    #[n(0)]
    pub status: Option<Status>,
    #[n(1)]
    pub priority: Option<Priority>,
    #[n(2)]
    pub first_response_due: Option<UnixMillis>,
    #[n(3)]
    pub due: Option<UnixMillis>,
    #[n(4)]
    pub assignee: Option<Author>,
    /// Added to the existing ones.
    #[n(5)]
    pub tags: Vec<Tag>,
    #[n(6)]
    pub team: Option<ExternalId>,
    #[n(7)]
    pub channel: Option<Channel>,
    #[n(8)]
    pub subchannel_id: Option<i64>,
    /// The channel, set only where none is known yet.
    #[n(9)]
    pub likely_channel: Option<Channel>,
    /// When the status changed; absent: when the message it came with was written.
    #[n(10)]
    pub status_time: Option<UnixMillis>,
}

impl HandlingDraft {
    /// The valid parts; broken rules are recorded.
    pub fn check(self, violations: &mut Violations) -> HandlingUpdate {
        if self.status_time.is_some() && self.status.is_none() {
            violations.add(STATUS_TIME, "must be absent where no status is set");
        }
        HandlingUpdate {
            status: self.status,
            priority: self.priority,
            first_response_due: self.first_response_due,
            due: self.due,
            assignee: self.assignee.and_then(|assignee| check_assignee(assignee, violations)),
            tags: check_tags(self.tags, violations),
            team: check_team(self.team, violations),
            channel: self.channel,
            subchannel_id: self.subchannel_id,
            likely_channel: None,
            status_time: self.status_time,
        }
    }
}

/// The name of the field that says when a status changed.
pub const STATUS_TIME: &str = "status_time";

/// An agent who can be identified.
pub fn check_assignee(assignee: AuthorDraft, violations: &mut Violations) -> Option<Author> {
    let at = Path::of("assignee");
    let kind = violations.check(at.field("kind"), required(assignee.kind));
    let PartialAuthor { external_id, name, .. } = assignee.check_named(Side::Agent, at, violations);
    Some(Author { kind: kind?, external_id, name })
}

pub fn check_tags(tags: Vec<String>, violations: &mut Violations) -> Vec<Tag> {
    violations.check("tags", rules::items(tags.len(), 0..=limits::TAGS));
    let tags = tags.into_iter().enumerate().take(limits::TAGS);
    tags.filter_map(|(index, tag)| violations.check(Path::ROOT.item("tags", index), Tag::new(tag))).collect()
}

/// The directory knows it by this name.
pub fn check_team(team: Option<String>, violations: &mut Violations) -> Option<ExternalId> {
    violations.check("team", team.map(ExternalId::new).transpose()).flatten()
}

impl HandlingUpdate {
    /// Applies the update. Unless it says when the status changed, that was when the message it came with was written.
    pub fn apply(&self, handling: &mut Handling, message: &Message, is_automatic: impl Fn(&Message) -> bool) {
        // A message that comes with the closing is closed by it, whoever wrote it.
        if self.status != Some(Status::Closed) {
            handling.receive(message, is_automatic);
        }
        if let Some(status) = self.status {
            handling.set_status(status, self.status_time(message), message.id);
        }
        self.apply_but_status(handling);
    }

    /// When a status that came with this message changed.
    pub fn status_time(&self, message: &Message) -> UnixMillis {
        self.status_time.unwrap_or(message.create_time)
    }

    pub fn apply_but_status(&self, handling: &mut Handling) {
        set(&mut handling.priority, self.priority);
        set(&mut handling.first_response_due, self.first_response_due);
        set(&mut handling.due, self.due);
        set(&mut handling.assignee, self.assignee.clone());
        set(&mut handling.team, self.team.clone());
        set(&mut handling.channel, self.channel);
        set(&mut handling.subchannel_id, self.subchannel_id);
        if handling.channel.is_none() {
            handling.channel = self.likely_channel;
        }
        for tag in &self.tags {
            if !handling.tags.contains(tag) {
                handling.tags.push(tag.clone());
            }
        }
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}
