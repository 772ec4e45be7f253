//! What a worklog consists of: the actions taken, the time spent, and the AI's share.

use super::Worklog;
use crate::domain::{Author, AuthorKind, Message, MessageId, MessageKind, UnixMillis};

/// A silence longer than this ends a segment.
pub const SEGMENT_GAP_MILLIS: i64 = 30 * 60 * 1000;
/// The most AI agents listed per worklog: in a conversation with thousands of them, every worklog would list all.
pub const MAX_AI_AGENTS: usize = 20;

/// What an agent does with one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A public message.
    Reply,
    InternalNote,
}

impl From<MessageKind> for Action {
    fn from(kind: MessageKind) -> Self {
        match kind {
            MessageKind::Message => Self::Reply,
            MessageKind::Comment => Self::InternalNote,
        }
    }
}

/// An AI's share in a worklog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Automation {
    /// A person's work: no AI before it, no AI tool used.
    None,
    /// A person's work with an AI tool's help.
    Monitor,
    /// A person's work after an AI had written.
    Assisted,
    /// An AI's work that a person continued.
    SpecializedAgent,
    /// An AI's work that nobody continued.
    DarkProcessing,
}

/// A stretch of a worklog without a gap of more than half an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its earliest message, which is in no other segment.
    pub first_message: MessageId,
    pub from: UnixMillis,
    pub to: UnixMillis,
    /// Without duplicates, in order of first occurrence.
    pub actions: Vec<Action>,
}

impl Segment {
    fn seconds(&self) -> i64 {
        self.to.seconds_since(self.from)
    }
}

/// What one worklog consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The worklog's last message.
    pub last_message: MessageId,
    pub last_interaction: UnixMillis,
    pub last_action: Action,
    /// Without duplicates, in order of first occurrence.
    pub actions: Vec<Action>,
    /// In order of time.
    pub segments: Vec<Segment>,
    /// The sum over all segments.
    pub duration_seconds: i64,
    /// From the last public reply to the last note after it; 0 if there is none.
    pub after_work_seconds: i64,
    pub automation: Automation,
    /// The AI agents that had written by its end, in order of their first message; the first [`MAX_AI_AGENTS`] only.
    pub ai_agents: Vec<Author>,
}

/// The work in each of a transcript's worklogs, in order.
pub fn of(messages: &[Message], worklogs: &[Worklog]) -> Vec<Work> {
    let last_of_teammate = worklogs.iter().rposition(|worklog| worklog.agent.kind == AuthorKind::Teammate);
    let mut ai_agents: Vec<Author> = Vec::new();
    let mut works = Vec::with_capacity(worklogs.len());
    for (index, worklog) in worklogs.iter().enumerate() {
        let ai_before = !ai_agents.is_empty();
        if worklog.agent.kind == AuthorKind::Ai
            && ai_agents.len() < MAX_AI_AGENTS
            && !ai_agents.iter().any(|known| known.is_same_as(&worklog.agent))
        {
            ai_agents.push(named(messages, &worklog.agent));
        }
        let own: Vec<&Message> =
            worklog.messages.iter().filter_map(|&position| messages.get(position)).collect();
        let teammate_later = last_of_teammate.is_some_and(|last| last > index);
        let automation = automation(worklog.agent.kind, &own, ai_before, teammate_later);
        works.extend(work(&own, automation, &ai_agents));
    }
    works
}

/// An agent with the first name they wrote under: not every message has it.
fn named(messages: &[Message], agent: &Author) -> Author {
    let is_said = |name: &Option<String>| name.as_ref().is_some_and(|name| !name.is_empty());
    let mut own = messages.iter().map(|message| &message.author).filter(|author| author.is_same_as(agent));
    own.find(|author| is_said(&author.name)).unwrap_or(agent).clone()
}

fn automation(kind: AuthorKind, own: &[&Message], ai_before: bool, teammate_later: bool) -> Automation {
    let is_ai = kind == AuthorKind::Ai;
    if is_ai && teammate_later {
        Automation::SpecializedAgent
    } else if is_ai {
        Automation::DarkProcessing
    } else if ai_before {
        Automation::Assisted
    } else if own.iter().any(|message| message.ai_tool.is_some()) {
        Automation::Monitor
    } else {
        Automation::None
    }
}

/// `None` without messages, which does not occur.
fn work(own: &[&Message], automation: Automation, ai_agents: &[Author]) -> Option<Work> {
    let last = own.last()?;
    let segments = segments(own);
    Some(Work {
        last_message: last.id,
        last_interaction: last.create_time,
        last_action: last.kind.into(),
        actions: distinct(own.iter().map(|message| message.kind.into())),
        duration_seconds: segments.iter().map(Segment::seconds).sum(),
        segments,
        after_work_seconds: after_work_seconds(own),
        automation,
        ai_agents: ai_agents.to_vec(),
    })
}

/// Times may go back from one message to the next, so they are sorted first: no segment ends before it begins, and no
/// two overlap.
fn segments(own: &[&Message]) -> Vec<Segment> {
    let mut by_time = own.to_vec();
    by_time.sort_by_key(|message| message.create_time);
    let stretches = by_time
        .chunk_by(|before, after| after.create_time.millis_since(before.create_time) <= SEGMENT_GAP_MILLIS);
    let segment = |stretch: &[&Message]| {
        let (first, last) = (stretch.first()?, stretch.last()?);
        Some(Segment {
            first_message: first.id,
            from: first.create_time,
            to: last.create_time,
            actions: distinct(stretch.iter().map(|message| message.kind.into())),
        })
    };
    stretches.filter_map(segment).collect()
}

fn after_work_seconds(own: &[&Message]) -> i64 {
    let Some(reply) = own.iter().rposition(|message| message.kind == MessageKind::Message) else { return 0 };
    // Everything after the last reply is notes.
    match (own.get(reply), own.get(reply + 1..).and_then(<[_]>::last)) {
        (Some(reply), Some(note)) => note.create_time.seconds_since(reply.create_time).max(0),
        _ => 0,
    }
}

fn distinct(actions: impl Iterator<Item = Action>) -> Vec<Action> {
    let mut seen = Vec::new();
    for action in actions {
        if !seen.contains(&action) {
            seen.push(action);
        }
    }
    seen
}

#[cfg(test)]
mod tests;
