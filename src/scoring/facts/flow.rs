//! Who had the conversation when, and whether anything was left open.

use super::{Digest, Fact, FactKind, Found, Role, Scope, View};
use crate::{domain::FactValue, scoring::text::Signal};

pub const FACTS: &[Fact] = &[
    Fact {
        name: "handoffs",
        unit: "handoffs",
        kind: FactKind::Int,
        doc: "Changes from an AI agent that wrote to the customer to a teammate, who begins with a message or a note.",
        scope: Scope::Conversation,
        compute: |view| Some(Found::count(view.handoffs().into_iter().map(|handoff| handoff.to))),
    },
    Fact {
        name: "transfers",
        unit: "changes",
        kind: FactKind::Int,
        doc: "Changes from one teammate who writes to the customer to another.",
        scope: Scope::Conversation,
        compute: |view| Some(Found::count(transfers(view).into_iter())),
    },
    Fact {
        name: "note_at_handoff",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "Every handoff has an internal note between the AI's last message and the teammate's first reply. Absent \
              without a handoff.",
        scope: Scope::Conversation,
        compute: note_at_handoff,
    },
    Fact {
        name: "handoff_announced",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "Before every handoff the AI told the customer that somebody else takes over. Absent without a handoff, or \
              where the language cannot be read.",
        scope: Scope::Conversation,
        compute: |view| {
            view.reads_replies().then_some(())?;
            let handoffs = view.handoffs();
            let said = |position: usize| {
                let before = view.digests[..=position].iter().rfind(|digest| digest.is_reply());
                before.filter(|digest| digest.role == Role::Ai && digest.has(Signal::Handoff))
            };
            let announcements: Vec<&Digest> =
                handoffs.iter().filter_map(|handoff| said(handoff.from_position)).collect();
            (!handoffs.is_empty()).then(|| Found::bool(announcements.len() == handoffs.len(), announcements))
        },
    },
    Fact {
        name: "reply_after_handoff",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "After the last handoff a teammate wrote to the customer. Absent without a handoff.",
        scope: Scope::Conversation,
        compute: |view| {
            let handoff = view.handoffs().pop()?;
            let reply = view.digests[handoff.to_position..].iter().find(|digest| is_teammate_reply(digest));
            Some(Found::bool(reply.is_some(), [handoff.to].into_iter().chain(reply)))
        },
    },
    Fact {
        name: "last_author",
        unit: "customer, ai or teammate",
        kind: FactKind::Text,
        doc: "Who wrote the last public message.",
        scope: Scope::Both,
        compute: |view| {
            let last = view.public().next_back()?;
            let author = match last.role {
                Role::Customer => "customer",
                Role::Ai => "ai",
                Role::Teammate => "teammate",
            };
            Some(Found::new(FactValue::Text(author.to_owned()), [last.id]))
        },
    },
    Fact {
        name: "answered_requests_ratio",
        unit: "0 to 1",
        kind: FactKind::Number,
        doc: "Part of the customer's requests that a public reply followed before the next request. Absent when the \
              customer requested nothing.",
        scope: Scope::Both,
        compute: answered_requests_ratio,
    },
    Fact {
        name: "human_requests",
        unit: "messages",
        kind: FactKind::Int,
        doc: "Messages in which the customer asks for a person. Absent where the language cannot be read.",
        scope: Scope::Both,
        compute: |view| {
            Some(Found::count(view.readable_customer()?.filter(|digest| digest.has(Signal::HumanRequest))))
        },
    },
    Fact {
        name: "human_request_unmet",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The customer asked for a person and no teammate wrote afterwards. Absent where the language cannot be \
              read.",
        scope: Scope::Conversation,
        compute: |view| {
            view.reads_customer().then_some(())?;
            let unmet = unmet_human_request(view);
            Some(Found::bool(unmet.is_some(), unmet))
        },
    },
    Fact {
        name: "taken_over",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "Another agent worked on the conversation after this worklog.",
        scope: Scope::Worklog,
        compute: |view| Some(Found::bool(view.taken_over, [])),
    },
    Fact {
        name: "passed_on",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The last replies pass the customer on to somebody else, and another agent worked on the conversation after this \
              worklog. Absent without a reply, or where the language cannot be read.",
        scope: Scope::Worklog,
        compute: |view| {
            let last = view.readable_replies()?.next_back()?;
            let since = view.digests.iter().rfind(|digest| digest.is_request() && digest.id < last.id);
            let mut replies = view.replies().filter(|reply| since.is_none_or(|it| it.id < reply.id));
            let passes = replies.rfind(|reply| reply.has(Signal::Handoff));
            Some(Found::bool(view.taken_over && passes.is_some(), passes))
        },
    },
    Fact {
        name: "note_left",
        unit: "yes or no",
        kind: FactKind::Bool,
        doc: "The agent left an internal note in this worklog.",
        scope: Scope::Worklog,
        compute: |view| Some(Found::any(view.notes())),
    },
];

/// The customer's last wish for a person, if no teammate wrote to them afterwards.
pub fn unmet_human_request<'a>(view: &View<'a>) -> Option<&'a Digest<'a>> {
    let asked =
        view.digests.iter().rposition(|digest| digest.is_customer() && digest.has(Signal::HumanRequest))?;
    let met = view.digests[asked + 1..].iter().any(is_teammate_reply);
    (!met).then(|| &view.digests[asked])
}

fn is_teammate_reply(digest: &Digest) -> bool {
    digest.is_reply() && digest.role == Role::Teammate
}

fn transfers<'a>(view: &View<'a>) -> Vec<&'a Digest<'a>> {
    let teammates: Vec<&Digest> = view.replies().filter(|digest| digest.role == Role::Teammate).collect();
    let changes = teammates.windows(2).filter(|pair| !pair[0].author.is_same_as(pair[1].author));
    changes.map(|pair| pair[1]).collect()
}

fn note_at_handoff(view: &View) -> Option<Found> {
    let handoffs = view.handoffs();
    if handoffs.is_empty() {
        return None;
    }
    let note = |from: usize| {
        let mut stretch = view.digests[from..].iter().take_while(|digest| !is_teammate_reply(digest));
        stretch.find(|digest| digest.is_note)
    };
    let notes: Vec<&Digest> = handoffs.iter().filter_map(|handoff| note(handoff.from_position)).collect();
    Some(Found::bool(notes.len() == handoffs.len(), notes))
}

fn answered_requests_ratio(view: &View) -> Option<Found> {
    view.reads_customer().then_some(())?;
    let mut requests = 0;
    let mut answered = Vec::new();
    let mut open: Option<&Digest> = None;
    for digest in view.public() {
        if digest.is_request() {
            requests += 1;
            open = Some(digest);
        } else if digest.is_answer() {
            answered.extend(open.take());
        }
    }
    (requests > 0).then(|| Found::number(answered.len() as f64 / f64::from(requests), answered))
}
