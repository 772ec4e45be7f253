//! How a message that is sent again is recognised.

use super::{NewAttachment, NewMessage};
use crate::domain::{
    Author, AuthorKind, ExternalId, Handling, Message, MessageDetails, Status, StatusChange, UnixMillis,
};

/// A message as its source sent it, without its time, which the source need not give, and without what it says about
/// its conversation: this tells one imported message from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    pub details: &'a MessageDetails,
    pub author: &'a Author,
    pub content: &'a str,
    pub ai_tool: Option<&'a str>,
    pub attachments: &'a [NewAttachment],
    pub is_automatic: bool,
}

impl Sent<'_> {
    pub fn tracking_id(&self) -> Option<&str> {
        self.details.tracking_id.as_deref()
    }
}

impl NewMessage {
    pub fn sent(&self) -> Sent<'_> {
        let Self { details, author, content, ai_tool, attachments, is_automatic, .. } = self;
        let ai_tool = ai_tool.as_deref();
        Sent { details, author, content, ai_tool, attachments, is_automatic: *is_automatic }
    }

    /// Whether everything it says beyond [`Sent`] is already known of a message and its conversation, so that nothing
    /// is lost if it is not stored a second time.
    pub fn tells_no_more_than(&self, message: &Message, handling: &Handling) -> bool {
        let said = &self.handling;
        self.create_time.is_none_or(|time| time == message.create_time)
            && said.status.is_none_or(|status| handling.has_come_with(status, said.status_time(message), message))
            && is_there(&said.priority, &handling.priority)
            && is_there(&said.first_response_due, &handling.first_response_due)
            && is_there(&said.due, &handling.due)
            && is_there(&said.team, &handling.team)
            && is_there(&said.channel, &handling.channel)
            && said.tags.iter().all(|tag| handling.tags.contains(tag))
            // Whoever the message itself names was in charge when it came; the agent in charge may have changed since.
            && (said.assignee == self.agent_in_charge() || is_there(&said.assignee, &handling.assignee))
    }

    /// The agent in charge according to a customer's message itself.
    fn agent_in_charge(&self) -> Option<Author> {
        let external_id = Some(ExternalId::of_number(self.details.agent_id?));
        let agent = Author { kind: AuthorKind::Teammate, external_id, name: None };
        Some(agent).filter(|_| !self.details.is_by_agent())
    }
}

impl Handling {
    /// Whether this status may have been sent with a message: the status changed with it, or was the same before and
    /// stayed.
    fn has_come_with(&self, status: Status, time: UnixMillis, message: &Message) -> bool {
        let came_with = |change: &&StatusChange| (change.after_message, change.time) == (message.id, time);
        let came_before = |change: &&StatusChange| change.after_message < message.id;
        let own = self.status_changes.iter().find(came_with);
        let known = own.or_else(|| self.status_changes.iter().rev().find(came_before));
        known.is_some_and(|known| known.status == status)
    }
}

/// Whether nothing is said, or only what is known.
fn is_there<T: PartialEq>(said: &Option<T>, known: &Option<T>) -> bool {
    said.is_none() || said == known
}
