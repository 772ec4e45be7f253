//! Worklogs: the stretches of agents' work that a conversation is split into.

pub mod work;

use std::ops::Range;

use super::{Author, Message, MessageId, Status, StatusChange, UnixMillis};

/// How long an agent may be silent before their next message opens a new worklog.
pub const IDLE_MILLIS: i64 = UnixMillis::DAY_MILLIS;

/// The most worklogs per conversation. A scoring is computed and stored in one go, so its size must be bounded; no
/// conversation between people comes near this.
pub const MAX_WORKLOGS: usize = 1000;

/// One stretch of one agent's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worklog {
    /// Its first message, which is also its id.
    pub first_message: MessageId,
    pub agent: Author,
    /// Positions of the agent's messages and notes in the transcript, ascending.
    pub messages: Vec<usize>,
}

impl Worklog {
    fn open(position: usize, message: &Message) -> Self {
        Self { first_message: message.id, agent: message.author.clone(), messages: vec![position] }
    }

    /// The agent's last position.
    pub fn last(&self) -> usize {
        *self.messages.last().expect("a worklog is opened by a message")
    }
}

/// Splits a transcript into worklogs, in order of arrival.
///
/// What no person wrote (`is_automatic`) is nobody's work. An agent's message or note extends the last worklog. It opens a new one if the last belongs to another agent, if the
/// conversation was closed since, or if `idle_millis` or more have passed since the latest time in it. A time that goes
/// back opens nothing.
///
/// A closing counts by its place among the messages, not by its time: otherwise one that arrives late with an earlier
/// time would split a worklog that is long finished. So later arrivals, messages or closings, never change a worklog
/// except the last one, and only by extending it.
///
/// At most [`MAX_WORKLOGS`] count. If there is more work, one further worklog is returned, to show where the last of
/// them ends.
pub fn cut(
    messages: &[Message],
    is_automatic: impl Fn(&Message) -> bool,
    status_changes: &[StatusChange],
    idle_millis: i64,
) -> Vec<Worklog> {
    let mut closings = status_changes.iter().filter(|change| change.status == Status::Closed).peekable();
    let mut worklogs: Vec<Worklog> = Vec::new();
    let mut latest = i64::MIN;
    for (position, message) in messages.iter().enumerate() {
        if !message.author.kind.is_agent() || is_automatic(message) {
            continue;
        }
        let mut closed = false;
        while closings.next_if(|closing| closing.after_message < message.id).is_some() {
            closed = true;
        }
        let time = message.create_time.millis();
        let idle = time.saturating_sub(latest) >= idle_millis;
        match worklogs.last_mut() {
            Some(last) if last.agent.is_same_as(&message.author) && !idle && !closed => {
                last.messages.push(position);
                latest = latest.max(time);
            }
            _ => {
                worklogs.push(Worklog::open(position, message));
                if worklogs.len() > MAX_WORKLOGS {
                    return worklogs;
                }
                latest = time;
            }
        }
    }
    worklogs
}

/// The part of the transcript that each worklog is judged by: from after the last message of the previous worklog to
/// before the first message of the next. It contains what the customer wrote before the agent's work and in response to
/// it; what the customer wrote between two worklogs belongs to both.
pub fn windows(worklogs: &[Worklog], message_count: usize) -> Vec<Range<usize>> {
    (0..worklogs.len())
        .map(|index| {
            let before = index.checked_sub(1).and_then(|before| worklogs.get(before));
            let start = before.map_or(0, |before| before.last() + 1);
            let next = worklogs.get(index + 1).and_then(|next| next.messages.first());
            let end = next.copied().unwrap_or(message_count);
            start..end
        })
        .collect()
}

#[cfg(test)]
mod tests;
