//! Worklogs: the stretches of agents' work that a conversation is cut into.

pub mod work;

use std::ops::Range;

use super::{Author, Message, MessageId, Status, StatusChange};

/// How long an agent may be silent before the next message opens a new worklog.
pub const IDLE_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The most worklogs of one conversation. All of a scoring is computed and stored at once, so its size must be bounded; no
/// conversation between people comes near it.
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

    /// The last position that is the agent's.
    pub fn last(&self) -> usize {
        *self.messages.last().expect("a worklog is opened by a message")
    }
}

/// Cuts a transcript into worklogs, in the order of arrival.
///
/// A message or note of an agent extends the last worklog. It opens a new one when another agent wrote the last, when
/// the conversation was closed since the last, or when `idle_millis` or more have passed since the latest moment of the
/// last. Time that goes back opens nothing.
///
/// A closing counts by its place among the messages, not by its time: one that arrives late with an earlier time would
/// else cut a worklog in two that is long over. So what arrives later, message or closing, never changes a worklog
/// except the last, and that only by extending it.
///
/// A conversation has at most [`MAX_WORKLOGS`]. One more is cut where there is more work, to show where the last of them ends.
pub fn cut(messages: &[Message], status_changes: &[StatusChange], idle_millis: i64) -> Vec<Worklog> {
    let mut closings = status_changes.iter().filter(|change| change.status == Status::Closed).peekable();
    let mut worklogs: Vec<Worklog> = Vec::new();
    let mut latest = i64::MIN;
    for (position, message) in messages.iter().enumerate() {
        if !message.author.kind.is_agent() {
            continue;
        }
        let mut closed = false;
        while closings.next_if(|closing| closing.after_message < message.id).is_some() {
            closed = true;
        }
        let time = message.create_time.0;
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

/// What each worklog is judged by: the positions from after the last message of the one before to before the first of
/// the next. So it holds what the customer said before the agent came and how they took it afterwards; words of the
/// customer between two worklogs belong to both.
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
