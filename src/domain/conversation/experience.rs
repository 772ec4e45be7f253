//! The customer's experience: whether the conversation was closed in time, and whether it stayed closed.

use crate::domain::{Message, MessageId, Status, StatusChange, Transcript, UnixMillis};

/// Whether one conversation was closed in time and stayed closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Experience {
    /// When it was due to be closed.
    pub due: Option<UnixMillis>,
    /// When it was last closed.
    pub closed: Option<UnixMillis>,
    /// Seconds from `due` to `closed`, truncated; negative when it was closed early. Absent while either is missing.
    /// Whether it was in time is `sla_met`.
    pub net_seconds: Option<i64>,
    /// Closed: whether in time. Open and past due: false. Otherwise unknown.
    pub sla_met: Option<bool>,
    /// The customer wrote themselves, or somebody reopened it, after it had been closed.
    pub reopened: bool,
    /// The first message that did so.
    pub reopened_by: Option<MessageId>,
}

impl Experience {
    pub fn of(transcript: &Transcript, is_automatic: impl Fn(&Message) -> bool, now: UnixMillis) -> Self {
        let handling = &transcript.conversation.handling;
        let closings = handling.status_changes.iter().filter(|change| change.status == Status::Closed);
        let closed = closings.map(|closing| closing.time).next_back();
        let due = handling.due;
        let net_seconds = closed.zip(due).map(|(closed, due)| closed.seconds_since(due));
        let is_closed = handling.status == Some(Status::Closed);
        let sla_met = match due {
            Some(due) if is_closed => closed.map(|closed| closed <= due),
            Some(due) if now > due => Some(false),
            _ => None,
        };
        let reopened_by = customer_wrote_again(transcript, is_automatic);
        let reopened = reopened_by.is_some() || was_opened_again(&handling.status_changes);
        Self { due, closed, net_seconds, sla_met, reopened, reopened_by }
    }
}

fn was_opened_again(changes: &[StatusChange]) -> bool {
    let mut after_closing = changes.iter().skip_while(|change| change.status != Status::Closed);
    after_closing.any(|change| change.status == Status::Open)
}

/// A message that arrives after a closing but was written before it reopens nothing.
fn customer_wrote_again(
    transcript: &Transcript,
    is_automatic: impl Fn(&Message) -> bool,
) -> Option<MessageId> {
    let changes = &transcript.conversation.handling.status_changes;
    let mut closings = changes.iter().filter(|change| change.status == Status::Closed).peekable();
    let mut first_closed: Option<UnixMillis> = None;
    let wrote_again = transcript.messages.iter().find(|message| {
        while let Some(closing) = closings.next_if(|closing| closing.after_message < message.id) {
            first_closed = Some(first_closed.map_or(closing.time, |first| first.min(closing.time)));
        }
        first_closed.is_some_and(|closed| message.create_time >= closed)
            && message.is_by_customer(&is_automatic)
    });
    wrote_again.map(|message| message.id)
}

#[cfg(test)]
mod tests;
